//! What happens to our own sound between the device and the encoder.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use crate::{
    FRAME_SAMPLES,
    level::{Meter, decibels, rms},
    stats::Shared,
};

/// Frames above this level count as voiced.
const VOICED_DB: f32 = -50.0;
/// Frames that count as voiced after the last loud one: 200 ms, so that the
/// ends of words do too.
const VOICED_HANGOVER: u32 = 10;

/// Mutes, measures and judges captured frames.
pub(crate) struct Microphone {
    shared: Arc<Shared>,
    meter: Meter,
    /// Gain at the end of the last frame: muting fades over one frame.
    gain: f32,
    hangover: u32,
}

impl Microphone {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            gain: if shared.muted.load(Relaxed) { 0.0 } else { 1.0 },
            shared,
            meter: Meter::default(),
            hangover: 0,
        }
    }

    /// Works on a captured frame in place; returns whether somebody may be
    /// speaking in it.
    pub(crate) fn process(&mut self, frame: &mut [f32; FRAME_SAMPLES]) -> bool {
        self.mute(frame);
        self.shared.publish_input(self.meter.push(frame));
        self.is_voiced(frame)
    }

    fn mute(&mut self, frame: &mut [f32]) {
        let target = if self.shared.muted.load(Relaxed) {
            0.0
        } else {
            1.0
        };
        if self.gain == 1.0 && target == 1.0 {
            return;
        }
        let step = (target - self.gain) / frame.len() as f32;
        for sample in frame.iter_mut() {
            self.gain += step;
            *sample *= self.gain;
        }
        self.gain = target;
    }

    fn is_voiced(&mut self, frame: &[f32]) -> bool {
        if decibels(rms(frame)) > VOICED_DB {
            self.hangover = VOICED_HANGOVER;
        } else {
            self.hangover = self.hangover.saturating_sub(1);
        }
        self.hangover > 0
    }
}
