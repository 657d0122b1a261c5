//! The file `vault.json` of an encrypted profile: how its key is wrapped, and
//! the identity sealed under that key. Where it is there, the profile is
//! encrypted; it is always replaced whole.

use std::path::Path;

use serde::{Deserialize, Serialize};
use twocan_proto::identity::Identity;
use zeroize::Zeroizing;

use super::keys::{Key, ProfileKey, fill_random};
use super::passphrase::Derivation;
use super::{Protection, disk, keyring};
use crate::api::{Error, ErrorCode};

/// Bytes of the file at most; ours have about 500.
const FILE_BYTES: u64 = 4096;
/// The version of the format.
const VERSION: u32 = 1;
/// Random bytes in the name of an entry of the keyring.
const ENTRY_BYTES: usize = 16;

const IDENTITY: &[u8] = b"twocan vault identity v1";

/// What the profile's key is wrapped with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Wrapping {
    /// The key of a passphrase.
    Passphrase(Derivation),
    /// A random key, kept in the system keyring under this name.
    Keyring(#[serde(with = "super::hex")] Vec<u8>),
}

/// The content of the file, without its checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vault {
    version: u32,
    wrapping: Wrapping,
    /// The profile key, sealed under the wrapping key; `version` and
    /// `wrapping` are bound to it.
    #[serde(with = "super::hex")]
    key: Vec<u8>,
    /// The seed of the identity, sealed under a key of the profile key.
    #[serde(with = "super::hex")]
    identity: Vec<u8>,
}

/// The file: with a checksum, so that damage is told from a wrong passphrase.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked {
    vault: Vault,
    #[serde(with = "super::hex")]
    checksum: Vec<u8>,
}

/// An opened vault.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) key: ProfileKey,
    pub(crate) identity: Identity,
}

impl Vault {
    /// Seals a profile. The keyring, if it is that, has its new key already
    /// when this returns.
    pub(super) fn seal(opened: &Opened, protection: &Protection) -> Result<Self, Error> {
        let Opened { key, identity } = opened;
        let (wrapping, outer) = match protection {
            Protection::Passphrase(passphrase) => {
                let derivation = Derivation::new()?;
                let outer = derivation.key(passphrase)?;
                (Wrapping::Passphrase(derivation), outer)
            }
            Protection::Keyring => {
                let mut entry = vec![0; ENTRY_BYTES];
                fill_random(&mut entry)?;
                let outer = Key::random()?;
                keyring::keep(&name(&entry), &outer)?;
                (Wrapping::Keyring(entry), outer)
            }
            Protection::None => {
                return Err(Error::new(
                    ErrorCode::Internal,
                    "nothing was given to seal the profile with",
                ));
            }
        };
        Ok(Self {
            version: VERSION,
            key: outer.seal(&bound(&wrapping)?, key.0.bytes())?,
            identity: key.identity().seal(IDENTITY, &*identity.seed())?,
            wrapping,
        })
    }

    /// Opens the vault with what was given for it.
    ///
    /// # Errors
    /// `unauthorized` for a wrong passphrase or none, `not_found` for a key
    /// that the keyring has lost, `io` for damage.
    pub(super) fn open(&self, protection: &Protection) -> Result<Opened, Error> {
        let outer = match (&self.wrapping, protection) {
            (Wrapping::Passphrase(derivation), Protection::Passphrase(passphrase)) => {
                derivation.key(passphrase)?
            }
            (Wrapping::Passphrase(_), _) => {
                return Err(Error::new(
                    ErrorCode::Unauthorized,
                    "the profile is under a passphrase: give it with --passphrase-file FILE",
                ));
            }
            (Wrapping::Keyring(_), Protection::Passphrase(_)) => {
                return Err(Error::new(
                    ErrorCode::Conflict,
                    "the profile is under the system keyring, not under a passphrase: leave out --passphrase-file, or choose a passphrase with twocan passphrase change",
                ));
            }
            (Wrapping::Keyring(entry), _) => keyring::fetch(&name(entry))?,
        };
        let key = outer
            .open(&bound(&self.wrapping)?, &self.key)
            .and_then(|key| Key::from_slice(&key))
            .map(ProfileKey)
            .ok_or_else(|| self.wrong_key())?;
        let seed = key.identity().open(IDENTITY, &self.identity);
        let seed = seed.as_ref().and_then(|seed| {
            let seed: Result<Zeroizing<[u8; 32]>, _> =
                seed.as_slice().try_into().map(Zeroizing::new);
            seed.ok()
        });
        match seed {
            Some(seed) => Ok(Opened {
                identity: Identity::from_seed(&seed),
                key,
            }),
            None => Err(damaged("the file of the profile's key")),
        }
    }

