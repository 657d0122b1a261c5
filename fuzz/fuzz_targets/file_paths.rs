//! The paths of a set of files as a peer names them: none leads out of its
//! folder, and no two meet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_peer::fuzzing;

fuzz_target!(|paths: Vec<String>| fuzzing::file_paths(&paths));
