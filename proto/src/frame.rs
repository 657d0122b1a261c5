//! Frames of a link: a 3-byte header and a body.
//!
//! ```text
//!  0               1               2
//! +---+-----------+---------------+---------------+
//! |ver| type      | body length, big endian       |  then the body
//! +---+-----------+---------------+---------------+
//! ```
//!
//! Version is 2 bits (now 1), type 6 bits, length 16 bits. The length cannot
//! exceed [`BODY_BYTES`], so a decoder never holds more than one frame's worth
//! of somebody else's bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The version of the frame format and of what the frames mean.
pub const VERSION: u8 = 1;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 3;
/// Most bytes of a body: what 16 bits can say.
pub const BODY_BYTES: usize = u16::MAX as usize;

/// The type of a frame, 0 to 63. Types are grouped; unknown ones are answered
/// with an error and skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(u8);

impl Kind {
    /// Session: first frame of both sides.
    pub const HELLO: Self = Self(0);
    /// Session: are you there?
    pub const PING: Self = Self(1);
    /// Session: I am.
    pub const PONG: Self = Self(2);
    /// Session: the link ends, and why.
    pub const BYE: Self = Self(3);
    /// Session: something you sent makes no sense to me.
    pub const ERROR: Self = Self(4);
    /// Session: may I be your contact?
    pub const KNOCK: Self = Self(5);
    /// Session: you are my contact.
    pub const WELCOME: Self = Self(6);
    /// Session: you are not.
    pub const REJECT: Self = Self(7);
    /// Session: who I am, for contacts alone.
    pub const PROFILE: Self = Self(8);
    /// Chat: a message.
    pub const MESSAGE: Self = Self(16);
    /// Chat: stored up to here.
    pub const DELIVERED: Self = Self(17);
    /// Chat: read up to here.
    pub const READ: Self = Self(18);
    /// Chat: typing, or no longer.
    pub const TYPING: Self = Self(19);
    /// Chat: something is missing, send again from here.
    pub const RESEND: Self = Self(20);
    /// Chat: a message reads otherwise now.
    pub const EDIT: Self = Self(21);
    /// Chat: a message is taken back.
    pub const DELETE: Self = Self(22);
    /// Chat: a reaction to a message.
    pub const REACTION: Self = Self(23);
    /// Files: will you take this?
    pub const FILE_OFFER: Self = Self(24);
    /// Files: how a transfer stands at me.
    pub const FILE_STATE: Self = Self(25);
    /// Files: what you said of a transfer is on my disk.
    pub const FILE_SEEN: Self = Self(26);
    /// Files: connect to me for this transfer.
    pub const FILE_WANT: Self = Self(27);
    /// Files, on their own connection: which transfer it is for.
    pub const FILE_OPEN: Self = Self(32);
    /// Files, on their own connection: tell me the files of the set.
    pub const FILE_LIST: Self = Self(33);
    /// Files, on their own connection: some files of the set.
    pub const FILE_ENTRIES: Self = Self(34);
    /// Files, on their own connection: send from here on.
    pub const FILE_GET: Self = Self(35);
    /// Files, on their own connection: bytes of a file, raw.
    pub const FILE_CHUNK: Self = Self(36);
    /// Files, on their own connection: a file is complete.
    pub const FILE_END: Self = Self(37);
    /// Files, on their own connection: it cannot go on, and why.
    pub const FILE_FAIL: Self = Self(38);
    /// Calls: may I talk with you?
    pub const OFFER: Self = Self(40);
    /// Calls: it rings here.
    pub const RINGING: Self = Self(41);
    /// Calls: yes.
    pub const ANSWER: Self = Self(42);
    /// Calls: one more address where media reaches me.
    pub const CANDIDATE: Self = Self(43);
    /// Calls: no, or no longer, and why.
    pub const HANGUP: Self = Self(44);

    /// The type as the 6 bits on the wire; `None` when it has more bits.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits < 64).then_some(Self(bits))
    }

    /// The 6 bits.
    pub fn bits(self) -> u8 {
        self.0
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What it says: JSON, except raw bytes for file chunks.
    pub body: Bytes,
}

