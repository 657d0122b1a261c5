//! What each stage claims, on signals like speech in a simulated room.

use std::time::Instant;

use super::*;
use crate::level::{decibels, rms};

const SECOND: usize = SAMPLE_RATE as usize;
const ECHO: Processing = Processing {
    echo_cancellation: true,
    ..Processing::OFF
};
const NOISE: Processing = Processing {
    noise_suppression: true,
    ..Processing::OFF
};
const GAIN: Processing = Processing {
    gain_control: true,
    ..Processing::OFF
};

/// Numbers from -1 to 1 that look random and are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// A gliding voice with formants, consonants of noise over the whole band, and
/// pauses: a second in four, and a little after each syllable.
fn speech(seconds: usize, pitch: f32, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let mut phase = 0.0_f32;
    (0..seconds * SECOND)
        .map(|i| {
            let t = i as f32 / SECOND as f32 + seed as f32;
            let hz = pitch * (1.0 + 0.25 * (t * 2.3).sin() + 0.1 * (t * 7.1).sin());
            phase = (phase + hz / SECOND as f32).fract();
            let formant = (600.0 + 350.0 * (t * 5.3).sin()) / hz;
            let voice: f32 = (1..=16)
                .map(|h| {
                    let h = h as f32;
                    let gain = 1.0 / (1.0 + (h - formant).powi(2) / 3.0) + 0.2 / h;
                    gain * (phase * h * std::f32::consts::TAU).sin()
                })
                .sum();
            let syllable = (t * 4.0 + 0.3 * (t * 1.7).sin()).fract();
            let envelope = (syllable * std::f32::consts::PI).sin().powi(2);
            let consonant = if syllable < 0.15 { 0.4 } else { 0.0 };
            let speaks = if (t / 4.0).fract() < 0.75 { 0.12 } else { 0.0 };
            speaks * (envelope * voice + consonant * random.next())
        })
        .collect()
}

fn add_noise(signal: &mut [f32], amplitude: f32) {
    let mut random = Random(99);
    for sample in signal {
        *sample += amplitude * random.next();
    }
}

/// A room with a reverberation time of 0.3 s, 40 ms from loudspeaker to
/// microphone, half as loud: reflections at random times.
fn echo_in_room(signal: &[f32]) -> Vec<f32> {
    let mut random = Random(5);
    let mut taps = vec![(SECOND / 25, 0.4_f32)];
    taps.extend((0..120).map(|_| {
        let after = 0.15 * (random.next() + 1.0);
        let decay = 10.0_f32.powf(-3.0 * after / 0.3);
        let at = SECOND / 25 + (after * SECOND as f32) as usize;
        (at, 0.12 * decay * random.next())
    }));
    let mut echo = vec![0.0; signal.len()];
    for (at, gain) in taps {
        for (sample, heard) in signal.iter().zip(&mut echo[at..]) {
            *heard += gain * sample;
        }
    }
    echo
}

/// Runs a microphone's sound, in frames of 20 ms, while `far` is played.
fn run(stages: Processing, far: &[f32], near: &[f32]) -> Vec<f32> {
    let mut processor = Processor::default();
    processor.set(stages);
    let mut out = near.to_vec();
    for (played, heard) in far.chunks_exact(960).zip(out.chunks_exact_mut(960)) {
        // As a device takes them: other blocks than the canceller's.
        for block in played.chunks(240) {
            processor.render(block);
        }
        processor.capture(heard, Duration::from_millis(40));
    }
    out
}

fn run_near(stages: Processing, near: &[f32]) -> Vec<f32> {
    run(stages, &vec![0.0; near.len()], near)
}

fn level(signal: &[f32]) -> f32 {
    decibels(rms(signal))
}

/// The signal above 12 kHz, by a steep high-pass of two equal sections.
fn above_12_khz(signal: &[f32]) -> Vec<f32> {
    let mut out = signal.to_vec();
    for _ in 0..3 {
        // Butterworth, 12 kHz of 48: the bilinear transform is exact there.
        let (b, a2) = (0.292_893_2, 0.171_572_9);
        let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
        for sample in &mut out {
            let x = *sample;
            let y = b * (x - 2.0 * x1 + x2) - a2 * y2;
            (x2, x1, y2, y1) = (x1, x, y1, y);
            *sample = y1;
        }
    }
    out
}

/// How far a copy is from the original, as signal to error in dB, after the
/// best shift and gain.
fn likeness(original: &[f32], copy: &[f32]) -> (usize, f32) {
    let length = original.len() - 1_200;
    let original = &original[..length];
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let best = (0..1_200)
        .max_by(|a, b| {
            let at = |shift: usize| dot(original, &copy[shift..shift + length]);
            at(*a).total_cmp(&at(*b))
        })
        .unwrap();
    let copy = &copy[best..best + length];
    let power = dot(copy, copy);
    let told = dot(original, copy).powi(2) / dot(original, original);
    (best, 10.0 * (told / (power - told).max(1e-9)).log10())
}

