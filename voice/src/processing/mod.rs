//! What makes a microphone's sound fit to be heard: the loudspeaker's echo is
//! taken out of it, then steady noise, and then it gets a usual level.
//!
//! ```text
//! loudspeaker --reference--> +------+    +-------+    +------+
//! microphone --------------> | echo | -> | noise | -> | gain | -> encoder
//!                            +------+    +-------+    +------+
//! ```
//!
//! Each stage works on blocks of 10 ms at 48 kHz, mono, and exists only while
//! it is switched on, so that what is off costs neither time nor delay. The
//! algorithms are those of WebRTC (AEC3, NS, AGC2) as sonora has them; what is
//! decided here is how they are set.

mod echo;
mod gain;
mod noise;
mod presence;
#[cfg(test)]
mod tests;

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use self::{echo::EchoCanceller, gain::GainControl, noise::NoiseSuppressor};
use crate::SAMPLE_RATE;

/// Samples in a block of 10 ms.
pub(crate) const BLOCK: usize = SAMPLE_RATE as usize / 100;

/// What is done to a microphone's sound before it is sent. Files and tones are
/// sent as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processing {
    /// Takes out what the microphone hears of our own loudspeaker.
    pub echo_cancellation: bool,
    /// Takes out steady noise.
    pub noise_suppression: bool,
    /// Brings quiet talkers up, and keeps loud ones from being clipped.
    pub gain_control: bool,
}

impl Processing {
    /// The microphone's sound as it is.
    pub const OFF: Self = Self {
        echo_cancellation: false,
        noise_suppression: false,
        gain_control: false,
    };
}

impl Default for Processing {
    /// All of it.
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            gain_control: true,
        }
    }
}

/// The switches as others may set them while sound flows.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    echo_cancellation: AtomicBool,
    noise_suppression: AtomicBool,
    gain_control: AtomicBool,
}

impl Switches {
    pub(crate) fn set(&self, wanted: Processing) {
        self.echo_cancellation
            .store(wanted.echo_cancellation, Relaxed);
        self.noise_suppression
            .store(wanted.noise_suppression, Relaxed);
        self.gain_control.store(wanted.gain_control, Relaxed);
    }

    pub(crate) fn get(&self) -> Processing {
        Processing {
            echo_cancellation: self.echo_cancellation.load(Relaxed),
            noise_suppression: self.noise_suppression.load(Relaxed),
            gain_control: self.gain_control.load(Relaxed),
        }
    }
}

/// The stages that are on.
#[derive(Debug, Default)]
pub(crate) struct Processor {
    echo: Option<EchoCanceller>,
    noise: Option<NoiseSuppressor>,
    gain: Option<GainControl>,
}

impl Processor {
    /// Switches stages on and off. A stage that is switched on starts afresh.
    pub(crate) fn set(&mut self, wanted: Processing) {
        switch(&mut self.echo, wanted.echo_cancellation);
        switch(&mut self.noise, wanted.noise_suppression);
        switch(&mut self.gain, wanted.gain_control);
    }

    /// Takes what is handed to the loudspeaker (48 kHz mono, any length).
    pub(crate) fn render(&mut self, samples: &[f32]) {
        if let Some(echo) = &mut self.echo {
            echo.render(samples);
        }
    }

    /// Works on sound of the microphone (48 kHz mono, whole blocks) in place.
    /// `delay` is the time from handing a block to the loudspeaker until its
    /// echo is taken from the microphone, as far as the devices tell.
    pub(crate) fn capture(&mut self, samples: &mut [f32], delay: Duration) {
        let (blocks, rest) = samples.as_chunks_mut::<BLOCK>();
        debug_assert!(rest.is_empty(), "frames are whole blocks");
        for block in blocks {
            if let Some(echo) = &mut self.echo {
                echo.capture(block, delay);
            }
            if let Some(noise) = &mut self.noise {
                noise.process(block);
            }
            if let Some(gain) = &mut self.gain {
                gain.process(block);
            }
        }
    }

    /// How much later sound comes out than it went in.
    pub(crate) fn delay(&self) -> Duration {
        let echo = self.echo.as_ref().map(EchoCanceller::delay);
        let noise = self.noise.as_ref().map(|_| noise::DELAY);
        echo.unwrap_or_default() + noise.unwrap_or_default()
    }
}

fn switch<T: Default>(stage: &mut Option<T>, on: bool) {
    if on != stage.is_some() {
        *stage = on.then(T::default);
    }
}
