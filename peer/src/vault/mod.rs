//! Encryption at rest: what protects the key and the database of a profile
//! while it is not in use, and taking a whole profile elsewhere.
//!
//! A profile is either plain or encrypted. The one thing that decides is
//! whether `vault.json` is there, so that every conversion has one moment, a
//! rename, before which the old state holds and after which the new one does:
//!
//! | | plain | encrypted |
//! |---|---|---|
//! | identity | `identity.key` | sealed in `vault.json` |
//! | database | `twocan.db` | `twocan.sealed.db` (SQLCipher) |
//!
//! What a crash leaves of the other state is removed at the next opening.
//!
//! The functions here work on profiles that nobody has open; they block, and
//! take the time of a passphrase.

mod backup;
mod convert;
pub(crate) mod disk;
mod file;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod keyring;
mod keys;
mod passphrase;
pub(crate) mod place;
mod stream;

use crate::api::Error;
use place::Place;

pub use backup::{export, import};
pub use convert::protect;
pub(crate) use file::Opened;
pub(crate) use keys::{DatabaseKey, ProfileKey};
pub use passphrase::{PASSPHRASE_BYTES, Passphrase};
pub use place::{Protected, protected};

/// What protects a profile on the disk: how one that is there is opened, and
/// how a new one is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Protection {
    /// Nothing: a new profile is made plain. One that is under the system
    /// keyring opens all the same, as the keyring needs no answer of ours.
    #[default]
    None,
    /// A passphrase.
    Passphrase(Passphrase),
    /// The keyring of the system, which opens with the user's login.
    Keyring,
}

/// Opens the vault of an encrypted profile; see [`Profile::open`].
///
/// [`Profile::open`]: crate::profile::Profile::open
pub(crate) fn open_sealed(place: &Place, protection: &Protection) -> Result<Opened, Error> {
    file::Vault::read(&place.vault())?
        .ok_or_else(|| convert::no_profile(place))?
        .open(protection)
}

/// Writes the vault of a profile that was plain or not there: it is encrypted
/// from then on.
pub(crate) fn seal_new(
    place: &Place,
    opened: &Opened,
    protection: &Protection,
) -> Result<(), Error> {
    file::Vault::seal(opened, protection)?.write(&place.vault())
}

/// Bytes as hexadecimal text in JSON, lower case alone, so that there is one
/// way to write them.
mod hex {
    use data_encoding::HEXLOWER;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&HEXLOWER.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        HEXLOWER.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
