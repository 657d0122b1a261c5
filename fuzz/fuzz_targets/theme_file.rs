//! A file `theme.toml` of any text: it is read, and each mistake is told with
//! its line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan::fuzzing;

fuzz_target!(|text: &str| fuzzing::theme_file(text));
