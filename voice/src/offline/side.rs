//! One of the two who speak: what the media thread does, in virtual time.

use std::{
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{STEP, Second, Traffic};
use crate::{
    AudioError, FRAME_SAMPLES, Format, ReceivedPacket, SAMPLE_RATE, SentPacket, microphone,
    pacer::samples_to_duration,
    playout::{Playout, Totals},
    sender::Sender,
    stats::Shared,
};

/// Steps in a second.
const STEPS: u64 = SAMPLE_RATE as u64 / STEP as u64;

/// Of a side's first packet: any will do, and calls draw theirs.
const FIRST_NUMBER: u16 = 12_345;

/// By which a side moves its sound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// When it begins, since the call began.
    pub(super) begins: Duration,
    /// How much longer than real time it takes.
    pub(super) slow: f64,
}

impl Clock {
    /// When this clock shows so much, since the call began.
    pub(super) fn real(&self, shown: Duration) -> Duration {
        self.begins + shown.mul_f64(self.slow)
    }
}

/// Someone who speaks and listens.
pub(super) struct Side {
    epoch: Instant,
    clock: Clock,
    steps: u64,
    speech: Vec<f32>,
    shared: Arc<Shared>,
    sender: Sender,
    sent: Arc<Mutex<Vec<SentPacket>>>,
    on_line: BinaryHeap<OnLine>,
    playout: Playout,
    said: Said,
    ear: Ear,
    /// Packets received and lost when the last report was made.
    reported: (u64, u64),
}

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) sent: Traffic,
    pub(super) bytes_by_second: Vec<u64>,
    pub(super) time: Duration,
}

/// What was heard, since the call began.
#[derive(Debug, Default)]
pub(super) struct Ear {
    pub(super) samples: Vec<f32>,
    pub(super) blocks: Vec<Block>,
    pub(super) seconds: Vec<Second>,
    pub(super) arrived: Traffic,
    pub(super) totals: Totals,
    pub(super) time: Duration,
}

/// One step of what was heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// When its last sample was heard, since the call began.
    pub(super) end: Duration,
    /// Media time of what comes after it.
    pub(super) media: Option<i64>,
}

