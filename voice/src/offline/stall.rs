//! A machine that is busy: the thread that moves sound wakes late.

use std::time::Duration;

use super::random::Random;

/// Times when a side's thread does not run. What fell due meanwhile is done at
/// once when it does again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stalls {
    /// How many begin in a second, on average.
    pub per_second: f64,
    /// The shortest.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
}

/// The thread of one side, as it wakes.
#[derive(Debug)]
pub(super) struct Waking {
    stalls: Option<Stalls>,
    random: Random,
    begin: Duration,
    end: Duration,
}

impl Waking {
    pub(super) fn new(stalls: Option<Stalls>, seed: u64) -> Self {
        Self {
            stalls,
            random: Random::new(seed),
            begin: Duration::ZERO,
            end: Duration::ZERO,
        }
    }

    /// When the thread really does what is due at some time. Times must not
    /// go back.
    pub(super) fn at(&mut self, due: Duration) -> Duration {
        let Some(stalls) = self.stalls else {
            return due;
        };
        while self.end <= due {
            let calm = -(1.0 - self.random.uniform()).ln() / stalls.per_second;
            let more = stalls.longest.saturating_sub(stalls.shortest);
            self.begin = self.end + Duration::from_secs_f64(calm);
            self.end = self.begin + stalls.shortest + more.mul_f64(self.random.uniform());
        }
        if due >= self.begin { self.end } else { due }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_due_in_a_stall_is_done_at_its_end() {
        let ms = Duration::from_millis;
        let stalls = Stalls {
            per_second: 2.0,
            shortest: ms(20),
            longest: ms(80),
        };
        let mut waking = Waking::new(Some(stalls), 5);
        let woken: Vec<_> = (0..100_000).map(|n| (ms(n), waking.at(ms(n)))).collect();
        assert!(woken.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        let late = |(due, at): &&(Duration, Duration)| at > due && *at - *due <= ms(80);
        let share = woken.iter().filter(late).count() as f64 / 100_000.0;
        // Two of 50 ms in a second, and the time in between: 1 / 11.
        assert!((share - 1.0 / 11.0).abs() < 0.02, "{share}");
        assert!(woken.iter().all(|(due, at)| *at - *due <= ms(80)));
        assert_eq!(Waking::new(None, 5).at(ms(7)), ms(7));
    }
}
