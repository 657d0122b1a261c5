//! Whether the microphone hears what the loudspeaker plays, told from the two
//! sounds alone.
//!
//! Their cross-spectrum, of which only the phases are kept (GCC-PHAT, Knapp and
//! Carter 1976), becomes one sharp peak at the delay of the echo, however the
//! room colours it and whoever speaks into it.
//!
//! Measured on speech, with segments of half a second: without an echo the peak
//! is at most 12 times the mean beside it, with one 12 dB below who speaks into
//! it 30 times and more, from the first or second segment on.

use std::{collections::VecDeque, fmt, sync::Arc};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex};

use super::BLOCK;
use crate::{
    SAMPLE_RATE,
    level::{decibels, rms},
};

/// Samples of ours that become one here: what is above 8 kHz tells no more.
const DOWN: usize = 3;
/// Samples of a segment, 512 ms.
const SEGMENT: usize = 8_192;
/// A segment begins so many samples after the one before.
const HOP: usize = SEGMENT / 2;
/// The transform has room for any delay within a segment.
const TRANSFORM: usize = 2 * SEGMENT;
/// The longest delay that is looked for, 256 ms.
const LONGEST: usize = SEGMENT / 2;
/// The frequencies of interest, 200 to 7,000 Hz, as bins.
const BINS: std::ops::Range<usize> =
    200 * TRANSFORM * DOWN / SAMPLE_RATE as usize..7_000 * TRANSFORM * DOWN / SAMPLE_RATE as usize;
/// What is kept of earlier segments with each.
const KEPT: f32 = 0.7;
/// A peak so many times the mean beside it is one of an echo,
const PEAK: f32 = 20.0;
/// if the next segment has it within so many samples, 1 ms, of the same delay.
const SAME: usize = 16;
/// Below this, in dBFS, the loudspeaker plays nothing to be recognised.
const LEAST_FAR_DB: f32 = -50.0;
/// An echo so much weaker than what is played harms nobody, in dB.
const HARMLESS_DB: f32 = 40.0;
/// The two sounds are so many samples apart at most, 200 ms: beyond it one of
/// the devices has stood still.
const MOST_APART: usize = SAMPLE_RATE as usize / DOWN / 5;

/// Compares the loudspeaker's sound with the microphone's.
pub(super) struct Likeness {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    far: VecDeque<f32>,
    near: VecDeque<f32>,
    /// Both have been heard, so that their samples go together from then on.
    begun: bool,
    mean: Vec<Complex<f32>>,
    /// The delay of the last peak, in samples.
    found: Option<usize>,
    work: Work,
}

/// Room for the transforms.
struct Work {
    time: Vec<f32>,
    far: Vec<Complex<f32>>,
    near: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl fmt::Debug for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Likeness").finish_non_exhaustive()
    }
}

impl Default for Likeness {
    fn default() -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(TRANSFORM);
        let backward = planner.plan_fft_inverse(TRANSFORM);
        let scratch = forward.get_scratch_len().max(backward.get_scratch_len());
        let step = std::f32::consts::TAU / SEGMENT as f32;
        let zero = Complex::default();
        Self {
            window: (0..SEGMENT)
                .map(|i| 0.5 - 0.5 * (i as f32 * step).cos())
                .collect(),
            far: VecDeque::with_capacity(SEGMENT + MOST_APART + BLOCK),
            near: VecDeque::with_capacity(SEGMENT + MOST_APART + BLOCK),
            begun: false,
            mean: vec![zero; TRANSFORM / 2 + 1],
            found: None,
            work: Work {
                time: vec![0.0; TRANSFORM],
                far: vec![zero; TRANSFORM / 2 + 1],
                near: vec![zero; TRANSFORM / 2 + 1],
                scratch: vec![zero; scratch],
            },
            forward,
            backward,
        }
    }
}

impl Likeness {
    /// Takes a block that the loudspeaker gets.
    pub(super) fn far(&mut self, block: &[f32]) {
        if self.begun {
            push(&mut self.far, block);
        }
    }

    /// Takes a block that the microphone has heard; returns whether there is an
    /// echo in the sound of late, now and then and when that is sure.
    pub(super) fn near(&mut self, block: &[f32; BLOCK]) -> bool {
        self.begun = true;
        push(&mut self.near, block);
        if self.far.len().abs_diff(self.near.len()) > MOST_APART {
            // They do not belong together any more.
            self.far.clear();
            self.near.clear();
            self.found = None;
        }
        if self.far.len().min(self.near.len()) < SEGMENT {
            return false;
        }
        let heard = self.compare();
        self.far.drain(..HOP);
        self.near.drain(..HOP);
        heard
    }

    fn compare(&mut self) -> bool {
        let far = decibels(rms(&self.far.make_contiguous()[..SEGMENT]));
        let near = decibels(rms(&self.near.make_contiguous()[..SEGMENT]));
        if far < LEAST_FAR_DB || near < far - HARMLESS_DB {
            return false;
        }
        let Some((delay, peak)) = self.peak() else {
            return false;
        };
        let before = self.found.take();
        if peak < PEAK {
            return false;
        }
        self.found = Some(delay);
        before.is_some_and(|before| before.abs_diff(delay) <= SAME)
    }

    /// The delay at which the two are most alike, and by how much more than at
    /// others.
    fn peak(&mut self) -> Option<(usize, f32)> {
        let Work {
            time,
            far,
            near,
            scratch,
        } = &mut self.work;
        for (sound, spectrum) in [(&self.far, &mut *far), (&self.near, &mut *near)] {
            time.fill(0.0);
            for ((time, sample), window) in time.iter_mut().zip(sound).zip(&self.window) {
                *time = sample * window;
            }
            // The lengths are those of the plan.
            let done = self.forward.process_with_scratch(time, spectrum, scratch);
            done.ok()?;
        }
        for bin in BINS {
            let cross = near[bin] * far[bin].conj();
            let phase = cross / cross.norm().max(f32::MIN_POSITIVE);
            self.mean[bin] = self.mean[bin] * KEPT + phase;
        }
        far.copy_from_slice(&self.mean);
        let done = self.backward.process_with_scratch(far, time, scratch);
        done.ok()?;
        let beside = rms(&time[..SEGMENT]);
        let (delay, peak) = time[..LONGEST]
            .iter()
            .map(|value| value.abs())
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((delay, peak / beside.max(f32::MIN_POSITIVE)))
    }
}

fn push(sound: &mut VecDeque<f32>, block: &[f32]) {
    let (groups, _) = block.as_chunks::<DOWN>();
    sound.extend(groups.iter().map(|group| group.iter().sum::<f32>()));
}
