//! Takes steady noise out of the microphone's sound.
//!
//! The suppressor of WebRTC always works with its full strength, which costs
//! clean speech more than the little noise beneath it is worth. So its output
//! is mixed with its input according to how much noise there is.

use std::{collections::VecDeque, time::Duration};

use sonora::three_band_filter_bank::ThreeBandFilterBank;
use sonora_ns::{config::SuppressionLevel, noise_suppressor};

use super::BLOCK;
use crate::level::{decibels, rms};

/// What the suppressor adds: the overlap of its transform, 6 ms, and the split
/// into three bands and back.
pub(super) const DELAY: Duration = Duration::from_micros(6_940);

/// Bands of 8 kHz: 0 to 8, 8 to 16, 16 to 24 kHz.
const BANDS: usize = 3;
/// Samples of one band in a block of 10 ms.
const BAND: usize = BLOCK / BANDS;
/// Samples of a band by which the suppressor delays.
const OVERLAP: usize = 96;
/// The suppressor calculates with 16-bit samples.
const SCALE: f32 = 32_768.0;

/// At and below this noise the suppressor works with its least strength, dBFS.
const QUIET_DB: f32 = -75.0;
/// At and above this noise it works with all its strength, dBFS.
const NOISY_DB: f32 = -55.0;
/// The least share of the suppressor's output in the mix.
const LEAST_SHARE: f32 = 0.25;
/// The least level of so many blocks, 1.5 s, is a pause between words.
const WINDOW: u32 = 150;
/// Windows that the noise is the least of.
const WINDOWS: usize = 2;

/// Suppresses noise as strongly as there is noise.
#[derive(Debug)]
pub(super) struct NoiseSuppressor {
    split: ThreeBandFilterBank,
    merge: ThreeBandFilterBank,
    inner: noise_suppressor::NoiseSuppressor,
    /// The low band's last samples, unsuppressed.
    dry: [f32; OVERLAP],
    floor: NoiseFloor,
    /// Share of the suppressor's output in the mix.
    share: f32,
}

impl Default for NoiseSuppressor {
    fn default() -> Self {
        let config = sonora_ns::config::NsConfig {
            target_level: SuppressionLevel::K18dB,
        };
        Self {
            split: ThreeBandFilterBank::new(),
            merge: ThreeBandFilterBank::new(),
            inner: noise_suppressor::NoiseSuppressor::new_with_bands(config, BANDS),
            dry: [0.0; OVERLAP],
            floor: NoiseFloor::default(),
            share: LEAST_SHARE,
        }
    }
}

impl NoiseSuppressor {
    /// Works on a block in place.
    pub(super) fn process(&mut self, block: &mut [f32; BLOCK]) {
        let noise = self.floor.follow(decibels(rms(block)));
        // Over about a second, so that the strength changes unheard.
        self.share += (share_at(noise) - self.share) * 0.01;
        let mut bands = [[0.0; BAND]; BANDS];
        let scaled = block.map(|sample| sample * SCALE);
        self.split.analysis(&scaled, &mut bands);
        let [low, upper @ ..] = &mut bands;
        self.low(low);
        let gain = 1.0 - self.share * (1.0 - self.inner.upper_band_gain());
        for (index, band) in upper.iter_mut().enumerate() {
            self.inner.process_upper_band(band, index, gain);
        }
        self.merge.synthesis(&bands, block);
        for sample in block {
            *sample /= SCALE;
        }
    }

    fn low(&mut self, band: &mut [f32; BAND]) {
        let input = *band;
        self.inner.analyze(&input);
        self.inner.process(band);
        let delayed = self.dry.iter().chain(&input);
        for (wet, dry) in band.iter_mut().zip(delayed) {
            *wet = dry + self.share * (*wet - dry);
        }
        self.dry.copy_from_slice(&input[BAND - OVERLAP..]);
    }
}

/// The share of the suppressor's output in the mix at a level of noise.
fn share_at(noise_db: f32) -> f32 {
    let noisy = ((noise_db - QUIET_DB) / (NOISY_DB - QUIET_DB)).clamp(0.0, 1.0);
    LEAST_SHARE + (1.0 - LEAST_SHARE) * noisy
}

/// The level of what is heard in pauses: the least of the last seconds.
#[derive(Debug)]
struct NoiseFloor {
    least: f32,
    blocks: u32,
    windows: VecDeque<f32>,
}

impl Default for NoiseFloor {
    fn default() -> Self {
        Self {
            least: f32::MAX,
            blocks: 0,
            windows: VecDeque::with_capacity(WINDOWS + 1),
        }
    }
}

impl NoiseFloor {
    /// Takes the level of a block; returns that of the noise, both in dBFS.
    fn follow(&mut self, level: f32) -> f32 {
        self.least = self.least.min(level);
        self.blocks += 1;
        let noise = self.windows.iter().fold(self.least, |a, b| a.min(*b));
        if self.blocks == WINDOW {
            self.windows.push_back(self.least);
            if self.windows.len() > WINDOWS {
                self.windows.pop_front();
            }
            self.blocks = 0;
            self.least = f32::MAX;
        }
        noise
    }
}
