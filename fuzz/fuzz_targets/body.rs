//! The body of a frame of any type, on a link and on a connection for files:
//! what is understood can be said again, and is then understood in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::body::Body;
use twocan_proto::body::file::Bulk;
use twocan_proto::frame::{Frame, Kind};

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (bits, bytes) = input;
    let Some(kind) = Kind::from_bits(bits & 0x3f) else {
        return;
    };
    let frame = Frame {
        kind,
        body: bytes.into(),
    };
    if let Ok(body) = Body::from_frame(&frame) {
        let again = body.to_frame().expect("what was understood can be said");
        assert_eq!(Body::from_frame(&again).as_ref(), Ok(&body));
    }
    if let Ok(word) = Bulk::from_frame(&frame) {
        let again = word.to_frame().expect("what was understood can be said");
        assert_eq!(Bulk::from_frame(&again).as_ref(), Ok(&word));
    }
});
