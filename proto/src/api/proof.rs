//! A proof that a sign-in comes from the account's own identity. It opens
//! nothing by itself, the password still does; it only tells the owner from
//! strangers who guess, so that their guessing does not lock the owner out.

use super::Username;
use crate::{
    identity::{Identity, PeerId},
    time::Timestamp,
};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

/// What the signature is about, so that it means nothing anywhere else.
const CONTEXT: &str = "twocan 2026 registry sign-in";

/// How far the clocks of client and registry may be apart, in milliseconds.
const CLOCK_SLACK_MS: u64 = 10 * 60 * 1000;

/// The account's key has signed the name and the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyProof {
    /// When it was signed, by the client's clock.
    pub at: Timestamp,
    /// Ed25519 signature (RFC 8032), 64 bytes in URL-safe base64 without padding.
    pub signature: String,
}

impl KeyProof {
    /// Signs in front of a registry that the name is ours.
    #[must_use]
    pub fn make(identity: &Identity, username: &Username, at: Timestamp) -> Self {
        let signature = identity.sign(&said(username, at));
        Self {
            at,
            signature: BASE64URL_NOPAD.encode(&signature),
        }
    }

    /// Whether the owner of `key` signed this for `username` lately.
    #[must_use]
    pub fn holds(&self, key: &PeerId, username: &Username, now: Timestamp) -> bool {
        let apart = now.as_millis().abs_diff(self.at.as_millis());
        let signature = BASE64URL_NOPAD.decode(self.signature.as_bytes());
        let signature = signature.ok().and_then(|bytes| bytes.try_into().ok());
        apart <= CLOCK_SLACK_MS
            && signature.is_some_and(|bytes| key.has_signed(&said(username, self.at), &bytes))
    }
}

fn said(username: &Username, at: Timestamp) -> Vec<u8> {
    format!("{CONTEXT}\n{}\n{}", username.folded(), at.as_millis()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_proof_holds_for_its_key_name_and_time() {
        let (ada, eve) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let name: Username = "Ada".parse().unwrap();
        let at = Timestamp::from_millis(1_800_000_000_000);
        let later = Timestamp::from_millis(at.as_millis() + 600_001);
        let proof = KeyProof::make(&ada, &name, at);
        assert!(proof.holds(&ada.peer_id(), &"ada".parse().unwrap(), at));
        assert!(!proof.holds(&eve.peer_id(), &name, at));
        assert!(!proof.holds(&ada.peer_id(), &"eve".parse().unwrap(), at));
        assert!(!proof.holds(&ada.peer_id(), &name, later));
        let moved = KeyProof { at: later, ..proof };
        assert!(!moved.holds(&ada.peer_id(), &name, later));
    }

    proptest! {
        #[test]
        fn any_text_proves_nothing(signature in "[A-Za-z0-9_-]{0,90}") {
            let at = Timestamp::from_millis(0);
            let proof = KeyProof { at, signature };
            let key = Identity::from_seed(&[1; 32]).peer_id();
            prop_assert!(!proof.holds(&key, &"ada".parse().unwrap(), at));
        }
    }
}