    fn wrong_key(&self) -> Error {
        match self.wrapping {
            Wrapping::Passphrase(_) => Error::new(
                ErrorCode::Unauthorized,
                "wrong passphrase: try again, or import a backup into another folder if it is forgotten",
            ),
            Wrapping::Keyring(_) => Error::new(
                ErrorCode::Unauthorized,
                "the key in the system keyring is not the one of this profile: put back the keyring it was made in, or import a backup into another folder with twocan import",
            ),
        }
    }

    pub(super) fn is_under_keyring(&self) -> bool {
        matches!(self.wrapping, Wrapping::Keyring(_))
    }

    /// Removes the key from the keyring, once nothing is wrapped with it. What
    /// stays there for want of a keyring opens nothing.
    pub(super) fn forget(&self) {
        if let Wrapping::Keyring(entry) = &self.wrapping
            && let Err(error) = keyring::forget(&name(entry))
        {
            tracing::warn!(%error, "an entry that opens nothing any more stays in the keyring");
        }
    }

    /// Reads the file; `None` when there is none, and so no encryption.
    ///
    /// # Errors
    /// `io` when it cannot be read or is damaged, `outdated` when a later
    /// version wrote it.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        match disk::read_small(path, FILE_BYTES)? {
            Some(content) => Self::parse(&content, &path.display().to_string()).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn parse(content: &[u8], file: &str) -> Result<Self, Error> {
        if version_of(content).is_some_and(|version| version > VERSION) {
            return Err(Error::new(
                ErrorCode::Outdated,
                format!("{file} was written by a newer twocan: update twocan"),
            ));
        }
        let checked: Checked = serde_json::from_slice(content).map_err(|_| damaged(file))?;
        let sane = match &checked.vault.wrapping {
            Wrapping::Passphrase(derivation) => derivation.is_sane(),
            Wrapping::Keyring(entry) => entry.len() == ENTRY_BYTES,
        };
        if checked.checksum != checked.vault.checksum()?
            || checked.vault.version != VERSION
            || !sane
        {
            return Err(damaged(file));
        }
        Ok(checked.vault)
    }

    /// Writes the file, whole: what is there then opens with this vault alone.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        disk::write_whole(path, &self.content()?)
    }

    pub(super) fn content(&self) -> Result<Vec<u8>, Error> {
        let checked = Checked {
            checksum: self.checksum()?,
            vault: self.clone(),
        };
        let mut content = json(&checked)?;
        content.push(b'\n');
        Ok(content)
    }

    fn checksum(&self) -> Result<Vec<u8>, Error> {
        Ok(blake3::hash(&json(self)?).as_bytes().to_vec())
    }
}

/// The version alone, which a later format keeps where it is.
fn version_of(content: &[u8]) -> Option<u32> {
    let value: serde_json::Value = serde_json::from_slice(content).ok()?;
    let version = value.get("vault")?.get("version")?.as_u64()?;
    Some(u32::try_from(version).unwrap_or(u32::MAX))
}

