//! The whole band of a 48 kHz source comes through while the line is good.

use crate::common::{Random, speech};
use realfft::RealFftPlanner;
use twocan_voice::{
    Format, SAMPLE_RATE,
    offline::{Options, run, scenarios},
};

const SECOND: usize = SAMPLE_RATE as usize;

/// Speech with hissing consonants, whose sound reaches to 20 kHz.
fn hissing_speech(seconds: f32) -> Vec<f32> {
    let mut random = Random::new(3);
    let mut last = 0.0;
    let hiss = (0..).map(|i| {
        let noise = random.next() - 0.5;
        let high = noise - std::mem::replace(&mut last, noise);
        let syllable = (i as f32 / SECOND as f32 * 4.0).fract();
        if syllable < 0.3 { 0.2 * high } else { 0.0 }
    });
    let voice = speech(seconds);
    voice.iter().zip(hiss).map(|(a, b)| a + b).collect()
}

/// The level between two frequencies in Hz, in dB.
fn level(signal: &[f32], from: usize, to: usize) -> f32 {
    let length = SECOND / 10;
    let transform = RealFftPlanner::<f32>::new().plan_fft_forward(length);
    let mut spectrum = transform.make_output_vec();
    let mut energy = 0.0;
    for piece in signal.chunks_exact(length) {
        let mut piece = piece.to_vec();
        let step = std::f32::consts::TAU / length as f32;
        for (i, sample) in piece.iter_mut().enumerate() {
            *sample *= 0.5 - 0.5 * (i as f32 * step).cos();
        }
        transform.process(&mut piece, &mut spectrum).unwrap();
        let bins = &spectrum[from * length / SECOND..to * length / SECOND];
        energy += bins.iter().map(|bin| bin.norm_sqr()).sum::<f32>();
    }
    10.0 * energy.log10()
}

#[test]
fn what_is_above_12_khz_is_heard_at_the_other_end() {
    let said = hissing_speech(8.0);
    let clean = scenarios().into_iter().find(|s| s.name == "clean").unwrap();
    for format in [Format::Protected, Format::Red { opus: 111 }, Format::Opus] {
        let options = Options {
            format,
            ..Options::default()
        };
        for heard in run(&said, &clean.line, &options).unwrap() {
            let seconds = 2 * SECOND..7 * SECOND;
            let (said, heard) = (&said[seconds.clone()], &heard.samples[seconds]);
            // Opus ends at 20 kHz.
            for (from, to) in [(4_000, 12_000), (12_000, 16_000), (16_000, 19_000)] {
                let change = level(heard, from, to) - level(said, from, to);
                assert!(change.abs() < 6.0, "{format:?} {from}: {change} dB");
            }
        }
    }
}
