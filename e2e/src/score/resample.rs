//! Changing the sample rate by a rational factor, with the Kaiser-windowed
//! sinc that reference implementations of STOI use (60 dB of rejection, a
//! transition of a tenth of the stop band's edge).

use std::f64::consts::PI;

/// Attenuation of the stop band in dB.
const REJECTION_DB: f64 = 60.0;

/// Resamples `signal` from `from` to `to` samples a second.
#[must_use]
pub fn resample(signal: &[f64], from: u32, to: u32) -> Vec<f64> {
    if from == to {
        return signal.to_vec();
    }
    let common = gcd(from, to);
    let (up, down) = ((to / common) as usize, (from / common) as usize);
    let filter = low_pass(up, down);
    let half = filter.len() / 2;
    let length = (signal.len() * up).div_ceil(down);
    (0..length)
        .map(|m| filtered_at(signal, &filter, m * down, half, up))
        .collect()
}

/// One output sample: `at` counts in the signal's rate times `up`.
fn filtered_at(signal: &[f64], filter: &[f64], at: usize, half: usize, up: usize) -> f64 {
    let first = at.saturating_sub(half).div_ceil(up);
    let last = ((at + half) / up).min(signal.len().saturating_sub(1));
    (first..=last)
        .map(|k| signal[k] * filter[half + at - k * up])
        .sum()
}

/// The anti-aliasing filter at `up` times the input rate, with a sum of `up`.
fn low_pass(up: usize, down: usize) -> Vec<f64> {
    let cutoff = 1.0 / (2.0 * up.max(down) as f64);
    let half = ((REJECTION_DB - 8.0) / (28.714 * cutoff / 10.0)).ceil() as i64;
    let beta = 0.1102 * (REJECTION_DB - 8.7);
    let mut taps: Vec<f64> = (-half..=half)
        .map(|t| {
            let inside = 1.0 - (t as f64 / half as f64).powi(2);
            bessel_i0(beta * inside.max(0.0).sqrt()) * sinc(2.0 * cutoff * t as f64)
        })
        .collect();
    let scale = up as f64 / taps.iter().sum::<f64>();
    taps.iter_mut().for_each(|tap| *tap *= scale);
    taps
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The modified Bessel function of the first kind, order 0, by its series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..64 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::testing::babble;

    // The sums were computed with pystoi 0.4 (its port of Octave's resampler
    // over scipy's polyphase filter) from the same signal.
    #[test]
    fn agrees_with_the_reference_implementation() {
        let speech = babble(1, 4.0, 48_000);
        for (rate, length, energy) in [
            (10_000, 40_000, 130.058_374_666_364_33),
            (16_000, 64_000, 210.510_334_561_719_9),
        ] {
            let out = resample(&speech, 48_000, rate);
            assert_eq!(out.len(), length);
            let sum: f64 = out.iter().map(|x| x * x).sum();
            assert!((sum - energy).abs() < 1e-6, "{rate}: {sum}");
        }
    }

    #[test]
    fn keeps_a_tone_and_removes_what_does_not_fit() {
        let tone = |hz: f64, rate: u32| -> Vec<f64> {
            (0..rate)
                .map(|i| (2.0 * PI * hz * f64::from(i) / f64::from(rate)).sin())
                .collect()
        };
        let kept = resample(&tone(1_000.0, 48_000), 48_000, 16_000);
        let want = tone(1_000.0, 16_000);
        let worst = kept[500..15_500]
            .iter()
            .zip(&want[500..15_500])
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(worst < 0.01, "{worst}");
        let gone = resample(&tone(9_000.0, 48_000), 48_000, 16_000);
        assert!(gone[500..15_500].iter().all(|x| x.abs() < 0.01));
    }
}
