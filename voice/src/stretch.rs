//! Making sound a little shorter or longer without a click: a piece of the
//! best repeating length is cut out or played twice, with a cross-fade, after
//! WSOLA (Verhelst and Roelands 1993).
//!
//! ```text
//! played before        frame
//! ...==========|======================...
//!     context  seam        the seam is where what went before and what
//!                          comes next are alike on both sides of it
//! ```

use std::ops::RangeInclusive;

/// Length of the cross-fade: 5 ms.
const FADE: usize = 240;
/// How much before the seam is compared as well: 5 ms.
const CONTEXT: usize = 240;
/// Lengths tried in speech: 2.5 ms, the shortest pitch period, to 15 ms.
const LAGS: RangeInclusive<usize> = 120..=720;
/// What is remembered of what was played: the longest lag and the context.
const HISTORY: usize = 720 + CONTEXT;
/// Every so many samples are compared in the first search.
const COARSE: usize = 6;
/// Likeness (normalised correlation) from which on the seam is not heard.
const ALIKE: f32 = 0.85;
/// The shortest length in a pause, where nothing repeats that a seam could hit: 1 ms.
const LEAST_IN_PAUSE: usize = 48;
/// In a pause so much lateness is left as it is: 2 ms, twice the least that can be
/// put right, so that what is cut is not put back soon. With 4.5 ms most calls kept
/// 2 to 4 ms for good that nothing asked for.
const LATE_IN_PAUSE: i64 = 96;
/// In a pause so much earliness is left as it is: 1 ms.
const EARLY_IN_PAUSE: i64 = 48;
/// So much lateness is no whim of a clock: 10 ms. Less is put right when it has
/// lasted.
const SURELY_LATE: i64 = 480;
/// What counts as lasting: half a second to a whole one at first, as a call begins
/// with more delay than it needs, and in the end 4 to 8 s. What the line's jitter
/// asks for goes up and down by as little within a sentence; following that as soon
/// cost 0.1 of PESQ where packets come late in order, and saved no delay.
const LASTING: RangeInclusive<usize> = 24_000..=192_000;
/// While somebody speaks, so much lateness is left to the next pause: 30 ms.
const LATE_IN_SPEECH: i64 = 1_440;
/// While somebody speaks, so much earliness is left to the next pause: 2.5 ms.
const EARLY_IN_SPEECH: i64 = 120;
/// While somebody speaks, an eighth of the time may be taken: faster is heard.
const PACE: usize = 8;
/// Time without a change that counts for the next one at most.
const MOST_PASSED: usize = PACE * *LAGS.end();
/// While somebody speaks, sound is made longer no sooner than so long after
/// another change, as what is late is waited for: 40 ms.
const REST: usize = 1_920;
/// From so much lateness on more may be taken, and seams may be heard: 300 ms.
const FAR_TOO_LATE: i64 = 14_400;

/// Changes the length of frames as they pass.
#[derive(Debug)]
pub(crate) struct Stretcher {
    /// What was played last, [`HISTORY`] samples, and during a change the
    /// frame after it.
    line: Vec<f32>,
    /// Samples that have passed and no change has used up.
    passed: usize,
    lasting: Lasting,
}

/// The least lateness of late. A device's clock and the packets' swing by a few
/// milliseconds; to follow that would shorten and lengthen sound by turns.
#[derive(Debug)]
struct Lasting {
    /// How many samples a stretch has.
    stretch: usize,
    /// Of the stretch that has not ended.
    now: Option<i64>,
    /// Of the one before.
    before: Option<i64>,
    samples: usize,
}

impl Lasting {
    fn new() -> Self {
        Self {
            stretch: *LASTING.start(),
            now: None,
            before: None,
            samples: 0,
        }
    }

    /// Takes the lateness of so many samples, and gives what of it has lasted.
    fn push(&mut self, surplus: i64, samples: usize) -> i64 {
        let least = self.now.map_or(surplus, |least| least.min(surplus));
        self.samples += samples;
        let lasting = self.before.map_or(0, |before| before.min(least));
        self.now = Some(least);
        if self.samples >= self.stretch {
            self.before = self.now.take();
            self.samples = 0;
            self.stretch = (2 * self.stretch).min(*LASTING.end());
        }
        lasting
    }

    /// Sound was made longer by so much.
    fn shift(&mut self, longer: i64) {
        for least in [&mut self.now, &mut self.before].into_iter().flatten() {
            *least += longer;
        }
    }
}

impl Stretcher {
    pub(crate) fn new() -> Self {
        Self {
            line: vec![0.0; HISTORY],
            passed: 0,
            lasting: Lasting::new(),
        }
    }