#[test]
fn the_echo_of_a_room_is_gone_after_some_seconds() {
    let far = speech(16, 120.0, 3);
    let mut heard = echo_in_room(&far);
    add_noise(&mut heard, 0.0005);
    let out = run(ECHO, &far, &heard);
    let rest = 8 * SECOND..;
    let enhancement = level(&heard[rest.clone()]) - level(&out[rest]);
    assert!(enhancement >= 30.0, "{enhancement} dB");
}

#[test]
fn who_speaks_into_the_echo_is_heard() {
    let far = speech(16, 120.0, 3);
    let near = speech(16, 210.0, 8);
    let mut heard = echo_in_room(&far);
    for (heard, near) in heard.iter_mut().zip(&near) {
        *heard += near;
    }
    let out = run(ECHO, &far, &heard);
    let rest = 8 * SECOND..;
    let (_, before) = likeness(&near[rest.clone()], &heard[rest.clone()]);
    let (_, after) = likeness(&near[rest.clone()], &out[rest.clone()]);
    let lost = level(&near[rest.clone()]) - level(&out[rest]);
    assert!(after > before, "{after} dB after {before}");
    assert!(lost < 6.0, "{lost} dB");
}

#[test]
fn noise_in_pauses_falls_and_speech_stays() {
    let clean = speech(16, 120.0, 4);
    let mut noisy = clean.clone();
    add_noise(&mut noisy, 0.008);
    let out = run_near(NOISE, &noisy);
    // The last pause: from 15 s on.
    let pause = 15 * SECOND + SECOND / 4..16 * SECOND - SECOND / 4;
    let reduction = level(&noisy[pause.clone()]) - level(&out[pause]);
    assert!(reduction >= 12.0, "{reduction} dB");
    let spoken = 8 * SECOND..11 * SECOND;
    let change = level(&clean[spoken.clone()]) - level(&out[spoken]);
    assert!(change.abs() < 2.0, "{change} dB");
}

#[test]
fn clean_speech_passes_nearly_as_it_was() {
    let near = speech(12, 120.0, 4);
    let out = run_near(Processing::default(), &near);
    let rest = 4 * SECOND..8 * SECOND;
    let (_, likeness) = likeness(&near[rest.clone()], &out[rest]);
    assert!(likeness > 12.0, "{likeness} dB");
}

#[test]
fn quiet_talkers_are_raised_and_loud_ones_not_clipped() {
    let speech = speech(16, 120.0, 4);
    let at = |factor: f32| speech.iter().map(|s| s * factor).collect::<Vec<_>>();
    let end = 12 * SECOND..15 * SECOND;
    let quiet = at(0.05);
    let out = run_near(GAIN, &quiet);
    let gain = level(&out[end.clone()]) - level(&quiet[end.clone()]);
    assert!(gain > 10.0, "{gain} dB");
    let loud = at(0.95 / speech.iter().fold(0.0, |a: f32, b| a.max(b.abs())));
    let out = run_near(GAIN, &loud);
    let change = level(&out[end.clone()]) - level(&loud[end]);
    assert!(change.abs() < 2.0, "{change} dB");
    assert!(out.iter().all(|sample| sample.abs() <= 1.0));
}

#[test]
fn what_is_above_12_khz_arrives() {
    let near = speech(8, 120.0, 4);
    for stages in [ECHO, NOISE, GAIN, Processing::default()] {
        let out = run_near(stages, &near);
        let spoken = 4 * SECOND..7 * SECOND;
        let before = level(&above_12_khz(&near[spoken.clone()]));
        let after = level(&above_12_khz(&out[spoken]));
        assert!(
            before > -60.0,
            "the test has something to keep: {before} dB"
        );
        assert!(after > before - 3.0, "{stages:?}: {before} to {after} dB");
    }
}

#[test]
fn the_delay_is_what_is_told() {
    let near = speech(4, 120.0, 4);
    for stages in [Processing::OFF, ECHO, NOISE, GAIN, Processing::default()] {
        let mut processor = Processor::default();
        processor.set(stages);
        let told = processor.delay().as_secs_f32() * SAMPLE_RATE as f32;
        let out = run_near(stages, &near);
        let (shift, _) = likeness(&near[SECOND..2 * SECOND], &out[SECOND..2 * SECOND]);
        assert!((told - shift as f32).abs() < 12.0, "{stages:?}: {shift}");
    }
}

#[test]
fn off_is_nothing() {
    let near = speech(1, 120.0, 4);
    let mut processor = Processor::default();
    processor.set(Processing::default());
    processor.set(Processing::OFF);
    let mut out = near.clone();
    processor.capture(&mut out, Duration::ZERO);
    assert_eq!(out, near);
}

#[test]
fn it_is_cheap() {
    let far = speech(4, 120.0, 3);
    let near = echo_in_room(&far);
    let start = Instant::now();
    run(Processing::default(), &far, &near);
    // About 2 % here; a busy machine and a slow build are given their room.
    let share = start.elapsed().as_secs_f32() / 4.0;
    assert!(share < 0.2, "{share} of a core");
}

#[test]
fn who_wears_headphones_is_left_alone() {
    let (far, near) = (speech(12, 120.0, 1), speech(12, 210.0, 7));
    let out = run(ECHO, &far, &near);
    // Nor is anything late.
    assert_eq!(out, near);
}
