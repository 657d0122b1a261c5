//! Loudness in dBFS, frame by frame, as a meter shows it.

/// What a meter shows for silence; finite, so that it can be written as JSON.
pub(crate) const FLOOR_DB: f32 = -96.0;

/// How fast a meter falls, in dB a sample: 40 dB a second.
const DECAY_DB: f32 = 40.0 / crate::SAMPLE_RATE as f32;

/// A meter that rises at once and falls slowly, so that the eye can follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    rms_db: f32,
    peak_db: f32,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            rms_db: FLOOR_DB,
            peak_db: FLOOR_DB,
        }
    }
}

impl Meter {
    /// Takes 10 or 20 ms at 48 kHz and returns what the meter shows now.
    pub(crate) fn push(&mut self, frame: &[f32]) -> Self {
        let decay = DECAY_DB * frame.len() as f32;
        self.rms_db = decibels(rms(frame)).max(self.rms_db - decay);
        self.peak_db = decibels(peak(frame)).max(self.peak_db - decay);
        *self
    }

    /// Root mean square in dBFS.
    pub(crate) fn rms_db(self) -> f32 {
        self.rms_db
    }

    /// Peak in dBFS.
    pub(crate) fn peak_db(self) -> f32 {
        self.peak_db
    }
}

/// Root mean square of samples between -1 and 1; 0 for none.
pub(crate) fn rms(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt()
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |most: f32, s| most.max(s.abs()))
}

/// An amplitude in dBFS, never below [`FLOOR_DB`].
pub(crate) fn decibels(amplitude: f32) -> f32 {
    (20.0 * amplitude.log10()).max(FLOOR_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_square_wave_is_zero_and_silence_the_floor() {
        assert_eq!(decibels(rms(&[1.0, -1.0])), 0.0);
        assert_eq!(decibels(rms(&[0.0; 8])), FLOOR_DB);
        assert_eq!(decibels(rms(&[])), FLOOR_DB);
    }

    #[test]
    fn rises_at_once_and_falls_slowly() {
        let mut meter = Meter::default();
        assert!((meter.push(&[0.5; 960]).rms_db() + 6.02).abs() < 0.01);
        let after = meter.push(&[0.0; 960]);
        assert!((after.rms_db() + 6.82).abs() < 0.01);
        assert!((after.peak_db() + 6.82).abs() < 0.01);
    }
}
