//! The delay of the line: how long its fastest packets take, and how late
//! others and repaired frames are against them.
//!
//! Transit is arrival minus media time; the two clocks have nothing in common,
//! so only differences mean anything. All times are samples at 48 kHz.

use std::collections::VecDeque;

use super::{lateness::Lateness, ms};

/// Period over which the smallest transit is taken.
const WINDOW: i64 = ms(500);
/// Periods that remember the fastest packet: 10 s. Clocks that differ by 500
/// parts in a million move by 5 ms in that time.
const WINDOWS: usize = 20;
/// A rise of the fastest transit by more than this is a longer route; less is
/// drift or chance.
const NEW_ROUTE: i64 = ms(15);
/// Lateness above this is an outage, not jitter.
const MOST_LATE: i64 = ms(500);
/// A pause in arrivals longer than this is an outage, not jitter.
const OUTAGE: i64 = ms(300);
/// After an outage, lateness that lasts this long is the line's new delay.
const NEW_DELAY: i64 = ms(200);
/// Outages that follow each other within this time are how the line is, and
/// what they delay counts.
const AGAIN: i64 = ms(10_000);

/// Follows the delay of one stream of packets.
#[derive(Debug)]
pub(super) struct DelayEstimator {
    lateness: Lateness,
    /// Smallest transit of each of the last periods, the newest last.
    fastest: VecDeque<i64>,
    /// When the newest period began.
    window: Option<i64>,
    /// The fastest transit that lateness was last measured against.
    base: Option<i64>,
    last_arrival: Option<i64>,
    /// When the first packet after an outage came, while those that follow
    /// are late.
    outage: Option<i64>,
    /// When the last outage was over.
    over: Option<i64>,
    /// Outages come again and again.
    recurring: bool,
}

impl DelayEstimator {
    pub(super) fn new() -> Self {
        Self {
            lateness: Lateness::new(),
            fastest: VecDeque::with_capacity(WINDOWS + 1),
            window: None,
            base: None,
            last_arrival: None,
            outage: None,
            over: None,
            recurring: false,
        }
    }

    /// Forgets the stream's time line, but not how the line behaves.
    pub(super) fn restart(&mut self) {
        self.fastest.clear();
        self.window = None;
        self.base = None;
        self.last_arrival = None;
        self.outage = None;
        self.over = None;
        self.recurring = false;
    }

    /// Smallest transit of late; none before the first packet.
    pub(super) fn fastest(&self) -> Option<i64> {
        self.base
    }

    /// How long after the fastest packet's time a frame should be played.
    pub(super) fn wait(&self) -> i64 {
        self.lateness.wait()
    }

    /// Takes the arrival of a packet, whatever becomes of it.
    pub(super) fn arrived(&mut self, arrival: i64, media: i64) {
        let transit = arrival - media;
        let pause = self.last_arrival.map_or(0, |last| arrival - last);
        self.last_arrival = Some(arrival);
        self.turn_window(arrival, transit);
        if let Some(newest) = self.fastest.back_mut() {
            *newest = transit.min(*newest);
        }
        self.follow_route(transit);
        self.watch_outage(arrival, transit, pause);
    }

    /// How late against the fastest packets something is that comes now.
    pub(super) fn late(&self, now: i64, media: i64) -> i64 {
        let transit = now - media;
        transit - self.base.unwrap_or(transit)
    }

    /// Takes a frame that has become available. `reach` is how long after its
    /// time the sender's redundancy can repair a frame, if this one was.
    pub(super) fn available(&mut self, now: i64, media: i64, reach: Option<i64>) {
        let late = self.late(now, media);
        if (self.outage.is_none() || self.recurring) && late < MOST_LATE {
            self.lateness.observe(now, late.max(0), reach);
        }
    }

    /// The sender repairs more from now on.
    pub(super) fn more_repair(&mut self, now: i64) {
        self.lateness.more_repair(now);
    }

    /// Packets are being lost, and the sender's redundancy can repair them so
    /// long after their time.
    pub(super) fn expect_repair(&mut self, reach: i64) {
        self.lateness.expect_repair(reach);
    }

