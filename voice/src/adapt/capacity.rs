//! What the line carries, from the queue that stands before it.
//!
//! A very small relative of WebRTC's congestion control: a queue that stands, or
//! one that grows together with loss, means that more is sent than passes;
//! then the sender goes below what was received, and comes back slowly. Loss
//! without delay is no congestion. A probe that failed makes the next one wait
//! twice as long, so that it does not swing for ever.

use std::time::Duration;

/// A queue shorter than this is no sign of anything.
const LEAST_QUEUE_MS: f32 = 50.0;
/// A queue so many times as long as the jitter is no jitter.
const JITTERS: f32 = 2.0;
/// A queue so many times as long as that is not to be waited with.
const LONG: f32 = 2.4;
/// Reports in a row with a queue, when less is received than sent.
const REPORTS: u32 = 3;
/// Reports in a row with a queue, whatever is received.
const MANY_REPORTS: u32 = 8;
/// Less of what is sent than this arrives: the line is full.
const FULL: f32 = 0.9;
/// Loss that goes with a full line, 0 to 1.
const LOSS: f32 = 0.08;
/// Part of what was received that is sent after that.
const CUT: f32 = 0.85;
/// Part of that while the queue drains.
const DRAIN: f32 = 0.8;
/// Below this the queue has drained.
const DRAINED_MS: f32 = 25.0;
/// A queue that has not begun to shrink after this needs another cut.
const SETTLE: Duration = Duration::from_millis(600);
/// Any queue that is left after this does.
const SETTLED: Duration = Duration::from_secs(2);
/// Bits a second below which no sound passes.
const LEAST: f32 = 12_000.0;
/// Above this the line limits nothing that we send.
const ENOUGH: f32 = 90_000.0;
/// Growth a second: up to what has passed before, beyond it, and on new ground.
const RETURN: f32 = 0.10;
const PROBE: f32 = 0.04;
const FREE: f32 = 0.20;
/// Part of the known capacity up to which it returns without a probe.
const NEAR: f32 = 0.95;
/// A probe that came so far beyond the known capacity has proved a new one.
const BEYOND: f32 = 1.2;
/// How long the first probe waits, and the last.
const FIRST_HOLD: Duration = Duration::from_secs(4);
const LONGEST_HOLD: Duration = Duration::from_secs(20);
/// Longest time between two reports for which growth counts.
const LONGEST_STEP: Duration = Duration::from_secs(1);
/// How long after more is sent it should arrive.
const RAISED: Duration = Duration::from_secs(2);
/// More loss than before by this, with nothing more arriving, is a full line.
const RAISED_LOSS: f32 = 0.12;

/// What a report and our own counting say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// Standing queue in ms.
    pub(super) queue_ms: f32,
    /// Interarrival jitter in ms.
    pub(super) jitter_ms: f32,
    /// Bits a second that were sent, overhead included.
    pub(super) sent: f32,
    /// Bits a second that arrived, overhead included.
    pub(super) received: f32,
    /// Share of packets lost, 0 to 1.
    pub(super) loss: f32,
}

#[derive(Debug, Clone, Copy)]
struct Raise {
    at: Duration,
    received: f32,
    loss: f32,
}

/// Estimates how many bits a second may be sent. Times are since the start.
#[derive(Debug)]
pub(super) struct Capacity {
    /// None while nothing limits us.
    limit: Option<f32>,
    /// What was received when the line was full.
    known: Option<f32>,
    draining: bool,
    /// When the limit was cut, and the queue then.
    cut: Option<(Duration, f32)>,
    hold: Duration,
    queued: u32,
    updated: Duration,
    raise: Option<Raise>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            limit: None,
            known: None,
            draining: false,
            cut: None,
            hold: FIRST_HOLD,
            queued: 0,
            updated: Duration::ZERO,
            raise: None,
        }
    }
}

impl Capacity {
    /// Bits a second that may be sent, overhead included; none is no limit.
    pub(super) fn limit(&self) -> Option<f32> {
        let part = if self.draining { DRAIN } else { 1.0 };
        self.limit.map(|limit| (limit * part).max(LEAST))
    }

    /// Notes that more is sent from now on, because of loss.
    pub(super) fn raised(&mut self, now: Duration, seen: Seen) {
        self.raise = Some(Raise {
            at: now,
            received: seen.received,
            loss: seen.loss,
        });
    }

    /// Takes a report.
    pub(super) fn report(&mut self, now: Duration, seen: Seen) {
        let step = now.saturating_sub(self.updated).min(LONGEST_STEP);
        self.updated = now;
        let threshold = LEAST_QUEUE_MS.max(JITTERS * seen.jitter_ms);
        self.queued = if seen.queue_ms > threshold {
            self.queued + 1
        } else {
            0
        };
        if self.is_full(seen, threshold) && self.may_cut(now, seen)
            || self.raised_in_vain(now, seen)
        {
            self.cut(now, seen);
            return;
        }
        if seen.queue_ms < DRAINED_MS.max(seen.jitter_ms) {
            self.draining = false;
        }
        if !self.draining && self.queued == 0 {
            self.grow(now, step.as_secs_f32());
        }
    }

    fn is_full(&self, seen: Seen, threshold: f32) -> bool {
        let short = seen.received < FULL * seen.sent;
        let long = seen.queue_ms > LONG * threshold && (short || seen.loss > LOSS);
        long || (self.queued >= REPORTS && short) || self.queued >= MANY_REPORTS
    }

    /// Whether the last cut has had its time.
    fn may_cut(&self, now: Duration, seen: Seen) -> bool {
        self.cut.is_none_or(|(at, queue)| {
            let since = now.saturating_sub(at);
            since > SETTLED || (since > SETTLE && seen.queue_ms > 0.9 * queue)
        })
    }

    /// Whether sending more for loss has brought nothing but more loss, as
    /// before a hop that drops what exceeds its rate without a queue.
    fn raised_in_vain(&mut self, now: Duration, seen: Seen) -> bool {
        let Some(raise) = self.raise else {
            return false;
        };
        if now.saturating_sub(raise.at) < RAISED {
            return false;
        }
        self.raise = None;
        seen.loss > raise.loss + RAISED_LOSS && seen.received < 1.05 * raise.received
    }

    fn cut(&mut self, now: Duration, seen: Seen) {
        let passes = seen.received.min(seen.sent).max(LEAST);
        let again = self
            .cut
            .is_some_and(|(at, _)| now.saturating_sub(at) > 2 * SETTLED);
        if again && self.known.is_some() {
            self.hold = (2 * self.hold).min(LONGEST_HOLD);
        }
        self.known = Some(passes);
        let cut = CUT * passes;
        self.limit = Some(self.limit.map_or(cut, |limit| limit.min(cut)));
        self.draining = true;
        self.queued = 0;
        self.cut = Some((now, seen.queue_ms));
    }

    fn grow(&mut self, now: Duration, seconds: f32) {
        let Some(limit) = self.limit else {
            return;
        };
        let held = self
            .cut
            .is_some_and(|(at, _)| now.saturating_sub(at) < self.hold);
        let growth = match self.known {
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
