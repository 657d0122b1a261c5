//! What happens to our own sound between the device and the encoder.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use crate::{
    Activation, FRAME_SAMPLES,
    gate::{Gate, Passage, Rule},
    level::{Meter, decibels, rms},
    speech::SpeechDetector,
    stats::Shared,
};

/// Frames above this level count as voiced.
const VOICED_DB: f32 = -50.0;
/// Frames that count as voiced after the last loud one: 200 ms, so that the
/// ends of words do too.
const VOICED_HANGOVER: u32 = 10;
/// Speech that nobody hears is forgotten after this many frames without: 1 s.
const UNHEARD_KEPT: u32 = 50;
/// Milliseconds in a frame.
const FRAME_MS: u32 = 20;

/// What is to be done with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Whether it is sent, or nothing in its time.
    pub(crate) sent: bool,
    /// Whether it is the first after a pause.
    pub(crate) begins: bool,
    /// Whether somebody may be speaking in it.
    pub(crate) voiced: bool,
}

/// Mutes, gates, measures and judges captured frames.
pub(crate) struct Microphone {
    shared: Arc<Shared>,
    meter: Meter,
    detector: SpeechDetector,
    gate: Gate,
    /// What is sent is what arrived.
    loopback: bool,
    hangover: u32,
    /// Frames of speech while muted, and frames since the last of them.
    unheard: (u32, u32),
}

impl Microphone {
    pub(crate) fn new(shared: Arc<Shared>, loopback: bool) -> Self {
        let muted = shared.muted.load(Relaxed);
        Self {
            gate: Gate::new(!muted && shared.activation() == Activation::Continuous),
            shared,
            meter: Meter::default(),
            detector: SpeechDetector::default(),
            loopback,
            hangover: 0,
            unheard: (0, 0),
        }
    }

    /// Works on a captured frame in place; returns what becomes of it.
    pub(crate) fn process(&mut self, frame: &mut [f32; FRAME_SAMPLES]) -> Outgoing {
        let muted = self.shared.muted.load(Relaxed);
        let activation = self.shared.activation();
        let speech = self.detector.push(frame);
        self.notice_unheard(muted && speech);
        let rule = match activation {
            _ if muted => Rule::Shut,
            _ if self.loopback => Rule::Sound,
            Activation::Continuous => Rule::Open,
            Activation::Voice => Rule::Voice,
            Activation::PushToTalk if self.shared.talking.load(Relaxed) => Rule::Open,
            Activation::PushToTalk => Rule::Shut,
        };
        // The meter shows what would be heard, so that a gate can be judged.
        let before = self.meter_of(frame, rule);
        let delayed = activation == Activation::Voice && !self.loopback;
        let passage = self.gate.pass(frame, rule, delayed, speech);
        self.shared.publish_input(before);
        let transmitting = matches!(passage, Passage::Sent { .. });
        self.shared.transmitting.store(transmitting, Relaxed);
        Outgoing {
            sent: passage != Passage::Nothing,
            begins: passage == (Passage::Sent { begins: true }),
            voiced: self.is_voiced(frame),
        }
    }

    fn meter_of(&mut self, frame: &[f32], rule: Rule) -> Meter {
        match rule {
            Rule::Shut => self.meter.push(&[0.0; FRAME_SAMPLES]),
            _ => self.meter.push(frame),
        }
    }

    /// Counts speech that nobody hears because we are muted.
    fn notice_unheard(&mut self, unheard: bool) {
        let (frames, since) = self.unheard;
        self.unheard = match unheard {
            true => (frames.saturating_add(1), 0),
            false if since < UNHEARD_KEPT => (frames, since + 1),
            false => (0, since),
        };
        let ms = self.unheard.0.saturating_mul(FRAME_MS);
        self.shared.muted_speech_ms.store(ms, Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frame: u32) -> [f32; FRAME_SAMPLES] {
        std::array::from_fn(|n| {
            let at = (frame as usize * FRAME_SAMPLES + n) as f32 / 48_000.0;
            0.2 * (std::f32::consts::TAU * 440.0 * at).sin()
        })
    }

    fn microphone(muted: bool, activation: Activation) -> (Arc<Shared>, Microphone) {
        let shared = Arc::new(Shared::new(muted));
        shared.set_activation(activation);
        (Arc::clone(&shared), Microphone::new(shared, false))
    }

    #[test]
    fn speaking_while_muted_is_noticed_and_forgotten() {
        let (shared, mut microphone) = microphone(true, Activation::Continuous);
        let unheard = || shared.muted_speech_ms.load(Relaxed);
        for n in 0..30 {
            assert_eq!(unheard(), n * FRAME_MS);
            microphone.process(&mut tone(n));
        }
        // A pause within the sentence is none.
        for _ in 0..40 {
            microphone.process(&mut [0.0; FRAME_SAMPLES]);
        }
        assert!((600..640).contains(&unheard()), "{}", unheard());
        for _ in 0..12 {
            microphone.process(&mut [0.0; FRAME_SAMPLES]);
        }
        assert_eq!(unheard(), 0);
        shared.muted.store(false, Relaxed);
        microphone.process(&mut tone(0));
        assert_eq!(unheard(), 0, "now it is heard");
    }

    #[test]
    fn a_key_opens_and_muting_wins() {
        let (shared, mut microphone) = microphone(false, Activation::PushToTalk);
        let mut sent = || microphone.process(&mut tone(0));
        assert!(sent().sent && !sent().sent, "a sign of life, then nothing");
        shared.talking.store(true, Relaxed);
        assert!(sent().begins && sent().sent);
        assert!(shared.transmitting.load(Relaxed));
        shared.muted.store(true, Relaxed);
        assert!(sent().sent, "the frame that fades");
        assert!(sent().sent, "the sign of life");
        assert!(!sent().sent && !shared.transmitting.load(Relaxed));
    }
}
