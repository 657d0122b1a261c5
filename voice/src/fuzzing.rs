//! What the fuzzer may reach of the private parts: here only while it builds,
//! and nobody's interface.

use std::io::Cursor;
use std::time::{Duration, Instant};

use crate::adapt::Adapter;
use crate::jitter::{Decision, JitterBuffer, Packet};
use crate::playout::Playout;
use crate::wav::WavInput;
use crate::{FRAME_SAMPLES, Format, ReceivedPacket, Report};

/// Longest packet, in samples: 120 ms (RFC 6716, 2.1.4).
const PACKET_SAMPLES: usize = 5_760;
/// What a decision covers at most: a packet, or a gap as long.
const MOST_SAMPLES: usize = PACKET_SAMPLES;

/// What happens to a jitter buffer.
#[derive(Debug, Clone, Copy)]
pub enum JitterEvent {
    /// Time passes, in samples.
    Wait(u32),
    /// A packet comes, or is repaired.
    Packet {
        /// Its extended sequence number.
        sequence: u64,
        /// Its media time, in samples.
        media_time: u64,
        /// How long it plays, in samples; taken as far as there are such.
        samples: usize,
        /// Whether it carries a copy of the one before.
        carries_fec: bool,
        /// Whether it is one that was repaired.
        repaired: bool,
    },
    /// The sender's redundancy reaches so far back, in samples.
    Reach(u32),
    /// Sound is asked for.
    Pull {
        /// How long before it is heard, in samples.
        ahead: u16,
        /// Samples asked for at a time.
        block: u16,
    },
}

/// A jitter buffer to which events happen one after another.
#[derive(Debug)]
pub struct JitterRun {
    buffer: JitterBuffer,
    now: Instant,
    /// Sequence number of the packet played last.
    played: Option<u64>,
}

impl Default for JitterRun {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            buffer: JitterBuffer::new(now),
            now,
            played: None,
        }
    }
}

impl JitterRun {
    /// Lets one event happen.
    ///
    /// # Panics
    /// When the buffer gives nothing, too much, or something twice; with
    /// `one_stream` (all packets of one sender that numbers them in order)
    /// also when it gives packets out of order.
    pub fn happen(&mut self, event: JitterEvent, one_stream: bool) {
        match event {
            JitterEvent::Wait(samples) => {
                self.now += Duration::from_nanos(u64::from(samples) * 20_833);
            }
            JitterEvent::Packet {
                sequence,
                media_time,
                samples,
                carries_fec,
                repaired,
            } => {
                let packet = Packet {
                    sequence,
                    media_time,
                    samples: samples.clamp(120, PACKET_SAMPLES),
                    carries_fec,
                    repaired,
                    payload: vec![0],
                };
                let _late = match repaired {
                    true => self.buffer.recover(packet, self.now),
                    false => self.buffer.insert(packet, self.now),
                };
            }
            JitterEvent::Reach(samples) => self.buffer.set_reach(samples, self.now),
            JitterEvent::Pull { ahead, block } => self.pull(ahead, block, one_stream),
        }
    }

    fn pull(&mut self, ahead: u16, block: u16, one_stream: bool) {
        let decision = self
            .buffer
            .pull(self.now, usize::from(ahead), usize::from(block));
        let samples = match decision {
            Decision::Silence { samples }
            | Decision::Fec { samples, .. }
            | Decision::Conceal { samples, .. }
            | Decision::Pause { samples } => samples,
            Decision::Normal { packet, .. } => {
                if one_stream {
                    let before = self.played.replace(packet.sequence);
                    assert!(before.is_none_or(|before| before < packet.sequence));
                }
                packet.samples
            }
        };
        assert!((1..=MOST_SAMPLES).contains(&samples), "{samples} samples");
    }
}

/// Packets of another side on their way to a loudspeaker.
#[derive(Debug)]
pub struct PlayoutRun {
    playout: Playout,
    now: Instant,
}

impl Default for PlayoutRun {
    /// # Panics
    /// When libopus gives no decoder.
    fn default() -> Self {
        let now = Instant::now();
        let Ok(playout) = Playout::new(now) else {
            panic!("no decoder")
        };
        Self { playout, now }
    }
}

impl PlayoutRun {
    /// Takes a packet, or nothing, and plays 20 ms.
    ///
    /// # Panics
    /// When what is played is no sound.
    pub fn play(&mut self, packet: Option<(Format, u16, Vec<u8>)>) {
        if let Some((format, sequence, payload)) = packet {
            self.playout.insert(ReceivedPacket {
                format,
                sequence: sequence.into(),
                media_time: u64::from(sequence) * 960,
                payload,
                arrived: self.now,
            });
        }
        let mut out = [0.0; FRAME_SAMPLES];
        self.playout.pull(self.now, &mut out);
        assert!(out.iter().all(|sample| sample.is_finite()));
        self.now += Duration::from_millis(20);
        self.playout.tell(self.now);
        self.playout.take_heard();
    }
}

/// What the other side says of our stream.
#[derive(Debug, Clone, Copy)]
pub enum Said {
    /// A report as it stands in a packet.
    Report(Report),
    /// The share that RTCP says was lost.
    Rtcp(f32),
}

/// The choice of how to send, by what the other side says.
#[derive(Debug)]
pub struct AdaptRun {
    adapter: Adapter,
    now: Duration,
}

/// The rates that Opus has, in bits a second (RFC 6716, 2.1.1).
const RATES: std::ops::RangeInclusive<i32> = 6_000..=510_000;
/// Longest frames that are sent, in samples: 120 ms.
const LONGEST: usize = 6 * FRAME_SAMPLES;

impl AdaptRun {
    /// For packets of this format.
    pub fn new(format: Format) -> Self {
        Self {
            adapter: Adapter::new(format),
            now: Duration::ZERO,
        }
    }

    /// A packet of so many bytes is sent, and so many milliseconds later
    /// something is said.
    ///
    /// # Panics
    /// When nothing can be sent as is chosen then.
    pub fn hear(&mut self, bytes: u16, later_ms: u16, said: Said) {
        self.adapter.sent(bytes.into(), self.now);
        self.now += Duration::from_millis(later_ms.into());
        match said {
            Said::Report(report) => self.adapter.on_report(report, self.now),
            Said::Rtcp(share) => self.adapter.on_rtcp(share, self.now),
        }
        let plan = self.adapter.plan();
        assert!(RATES.contains(&plan.settings.rate), "{plan:?}");
        assert!((0..=100).contains(&plan.settings.fec_percent), "{plan:?}");
        assert!(
            (FRAME_SAMPLES..=LONGEST).contains(&plan.samples),
            "{plan:?}"
        );
    }
}

/// A WAV file of any bytes: what can be played is sound, and ends in silence.
///
/// # Panics
/// When it is not, or does not.
pub fn wav_file(bytes: &[u8]) {
    let Ok(mut file) = WavInput::read_from(Cursor::new(bytes.to_vec())) else {
        return;
    };
    let mut block = [0.0; 4_800];
    // The lowest rate that is played gives six samples for each byte; a
    // resampler holds back less than a block.
    for _ in 0..=bytes.len() * 6 / block.len() + 1 {
        file.fill(&mut block);
        assert!(block.iter().all(|sample| sample.abs() < 100.0));
    }
    file.fill(&mut block);
    assert!(block.iter().all(|sample| *sample == 0.0));
}
