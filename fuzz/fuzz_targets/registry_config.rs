//! What an operator writes: the configuration, and whom to ban.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_registry::fuzzing;

fuzz_target!(|text: &str| {
    fuzzing::config(text);
    fuzzing::ban(text);
});
