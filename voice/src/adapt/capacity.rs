//! What the line carries, from the queue that stands before it.
//!
//! A very small relative of WebRTC's congestion control: a queue that stands, or
//! grows long, means that more is sent than passes. What passes is then what
//! arrives while the queue stands; the sender goes below that, lets the queue
//! drain, and comes back slowly. Loss without delay is no congestion. A probe
//! that failed makes the next one wait twice as long, so that it does not swing
//! for ever; a queue that a cut does not change is not ours.

use std::time::Duration;

/// A queue shorter than this is no sign of anything.
const LEAST_QUEUE_MS: f32 = 40.0;
/// A queue so many times as long as the jitter is no jitter.
const JITTERS: f32 = 2.0;
/// A queue so many times as long as that is not to be waited with.
const LONG: f32 = 2.5;
/// Part of a packet's own time on the slowest hop that the fastest packets, the
/// shortest, did not need.
const PASSING: f32 = 0.75;
/// How long a long queue stands before it counts, and a short one, in ms.
const LONG_MS: f32 = 350.0;
const SHORT_MS: f32 = 1_600.0;
/// What arrives in so long a time is a rate, in ms: less, and the packets that
/// happen to fall into it make half as much again of it.
const MEASURED_MS: f32 = 600.0;
/// Reports that must agree: one may be of a moment.
const LEAST_REPORTS: u32 = 2;
/// Part of what is sent that arrives at most when the queue is our own.
const OURS: f32 = 0.97;
/// Part of what passes that is sent after a cut.
const CUT: f32 = 0.85;
/// Part of that while the queue drains.
const DRAIN: f32 = 0.85;
/// Part of what passes that is sent at least once it has drained.
const REGAIN: f32 = 0.75;
/// The queue has drained below this part of what would be too long, and only
/// then is more sent.
const DRAINED: f32 = 0.5;
/// A queue that has not begun to shrink after this needs another cut.
const SETTLE: Duration = Duration::from_millis(700);
/// Any queue that is left after this does.
const SETTLED: Duration = Duration::from_secs(2);
/// A cut so long after another is about something new.
const NEW_CUT: Duration = Duration::from_secs(4);
/// How long after a cut losses are still those of the full queue.
const LOST_QUEUE: Duration = Duration::from_millis(800);
/// Bits a second below which no sound passes.
const LEAST: f32 = 14_000.0;
/// Above this the line limits nothing that we send.
const ENOUGH: f32 = 90_000.0;
/// Growth a second: up to what has passed before, beyond it, and on new ground.
const RETURN: f32 = 0.06;
const PROBE: f32 = 0.03;
const FREE: f32 = 0.20;
/// Part of the limit that must be in use before it grows.
const USED: f32 = 0.8;
/// Less a second while the queue is between drained and too long, and beyond.
const EASE: f32 = 0.06;
const BRAKE: f32 = 0.15;
/// Part of the known capacity up to which it returns without a probe.
const NEAR: f32 = 0.86;
/// A probe that came so far beyond the known capacity has proved a new one.
const BEYOND: f32 = 1.1;
/// How long the first probe waits, and the last.
const FIRST_HOLD: Duration = Duration::from_secs(20);
const LONGEST_HOLD: Duration = Duration::from_secs(60);
/// Longest time between two reports for which growth counts, in ms.
const LONGEST_STEP: f32 = 1_000.0;
/// A queue that is not ours raises what is too long by this factor, up to the
/// last, and that falls again by this part a second.
const TOLERATE: f32 = 1.5;
const MOST_TOLERANCE: f32 = 6.0;
const LESS_TOLERANCE: f32 = 0.02;

/// What a report and our own counting say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// Standing queue in ms.
    pub(super) queue_ms: f32,
    /// Interarrival jitter in ms.
    pub(super) jitter_ms: f32,
    /// Time since the last report in ms.
    pub(super) ms: f32,
    /// Bits that arrived in it, overhead included.
    pub(super) arrived: f32,
    /// Share of the packets that were lost in it, 0 to 1.
    pub(super) lost: f32,
    /// Bits of a packet of ours, overhead included.
    pub(super) packet: f32,
    /// Bits a second that were sent of late, overhead included.
    pub(super) sent: f32,
}

/// What a report means for the losses that it tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are the line's.
    Free,
    /// They may be those of a full queue.
    Busy,
    /// They are those of a full queue, and less is sent from now on.
    Cut,
}

/// What has arrived since a queue stands.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    ms: f32,
    bits: f32,
    reports: u32,
}

impl Standing {
    /// Bits a second.
    fn rate(self) -> f32 {
        self.bits / self.ms.max(1.0) * 1e3
    }
}

/// Queues in ms.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    drained: f32,
    too_long: f32,
    long: f32,
}

/// Estimates how many bits a second may be sent. Times are since the start.
#[derive(Debug)]
pub(super) struct Capacity {
    /// None while nothing limits us.
    limit: Option<f32>,
    /// What passed when the line was full.
    known: Option<f32>,
    draining: bool,
    /// When the limit was cut, and the queue then.
    cut: Option<(Duration, f32)>,
    hold: Duration,
    standing: Option<Standing>,
    tolerance: f32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            limit: None,
            known: None,
            draining: false,
            cut: None,
            hold: FIRST_HOLD,
            standing: None,
            tolerance: 1.0,
        }
    }
}

impl Capacity {
    /// Bits a second that may be sent, overhead included; none is no limit.
    pub(super) fn limit(&self) -> Option<f32> {
        let part = if self.draining { DRAIN } else { 1.0 };
        self.limit.map(|limit| (limit * part).max(LEAST))
    }

