//! A WAV file of any bytes: it is played or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_voice::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::wav_file(bytes));
