//! How many frames will come later than a wait, judged by those that did.
//!
//! The latest few of a thousand frames are chance: a wait chosen by them alone
//! follows each of them up, and falls when one is forgotten. How the latest
//! twentieth thins out tells more, so both count: those seen, and an exponential
//! tail through that twentieth (peaks over a threshold, Pickands 1975, with the
//! lightest tail).
//!
//! Simulated calls, jitter of 40 ms, 20 seeds: PESQ 4.27 by those seen alone,
//! 4.32 with both and 3 ms more delay; the worst 4.0 and 4.14.

use super::lateness::BUCKET;

/// The part of the frames that the tail is drawn through, one of so many.
const LATEST: usize = 20;
/// Fewer frames than this tell no tail.
const FEWEST: u16 = 5;

/// The late end of a count of frames by lateness, in samples at 48 kHz.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    from: i64,
    /// Frames later than that, and by how much in the mean.
    frames: f32,
    mean: f32,
}

impl Tail {
    /// The tail of so many frames, counted by [`BUCKET`]; none when they are too
    /// few.
    pub(super) fn of(counts: &[u16], frames: usize) -> Option<Self> {
        let most = u16::try_from(frames / LATEST).unwrap_or(u16::MAX);
        let (mut above, mut excess) = (0, 0.0);
        for (bucket, &count) in counts.iter().enumerate().rev() {
            if above + count > most {
                let from = (bucket as i64 + 1) * BUCKET;
                return (above >= FEWEST).then(|| Self {
                    from,
                    frames: f32::from(above),
                    mean: excess / f32::from(above) - from as f32,
                });
            }
            above += count;
            excess += f32::from(count) * (bucket as f32 + 0.5) * BUCKET as f32;
        }
        None
    }

    /// How many frames to expect later than a wait, of as many as were counted,
    /// when so many were.
    pub(super) fn later(&self, wait: i64, seen: f32) -> f32 {
        let beyond = wait - self.from;
        if beyond <= 0 {
            return seen;
        }
        let drawn = self.frames * (-(beyond as f32) / self.mean).exp();
        (seen + drawn) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand frames that thin out by the same part with each bucket.
    fn thinning() -> [u16; 100] {
        std::array::from_fn(|bucket| (1_000.0 * 0.9_f32.powi(bucket as i32)).round() as u16)
    }

    #[test]
    fn an_even_tail_is_found_again() {
        let counts = thinning();
        let all: u16 = counts.iter().sum();
        let tail = Tail::of(&counts, usize::from(all)).unwrap();
        let seen = |wait: i64| f32::from(counts[(wait / BUCKET) as usize..].iter().sum::<u16>());
        for wait in [35, 40, 50].map(|buckets| buckets * BUCKET) {
            let drawn = 2.0 * tail.later(wait, 0.0);
            assert!((drawn / seen(wait) - 1.0).abs() < 0.2, "{wait}: {drawn}");
        }
    }

    #[test]
    fn one_very_late_frame_changes_little() {
        let counts = thinning();
        let mut with_one = counts;
        with_one[90] += 1;
        let later = |counts: &[u16; 100]| {
            let all: u16 = counts.iter().sum();
            let tail = Tail::of(counts, usize::from(all)).unwrap();
            tail.later(60 * BUCKET, 0.0)
        };
        assert!(later(&with_one) < later(&counts) + 0.5);
    }

    #[test]
    fn what_is_not_late_is_as_it_was_seen_and_few_tell_nothing() {
        let counts = thinning();
        let tail = Tail::of(&counts, 10_000).unwrap();
        assert_eq!(tail.later(5 * BUCKET, 600.0), 600.0);
        assert!(Tail::of(&counts[..1], 100).is_none());
        assert!(Tail::of(&[900, 0, 2], 902).is_none());
        assert!(Tail::of(&[], 0).is_none());
    }
}
