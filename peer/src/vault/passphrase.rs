//! From a passphrase to a key: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keys::{KEY_BYTES, Key, fill_random};
use crate::api::{Error, ErrorCode};

/// Bytes of a passphrase at most: a long sentence, and no file picked by
/// mistake.
pub const PASSPHRASE_BYTES: usize = 1024;
/// Bytes of salt, as RFC 9106 section 3.1 recommends.
const SALT_BYTES: usize = 16;
/// Most memory that a file may ask for, in KiB: 1 GiB.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
/// Most passes over the memory that a file may ask for.
const MOST_PASSES: u32 = 64;
/// Most lanes that a file may ask for.
const MOST_LANES: u32 = 16;

/// What somebody typed to protect a profile. It never prints itself, and is
/// wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase as it was typed.
    ///
    /// # Errors
    /// `bad_request` for an empty one, or one of more than
    /// [`PASSPHRASE_BYTES`] bytes.
    pub fn new(text: Zeroizing<String>) -> Result<Self, Error> {
        let wrong = |what: String| Err(Error::new(ErrorCode::BadRequest, what));
        match text.len() {
            0 => wrong("an empty passphrase protects nothing: give one".to_owned()),
            1..=PASSPHRASE_BYTES => Ok(Self(text)),
            _ => wrong(format!(
                "a passphrase has at most {PASSPHRASE_BYTES} bytes: give a shorter one"
            )),
        }
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(secret)")
    }
}

/// What a guess costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cost {
    /// Memory in KiB.
    memory_kib: u32,
    /// Passes over the memory.
    passes: u32,
    /// Lanes that could be computed side by side.
    lanes: u32,
}

/// Memory and passes above the second recommendation of RFC 9106 section 4
/// (64 MiB, 3 passes): about half a second on a laptop's core.
const REAL_COST: Cost = Cost {
    memory_kib: 128 * 1024,
    passes: 4,
    lanes: 1,
};

/// The cost of new passphrases. The unit tests of this crate, which make
/// hundreds, take a cheap one; programs have no way to.
const COST: Cost = if cfg!(test) {
    Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    }
} else {
    REAL_COST
};

/// How a passphrase becomes a key: kept beside what the key seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Derivation {
    /// The function; there is one.
    kdf: Kdf,
    cost: Cost,
    #[serde(with = "super::hex")]
    salt: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kdf {
    #[serde(rename = "argon2id")]
    Argon2id,
}

impl Derivation {
    /// With a salt of its own, at the cost of today.
    pub(super) fn new() -> Result<Self, Error> {
        let mut salt = vec![0; SALT_BYTES];
        fill_random(&mut salt)?;
        Ok(Self {
            kdf: Kdf::Argon2id,
            cost: COST,
            salt,
        })
    }

    /// Whether the costs and the salt are such as we write: nothing is spent
    /// on a file that asks for more.
    pub(super) fn is_sane(&self) -> bool {
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        self.salt.len() == SALT_BYTES
            && memory_kib <= MOST_MEMORY_KIB
            && (1..=MOST_PASSES).contains(&passes)
            && (1..=MOST_LANES).contains(&lanes)
            && self.params().is_some()
    }

    fn params(&self) -> Option<Params> {
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).ok()
    }

    /// The key. Takes the time that a guess is meant to cost.
    ///
    /// # Errors
    /// `io` when there is not the memory for it.
    pub(super) fn key(&self, passphrase: &Passphrase) -> Result<Key, Error> {
        let refused = |why: &str| {
            let text = format!("cannot work out the key of the passphrase: {why}");
            Error::new(ErrorCode::Io, text)
        };
        if !self.is_sane() {
            return Err(refused("its parameters are out of bounds"));
        }
        let params = self.params().ok_or_else(|| refused("bad parameters"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Key::computed(|key| argon2.hash_password_into(passphrase.0.as_bytes(), &self.salt, key))
            .map_err(|error| refused(&error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
    }

    #[test]
    fn the_real_cost_stays_high() {
        const { assert!(REAL_COST.memory_kib >= 64 * 1024 && REAL_COST.passes >= 3) };
        let derivation = Derivation {
            cost: REAL_COST,
            ..Derivation::new().unwrap()
        };
        assert!(derivation.is_sane());
    }

    #[test]
    fn a_key_depends_on_passphrase_and_salt() {
        let derivation = Derivation::new().unwrap();
        let key = derivation.key(&passphrase("a")).unwrap();
        assert_eq!(
            key.bytes(),
            derivation.key(&passphrase("a")).unwrap().bytes()
        );
        assert_ne!(
            key.bytes(),
            derivation.key(&passphrase("b")).unwrap().bytes()
        );
        let other = Derivation::new().unwrap();
        assert_ne!(key.bytes(), other.key(&passphrase("a")).unwrap().bytes());
    }

    #[test]
    fn a_file_cannot_ask_for_any_memory() {
        let sane = Derivation::new().unwrap();
        for cost in [
            Cost {
                memory_kib: MOST_MEMORY_KIB + 1,
                ..COST
            },
            Cost {
                memory_kib: 0,
                ..COST
            },
            Cost { passes: 0, ..COST },
            Cost {
                passes: u32::MAX,
                ..COST
            },
            Cost { lanes: 0, ..COST },
            Cost {
                lanes: MOST_LANES + 1,
                ..COST
            },
        ] {
            let asked = Derivation {
                cost,
                ..sane.clone()
            };
            assert!(!asked.is_sane(), "{cost:?}");
            assert!(asked.key(&passphrase("a")).is_err());
        }
        let unsalted = Derivation {
            salt: Vec::new(),
            ..sane
        };
        assert!(!unsalted.is_sane());
    }

    #[test]
    fn a_passphrase_has_a_length_and_no_face() {
        assert!(Passphrase::new(Zeroizing::default()).is_err());
        let long = "x".repeat(PASSPHRASE_BYTES + 1);
        assert!(Passphrase::new(Zeroizing::new(long)).is_err());
        assert!(!format!("{:?}", passphrase("tulip")).contains("tulip"));
    }
}
