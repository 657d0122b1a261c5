//! How much of what was said was heard: delay, intelligibility, gaps and
//! timing of recorded speech beside its original. Nothing here knows calls.
//!
//! ```text
//! said  --+-> 16 kHz --> delay of each half second --> copy moved into place
//! heard --+                    |                            |
//!                        delay, its range, share found     STOI, silence in place of speech
//! ```

mod align;
pub mod resample;
pub mod stoi;
#[cfg(test)]
mod testing;

use std::fmt;

use align::{Window, cut, power, track};

/// Rate at which everything but STOI is measured, in samples a second.
const RATE: u32 = 16_000;
/// Frames in which speech is told from pauses: 20 ms.
const FRAME: usize = RATE as usize / 50;
/// Speech is within this many dB of the 95th percentile of the frames.
const SPEECH_DB: f64 = 25.0;
/// Silence is looked for in windows of 10 ms every 2.5 ms.
const HOP: usize = RATE as usize / 400;
const HOPS_WIDE: usize = 4;
/// What is this many dB below what was said counts as silence.
const LOST_DB: f64 = 20.0;
/// Bound of the level difference that gain control may explain, in dB.
const GAIN_LIMIT_DB: f64 = 18.0;

/// What became of speech between a mouth and an ear.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Median delay of the heard against the said in ms; it is that of the
    /// recordings, so it may be negative. `None` if nothing was recognised.
    pub delay_ms: Option<f64>,
    /// Largest less smallest delay of the half-second windows, in ms.
    pub delay_range_ms: f64,
    /// Share of the half-second windows of speech that were recognised.
    pub found_share: f64,
    /// Intelligibility from 0 to 1, with the delay followed.
    pub stoi: f64,
    /// Share of the speech in whose place silence was heard.
    pub lost_share: f64,
    /// The longest such silence, in ms.
    pub longest_gap_ms: f64,
}

/// What a comparison has to reach.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Least share of windows recognised.
    pub found_share: f64,
    /// Least intelligibility.
    pub stoi: f64,
    /// Most speech lost, as a share.
    pub lost_share: f64,
    /// Longest silence in place of speech, in ms.
    pub longest_gap_ms: f64,
    /// Largest range of the delay, in ms.
    pub delay_range_ms: f64,
}

impl Bounds {
    /// A clear line: every word is understood and nothing is missing. Some
    /// room is left for noise suppression, gain control and a busy machine.
    pub const CLEAR: Self = Self {
        found_share: 0.85,
        stoi: 0.85,
        lost_share: 0.04,
        longest_gap_ms: 100.0,
        delay_range_ms: 120.0,
    };
}

impl Comparison {
    /// Checks every figure.
    ///
    /// # Errors
    /// Names the figures that are out of bounds.
    pub fn within(&self, bounds: &Bounds) -> Result<(), String> {
        let checks = [
            (self.delay_ms.is_some(), "nothing was recognised".to_owned()),
            (
                self.found_share >= bounds.found_share,
                format!(
                    "{:.2} of the windows recognised, {:.2} wanted",
                    self.found_share, bounds.found_share
                ),
            ),
            (
                self.stoi >= bounds.stoi,
                format!("STOI {:.3}, {:.3} wanted", self.stoi, bounds.stoi),
            ),
            (
                self.lost_share <= bounds.lost_share,
                format!(
                    "{:.3} of the speech lost, {:.3} allowed",
                    self.lost_share, bounds.lost_share
                ),
            ),
            (
                self.longest_gap_ms <= bounds.longest_gap_ms,
                format!(
                    "a gap of {:.0} ms, {:.0} allowed",
                    self.longest_gap_ms, bounds.longest_gap_ms
                ),
            ),
            (
                self.delay_range_ms <= bounds.delay_range_ms,
                format!(
                    "the delay moved by {:.0} ms, {:.0} allowed",
                    self.delay_range_ms, bounds.delay_range_ms
                ),
            ),
        ];
        let faults: Vec<String> = checks
            .into_iter()
            .filter(|(fine, _)| !fine)
            .map(|(_, fault)| fault)
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(format!("{} ({self})", faults.join("; ")))
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.delay_ms {
            Some(delay) => write!(
                f,
                "delay {delay:.1} ms, moved {:.1} ms, ",
                self.delay_range_ms
            )?,
            None => f.write_str("not recognised, ")?,
        }
        write!(
            f,
            "found {:.2}, STOI {:.3}, lost {:.3}, longest gap {:.0} ms",
            self.found_share, self.stoi, self.lost_share, self.longest_gap_ms
        )
    }
}

