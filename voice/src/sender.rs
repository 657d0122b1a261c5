//! From frames to packets: encodes what the microphone gives, as the receiver's
//! reports demand, and hands it to the call's sink.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    AudioError, FRAME_SAMPLES, Format, FrameSink, Report, SentPacket, Told,
    adapt::Adapter,
    codec::Encoder,
    losses::LossHistory,
    microphone::Outgoing,
    pacer::{duration_to_samples, samples_to_duration},
    protect::{Answers, Packer, SentFrame},
    stats::{Shared, Theirs},
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
    /// What is sent again.
    answers: Answers,
    /// What the other side is to be told about its stream.
    told: Told,
    /// What they have told of ours.
    history: LossHistory,
    epoch: Instant,
    /// Media time of the next frame.
    media_time: u64,
    /// Number of the next packet.
    sequence: u64,
    /// The next packet is the first, or the first after a pause.
    first: bool,
}

impl Sender {
    /// Its first packet will have this number.
    ///
    /// # Errors
    /// When the codec cannot be set up.
    pub(crate) fn new(
        shared: Arc<Shared>,
        sink: FrameSink,
        epoch: Instant,
        first_number: u16,
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
            answers: Answers::default(),
            told: Told::default(),
            history: LossHistory::default(),
            epoch,
            media_time: 0,
            sequence: first_number.into(),
            first: true,
        })
    }

    /// Takes the loss of our packets that RTCP has told.
    pub(crate) fn follow_reports(&mut self) {
        if let Some(fraction) = self.shared.take_reported_loss() {
            self.adapter.on_rtcp(fraction, self.now());
            self.shared
                .publish_theirs(|theirs| theirs.take_rtcp(fraction));
        }
    }

    /// Takes what the other side has told about our stream.
    pub(crate) fn hear(&mut self, told: Told) {
        if let Some(report) = told.report {
            self.on_report(report);
        }
        if let Some(missing) = told.missing {
            let heard = self.answers.take(missing, self.sequence);
            if let Some(newest) = heard {
                self.adapter.answered_after(self.sequence - newest);
            }
        }
    }

    fn on_report(&mut self, report: Report) {
        self.adapter.on_report(report, self.now());
        let losses = self.history.take(report);
        self.shared
            .publish_theirs(|theirs| *theirs = Theirs::told(report, losses));
    }

    /// Tells the other side this with the next packet, if its format can: what
    /// is missing now, and the last report.
    pub(crate) fn attach(&mut self, told: Told) {
        self.told = Told {
            report: told.report.or(self.told.report),
            missing: told.missing,
        };
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

    /// Notes how long ago the next frame was complete.
    pub(crate) fn behind(&mut self, time: Duration) {
        self.adapter.behind(time, self.now());
    }

    /// Takes the next frame of the microphone: sends it, or lets its time pass.
    /// A packet that has begun is completed, and a report does not wait.
    pub(crate) fn take(&mut self, frame: &[f32; FRAME_SAMPLES], outgoing: Outgoing) {
        self.first |= outgoing.begins;
        let reports = self.format == Format::Protected && self.told != Told::default();
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
        let plan = self.adapter.plan();
        let told = std::mem::take(&mut self.told);
        let again = self.answers.next(self.sequence, plan.again, plan.reach());
        let windows = [plan.windows, &again].concat();
        let payload = self.packer.pack(self.format, &windows, told, frame);
        self.adapter.sent(payload.len(), self.now());
        self.shared.publish_sent(plan);
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

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::{Missing, ReceivedPacket, protect::Unpacker};

    type Packets = Arc<Mutex<Vec<SentPacket>>>;

    fn sender(format: Format) -> (Sender, Arc<Shared>, Packets) {
        let shared = Arc::new(Shared::new(false));
        shared.set_format(format);
        let packets = Packets::default();
        let sink = Arc::clone(&packets);
        let sink = Box::new(move |packet| {
            sink.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(packet);
        });
        let sender = Sender::new(Arc::clone(&shared), sink, Instant::now(), 0).unwrap();
        (sender, shared, packets)
    }

    fn speak(sender: &mut Sender, frames: usize) {
        for _ in 0..frames {
            sender.send(&[0.1; FRAME_SAMPLES], true);
        }
    }

    fn taken(packets: &Packets) -> Vec<SentPacket> {
        std::mem::take(&mut *packets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn received(packet: SentPacket) -> ReceivedPacket {
        ReceivedPacket {
            format: packet.format,
            sequence: packet.sequence,
            media_time: packet.media_time,
            payload: packet.payload,
            arrived: Instant::now(),
        }
    }

    /// A report of a stream of which so many packets came, lost and queued.
    fn report(highest: u16, lost: u16, queue_ms: u16) -> Told {
        let report = Report {
            highest,
            lost,
            runs: lost,
            queue_ms,
            clock_ms: highest.wrapping_mul(20),
            bytes: u32::from(highest - lost) * 70,
            ..Report::default()
        };
        Told {
            report: Some(report),
            missing: None,
        }
    }

    #[test]
    fn a_report_brings_redundancy_and_another_rides_along() {
        let (mut sender, _, packets) = sender(Format::Protected);
        speak(&mut sender, 20);
        sender.hear(report(10, 0, 0));
        sender.hear(report(20, 4, 0));
        sender.attach(Told {
            report: Some(Report {
                capture_ms: 7,
                ..Report::default()
            }),
            missing: None,
        });
        speak(&mut sender, 10);
        let sent = taken(&packets);
        let numbers: Vec<_> = sent.iter().map(|packet| packet.sequence).collect();
        assert_eq!(numbers, (0..30).collect::<Vec<_>>());
        assert!(sent[0].marker && !sent[1].marker);
        let mut unpacker = Unpacker::default();
        let unpacked: Vec<_> = sent
            .into_iter()
            .map(|packet| unpacker.take(received(packet)).unwrap())
            .collect();
        assert_eq!(unpacked[19].reach.packets, 0);
        assert!(unpacked[25].reach.packets > 1);
        let told: Vec<_> = unpacked
            .iter()
            .filter_map(|each| each.told.report)
            .collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].capture_ms, 7);
    }

    #[test]
    fn what_is_lacking_is_sent_again() {
        let (mut sender, _, packets) = sender(Format::Protected);
        speak(&mut sender, 20);
        sender.hear(report(10, 0, 0));
        sender.hear(report(20, 4, 0));
        speak(&mut sender, 20);
        sender.hear(Told {
            missing: Missing::before(37, |sequence| sequence == 35),
            report: None,
        });
        taken(&packets);
        speak(&mut sender, 2);
        // One who has nothing else knows a frame by a copy alone.
        let repaired = |packet: SentPacket| {
            let unpacked = Unpacker::default().take(received(packet)).unwrap();
            let frames: Vec<_> = unpacked.frames[1..].iter().map(|f| f.sequence).collect();
            frames
        };
        let again: Vec<_> = taken(&packets).into_iter().map(repaired).collect();
        assert_eq!(again, [vec![35], vec![]]);
    }

    #[test]
    fn who_says_nothing_still_says_what_is_lacking() {
        let (mut sender, _, packets) = sender(Format::Protected);
        let silent = Outgoing {
            sent: false,
            voiced: false,
            begins: false,
        };
        let frame = [0.0; FRAME_SAMPLES];
        sender.take(&frame, silent);
        assert_eq!(taken(&packets), []);
        let missing = Missing::before(37, |sequence| sequence == 35);
        sender.attach(Told {
            report: None,
            missing,
        });
        sender.take(&frame, silent);
        let told = taken(&packets).into_iter().map(|packet| {
            let unpacked = Unpacker::default().take(received(packet)).unwrap();
            unpacked.told.missing
        });
        assert_eq!(told.collect::<Vec<_>>(), [missing]);
        // It is not lacking any more.
        sender.attach(Told {
            report: None,
            missing,
        });
        sender.attach(Told::default());
        sender.take(&frame, silent);
        assert_eq!(taken(&packets), []);
    }

    #[test]
    fn a_full_line_brings_long_frames() {
        let (mut sender, _, packets) = sender(Format::Protected);
        for number in 1..10 {
            speak(&mut sender, 10);
            sender.hear(report(10 * number, 0, 40 * number));
        }
        taken(&packets);
        speak(&mut sender, 30);
        let sent = taken(&packets);
        assert_eq!(sent.len(), 10);
        assert_eq!(sent[1].media_time - sent[0].media_time, 3 * 960);
    }

    #[test]
    fn what_is_sent_late_is_no_full_line() {
        let (mut sender, _, packets) = sender(Format::Protected);
        for number in 1..10 {
            sender.behind(Duration::from_millis(40 * u64::from(number)));
            speak(&mut sender, 10);
            sender.hear(report(10 * number, 0, 40 * number));
        }
        taken(&packets);
        speak(&mut sender, 30);
        assert_eq!(taken(&packets).len(), 30);
    }

    #[test]
    fn the_format_may_change() {
        let (mut sender, shared, packets) = sender(Format::Opus);
        speak(&mut sender, 2);
        shared.set_format(Format::Red { opus: 111 });
        speak(&mut sender, 2);
        let formats: Vec<_> = taken(&packets).iter().map(|packet| packet.format).collect();
        let red = Format::Red { opus: 111 };
        assert_eq!(formats, [Format::Opus, Format::Opus, red, red]);
    }

    #[test]
    fn the_media_time_goes_on_with_the_clock() {
        let (mut sender, _, packets) = sender(Format::Opus);
        speak(&mut sender, 1);
        sender.catch_up(sender.epoch + Duration::from_millis(515));
        speak(&mut sender, 1);
        let times: Vec<_> = taken(&packets)
            .iter()
            .map(|packet| packet.media_time)
            .collect();
        assert_eq!(times, [0, 25 * 960]);
    }
}