    /// Takes sound that is played as it is.
    pub(crate) fn pass(&mut self, frame: &[f32]) {
        let kept = HISTORY.saturating_sub(frame.len());
        self.line.drain(..self.line.len() - kept);
        self.line
            .extend_from_slice(&frame[frame.len().saturating_sub(HISTORY)..]);
    }

    /// Brings a frame that is played `surplus` samples too late (too early
    /// when negative) nearer to its time by making it shorter or longer, where
    /// that is not heard. In `quiet` sound almost nothing is.
    pub(crate) fn adjust(&mut self, frame: &mut Vec<f32>, surplus: i64, quiet: bool) {
        self.passed = (self.passed + frame.len()).min(MOST_PASSED);
        let whole = frame.len();
        let (late, early) = if quiet {
            (LATE_IN_PAUSE, EARLY_IN_PAUSE)
        } else {
            (LATE_IN_SPEECH, EARLY_IN_SPEECH)
        };
        let lasting = self.lasting.push(surplus, whole);
        let sure = surplus >= SURELY_LATE.max(late);
        let too_long = if sure { surplus } else { surplus.min(lasting) };
        let samples = |change: i64| usize::try_from(change).unwrap_or(0);
        if whole <= FADE {
            // Too short for a seam.
        } else if too_long >= late {
            let any = quiet || surplus > FAR_TOO_LATE;
            let pace = if any { *LAGS.end() } else { self.passed / PACE };
            self.shrink(frame, samples(too_long).min(pace), any);
        } else if surplus <= -early && (quiet || self.passed >= REST) {
            // In speech the pitch decides how much; what is too much goes in
            // the next pause.
            let least = if quiet { LEAST_IN_PAUSE } else { *LAGS.end() };
            self.expand(frame, samples(-surplus).max(least), quiet);
        }
        self.lasting.shift(frame.len() as i64 - whole as i64);
        let change = frame.len().abs_diff(whole);
        if !quiet {
            self.passed = self.passed.saturating_sub(PACE * change);
        }
        self.pass(frame);
    }

    /// Cuts a piece of at most `most` samples out of a frame.
    fn shrink(&mut self, frame: &mut Vec<f32>, most: usize, any: bool) {
        let most = most.min(*LAGS.end()).min(frame.len() - FADE);
        self.line.extend_from_slice(frame);
        let found = self.find(most, any, |seam, lag| seam + lag);
        self.line.truncate(HISTORY);
        let Some((lag, likeness)) = found else {
            return;
        };
        for i in 0..FADE {
            frame[i] = fade(frame[i], frame[i + lag], i, likeness);
        }
        frame.drain(FADE..FADE + lag);
    }

    /// Plays at most `most` of the samples before a frame once more.
    fn expand(&mut self, frame: &mut Vec<f32>, most: usize, any: bool) {
        let most = most.min(*LAGS.end());
        self.line.extend_from_slice(frame);
        let found = self.find(most, any, |seam, lag| seam - lag);
        let longer = found.map(|(lag, likeness)| {
            let faded = (0..FADE).map(|i| {
                let again = self.line[HISTORY + i - lag];
                fade(frame[i], again, i, likeness)
            });
            let mut longer: Vec<f32> = faded.collect();
            longer.extend_from_slice(&self.line[HISTORY + FADE - lag..]);
            longer
        });
        self.line.truncate(HISTORY);
        if let Some(longer) = longer {
            *frame = longer;
        }
    }

    /// The lag of at most `most` samples at which the sound around the seam is
    /// most like that at the other place, and how alike the two are; none when
    /// too little, unless `any` will do.
    fn find(
        &self,
        most: usize,
        any: bool,
        other: impl Fn(usize, usize) -> usize,
    ) -> Option<(usize, f32)> {
        let least = if any { LEAST_IN_PAUSE } else { *LAGS.start() };
        if most < least {
            return None;
        }
        let around = |at: usize| at.saturating_sub(CONTEXT)..at + FADE;
        let here = &self.line[around(HISTORY)];
        let score =
            |lag: usize, step: usize| likeness(here, &self.line[around(other(HISTORY, lag))], step);
        let coarse = (least..=most)
            .step_by(COARSE)
            .map(|lag| (lag, score(lag, COARSE)))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        let near = coarse.0.saturating_sub(COARSE).max(least)..=(coarse.0 + COARSE).min(most);
        let best = near
            .map(|lag| (lag, score(lag, 1)))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        (any || best.1 >= ALIKE).then_some(best)
    }
}

/// One sample of a cross-fade from `a` to `b` that keeps the power, however
/// alike the two sides are.
fn fade(a: f32, b: f32, index: usize, likeness: f32) -> f32 {
    let weight = index as f32 / FADE as f32;
    let (out, within) = (1.0 - weight, weight);
    let power = out * out + within * within + 2.0 * likeness.max(0.0) * out * within;
    (a * out + b * within) / power.sqrt()
}

