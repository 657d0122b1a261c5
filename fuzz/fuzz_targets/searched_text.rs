//! What somebody looks for: it never breaks the expression that it becomes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_peer::fuzzing;

fuzz_target!(|text: &str| fuzzing::searched_text(text));
