//! Devices with their own idea of time, in virtual time: from a microphone's
//! ring to packets, and from packets to a loudspeaker's ring.

use std::{
    sync::{
        Arc,
        atomic::AtomicUsize,
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use crate::{
    FRAME_SAMPLES, Format, ReceivedPacket, SAMPLE_RATE, SentPacket,
    capture::Capture,
    codec::{Band, Encoder, Settings},
    device::{InputPort, Latency, OutputFeedback, OutputPort},
    level::rms,
    microphone::Outgoing,
    pacer::samples_to_duration,
    playback::Playback,
    playout::Playout,
    sender::Sender,
    stats::Shared,
};

/// Samples of a device's period, 5 ms.
const PERIOD: usize = 240;
/// Samples in a second.
const SECOND: u64 = SAMPLE_RATE as u64;
/// What the line takes.
const LINE: Duration = Duration::from_millis(20);

fn received(packet: SentPacket, arrived: Instant) -> ReceivedPacket {
    ReceivedPacket {
        format: packet.format,
        sequence: packet.sequence,
        media_time: packet.media_time,
        payload: packet.payload,
        arrived,
    }
}

/// A microphone, all that is between it and the other's ear, and that ear.
struct Path {
    start: Instant,
    microphone: rtrb::Producer<f32>,
    capture: Capture,
    sender: Sender,
    sent: Receiver<SentPacket>,
    line: Vec<ReceivedPacket>,
    playout: Playout,
    periods: u64,
}

impl Path {
    fn new() -> Self {
        let start = Instant::now();
        let (microphone, ring) = rtrb::RingBuffer::new(SAMPLE_RATE as usize / 2);
        let port = InputPort {
            ring,
            rate: SAMPLE_RATE,
            wake_at: Arc::new(AtomicUsize::new(1)),
            latency: Arc::new(Latency::default()),
        };
        let (tell, sent) = sync_channel(64);
        let sink = Box::new(move |packet| tell.try_send(packet).unwrap());
        let shared = Arc::new(Shared::new(false));
        Self {
            start,
            microphone,
            capture: Capture::device(port).unwrap(),
            sender: Sender::new(shared, sink, start, 0).unwrap(),
            sent,
            line: Vec::new(),
            playout: Playout::new(start).unwrap(),
            periods: 0,
        }
    }

    /// Lets a period pass in which the microphone gives so many samples of a
    /// tone; returns how loud the other hears it.
    fn pass(&mut self, given: usize) -> f32 {
        self.periods += 1;
        let now = self.start + samples_to_duration(self.periods * PERIOD as u64);
        for i in 0..given {
            let phase = i as f32 / 48.0 * std::f32::consts::TAU;
            self.microphone.push(0.3 * phase.sin()).unwrap();
        }
        let mut frame = [0.0; FRAME_SAMPLES];
        while self.capture.next_frame(now, &mut frame) {
            let outgoing = Outgoing {
                sent: true,
                begins: false,
                voiced: true,
            };
            self.sender.take(&frame, outgoing);
        }
        let line = self
            .sent
            .try_iter()
            .map(|packet| received(packet, now + LINE));
        self.line.extend(line);
        for packet in self.line.extract_if(.., |packet| packet.arrived <= now) {
            self.playout.insert(packet);
        }
        let mut heard = [0.0; PERIOD];
        self.playout.pull(now, &mut heard);
        rms(&heard)
    }

    /// Lets so many periods pass; returns those in which the tone was heard.
    fn run(&mut self, periods: usize, given: usize) -> usize {
        (0..periods).filter(|_| self.pass(given) > 0.05).count()
    }

    fn delay_ms(&self) -> i64 {
        self.playout.jitter_stats().delay / 48
    }
}

#[test]
fn a_microphone_that_stands_still_is_heard_again_and_nearly_as_soon_as_before() {
    // What it did not give in time may be lost, or come all at once.
    for given_late in [0, 60 * PERIOD] {
        let mut path = Path::new();
        path.run(600, PERIOD);
        let before = path.delay_ms();
        path.run(60, 0);
        path.pass(given_late);
        path.run(100, PERIOD);
        let heard = path.run(200, PERIOD);
        assert!(heard >= 195, "{heard} of 200 periods, {given_late} late");
        path.run(1_600, PERIOD);
        let after = path.delay_ms();
        assert!(
            after <= before + 25,
            "{before} to {after} ms, {given_late} late"
        );
        assert_eq!(path.run(200, PERIOD), 200, "{given_late} late");
    }
}

/// Packets of a second, to be sent again and again: noise, and a pause.
fn noise() -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(Settings {
        rate: 12_000,
        constant: false,
        band: Band::Wide,
        fec_percent: 0,
        deep: None,
    })
    .unwrap();
    let mut state = 1_u32;
    let mut frame = [0.0; FRAME_SAMPLES];
    let encode = |index| {
        let level = if index < 30 { 0.1 } else { 0.000_1 };
        for sample in &mut frame {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = level * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0);
        }
        encoder.encode(&frame).unwrap()
    };
    (0..50).map(encode).collect()
}

