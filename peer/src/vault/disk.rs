//! Files of a profile: private, written whole or not at all, gone when removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::api::{Error, ErrorCode};

/// Bytes overwritten at once when a file is wiped.
const WIPE_CHUNK: usize = 64 * 1024;

/// An error of the disk, as one sentence.
pub(crate) fn io_error(what: &str, path: &Path, error: &io::Error) -> Error {
    let text = format!("cannot {what} {}: {error}", path.display());
    Error::new(ErrorCode::Io, text)
}

/// What opens a file that only its owner may read.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes a folder that only its owner may enter; one that is there stays as
/// it is.
pub(crate) fn make_private_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| io_error("make the folder", folder, &error))
}

/// The folder may have been there before, open to everybody; what is said in
/// it is not. Files that SQLite puts beside the database take its mode.
pub(crate) fn make_private_file(path: &Path) -> Result<(), Error> {
    let make = || -> io::Result<()> {
        let file = private(OpenOptions::new().create(true).append(true)).open(path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(())
    };
    make().map_err(|error| io_error("make private", path, &error))
}

/// Writes a small file under a new name and renames it into place: after a
/// crash the old content is there or the new, on disk, never half of one.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file =
            private(OpenOptions::new().create(true).write(true).truncate(true)).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_folder_of(path)
    };
    write().map_err(|error| io_error("write", path, &error))
}

/// Renames, with the new name on disk when this returns.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to)
        .and_then(|()| sync_folder_of(to))
        .map_err(|error| io_error("rename", from, &error))
}

/// Brings what was written to a file, and its name, to the disk.
pub(crate) fn sync(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_folder_of(path))
        .map_err(|error| io_error("write", path, &error))
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        // A name alone lies in the folder where the program runs.
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file, which need not be there.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path, &error))
        }
        _ => sync_folder_of(path).map_err(|error| io_error("remove", path, &error)),
    }
}

/// Overwrites a file with zeros and removes it; it need not be there. Disks
/// that move what they write may keep the old content all the same, which
/// `docs/security.md` says.
pub(crate) fn wipe(path: &Path) -> Result<(), Error> {
    let overwrite = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        let mut left = file.metadata()?.len();
        file.rewind()?;
        let zeros = [0; WIPE_CHUNK];
        while left > 0 {
            let now = left.min(WIPE_CHUNK as u64);
            // At most the chunk, so that it fits.
            file.write_all(&zeros[..usize::try_from(now).unwrap_or(WIPE_CHUNK)])?;
            left -= now;
        }
        file.sync_all()
    };
    match overwrite() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("overwrite", path, &error)),
        Ok(()) => remove(path),
    }
}

/// Reads a file of at most `most` bytes; `None` if it is not there.
pub(crate) fn read_small(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let read = || -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?.take(most + 1).read_to_end(&mut content)?;
        Ok(content)
    };
    match read() {
        Ok(content) if content.len() as u64 > most => Err(Error::new(
            ErrorCode::Io,
            format!("{} is too long to be what its name says", path.display()),
        )),
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_folder_is_in_this_one() {
        let here = Path::new("a-name-alone");
        assert!(sync_folder_of(here).is_ok());
        assert!(sync_folder_of(Path::new("no-such-folder/name")).is_err());
    }

    #[test]
    fn a_file_is_written_whole_read_within_its_limit_and_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(read_small(&path, 10).unwrap(), None);
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(read_small(&path, 6).unwrap().unwrap(), b"second");
        assert!(read_small(&path, 5).is_err());
        // A second name shows that the content itself is gone.
        let other = folder.path().join("other");
        fs::hard_link(&path, &other).unwrap();
        wipe(&path).unwrap();
        wipe(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&other).unwrap(), [0; 6]);
    }
}
