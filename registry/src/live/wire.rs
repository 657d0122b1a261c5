//! WebSocket frames (RFC 6455 section 5): out of the bytes of a client with
//! every limit, and into bytes once for all who are to get them.

use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, Message, OpCode, Parser};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder as _, Encoder as _};
use twocan_proto::{
    api::Format,
    live::{ASK_MAX, LiveEnd},
};

/// Longest head of a frame from a client (RFC 6455 section 5.2).
const HEAD_MAX: usize = 14;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A whole message.
    Message(Bytes),
    Ping(Bytes),
    Pong(Bytes),
    /// The client is done.
    Close,
}

/// The bytes of a client, on their way to being messages.
#[derive(Debug)]
pub(super) struct Incoming {
    format: Format,
    codec: Codec,
    bytes: BytesMut,
    /// The beginning of a message that comes in several frames.
    begun: Option<BytesMut>,
}

impl Incoming {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            codec: Codec::new().max_size(ASK_MAX),
            bytes: BytesMut::new(),
            begun: None,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next thing that has come whole.
    ///
    /// # Errors
    /// Why the channel has to end.
    pub(super) fn next(&mut self) -> Result<Option<Received>, LiveEnd> {
        loop {
            let before = self.bytes.len();
            let frame = self.codec.decode(&mut self.bytes).map_err(end_of)?;
            let Some(frame) = frame else {
                // The codec waits for all of a frame, however long it says it is.
                if before > ASK_MAX + HEAD_MAX {
                    return Err(LiveEnd::TooLarge);
                }
                if before == 0 {
                    // Nothing is kept for a client that says nothing.
                    self.bytes = BytesMut::new();
                }
                return Ok(None);
            };
            if let Some(received) = self.take(frame)? {
                return Ok(Some(received));
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Received>, LiveEnd> {
        let text = self.format == Format::Json;
        match frame {
            Frame::Text(bytes) if text => Ok(Some(Received::Message(bytes))),
            Frame::Binary(bytes) if !text => Ok(Some(Received::Message(bytes))),
            Frame::Continuation(Item::FirstText(bytes)) if text => self.begin(&bytes),
            Frame::Continuation(Item::FirstBinary(bytes)) if !text => self.begin(&bytes),
            Frame::Continuation(Item::Continue(bytes)) => self.go_on(&bytes).map(|()| None),
            Frame::Continuation(Item::Last(bytes)) => {
                self.go_on(&bytes)?;
                let whole = self.begun.take().unwrap_or_default();
                Ok(Some(Received::Message(whole.freeze())))
            }
            Frame::Ping(bytes) => Ok(Some(Received::Ping(bytes))),
            Frame::Pong(bytes) => Ok(Some(Received::Pong(bytes))),
            Frame::Close(_) => Ok(Some(Received::Close)),
            Frame::Text(_) | Frame::Binary(_) | Frame::Continuation(_) => Err(LiveEnd::Protocol),
        }
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<Option<Received>, LiveEnd> {
        self.begun = Some(BytesMut::new());
        self.go_on(bytes).map(|()| None)
    }

    fn go_on(&mut self, bytes: &[u8]) -> Result<(), LiveEnd> {
        let begun = self.begun.as_mut().ok_or(LiveEnd::Protocol)?;
        if begun.len() + bytes.len() > ASK_MAX {
            return Err(LiveEnd::TooLarge);
        }
        begun.extend_from_slice(bytes);
        Ok(())
    }
}

fn end_of(error: actix_http::ws::ProtocolError) -> LiveEnd {
    match error {
        actix_http::ws::ProtocolError::Overflow => LiveEnd::TooLarge,
        _ => LiveEnd::Protocol,
    }
}

/// The frame of a message.
pub(super) fn message(format: Format, body: &[u8]) -> Bytes {
    let opcode = match format {
        Format::Json => OpCode::Text,
        Format::MessagePack => OpCode::Binary,
    };
    frame(opcode, body)
}

pub(super) fn ping(body: &[u8]) -> Bytes {
    frame(OpCode::Ping, body)
}

pub(super) fn pong(body: &[u8]) -> Bytes {
    frame(OpCode::Pong, body)
}

/// The last frame, with the reason.
pub(super) fn close(end: LiveEnd) -> Bytes {
    let reason = CloseReason {
        code: CloseCode::Other(end.code()),
        description: Some(end.reason().to_owned()),
    };
    let mut bytes = BytesMut::new();
    let written = Codec::new().encode(Message::Close(Some(reason)), &mut bytes);
    // Only the state of continued messages can fail.
    debug_assert!(written.is_ok());
    bytes.freeze()
}

fn frame(opcode: OpCode, body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(body.len() + HEAD_MAX);
    Parser::write_message(&mut bytes, body, opcode, true, false);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame as a client sends it, with a mask.
    fn masked(opcode: OpCode, body: &[u8], last: bool) -> BytesMut {
        let mut bytes = BytesMut::new();
        Parser::write_message(&mut bytes, body, opcode, last, true);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Received>, LiveEnd> {
        let mut incoming = Incoming::new(Format::Json);
        incoming.feed(bytes);
        let mut all = Vec::new();
        while let Some(received) = incoming.next()? {
            all.push(received);
        }
        Ok(all)
    }

    fn said(text: &'static str) -> Received {
        Received::Message(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn messages_come_whole_or_in_parts() {
        let mut bytes = masked(OpCode::Text, b"one", true);
        bytes.extend(masked(OpCode::Text, b"tw", false));
        bytes.extend(masked(OpCode::Ping, b"!", true));
        bytes.extend(masked(OpCode::Continue, b"o", true));
        let ping = Received::Ping(Bytes::from_static(b"!"));
        assert_eq!(read(&bytes), Ok(vec![said("one"), ping, said("two")]));
        let mut incoming = Incoming::new(Format::Json);
        for byte in &bytes[..8] {
            incoming.feed(&[*byte]);
            assert_eq!(incoming.next(), Ok(None));
        }
        incoming.feed(&bytes[8..9]);
        assert_eq!(incoming.next(), Ok(Some(said("one"))));
    }

    #[test]
    fn what_is_too_large_ends_it_before_it_is_there() {
        let long = vec![b'x'; ASK_MAX + 1];
        assert_eq!(
            read(&masked(OpCode::Text, &long, true)),
            Err(LiveEnd::TooLarge)
        );
        // A head that promises a gigabyte, and what came of it.
        let mut head = vec![0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4];
        head.extend(&long);
        assert_eq!(read(&head), Err(LiveEnd::TooLarge));
        let half = &long[..ASK_MAX / 2 + 1];
        let mut parts = masked(OpCode::Text, half, false);
        parts.extend(masked(OpCode::Continue, half, true));
        assert_eq!(read(&parts), Err(LiveEnd::TooLarge));
    }

    #[test]
    fn what_is_no_frame_of_ours_ends_it() {
        for bytes in [
            masked(OpCode::Binary, b"x", true),
            masked(OpCode::Continue, b"x", true),
            BytesMut::from(&b"\x81\x01x"[..]),
            BytesMut::from(&b"\xf1\x80\0\0\0\0"[..]),
            BytesMut::from(&b"GET / HTTP/1.1\r\n\r\n"[..]),
        ] {
            assert_eq!(read(&bytes), Err(LiveEnd::Protocol), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_in_bounds(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20),
        ) {
            let mut incoming = Incoming::new(Format::MessagePack);
            'all: for chunk in chunks {
                incoming.feed(&chunk);
                loop {
                    match incoming.next() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'all,
                    }
                }
                prop_assert!(incoming.bytes.len() <= ASK_MAX + HEAD_MAX);
            }
        }
    }
}