/// Compares what was heard with what was said; both mono at `rate` samples a
/// second, from -1 to 1, with clocks that need not agree.
#[must_use]
pub fn compare(said: &[f64], heard: &[f64], rate: u32) -> Comparison {
    let said = resample::resample(said, rate, RATE);
    let heard = resample::resample(heard, rate, RATE);
    let windows = track(&said, &heard, RATE);
    let mut delays: Vec<isize> = windows.iter().filter_map(|window| window.delay).collect();
    delays.sort_unstable();
    let aligned = moved_into_place(&said, &heard, &windows);
    let gaps = Gaps::between(&said, &aligned);
    let ms = |samples: isize| samples as f64 * 1e3 / f64::from(RATE);
    Comparison {
        delay_ms: delays.get(delays.len() / 2).map(|&delay| ms(delay)),
        delay_range_ms: delays
            .first()
            .zip(delays.last())
            .map_or(0.0, |(first, last)| ms(last - first)),
        found_share: delays.len() as f64 / windows.len().max(1) as f64,
        stoi: if delays.is_empty() {
            0.0
        } else {
            stoi::stoi(&said, &aligned, RATE).unwrap_or(0.0).max(0.0)
        },
        lost_share: gaps.share,
        longest_gap_ms: gaps.longest_ms,
    }
}

/// A copy of the heard in which every eighth of a second lies where it was
/// said, by the delay of the nearest window that was recognised.
fn moved_into_place(said: &[f64], heard: &[f64], windows: &[Window]) -> Vec<f64> {
    let piece = RATE as usize / 8;
    let fade = 80;
    let known: Vec<(usize, isize)> = windows
        .iter()
        .filter_map(|w| w.delay.map(|delay| ((w.start + w.end) / 2, delay)))
        .collect();
    let mut out = vec![0.0; said.len()];
    for start in (0..said.len()).step_by(piece) {
        let Some(&(_, delay)) = known
            .iter()
            .min_by_key(|(middle, _)| middle.abs_diff(start + piece / 2))
        else {
            break;
        };
        let lead = fade.min(start);
        let end = (start + piece).min(said.len());
        let moved = cut(heard, (start - lead) as isize + delay, end - start + lead);
        for (i, sample) in moved.into_iter().enumerate() {
            let at = start - lead + i;
            let share = if i < lead {
                i as f64 / fade as f64
            } else {
                1.0
            };
            out[at] = out[at] * (1.0 - share) + sample * share;
        }
    }
    out
}

/// Silence where there was speech.
struct Gaps {
    share: f64,
    longest_ms: f64,
}

impl Gaps {
    fn between(said: &[f64], heard: &[f64]) -> Self {
        let speech = speech_frames(said);
        let gain_db = usual_gain_db(said, heard, &speech);
        let per_frame = FRAME / HOP;
        let (x, y) = (fine_power(said), fine_power(heard));
        let mut lost = vec![false; x.len()];
        for start in 0..(x.len() + 1).saturating_sub(HOPS_WIDE) {
            let sum = |p: &[f64]| {
                p[start..start + HOPS_WIDE].iter().sum::<f64>() / HOPS_WIDE as f64 + 1e-10
            };
            if 10.0 * (sum(&y) / sum(&x)).log10() - gain_db < -LOST_DB {
                lost[start..start + HOPS_WIDE].fill(true);
            }
        }
        let spoken = |hop: usize| speech.get(hop / per_frame).copied().unwrap_or(false);
        let (mut longest, mut run, mut total) = (0, 0, 0);
        for (hop, &lost) in lost.iter().enumerate() {
            run = if lost && spoken(hop) { run + 1 } else { 0 };
            total += usize::from(run > 0);
            longest = longest.max(run);
        }
        let all = (0..lost.len()).filter(|&hop| spoken(hop)).count();
        Self {
            share: total as f64 / all.max(1) as f64,
            longest_ms: longest as f64 * 1e3 / (f64::from(RATE) / HOP as f64),
        }
    }
}

/// For each frame of 20 ms: whether there is speech in it.
fn speech_frames(signal: &[f64]) -> Vec<bool> {
    let levels: Vec<f64> = signal
        .chunks_exact(FRAME)
        .map(|frame| decibel(power(frame)))
        .collect();
    let mut sorted = levels.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(&loud) = sorted.get(sorted.len() * 95 / 100) else {
        return Vec::new();
    };
    levels
        .into_iter()
        .map(|level| level > loud - SPEECH_DB)
        .collect()
}

/// The level by which the heard usually differs from the said, in dB.
fn usual_gain_db(said: &[f64], heard: &[f64], speech: &[bool]) -> f64 {
    let mut differences: Vec<f64> = said
        .chunks_exact(FRAME)
        .zip(heard.chunks_exact(FRAME))
        .zip(speech)
        .filter(|(_, speech)| **speech)
        .map(|((x, y), _)| decibel(power(y)) - decibel(power(x)))
        .filter(|difference| *difference > -SPEECH_DB)
        .collect();
    differences.sort_unstable_by(f64::total_cmp);
    differences
        .get(differences.len() / 2)
        .map_or(0.0, |gain| gain.clamp(-GAIN_LIMIT_DB, GAIN_LIMIT_DB))
}

fn fine_power(signal: &[f64]) -> Vec<f64> {
    signal.chunks_exact(HOP).map(power).collect()
}

