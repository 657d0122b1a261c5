//! Where a piece of the clean signal lies in what was heard: normalised
//! cross-correlation by FFT, for the whole and for windows of half a second.

use realfft::RealFftPlanner;

/// Length of a window and the step from one to the next, in seconds.
const WINDOW_S: f64 = 0.5;
const STEP_S: f64 = 0.25;
/// Windows quieter than this (dBFS) carry too little to be found.
const QUIET_DB: f64 = -45.0;
/// How far from the common delay a window is looked for, in seconds.
const REACH_S: f64 = 0.35;
/// The least correlation that counts as found: the whole, and one window.
const WHOLE_FOUND: f64 = 0.08;
const WINDOW_FOUND: f64 = 0.5;
/// Mean power below which a stretch counts as digital silence.
const SILENCE_POWER: f64 = 1e-9;

/// One window of the clean signal, and where it was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// First sample of the window in the clean signal.
    pub(super) start: usize,
    /// One past its last sample.
    pub(super) end: usize,
    /// Delay in samples; `None` if the window was not heard.
    pub(super) delay: Option<isize>,
}

/// Follows the delay of `heard` against `clean`, both at `rate`. All windows
/// that carry speech are in the answer.
pub(super) fn track(clean: &[f64], heard: &[f64], rate: u32) -> Vec<Window> {
    let common = whole_delay(clean, heard);
    let (length, step) = (seconds(WINDOW_S, rate), seconds(STEP_S, rate));
    (0..clean.len().saturating_sub(length - 1))
        .step_by(step)
        .filter(|&start| power(&clean[start..start + length]) > 10f64.powf(QUIET_DB / 10.0))
        .map(|start| {
            let end = start + length;
            let delay = common.and_then(|common| {
                window_delay(&clean[start..end], heard, start as isize + common, rate)
            });
            Window {
                start,
                end,
                delay: delay.map(|at| at - start as isize),
            }
        })
        .collect()
}

/// `signal[from..from + length]` with silence outside the signal.
pub(super) fn cut(signal: &[f64], from: isize, length: usize) -> Vec<f64> {
    (from..from + length as isize)
        .map(|i| {
            usize::try_from(i)
                .ok()
                .and_then(|i| signal.get(i))
                .copied()
                .unwrap_or(0.0)
        })
        .collect()
}

/// Mean square.
pub(super) fn power(signal: &[f64]) -> f64 {
    signal.iter().map(|x| x * x).sum::<f64>() / signal.len().max(1) as f64
}

/// The delay of the whole in samples, if it is there at all.
fn whole_delay(clean: &[f64], heard: &[f64]) -> Option<isize> {
    // Either may begin before the other: silence on both sides of the heard.
    let lead = clean.len();
    let padded = cut(heard, -(lead as isize), heard.len() + 2 * lead);
    // Parts of the whole are missing at the edges, so a common scale for all
    // positions is fairer than the energy under each.
    let scores = correlate(clean, &padded);
    let energy = power(clean) * clean.len() as f64 * power(heard) * heard.len() as f64;
    let (at, best) = peak(&scores)?;
    (best > WHOLE_FOUND * energy.sqrt() && energy > 0.0).then(|| at as isize - lead as isize)
}

/// Where a window was heard, near `expected` (a position in `heard`).
fn window_delay(window: &[f64], heard: &[f64], expected: isize, rate: u32) -> Option<isize> {
    let reach = seconds(REACH_S, rate);
    let from = expected - reach as isize;
    let near = cut(heard, from, window.len() + 2 * reach);
    let (at, best) = peak(&normalised(window, &near))?;
    (best > WINDOW_FOUND).then(|| from + at as isize)
}

/// The correlation of `template` at every position of `signal`, from -1 to 1.
fn normalised(template: &[f64], signal: &[f64]) -> Vec<f64> {
    let own = template.iter().map(|x| x * x).sum::<f64>();
    let mut under: f64 = signal[..template.len()].iter().map(|x| x * x).sum();
    let floor = SILENCE_POWER * template.len() as f64;
    let mut scores = correlate(template, signal);
    for (i, score) in scores.iter_mut().enumerate() {
        if i > 0 {
            under += signal[i + template.len() - 1].powi(2) - signal[i - 1].powi(2);
        }
        *score /= (under.max(floor) * own.max(floor)).sqrt();
    }
    scores
}

/// Correlation of `template` at every position of `signal` where it fits.
fn correlate(template: &[f64], signal: &[f64]) -> Vec<f64> {
    let positions = (signal.len() + 1).saturating_sub(template.len());
    let size = (signal.len() + template.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (
        planner.plan_fft_forward(size),
        planner.plan_fft_inverse(size),
    );
    let spectrum = |samples: &[f64]| {
        let mut input = forward.make_input_vec();
        let mut output = forward.make_output_vec();
        input[..samples.len()].copy_from_slice(samples);
        // The lengths come from the plan itself, the only thing it can refuse.
        forward
            .process(&mut input, &mut output)
            .ok()
            .map(|()| output)
    };
    let (Some(mut product), Some(pattern)) = (spectrum(signal), spectrum(template)) else {
        return Vec::new();
    };
    for (a, b) in product.iter_mut().zip(&pattern) {
        *a *= b.conj();
    }
    let mut out = inverse.make_output_vec();
    // The first and last bin of a real spectrum have no imaginary part; what
    // rounding left there is reported as an error and harmless.
    drop(inverse.process(&mut product, &mut out));
    out.truncate(positions);
    out.iter_mut().for_each(|value| *value /= size as f64);
    out
}

fn peak(scores: &[f64]) -> Option<(usize, f64)> {
    scores
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Samples in a number of seconds.
fn seconds(seconds: f64, rate: u32) -> usize {
    (seconds * f64::from(rate)).round() as usize
}
