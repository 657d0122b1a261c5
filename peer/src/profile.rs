//! The folder of a profile: who owns it, the key in it, where things lie.
//!
//! | path | what |
//! |---|---|
//! | `identity.key` | the 32 secret bytes in hexadecimal, mode 0600 |
//! | `twocan.db` | the database |
//! | `lock` | held by the one process that uses the profile |

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use fs4::FileExt;
use twocan_proto::identity::Identity;
use zeroize::Zeroizing;

use crate::api::{Error, ErrorCode};

/// An opened profile; nobody else can open it until this is dropped.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) identity: Identity,
    folder: PathBuf,
    _lock: File,
}

impl Profile {
    /// Opens the profile in `folder`, made if it is not there.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when another process has it, [`ErrorCode::Io`] when
    /// the folder or the key cannot be read or written.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        make_private_folder(folder).map_err(|error| io_error("make the folder", folder, &error))?;
        let lock = lock(&folder.join("lock"))?;
        let profile = Self {
            identity: identity(&key_file(folder))?,
            folder: folder.to_owned(),
            _lock: lock,
        };
        let database = profile.database();
        make_private_file(&database)
            .map_err(|error| io_error("make private", &database, &error))?;
        Ok(profile)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("twocan.db")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        key_file(&self.folder)
    }
}

fn key_file(folder: &Path) -> PathBuf {
    folder.join("identity.key")
}

fn io_error(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorCode::Io,
        format!("cannot {what} {}: {error}", path.display()),
    )
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The folder may have been there before, open to everybody; what is said in
/// it is not. Files that SQLite puts beside the database take its mode.
fn make_private_file(path: &Path) -> io::Result<()> {
    let file = private(OpenOptions::new().create(true).append(true)).open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = private(OpenOptions::new().create(true).write(true).truncate(false))
        .open(path)
        .map_err(|error| io_error("open", path, &error))?;
    match FileExt::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(fs4::TryLockError::WouldBlock) => Err(Error::new(
            ErrorCode::Busy,
            format!(
                "another twocan uses the profile in {}: end it, or choose another folder with --data",
                parent(path)
            ),
        )),
        Err(fs4::TryLockError::Error(error)) => Err(io_error("lock", path, &error)),
    }
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn identity(path: &Path) -> Result<Identity, Error> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let text = Zeroizing::new(text);
            read_identity(&text).ok_or_else(|| {
                Error::new(
                    ErrorCode::Io,
                    format!("the key in {} is damaged: put back a copy of it, or move it away to become a new person", path.display()),
                )
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_identity(path),
        Err(error) => Err(io_error("read the key in", path, &error)),
    }
}

fn read_identity(text: &str) -> Option<Identity> {
    let bytes = Zeroizing::new(HEXLOWER.decode(text.trim().as_bytes()).ok()?);
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.as_slice().try_into().ok()?);
    Some(Identity::from_seed(&seed))
}

/// Makes a key and has it on disk before anybody learns of it. A crash on the
/// way leaves no half key, as the file is renamed into place.
fn make_identity(path: &Path) -> Result<Identity, Error> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| {
        Error::new(
            ErrorCode::Io,
            format!("the system gives no random numbers: {error}"),
        )
    })?;
    let identity = Identity::from_seed(&seed);
    let text = Zeroizing::new(format!("{}\n", HEXLOWER.encode(&*seed)));
    let new = path.with_extension("key.new");
    let write = || -> io::Result<()> {
        let mut file =
            private(OpenOptions::new().create(true).write(true).truncate(true)).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| io_error("write the key to", path, &error))?;
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let first = Profile::open(&data).unwrap();
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
        assert_eq!(Profile::open(&data).unwrap().identity.peer_id(), id);
    }

    #[cfg(unix)]
    #[test]
    fn the_database_is_private_in_a_folder_that_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open_to_all = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open_to_all).unwrap();
        let database = Profile::open(folder.path()).unwrap().database();
        let (_store, _thread) = crate::store::Store::open(&database).unwrap();
        for name in ["twocan.db", "twocan.db-wal"] {
            let file = fs::metadata(folder.path().join(name)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_second_process_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Profile::open(folder.path()).unwrap();
        assert_eq!(
            Profile::open(folder.path()).unwrap_err().code,
            ErrorCode::Busy
        );
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("identity.key"), "no key").unwrap();
        assert_eq!(
            Profile::open(folder.path()).unwrap_err().code,
            ErrorCode::Io
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("identity.key")).unwrap(),
            "no key"
        );
    }
}
