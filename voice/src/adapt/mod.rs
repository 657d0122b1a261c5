//! How the sender adapts: from what the receiver reports to how sound is sent.
//!
//! ```text
//! Report -> LossMeter -> by loss and runs ---+
//!        -> Capacity  -> by what passes -----+-> Point of the table -> Plan
//! RTCP   -> RtcpLoss  -> by loss ------------+
//! ```
//!
//! Loss without delay is answered with more redundancy, delay with less of
//! everything. All of it is arithmetic over reports and the media time.

mod capacity;
mod loss;
mod rtcp;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod traces;

use std::{collections::VecDeque, fmt, time::Duration};

use capacity::{Capacity, Seen, Verdict};
use loss::LossMeter;
use rtcp::RtcpLoss;
use table::{Carrier, Fec, LAST, Point, START, narrow, points};

use crate::{
    Difference, FRAME_SAMPLES, Format, HEADER_BYTES, Report, codec::Settings, protect::Window,
};

/// How long a call without loss is sent as at its start.
const START_FOR: Duration = Duration::from_secs(4);
/// A milder point is taken only when loss is below this part of what leads to
/// the present one.
const LEAVE: f32 = 0.8;
/// The same for the length of runs.
const LEAVE_RUN: f32 = 0.85;
/// And when that has been so for this long.
const HOLD: Duration = Duration::from_secs(5);
/// Shorter frames are taken only when the line has so much more than they need.
const WIDER: f32 = 1.15;
/// In-band FEC at rates that follow the line is worth its bits from this loss on.
const FEC_FROM: f32 = 0.03;
/// In-band FEC for more than this costs more quality than it saves.
const MOST_FEC: f32 = 30.0;
/// What is sent again comes in time when no more packets than this are sent
/// until it is heard what is lacking: 100 ms.
const PROMPT: f32 = 5.0;
/// Weight of one packet in how many they are.
const LAG_WEIGHT: f32 = 0.1;
/// What we send is counted over so long, as the receiver does.
const COUNTED: Duration = Duration::from_secs(1);
/// How long our own lateness explains what the receiver sees as a queue.
const BEHIND_FOR: Duration = Duration::from_millis(1_500);
/// Packets counted at most; more in a second are no sound.
const MOST_COUNTED: usize = 128;

/// How to send from the next packet on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    /// What it is called.
    pub(crate) name: &'static str,
    /// For the encoder.
    pub(crate) settings: Settings,
    /// What each packet carries of earlier frames.
    pub(crate) windows: &'static [Window],
    /// How many frames that the receiver lacks each packet may carry again.
    pub(crate) again: usize,
    /// Samples in a packet.
    pub(crate) samples: usize,
}

impl Plan {
    /// How many packets later a lost frame is still waited for.
    pub(crate) fn reach(&self) -> u64 {
        self.windows.iter().map(Window::last).max().unwrap_or(0)
    }
}

/// In words: `clean`, or `moderate: 1 symbol of 5`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let mut before = ": ";
        let mut next = || std::mem::replace(&mut before, ", ");
        for window in self.windows {
            write!(f, "{}{window}", next())?;
        }
        if self.settings.fec_percent > 0 {
            write!(f, "{}in-band FEC", next())?;
        }
        if self.settings.deep.is_some() {
            write!(f, "{}deep redundancy", next())?;
        }
        Ok(())
    }
}

/// Chooses how to send. Times are media time: since the start of the call.
#[derive(Debug)]
pub(crate) struct Adapter {
    carrier: Carrier,
    loss: LossMeter,
    rtcp: RtcpLoss,
    capacity: Capacity,
    reported: Option<Report>,
    sent: VecDeque<(Duration, usize)>,
    /// When packets were sent latest of late, and how late, in ms.
    behind: (Duration, f32),
    /// How many packets are sent from one until it is heard what was lacking when
    /// that came; none before the first time.
    lag: Option<f32>,
    /// Index of the point among those of the carrier; none at the start.
    point: Option<usize>,
    /// Since when a milder point would do.
    milder_since: Option<Duration>,
    /// Index of the narrow point, while the line has no room for the other.
    narrow: Option<usize>,
}

