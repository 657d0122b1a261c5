//! Sound without a device: files, tones, silence.

use std::f64::consts::TAU;

use crate::{AudioError, InputSpec, SAMPLE_RATE, wav::WavInput};

/// Amplitude of a tone: -12 dBFS, audible and harmless.
const TONE_AMPLITUDE: f64 = 0.25;

/// What a paced input gives.
#[derive(Debug)]
pub(crate) enum Feed {
    Silence,
    Tone(Tone),
    File(Box<WavInput>),
}

impl Feed {
    /// The feed that a specification names; none when it names a device.
    ///
    /// # Errors
    /// When its file cannot be played.
    pub(crate) fn open(spec: &InputSpec) -> Result<Option<Self>, AudioError> {
        Ok(match spec {
            InputSpec::Default | InputSpec::Device(_) => None,
            InputSpec::File(path) => Some(Self::File(Box::new(WavInput::open(path)?))),
            InputSpec::Tone(hz) => Some(Self::Tone(Tone::new(*hz))),
            InputSpec::Silence => Some(Self::Silence),
        })
    }

    /// Fills `out` (48 kHz mono) with what comes next.
    pub(crate) fn fill(&mut self, out: &mut [f32]) {
        match self {
            Self::Silence => out.fill(0.0),
            Self::Tone(tone) => tone.fill(out),
            Self::File(file) => file.fill(out),
        }
    }
}

/// An endless sine.
#[derive(Debug)]
pub(crate) struct Tone {
    /// Turns per sample.
    step: f64,
    /// Turns so far, 0 to 1.
    phase: f64,
}

impl Tone {
    fn new(hz: f32) -> Self {
        Self {
            step: f64::from(hz) / f64::from(SAMPLE_RATE),
            phase: 0.0,
        }
    }

    fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = ((self.phase * TAU).sin() * TONE_AMPLITUDE) as f32;
            self.phase = (self.phase + self.step).fract();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{decibels, rms};

    #[test]
    fn a_tone_has_its_frequency_and_level() {
        let mut feed = Feed::open(&InputSpec::Tone(1_000.0)).unwrap().unwrap();
        let mut second = vec![0.0; 48_000];
        for piece in second.chunks_mut(960) {
            feed.fill(piece);
        }
        let crossings = second
            .windows(2)
            .filter(|w| w[0] < 0.0 && w[1] >= 0.0)
            .count();
        assert!((999..=1_000).contains(&crossings), "{crossings}");
        assert!((decibels(rms(&second)) + 15.05).abs() < 0.1);
    }

    #[test]
    fn devices_are_not_paced() {
        assert!(Feed::open(&InputSpec::Default).unwrap().is_none());
    }
}