    fn turn_window(&mut self, arrival: i64, transit: i64) {
        if self
            .window
            .is_some_and(|start| (0..WINDOW).contains(&(arrival - start)))
        {
            return;
        }
        self.window = Some(arrival);
        self.fastest.push_back(transit);
        if self.fastest.len() > WINDOWS {
            self.fastest.pop_front();
        }
    }

    fn follow_route(&mut self, transit: i64) {
        let fastest = self.fastest.iter().copied().min().unwrap_or(transit);
        let slower = fastest - self.base.unwrap_or(fastest);
        if slower > NEW_ROUTE {
            self.lateness.shift(slower);
        }
        self.base = Some(fastest);
    }

    /// Tells an outage from jitter: what was held back during one comes all
    /// at once, each packet less late than the one before.
    fn watch_outage(&mut self, arrival: i64, transit: i64, pause: i64) {
        let late = transit - self.base.unwrap_or(transit);
        if pause > OUTAGE || late >= MOST_LATE {
            self.begin_outage(arrival);
        }
        let Some(since) = self.outage else {
            return;
        };
        if late <= self.wait() {
            self.end_outage(arrival);
        } else if arrival - since > NEW_DELAY {
            self.end_outage(arrival);
            self.fastest.clear();
            self.fastest.push_back(transit);
            self.base = Some(transit);
        }
    }

    fn begin_outage(&mut self, arrival: i64) {
        if self.outage.is_none() {
            self.recurring = self.over.is_some_and(|over| arrival - over < AGAIN);
            self.outage = Some(arrival);
        }
    }

    fn end_outage(&mut self, arrival: i64) {
        self.outage = None;
        self.over = Some(arrival);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends packets every 20 ms, each `late(i)` samples late.
    fn feed(delay: &mut DelayEstimator, packets: std::ops::Range<i64>, late: impl Fn(i64) -> i64) {
        for i in packets {
            let now = i * 960 + late(i);
            delay.arrived(now, i * 960);
            delay.available(now, i * 960, None);
        }
    }

    #[test]
    fn an_outage_is_not_jitter() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..50, |_| 0);
        // Packets 50 to 149 all arrive together, when 150 is sent.
        feed(&mut delay, 50..150, |i| (150 - i) * 960);
        feed(&mut delay, 150..200, |_| 0);
        assert!(delay.wait() <= ms(10), "{}", delay.wait() / 48);
    }

    #[test]
    fn outages_that_recur_are_waited_for() {
        let mut delay = DelayEstimator::new();
        // Every 2 s nothing comes for 340 ms, and then all of it.
        let late = |i: i64| (17 - i % 100).max(0) * 960;
        feed(&mut delay, 20..150, late);
        assert!(delay.wait() <= ms(15), "one: {}", delay.wait() / 48);
        feed(&mut delay, 150..600, late);
        assert!(delay.wait() > ms(150), "{}", delay.wait() / 48);
        feed(&mut delay, 600..1_800, |_| 0);
        assert!(delay.wait() <= ms(10), "{}", delay.wait() / 48);
    }

    #[test]
    fn a_longer_route_is_accepted_after_a_while() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..500, |_| 0);
        feed(&mut delay, 500..510, |_| ms(80));
        assert!(delay.wait() > ms(80), "it grows early");
        feed(&mut delay, 510..1_100, |_| ms(80));
        assert_eq!(delay.fastest(), Some(ms(80)));
        assert!(delay.wait() <= ms(10), "{}", delay.wait() / 48);
    }

    #[test]
    fn a_shorter_route_is_taken_at_once() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..500, |_| ms(80));
        feed(&mut delay, 500..510, |_| 0);
        assert_eq!(delay.fastest(), Some(0));
        assert!(delay.wait() <= ms(10), "{}", delay.wait() / 48);
    }

    #[test]
    fn a_sender_that_stood_still_is_followed() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..100, |_| 0);
        feed(&mut delay, 100..120, |_| ms(5_000));
        assert_eq!(delay.fastest(), Some(ms(5_000)));
    }
}
