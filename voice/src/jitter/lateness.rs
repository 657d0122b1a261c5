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

use super::{ms, tail::Tail};

/// Width of a bucket: the wait on a clean line.
pub(super) const BUCKET: i64 = ms(2);
/// Buckets: lateness up to 500 ms is followed, more is an outage.
const BUCKETS: usize = 250;
/// Frames are remembered for 20 s, and what is older is forgotten at once.
const MEMORY: i64 = ms(20_000);
/// Frames remembered at most: those of 20 ms.
const MOST_FRAMES: usize = 1_000;
/// When nothing for so long a time needed more than such a part of the wait, in
/// percent, the line has become better, and what was before is forgotten. The
/// smaller the difference, the longer it takes to be sure.
const BETTER: [(i64, i64); 3] = [(ms(2_500), 25), (ms(4_000), 50), (ms(6_000), 67)];
/// All of these times are so much longer while the line was found better before
/// within [`MEMORY`]: one that stalls now and then is no better in between.
const BETTER_AGAIN: i64 = 4;
/// A smaller difference than this is none.
const BETTER_BY: i64 = ms(20);
/// Repairs remembered when the sender begins to repair more: those of 0.5 s.
const KEPT: i64 = ms(500);
/// Impairment of each millisecond of delay (Cole and Rosenbluth 2001 after
/// G.107, 7.4).
const DELAY_HARM: f32 = 0.024;
/// Impairment of each millisecond beyond [`LONG_WAIT`], beside that: delay
/// above 177 ms in all disturbs the taking of turns (the same).
const LONG_HARM: f32 = 0.11;
/// Where the whole delay passes 177 ms, as the rest of the path takes about
/// 80 ms.
const LONG_WAIT: i64 = ms(100);
/// Impairment of each percent of frames that come too late, with concealment
/// (G.113, appendix I: the packet loss robustness of such codecs is about 20).
const MISS_HARM: f32 = 4.5;
/// The wait stays as it is while a better one would save less than this: a
/// change can be heard as well.
const CHANGE_HARM: f32 = 0.5;
/// Frames looked at for early growth: the last second.
const RECENT: usize = 50;
/// So many of them later than the wait raise it at once.
const RECENT_LATE: usize = 4;
/// How long it then stays there, as what was late by chance would else move the
/// sound up and at once down again: 6 s.
const GROWN_HOLD: usize = 300;
/// So many of them repaired, but later than the wait, raise it to all that
/// repair can take: loss has begun.
const RECENT_REPAIRS: usize = 2;
/// How long it then stays there before what was measured decides: 8 s.
const REPAIR_HOLD: usize = 400;
/// Repair comes in a packet, which may be as late as others of the last second,
/// and has to be here before the block that it is played in: so what is waited
/// beyond its reach is what those needed and a bucket more, but no more than this.
/// PESQ of 10, 20 and 30 % lost is 4.38, 4.38 and 4.27 without that, the worst
/// calls 4.1, 4.1 and 4.0; with 6 ms 4.39, 4.38 and 4.29, and 4.2, 4.2 and 4.0.
/// Twice as much gives no more.
const MOST_SPARE: i64 = ms(12);
/// The least wait while less than a second is known.
const START_WAIT: i64 = ms(15);

/// Follows how late frames become available.
#[derive(Debug)]
pub(super) struct Lateness {
    counts: [u16; BUCKETS],
    /// The frames remembered, the newest last.
    frames: VecDeque<Frame>,
    wait: i64,
    /// The least wait while it holds what repair can take, and for how many
    /// more frames.
    held: i64,
    hold: usize,
    /// The least wait after early growth, and for how many more frames.
    grown: i64,
    grown_hold: usize,
    /// When the line was last found better.
    improved: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    at: i64,
    bucket: u8,
    repaired: bool,
    /// It came later than the wait was.
    missed: bool,
}

impl Lateness {
    pub(super) fn new() -> Self {
        Self {
            counts: [0; BUCKETS],
            frames: VecDeque::with_capacity(MOST_FRAMES + 1),
            wait: START_WAIT,
            held: 0,
            hold: 0,
            grown: 0,
            grown_hold: 0,
            improved: None,
        }
    }

    /// The wait at which delay and missing frames together harm least.
    pub(super) fn wait(&self) -> i64 {
        if self.frames.len() < RECENT {
            return self.wait.max(START_WAIT);
        }
        self.wait
    }

