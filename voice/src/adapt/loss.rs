//! How much is lost before repair, and in what runs, from the receiver's reports.

use crate::Difference;

/// Milliseconds over which the quick mean is taken.
const QUICK: f32 = 1_000.0;
/// Milliseconds over which the steady mean is taken.
const STEADY: f32 = 3_000.0;
/// Milliseconds over which the length of runs is taken.
const RUNS: f32 = 8_000.0;
/// How much of the quick mean counts: its noise should not lead.
const QUICK_PART: f32 = 0.7;
/// A report starts from so many packets of which none were lost.
const ASSUMED: f32 = 20.0;
/// A run longer than this is an outage, which no redundancy bridges.
const OUTAGE: u16 = 25;
/// So many runs tell their length.
const ENOUGH_RUNS: f32 = 2.5;

/// A share of packets whose past fades away.
#[derive(Debug)]
struct Fading {
    memory: f32,
    part: f32,
    whole: f32,
}

impl Fading {
    fn new(memory: f32) -> Self {
        Self {
            memory,
            part: 0.0,
            whole: ASSUMED,
        }
    }

    fn add(&mut self, ms: f32, part: f32, whole: f32) {
        let kept = (-ms / self.memory).exp();
        self.part = self.part * kept + part;
        self.whole = self.whole * kept + whole;
    }

    fn share(&self) -> f32 {
        self.part / self.whole.max(1.0)
    }
}

/// Follows loss up quickly and down steadily.
#[derive(Debug)]
pub(super) struct LossMeter {
    quick: Fading,
    steady: Fading,
    /// Lost packets for each run of them.
    runs: Fading,
    overtaken: Fading,
}

impl Default for LossMeter {
    fn default() -> Self {
        let mut runs = Fading::new(RUNS);
        runs.whole = 0.0;
        Self {
            quick: Fading::new(QUICK),
            steady: Fading::new(STEADY),
            runs,
            overtaken: Fading::new(STEADY),
        }
    }
}

impl LossMeter {
    /// Takes what has happened since the last report.
    pub(super) fn add(&mut self, seen: Difference) {
        if seen.lost / seen.runs.max(1) > OUTAGE {
            return;
        }
        let (expected, lost) = (f32::from(seen.expected), f32::from(seen.lost));
        let ms = f32::from(seen.ms);
        self.quick.add(ms, lost, expected);
        self.steady.add(ms, lost, expected);
        self.runs.add(ms, lost, f32::from(seen.runs));
        let overtaken = f32::from(seen.overtaken);
        self.overtaken.add(ms, overtaken, expected);
    }

    /// Share of packets lost, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        self.steady.share().max(QUICK_PART * self.quick.share())
    }

    /// Share of packets that came after later ones, 0 to 1.
    pub(super) fn overtaken(&self) -> f32 {
        self.overtaken.share()
    }

    /// Mean length of the runs of lost packets, as a multiple of what it would
    /// be if the same share was lost at random: about 1 then.
    pub(super) fn run(&self) -> f32 {
        if self.runs.whole < ENOUGH_RUNS {
            return 1.0;
        }
        self.runs.share() * (1.0 - self.share()).max(0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(expected: u16, lost: u16, runs: u16) -> Difference {
        Difference {
            expected,
            lost,
            runs,
            overtaken: 0,
            unrepaired: 0,
            ms: 20 * expected,
            bytes: 0,
        }
    }

    #[test]
    fn two_reports_show_the_loss() {
        let mut meter = LossMeter::default();
        meter.add(seen(10, 3, 3));
        assert!(meter.share() > 0.08);
        meter.add(seen(10, 3, 3));
        assert!(meter.share() > 0.14, "{}", meter.share());
        for _ in 0..40 {
            meter.add(seen(10, 3, 2));
        }
        assert!((meter.share() - 0.3).abs() < 0.01, "{}", meter.share());
        assert!((meter.run() - 1.05).abs() < 0.05, "{}", meter.run());
    }

    #[test]
    fn runs_show_bursts_and_outages_do_not_count() {
        let mut meter = LossMeter::default();
        for _ in 0..20 {
            meter.add(seen(25, 5, 1));
        }
        assert!((meter.run() - 4.0).abs() < 0.1, "{}", meter.run());
        let mut meter = LossMeter::default();
        meter.add(seen(100, 98, 1));
        assert!(meter.share() == 0.0);
    }

    #[test]
    fn a_single_loss_is_forgotten() {
        let mut meter = LossMeter::default();
        for _ in 0..30 {
            meter.add(seen(10, 0, 0));
        }
        meter.add(seen(10, 1, 1));
        assert!(meter.share() < 0.02);
        for _ in 0..60 {
            meter.add(seen(10, 0, 0));
        }
        assert!(meter.share() < 0.002);
    }
}
