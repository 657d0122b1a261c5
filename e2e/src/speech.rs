//! Speech for the tests, spoken by espeak-ng when it is first needed and kept
//! in the folder for what is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Must, cache_dir};
use crate::score::resample::resample;

/// Sample rate of the speech, and of what clients write, in samples a second.
pub const RATE: u32 = 48_000;
/// Silence before and after the speech, so that nothing is lost while a call
/// begins and ends, in seconds.
const LEAD_S: f64 = 1.5;
const TAIL_S: f64 = 1.0;
/// The loudest sample.
const PEAK: f64 = 0.6;

/// Two voices, so that the directions of a call cannot be mistaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// A lower voice.
    Low,
    /// A higher voice, which says something else.
    High,
}

impl Voice {
    fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
        }
    }

    fn arguments(self) -> [&'static str; 7] {
        match self {
            Self::Low => [
                "-v",
                "en-gb",
                "-p",
                "30",
                "-s",
                "150",
                "The string between two cans is longer than it looks. Pull it tight, and speak slowly. A loose string carries nothing but the wind. Can you hear the kettle in my kitchen?",
            ],
            Self::High => [
                "-v",
                "en-us+f3",
                "-p",
                "65",
                "-s",
                "155",
                "Every morning the ferry leaves before the fog has lifted. Seven gulls wait on the railing for bread. Nobody aboard remembers who fed them first. They are never late.",
            ],
        }
    }
}

/// The speech of a voice as a WAV file of 48 kHz, mono, 16 bit.
///
/// # Panics
/// If espeak-ng is missing.
#[must_use]
pub fn file(voice: Voice) -> PathBuf {
    let path = cache_dir().join(format!("speech-{}.wav", voice.name()));
    if !path.exists() {
        speak(voice, &path);
    }
    path
}

/// The samples of [`file()`], from -1 to 1.
///
/// # Panics
/// If espeak-ng is missing.
#[must_use]
pub fn samples(voice: Voice) -> Vec<f64> {
    read_wav(&file(voice)).0
}

/// Length of a voice's file in seconds.
///
/// # Panics
/// If espeak-ng is missing.
#[must_use]
pub fn length_s(voice: Voice) -> f64 {
    samples(voice).len() as f64 / f64::from(RATE)
}

/// Reads a WAV file as mono samples from -1 to 1, with its rate.
///
/// # Panics
/// If it is not there or not a WAV file of integers.
#[must_use]
pub fn read_wav(path: &Path) -> (Vec<f64>, u32) {
    let mut reader = hound::WavReader::open(path).must(&format!("open {}", path.display()));
    let format = reader.spec();
    let scale = f64::from(1u32 << (format.bits_per_sample - 1));
    let all: Vec<f64> = reader
        .samples::<i32>()
        .map(|s| f64::from(s.must("read a sample")) / scale)
        .collect();
    let mono = all.chunks(usize::from(format.channels.max(1)));
    (
        mono.map(|frame| frame.iter().sum::<f64>() / frame.len() as f64)
            .collect(),
        format.sample_rate,
    )
}

/// Writes mono samples from -1 to 1 as a 16-bit WAV file.
///
/// # Panics
/// If it cannot be written.
pub fn write_wav(path: &Path, samples: &[f64], rate: u32) {
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, format).must("make a WAV file");
    for sample in samples {
        writer
            .write_sample((sample * 32_767.0) as i16)
            .must("write a sample");
    }
    writer.finalize().must("finish a WAV file");
}

fn speak(voice: Voice, path: &Path) {
    // Several test processes may do this at once: each in a file of its own,
    // moved into place as a whole.
    let own = path.with_extension(format!("{}.wav", std::process::id()));
    let status = Command::new("espeak-ng")
        .arg("-w")
        .arg(&own)
        .args(voice.arguments())
        .status();
    let status = status.must("run espeak-ng (make deps-test installs it)");
    assert!(status.success(), "espeak-ng failed: {status}");
    let (spoken, rate) = read_wav(&own);
    let spoken = resample(&spoken, rate, RATE);
    let loudest = spoken
        .iter()
        .fold(0.0_f64, |loudest, x| loudest.max(x.abs()));
    assert!(loudest > 0.0, "espeak-ng said nothing");
    let silence = |seconds: f64| vec![0.0; (seconds * f64::from(RATE)) as usize];
    let mut all = silence(LEAD_S);
    all.extend(spoken.iter().map(|x| x / loudest * PEAK));
    all.extend(silence(TAIL_S));
    write_wav(&own, &all, RATE);
    std::fs::rename(&own, path).must("put the speech into place");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Bounds, compare};

    #[test]
    fn two_voices_are_long_enough_and_not_alike() {
        let (low, high) = (samples(Voice::Low), samples(Voice::High));
        for voice in [&low, &high] {
            assert!(
                (8.0..20.0).contains(&(voice.len() as f64 / f64::from(RATE))),
                "{}",
                voice.len()
            );
        }
        compare(&low, &low, RATE)
            .within(&Bounds::CLEAR)
            .expect("the same speech");
        compare(&low, &high, RATE)
            .within(&Bounds::CLEAR)
            .expect_err("another speech");
    }

    #[test]
    fn choppy_real_speech_is_seen() {
        let said = samples(Voice::Low);
        let mut heard = said.clone();
        for frame in heard.chunks_mut(RATE as usize / 50).skip(7).step_by(10) {
            frame.fill(0.0);
        }
        let result = compare(&said, &heard, RATE);
        let fault = result
            .within(&Bounds::CLEAR)
            .expect_err("one frame in ten is missing");
        assert!(fault.contains("lost"), "{fault}");
    }
}
