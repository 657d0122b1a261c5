//! How often something may be done: so many at once, then one in so long (the
//! generic cell rate algorithm, ITU-T I.371). One number a subject.

use crate::limits;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};
use twocan_proto::{api::Role, time::Timestamp};

/// So many at once, then one in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) at_once: u32,
    pub(crate) every: Duration,
}

impl Pace {
    pub(crate) const fn new(at_once: u32, every_ms: u64) -> Self {
        Self {
            at_once,
            every: Duration::from_millis(every_ms),
        }
    }

    fn every_ms(self) -> i64 {
        i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX)
    }
}

/// When all that was done would be done at an even pace, in milliseconds since
/// 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meter(i64);

impl Meter {
    /// Counts one, or gives the time to wait.
    pub(crate) fn take(&mut self, pace: Pace, now: Timestamp) -> Result<(), Duration> {
        let (now, every) = (now.as_millis(), pace.every_ms());
        let due = self.0.max(now);
        let ahead = every.saturating_mul(i64::from(pace.at_once) - 1);
        let wait = due - now - ahead;
        if wait > 0 {
            return Err(Duration::from_millis(wait.unsigned_abs()));
        }
        self.0 = due.saturating_add(every);
        Ok(())
    }

    fn is_idle(self, now: Timestamp) -> bool {
        self.0 <= now.as_millis()
    }
}

/// Whom an action counts for. Guests come and go under any name, so that theirs
/// count for the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Who {
    Account(i64),
    Address(IpAddr),
}

impl Who {
    pub(crate) fn new(account: i64, role: Role, address: IpAddr) -> Self {
        match (role, address) {
            (Role::Guest, IpAddr::V6(ip)) => {
                // A customer has all addresses of a /64.
                let network = u128::from(ip) >> 64 << 64;
                Self::Address(Ipv6Addr::from(network).into())
            }
            (Role::Guest, v4) => Self::Address(v4),
            _ => Self::Account(account),
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    /// A knock by somebody.
    Knock,
    /// A knock at somebody.
    Knocked,
    /// Something said in the lobby.
    Say,
    /// A sign of writing.
    Typing,
    /// Coming into the lobby, which all others hear of.
    Enter,
    /// A page of who is there.
    Who,
}

impl Deed {
    fn pace(self) -> Pace {
        match self {
            Self::Knock => limits::KNOCKS,
            Self::Knocked => limits::KNOCKS_AT_ONE,
            Self::Say => limits::LOBBY_SAYS,
            Self::Typing => limits::LOBBY_TYPING,
            Self::Enter => limits::LOBBY_ENTRIES,
            Self::Who => limits::LOBBY_PAGES,
        }
    }
}

/// All that is counted for longer than a channel lives.
#[derive(Debug, Default)]
pub(crate) struct Paces(HashMap<(Deed, Who), Meter>);

impl Paces {
    /// Counts one, or gives the time to wait.
    pub(crate) fn take(&mut self, deed: Deed, who: Who, now: Timestamp) -> Result<(), Duration> {
        let full = self.0.len() >= limits::TRACKED;
        if full && !self.0.contains_key(&(deed, who)) {
            return Err(limits::LIVE_CHECK);
        }
        self.0
            .entry((deed, who))
            .or_default()
            .take(deed.pace(), now)
    }

    /// Forgets those who may do everything again.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, meter| !meter.is_idle(now));
        self.0.shrink_to(64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: Pace = Pace::new(3, 100);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    #[test]
    fn so_many_at_once_then_one_in_so_long() {
        let mut meter = Meter::default();
        for _ in 0..3 {
            assert_eq!(meter.take(PACE, at(0)), Ok(()));
        }
        let wait = meter.take(PACE, at(0)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert!(meter.take(PACE, at(99)).is_err());
        assert_eq!(meter.take(PACE, at(100)), Ok(()));
        assert!(meter.take(PACE, at(100)).is_err());
    }

    #[test]
    fn guests_count_for_their_address() {
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::2:1".parse().unwrap();
        let who = |account, role, ip| Who::new(account, role, ip);
        assert_eq!(who(1, Role::Guest, v6), who(2, Role::Guest, neighbour));
        assert_ne!(who(1, Role::User, v6), who(2, Role::User, v6));
    }

    #[test]
    fn what_is_idle_is_forgotten() {
        let mut paces = Paces::default();
        assert!(paces.take(Deed::Say, Who::Account(1), at(0)).is_ok());
        paces.sweep(at(0));
        assert_eq!(paces.0.len(), 1);
        paces.sweep(at(3_600_000));
        assert!(paces.0.is_empty());
    }

    proptest! {
        #[test]
        fn never_more_than_the_pace_allows(steps in proptest::collection::vec(0i64..80, 1..200)) {
            let (mut meter, mut clock, mut taken) = (Meter::default(), 0, 0);
            for step in steps {
                clock += step;
                taken += i64::from(meter.take(PACE, at(clock)).is_ok());
                prop_assert!(taken <= 3 + clock / 100);
            }
        }
    }
}