/// What the sealed key is bound to: as the fields are written.
fn bound(wrapping: &Wrapping) -> Result<Vec<u8>, Error> {
    json(&(VERSION, wrapping))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}

fn name(entry: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(entry)
}

fn damaged(file: &str) -> Error {
    Error::new(
        ErrorCode::Io,
        format!(
            "{file} is damaged: put back a copy of it, or import a backup into another folder with twocan import"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::under;
    use proptest::prelude::*;

    fn sealed() -> (Vault, Opened) {
        let opened = Opened {
            key: ProfileKey::random().unwrap(),
            identity: Identity::from_seed(&[3; 32]),
        };
        let vault = Vault::seal(&opened, &under("tulip")).unwrap();
        (vault, opened)
    }

    #[test]
    fn the_passphrase_opens_it_and_nothing_else_does() {
        let (vault, before) = sealed();
        let read = Vault::parse(&vault.content().unwrap(), "f").unwrap();
        assert_eq!(read, vault);
        let opened = read.open(&under("tulip")).unwrap();
        assert_eq!(opened.identity.peer_id(), before.identity.peer_id());
        assert_eq!(opened.key.0.bytes(), before.key.0.bytes());
        for wrong in [under("rose"), Protection::None, Protection::Keyring] {
            let refused = read.open(&wrong).unwrap_err();
            assert_eq!(refused.code, ErrorCode::Unauthorized, "{wrong:?}");
        }
    }

    #[test]
    fn another_passphrase_wraps_the_same_key() {
        let (vault, before) = sealed();
        let opened = vault.open(&under("tulip")).unwrap();
        let changed = Vault::seal(&opened, &under("rose")).unwrap();
        assert!(changed.open(&under("tulip")).is_err());
        let opened = changed.open(&under("rose")).unwrap();
        assert_eq!(opened.key.0.bytes(), before.key.0.bytes());
    }

    #[test]
    fn the_parameters_are_bound_to_the_key() {
        let (vault, _) = sealed();
        let (other, _) = sealed();
        let mixed = Vault {
            wrapping: other.wrapping,
            ..vault
        };
        let refused = mixed.open(&under("tulip")).unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unauthorized);
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let (vault, _) = sealed();
        let text = String::from_utf8(vault.content().unwrap()).unwrap();
        let later = text.replace("\"version\":1", "\"version\":2");
        let refused = Vault::parse(later.as_bytes(), "f").unwrap_err();
        assert_eq!(refused.code, ErrorCode::Outdated);
    }

    #[test]
    fn every_flipped_bit_is_damage() {
        let (vault, _) = sealed();
        let content = vault.content().unwrap();
        // The line's end is not part of it.
        for bit in 0..(content.len() - 1) * 8 {
            let mut flipped = content.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = Vault::parse(&flipped, "f").unwrap_err();
            assert!(
                matches!(refused.code, ErrorCode::Io | ErrorCode::Outdated),
                "bit {bit}: {refused:?}"
            );
        }
    }

    #[test]
    fn parameters_out_of_bounds_are_refused_before_they_cost_anything() {
        let (mut vault, _) = sealed();
        let text = String::from_utf8(json(&vault.wrapping).unwrap()).unwrap();
        let greedy = text.replace("\"memory_kib\":64", "\"memory_kib\":4294967295");
        assert_ne!(text, greedy);
        // With a checksum that fits, as whoever writes such a file would.
        vault.wrapping = serde_json::from_str(&greedy).unwrap();
        let refused = Vault::parse(&vault.content().unwrap(), "f").unwrap_err();
        assert_eq!(refused.code, ErrorCode::Io);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(content in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Vault::parse(&content, "f").is_err());
        }

        #[test]
        fn a_file_cut_short_is_damage(part in 0.0..1.0f64) {
            let content = sealed().0.content().unwrap();
            let kept = (part * (content.len() - 1) as f64) as usize;
            prop_assert!(Vault::parse(&content[..kept], "f").is_err());
        }
    }
}
