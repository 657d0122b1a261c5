//! Payloads of a call, one after another as a network might hand them over: a
//! frame or an error comes of each, and what it repairs is an Opus packet.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use twocan_voice::{
    Format, MAX_PACKET_BYTES, ReceivedPacket,
    protect::{Origin, Unpacker},
};

fuzz_target!(|packets: Vec<(u16, Option<u8>, Vec<u8>)>| {
    let mut unpacker = Unpacker::default();
    for (sequence, red, payload) in packets {
        let packet = ReceivedPacket {
            format: red.map_or(Format::Protected, |opus| Format::Red { opus }),
            sequence: u64::from(sequence),
            media_time: u64::from(sequence) * 960,
            payload,
            arrived: Instant::now(),
        };
        let Ok(unpacked) = unpacker.take(packet) else {
            continue;
        };
        assert_eq!(unpacked.frames[0].origin, Origin::Packet);
        assert!(
            unpacked
                .frames
                .iter()
                .all(|frame| !frame.payload.is_empty() && frame.payload.len() <= MAX_PACKET_BYTES)
        );
    }
});
