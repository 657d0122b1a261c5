//! How long the buffer should wait, from how late frames become available.
//!
//! A frame is available when its packet has come or when it can be repaired,
//! whichever is first, so the wait covers jitter and repair alike, and repair
//! only as far as that pays: a frame that nothing brings back asks for no wait.
//!
//! Waiting harms a conversation and missing frames harm the sound. Both are
//! known on one scale, the impairments of the E-model (ITU-T G.107): the wait
//! is the one at which their sum is smallest. All times are samples at 48 kHz.

use std::collections::VecDeque;

use super::ms;

/// Width of a bucket: fine enough for a wait of 5 ms on a clean line.
const BUCKET: i64 = ms(5);
/// Buckets: lateness up to 500 ms is followed, more is an outage.
const BUCKETS: usize = 100;
/// Frames remembered: 20 s of frames of 20 ms. What is older is forgotten at
/// once, so that a line that has become good is used as such 20 s later.
const REMEMBERED: usize = 1_000;
/// Impairment of each millisecond of delay (G.107, 7.4, linear part).
const DELAY_HARM: f32 = 0.024;
/// Impairment of each millisecond beyond [`LONG_WAIT`], beside that (G.107,
/// 7.4: delay above 177 ms in all disturbs the taking of turns).
const LONG_HARM: f32 = 0.11;
/// Where the whole delay passes 177 ms, as the rest of the path takes about
/// 80 ms.
const LONG_WAIT: i64 = ms(100);
/// Impairment of each percent of frames that come too late, with concealment
/// (G.113, appendix I: the packet loss robustness of such codecs is about 20).
const MISS_HARM: f32 = 4.5;
/// Frames looked at for early growth: the last second.
const RECENT: usize = 50;
/// So many of them later than the wait raise it at once.
const RECENT_LATE: usize = 3;
/// The least wait while less than a second is known.
const START_WAIT: i64 = ms(15);

/// Follows how late frames become available.
#[derive(Debug)]
pub(super) struct Lateness {
    counts: [u16; BUCKETS],
    /// Buckets of the frames remembered, the newest last.
    frames: VecDeque<u8>,
    wait: i64,
}

impl Lateness {
    pub(super) fn new() -> Self {
        Self {
            counts: [0; BUCKETS],
            frames: VecDeque::with_capacity(REMEMBERED + 1),
            wait: START_WAIT,
        }
    }

    /// The wait at which delay and missing frames together harm least.
    pub(super) fn wait(&self) -> i64 {
        self.wait
    }

    /// Takes a frame that became available so late.
    pub(super) fn observe(&mut self, late: i64) {
        let bucket = (late / BUCKET).clamp(0, BUCKETS as i64 - 1) as usize;
        self.counts[bucket] += 1;
        self.frames.push_back(bucket as u8);
        if self.frames.len() > REMEMBERED
            && let Some(oldest) = self.frames.pop_front()
        {
            self.counts[usize::from(oldest)] -= 1;
        }
        self.wait = self.least_harm().max(self.recent());
        if self.frames.len() < RECENT {
            self.wait = self.wait.max(START_WAIT);
        }
    }

    /// Takes out a delay that all frames remembered have in common since the
    /// line has become slower for good.
    pub(super) fn shift(&mut self, slower: i64) {
        let buckets = (slower / BUCKET).clamp(0, BUCKETS as i64) as u8;
        self.counts = [0; BUCKETS];
        for frame in &mut self.frames {
            *frame = frame.saturating_sub(buckets);
            self.counts[usize::from(*frame)] += 1;
        }
        self.wait = self.least_harm();
    }

    fn least_harm(&self) -> i64 {
        let all = self.frames.len().max(1) as f32;
        let mut late = self.frames.len() as f32;
        let (mut least, mut best) = (f32::INFINITY, BUCKET);
        for (bucket, count) in self.counts.iter().enumerate() {
            let wait = (bucket as i64 + 1) * BUCKET;
            late -= f32::from(*count);
            let harm = delay_harm(wait) + MISS_HARM * 100.0 * late / all;
            if harm < least {
                (least, best) = (harm, wait);
            }
        }
        best
    }

    /// What the latest of the last frames but a few would have needed.
    fn recent(&self) -> i64 {
        let mut latest = [0_u8; RECENT_LATE];
        for &frame in self.frames.iter().rev().take(RECENT) {
            if frame > latest[0] {
                latest[0] = frame;
                latest.sort_unstable();
            }
        }
        (i64::from(latest[0]) + 1) * BUCKET
    }
}

fn delay_harm(wait: i64) -> f32 {
    let in_ms = |samples: i64| samples as f32 / ms(1) as f32;
    DELAY_HARM * in_ms(wait) + LONG_HARM * in_ms((wait - LONG_WAIT).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(frames: usize, late: impl Fn(usize) -> i64) -> Lateness {
        let mut lateness = Lateness::new();
        for index in 0..frames {
            lateness.observe(late(index));
        }
        lateness
    }

    #[test]
    fn a_punctual_line_needs_one_bucket() {
        assert_eq!(after(100, |_| ms(1)).wait(), BUCKET);
    }

    #[test]
    fn even_jitter_is_covered() {
        let lateness = after(1_000, |i| (i as i64 * 7_919) % ms(40));
        assert!((ms(35)..=ms(45)).contains(&lateness.wait()));
    }

    #[test]
    fn repair_is_waited_for_as_far_as_it_pays() {
        // A frame in ten comes back by repair after 60 ms: worth it.
        let often = after(1_000, |i| if i % 10 == 3 { ms(60) } else { 0 });
        assert!(often.wait() > ms(60));
        // One in a thousand is not.
        let seldom = after(1_000, |i| if i % 1_000 == 3 { ms(60) } else { 0 });
        assert_eq!(seldom.wait(), BUCKET);
    }

    #[test]
    fn a_second_is_enough_to_grow_and_the_past_is_forgotten() {
        let mut lateness = after(1_000, |_| 0);
        for late in [0, 80, 0, 80, 0, 80] {
            lateness.observe(ms(late));
        }
        assert!(lateness.wait() > ms(80), "{}", lateness.wait() / 48);
        for _ in 0..REMEMBERED {
            lateness.observe(0);
        }
        assert_eq!(lateness.wait(), BUCKET);
    }

    #[test]
    fn what_is_common_to_all_is_taken_out() {
        let mut lateness = after(500, |_| ms(80));
        lateness.shift(ms(80));
        assert_eq!(lateness.wait(), BUCKET);
    }
}
