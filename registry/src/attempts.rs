//! How often a password may be guessed: a bucket of wrong attempts for each name
//! and each address, emptying with time. Time is an argument.

use crate::limits;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Whose wrong attempts are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Name(String),
    Address(IpAddr),
}

impl Subject {
    fn limit(&self) -> (u32, Duration) {
        match self {
            Self::Name(_) => limits::WRONG_PER_NAME,
            Self::Address(_) => limits::WRONG_PER_ADDRESS,
        }
    }
}

/// The wrong attempts of late.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// When each subject will have been forgiven everything.
    clear_at: Mutex<HashMap<Subject, Instant>>,
}

impl Attempts {
    /// Whether `name` may be tried from `address` now.
    ///
    /// # Errors
    /// The time to wait.
    pub(crate) fn check(&self, name: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let clear_at = self.clear_at.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = subjects(name, address).into_iter().filter_map(|subject| {
            let (most, each) = subject.limit();
            let debt = clear_at.get(&subject)?.saturating_duration_since(now);
            (debt + each)
                .checked_sub(each * most)
                .filter(|wait| !wait.is_zero())
        });
        wait.max().map_or(Ok(()), Err)
    }

    /// Counts a wrong password.
    pub(crate) fn wrong(&self, name: &str, address: IpAddr, now: Instant) {
        let mut clear_at = self.clear_at.lock().unwrap_or_else(PoisonError::into_inner);
        if clear_at.len() >= limits::WRONG_TRACKED {
            clear_at.retain(|_, at| *at > now);
        }
        for subject in subjects(name, address) {
            let (_, each) = subject.limit();
            // A full table forgets the newcomers, not those being watched.
            if clear_at.len() >= limits::WRONG_TRACKED && !clear_at.contains_key(&subject) {
                continue;
            }
            let at = clear_at.entry(subject).or_insert(now);
            *at = (*at).max(now) + each;
        }
    }
}

/// An IPv6 customer has a whole /64 to guess from, so that counts as one.
fn subjects(name: &str, address: IpAddr) -> [Subject; 2] {
    let address = match address.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & !u128::from(u64::MAX)).into()),
        ip => ip,
    };
    [Subject::Name(name.to_owned()), Subject::Address(address)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_rests_after_its_wrong_attempts_and_is_forgiven() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let (most, each) = limits::WRONG_PER_NAME;
        for n in 0..most {
            assert_eq!(attempts.check("ada", ip("192.0.2.1"), now), Ok(()), "{n}");
            attempts.wrong("ada", ip("192.0.2.1"), now);
        }
        assert_eq!(attempts.check("ada", ip("192.0.2.99"), now), Err(each));
        assert_eq!(attempts.check("bob", ip("192.0.2.1"), now), Ok(()));
        assert_eq!(attempts.check("ada", ip("192.0.2.1"), now + each), Ok(()));
    }

    #[test]
    fn an_address_rests_whatever_names_it_tries() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for n in 0..limits::WRONG_PER_ADDRESS.0 {
            attempts.wrong(&format!("u{n}"), ip("2001:db8::1"), now);
        }
        assert!(attempts.check("new", ip("2001:db8::2"), now).is_err());
        assert_eq!(attempts.check("new", ip("2001:db8:0:1::2"), now), Ok(()));
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for n in 0..limits::WRONG_TRACKED + 100 {
            attempts.wrong(&format!("u{n}"), ip("192.0.2.1"), now);
        }
        assert_eq!(
            attempts.clear_at.lock().unwrap().len(),
            limits::WRONG_TRACKED
        );
    }
}
