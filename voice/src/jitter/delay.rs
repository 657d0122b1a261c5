//! How late packets come, and how long the buffer should therefore wait.
//!
//! Every packet's transit (arrival minus media time) is compared with the
//! fastest of the last two seconds. The largest excess in each half second
//! goes into a histogram that forgets; its 0.95 quantile is the wait that one
//! half second in twenty would still find too short. A spike raises the wait at
//! once for a few seconds. All times are samples at 48 kHz.

use std::collections::VecDeque;

use super::ms;

/// Width of a histogram bucket: fine enough for a wait of 5 ms on a clean line.
const BUCKET: i64 = ms(5);
/// Buckets: jitter up to 400 ms is followed, more is an outage.
const BUCKETS: usize = 80;
/// The part of half seconds that should find the wait long enough.
const QUANTILE: f32 = 0.95;
/// What the histogram keeps of its past for each half second: half after 20 s.
const FORGET: f32 = 0.983;
/// How much faster than evenly the first half seconds are forgotten.
const START_WEIGHT: f32 = 2.0;
/// Period over which the largest excess is taken.
const WINDOW: i64 = ms(500);
/// Windows that remember the fastest packet: 2 s.
const FASTEST_WINDOWS: usize = 4;
/// The wait while nothing is known.
const START_WAIT: i64 = ms(30);
/// How long a spike keeps the wait raised.
const SPIKE_HOLD: i64 = ms(3_000);
/// A pause in arrivals longer than this is an outage, not jitter.
const OUTAGE: i64 = ms(300);
/// After an outage, lateness that lasts this long is the line's new delay.
const NEW_DELAY: i64 = ms(200);

/// Follows the delay of one stream of packets.
#[derive(Debug)]
pub(super) struct DelayEstimator {
    histogram: [f32; BUCKETS],
    windows_seen: u32,
    /// Smallest transit of each of the last windows, the newest last.
    fastest: VecDeque<i64>,
    window: Option<Window>,
    spike: Option<Spike>,
    last_arrival: Option<i64>,
    outage: Option<Outage>,
    wait: i64,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start: i64,
    least: i64,
    most: i64,
}

#[derive(Debug, Clone, Copy)]
struct Spike {
    excess: i64,
    until: i64,
}

/// Packets that follow an outage; `since` is when the first of them came.
#[derive(Debug, Clone, Copy)]
struct Outage {
    since: i64,
}

impl DelayEstimator {
    pub(super) fn new() -> Self {
        Self {
            histogram: [0.0; BUCKETS],
            windows_seen: 0,
            fastest: VecDeque::with_capacity(FASTEST_WINDOWS + 1),
            window: None,
            spike: None,
            last_arrival: None,
            outage: None,
            wait: START_WAIT,
        }
    }

    /// Forgets the stream's time line, but not how the line behaves.
    pub(super) fn restart(&mut self) {
        self.fastest.clear();
        self.window = None;
        self.last_arrival = None;
        self.outage = None;
    }

    /// Smallest transit of late; none before the first packet.
    pub(super) fn fastest(&self) -> Option<i64> {
        self.fastest.iter().copied().min()
    }

    /// How long after the fastest packet's time a packet should be played.
    pub(super) fn wait(&self, now: i64) -> i64 {
        let known = if self.windows_seen == 0 {
            let so_far = self.window.map_or(0, |window| window.most);
            START_WAIT.max(so_far + BUCKET)
        } else {
            self.wait
        };
        match self.spike {
            Some(spike) if now < spike.until => known.max(spike.excess),
            _ => known,
        }
    }

    /// Takes the arrival of a packet, whatever becomes of it.
    pub(super) fn observe(&mut self, arrival: i64, media: i64) {
        let transit = arrival - media;
        let pause = self.last_arrival.map_or(0, |last| arrival - last);
        self.last_arrival = Some(arrival);
        self.turn_window(arrival, transit);
        if let Some(newest) = self.fastest.back_mut() {
            *newest = transit.min(*newest);
        }
        let excess = transit - self.fastest().unwrap_or(transit);
        if self.in_outage(arrival, transit, pause, excess) {
            return;
        }
        if let Some(window) = &mut self.window {
            window.least = window.least.min(excess);
            window.most = window.most.max(excess);
        }
        if excess > self.wait(arrival) {
            self.spike = Some(Spike {
                excess: excess + BUCKET,
                until: arrival + SPIKE_HOLD,
            });
        }
    }