impl Adapter {
    /// For packets of this format.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            carrier: match format {
                Format::Opus => Carrier::Plain,
                Format::Red { .. } => Carrier::Redundant,
                Format::Protected => Carrier::Protected,
            },
            loss: LossMeter::default(),
            rtcp: RtcpLoss::default(),
            capacity: Capacity::default(),
            reported: None,
            sent: VecDeque::with_capacity(MOST_COUNTED),
            behind: (Duration::ZERO, 0.0),
            lag: None,
            point: None,
            milder_since: None,
            narrow: None,
        }
    }

    /// Notes that a payload of so many bytes is sent.
    pub(crate) fn sent(&mut self, bytes: usize, now: Duration) {
        self.sent.push_back((now, bytes));
        let old = |&(at, _): &(Duration, usize)| at + COUNTED <= now;
        while self.sent.len() > MOST_COUNTED || self.sent.front().is_some_and(old) {
            self.sent.pop_front();
        }
    }

    /// Notes how long ago the sound was complete that is sent now: a machine that
    /// is busy sends late, and the line has no part in that.
    pub(crate) fn behind(&mut self, time: Duration, now: Duration) {
        let ms = time.as_secs_f32() * 1e3;
        let (at, most) = self.behind;
        if ms >= most || now.saturating_sub(at) > BEHIND_FOR {
            self.behind = (now, ms);
        }
    }

    /// Takes what the receiver of our stream reports.
    pub(crate) fn on_report(&mut self, report: Report, now: Duration) {
        let difference = match self.reported {
            Some(earlier) => report.since(&earlier),
            None => Some(self.since_start(report)),
        };
        let Some(difference) = difference else {
            // An old one, overtaken by a newer one.
            return;
        };
        self.reported = Some(report);
        let seen = self.seen(report, difference);
        let verdict = self.capacity.report(now, seen);
        tracing::trace!(?now, ?seen, ?verdict, capacity = ?self.capacity, "a report");
        match verdict {
            Verdict::Free => self.loss.add(difference),
            Verdict::Busy => {}
            // What was lost before a full queue says nothing of the line.
            Verdict::Cut => self.loss = LossMeter::default(),
        }
        self.choose(now);
        self.choose_narrow();
    }

    /// Notes that so many packets were sent from one until it was heard what was
    /// lacking when that came.
    pub(crate) fn answered_after(&mut self, packets: u64) {
        let packets = packets as f32;
        let lag = self.lag.get_or_insert(packets);
        *lag += (packets - *lag) * LAG_WEIGHT;
    }

    /// Takes the share of our packets, 0 to 1, that RTCP says was lost. It counts
    /// only for receivers that send no reports.
    pub(crate) fn on_rtcp(&mut self, fraction: f32, now: Duration) {
        self.rtcp.report(fraction);
        if self.carrier != Carrier::Protected {
            self.choose(now);
        }
    }

    /// How to send from the next packet on.
    pub(crate) fn plan(&self) -> Plan {
        let point = self.point();
        let limit = self.capacity.limit();
        let rate = point.rate_within(limit, self.loss.share());
        Plan {
            name: point.name,
            settings: Settings {
                rate: rate.max(LAST.least),
                constant: point.constant,
                band: point.band,
                fec_percent: self.fec_percent(point.fec),
                deep: point.deep,
            },
            windows: point.windows,
            again: point.again_within(limit),
            samples: point.frames * FRAME_SAMPLES,
        }
    }

    /// What a first report says of the beginning of the stream.
    fn since_start(&self, report: Report) -> Difference {
        let sent = u16::try_from(self.sent.len()).unwrap_or(u16::MAX);
        Difference {
            expected: sent.max(report.lost),
            lost: report.lost,
            runs: report.runs,
            overtaken: report.overtaken,
            unrepaired: report.unrepaired,
            ms: COUNTED.as_millis() as u16,
            bytes: report.bytes,
        }
    }

    fn point(&self) -> &'static Point {
        let point = self.wide();
        match self.narrow {
            Some(index) => narrow(point.narrow).get(index).unwrap_or(&LAST),
            None => point,
        }
    }

    /// The point for a line that has room for it.
    fn wide(&self) -> &'static Point {
        self.point
            .map_or(&START, |point| &points(self.carrier)[point])
    }

    fn fec_percent(&self, fec: Fec) -> i32 {
        match (fec, self.carrier) {
            (Fec::Percent(percent), _) => percent,
            (Fec::Loss, Carrier::Protected) => {
                let loss = self.loss.share();
                if loss < FEC_FROM {
                    return 0;
                }
                (loss * 100.0).min(MOST_FEC) as i32
            }
            (Fec::Loss, _) => self.rtcp.percent(),
        }
    }

    /// What is sent and what arrives, with all that networks add to it.
    fn seen(&self, report: Report, difference: Difference) -> Seen {
        let sent: usize = self
            .sent
            .iter()
            .map(|(_, bytes)| bytes + HEADER_BYTES)
            .sum();
        let all = sent as f32 * 8.0;
        Seen {
            queue_ms: (f32::from(report.queue_ms) - self.behind.1).max(0.0),
            jitter_ms: f32::from(report.jitter_ms),
            ms: f32::from(difference.ms),
            packet: all / self.sent.len().max(1) as f32,
            sent: all / COUNTED.as_secs_f32(),
            arrived: difference.bytes as f32 * 8.0,
            lost: f32::from(difference.lost) / f32::from(difference.expected.max(1)),
        }
    }

    /// Loss and runs, whoever tells of them.
    fn losses(&self) -> (f32, f32) {
        match self.carrier {
            Carrier::Protected => (self.loss.share(), self.loss.run()),
            Carrier::Plain | Carrier::Redundant => (self.rtcp.share(), 1.0),
        }
    }

    /// Share of packets overtaken on the way, as far as somebody tells.
    fn overtaken(&self) -> f32 {
        match self.carrier {
            Carrier::Protected => self.loss.overtaken(),
            Carrier::Plain | Carrier::Redundant => 0.0,
        }
    }

    /// The last point whose conditions, each lowered to a part, are met.
    fn wanted(&self, part: f32, part_of_run: f32) -> usize {
        let (loss, run) = self.losses();
        let overtaken = self.overtaken();
        points(self.carrier)
            .iter()
            .rposition(|point| {
                let answered = !point.answered || self.lag.is_some_and(|lag| lag <= PROMPT);
                answered
                    && loss >= part * point.loss
                    && overtaken >= part * point.overtaken
                    && run >= part_of_run * point.run
            })
            .unwrap_or(0)
    }

    /// Goes to a stronger point at once, to a milder one after a while.
    fn choose(&mut self, now: Duration) {
        let wanted = self.wanted(1.0, 1.0);
        let Some(point) = self.point else {
            if wanted > 0 || now >= START_FOR {
                self.change(wanted);
            }
            return;
        };
        if wanted > point {
            self.change(wanted);
        } else if self.wanted(LEAVE, LEAVE_RUN) >= point {
            self.milder_since = None;
        } else if now.saturating_sub(*self.milder_since.get_or_insert(now)) >= HOLD {
            self.change(wanted);
        }
    }

    fn change(&mut self, point: usize) {
        self.point = Some(point);
        self.milder_since = None;
    }

    /// Leaves the point for a narrow one while the line has no room for it.
    fn choose_narrow(&mut self) {
        let (limit, lost) = (self.capacity.limit(), self.loss.share());
        let fits = |point: &Point, wider: bool| {
            let need = point.least as f32 * if wider { WIDER } else { 1.0 };
            point.rate_within(limit, lost) as f32 >= need.min(point.rate as f32)
        };
        let present = self.narrow;
        let point = self.wide();
        self.narrow = if fits(point, present.is_some()) {
            None
        } else {
            let narrow = narrow(point.narrow);
            let fit = |(index, point): (usize, &Point)| {
                fits(point, present.is_some_and(|present| index < present)).then_some(index)
            };
            let found = narrow.iter().enumerate().find_map(fit);
            Some(found.unwrap_or(narrow.len() - 1))
        };
    }
}
