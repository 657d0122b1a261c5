//! Between the rate of a file or device and our 48 kHz.

use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType,
    WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

use crate::AudioError;

/// Rates that sound hardware and files use.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Input is converted in pieces of 1/200 s, so that it waits at most 5 ms.
const PIECES_A_SECOND: u32 = 200;

/// Converts mono sound from one rate to another, piece by piece. Equal rates
/// pass unchanged.
pub(crate) struct Converter {
    inner: Option<Inner>,
}

struct Inner {
    resampler: Async<f32>,
    waiting: Vec<f32>,
    converted: Vec<f32>,
    /// Output samples that only fill the filter and are not played.
    skip: usize,
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converter")
            .field(
                "ratio",
                &self.inner.as_ref().map(|i| i.resampler.resample_ratio()),
            )
            .finish()
    }
}

impl Converter {
    /// # Errors
    /// When a rate is not among those that hardware and files use.
    pub(crate) fn new(from: u32, to: u32) -> Result<Self, AudioError> {
        let wrong = || AudioError::SampleRate { from, to };
        if !RATES.contains(&from) || !RATES.contains(&to) {
            return Err(wrong());
        }
        if from == to {
            return Ok(Self { inner: None });
        }
        let piece = (from / PIECES_A_SECOND) as usize;
        let parameters = SincInterpolationParameters {
            interpolation: SincInterpolationType::Cubic,
            ..SincInterpolationParameters::new(128, WindowFunction::BlackmanHarris2)
        };
        let ratio = f64::from(to) / f64::from(from);
        let resampler = Async::new_sinc(ratio, 1.0, &parameters, piece, 1, FixedAsync::Input)
            .map_err(|_| wrong())?;
        Ok(Self {
            inner: Some(Inner {
                converted: vec![0.0; resampler.output_frames_max()],
                skip: resampler.output_delay(),
                waiting: Vec::with_capacity(4 * piece),
                resampler,
            }),
        })
    }

    /// Takes samples of the one rate and appends samples of the other to
    /// `out`. A rest shorter than 5 ms waits for the next call.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        match &mut self.inner {
            None => out.extend_from_slice(samples),
            Some(inner) => inner.push(samples, out),
        }
    }

    /// Brings out what still waits; the sound is over.
    pub(crate) fn finish(&mut self, out: &mut Vec<f32>) {
        if let Some(inner) = &mut self.inner {
            let rest = inner.waiting.len();
            let ratio = inner.resampler.resample_ratio();
            let delay = inner.resampler.output_delay();
            let wanted = out.len() + delay + (rest as f64 * ratio).round() as usize;
            let silence = vec![0.0; inner.resampler.input_frames_max()];
            while out.len() < wanted {
                inner.push(&silence, out);
            }
            out.truncate(wanted);
        }
    }
}

impl Inner {
    fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.waiting.extend_from_slice(samples);
        let mut used = 0;
        while self.waiting.len() - used >= self.resampler.input_frames_next() {
            let Some((read, written)) = self.convert(used) else {
                break;
            };
            used += read;
            let skipped = self.skip.min(written);
            self.skip -= skipped;
            out.extend_from_slice(&self.converted[skipped..written]);
        }
        self.waiting.drain(..used);
    }

    /// Converts one piece; none when the resampler refuses its own sizes.
    fn convert(&mut self, from: usize) -> Option<(usize, usize)> {
        let input = &self.waiting[from..];
        let room = self.converted.len();
        let input = InterleavedSlice::new(input, 1, input.len()).ok()?;
        let mut output = InterleavedSlice::new_mut(&mut self.converted, 1, room).ok()?;
        self.resampler
            .process_into_buffer(&input, &mut output, None)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, seconds: f32) -> Vec<f32> {
        (0..(rate as f32 * seconds) as usize)
            .map(|i| (i as f32 / rate as f32 * 1_000.0 * std::f32::consts::TAU).sin())
            .collect()
    }

    #[test]
    fn a_tone_stays_where_and_what_it_was() {
        for rate in [8_000, 16_000, 44_100, 48_000, 96_000] {
            let mut converter = Converter::new(rate, 48_000).unwrap();
            let mut out = Vec::new();
            for piece in sine(rate, 0.5).chunks(333) {
                converter.push(piece, &mut out);
            }
            converter.finish(&mut out);
            let expected = sine(48_000, 0.5);
            assert!(
                out.len().abs_diff(expected.len()) < 200,
                "{rate}: {}",
                out.len()
            );
            // The filter's delay is taken out to the nearest sample, which at
            // 1 kHz leaves an error of up to 0.066.
            let error = |shift: usize| {
                (4_000..20_000)
                    .map(|i| (out[i + shift] - expected[i + 2]).abs())
                    .fold(0.0, f32::max)
            };
            let least = (0..=4).map(error).fold(f32::MAX, f32::min);
            assert!(least < 0.07, "{rate} Hz: {least}");
        }
    }

    #[test]
    fn strange_rates_are_refused() {
        for rate in [0, 1, 7_999, 200_000, u32::MAX] {
            let error = Converter::new(rate, 48_000).unwrap_err().to_string();
            assert!(error.contains("8000"), "{error}");
        }
    }
}
