//! The body of a frame of any type: what is understood can be said again, and
//! is then understood in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::body::Body;
use twocan_proto::frame::{Frame, Kind};

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (bits, bytes) = input;
    let Some(kind) = Kind::from_bits(bits & 0x3f) else {
        return;
    };
    let Ok(body) = Body::from_frame(&Frame { kind, body: bytes.into() }) else {
        return;
    };
    let frame = body.to_frame().expect("what was understood can be said");
    assert_eq!(Body::from_frame(&frame).as_ref(), Ok(&body));
});
