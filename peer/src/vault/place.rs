//! Where the files of a profile lie, and what a crash has left among them.

use std::fs::File;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use fs4::FileExt;

use super::disk::{self, io_error, private};
use super::file::Vault;
use crate::api::{Error, ErrorCode};

/// What SQLite may have put beside a database.
const BESIDE_DATABASE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How a profile is protected on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protected {
    /// There is no profile yet.
    New,
    /// Not at all.
    Plain,
    /// By a passphrase.
    Passphrase,
    /// By the system keyring.
    Keyring,
}

/// How the profile in `folder` is protected. Opens nothing and changes nothing.
///
/// # Errors
/// `io` when the folder cannot be read or its `vault.json` is damaged.
pub fn protected(folder: &Path) -> Result<Protected, Error> {
    let place = Place::new(folder);
    Ok(match Vault::read(&place.vault())? {
        Some(vault) if vault.is_under_keyring() => Protected::Keyring,
        Some(_) => Protected::Passphrase,
        None if place.identity().exists() => Protected::Plain,
        None => Protected::New,
    })
}

/// The folder of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
}

/// What lies in a folder once that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Plain,
    Sealed,
}

impl Place {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Takes the folder, made if it is not there, for this process alone, as
    /// long as the file is held.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when another process has it, [`ErrorCode::Io`].
    pub(crate) fn lock(&self) -> Result<File, Error> {
        disk::make_private_folder(&self.folder)?;
        let path = self.folder.join("lock");
        let file = private(OpenOptions::new().create(true).write(true).truncate(false))
            .open(&path)
            .map_err(|error| io_error("open", &path, &error))?;
        match FileExt::try_lock(&file) {
            Ok(()) => Ok(file),
            Err(fs4::TryLockError::WouldBlock) => Err(Error::new(
                ErrorCode::Busy,
                format!(
                    "another twocan uses the profile in {}: end it, or choose another folder with --data",
                    self.shown()
                ),
            )),
            Err(fs4::TryLockError::Error(error)) => Err(io_error("lock", &path, &error)),
        }
    }

    pub(crate) fn shown(&self) -> String {
        self.folder.display().to_string()
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.folder.join("vault.json")
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.folder.join("identity.key")
    }

    pub(crate) fn plain_database(&self) -> PathBuf {
        self.folder.join("twocan.db")
    }

    pub(crate) fn sealed_database(&self) -> PathBuf {
        self.folder.join("twocan.sealed.db")
    }

    /// There while a profile changes from plain to encrypted or back: what is
    /// there of both is then no riddle.
    pub(super) fn converting(&self) -> PathBuf {
        self.folder.join("twocan.converting")
    }

    /// The database of an import as it comes in, sealed.
    pub(super) fn arriving(&self) -> PathBuf {
        self.folder.join("twocan.arriving.db")
    }

    /// The database of an import as it will be; the profile is there once its
    /// key is, and takes this database then.
    pub(super) fn arrived(&self) -> PathBuf {
        self.folder.join("twocan.arrived.db")
    }

    /// A sealed copy of the database on its way into a backup.
    pub(super) fn leaving(&self) -> PathBuf {
        self.folder.join("twocan.leaving.db")
    }

    /// Finishes or takes back what a crash has interrupted, and says what is
    /// there then. Call it with the folder locked.
    ///
    /// # Errors
    /// `io` for a profile of which a part is missing, `conflict` when a plain
    /// and an encrypted one lie in the same folder. Nothing was changed then.
    pub(crate) fn settle(&self) -> Result<Found, Error> {
        let found = match (self.vault().exists(), self.identity().exists()) {
            (true, _) => Found::Sealed,
            (false, true) => Found::Plain,
            (false, false) => Found::Nothing,
        };
        self.check(found)?;
        let database = match found {
            Found::Sealed => self.sealed_database(),
            Found::Plain | Found::Nothing => self.plain_database(),
        };
        if found != Found::Nothing && !database.exists() && self.arrived().exists() {
            disk::rename(&self.arrived(), &database)?;
        }
        wipe_database(&self.arrived())?;
        remove_database(&self.arriving())?;
        remove_database(&self.leaving())?;
        if self.converting().exists() {
            self.remove_other_than(found)?;
            disk::remove(&self.converting())?;
        }
        if found == Found::Nothing {
            // Empty: a start that got no further.
            remove_database(&self.sealed_database())?;
        }
        if found == Found::Sealed && !database.exists() {
            return Err(self.missing("database twocan.sealed.db"));
        }
        Ok(found)
    }

    /// Removes what is left of the state that does not hold.
    fn remove_other_than(&self, found: Found) -> Result<(), Error> {
        match found {
            Found::Sealed => {
                disk::wipe(&self.identity())?;
                wipe_database(&self.plain_database())
            }
            Found::Plain => remove_database(&self.sealed_database()),
            Found::Nothing => Ok(()),
        }
    }

    fn check(&self, found: Found) -> Result<(), Error> {
        let (plain, sealed) = (self.plain_database(), self.sealed_database());
        match found {
            Found::Nothing if has_content(&sealed) => Err(self.missing("file vault.json")),
            Found::Nothing if has_content(&plain) => Err(self.missing("key identity.key")),
            Found::Sealed | Found::Plain if self.converting().exists() => Ok(()),
            Found::Sealed if self.identity().exists() => Err(self.both("identity.key")),
            Found::Sealed if plain.exists() => Err(self.both("twocan.db")),
            Found::Plain if sealed.exists() => Err(self.both("twocan.sealed.db")),
            _ => Ok(()),
        }
    }

    fn missing(&self, what: &str) -> Error {
        Error::new(
            ErrorCode::Io,
            format!(
                "the {what} of the profile in {} is missing: put back a copy of it, or import a backup into another folder with twocan import",
                self.shown()
            ),
        )
    }

    fn both(&self, odd: &str) -> Error {
        Error::new(
            ErrorCode::Conflict,
            format!(
                "{} holds an encrypted and a plain profile: move {odd} and what belongs to it into another folder",
                self.shown()
            ),
        )
    }
}

fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() > 0)
}

fn beside(database: &Path) -> impl Iterator<Item = PathBuf> {
    BESIDE_DATABASE.iter().map(move |suffix| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

/// Removes a database whose content nobody can read anyway.
pub(super) fn remove_database(path: &Path) -> Result<(), Error> {
    beside(path).try_for_each(|file| remove_if_there(&file))?;
    remove_if_there(path)
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match path.exists() {
        true => disk::remove(path),
        false => Ok(()),
    }
}

/// Removes a plain database, overwritten.
pub(super) fn wipe_database(path: &Path) -> Result<(), Error> {
    beside(path).try_for_each(|file| disk::wipe(&file))?;
    disk::wipe(path)
}
