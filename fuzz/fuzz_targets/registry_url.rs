//! The text of a registry's URL: what is understood can be written, and is
//! then understood in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::registry_url::RegistryUrl;

fuzz_target!(|text: &str| {
    if let Ok(parsed) = text.parse::<RegistryUrl>() {
        assert_eq!(parsed.to_string().parse().as_ref(), Ok(&parsed));
    }
});
