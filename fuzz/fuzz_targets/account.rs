//! What a person says of herself at a registry: addresses, profile, proofs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::{
    api::{Email, KeyProof, Phone, Profile, Username},
    identity::Identity,
    time::Timestamp,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(profile) = serde_json::from_slice::<Profile>(bytes)
        && let Ok(kept) = profile.checked()
    {
        let _ = kept.haystack();
        assert_eq!(kept.clone().checked(), Ok(kept));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(email) = text.parse::<Email>() {
        assert!(email.as_str().bytes().all(|b| b.is_ascii_graphic()));
    }
    if let Ok(phone) = text.parse::<Phone>() {
        assert!(phone.as_str()[1..].bytes().all(|b| b.is_ascii_digit()));
    }
    if let Ok(name) = text.parse::<Username>() {
        let proof = KeyProof {
            at: Timestamp::from_millis(0),
            signature: text.to_owned(),
        };
        let key = Identity::from_seed(&[1; 32]).peer_id();
        assert!(!proof.holds(&key, &name, proof.at));
    }
});
