//! Short-time objective intelligibility (STOI): how well degraded speech is
//! understood, from 0 to 1, beside the clean speech it came from.
//!
//! C. H. Taal, R. C. Hendriks, R. Heusdens, J. Jensen, "An Algorithm for
//! Intelligibility Prediction of Time-Frequency Weighted Noisy Speech", IEEE
//! Transactions on Audio, Speech, and Language Processing 19(7), 2011.
//!
//! ```text
//! both -> 10 kHz -> without the silent frames of the clean one -> spectra of
//! 25.6 ms -> 15 third-octave bands -> segments of 384 ms: scale the heard to
//! the clean band energy, clip at -15 dB, correlate -> mean
//! ```

use realfft::RealFftPlanner;

use super::resample::resample;

/// The rate at which the measure is defined, in samples a second.
const RATE: u32 = 10_000;
/// Samples of a frame (25.6 ms) and of its transform (zero-padded).
const FRAME: usize = 256;
const TRANSFORM: usize = 512;
/// Samples from one frame to the next.
const HOP: usize = FRAME / 2;
/// Number of third-octave bands, and the centre of the lowest in Hz.
const BANDS: usize = 15;
const LOWEST_HZ: f64 = 150.0;
/// Frames of a segment (384 ms).
const SEGMENT: usize = 30;
/// Lower bound of the signal-to-distortion ratio in dB.
const CLIP_DB: f64 = -15.0;
/// Frames this far below the loudest, in dB, count as silent.
const DYNAMIC_RANGE_DB: f64 = 40.0;

/// The intelligibility of `heard` beside `clean`: the same length, aligned in
/// time, mono, at `rate` samples a second. `None` if fewer than 384 ms of
/// speech are there, or if the lengths differ.
#[must_use]
pub fn stoi(clean: &[f64], heard: &[f64], rate: u32) -> Option<f64> {
    if clean.len() != heard.len() {
        return None;
    }
    let (clean, heard) =
        without_silence(&resample(clean, rate, RATE), &resample(heard, rate, RATE));
    let bands = third_octaves();
    let (clean, heard) = (band_levels(&clean, &bands), band_levels(&heard, &bands));
    if clean.len() < SEGMENT {
        return None;
    }
    let segments = clean.windows(SEGMENT).zip(heard.windows(SEGMENT));
    let count = clean.len() - SEGMENT + 1;
    let sum: f64 = segments
        .map(|(x, y)| {
            (0..BANDS)
                .map(|band| band_correlation(x, y, band))
                .sum::<f64>()
        })
        .sum();
    Some(sum / (count * BANDS) as f64)
}

/// Correlation of one band of one segment, after scaling and clipping.
fn band_correlation(clean: &[[f64; BANDS]], heard: &[[f64; BANDS]], band: usize) -> f64 {
    let ceiling = 1.0 + 10f64.powf(-CLIP_DB / 20.0);
    let mut x: Vec<f64> = clean.iter().map(|frame| frame[band]).collect();
    let scale = norm(&x)
        / (heard
            .iter()
            .map(|frame| frame[band].powi(2))
            .sum::<f64>()
            .sqrt()
            + f64::EPSILON);
    let mut y: Vec<f64> = heard
        .iter()
        .zip(&x)
        .map(|(frame, x)| (frame[band] * scale).min(x * ceiling))
        .collect();
    centre(&mut x);
    centre(&mut y);
    let product: f64 = x.iter().zip(&y).map(|(a, b)| a * b).sum();
    product / ((norm(&x) + f64::EPSILON) * (norm(&y) + f64::EPSILON))
}

/// Both signals without the frames in which the clean one is silent, the rest
/// overlapped and added.
fn without_silence(clean: &[f64], heard: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let window = hann();
    let starts: Vec<usize> = frame_starts(clean.len()).collect();
    let levels: Vec<f64> = starts
        .iter()
        .map(|&at| {
            let energy: f64 = window
                .iter()
                .zip(&clean[at..])
                .map(|(w, x)| (w * x).powi(2))
                .sum();
            20.0 * (energy.sqrt() + f64::EPSILON).log10()
        })
        .collect();
    let loudest = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let kept: Vec<usize> = starts
        .into_iter()
        .zip(levels)
        .filter(|(_, level)| loudest - DYNAMIC_RANGE_DB - level < 0.0)
        .map(|(at, _)| at)
        .collect();
    (
        overlap_add(clean, &kept, &window),
        overlap_add(heard, &kept, &window),
    )
}

