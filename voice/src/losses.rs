//! What became of a stream's packets of late, from the reports about it: what
//! we see of theirs, and what they tell of ours.

use crate::{Difference, Report};

/// Milliseconds over which shares are taken.
const MEMORY: f32 = 5_000.0;
/// Milliseconds over which the length of bursts is taken: they are rarer.
const BURSTS: f32 = 10_000.0;

/// Shares of a stream's packets over about 5 s, 0 to 1, and its bursts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Losses {
    /// Packets that did not come.
    pub before: f32,
    /// Packets that neither came nor were brought back by redundancy in time.
    /// What deep redundancy describes of them is not counted as brought back.
    pub after: f32,
    /// Mean length of the runs of lost packets over about 10 s, in packets; 0
    /// while nothing is lost.
    pub burst: f32,
}

/// Follows the reports about one stream.
#[derive(Debug, Default)]
pub(crate) struct LossHistory {
    last: Option<Report>,
    expected: f32,
    lost: f32,
    unrepaired: f32,
    lost_in_runs: f32,
    runs: f32,
}

impl LossHistory {
    /// Takes the next report and returns what it makes of the stream. One that
    /// was overtaken changes nothing.
    pub(crate) fn take(&mut self, report: Report) -> Losses {
        match self.last {
            Some(last) => {
                if let Some(difference) = report.since(&last) {
                    self.add(difference);
                    self.last = Some(report);
                }
            }
            None => self.last = Some(report),
        }
        self.losses()
    }

    fn add(&mut self, seen: Difference) {
        let kept = |memory: f32| (-f32::from(seen.ms) / memory).exp();
        let add = |sum: &mut f32, kept: f32, new: u16| *sum = *sum * kept + f32::from(new);
        let (shares, bursts) = (kept(MEMORY), kept(BURSTS));
        add(&mut self.expected, shares, seen.expected);
        add(&mut self.lost, shares, seen.lost);
        add(&mut self.unrepaired, shares, seen.unrepaired);
        add(&mut self.lost_in_runs, bursts, seen.lost);
        add(&mut self.runs, bursts, seen.runs);
    }

    fn losses(&self) -> Losses {
        let share = |part: f32| (part / self.expected.max(1.0)).min(1.0);
        Losses {
            before: share(self.lost),
            after: share(self.unrepaired),
            // Less than half a run that is left in memory tells nothing.
            burst: if self.runs < 0.5 {
                0.0
            } else {
                (self.lost_in_runs / self.runs).max(1.0)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports every 200 ms in which so much has been added.
    fn after(reports: u16, lost: u16, runs: u16, unrepaired: u16) -> (LossHistory, Losses) {
        let mut history = LossHistory::default();
        let mut losses = Losses::default();
        for n in 0..=reports {
            losses = history.take(Report {
                highest: 10 * n,
                lost: lost * n,
                runs: runs * n,
                unrepaired: unrepaired * n,
                clock_ms: 200 * n,
                ..Report::default()
            });
        }
        (history, losses)
    }

    #[test]
    fn shares_and_bursts_are_those_of_the_reports() {
        let (_, losses) = after(100, 4, 2, 1);
        assert!((losses.before - 0.4).abs() < 0.001, "{losses:?}");
        assert!((losses.after - 0.1).abs() < 0.001, "{losses:?}");
        assert!((losses.burst - 2.0).abs() < 0.001, "{losses:?}");
        assert_eq!(after(100, 0, 0, 0).1, Losses::default());
    }

    #[test]
    fn the_past_fades_and_old_reports_count_nothing() {
        let (mut history, bad) = after(100, 4, 2, 1);
        let told = |n: u16| Report {
            highest: n,
            lost: 400,
            runs: 200,
            unrepaired: 100,
            clock_ms: n.wrapping_mul(20),
            ..Report::default()
        };
        assert_eq!(history.take(told(990)), bad);
        let mut losses = bad;
        for n in 1..400 {
            losses = history.take(told(1_000 + 10 * n));
        }
        assert!(losses.before < 0.001 && losses.burst == 0.0, "{losses:?}");
    }
}
