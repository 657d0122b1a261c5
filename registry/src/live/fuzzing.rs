//! The bytes of a client's live channel, for the fuzzer.

use super::wire::{Incoming, Received};
use twocan_proto::{
    api::Format,
    live::{ASK_MAX, LiveEnd},
};

/// Frames that come in pieces: what they say does not depend on where the pieces
/// end, and no message is longer than one may be.
///
/// # Panics
/// When it does, or one is.
pub fn live_frames(format: Format, bytes: &[u8], piece: usize) {
    let whole = read(format, [bytes].into_iter());
    for received in &whole.0 {
        if let Received::Message(message) = received {
            assert!(message.len() <= ASK_MAX);
        }
    }
    assert_eq!(read(format, bytes.chunks(piece.max(1))), whole);
}

fn read<'a>(
    format: Format,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Received>, Option<LiveEnd>) {
    let mut incoming = Incoming::new(format);
    let mut all = Vec::new();
    for piece in pieces {
        incoming.feed(piece);
        loop {
            match incoming.next() {
                Ok(Some(received)) => all.push(received),
                Ok(None) => break,
                Err(end) => return (all, Some(end)),
            }
        }
    }
    (all, None)
}