fn decibel(power: f64) -> f64 {
    10.0 * (power + 1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testing::{babble, noise};

    const SOURCE: u32 = 48_000;

    fn delayed(signal: &[f64], ms: usize) -> Vec<f64> {
        let mut out = vec![0.0; ms * SOURCE as usize / 1000];
        out.extend_from_slice(signal);
        out
    }

    fn speech() -> Vec<f64> {
        babble(3, 6.0, SOURCE)
    }

    #[test]
    fn a_delayed_and_quieter_copy_is_clear() {
        let said = speech();
        let heard: Vec<f64> = delayed(&said, 437).into_iter().map(|x| 0.4 * x).collect();
        let result = compare(&said, &heard, SOURCE);
        let delay = result.delay_ms.expect("it is all there");
        assert!((delay - 437.0).abs() < 0.2, "{result}");
        assert!(
            result.delay_range_ms < 0.2 && result.lost_share < 0.001 && result.stoi > 0.98,
            "{result}"
        );
        result.within(&Bounds::CLEAR).expect("clear");
    }

    #[test]
    fn a_recording_that_began_late_has_a_negative_delay() {
        let said = speech();
        let result = compare(&said, &said[SOURCE as usize..], SOURCE);
        let delay = result.delay_ms.expect("most of it is there");
        assert!((delay + 1_000.0).abs() < 0.2, "{result}");
    }

    #[test]
    fn silence_is_not_speech() {
        let said = speech();
        let result = compare(&said, &vec![0.0; said.len()], SOURCE);
        assert_eq!(result.delay_ms, None);
        assert!(result.stoi == 0.0 && result.lost_share > 0.99, "{result}");
        assert!(result.within(&Bounds::CLEAR).is_err());
    }

    #[test]
    fn another_speech_or_noise_is_not_this_speech() {
        let said = speech();
        for heard in [
            babble(9, 6.0, SOURCE),
            noise(5, said.len()),
            delayed(&babble(4, 6.0, SOURCE), 200),
        ] {
            let result = compare(&said, &heard, SOURCE);
            let fault = result.within(&Bounds::CLEAR).expect_err("another speech");
            assert!(fault.contains("recognised"), "{fault}");
        }
    }

    #[test]
    fn choppy_speech_is_seen_and_measured() {
        let said = speech();
        let mut heard = delayed(&said, 120);
        // One frame of 20 ms in ten.
        for frame in heard.chunks_mut(SOURCE as usize / 50).skip(3).step_by(10) {
            frame.fill(0.0);
        }
        let result = compare(&said, &heard, SOURCE);
        let fault = result.within(&Bounds::CLEAR).expect_err("choppy");
        assert!(fault.contains("lost"), "{fault}");
        assert!((0.05..0.15).contains(&result.lost_share), "{result}");
    }

    #[test]
    fn a_hole_is_seen_and_measured() {
        let said = speech();
        let mut heard = said.clone();
        // Half a second, so that it covers a syllable.
        heard[120_000..144_000].fill(0.0);
        let result = compare(&said, &heard, SOURCE);
        assert!(result.longest_gap_ms > 100.0, "{result}");
        assert!(result.within(&Bounds::CLEAR).is_err(), "{result}");
    }

    #[test]
    fn mistimed_speech_is_seen_and_measured() {
        let said = speech();
        let (first, second) = said.split_at(said.len() / 2);
        let heard = [&delayed(first, 50)[..], &vec![0.0; 9_600], second].concat();
        let result = compare(&said, &heard, SOURCE);
        assert!((result.delay_range_ms - 200.0).abs() < 1.0, "{result}");
        assert!(
            result
                .within(&Bounds::CLEAR)
                .expect_err("mistimed")
                .contains("moved"),
            "{result}"
        );
    }

    #[test]
    fn speech_at_the_wrong_speed_is_not_clear() {
        let said = speech();
        // Three percent too fast: a clock that is wrong, or lost samples.
        let heard = resample::resample(&said, 100, 97);
        assert!(
            compare(&said, &heard, SOURCE)
                .within(&Bounds::CLEAR)
                .is_err()
        );
    }

    #[test]
    fn noise_over_the_speech_lowers_the_score() {
        let said = speech();
        let under = |gain: f64| -> Comparison {
            let heard: Vec<f64> = said
                .iter()
                .zip(noise(8, said.len()))
                .map(|(x, n)| x + gain * n)
                .collect();
            compare(&said, &heard, SOURCE)
        };
        let (little, much) = (under(0.005), under(0.5));
        assert!(little.stoi > 0.95 && much.stoi < 0.7, "{little}; {much}");
    }

    #[test]
    fn nothing_at_all_is_an_answer_too() {
        for (said, heard) in [(vec![], vec![]), (speech(), vec![]), (vec![], speech())] {
            assert!(
                compare(&said, &heard, SOURCE)
                    .within(&Bounds::CLEAR)
                    .is_err()
            );
        }
    }
}