impl Frame {
    /// Appends the frame to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when the body has more than [`BODY_BYTES`].
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        let length = u16::try_from(self.body.len()).map_err(|_| FrameError::TooLong)?;
        out.reserve(HEADER_BYTES + self.body.len());
        out.put_u8(VERSION << 6 | self.kind.0);
        out.put_u16(length);
        out.put_slice(&self.body);
        Ok(())
    }
}

/// Turns bytes as they come into frames. Holds at most what it was fed and
/// not yet asked for; feed it one read at a time and drain it.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: BytesMut,
}

impl FrameDecoder {
    /// The buffer to read into; what is appended here is decoded next.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole frame; `None` until more bytes have come.
    ///
    /// # Errors
    /// [`FrameError::Version`] when the frame has another version. The stream
    /// cannot be understood any further after that.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(&first) = self.buffer.first() else {
            return Ok(None);
        };
        let version = first >> 6;
        if version != VERSION {
            return Err(FrameError::Version { theirs: version });
        }
        if self.buffer.len() < HEADER_BYTES {
            return Ok(None);
        }
        let length = usize::from(u16::from_be_bytes([self.buffer[1], self.buffer[2]]));
        if self.buffer.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(HEADER_BYTES);
        let body = self.buffer.split_to(length).freeze();
        Ok(Some(Frame {
            kind: Kind(first & 0x3f),
            body,
        }))
    }

    /// Whether a frame has begun and not ended: the stream must not end now.
    pub fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }
}

/// What can be wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The body does not fit.
    #[error("a frame has at most {BODY_BYTES} bytes")]
    TooLong,
    /// The other side speaks another version.
    #[error("the other side speaks version {theirs} of the protocol, we speak {VERSION}")]
    Version {
        /// The version of the other side's frame.
        theirs: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_header_is_as_documented() {
        let mut out = BytesMut::new();
        let frame = Frame {
            kind: Kind::OFFER,
            body: Bytes::from_static(b"abc"),
        };
        frame.encode(&mut out).unwrap();
        assert_eq!(&out[..], [0b01_101000, 0, 3, b'a', b'b', b'c']);
    }

    #[test]
    fn another_version_is_told_apart_at_the_first_byte() {
        let mut decoder = FrameDecoder::default();
        decoder.buffer().put_u8(2 << 6);
        assert_eq!(decoder.next_frame(), Err(FrameError::Version { theirs: 2 }));
    }

    #[test]
    fn a_body_that_does_not_fit_is_refused() {
        let frame = Frame {
            kind: Kind::MESSAGE,
            body: vec![0; BODY_BYTES + 1].into(),
        };
        assert_eq!(frame.encode(&mut BytesMut::new()), Err(FrameError::TooLong));
    }

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let frame =
            (0u8..64, proptest::collection::vec(any::<u8>(), 0..300)).prop_map(|(kind, body)| {
                Frame {
                    kind: Kind(kind),
                    body: body.into(),
                }
            });
        proptest::collection::vec(frame, 0..12)
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting(frames in frames(), cuts in proptest::collection::vec(1usize..50, 1..40)) {
            let mut wire = BytesMut::new();
            for frame in &frames { frame.encode(&mut wire).unwrap(); }
            let mut decoder = FrameDecoder::default();
            let mut got = Vec::new();
            let mut cuts = cuts.iter().cycle();
            while !wire.is_empty() {
                let n = (*cuts.next().unwrap()).min(wire.len());
                decoder.buffer().extend_from_slice(&wire.split_to(n));
                while let Some(frame) = decoder.next_frame().unwrap() { got.push(frame); }
            }
            prop_assert!(!decoder.is_mid_frame());
            prop_assert_eq!(got, frames);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut decoder = FrameDecoder::default();
            decoder.buffer().extend_from_slice(&bytes);
            while let Ok(Some(frame)) = decoder.next_frame() {
                prop_assert!(frame.body.len() <= BODY_BYTES);
            }
        }
    }
}
