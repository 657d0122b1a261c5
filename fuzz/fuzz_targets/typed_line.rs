//! What is typed: into the composer, with its commands and what is offered for
//! them, and into the control socket.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan::fuzzing;

fuzz_target!(|input: (u8, &str)| {
    let (cursor, text) = input;
    fuzzing::typed_line(text, cursor.into());
    fuzzing::typed_line(text, text.len());
    fuzzing::control_line(text);
});
