//! The key pair that is a person, and its public half as an id.
//!
//! A name, an address and a registry are hints; the Ed25519 key (RFC 8032) is
//! the person. The id is the public key itself, written as groups of four
//! base32 characters (RFC 4648 alphabet, lower case) with a checksum, so that
//! a mistyped id is refused instead of being another person.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, Encoding};
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of checksum after the 32 of the key: together 35 bytes are exactly
/// 56 base32 characters, and a random mistake passes once in 16 million.
const CHECKSUM_BYTES: usize = 3;
const TEXT_CHARS: usize = (32 + CHECKSUM_BYTES) * 8 / 5;
const GROUP: usize = 4;

/// Domain of the checksum's hash, so that it means nothing anywhere else.
const CHECKSUM_CONTEXT: &str = "twocan 2026 peer id checksum";

const TEXT_ENCODING: Encoding = BASE32_NOPAD;

/// The public key of a person, which is her id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, pattern = "^[A-Za-z2-7 -]{56,80}$")
)]
pub struct PeerId([u8; 32]);

impl PeerId {
    /// Takes the 32 bytes of an Ed25519 public key.
    ///
    /// # Errors
    /// [`IdError::NotAKey`] when the bytes are no point of the curve, or one
    /// of the weak ones that no honest key has.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, IdError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| IdError::NotAKey)?;
        if key.is_weak() {
            return Err(IdError::NotAKey);
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes of the public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first four groups: enough for a person to tell contacts apart on a
    /// screen, never enough to prove anything.
    pub fn short(&self) -> String {
        self.to_string().chars().take(4 * (GROUP + 1) - 1).collect()
    }

    /// Whether the owner of this key signed `message` (RFC 8032, with the
    /// stricter checks that leave one signature for one message).
    pub fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }

    fn checksum(&self) -> [u8; CHECKSUM_BYTES] {
        let hash = blake3::derive_key(CHECKSUM_CONTEXT, &self.0);
        [hash[0], hash[1], hash[2]]
    }

    /// All 56 characters without the hyphens, as links carry them.
    pub fn compact(&self) -> String {
        let mut bytes = self.0.to_vec();
        bytes.extend(self.checksum());
        TEXT_ENCODING.encode(&bytes).to_ascii_lowercase()
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(TEXT_CHARS + TEXT_CHARS / GROUP);
        for (i, c) in self.compact().chars().enumerate() {
            if i > 0 && i % GROUP == 0 {
                text.push('-');
            }
            text.push(c);
        }
        // In one go: a writer that looks at every piece is called once.
        f.write_str(&text)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({})", self.short())
    }
}

impl FromStr for PeerId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // Anything much longer than an id with its hyphens and spaces is not one.
        if text.len() > 2 * TEXT_CHARS {
            return Err(IdError::Length);
        }
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        if plain.chars().count() != TEXT_CHARS {
            return Err(IdError::Length);
        }
        let bytes = TEXT_ENCODING
            .decode(plain.as_bytes())
            .map_err(|_| IdError::Alphabet)?;
        let (key, checksum) = bytes.split_at(32);
        let id = Self(key.try_into().map_err(|_| IdError::Length)?);
        if checksum != id.checksum() {
            return Err(IdError::Checksum);
        }
        Self::from_bytes(id.0)
    }
}

impl Serialize for PeerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text or some bytes are not a peer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 56 characters, hyphens and spaces aside.
    #[error("a peer id has {TEXT_CHARS} letters and digits (hyphens and spaces aside)")]
    Length,
    /// A character that base32 does not have.
    #[error("a peer id has only the letters a to z and the digits 2 to 7")]
    Alphabet,
    /// The checksum does not fit.
    #[error("the peer id is mistyped somewhere: its checksum does not fit")]
    Checksum,
    /// The bytes are not a usable Ed25519 public key.
    #[error("the peer id is not a usable public key")]
    NotAKey,
}

/// The secret half: what makes us who we are. It never prints itself, and is
/// wiped from memory when dropped.
#[derive(Clone)]
pub struct Identity(SigningKey);

impl Identity {
    /// Makes the key pair from 32 random bytes. The caller supplies the
    /// randomness, which must come from the operating system.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32 secret bytes, for the key file alone.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Our public id.
    pub fn peer_id(&self) -> PeerId {
        PeerId(self.0.verifying_key().to_bytes())
    }

    /// Signs a message, which must begin with what it is about.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// The key as PKCS #8 (RFC 8410), as TLS libraries want it.
    ///
    /// # Errors
    /// [`IdError::NotAKey`] if it cannot be encoded, which no key made here
    /// has been seen to do.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, IdError> {
        let document = self.0.to_pkcs8_der().map_err(|_| IdError::NotAKey)?;
        Ok(Zeroizing::new(document.as_bytes().to_vec()))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.peer_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identity(seed: u8) -> Identity {
        Identity::from_seed(&[seed; 32])
    }

    #[test]
    fn text_is_fourteen_groups_of_four() {
        let text = identity(1).peer_id().to_string();
        let groups: Vec<_> = text.split('-').collect();
        assert_eq!(groups.len(), 14);
        assert!(groups.iter().all(|g| g.len() == 4));
        assert_eq!(identity(1).peer_id().short(), groups[..4].join("-"));
    }

    #[test]
    fn a_single_wrong_letter_is_noticed() {
        let text = identity(2).peer_id().to_string();
        for at in text
            .char_indices()
            .filter(|(_, c)| *c != '-')
            .map(|(i, _)| i)
        {
            let mut wrong: Vec<u8> = text.bytes().collect();
            wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong.parse::<PeerId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn weak_keys_are_refused() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        assert_eq!(PeerId::from_bytes(identity_point), Err(IdError::NotAKey));
    }

    #[test]
    fn the_secret_does_not_print_itself() {
        let secret = identity(7);
        let printed = format!("{secret:?}");
        assert!(!printed.contains('7'.to_string().repeat(8).as_str()));
        assert!(printed.starts_with("Identity(PeerId("));
    }

    proptest! {
        #[test]
        fn text_and_back(seed: [u8; 32], upper: bool, spaces: bool) {
            let id = Identity::from_seed(&seed).peer_id();
            let mut text = id.to_string();
            if upper { text = text.to_uppercase(); }
            if spaces { text = text.replace('-', " "); }
            prop_assert_eq!(text.parse::<PeerId>(), Ok(id));
            prop_assert_eq!(id.compact().parse::<PeerId>(), Ok(id));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,200}") {
            let _answer = text.parse::<PeerId>();
        }
    }
}
