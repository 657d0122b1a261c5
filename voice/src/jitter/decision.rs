//! What goes into the buffer and what comes out of it.

/// One packet, ready to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Extended sequence number: it does not wrap.
    pub(crate) sequence: u64,
    /// Media time in samples at 48 kHz; only its low 32 bits are used.
    pub(crate) media_time: u64,
    /// How many samples at 48 kHz it decodes to.
    pub(crate) samples: usize,
    /// Whether it carries a copy of the frame before it.
    pub(crate) carries_fec: bool,
    /// Whether it was lost and has been repaired.
    pub(crate) repaired: bool,
    /// The Opus packet.
    pub(crate) payload: Vec<u8>,
}

/// What to play next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing has arrived that is due: so many samples of silence.
    Silence { samples: usize },
    /// Decode this packet. It is played `surplus` samples later than it should
    /// be (earlier when negative), which a change of its length can put right.
    Normal { packet: Packet, surplus: i64 },
    /// The packet before this one is lost: decode its copy from this payload.
    Fec { payload: Vec<u8>, samples: usize },
    /// Invent so many samples, from what a later packet may say of them.
    Conceal {
        samples: usize,
        later: Option<Later>,
    },
    /// The sender said nothing here: let the sound fade for so many samples.
    Pause { samples: usize },
}

/// A packet that is here although one before it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Later {
    /// Its sequence number.
    pub(crate) sequence: u64,
    /// How many samples before it the missing sound begins.
    pub(crate) distance: usize,
    /// The Opus packet.
    pub(crate) payload: Vec<u8>,
}

/// What the buffer has counted and measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct JitterStats {
    /// How long after the fastest packet's time what came last was played, in
    /// samples.
    pub(crate) delay: i64,
    /// What that delay should be, in samples.
    pub(crate) target: i64,
    /// Interarrival jitter in samples (RFC 3550, 6.4.1).
    pub(crate) jitter: f32,
    /// Share of packets lost before repair, of late, 0 to 1.
    pub(crate) loss: f32,
    /// Packets that came, duplicates not counted.
    pub(crate) received: u64,
    /// Packets that never came.
    pub(crate) lost: u64,
    /// Packets that came after their time to be played.
    pub(crate) late: u64,
    /// Packets that came again.
    pub(crate) duplicates: u64,
    /// Packets that were skipped to catch up, or because the buffer was full.
    pub(crate) skipped: u64,
    /// Packets that were missing when they had to be played, with no repair.
    pub(crate) unrepaired: u64,
}
