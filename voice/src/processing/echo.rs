//! Takes the loudspeaker's echo out of the microphone's sound (AEC3).

use std::time::Duration;

use sonora::{AudioProcessing, Config, StreamConfig, config};

use super::{BLOCK, presence::Presence};
use crate::{
    SAMPLE_RATE,
    level::{decibels, rms},
};

/// What the canceller adds: two of its blocks of 4 ms, and the split into
/// three bands and back.
pub(super) const DELAY: Duration = Duration::from_micros(8_960);
/// What the loudspeaker gets below this level makes no echo that is heard.
const FAR_ACTIVE_DB: f32 = -50.0;

/// Learns the way from loudspeaker to microphone and subtracts what came it.
#[derive(Debug)]
pub(super) struct EchoCanceller {
    inner: AudioProcessing,
    /// The beginning of a block of the reference.
    reference: Vec<f32>,
    /// The reference as the library hands it back; nobody wants it.
    unused: [f32; BLOCK],
    presence: Presence,
    /// Blocks with sound in the reference since the last one of the microphone.
    far_active: u32,
    /// Share of the canceller's sound at the end of the last block.
    share: f32,
}

impl Default for EchoCanceller {
    fn default() -> Self {
        let mono = StreamConfig::new(SAMPLE_RATE, 1);
        let canceller = config::EchoCanceller {
            // The library's high-pass takes the lowest tones of deep voices
            // along: PESQ falls from 4.6 to 3.3 by it alone.
            enforce_high_pass_filtering: false,
            ..Default::default()
        };
        let inner = AudioProcessing::builder()
            .config(Config {
                pipeline: full_band(),
                echo_canceller: Some(canceller),
                ..Default::default()
            })
            .capture_config(mono)
            .render_config(mono)
            .build();
        Self {
            inner,
            reference: Vec::with_capacity(2 * BLOCK),
            unused: [0.0; BLOCK],
            presence: Presence::default(),
            far_active: 0,
            share: 0.0,
        }
    }
}

/// Keeps what is above 16 kHz, which the library leaves out by default.
pub(super) fn full_band() -> config::Pipeline {
    config::Pipeline {
        maximum_internal_processing_rate: config::MaxProcessingRate::Rate48kHz,
        ..Default::default()
    }
}

impl EchoCanceller {
    /// Takes what the loudspeaker gets.
    pub(super) fn render(&mut self, samples: &[f32]) {
        self.reference.extend_from_slice(samples);
        let whole = self.reference.len() / BLOCK * BLOCK;
        for block in self.reference[..whole].chunks_exact(BLOCK) {
            self.far_active += u32::from(decibels(rms(block)) > FAR_ACTIVE_DB);
            let result = self
                .inner
                .process_render_f32(&[block], &mut [&mut self.unused]);
            if let Err(error) = result {
                tracing::debug!(%error, "the echo canceller refuses a reference");
            }
        }
        self.reference.drain(..whole);
    }

    /// Works on a block of the microphone in place.
    pub(super) fn capture(&mut self, block: &mut [f32; BLOCK], delay: Duration) {
        let milliseconds = i32::try_from(delay.as_millis()).unwrap_or(i32::MAX);
        // It takes up to 500 ms, says so of more, and finds out itself.
        if let Err(error) = self.inner.set_stream_delay_ms(milliseconds) {
            tracing::trace!(%error, "a long delay from loudspeaker to microphone");
        }
        let input = *block;
        if let Err(error) = self.inner.process_capture_f32(&[&input], &mut [block]) {
            tracing::debug!(%error, "the echo canceller refuses a block");
            *block = input;
        }
        self.choose(&input, block);
    }

    /// How much later sound comes out than it went in, now.
    pub(super) fn delay(&self) -> Duration {
        if self.share > 0.0 {
            DELAY
        } else {
            Duration::ZERO
        }
    }

    /// Leaves the canceller's block, or puts what the microphone heard in its
    /// place, which does not have to wait for the canceller. A change fades over
    /// a block; the two are some milliseconds apart, once.
    fn choose(&mut self, untouched: &[f32; BLOCK], block: &mut [f32; BLOCK]) {
        let enhancement = self.inner.statistics().echo_return_loss_enhancement;
        let heard = std::mem::take(&mut self.far_active);
        let is_there = self.presence.push(heard, enhancement.unwrap_or(0.0));
        let target = if is_there { 1.0 } else { 0.0 };
        let step = (target - self.share) / BLOCK as f32;
        for (sample, untouched) in block.iter_mut().zip(untouched) {
            self.share += step;
            *sample = untouched + (*sample - untouched) * self.share;
        }
        self.share = target;
    }
}
