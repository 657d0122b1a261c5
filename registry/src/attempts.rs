//! How often something may be tried. Wrong passwords are counted for each name,
//! each address and each pair of both; so are asked-for mails, codes, guests and
//! registrations. The first few cost nothing, each further one doubles the wait.
//! Counts are kept in memory and, through [`crate::store`], on disk. Time is an
//! argument.

use crate::{
    later,
    limits::{self, Rule},
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use twocan_proto::{api::Username, identity::PeerId, time::Timestamp};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Wrong passwords for one name, from wherever its owner is not known.
    Name = 1,
    /// Wrong passwords from one address.
    Address = 2,
    /// Wrong passwords for one name from one address.
    Place = 3,
    /// Wrong passwords for one name, with a proof of its key.
    Key = 4,
    /// Mails asked for one name.
    ResetName = 5,
    /// Mails asked for from one address.
    ResetAddress = 6,
    /// Codes sent to one recipient.
    Code = 7,
    /// Codes asked for from one address.
    CodeAddress = 8,
    /// Guests from one address.
    Guest = 9,
    /// Accounts made from one address.
    Registration = 10,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Name,
        Self::Address,
        Self::Place,
        Self::Key,
        Self::ResetName,
        Self::ResetAddress,
        Self::Code,
        Self::CodeAddress,
        Self::Guest,
        Self::Registration,
    ];
}

/// What is counted, about whom: the kind and a hash, so that nobody's name or
/// address is written where it need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Subject(pub(crate) [u8; 16]);

impl Subject {
    fn new(kind: Kind, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[kind as u8]);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        bytes[0] = kind as u8;
        Self(bytes)
    }

    pub(crate) fn of_name(kind: Kind, name: &Username) -> Self {
        Self::new(kind, &[name.folded().as_bytes()])
    }

    pub(crate) fn of_address(kind: Kind, address: IpAddr) -> Self {
        Self::new(kind, &[&network(address)])
    }

    pub(crate) fn of_text(kind: Kind, text: &str) -> Self {
        Self::new(kind, &[text.as_bytes()])
    }

    /// A name at an address.
    pub(crate) fn of_place(name: &Username, address: IpAddr) -> Self {
        let network = network(address);
        Self::new(Kind::Place, &[name.folded().as_bytes(), &network])
    }

    /// A name with the proof of its key.
    pub(crate) fn of_key(name: &Username, key: &PeerId) -> Self {
        Self::new(Kind::Key, &[name.folded().as_bytes(), key.as_bytes()])
    }

    fn kind(self) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == self.0[0])
    }
}

/// An IPv6 customer has a whole /64 to come from, so that counts as one.
pub(crate) fn network(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V6(ip) => (ip.to_bits() & !u128::from(u64::MAX)).to_be_bytes(),
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
    }
}

/// How often somebody tried, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strikes {
    pub(crate) subject: Subject,
    pub(crate) count: u32,
    /// The last one.
    pub(crate) at: Timestamp,
    /// When all of them are forgotten.
    pub(crate) forgotten_at: Timestamp,
}

impl Strikes {
    /// What is left of the wait.
    fn wait(&self, rule: Rule, now: Timestamp) -> Duration {
        let whole = rule.wait_after(self.count);
        // A clock that was set back does not make the wait longer.
        let gone = u64::try_from(now.as_millis() - self.at.as_millis()).unwrap_or(0);
        whole.saturating_sub(Duration::from_millis(gone))
    }
}

/// The attempts of late.
#[derive(Debug)]
pub(crate) struct Attempts {
    table: Mutex<HashMap<Subject, Strikes>>,
    registration: Rule,
}

impl Attempts {
    /// With what was on disk, and so many registrations an hour.
    pub(crate) fn new(kept: Vec<Strikes>, per_hour: Option<std::num::NonZeroU32>) -> Self {
        let table = kept.into_iter().map(|strikes| (strikes.subject, strikes));
        let hour = Duration::from_secs(3600);
        let registration = per_hour.map_or(limits::UNLIMITED, |most| Rule {
            free: most.get(),
            first: hour / most.get(),
            longest: hour,
            forget: hour,
        });
        Self {
            table: Mutex::new(table.collect()),
            registration,
        }
    }

