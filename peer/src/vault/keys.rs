//! The keys of an encrypted profile, and sealing under them.
//!
//! ```text
//!  passphrase --Argon2id--> wrapping key --AES-256-GCM--> profile key (random)
//!  system keyring --------> wrapping key                      |
//!                                     BLAKE3 derive_key: identity key, database key
//! ```
//!
//! A change of the passphrase wraps the profile key anew; what lies under the
//! profile key stays as it is.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::api::{Error, ErrorCode};

/// Bytes of every key here.
pub(crate) const KEY_BYTES: usize = 32;

const IDENTITY_CONTEXT: &str = "twocan 2026 vault: key that seals the identity";
const DATABASE_CONTEXT: &str = "twocan 2026 vault: key of the database";

/// A secret key, wiped from memory when dropped; it never prints itself.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(secret)")
    }
}

impl Key {
    /// A key of the system's randomness.
    pub(crate) fn random() -> Result<Self, Error> {
        let mut key = Self(Zeroizing::new([0; KEY_BYTES]));
        fill_random(&mut *key.0)?;
        Ok(key)
    }

    /// A key of bytes that came from elsewhere; `None` if they are too many
    /// or too few.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Zeroizing::new([0; KEY_BYTES]));
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Room for a key that is about to be computed.
    pub(super) fn computed<E>(
        compute: impl FnOnce(&mut [u8; KEY_BYTES]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut key = Self(Zeroizing::new([0; KEY_BYTES]));
        compute(&mut key.0)?;
        Ok(key)
    }

    pub(super) fn derived(&self, context: &str) -> Self {
        Self(Zeroizing::new(blake3::derive_key(context, &*self.0)))
    }

    /// Seals `secret`; whoever opens it must name the same `about`.
    ///
    /// # Errors
    /// Only when the system gives no randomness.
    pub(super) fn seal(&self, about: &[u8], secret: &[u8]) -> Result<Vec<u8>, Error> {
        // The secret is overwritten where it lies by what it becomes. Room for
        // the tag from the start, so that growing leaves no copy behind.
        let mut text = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        text.extend_from_slice(secret);
        let nonce = self
            .cipher()
            .and_then(|cipher| cipher.seal_in_place_append_tag(Aad::from(about), &mut text))
            .map_err(|_| Error::new(ErrorCode::Internal, "the key cannot be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    /// Opens what [`Self::seal`] made; `None` for another key, another
    /// `about`, or a changed byte.
    pub(super) fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self
            .cipher()
            .and_then(|cipher| {
                cipher
                    .open_in_place(nonce, Aad::from(about), &mut text)
                    .map(|opened| opened.len())
            })
            .ok()?;
        text.truncate(opened);
        Some(text)
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, aws_lc_rs::error::Unspecified> {
        RandomizedNonceKey::new(&AES_256_GCM, &*self.0)
    }
}

/// The random key under which everything of a profile lies.
#[derive(Debug, Clone)]
pub(crate) struct ProfileKey(pub(super) Key);

impl ProfileKey {
    pub(crate) fn random() -> Result<Self, Error> {
        Key::random().map(Self)
    }

    pub(super) fn identity(&self) -> Key {
        self.0.derived(IDENTITY_CONTEXT)
    }

    pub(crate) fn database(&self) -> DatabaseKey {
        DatabaseKey(self.0.derived(DATABASE_CONTEXT))
    }
}

/// The raw key of a database.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseKey(Key);

impl DatabaseKey {
    /// The key as SQLCipher takes it in `PRAGMA key` and `ATTACH`: a raw key,
    /// with nothing derived from it any more.
    pub(crate) fn literal(&self) -> Zeroizing<String> {
        let hex = Zeroizing::new(HEXLOWER.encode(self.0.bytes()));
        Zeroizing::new(format!("x'{}'", *hex))
    }
}

pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(
            ErrorCode::Io,
            format!("the system gives no random numbers: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_and_purpose_alone() {
        let key = Key::random().unwrap();
        let sealed = key.seal(b"about", b"secret").unwrap();
        assert_eq!(key.open(b"about", &sealed).unwrap().as_slice(), b"secret");
        assert!(key.open(b"other", &sealed).is_none());
        assert!(Key::random().unwrap().open(b"about", &sealed).is_none());
        let again = key.seal(b"about", b"secret").unwrap();
        assert_ne!(sealed, again, "a nonce was used twice");
    }

    #[test]
    fn keys_do_not_print_themselves() {
        let key = ProfileKey(Key::from_slice(&[0xcd; KEY_BYTES]).unwrap());
        let printed = format!("{key:?} {:?}", key.database());
        assert!(
            !printed.contains("cd") && !printed.contains("205"),
            "{printed}"
        );
        assert_ne!(key.identity().bytes(), key.database().0.bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let key = Key::from_slice(&[7; KEY_BYTES]).unwrap();
            prop_assert!(key.open(b"", &bytes).is_none());
        }
    }
}
