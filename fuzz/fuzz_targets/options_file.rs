//! A file of options of any text: it is understood, or refused in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan::fuzzing;

fuzz_target!(|text: &str| fuzzing::options_file(text));
