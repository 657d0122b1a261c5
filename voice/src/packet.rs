//! Packets as they pass between this crate and a network.

use std::time::Instant;

/// Bytes that a packet has on the way beside its payload: IPv4 20, UDP 8, RTP 12,
/// SRTP tag 16, one header extension 4 (RFC 3711, RFC 8285). Over other networks
/// it is a little more or less.
pub const HEADER_BYTES: usize = 60;

/// How the payload of a packet is laid out. Each is an RTP payload type of its
/// own in the description of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// One Opus packet (RFC 7587): what everybody understands.
    #[default]
    Opus,
    /// Redundant audio (RFC 2198) whose blocks are Opus packets of this
    /// payload type.
    Red {
        /// RTP payload type of the blocks.
        opus: u8,
    },
    /// Frames, repair symbols and reports, between two twocans.
    Protected,
}

/// One packet, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPacket {
    /// How the payload is laid out.
    pub format: Format,
    /// Counts the packets from [`crate::CallConfig::first_number`]. It is the RTP
    /// number of the packet, whatever becomes of it on the way: repair finds its
    /// frames by them, and the other side names by them what it lacks.
    pub sequence: u64,
    /// The RTP payload: at most [`crate::MAX_PACKET_BYTES`].
    pub payload: Vec<u8>,
    /// Media time of the first sample of its newest frame, in samples at
    /// 48 kHz, from 0 at the start of the call. It goes on with the clock while
    /// a device is away.
    pub media_time: u64,
    /// Whether somebody may be speaking in it.
    pub voiced: bool,
    /// Whether it is the first of the call, or of its sound after a pause (the
    /// marker bit of RFC 7587, 4.1).
    pub marker: bool,
}

/// One packet of the other side's sound, as it came from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedPacket {
    /// How the payload is laid out.
    pub format: Format,
    /// Extended sequence number: it does not wrap at 16 bits.
    pub sequence: u64,
    /// Media time in samples at 48 kHz, extended or not: the low 32 bits count.
    pub media_time: u64,
    /// The RTP payload.
    pub payload: Vec<u8>,
    /// When it arrived.
    pub arrived: Instant,
}