    /// Takes a frame that became available now, and how late that is. `reach`
    /// is how late the sender's redundancy can repair a frame, if this one was
    /// repaired.
    pub(super) fn observe(&mut self, now: i64, late: i64, reach: Option<i64>) {
        let bucket = (late / BUCKET).clamp(0, BUCKETS as i64 - 1) as u8;
        self.counts[usize::from(bucket)] += 1;
        self.frames.push_back(Frame {
            at: now,
            bucket,
            repaired: reach.is_some(),
            missed: late > self.wait(),
        });
        if self.frames.len() > MOST_FRAMES {
            self.forget_oldest();
        }
        self.forget_before(now - MEMORY);
        self.notice_improvement(now);
        self.hold = self.hold.saturating_sub(1);
        self.grown_hold = self.grown_hold.saturating_sub(1);
        if let Some(reach) = reach
            && self.loss_has_begun()
        {
            self.expect_repair(reach);
        }
        self.choose();
    }

    /// The sender repairs more from now on, so what was repaired late before may
    /// not be so any more.
    pub(super) fn more_repair(&mut self, now: i64) {
        let (counts, before) = (&mut self.counts, now - KEPT);
        self.frames.retain(|frame| {
            let stays = !frame.repaired || frame.at >= before;
            counts[usize::from(frame.bucket)] -= u16::from(!stays);
            stays
        });
    }

    /// Waits for all that repair can take for some seconds, since packets are
    /// being lost and the sender's redundancy can repair them that late.
    pub(super) fn expect_repair(&mut self, reach: i64) {
        let most = BUCKETS as i64 * BUCKET;
        let spare = (self.recent() + BUCKET).min(MOST_SPARE);
        (self.held, self.hold) = ((reach + spare).min(most), REPAIR_HOLD);
    }

    /// Takes out a delay that all frames remembered have in common since the
    /// line has become slower for good.
    pub(super) fn shift(&mut self, slower: i64) {
        let buckets = (slower / BUCKET).clamp(0, BUCKETS as i64) as u8;
        self.counts = [0; BUCKETS];
        for frame in &mut self.frames {
            frame.bucket = frame.bucket.saturating_sub(buckets);
            self.counts[usize::from(frame.bucket)] += 1;
        }
        self.wait = self.least_harm(self.tail()).1;
    }

    fn forget_before(&mut self, time: i64) {
        while self.frames.front().is_some_and(|frame| frame.at < time) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.frames.pop_front() {
            self.counts[usize::from(oldest.bucket)] -= 1;
        }
    }

    /// Forgets how the line was when it has become better since.
    fn notice_improvement(&mut self, now: i64) {
        let again = self.improved.is_some_and(|at| now - at < MEMORY);
        let times = if again { BETTER_AGAIN } else { 1 };
        let better = BETTER.iter().find(|(time, part)| {
            let most = (self.wait * part / 100).min(self.wait - BETTER_BY);
            self.needed_at_most(now - time * times, most)
        });
        if let Some((time, _)) = better {
            self.forget_before(now - time * times);
            self.improved = Some(now);
            self.grown_hold = 0;
        }
    }

    /// Whether no frame since a time needed a longer wait, and there are older
    /// ones.
    fn needed_at_most(&self, since: i64, most: i64) -> bool {
        if self.frames.front().is_none_or(|frame| frame.at >= since) {
            return false;
        }
        let last = self.frames.iter().rev();
        let mut recent = last.take_while(|frame| frame.at >= since);
        recent.all(|frame| (i64::from(frame.bucket) + 1) * BUCKET <= most)
    }

    fn loss_has_begun(&self) -> bool {
        let recent = self.frames.iter().rev().take(RECENT);
        recent
            .filter(|frame| frame.repaired && frame.missed)
            .count()
            >= RECENT_REPAIRS
    }

    fn choose(&mut self) {
        let tail = self.tail();
        let (least, best) = self.least_harm(tail);
        let floor = self.floor();
        let saved = self.harm(self.wait, tail) - least;
        if saved > CHANGE_HARM || self.frames.len() <= RECENT {
            self.wait = best;
        }
        self.wait = self.wait.max(floor);
    }

    /// What the wait is at least, whatever it was long ago.
    fn floor(&mut self) -> i64 {
        let recent = self.recent();
        let grows = recent > self.wait && self.frames.len() > RECENT;
        if grows {
            (self.grown, self.grown_hold) = (recent, GROWN_HOLD);
        }
        let held = if self.hold > 0 { self.held } else { 0 };
        let grown = if self.grown_hold > 0 { self.grown } else { 0 };
        recent.max(held).max(grown)
    }

    fn tail(&self) -> Option<Tail> {
        Tail::of(&self.counts, self.frames.len())
    }

