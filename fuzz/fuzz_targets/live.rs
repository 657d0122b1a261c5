//! Messages of the live channel, in both notations and both directions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::{
    api::Format,
    live::{ASK_MAX, Ask, Event},
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Format::offered(text);
    }
    for format in Format::ALL {
        if let Ok(ask) = Ask::read(format, bytes) {
            let again = ask.write(format).expect("what was read can be written");
            if again.len() <= ASK_MAX {
                assert_eq!(Ask::read(format, &again), Ok(ask));
            }
        }
        if let Ok(event) = Event::read(format, bytes) {
            let again = event.write(format).expect("what was read can be written");
            let _ = Event::read(format, &again);
        }
    }
});
