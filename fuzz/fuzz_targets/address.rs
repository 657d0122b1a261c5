//! The text of a address as people type it: what is understood can be written, and is
//! then understood in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::address::Address;

fuzz_target!(|text: &str| {
    if let Ok(parsed) = text.parse::<Address>() {
        assert_eq!(parsed.to_string().parse().as_ref(), Ok(&parsed));
    }
});