    fn turn_window(&mut self, arrival: i64, transit: i64) {
        let fresh = Window {
            start: arrival,
            least: i64::MAX,
            most: 0,
        };
        match self.window {
            Some(window) if (0..WINDOW).contains(&(arrival - window.start)) => return,
            Some(window) => self.close(window),
            None => {}
        }
        self.window = Some(fresh);
        self.fastest.push_back(transit);
        if self.fastest.len() > FASTEST_WINDOWS {
            self.fastest.pop_front();
        }
    }

    fn close(&mut self, window: Window) {
        if window.least == i64::MAX {
            return;
        }
        // What even the fastest packet of the window took longer is a change
        // of route, which the fastest transit will follow; it is no jitter.
        self.count(window.most - window.least);
    }

    fn count(&mut self, excess: i64) {
        self.windows_seen += 1;
        let even = 1.0 - START_WEIGHT / (self.windows_seen as f32 + 1.0);
        let keep = even.clamp(0.0, FORGET);
        for weight in &mut self.histogram {
            *weight *= keep;
        }
        let bucket = usize::try_from(excess / BUCKET).unwrap_or(0);
        self.histogram[bucket.min(BUCKETS - 1)] += 1.0 - keep;
        self.wait = self.quantile();
    }

    fn quantile(&self) -> i64 {
        let mut below = 0.0;
        for (bucket, weight) in self.histogram.iter().enumerate() {
            below += weight;
            if below >= QUANTILE {
                return (bucket as i64 + 1) * BUCKET;
            }
        }
        BUCKETS as i64 * BUCKET
    }

    /// Whether this packet's lateness tells of an outage rather than of jitter.
    fn in_outage(&mut self, arrival: i64, transit: i64, pause: i64, excess: i64) -> bool {
        if pause > OUTAGE || excess >= BUCKETS as i64 * BUCKET {
            self.outage.get_or_insert(Outage { since: arrival });
        }
        let Some(outage) = self.outage else {
            return false;
        };
        if excess <= self.wait(arrival) {
            self.outage = None;
            return false;
        }
        if arrival - outage.since > NEW_DELAY {
            self.outage = None;
            self.fastest.clear();
            self.fastest.push_back(transit);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends packets every 20 ms, each `late(i)` samples late, from `from` on.
    fn feed(
        delay: &mut DelayEstimator,
        packets: std::ops::Range<i64>,
        late: impl Fn(i64) -> i64,
    ) -> i64 {
        let mut now = 0;
        for i in packets {
            now = i * 960 + late(i);
            delay.observe(now, i * 960);
        }
        now
    }

    #[test]
    fn a_clean_line_needs_almost_no_wait() {
        let mut delay = DelayEstimator::new();
        let now = feed(&mut delay, 0..100, |_| ms(20));
        assert_eq!(delay.wait(now), BUCKET);
        assert_eq!(delay.fastest(), Some(ms(20)));
    }

    #[test]
    fn the_wait_covers_the_jitter() {
        let mut delay = DelayEstimator::new();
        let now = feed(&mut delay, 0..1_000, |i| (i * 7919) % ms(40));
        assert!((ms(35)..=ms(45)).contains(&delay.wait(now)));
    }

    #[test]
    fn a_spike_raises_the_wait_at_once_and_for_a_while() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..500, |_| 0);
        let now = feed(&mut delay, 500..501, |_| ms(100));
        assert!(delay.wait(now) >= ms(100));
        let now = feed(&mut delay, 510..800, |_| 0);
        assert_eq!(delay.wait(now), BUCKET);
    }

    #[test]
    fn an_outage_is_not_jitter() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..50, |_| 0);
        // Packets 50 to 149 all arrive together, when 150 is sent.
        feed(&mut delay, 50..150, |i| (150 - i) * 960);
        let now = feed(&mut delay, 150..200, |_| 0);
        assert!(delay.wait(now) <= 2 * BUCKET, "{}", delay.wait(now) / 48);
    }

    #[test]
    fn a_longer_route_is_accepted_after_a_while() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..500, |_| 0);
        let now = feed(&mut delay, 500..900, |_| ms(80));
        assert_eq!(delay.fastest(), Some(ms(80)));
        assert!(delay.wait(now) <= 2 * BUCKET, "{}", delay.wait(now) / 48);
    }

    #[test]
    fn a_sender_that_stood_still_is_followed() {
        let mut delay = DelayEstimator::new();
        feed(&mut delay, 0..100, |_| 0);
        feed(&mut delay, 100..120, |_| ms(5_000));
        assert_eq!(delay.fastest(), Some(ms(5_000)));
    }
}
