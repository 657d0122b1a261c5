//! How much sound of a playback stream waits at the server.
//!
//! What waits must last until the machine has taken notice of the server's next
//! request and answered it. Machines differ: one that is idle stands still for
//! 3 ms at times, a busy virtual one for 30 ms several times a minute. So the
//! times between requests are followed, and the queue grows when one of them
//! has come near its length, before any is heard, and shrinks again when none
//! has for a while. A stall that is much longer than the queue has been heard
//! already, and may be the only one in an hour: the queue grows to its length
//! once there has been another.

use std::time::{Duration, Instant};

use cpal::FrameCount;
use pulseaudio::protocol::stream::BufferAttr;

use super::bytes;

/// Sound that waits in a queue at first, in periods: one for the device, which
/// takes it at once, and one is the time to answer. With half of that, machines
/// that are otherwise idle ran dry within seconds.
const FIRST_PERIODS: u32 = 2;
/// Up to so many periods wait with the smallest requests that the server's rule
/// allows, which is a queue of the device's period and two requests.
const RULED_PERIODS: u32 = 3;
/// What waits lasts for the longest time between requests of late and this part
/// of it more.
const RESERVE: u32 = 8;
/// It grows by parts of a period.
const STEPS: u32 = 4;
/// A queue of more delays a call for what few machines need. Whoever stands
/// still for longer has a gap.
const MOST: Duration = Duration::from_millis(40);
/// No server makes more of a wish; what it says beyond it is a mistake, which
/// must not decide how much memory a request takes.
const MOST_GRANTED: Duration = Duration::from_secs(2);
/// How long the longest time between requests counts, at least; at most twice
/// that.
const MEMORY: Duration = Duration::from_secs(20);
/// While a stream begins, devices wake up and requests come as they may: that
/// says nothing of what follows.
const BEGINNING: Duration = Duration::from_secs(1);
/// A queue that ran dry this soon after it was made longer did so before.
const SETTLE: Duration = Duration::from_millis(100);
/// A queue grows to so many times its least for one stall alone.
const ALONE: u32 = 2;
/// Stalls that are nearer to one another are one.
const ONE_STALL: Duration = Duration::from_secs(1);

/// How a playback stream is to be buffered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffering {
    /// The stream's whole length, in which the device's part may be.
    length: FrameCount,
    /// The smallest request.
    request: FrameCount,
    /// The device takes its part out of the length, and not just a request.
    pub(super) adjust_latency: bool,
}

impl Buffering {
    pub(super) fn attributes(self) -> BufferAttr {
        BufferAttr {
            target_length: bytes(self.length),
            minimum_request_length: bytes(self.request),
            ..BufferAttr::default()
        }
    }
}

/// The queue of one stream.
#[derive(Debug)]
pub(super) struct Queue {
    /// Frames a second.
    rate: u32,
    /// Frames that the device takes at once.
    period: FrameCount,
    /// Frames that wait at least when all is well.
    least: FrameCount,
    /// Frames that wait now when all is well.
    frames: FrameCount,
    /// When it became longer.
    grown_at: Option<Instant>,
    /// When the server asked first.
    began_at: Option<Instant>,
    /// When the server asked last, unless the time from then on tells nothing.
    asked_at: Option<Instant>,
    /// The most frames that were needed in this [`MEMORY`] and the one before.
    needed: [FrameCount; 2],
    /// When this one began.
    since: Instant,
    /// The last that was longer than one alone is a reason for.
    stall: Option<Stall>,
}

/// A long time between requests.
#[derive(Debug, Clone, Copy)]
struct Stall {
    at: Instant,
    /// Frames that would have lasted for it.
    frames: FrameCount,
}

impl Queue {
    pub(super) fn new(rate: u32, period: FrameCount, now: Instant) -> Self {
        Self {
            rate,
            period,
            least: FIRST_PERIODS * period,
            frames: FIRST_PERIODS * period,
            grown_at: None,
            began_at: None,
            asked_at: None,
            needed: [0; 2],
            since: now,
            stall: None,
        }
    }

    /// Takes what the server has made of the first wish, which is more where
    /// its device takes more at once.
    pub(super) fn granted(&mut self, frames: FrameCount) {
        let frames = frames.min(self.frames_in(MOST_GRANTED));
        self.least = self.least.max(frames);
        self.frames = self.least;
    }