    fn rule(&self, kind: Kind) -> Rule {
        match kind {
            Kind::Name => limits::WRONG_PER_NAME,
            Kind::Address => limits::WRONG_PER_ADDRESS,
            Kind::Place => limits::WRONG_PER_PLACE,
            Kind::Key => limits::WRONG_PER_KEY,
            Kind::ResetName => limits::RESETS_PER_NAME,
            Kind::ResetAddress => limits::RESETS_PER_ADDRESS,
            Kind::Code => limits::CODES_PER_RECIPIENT,
            Kind::CodeAddress => limits::CODES_PER_ADDRESS,
            Kind::Guest => limits::GUESTS_PER_ADDRESS,
            Kind::Registration => self.registration,
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Subject, Strikes>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all of the subjects may try now.
    ///
    /// # Errors
    /// The time to wait.
    pub(crate) fn check(&self, subjects: &[Subject], now: Timestamp) -> Result<(), Duration> {
        self.longest_wait(&self.table(), subjects, now)
    }

    fn longest_wait(
        &self,
        table: &HashMap<Subject, Strikes>,
        subjects: &[Subject],
        now: Timestamp,
    ) -> Result<(), Duration> {
        let waits = subjects.iter().filter_map(|subject| {
            let rule = self.rule(subject.kind()?);
            Some(table.get(subject)?.wait(rule, now))
        });
        match waits.max() {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(()),
        }
    }

    /// Counts an attempt of each subject; gives back what is to be kept.
    pub(crate) fn strike(&self, subjects: &[Subject], now: Timestamp) -> Vec<Strikes> {
        let mut table = self.table();
        let counted = subjects.iter().filter_map(|subject| {
            let rule = self.rule(subject.kind()?);
            (rule.longest > Duration::ZERO).then(|| count(&mut table, *subject, rule, now))
        });
        counted.collect()
    }

    /// [`Attempts::check`] and [`Attempts::strike`] in one step.
    ///
    /// # Errors
    /// The time to wait; then nothing is counted.
    pub(crate) fn take(
        &self,
        subjects: &[Subject],
        now: Timestamp,
    ) -> Result<Vec<Strikes>, Duration> {
        let mut table = self.table();
        self.longest_wait(&table, subjects, now)?;
        let counted = subjects.iter().filter_map(|subject| {
            let rule = self.rule(subject.kind()?);
            (rule.longest > Duration::ZERO).then(|| count(&mut table, *subject, rule, now))
        });
        Ok(counted.collect())
    }

    /// Forgets the attempts of a subject; gives back what is to be kept.
    pub(crate) fn forgive(&self, subject: Subject) -> Option<Strikes> {
        let strikes = self.table().remove(&subject)?;
        Some(Strikes {
            count: 0,
            ..strikes
        })
    }
}

fn count(
    table: &mut HashMap<Subject, Strikes>,
    subject: Subject,
    rule: Rule,
    now: Timestamp,
) -> Strikes {
    if table.len() >= limits::TRACKED && !table.contains_key(&subject) {
        make_room(table, now);
    }
    let before = table.get(&subject).filter(|kept| now < kept.forgotten_at);
    let strikes = Strikes {
        subject,
        count: before.map_or(0, |kept| kept.count).saturating_add(1),
        at: now,
        forgotten_at: later(
            now,
            u64::try_from(rule.forget.as_millis()).unwrap_or(u64::MAX),
        ),
    };
    table.insert(subject, strikes);
    strikes
}

/// Drops what is forgotten, or else the sixteenth that has been quiet longest:
/// who is guessing now stays watched.
fn make_room(table: &mut HashMap<Subject, Strikes>, now: Timestamp) {
    table.retain(|_, strikes| now < strikes.forgotten_at);
    if table.len() < limits::TRACKED {
        return;
    }
    let mut ages: Vec<_> = table.values().map(|strikes| strikes.at).collect();
    let (_, oldest, _) = ages.select_nth_unstable(limits::TRACKED / 16);
    let oldest = *oldest;
    let before = table.len();
    table.retain(|_, strikes| strikes.at >= oldest);
    // Of those that have been quiet as long as each other, any.
    let mut surplus = (limits::TRACKED / 16).saturating_sub(before - table.len());
    table.retain(|_, strikes| {
        let goes = strikes.at == oldest && surplus > 0;
        surplus -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        later(Timestamp::from_millis(1_800_000_000_000), seconds * 1000)
    }

    fn attempts() -> Attempts {
        Attempts::new(Vec::new(), None)
    }

    fn ada() -> Subject {
        Subject::of_name(Kind::Name, &"Ada".parse().unwrap())
    }

    #[test]
    fn waits_begin_after_the_free_ones_double_and_are_capped() {
        let attempts = attempts();
        let rule = limits::WRONG_PER_NAME;
        for n in 0..rule.free {
            assert_eq!(attempts.check(&[ada()], at(0)), Ok(()), "{n}");
            attempts.strike(&[ada()], at(0));
        }
        assert_eq!(attempts.check(&[ada()], at(0)), Err(rule.first));
        assert_eq!(attempts.check(&[ada()], at(rule.first.as_secs())), Ok(()));
        attempts.strike(&[ada()], at(15));
        assert_eq!(attempts.check(&[ada()], at(15)), Err(rule.first * 2));
        for _ in 0..50 {
            attempts.strike(&[ada()], at(20));
        }
        assert_eq!(attempts.check(&[ada()], at(20)), Err(rule.longest));
        let quiet = at(20 + rule.forget.as_secs());
        attempts.strike(&[ada()], quiet);
        assert_eq!(attempts.check(&[ada()], quiet), Ok(()), "all is forgotten");
    }

    #[test]
    fn subjects_are_apart_and_a_network_is_one() {
        let attempts = attempts();
        let of = |text| Subject::of_address(Kind::Address, ip(text));
        for _ in 0..limits::WRONG_PER_ADDRESS.free {
            attempts.strike(&[of("2001:db8::1")], at(0));
        }
        assert!(attempts.check(&[of("2001:db8::2")], at(0)).is_err());
        assert!(attempts.check(&[ada(), of("2001:db8::2")], at(0)).is_err());
        assert_eq!(attempts.check(&[of("2001:db8:0:1::2")], at(0)), Ok(()));
        let kinds = Kind::ALL.map(|kind| Subject::of_address(kind, ip("192.0.2.1")));
        for (n, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kinds[n].kind(), Some(kind));
        }
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn counts_outlive_the_process() {
        let before = attempts();
        let mut kept = Vec::new();
        for _ in 0..limits::WRONG_PER_NAME.free {
            kept = before.strike(&[ada()], at(0));
        }
        let after = Attempts::new(kept, None);
        assert!(after.check(&[ada()], at(1)).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_wait_longer() {
        let attempts = attempts();
        for _ in 0..limits::WRONG_PER_NAME.free {
            attempts.strike(&[ada()], at(1_000_000));
        }
        let first = limits::WRONG_PER_NAME.first;
        assert_eq!(attempts.check(&[ada()], at(0)), Err(first));
    }

    #[test]
    fn the_table_has_a_size_and_keeps_who_tries_now() {
        let attempts = attempts();
        let of = |n: usize| Subject::of_text(Kind::Code, &n.to_string());
        for n in 0..=limits::TRACKED {
            attempts.strike(&[of(n)], at(n as u64 / 1000));
        }
        let table = attempts.table();
        assert!(table.len() <= limits::TRACKED);
        assert!(!table.contains_key(&of(0)) && table.contains_key(&of(limits::TRACKED)));
    }

    #[test]
    fn registrations_are_limited_when_asked_for() {
        let of = || [Subject::of_address(Kind::Registration, ip("192.0.2.1"))];
        let open = attempts();
        for _ in 0..10_000 {
            assert_eq!(open.take(&of(), at(0)), Ok(Vec::new()));
        }
        let limited = Attempts::new(Vec::new(), std::num::NonZeroU32::new(2));
        assert!(limited.take(&of(), at(0)).is_ok() && limited.take(&of(), at(0)).is_ok());
        assert_eq!(limited.take(&of(), at(0)), Err(Duration::from_secs(1800)));
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_its_rule(count: u32, seconds in 0u64..10_000_000) {
            let attempts = attempts();
            for kind in Kind::ALL {
                let rule = attempts.rule(kind);
                let subject = Subject::of_text(kind, "x");
                let strikes = Strikes { subject, count, at: at(5_000_000), forgotten_at: at(0) };
                prop_assert!(strikes.wait(rule, at(seconds)) <= rule.longest);
            }
        }
    }
}
