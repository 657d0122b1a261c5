//! From frames to packets: encodes what the microphone gives, as the receiver's
//! reports demand, and hands it to the call's sink.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    AudioError, FRAME_SAMPLES, Format, FrameSink, Report, SentPacket,
    adapt::Adapter,
    codec::Encoder,
    microphone::Outgoing,
    pacer::{duration_to_samples, samples_to_duration},
    protect::{Packer, SentFrame},
    stats::Shared,
};

/// Encodes frames and hands them to the call's sink.
pub(crate) struct Sender {
    shared: Arc<Shared>,
    sink: FrameSink,
    format: Format,
    adapter: Adapter,
    encoder: Encoder,
    packer: Packer,
    /// What has been said for the next packet, when that has more than one frame.
    waiting: Vec<f32>,
    /// Whether somebody may be speaking in it.
    voiced: bool,
    /// What the other side is to be told about its stream.
    report: Option<Report>,
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
        let format = shared.format();
        let adapter = Adapter::new(format);
        let encoder = Encoder::new(adapter.plan().settings)?;
        Ok(Self {
            shared,
            sink,
            format,
            adapter,
            encoder,
            packer: Packer::default(),
            waiting: Vec::new(),
            voiced: false,
            report: None,
            epoch,
            media_time: 0,
            sequence: 0,
            first: true,
        })
    }

    /// Takes the loss of our packets that RTCP has told.
    pub(crate) fn follow_reports(&mut self) {
        if let Some(fraction) = self.shared.take_reported_loss() {
            self.adapter.on_rtcp(fraction, self.now());
        }
    }

    /// Takes what the other side has told about our stream.
    pub(crate) fn on_report(&mut self, report: Report) {
        self.adapter.on_report(report, self.now());
    }

    /// Tells the other side this with the next packet, if its format can.
    pub(crate) fn attach(&mut self, report: Report) {
        self.report = Some(report);
    }

    /// After a pause without frames, lets the media time go on as the clock did.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        let frame = FRAME_SAMPLES as u64;
        let elapsed = duration_to_samples(now.saturating_duration_since(self.epoch));
        let caught_up = self.media_time.max(elapsed / frame * frame);
        if caught_up > self.media_time {
            self.media_time = caught_up;
            self.waiting.clear();
        }
    }

    /// Takes the next frame of the microphone: sends it, or lets its time pass.
    /// A packet that has begun is completed, and a report does not wait.
    pub(crate) fn take(&mut self, frame: &[f32; FRAME_SAMPLES], outgoing: Outgoing) {
        self.first |= outgoing.begins;
        let reports = self.format == Format::Protected && self.report.is_some();
        if outgoing.sent || reports || !self.waiting.is_empty() {
            self.send(frame, outgoing.voiced);
        } else {
            self.media_time += FRAME_SAMPLES as u64;
        }
    }

    /// Takes one frame, and sends it as soon as there is enough for a packet;
    /// `voiced` when somebody may be speaking in it.
    fn send(&mut self, frame: &[f32; FRAME_SAMPLES], voiced: bool) {
        if self.waiting.is_empty() {
            self.begin_packet();
        }
        self.media_time += FRAME_SAMPLES as u64;
        self.voiced |= voiced;
        self.waiting.extend_from_slice(frame);
        if self.waiting.len() >= self.adapter.plan().samples {
            self.send_packet();
            self.waiting.clear();
            self.voiced = false;
        }
    }

    /// How a packet is made is settled before its first frame.
    fn begin_packet(&mut self) {
        let format = self.shared.format();
        if format != self.format {
            self.format = format;
            self.adapter = Adapter::new(format);
        }
        if let Err(error) = self.encoder.configure(self.adapter.plan().settings) {
            tracing::debug!(%error, "the encoder refuses to change");
        }
    }

    fn send_packet(&mut self) {
        let samples = self.waiting.len() as u32;
        let media_time = self.media_time.saturating_sub(u64::from(samples));
        let payload = match self.encoder.encode(&self.waiting) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::debug!(%error, "a frame cannot be encoded");
                return;
            }
        };
        let frame = SentFrame {
            payload,
            media_time,
            samples,
        };
        let windows = self.adapter.plan().windows;
        let report = self.report.take();
        let payload = self
            .packer
            .pack(self.format, windows, report.as_ref(), frame);
        self.adapter.sent(payload.len(), self.now());
        self.shared.publish_sent();
        let sequence = self.sequence;
        self.sequence += 1;
        (self.sink)(SentPacket {
            format: self.format,
            sequence,
            payload,
            media_time,
            voiced: self.voiced,
            marker: std::mem::replace(&mut self.first, false),
        });
    }

    fn now(&self) -> Duration {
        samples_to_duration(self.media_time)
    }
}
