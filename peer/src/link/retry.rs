//! When a link asks the database again after it has failed.
//!
//! A full disk or a lock of another program passes. Until then the link
//! stays: what the peer sends is left with the peer, not acknowledged, and
//! asked for again.

use std::time::{Duration, Instant};

/// First and longest wait.
const WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

#[derive(Debug, Default)]
pub(super) struct Retry {
    failures: u32,
    due: Option<Instant>,
}

impl Retry {
    /// The database failed.
    pub(super) fn failed(&mut self, now: Instant) {
        let (first, longest) = WAIT;
        let wait = first
            .saturating_mul(1 << self.failures.min(16))
            .min(longest);
        self.failures += 1;
        self.due = Some(now + wait);
    }

    /// Something was written.
    pub(super) fn worked(&mut self) {
        *self = Self::default();
    }

    /// Nothing is to be asked of the database before then.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the time to ask again has just come.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_and_begin_anew() {
        let now = Instant::now();
        let mut retry = Retry::default();
        assert!(!retry.is_over(now));
        for wait in [500, 1_000, 2_000, 4_000, 8_000, 8_000] {
            let wait = Duration::from_millis(wait);
            retry.failed(now);
            assert_eq!(retry.due(), Some(now + wait));
            assert!(!retry.is_over(now));
            assert!(retry.is_over(now + wait));
            assert!(!retry.is_over(now + wait));
        }
        retry.worked();
        retry.failed(now);
        assert_eq!(retry.due(), Some(now + WAIT.0));
    }
}
