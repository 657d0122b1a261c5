//! From packets to frames, on the receiver's side.

use std::collections::BTreeMap;

use super::{
    PayloadError,
    payload::Payload,
    red,
    window::{HORIZON, Solved, Solver},
};
use crate::{Format, Missing, ReceivedPacket, Told, codec};

/// So many packets in a row from far behind the newest are a sender that has
/// begun anew.
const STRAYS: u32 = 3;

/// How many packets later deep redundancy still describes a frame well enough
/// to be waited for. It reaches further, but 160 ms is what a talk can bear.
const DEEP_REACH: u32 = 8;

/// Where a frame came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The packet with its sequence number.
    Packet,
    /// Redundancy in other packets.
    Repaired,
}

/// One Opus packet, by whichever way it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Extended sequence number of the packet that carried it, or was to.
    pub sequence: u64,
    /// Media time of its first sample at 48 kHz; only the low 32 bits count.
    pub media_time: u64,
    /// The Opus packet.
    pub payload: Vec<u8>,
    /// How it came here.
    pub origin: Origin,
}

/// How long after its own time a lost frame may still be repaired by what the
/// sender is sending now. Nothing is said of in-band FEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// In packets; 0 without redundancy.
    pub packets: u32,
    /// In samples at 48 kHz.
    pub samples: u32,
}

/// What was in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The frame of the packet first, even when it is known already; then those
    /// that it repaired, each only once.
    pub frames: Vec<Frame>,
    /// What the sender says about the stream that it receives from us.
    pub told: Told,
    /// How long it pays to wait for a lost frame.
    pub reach: Reach,
}

/// Takes the packets of one stream apart and repairs what is missing.
#[derive(Debug, Default)]
pub struct Unpacker {
    solver: Solver,
    newest: Option<u64>,
    /// Media time of that packet, and how long its frame plays.
    newest_at: (u64, u32),
    strays: u32,
    /// Media times of missing frames that some window covers.
    missing: BTreeMap<u64, u64>,
}

impl Unpacker {
    /// Takes a packet apart.
    ///
    /// # Errors
    /// When it is not laid out as its format says. Nothing of it is used then.
    pub fn take(&mut self, packet: ReceivedPacket) -> Result<Unpacked, PayloadError> {
        match packet.format {
            Format::Opus => {
                let length = samples(&packet.payload)?;
                let packets = if codec::is_padded(&packet.payload) {
                    DEEP_REACH
                } else {
                    0
                };
                Ok(Unpacked {
                    frames: vec![own(&packet, packet.payload.clone())],
                    told: Told::default(),
                    reach: Reach {
                        packets,
                        samples: packets * length,
                    },
                })
            }
            Format::Red { opus } => self.redundant(&packet, opus),
            Format::Protected => self.protected(&packet),
        }
    }

    fn redundant(&mut self, packet: &ReceivedPacket, opus: u8) -> Result<Unpacked, PayloadError> {
        let (blocks, newest) = red::unpack(opus, &packet.payload)?;
        let length = samples(newest)?;
        let mut reach = Reach::default();
        let mut frames = vec![own(packet, newest.to_vec())];
        let near = self.follow(packet.sequence);
        self.solver.frame(packet.sequence, &codec::bare(newest));
        for block in blocks {
            // Blocks tell a time, not a number: an offset that is no whole
            // number of frames cannot be put in its place.
            let distance = u64::from(block.offset / length);
            let Some(sequence) = packet.sequence.checked_sub(distance) else {
                continue;
            };
            if block.offset % length != 0 || distance == 0 || samples(block.frame).is_err() {
                continue;
            }
            reach.samples = reach.samples.max(block.offset);
            if near && self.solver.frame(sequence, block.frame).is_some() {
                frames.push(Frame {
                    sequence,
                    media_time: packet.media_time.wrapping_sub(u64::from(block.offset)),
                    payload: block.frame.to_vec(),
                    origin: Origin::Repaired,
                });
            }
        }
        reach.packets = reach.samples / length;
        Ok(Unpacked {
            frames,
            told: Told::default(),
            reach,
        })
    }

