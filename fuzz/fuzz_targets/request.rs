//! Requests to a registry: bodies of any route, queries, paths of files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_registry::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    for media_type in ["application/json", "application/msgpack"] {
        fuzzing::request_body(media_type, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzzing::request_line(text);
    }
});
