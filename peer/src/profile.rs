//! An opened profile: who we are, and where and under which key the database
//! lies. Which files there are is told in [`crate::vault`]; `lock` is held by
//! the one process that uses the profile.

use std::fs::File;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use twocan_proto::identity::Identity;
use zeroize::Zeroizing;

use crate::api::{Error, ErrorCode};
use crate::store::{Store, StoreError};
use crate::vault::place::{Found, Place};
use crate::vault::{DatabaseKey, Opened, ProfileKey, Protection, disk, open_sealed, seal_new};

/// Bytes of the key file at most: 64 characters and a line's end.
const KEY_FILE_BYTES: u64 = 100;

/// An opened profile; nobody else can open it until this is dropped.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) identity: Identity,
    /// Of an encrypted profile.
    pub(crate) database_key: Option<DatabaseKey>,
    place: Place,
    _lock: File,
}

impl Profile {
    /// Opens the profile in `folder`, made if it is not there. Blocks, for as
    /// long as a passphrase or a keyring takes.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when another process has it,
    /// [`ErrorCode::Unauthorized`] when `protection` does not open it,
    /// [`ErrorCode::Conflict`] when it is of another kind,
    /// [`ErrorCode::Io`] when a file is damaged or cannot be read or written.
    pub(crate) fn open(folder: &Path, protection: &Protection) -> Result<Self, Error> {
        let place = Place::new(folder);
        let lock = place.lock()?;
        let opened = match place.settle()? {
            Found::Sealed => Some(open_sealed(&place, protection)?),
            Found::Plain => {
                expect_plain(protection)?;
                None
            }
            Found::Nothing => new_profile(&place, protection)?,
        };
        let (identity, database_key) = match opened {
            Some(opened) => (opened.identity, Some(opened.key.database())),
            None => {
                let missing = || damaged_key(&place.identity());
                (read_identity(&place.identity())?.ok_or_else(missing)?, None)
            }
        };
        let profile = Self {
            identity,
            database_key,
            place,
            _lock: lock,
        };
        disk::make_private_file(&profile.database())?;
        Ok(profile)
    }

    /// Opens its database; see [`Store::open`].
    pub(crate) fn open_store(&self) -> Result<(Store, std::thread::JoinHandle<()>), StoreError> {
        Store::open(&self.database(), self.database_key.as_ref())
    }

    /// The file of the database.
    pub(crate) fn database(&self) -> PathBuf {
        match self.database_key {
            Some(_) => self.place.sealed_database(),
            None => self.place.plain_database(),
        }
    }

    /// The file that holds our key.
    pub(crate) fn key_file(&self) -> PathBuf {
        match self.database_key {
            Some(_) => self.place.vault(),
            None => self.place.identity(),
        }
    }
}

/// Becomes a new person. A key is on disk before anybody learns of it.
fn new_profile(place: &Place, protection: &Protection) -> Result<Option<Opened>, Error> {
    let key = ProfileKey::random()?;
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| {
        Error::new(
            ErrorCode::Io,
            format!("the system gives no random numbers: {error}"),
        )
    })?;
    let identity = Identity::from_seed(&seed);
    if *protection == Protection::None {
        write_identity(&place.identity(), &identity)?;
        return Ok(None);
    }
    let opened = Opened { key, identity };
    disk::make_private_file(&place.sealed_database())?;
    seal_new(place, &opened, protection)?;
    Ok(Some(opened))
}

/// Refuses to open a plain profile as if it were protected.
pub(crate) fn expect_plain(protection: &Protection) -> Result<(), Error> {
    match protection {
        Protection::None => Ok(()),
        Protection::Passphrase(_) | Protection::Keyring => Err(Error::new(
            ErrorCode::Conflict,
            "the profile is not encrypted, so that a passphrase would protect nothing: encrypt it with twocan passphrase set, or leave out --passphrase-file",
        )),
    }
}

/// Reads the key of a plain profile; `None` when there is none.
pub(crate) fn read_identity(path: &Path) -> Result<Option<Identity>, Error> {
    let Some(content) = disk::read_small(path, KEY_FILE_BYTES)? else {
        return Ok(None);
    };
    let content = Zeroizing::new(content);
    let seed = || -> Option<Zeroizing<[u8; 32]>> {
        let bytes = Zeroizing::new(HEXLOWER.decode(content.trim_ascii()).ok()?);
        bytes.as_slice().try_into().ok().map(Zeroizing::new)
    };
    match seed() {
        Some(seed) => Ok(Some(Identity::from_seed(&seed))),
        None => Err(damaged_key(path)),
    }
}

fn damaged_key(path: &Path) -> Error {
    Error::new(
        ErrorCode::Io,
        format!(
            "the key in {} is damaged: put back a copy of it, or import a backup into another folder with twocan import",
            path.display()
        ),
    )
}

/// Writes the key of a plain profile, whole.
pub(crate) fn write_identity(path: &Path, identity: &Identity) -> Result<(), Error> {
    let hex = Zeroizing::new(HEXLOWER.encode(&*identity.seed()));
    let text = Zeroizing::new(format!("{}\n", *hex));
    disk::write_whole(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_key_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let first = Profile::open(&data, &Protection::None).unwrap();
        let id = first.identity.peer_id();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(first.key_file()).unwrap().permissions().mode() & 0o777,
                0o600
            );
            assert_eq!(
                fs::metadata(&data).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
        drop(first);
        assert_eq!(
            Profile::open(&data, &Protection::None)
                .unwrap()
                .identity
                .peer_id(),
            id
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_database_is_private_in_a_folder_that_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open_to_all = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open_to_all).unwrap();
        let profile = Profile::open(folder.path(), &Protection::None).unwrap();
        let (_store, _thread) = profile.open_store().unwrap();
        for name in ["twocan.db", "twocan.db-wal"] {
            let file = fs::metadata(folder.path().join(name)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_second_process_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Profile::open(folder.path(), &Protection::None).unwrap();
        assert_eq!(
            Profile::open(folder.path(), &Protection::None)
                .unwrap_err()
                .code,
            ErrorCode::Busy
        );
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("identity.key"), "no key").unwrap();
        assert_eq!(
            Profile::open(folder.path(), &Protection::None)
                .unwrap_err()
                .code,
            ErrorCode::Io
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("identity.key")).unwrap(),
            "no key"
        );
    }
}
