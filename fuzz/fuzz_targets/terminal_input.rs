//! Bytes of a terminal, arriving in pieces of any size: what they mean does not
//! depend on where the pieces end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan::fuzzing;

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (pieces, bytes) = input;
    fuzzing::terminal_input(&bytes, &pieces);
});
