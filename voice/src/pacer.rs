//! The clock of sound that has no device: frames fall due exactly as a device
//! would ask for them, by absolute deadlines, so that nothing drifts.

use std::time::{Duration, Instant};

use crate::SAMPLE_RATE;

/// A stall longer than this (a suspended machine) is skipped, not caught up.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(5);

/// Deadlines every so many samples from a start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pacer {
    start: Instant,
    samples: u64,
    step: u64,
}

impl Pacer {
    /// Deadlines every `step` samples, the first one `step` samples after `start`.
    pub(crate) fn new(start: Instant, step: usize) -> Self {
        Self {
            start,
            samples: 0,
            step: step as u64,
        }
    }

    /// When the period that is being waited for began.
    pub(crate) fn period_start(&self) -> Instant {
        self.start + samples_to_duration(self.samples)
    }

    /// When the period that is being waited for ends.
    pub(crate) fn deadline(&self) -> Instant {
        self.start + samples_to_duration(self.samples + self.step)
    }

    /// Goes on to the next period.
    pub(crate) fn advance(&mut self) {
        self.samples += self.step;
    }

    /// Skips what a long stall made impossible to catch up with. Returns
    /// whether it did.
    pub(crate) fn skip_stall(&mut self, now: Instant) -> bool {
        let behind = now.saturating_duration_since(self.deadline());
        if behind <= LONGEST_CATCH_UP {
            return false;
        }
        self.start += behind;
        true
    }
}

/// How long so many samples at 48 kHz last, to the nanosecond.
pub(crate) fn samples_to_duration(samples: u64) -> Duration {
    let rate = u64::from(SAMPLE_RATE);
    let (seconds, rest) = (samples / rate, samples % rate);
    Duration::new(seconds, (rest * 1_000_000_000 / rate) as u32)
}

/// How many samples at 48 kHz fit into a time.
pub(crate) fn duration_to_samples(duration: Duration) -> u64 {
    let rate = u64::from(SAMPLE_RATE);
    duration.as_secs() * rate + u64::from(duration.subsec_nanos()) * rate / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_frames_takes_an_hour() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 960);
        for _ in 0..180_000 {
            pacer.advance();
        }
        assert_eq!(pacer.period_start() - start, Duration::from_secs(3600));
        assert_eq!(
            pacer.deadline() - pacer.period_start(),
            Duration::from_millis(20)
        );
    }

    #[test]
    fn short_stalls_are_caught_up_and_long_ones_skipped() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 960);
        assert!(!pacer.skip_stall(start + Duration::from_secs(3)));
        assert!(pacer.skip_stall(start + Duration::from_secs(3600)));
        assert_eq!(pacer.deadline(), start + Duration::from_secs(3600));
    }

    #[test]
    fn samples_and_time_agree() {
        for samples in [0, 1, 479, 960, 48_001, 1 << 40] {
            let back = duration_to_samples(samples_to_duration(samples));
            assert!(samples - back <= 1, "{samples} {back}");
        }
    }
}