    /// How the server is to buffer. It gives half of what a stream with
    /// `adjust_latency` holds beyond two requests to the device, and one request
    /// where requests are early: that is how long the device sleeps.
    pub(super) fn buffering(&self) -> Buffering {
        let ruled = self.frames <= RULED_PERIODS * self.period;
        if ruled {
            return Buffering {
                length: self.frames + self.period,
                request: self.frames.saturating_sub(self.period) / 2,
                adjust_latency: true,
            };
        }
        Buffering {
            length: self.frames,
            request: self.period,
            adjust_latency: false,
        }
    }

    /// Frames that the stream holds at most: what is asked for beyond it is owed
    /// for a time that has passed.
    pub(super) fn most(&self) -> FrameCount {
        self.frames + self.period
    }

    /// The server asks for sound. Returns whether it is to buffer otherwise from
    /// now on.
    pub(super) fn asked(&mut self, now: Instant) -> bool {
        let since = self.asked_at.replace(now).map(|at| now - at);
        // Longer than any queue is a device that slept, and no reason for one.
        if !self.begins(now)
            && let Some(since) = since.filter(|since| *since < MOST)
        {
            let lasting = self.frames_in(since + since / RESERVE);
            let needed = self.reason(now, lasting);
            self.need(needed);
        }
        self.follow(now)
    }

    /// How long a queue a stall that one of `frames` had lasted for is a reason
    /// for.
    fn reason(&mut self, at: Instant, frames: FrameCount) -> FrameCount {
        let alone = ALONE * self.least;
        if frames <= alone {
            return frames;
        }
        let of_late = |before: &Stall| at - before.at < 2 * MEMORY;
        let before = self.stall.replace(Stall { at, frames });
        match before.filter(of_late) {
            None => alone,
            Some(before) if at - before.at < ONE_STALL => {
                let frames = frames.max(before.frames);
                self.stall = Some(Stall { frames, ..before });
                alone
            }
            Some(before) => before.frames.min(frames),
        }
    }

    /// The device has found nothing. Returns whether the server is to buffer
    /// otherwise from now on.
    pub(super) fn ran_dry(&mut self, now: Instant) -> bool {
        let settles = |at: Instant| now.duration_since(at) < SETTLE;
        if !self.begins(now) && !self.grown_at.is_some_and(settles) {
            self.need(self.frames + self.period);
        }
        self.follow(now)
    }

    fn begins(&mut self, now: Instant) -> bool {
        let began_at = *self.began_at.get_or_insert(now);
        now.duration_since(began_at) < BEGINNING
    }

    fn need(&mut self, frames: FrameCount) {
        let most = self.frames_in(MOST).max(self.least);
        self.needed[0] = self.needed[0].max(frames.min(most));
    }

    fn follow(&mut self, now: Instant) -> bool {
        let before = self.frames;
        if now.duration_since(self.since) > MEMORY {
            self.since = now;
            self.needed = [0, self.needed[0]];
        }
        let needed = self.needed[0].max(self.needed[1]).max(self.least);
        if needed > before {
            self.frames = needed.next_multiple_of((self.period / STEPS).max(1));
            self.grown_at = Some(now);
        } else if needed + self.period <= before {
            self.frames = needed;
            // The server does not ask until its queue is so short.
            self.asked_at = None;
        }
        self.frames != before
    }

