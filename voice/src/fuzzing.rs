//! What the fuzzer may reach of the private parts: here only while it builds,
//! and nobody's interface.

use std::time::{Duration, Instant};

use crate::jitter::{Decision, JitterBuffer, Packet};

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
                match repaired {
                    true => self.buffer.recover(packet, self.now),
                    false => self.buffer.insert(packet, self.now),
                }
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
