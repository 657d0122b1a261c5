//! What is sent: looked at once when it is offered, and opened again for
//! every run. What has changed in between is not sent under the old offer.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use twocan_proto::limits;

use crate::api::{Error, ErrorCode};
use crate::store::transfers::SavedFile;

/// A file or folder as it is offered.
#[derive(Debug)]
pub(crate) struct Source {
    /// Absolute, links resolved.
    pub(crate) root: PathBuf,
    pub(crate) name: String,
    pub(crate) folder: bool,
    pub(crate) size: u64,
    pub(crate) files: Vec<SavedFile>,
    /// Links and special files inside the folder, and names that are no text:
    /// left out.
    pub(crate) skipped: u64,
}

/// Looks at what lies at `path`. Takes time with the number of files.
///
/// # Errors
/// [`ErrorCode::Io`] or [`ErrorCode::NotFound`] if it cannot be read,
/// [`ErrorCode::BadRequest`] for what is neither file nor folder,
/// [`ErrorCode::TooLarge`] beyond the limits.
pub(crate) fn look(path: &Path) -> Result<Source, Error> {
    let root = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    let about = fs::metadata(&root).map_err(|error| unreadable(path, &error))?;
    let name = root.file_name().and_then(|name| name.to_str());
    let (Some(name), true) = (name, root.to_str().is_some()) else {
        let text = format!(
            "{} has no name in plain text: rename it first",
            path.display()
        );
        return Err(Error::new(ErrorCode::BadRequest, text));
    };
    let mut source = Source {
        name: name.to_owned(),
        folder: about.is_dir(),
        size: 0,
        files: Vec::new(),
        skipped: 0,
        root: root.clone(),
    };
    if about.is_dir() {
        source.walk(&root, "", 1)?;
    } else if about.is_file() {
        File::open(&root).map_err(|error| unreadable(path, &error))?;
        source.add(String::new(), &about)?;
    } else {
        let text = format!("{} is neither a file nor a folder", path.display());
        return Err(Error::new(ErrorCode::BadRequest, text));
    }
    if source.files.is_empty() {
        let text = format!("there is no file in {}", path.display());
        return Err(Error::new(ErrorCode::BadRequest, text));
    }
    Ok(source)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::NotFound => ErrorCode::NotFound,
        _ => ErrorCode::Io,
    };
    Error::new(code, format!("cannot read {}: {error}", path.display()))
}

impl Source {
    fn walk(&mut self, folder: &Path, inside: &str, depth: usize) -> Result<(), Error> {
        let failed = |error: io::Error| unreadable(folder, &error);
        let mut found: Vec<_> = fs::read_dir(folder)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(failed)?;
        found.sort_by_key(fs::DirEntry::file_name);
        for entry in found {
            let (sort, name) = (entry.file_type().map_err(failed)?, entry.file_name());
            let Some(name) = name.to_str().filter(|_| sort.is_dir() || sort.is_file()) else {
                self.skipped += 1;
                continue;
            };
            let path = match inside {
                "" => name.to_owned(),
                _ => format!("{inside}/{name}"),
            };
            if path.len() > limits::FILE_PATH_BYTES || depth > limits::FILE_PATH_PARTS {
                let text = format!("{} lies too deep to be sent", entry.path().display());
                return Err(Error::new(ErrorCode::TooLarge, text));
            }
            if sort.is_dir() {
                self.walk(&entry.path(), &path, depth + 1)?;
            } else {
                self.add(path, &entry.metadata().map_err(failed)?)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, about: &Metadata) -> Result<(), Error> {
        self.size = self.size.saturating_add(about.len());
        if self.files.len() as u64 >= limits::FILES_IN_SET {
            let most = limits::FILES_IN_SET;
            let text = format!("more than {most} files do not go in one transfer: pack them first");
            return Err(Error::new(ErrorCode::TooLarge, text));
        }
        if self.size > limits::TRANSFER_BYTES {
            return Err(Error::new(
                ErrorCode::TooLarge,
                "that is too large to be sent",
            ));
        }
        self.files.push(SavedFile {
            path,
            size: about.len(),
            modified: Some(modified(about)),
            blake3: None,
        });
        Ok(())
    }
}

fn modified(about: &Metadata) -> i64 {
    let since = about
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Opens a file that was offered, if it is what it was.
///
/// # Errors
/// A sentence for both people.
pub(crate) fn open(root: &Path, file: &SavedFile) -> Result<File, String> {
    let path = match file.path.as_str() {
        "" => root.to_owned(),
        inside => root.join(inside),
    };
    let mut options = OpenOptions::new();
    options.read(true);
    // What was put in its place meanwhile is not followed, nor waited for.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    let opened = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{} is no longer there", shown(root, file)),
        _ => format!("{} can no longer be read: {error}", shown(root, file)),
    })?;
    check_unchanged(&opened, root, file)?;
    Ok(opened)
}

/// Whether an open file is still what was offered.
///
/// # Errors
/// A sentence for both people.
pub(crate) fn check_unchanged(opened: &File, root: &Path, file: &SavedFile) -> Result<(), String> {
    let same = opened.metadata().is_ok_and(|about| {
        about.is_file() && about.len() == file.size && Some(modified(&about)) == file.modified
    });
    if same {
        return Ok(());
    }
    Err(format!(
        "{} has changed since it was offered: offer it again",
        shown(root, file)
    ))
}

/// The file as both people know it; the folders around it are nobody's
/// business.
fn shown(root: &Path, file: &SavedFile) -> String {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    match file.path.as_str() {
        "" => name.into_owned(),
        inside => format!("{name}/{inside}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_set_without_links() {
        let at = tempfile::tempdir().unwrap();
        let root = at.path().join("set");
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        fs::write(root.join("b.txt"), "bb").unwrap();
        fs::write(root.join("sub/deep/a"), "aaa").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        let source = look(&root).unwrap();
        let paths: Vec<_> = source
            .files
            .iter()
            .map(|f| (f.path.as_str(), f.size))
            .collect();
        assert_eq!(paths, [("b.txt", 2), ("sub/deep/a", 3)]);
        assert_eq!(
            (source.size, source.folder, source.name.as_str()),
            (5, true, "set")
        );
        assert_eq!(source.skipped, u64::from(cfg!(unix)));
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        let at = tempfile::tempdir().unwrap();
        assert_eq!(
            look(&at.path().join("none")).unwrap_err().code,
            ErrorCode::NotFound
        );
        assert_eq!(look(at.path()).unwrap_err().code, ErrorCode::BadRequest);
        #[cfg(unix)]
        {
            let socket = at.path().join("socket");
            let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            assert_eq!(look(&socket).unwrap_err().code, ErrorCode::BadRequest);
        }
    }

    #[test]
    fn a_changed_or_replaced_file_is_not_opened() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("a");
        fs::write(&path, "one").unwrap();
        let source = look(&path).unwrap();
        let open = || open(&source.root, &source.files[0]);
        assert!(open().is_ok());
        fs::write(&path, "longer").unwrap();
        assert!(open().unwrap_err().contains("changed"));
        fs::remove_file(&path).unwrap();
        assert!(open().unwrap_err().contains("no longer there"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
            assert!(open().unwrap_err().contains("no longer be read"));
        }
    }
}