    /// The impairment of a wait.
    fn harm(&self, wait: i64, tail: Option<Tail>) -> f32 {
        let covered = usize::try_from(wait / BUCKET).unwrap_or(0).min(BUCKETS);
        let late: u16 = self.counts[covered..].iter().sum();
        self.harm_of(wait, f32::from(late), tail)
    }

    fn least_harm(&self, tail: Option<Tail>) -> (f32, i64) {
        let mut late = self.frames.len() as f32;
        let mut least = (f32::INFINITY, BUCKET);
        for (wait, count) in (1..).map(|bucket| bucket * BUCKET).zip(&self.counts) {
            late -= f32::from(*count);
            let harm = self.harm_of(wait, late, tail);
            if harm < least.0 {
                least = (harm, wait);
            }
        }
        least
    }

    /// The impairment of a wait that so many of the frames were later than.
    fn harm_of(&self, wait: i64, late: f32, tail: Option<Tail>) -> f32 {
        let later = tail.map_or(late, |tail| tail.later(wait, late));
        let all = self.frames.len().max(1) as f32;
        delay_harm(wait) + MISS_HARM * 100.0 * later / all
    }

    /// What the latest of the last frames but a few would have needed. While
    /// packets are lost, not the repaired ones: losses in a row are repaired
    /// together, and that is one event.
    fn recent(&self) -> i64 {
        let mut latest = [0_u8; RECENT_LATE];
        for frame in self.frames.iter().rev().take(RECENT) {
            let counts = self.hold == 0 || !frame.repaired;
            if counts && frame.bucket > latest[0] {
                latest[0] = frame.bucket;
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

    fn after(frames: usize, late: impl Fn(usize) -> i64) -> Line {
        let mut line = Line {
            lateness: Lateness::new(),
            now: 0,
        };
        for index in 0..frames {
            line.observe(late(index), None);
        }
        line
    }

    /// Frames every 20 ms.
    struct Line {
        lateness: Lateness,
        now: i64,
    }

    impl Line {
        fn observe(&mut self, late: i64, reach: Option<i64>) {
            self.now += ms(20);
            self.lateness.observe(self.now, late, reach);
        }

        fn wait(&self) -> i64 {
            self.lateness.wait()
        }
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
        for late in [0, 80, 0, 80, 0, 80, 0, 80] {
            lateness.observe(ms(late), None);
        }
        assert!(lateness.wait() > ms(80), "{}", lateness.wait() / 48);
        for _ in 0..MOST_FRAMES {
            lateness.observe(0, None);
        }
        assert_eq!(lateness.wait(), BUCKET);
    }

    #[test]
    fn a_line_that_has_become_better_is_used_as_such_soon() {
        let mut lateness = after(1_000, |i| (i as i64 * 7_919) % ms(150));
        assert!(lateness.wait() >= ms(100));
        for _ in 0..300 {
            lateness.observe(ms(1), None);
        }
        assert_eq!(lateness.wait(), BUCKET);
    }

    #[test]
    fn a_machine_that_stalled_once_is_forgiven() {
        let mut line = after(200, |_| 0);
        for late in [40, 20, 0] {
            line.observe(ms(late), None);
        }
        assert!(line.wait() >= ms(40), "{}", line.wait() / 48);
        for _ in 0..310 {
            line.observe(0, None);
        }
        assert_eq!(line.wait(), BUCKET);
    }

    #[test]
    fn when_loss_begins_all_of_the_repair_is_waited_for() {
        let mut lateness = after(1_000, |_| 0);
        for late in [0, 20, 0, 40] {
            lateness.observe(ms(late), (late > 0).then_some(ms(120)));
        }
        assert!(lateness.wait() > ms(120), "{}", lateness.wait() / 48);
        // Repair that is that quick does not need it for ever.
        for index in 0..1_000 {
            let lost = index % 10 == 3;
            lateness.observe(if lost { ms(20) } else { 0 }, lost.then_some(ms(120)));
        }
        assert!(lateness.wait() <= ms(45), "{}", lateness.wait() / 48);
    }

    #[test]
    fn the_packet_that_brings_repair_may_be_as_late_as_others() {
        for (usual, least, most) in [(1, 122, 130), (5, 126, 132), (300, 122, 132)] {
            let mut line = after(200, |index| if index % 10 == 0 { 0 } else { ms(usual) });
            line.lateness.expect_repair(ms(120));
            let held = line.lateness.held;
            assert!(
                (ms(least)..=ms(most)).contains(&held),
                "{usual}: {}",
                held / 48
            );
        }
    }

    #[test]
    fn what_is_common_to_all_is_taken_out() {
        let mut lateness = after(500, |_| ms(80));
        lateness.lateness.shift(ms(80));
        assert_eq!(lateness.wait(), BUCKET);
    }
}
