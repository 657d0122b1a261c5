//! A message of any text as it is drawn: all of it, in rows that fit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan::fuzzing;

fuzz_target!(|input: (u8, &str)| {
    let (cells, text) = input;
    fuzzing::message(text, cells.into());
});