    fn protected(&mut self, packet: &ReceivedPacket) -> Result<Unpacked, PayloadError> {
        let payload = Payload::parse(&packet.payload)?;
        let length = samples(payload.frame)?;
        let mut frames = vec![own(packet, payload.frame.to_vec())];
        let mut reach = Reach::default();
        let near = self.follow(packet.sequence);
        if self.newest == Some(packet.sequence) {
            self.newest_at = (packet.media_time, length);
        }
        let mut solved = self
            .solver
            .frame(packet.sequence, &codec::bare(payload.frame))
            .unwrap_or_default();
        for part in &payload.parts {
            reach.packets = reach.packets.max(part.window.last() as u32);
            if near {
                self.expect(packet, part.window.distances(), length);
                solved.extend(self.solver.part(packet.sequence, part));
            }
        }
        reach.samples = reach.packets * length;
        frames.extend(solved.into_iter().filter_map(|frame| self.place(frame)));
        Ok(Unpacked {
            frames,
            told: payload.told,
            reach,
        })
    }

    /// The frames before the newest one that are neither here nor repaired, and
    /// of which `is_awaited` says, by number, media time and length, that they
    /// would still be in time.
    pub(crate) fn missing(&self, is_awaited: impl Fn(u64, u64, u32) -> bool) -> Option<Missing> {
        let (newest, (media_time, length)) = (self.newest?, self.newest_at);
        Missing::before(newest, |sequence| {
            let back = (newest - sequence) * u64::from(length);
            !self.solver.knows(sequence)
                && is_awaited(sequence, media_time.wrapping_sub(back), length)
        })
    }

    /// Follows the sequence numbers; whether this one is near the newest.
    fn follow(&mut self, sequence: u64) -> bool {
        let newest = self.newest.unwrap_or(sequence);
        if sequence + HORIZON > newest {
            self.strays = 0;
            self.newest = Some(newest.max(sequence));
            let oldest = newest.max(sequence).saturating_sub(HORIZON);
            self.missing = self.missing.split_off(&oldest);
            return true;
        }
        self.strays += 1;
        if self.strays < STRAYS {
            return false;
        }
        *self = Self {
            newest: Some(sequence),
            ..Self::default()
        };
        true
    }

    /// Remembers where the missing frames of a window belong.
    fn expect(
        &mut self,
        packet: &ReceivedPacket,
        distances: impl Iterator<Item = u64>,
        length: u32,
    ) {
        for distance in distances {
            let Some(sequence) = packet.sequence.checked_sub(distance) else {
                return;
            };
            if !self.solver.knows(sequence) {
                let media_time = packet.media_time.wrapping_sub(distance * u64::from(length));
                self.missing.insert(sequence, media_time);
            }
        }
    }

    /// Puts a repaired frame in its place; none when it is no Opus packet.
    fn place(&mut self, solved: Solved) -> Option<Frame> {
        let media_time = self.missing.remove(&solved.sequence)?;
        samples(&solved.frame).ok()?;
        Some(Frame {
            sequence: solved.sequence,
            media_time,
            payload: solved.frame,
            origin: Origin::Repaired,
        })
    }
}

fn own(packet: &ReceivedPacket, payload: Vec<u8>) -> Frame {
    Frame {
        sequence: packet.sequence,
        media_time: packet.media_time,
        payload,
        origin: Origin::Packet,
    }
}

/// How long an Opus packet plays, in samples.
fn samples(payload: &[u8]) -> Result<u32, PayloadError> {
    let info = codec::inspect(payload).ok_or(PayloadError::Frame)?;
    u32::try_from(info.samples).map_err(|_| PayloadError::Frame)
}
