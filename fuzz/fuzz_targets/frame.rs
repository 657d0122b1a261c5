//! Bytes of a link, arriving in pieces of any size: the frames do not depend
//! on where the pieces end, and each is written again as it was read.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use twocan_proto::frame::{Frame, FrameDecoder, FrameError};

fn decode(pieces: impl Iterator<Item = Vec<u8>>) -> (Vec<Frame>, Option<FrameError>) {
    let mut decoder = FrameDecoder::default();
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.buffer().extend_from_slice(&piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (step, bytes) = input;
    let whole = decode(std::iter::once(bytes.clone()));
    let pieces = decode(bytes.chunks(usize::from(step).max(1)).map(<[u8]>::to_vec));
    assert_eq!(whole, pieces);

    let mut again = BytesMut::new();
    for frame in &whole.0 {
        frame
            .encode(&mut again)
            .expect("what was read can be written");
    }
    assert!(bytes.starts_with(&again));
});