impl Side {
    /// Says `speech` after so much silence, in its own time, in packets of this
    /// format.
    pub(super) fn new(
        speech: &[f32],
        after: Duration,
        clock: Clock,
        format: Format,
        epoch: Instant,
    ) -> Result<Self, AudioError> {
        let silence = (after.as_secs_f64() * f64::from(SAMPLE_RATE)) as usize;
        let mut whole = vec![0.0; silence];
        whole.extend_from_slice(speech);
        let shared = Arc::new(Shared::new(false));
        shared.set_format(format);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&sent);
        let sink = Box::new(move |packet| lock(&sink).push(packet));
        Ok(Self {
            epoch,
            clock,
            steps: 0,
            speech: whole,
            sender: Sender::new(Arc::clone(&shared), sink, epoch, FIRST_NUMBER)?,
            shared,
            sent,
            on_line: BinaryHeap::new(),
            playout: Playout::new(epoch)?,
            said: Said::default(),
            ear: Ear::default(),
            reported: (0, 0),
        })
    }

    /// When sound falls due next on this side, since the call began.
    pub(super) fn next_step(&self) -> Duration {
        self.clock
            .real(samples_to_duration(self.steps * STEP as u64))
    }

    /// Puts a packet of the other side on its way here.
    pub(super) fn receive(&mut self, due: Duration, packet: &SentPacket) {
        self.on_line.push(OnLine(ReceivedPacket {
            format: packet.format,
            sequence: packet.sequence,
            media_time: packet.media_time,
            payload: packet.payload.clone(),
            arrived: self.epoch + due,
        }));
    }

    /// Takes what has arrived by now, sends what has been said and plays the
    /// block that is due, which may be since earlier.
    pub(super) fn step(&mut self, now: Duration) -> Vec<SentPacket> {
        let (at, due) = (self.epoch + now, self.epoch + self.next_step());
        self.take(at);
        let start = Instant::now();
        self.exchange_reports(at);
        self.sender.behind(now.saturating_sub(self.next_step()));
        self.send();
        self.said.time += start.elapsed();
        let packets = std::mem::take(&mut *lock(&self.sent));
        let outgoing = packets
            .into_iter()
            .map(|packet| self.count(packet))
            .collect();
        let start = Instant::now();
        self.play(due);
        self.ear.time += start.elapsed();
        self.steps += 1;
        let block = Block {
            end: self.next_step(),
            media: self.playout.position(),
        };
        self.ear.blocks.push(block);
        if self.steps.is_multiple_of(STEPS) {
            self.finish_second();
        }
        outgoing
    }

    /// The share lost since the last report, once a second, as RTCP has it
    /// (RFC 3550, 6.4.1).
    pub(super) fn loss_report(&mut self) -> Option<f32> {
        if !self.steps.is_multiple_of(STEPS) {
            return None;
        }
        let stats = self.playout.jitter_stats();
        let before = std::mem::replace(&mut self.reported, (stats.received, stats.lost));
        let (received, lost) = (
            stats.received.saturating_sub(before.0),
            stats.lost.saturating_sub(before.1),
        );
        (received > 0).then(|| lost as f32 / (received + lost) as f32)
    }

    /// Takes such a report of the other side.
    pub(super) fn hear_report(&self, loss: f32) {
        self.shared.report_loss(loss);
    }

    /// What was said and what was heard.
    pub(super) fn finish(self) -> (Said, Ear) {
        (self.said, self.ear)
    }

    fn take(&mut self, now: Instant) {
        while self
            .on_line
            .peek()
            .is_some_and(|OnLine(packet)| packet.arrived <= now)
        {
            let Some(OnLine(packet)) = self.on_line.pop() else {
                return;
            };
            self.ear.arrived.packets += 1;
            self.ear.arrived.bytes += packet.payload.len() as u64;
            self.playout.insert(packet);
        }
    }

    fn exchange_reports(&mut self, now: Instant) {
        self.sender.follow_reports();
        self.sender.hear(self.playout.take_heard());
        let told = self.playout.tell(now);
        self.sender.attach(told);
    }

    /// Sends the frame that has just become complete, if one has.
    fn send(&mut self) {
        let spoken = self.steps as usize * STEP;
        if spoken == 0 || !spoken.is_multiple_of(FRAME_SAMPLES) {
            return;
        }
        let mut frame = [0.0; FRAME_SAMPLES];
        let from = (spoken - FRAME_SAMPLES).min(self.speech.len());
        let there = &self.speech[from..spoken.min(self.speech.len())];
        frame[..there.len()].copy_from_slice(there);
        self.sender.take(
            &frame,
            microphone::Outgoing {
                sent: true,
                voiced: true,
                begins: false,
            },
        );
    }

    fn count(&mut self, packet: SentPacket) -> SentPacket {
        self.said.sent.packets += 1;
        self.said.sent.bytes += packet.payload.len() as u64;
        let second = (self.steps / STEPS) as usize;
        if self.said.bytes_by_second.len() <= second {
            self.said.bytes_by_second.resize(second + 1, 0);
        }
        self.said.bytes_by_second[second] += packet.payload.len() as u64;
        packet
    }

    fn play(&mut self, due: Instant) {
        let from = self.ear.samples.len();
        self.ear.samples.resize(from + STEP, 0.0);
        self.playout.pull(due, &mut self.ear.samples[from..]);
    }

    fn finish_second(&mut self) {
        let jitter = self.playout.jitter_stats();
        let ms = |samples: i64| samples as f32 * 1e3 / SAMPLE_RATE as f32;
        let totals = self.playout.totals();
        let before = std::mem::replace(&mut self.ear.totals, totals);
        // What was invented and not played is taken back.
        let share = |now: u64, before: u64| now.saturating_sub(before) as f32 / SAMPLE_RATE as f32;
        self.ear.seconds.push(Second {
            target_ms: ms(jitter.target),
            buffer_ms: ms(jitter.delay),
            loss: jitter.loss,
            concealed: share(totals.concealed, before.concealed),
            recovered: share(totals.recovered, before.recovered),
            payload_kbps: 0.0,
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A packet on its way; the next to arrive is the greatest.
#[derive(Debug)]
struct OnLine(ReceivedPacket);

impl PartialEq for OnLine {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OnLine {}

impl PartialOrd for OnLine {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OnLine {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |packet: &ReceivedPacket| (packet.arrived, packet.sequence);
        key(&other.0).cmp(&key(&self.0))
    }
}
