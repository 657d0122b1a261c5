//! Deterministic signals for the tests of the measures, simple enough to be
//! made again, bit for bit but for rounding, by another program.

use std::f64::consts::PI;

/// White noise from -1 to 1: the upper 24 bits of Knuth's MMIX generator.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<f64> {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1u64 << 24) as f64 * 2.0 - 1.0
        })
        .collect()
}

/// Something like speech: the harmonics of a moving pitch and some breath,
/// under an envelope of syllables. Another seed says something else.
pub(crate) fn babble(seed: u64, seconds: f64, rate: u32) -> Vec<f64> {
    let rate = f64::from(rate);
    let length = (seconds * rate) as usize;
    let breath = noise(seed, length);
    let seed = seed as f64;
    let mut phase = 0.0;
    (0..length)
        .map(|i| {
            let t = i as f64 / rate;
            phase += 2.0 * PI * (100.0 + 12.0 * seed + 15.0 * (2.0 * PI * 0.7 * t).sin()) / rate;
            let voice: f64 = (1..25)
                .map(|k| {
                    let k = f64::from(k);
                    let level =
                        (0.5 + 0.5 * (2.0 * PI * (0.9 + 0.17 * k) * t + seed * k).sin()) / k;
                    level * (k * phase).sin()
                })
                .sum();
            let envelope = (2.0 * PI * 2.3 * t + seed).sin().max(0.0);
            0.2 * envelope * (voice + 0.3 * breath[i])
        })
        .collect()
}
