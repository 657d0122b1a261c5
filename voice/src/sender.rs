//! From frames to packets: encodes what the microphone gives and hands it to
//! the call's sink.

use std::{sync::Arc, time::Instant};

use crate::{
    AudioError, FRAME_SAMPLES, Format, FrameSink, SentPacket,
    codec::{Encoder, LossSetting},
    microphone::Outgoing,
    pacer::duration_to_samples,
    stats::Shared,
};

/// Encodes frames and hands them to the call's sink.
pub(crate) struct Sender {
    shared: Arc<Shared>,
    sink: FrameSink,
    encoder: Encoder,
    loss: LossSetting,
    epoch: Instant,
    /// Media time of the next frame.
    media_time: u64,
    /// Number of the next packet.
    sequence: u64,
    /// The next packet is the first, or the first after a pause.
    first: bool,
}

impl Sender {
    /// # Errors
    /// When the codec cannot be set up.
    pub(crate) fn new(
        shared: Arc<Shared>,
        sink: FrameSink,
        epoch: Instant,
    ) -> Result<Self, AudioError> {
        Ok(Self {
            shared,
            sink,
            encoder: Encoder::new()?,
            loss: LossSetting::default(),
            epoch,
            media_time: 0,
            sequence: 0,
            first: true,
        })
    }

    /// Takes the losses that the receiver of our stream has reported.
    pub(crate) fn follow_reports(&mut self) {
        if let Some(fraction) = self.shared.take_reported_loss() {
            self.loss.report(fraction);
        }
        if let Err(error) = self.encoder.expect_loss(self.loss.percent()) {
            tracing::debug!(%error, "the encoder refuses a loss");
        }
    }

    /// After a pause without frames, lets the media time go on as the clock did.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        let frame = FRAME_SAMPLES as u64;
        let elapsed = duration_to_samples(now.saturating_duration_since(self.epoch));
        self.media_time = self.media_time.max(elapsed / frame * frame);
    }

    /// Takes the next frame of the microphone: sends it, or lets its time pass.
    pub(crate) fn take(&mut self, frame: &[f32; FRAME_SAMPLES], outgoing: Outgoing) {
        self.first |= outgoing.begins;
        if outgoing.sent {
            self.send(frame, outgoing.voiced);
        } else {
            self.media_time += FRAME_SAMPLES as u64;
        }
    }

    /// Sends one frame; `voiced` when somebody may be speaking in it.
    fn send(&mut self, frame: &[f32; FRAME_SAMPLES], voiced: bool) {
        let media_time = self.media_time;
        self.media_time += FRAME_SAMPLES as u64;
        match self.encoder.encode(frame) {
            Ok(payload) => {
                self.shared.publish_sent();
                let sequence = self.sequence;
                self.sequence += 1;
                (self.sink)(SentPacket {
                    format: Format::Opus,
                    sequence,
                    payload,
                    media_time,
                    voiced,
                    marker: std::mem::replace(&mut self.first, false),
                });
            }
            Err(error) => tracing::debug!(%error, "a frame cannot be encoded"),
        }
    }
}
