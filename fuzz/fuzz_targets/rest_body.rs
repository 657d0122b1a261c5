//! Bodies and headers of requests, in both notations.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use twocan_proto::api::{ClientVersion, Format};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Format::accepted(Some(text));
        let _ = Format::declared(text);
        let _ = ClientVersion::of_user_agent(text);
    }
    for format in Format::ALL {
        let Ok(object) = format.decode::<Map<String, Value>>(bytes) else {
            continue;
        };
        let again = format
            .encode(&object)
            .expect("what was read can be written");
        // Numbers with a fraction may come back as their neighbours.
        let read = format.decode::<Map<String, Value>>(&again);
        assert!(read.is_ok_and(|read| read.keys().eq(object.keys())));
    }
});
