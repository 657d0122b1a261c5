//! Whether somebody speaks: sound that stands out from the noise around it.
//!
//! The noise floor is the lowest level of the last seconds, as speech has
//! pauses and a fan has none. What stands out far enough is speech until it
//! nearly sinks back into the floor.

use std::{collections::VecDeque, f32::consts::TAU};

use crate::{
    SAMPLE_RATE,
    level::{FLOOR_DB, decibels, rms},
};

/// Hum and rumble below this frequency are nobody's voice.
const LOW_CUT_HZ: f32 = 120.0;
/// Sound this far above the noise floor begins to be speech.
const OPENS_ABOVE_DB: f32 = 10.0;
/// Speech goes on until it is no further above the floor than this.
const SHUTS_BELOW_DB: f32 = 6.0;
/// Nothing quieter is ever speech: a whisper across a room.
const LEAST_DB: f32 = -58.0;
/// The floor is looked for in blocks of half a second...
const BLOCK_FRAMES: u32 = 25;
/// ...of which ten are remembered: no sentence goes 5 s without a pause.
const BLOCKS: usize = 10;
/// Until the floor has been watched that long it counts as no higher than
/// this, so that who speaks from the first moment on is not taken for noise.
const UNKNOWN_FLOOR_DB: f32 = -50.0;
/// However loud it is around, a shout is speech.
const MOST_FLOOR_DB: f32 = -30.0;

/// Tells speech from noise, frame by frame of 20 ms.
#[derive(Debug)]
pub(crate) struct SpeechDetector {
    low_cut: [LowCut; 2],
    filtered: Vec<f32>,
    /// The lowest level of each past block.
    lowest: VecDeque<f32>,
    block: f32,
    block_frames: u32,
    speech: bool,
}

impl Default for SpeechDetector {
    fn default() -> Self {
        Self {
            low_cut: [LowCut::default(); 2],
            filtered: Vec::with_capacity(crate::FRAME_SAMPLES),
            lowest: VecDeque::with_capacity(BLOCKS),
            block: f32::INFINITY,
            block_frames: 0,
            speech: false,
        }
    }
}

impl SpeechDetector {
    /// Takes a frame (48 kHz mono); returns whether somebody speaks in it.
    pub(crate) fn push(&mut self, frame: &[f32]) -> bool {
        self.filtered.clear();
        let [first, second] = &mut self.low_cut;
        let filtered = frame.iter().map(|s| second.push(first.push(*s)));
        self.filtered.extend(filtered);
        let level = decibels(rms(&self.filtered));
        let floor = self.floor(level);
        let above = match self.speech {
            true => SHUTS_BELOW_DB,
            false => OPENS_ABOVE_DB,
        };
        self.speech = level > (floor + above).max(LEAST_DB);
        self.speech
    }

    /// The noise floor in dBFS, now that a frame has this level.
    fn floor(&mut self, level: f32) -> f32 {
        self.block = self.block.min(level);
        let lowest = self.lowest.iter().copied().fold(self.block, f32::min);
        let most = match self.lowest.len() {
            BLOCKS => MOST_FLOOR_DB,
            _ => UNKNOWN_FLOOR_DB,
        };
        self.block_frames += 1;
        if self.block_frames == BLOCK_FRAMES {
            if self.lowest.len() == BLOCKS {
                self.lowest.pop_front();
            }
            self.lowest.push_back(self.block);
            (self.block, self.block_frames) = (f32::INFINITY, 0);
        }
        lowest.clamp(FLOOR_DB, most)
    }
}

/// A high-pass filter of the first order.
#[derive(Debug, Clone, Copy, Default)]
struct LowCut {
    before: f32,
    out: f32,
}

impl LowCut {
    const KEPT: f32 = 1.0 / (1.0 + TAU * LOW_CUT_HZ / SAMPLE_RATE as f32);

    fn push(&mut self, sample: f32) -> f32 {
        self.out = Self::KEPT * (self.out + sample - self.before);
        self.before = sample;
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAME_SAMPLES;

    /// Noise of a level, always the same.
    struct Noise(u32);

    impl Noise {
        fn frame(&mut self, db: f32) -> Vec<f32> {
            // White noise between -1 and 1 has an RMS of 1/sqrt(3).
            let amplitude = 10f32.powf(db / 20.0) * 3f32.sqrt();
            let mut next = || {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
            };
            (0..FRAME_SAMPLES).map(|_| amplitude * next()).collect()
        }
    }

    fn seconds(detector: &mut SpeechDetector, db: f32, seconds: u32) -> Vec<bool> {
        let mut noise = Noise(1);
        (0..50 * seconds)
            .map(|_| detector.push(&noise.frame(db)))
            .collect()
    }

    #[test]
    fn silence_and_steady_noise_are_no_speech() {
        let mut detector = SpeechDetector::default();
        assert!(seconds(&mut detector, -200.0, 10).iter().all(|s| !s));
        // A fan goes on: heard at first, known after 5 s.
        let fan = seconds(&mut detector, -45.0, 10);
        assert!(fan[0] && !fan[5 * 50 + 26..].iter().any(|s| *s));
        // Its end is no speech either, and quieter speech is heard again.
        assert!(!seconds(&mut detector, -65.0, 2).iter().any(|s| *s));
        assert!(seconds(&mut detector, -50.0, 1)[0]);
    }

    #[test]
    fn speech_from_the_first_moment_is_heard_through_its_pauses() {
        let mut detector = SpeechDetector::default();
        for sentence in 0..6 {
            let spoken = seconds(&mut detector, -22.0, 2);
            assert!(spoken.iter().all(|s| *s), "sentence {sentence}");
            assert!(!seconds(&mut detector, -55.0, 1)[1..].iter().any(|s| *s));
        }
    }

    #[test]
    fn speech_goes_on_while_it_weakens() {
        let mut detector = SpeechDetector::default();
        seconds(&mut detector, -50.0, 10);
        assert!(!seconds(&mut detector, -42.0, 1)[0], "8 dB do not begin it");
        assert!(seconds(&mut detector, -38.0, 1)[0]);
        assert!(seconds(&mut detector, -42.0, 1)[0], "8 dB keep it");
        assert!(!seconds(&mut detector, -46.0, 1)[0]);
    }

    #[test]
    fn hum_is_no_speech() {
        let mut detector = SpeechDetector::default();
        let hum: Vec<f32> = (0..48_000)
            .map(|n| 0.01 * (TAU * 50.0 * n as f32 / 48_000.0).sin())
            .collect();
        assert!(!hum.chunks(FRAME_SAMPLES).any(|frame| detector.push(frame)));
    }
}
