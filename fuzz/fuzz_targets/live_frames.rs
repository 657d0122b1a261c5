//! Bytes of a client's live channel, arriving in pieces of any size: the
//! messages do not depend on where the pieces end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::api::Format;
use twocan_registry::fuzzing;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    for format in Format::ALL {
        fuzzing::live_frames(format, bytes, piece.into());
    }
});