fn overlap_add(signal: &[f64], starts: &[usize], window: &[f64]) -> Vec<f64> {
    if starts.is_empty() {
        return Vec::new();
    }
    let mut out = vec![0.0; (starts.len() - 1) * HOP + FRAME];
    for (frame, &at) in starts.iter().enumerate() {
        for (i, w) in window.iter().enumerate() {
            out[frame * HOP + i] += w * signal[at + i];
        }
    }
    out
}

/// The level of each band in each frame.
fn band_levels(signal: &[f64], bands: &[(usize, usize); BANDS]) -> Vec<[f64; BANDS]> {
    let window = hann();
    let transform = RealFftPlanner::<f64>::new().plan_fft_forward(TRANSFORM);
    let mut input = transform.make_input_vec();
    let mut spectrum = transform.make_output_vec();
    let mut levels = Vec::new();
    for at in frame_starts(signal.len()) {
        input.fill(0.0);
        for (i, w) in window.iter().enumerate() {
            input[i] = w * signal[at + i];
        }
        // The lengths come from the plan itself, the only thing it can refuse.
        if transform.process(&mut input, &mut spectrum).is_ok() {
            levels.push(bands.map(|(from, to)| {
                spectrum[from..to]
                    .iter()
                    .map(|bin| bin.norm_sqr())
                    .sum::<f64>()
                    .sqrt()
            }));
        }
    }
    levels
}

/// First and one-past-last bin of each third-octave band.
fn third_octaves() -> [(usize, usize); BANDS] {
    let bin_hz = f64::from(RATE) / TRANSFORM as f64;
    let edge = |sixths: f64| ((LOWEST_HZ * 2f64.powf(sixths / 6.0)) / bin_hz).round() as usize;
    std::array::from_fn(|k| {
        let sixths = 2.0 * k as f64;
        (edge(sixths - 1.0), edge(sixths + 1.0))
    })
}

fn frame_starts(length: usize) -> impl Iterator<Item = usize> {
    (0..length.saturating_sub(FRAME)).step_by(HOP)
}

/// A Hann window without its zero ends.
fn hann() -> Vec<f64> {
    (1..=FRAME)
        .map(|i| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * i as f64 / (FRAME + 1) as f64).cos())
        .collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn centre(values: &mut [f64]) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter_mut().for_each(|v| *v -= mean);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::testing::{babble, noise};

    // The figures were computed with pystoi 0.4 from the same signals.
    #[test]
    fn agrees_with_the_reference_implementation() {
        let known = [
            (
                10_000,
                [
                    0.986_729_399_059_562_9,
                    0.724_693_652_917_167_5,
                    0.292_970_442_950_101_6,
                ],
                0.053_477_863_548_422_495,
            ),
            (
                16_000,
                [
                    0.988_036_237_736_896_7,
                    0.759_094_679_986_285_1,
                    0.297_224_229_426_223_56,
                ],
                0.056_209_391_532_279_815,
            ),
            (
                48_000,
                [
                    0.993_954_309_758_466_8,
                    0.855_072_021_076_726_4,
                    0.425_410_833_626_344_63,
                ],
                0.061_788_680_752_996_906,
            ),
        ];
        for (rate, under_noise, other_speech) in known {
            let clean = babble(1, 4.0, rate);
            let hiss = noise(7, clean.len());
            for (gain, want) in [0.02, 0.1, 0.5].into_iter().zip(under_noise) {
                let heard: Vec<f64> = clean.iter().zip(&hiss).map(|(x, n)| x + gain * n).collect();
                let got = stoi(&clean, &heard, rate).expect("four seconds are enough");
                assert!(
                    (got - want).abs() < 1e-6,
                    "rate {rate}, noise {gain}: {got} instead of {want}"
                );
            }
            let got = stoi(&clean, &babble(2, 4.0, rate), rate).expect("four seconds are enough");
            assert!(
                (got - other_speech).abs() < 1e-6,
                "rate {rate}: {got} instead of {other_speech}"
            );
        }
    }

    #[test]
    fn needs_enough_speech_of_one_length() {
        let clean = babble(1, 0.3, 10_000);
        assert_eq!(stoi(&clean, &clean, 10_000), None);
        assert_eq!(
            stoi(&babble(1, 1.0, 10_000), &babble(1, 1.1, 10_000), 10_000),
            None
        );
    }
}
