//! How long there has been nothing at all: not quiet, but digital silence, as
//! a dead microphone gives and a living room never does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::SAMPLE_RATE;

/// What is weaker is nothing: -90 dBFS, the least that 16 bits can say.
const NOTHING: f32 = 3.2e-5;

/// Digital silence on one way of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Silence {
    /// For how long there has been none but silence, in milliseconds.
    pub for_ms: u64,
    /// Whether there was ever any sound, on this device.
    pub sounded: bool,
}

/// Measures silence: one thread writes, others read.
#[derive(Debug, Default)]
pub(crate) struct SilenceGauge {
    samples: AtomicU64,
    sounded: AtomicBool,
}

impl SilenceGauge {
    /// Takes the next sound, 48 kHz mono.
    pub(crate) fn push(&self, sound: &[f32]) {
        if sound.iter().any(|s| s.abs() > NOTHING) {
            self.sounded.store(true, Relaxed);
            self.samples.store(0, Relaxed);
        } else {
            self.samples.fetch_add(sound.len() as u64, Relaxed);
        }
    }

    /// Begins anew: another device is in use.
    pub(crate) fn reset(&self) {
        self.sounded.store(false, Relaxed);
        self.samples.store(0, Relaxed);
    }

    pub(crate) fn get(&self) -> Silence {
        Silence {
            for_ms: self.samples.load(Relaxed) * 1_000 / u64::from(SAMPLE_RATE),
            sounded: self.sounded.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_softest_sound_ends_silence() {
        let gauge = SilenceGauge::default();
        for _ in 0..250 {
            gauge.push(&[0.0; 960]);
        }
        let silent = |for_ms, sounded| Silence { for_ms, sounded };
        assert_eq!(gauge.get(), silent(5_000, false));
        gauge.push(&[0.0, 4e-5, 0.0]);
        assert_eq!(gauge.get(), silent(0, true));
        gauge.push(&[1e-5; 480]);
        assert_eq!(gauge.get(), silent(10, true));
        gauge.reset();
        assert_eq!(gauge.get(), silent(0, false));
    }
}