    /// Takes a report.
    pub(super) fn report(&mut self, now: Duration, seen: Seen) -> Verdict {
        let seconds = seen.ms.min(LONGEST_STEP) / 1e3;
        self.tolerance = (self.tolerance * (1.0 - LESS_TOLERANCE * seconds)).max(1.0);
        let bounds = self.bounds(seen);
        if seen.queue_ms > bounds.too_long {
            let standing = self.stand(seen);
            self.refine(standing);
            self.ease(BRAKE * seconds);
            return self.judge(now, seen, standing, bounds);
        }
        self.standing = None;
        if seen.queue_ms < bounds.drained {
            self.drained();
            self.grow(now, seen.sent, seconds);
        } else {
            self.ease(EASE * seconds);
        }
        let recent = self
            .cut
            .is_some_and(|(at, _)| now.saturating_sub(at) < LOST_QUEUE);
        if recent { Verdict::Busy } else { Verdict::Free }
    }

    /// The queue stands, since the last report or for longer. What came before
    /// the first such report came before the queue, too, and tells of no limit.
    fn stand(&mut self, seen: Seen) -> Standing {
        let standing = match self.standing {
            None => Standing::default(),
            Some(standing) => Standing {
                ms: standing.ms + seen.ms,
                bits: standing.bits + seen.arrived,
                reports: standing.reports + 1,
            },
        };
        self.standing = Some(standing);
        standing
    }

    /// Behind a queue that stands, no more arrives than the line carries, but
    /// less of ours may, when something else has its share: the most counts.
    fn refine(&mut self, standing: Standing) {
        let Some(known) = self.known.filter(|_| self.draining) else {
            return;
        };
        let passes = standing.rate();
        if standing.ms >= MEASURED_MS && passes > known {
            self.known = Some(passes);
            self.limit = self.limit.map(|limit| limit.max(CUT * passes));
        }
    }

    /// What the queue is compared with. A packet needs its time on the slowest
    /// hop even without a queue, and more when it is longer.
    fn bounds(&self, seen: Seen) -> Bounds {
        let passing = |known| PASSING * seen.packet / known * 1e3;
        let passing = self.known.or(self.limit).map_or(0.0, passing);
        let queue = LEAST_QUEUE_MS.max(JITTERS * seen.jitter_ms) * self.tolerance;
        Bounds {
            drained: DRAINED * queue + passing,
            too_long: queue + passing,
            long: LONG * queue + passing,
        }
    }

    /// A queue stands: is it long enough to cut, and is it ours?
    fn judge(&mut self, now: Duration, seen: Seen, standing: Standing, bounds: Bounds) -> Verdict {
        let long = seen.queue_ms > bounds.long;
        let full = standing.ms > SHORT_MS || (long && standing.ms > LONG_MS);
        if !full || standing.reports < LEAST_REPORTS || !self.may_cut(now, seen) {
            return Verdict::Busy;
        }
        let passes = standing.rate();
        if passes < OURS * seen.sent || seen.lost > 0.0 {
            self.cut(now, seen.queue_ms, passes);
            return Verdict::Cut;
        }
        self.tolerance = (self.tolerance * TOLERATE).min(MOST_TOLERANCE);
        self.draining = false;
        self.standing = None;
        Verdict::Free
    }

    /// Whether the last cut has had its time.
    fn may_cut(&self, now: Duration, seen: Seen) -> bool {
        self.cut.is_none_or(|(at, queue)| {
            let since = now.saturating_sub(at);
            since > SETTLED || (since > SETTLE && seen.queue_ms > 0.9 * queue)
        })
    }

    /// Sends less than passes. A cut soon after another is still about the same
    /// queue: what passes has been measured, but something else fills the line.
    fn cut(&mut self, now: Duration, queue_ms: f32, passes: f32) {
        let passes = passes.max(LEAST);
        let is_new = |(at, _)| now.saturating_sub(at) > NEW_CUT;
        let (known, cut) = match (self.known, self.limit, self.cut) {
            (Some(known), Some(limit), Some(last)) if !is_new(last) => {
                (known.max(passes), CUT * limit)
            }
            _ => (passes, CUT * passes),
        };
        if self.known.is_some() && self.cut.is_some_and(is_new) {
            self.hold = (2 * self.hold).min(LONGEST_HOLD);
        }
        self.known = Some(known);
        self.limit = Some(self.limit.map_or(cut, |limit| limit.min(cut)).max(LEAST));
        self.draining = true;
        self.standing = None;
        self.cut = Some((now, queue_ms));
    }

    /// The queue has drained: what was not sent to that end may be sent again.
    fn drained(&mut self) {
        if std::mem::take(&mut self.draining) {
            let regained = self.known.map_or(0.0, |known| REGAIN * known);
            self.limit = self.limit.map(|limit| limit.max(regained));
        }
    }

    fn ease(&mut self, part: f32) {
        self.limit = self.limit.map(|limit| (limit * (1.0 - part)).max(LEAST));
    }

    fn grow(&mut self, now: Duration, sent: f32, seconds: f32) {
        let Some(limit) = self.limit else {
            return;
        };
        let held = self
            .cut
            .is_some_and(|(at, _)| now.saturating_sub(at) < self.hold);
        let growth = match self.known {
            // What was not sent, as in a pause of speech, proves nothing.
            _ if sent < USED * limit => 0.0,
            Some(known) if limit < NEAR * known => RETURN,
            Some(_) if held => 0.0,
            Some(known) if limit < BEYOND * known => PROBE,
            _ => {
                self.known = None;
                self.hold = FIRST_HOLD;
                FREE
            }
        };
        let grown = limit * (1.0 + growth * seconds);
        self.limit = (grown < ENOUGH).then_some(grown);
    }
}