fn likeness(a: &[f32], b: &[f32], step: usize) -> f32 {
    let (mut product, mut power_a, mut power_b) = (0.0, 1e-9, 1e-9);
    for (x, y) in a.iter().zip(b).step_by(step) {
        product += x * y;
        power_a += x * x;
        power_b += y * y;
    }
    product / f32::sqrt(power_a * power_b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 960;

    /// Plays frames through a stretcher; `surplus` is what each is given.
    fn play(sound: &[f32], surplus: i64, quiet: bool) -> Vec<f32> {
        let mut stretcher = Stretcher::new();
        let mut played = Vec::new();
        for frame in sound.chunks_exact(FRAME) {
            let mut frame = frame.to_vec();
            stretcher.adjust(&mut frame, surplus, quiet);
            played.extend(frame);
        }
        played
    }

    fn sine(frames: usize) -> Vec<f32> {
        (0..frames * FRAME)
            .map(|i| (i as f32 * std::f32::consts::TAU / 320.0).sin())
            .collect()
    }

    fn noise(frames: usize) -> Vec<f32> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .take(frames * FRAME)
        .collect()
    }

    fn steepest(sound: &[f32]) -> f32 {
        let steps = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        steps.fold(0.0, f32::max)
    }

    #[test]
    fn a_tone_keeps_its_shape() {
        let whole = sine(50);
        let shorter = play(&whole, 2_000, false);
        let longer = play(&whole, -2_000, false);
        assert!(shorter.len() < whole.len() * 9 / 10);
        assert!(longer.len() > whole.len() * 11 / 10);
        // The first seam has silence before it.
        for changed in [&shorter[2 * FRAME..], &longer[2 * FRAME..]] {
            assert!(steepest(changed) < 1.1 * steepest(&whole), "a click");
            let loudest = changed.iter().fold(0.0_f32, |most, s| most.max(s.abs()));
            assert!((0.95..1.05).contains(&loudest), "{loudest}");
        }
    }

    #[test]
    fn a_clock_that_swings_is_not_followed() {
        let pause = noise(200);
        let mut stretcher = Stretcher::new();
        let mut surplus = -1;
        let mut changes = 0;
        for (index, frame) in pause.chunks_exact(FRAME).enumerate() {
            // 3 ms to and fro.
            let swing = [0, 100, 144, 100, 0, -20][index / 30 % 6];
            let mut frame = frame.to_vec();
            stretcher.adjust(&mut frame, surplus + swing, true);
            surplus += frame.len() as i64 - FRAME as i64;
            changes += usize::from(frame.len() != FRAME);
        }
        assert!(changes <= 2, "{changes} changes");
        let late = play(&pause, 144, true);
        assert!(late.len() < pause.len(), "3 ms that last are put right");
    }

    #[test]
    fn a_little_lateness_is_put_right_soon_at_first_and_slowly_later() {
        let pause = noise(75);
        let mut stretcher = Stretcher::new();
        for (before, changes) in [(0, true), (500, false)] {
            for frame in noise(before).chunks_exact(FRAME) {
                stretcher.adjust(&mut frame.to_vec(), 0, true);
            }
            let changed = pause.chunks_exact(FRAME).any(|frame| {
                let mut frame = frame.to_vec();
                stretcher.adjust(&mut frame, LATE_IN_PAUSE, true);
                frame.len() != FRAME
            });
            assert_eq!(changed, changes, "after {before} frames");
        }
    }

    #[test]
    fn speech_is_played_an_eighth_faster_at_most() {
        let whole = sine(250);
        let shorter = play(&whole, 12_000, false);
        let taken = 1.0 - shorter.len() as f32 / whole.len() as f32;
        assert!((0.10..=0.126).contains(&taken), "{taken}");
    }

    #[test]
    fn what_does_not_repeat_is_left_to_the_next_pause() {
        let sound = noise(20);
        assert_eq!(play(&sound, 3_000, false), sound);
        assert_eq!(play(&sound, -3_000, false), sound);
        assert!(play(&sound, 3_000, true).len() < sound.len() * 3 / 4);
        assert!(play(&sound, -3_000, true).len() > sound.len() * 5 / 4);
        assert!(play(&sound, 15_000, false).len() < sound.len());
    }

    #[test]
    fn no_more_is_taken_than_is_too_much() {
        let sound = noise(1);
        assert_eq!(play(&sound, 100, true), sound);
        let shorter = play(&sound, SURELY_LATE, true);
        let cut = FRAME - shorter.len();
        assert!((LEAST_IN_PAUSE..=480).contains(&cut), "{cut}");
        assert_eq!(play(&sine(5), 1_000, false).len(), 5 * FRAME);
    }
}
