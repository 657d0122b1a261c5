//! A line of a script: a request with an id, or a refusal that says why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan::fuzzing;

fuzz_target!(|line: &[u8]| fuzzing::headless_line(line));