/// Plays through a loudspeaker whose clock is off for so long; returns the
/// range of the buffer's delay in ms after 10 s, the samples invented, and how
/// often the loudspeaker found too little.
fn play_with_drift(ppm: f64, seconds: u64) -> (i64, i64, u64, usize) {
    let start = Instant::now();
    let (ring, mut loudspeaker) = rtrb::RingBuffer::new(SAMPLE_RATE as usize / 2);
    let feedback = Arc::new(OutputFeedback::default());
    let port = OutputPort {
        ring,
        rate: SAMPLE_RATE,
        feedback: Arc::clone(&feedback),
        waits: false,
        latency: Arc::default(),
    };
    let mut playback = Playback::device(port, start).unwrap();
    let mut playout = Playout::new(start).unwrap();
    let packets = noise();
    let (mut sent, mut least, mut most, mut missed) = (0_u64, i64::MAX, 0, 0);
    let mut block = [0.0; PERIOD];
    for period in 0..seconds * 200 {
        let true_time = period as f64 * 0.005 * (1.0 + ppm / 1e6);
        // Threads wake a little late, now more and now less.
        let late = Duration::from_micros(period * 7_919 % 900);
        let now = start + Duration::from_secs_f64(true_time) + late;
        let arrival = |n: u64| start + Duration::from_millis(20 * (n + 1)) + LINE;
        while arrival(sent) <= now {
            playout.insert(ReceivedPacket {
                format: Format::Opus,
                sequence: sent,
                media_time: sent * FRAME_SAMPLES as u64,
                payload: packets[sent as usize % packets.len()].clone(),
                arrived: arrival(sent),
            });
            sent += 1;
        }
        while let Some(due) = playback.next_due(now) {
            let block = &mut block[..playback.block()];
            playout.pull(due, block);
            playback.write(block).unwrap();
        }
        if period > 2_000 {
            let delay = playout.jitter_stats().delay / 48;
            (least, most) = (least.min(delay), most.max(delay));
            missed += usize::from(loudspeaker.slots() < PERIOD);
        }
        feedback.asked(PERIOD, loudspeaker.slots());
        let taken = loudspeaker.slots().min(PERIOD);
        loudspeaker.read_chunk(taken).unwrap().commit_all();
    }
    (least, most, playout.totals().concealed, missed)
}

fn check_an_hour(ppm: f64) {
    let (least, most, invented, missed) = play_with_drift(ppm, 3_600);
    assert_eq!(missed, 0, "{ppm} ppm");
    assert!(
        least >= -10 && most <= 60,
        "{ppm} ppm: {least} to {most} ms"
    );
    // What a fast clock lacks is 1.8 s in all.
    assert!(invented < 2 * SECOND, "{ppm} ppm: {invented} samples");
}

#[test]
fn an_hour_with_a_slow_clock_keeps_the_delay() {
    check_an_hour(500.0);
}

#[test]
fn an_hour_with_a_fast_clock_keeps_the_delay() {
    check_an_hour(-500.0);
}