    fn frames_in(&self, time: Duration) -> FrameCount {
        (time.as_secs_f64() * f64::from(self.rate)) as FrameCount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u32 = 48;
    const PERIOD: u32 = 4 * MS;

    /// A queue that is asked every 4 ms, and later by what `late` says in
    /// milliseconds for each request. Returns its length after each, in ms.
    fn lengths(queue: &mut Queue, start: Instant, late: impl IntoIterator<Item = u64>) -> Vec<f64> {
        let mut now = start;
        let asked = late.into_iter().map(|late| {
            now += Duration::from_millis(4 + late);
            queue.asked(now);
            f64::from(queue.frames) / f64::from(MS)
        });
        asked.collect()
    }

    fn queue(start: Instant) -> Queue {
        Queue::new(48_000, PERIOD, start)
    }

    #[test]
    fn a_machine_that_answers_in_time_has_the_least_delay() {
        let start = Instant::now();
        let mut queue = queue(start);
        let lengths = lengths(&mut queue, start, (0..10_000).map(|n| n % 3));
        assert!(lengths.iter().all(|length| *length == 8.0));
        let least = Buffering {
            length: 3 * PERIOD,
            request: PERIOD / 2,
            adjust_latency: true,
        };
        assert_eq!(queue.buffering(), least);
    }

    #[test]
    fn a_near_miss_is_enough_to_grow_and_what_is_not_needed_goes() {
        let start = Instant::now();
        let mut queue = queue(start);
        let late = |n: u64| if n == 300 { 8 } else { 0 };
        let lengths = lengths(&mut queue, start, (0..50_000).map(late));
        assert_eq!(lengths[299], 8.0);
        assert_eq!(lengths[300], 14.0, "12 ms, an eighth, and whole steps");
        let until = lengths.iter().rposition(|length| *length == 14.0).unwrap();
        let lasted = Duration::from_millis(4 * (until as u64 - 300));
        assert!(lasted >= MEMORY && lasted <= 2 * MEMORY, "{lasted:?}");
        assert_eq!(lengths.last(), Some(&8.0));
    }

    #[test]
    fn one_stall_is_no_reason_for_a_long_queue_and_another_is() {
        let start = Instant::now();
        let mut queue = queue(start);
        // Two within a second, one 20 s later, one after some minutes.
        let late = |n: u64| match n {
            1_000 | 1_100 | 50_000 => 25,
            6_000 => 20,
            _ => 0,
        };
        let lengths = lengths(&mut queue, start, (0..51_000).map(late));
        let [one, same, another] = [1_000, 1_100, 6_000].map(|n| lengths[n]);
        assert_eq!((one, same), (16.0, 16.0));
        assert_eq!(another, 27.0, "24 ms and an eighth");
        assert_eq!((lengths[49_999], lengths[50_000]), (8.0, 16.0));
    }

    #[test]
    fn how_a_stream_begins_is_no_measure() {
        let start = Instant::now();
        let mut queue = queue(start);
        assert!(!queue.ran_dry(start));
        let beginning = lengths(&mut queue, start, [0, 20, 20, 15]);
        assert!(beginning.iter().all(|length| *length == 8.0));
    }

    #[test]
    fn the_device_sleeps_as_long_however_much_waits() {
        let mut queue = queue(Instant::now());
        for frames in 2 * PERIOD..10 * PERIOD {
            queue.frames = frames;
            let Buffering {
                length,
                request,
                adjust_latency,
            } = queue.buffering();
            // The rules of the server.
            let device = if adjust_latency {
                (length - 2 * request) / 2
            } else {
                request
            };
            let waiting = if adjust_latency {
                length - device
            } else {
                length
            };
            assert!(device.abs_diff(PERIOD) <= 1, "{device} of {frames}");
            assert!(waiting.abs_diff(frames) <= 1, "{waiting} of {frames}");
            assert!(
                waiting >= device + 2 * request,
                "the server makes more of it"
            );
        }
    }

    #[test]
    fn a_stall_that_no_queue_survives_is_none_of_its_business() {
        let start = Instant::now();
        let mut queue = queue(start);
        let slept = lengths(&mut queue, start, [0, 0, 5_000, 0]);
        assert_eq!(slept.last(), Some(&8.0));
        for second in 6..30 {
            let now = start + Duration::from_secs(second);
            queue.ran_dry(now);
            assert!(!queue.ran_dry(now), "the same gap");
        }
        assert_eq!(f64::from(queue.frames) / f64::from(MS), 40.0);
    }

    #[test]
    fn a_wild_grant_asks_for_no_more_memory_than_two_seconds() {
        let mut queue = queue(Instant::now());
        queue.granted(u32::MAX);
        assert_eq!(queue.most(), 2_000 * MS + PERIOD);
    }

    #[test]
    fn what_the_server_needs_itself_stays() {
        let start = Instant::now();
        let mut queue = queue(start);
        queue.granted(60 * MS);
        let lengths = lengths(&mut queue, start, (0..200).map(|_| 16));
        assert!(lengths.iter().all(|length| *length == 60.0));
    }
}
