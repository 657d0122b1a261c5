//! Where received files lie: parts under a name of their own while they come,
//! the whole under its name at the end. Nothing that is there already is ever
//! written over, and no link is followed.
//!
//! | while it comes | in the end |
//! |---|---|
//! | `.twocan-ID.part`, a file | `name.ext`, or `name (2).ext` ... |
//! | `.twocan-ID.part/`, a folder with the set in it | `name`, or `name (2)` ... |

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::names;

/// Names tried for one transfer: `name (1000)` means that something is wrong.
const NAMES: u32 = 1000;

/// The part of a transfer in the folder that it goes to.
pub(crate) fn part(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!(".twocan-{}.part", id.as_simple()))
}

/// Opens a file of a part to write at its end; `inside` is empty for a part
/// that is a file itself. The folders on the way are made.
///
/// # Errors
/// Those of the disk, and of links where none of ours are.
pub(crate) fn open(part: &Path, inside: &str) -> io::Result<File> {
    let path = match inside {
        "" => part.to_owned(),
        inside => {
            make_folder(part)?;
            let mut folder = part.to_owned();
            let parts: Vec<_> = Path::new(inside).components().collect();
            for name in parts.iter().take(parts.len().saturating_sub(1)) {
                folder.push(name);
                make_folder(&folder)?;
            }
            part.join(inside)
        }
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    let file = options.open(&path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(
            "something else is in the place of a partial file",
        ));
    }
    Ok(file)
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(path)?.is_dir() {
                true => Ok(()),
                false => Err(io::Error::other(
                    "something else is in the place of a folder",
                )),
            }
        }
        made => made,
    }
}

/// Takes away a part, whatever of it there is.
///
/// # Errors
/// Those of the disk; a part that is not there is none.
pub(crate) fn discard(part: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(part) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(part),
        Ok(_) => fs::remove_file(part),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Gives a whole part its name in its folder. `about_to` hears of each name
/// before it is tried, so that a crash right after it can be understood.
///
/// # Errors
/// Those of the disk and of `about_to`.
pub(crate) fn finish(
    part: &Path,
    name: &str,
    mut about_to: impl FnMut(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    let folder = part.parent().unwrap_or(part);
    for number in 1..=NAMES {
        let target = folder.join(names::numbered(name, number));
        if fs::symlink_metadata(&target).is_ok() && !same_file(part, &target) {
            continue;
        }
        about_to(&target)?;
        if put(part, &target)? {
            File::open(folder)?.sync_all()?;
            return Ok(target);
        }
    }
    Err(io::Error::other(format!(
        "{NAMES} files called {name} are there already"
    )))
}

/// Whether the part has its name now; `false` if the name is taken.
fn put(part: &Path, target: &Path) -> io::Result<bool> {
    if fs::symlink_metadata(part)?.is_dir() {
        return put_folder(part, target);
    }
    match fs::hard_link(part, target) {
        Ok(()) => fs::remove_file(part).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A crash came between the two steps above.
            if same_file(part, target) {
                return fs::remove_file(part).map(|()| true);
            }
            Ok(false)
        }
        // A file system without hard links: reserve the name, then take it.
        Err(_) => match OpenOptions::new().write(true).create_new(true).open(target) {
            Ok(_) => fs::rename(part, target).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        },
    }
}

fn put_folder(part: &Path, target: &Path) -> io::Result<bool> {
    // Renaming takes the place of an empty folder and of nothing else.
    match fs::create_dir(target) {
        Ok(()) => fs::rename(part, target).map(|()| true).or_else(|error| {
            match error.kind() {
                // Somebody was quick to put something into it.
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => Ok(false),
                _ => Err(error),
            }
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let inode = |path| {
        fs::symlink_metadata(path)
            .ok()
            .map(|about| (about.dev(), about.ino()))
    };
    inode(a).is_some() && inode(a) == inode(b)
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn write(part: &Path, inside: &str, text: &str) {
        open(part, inside)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn finish_all(part: &Path, name: &str) -> PathBuf {
        finish(part, name, |_| Ok(())).unwrap()
    }

    #[test]
    fn nothing_is_written_over() {
        let at = tempfile::tempdir().unwrap();
        let ours = part(at.path(), Uuid::from_u128(1));
        fs::write(at.path().join("a.txt"), "old").unwrap();
        // A link to nowhere is something as well.
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere", at.path().join("a (2).txt")).unwrap();
        #[cfg(not(unix))]
        fs::write(at.path().join("a (2).txt"), "old").unwrap();
        write(&ours, "", "new");
        assert_eq!(finish_all(&ours, "a.txt"), at.path().join("a (3).txt"));
        assert_eq!(fs::read_to_string(at.path().join("a.txt")).unwrap(), "old");
        assert_eq!(
            fs::read_to_string(at.path().join("a (3).txt")).unwrap(),
            "new"
        );
        assert!(!ours.exists() && !at.path().join("nowhere").exists());
    }

    #[test]
    fn a_folder_appears_as_a_whole() {
        let at = tempfile::tempdir().unwrap();
        fs::create_dir(at.path().join("set")).unwrap();
        let ours = part(at.path(), Uuid::from_u128(2));
        write(&ours, "a/b/c", "1");
        write(&ours, "a/d", "2");
        let whole = finish_all(&ours, "set");
        assert_eq!(whole, at.path().join("set (2)"));
        assert_eq!(fs::read_to_string(whole.join("a/b/c")).unwrap(), "1");
        assert!(!ours.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_between_the_two_steps_makes_no_second_file() {
        let at = tempfile::tempdir().unwrap();
        let ours = part(at.path(), Uuid::from_u128(3));
        write(&ours, "", "x");
        fs::hard_link(&ours, at.path().join("a")).unwrap();
        assert_eq!(finish_all(&ours, "a"), at.path().join("a"));
        assert!(!ours.exists() && !at.path().join("a (2)").exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_part_are_not_followed() {
        let (at, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ours = part(at.path(), Uuid::from_u128(4));
        std::os::unix::fs::symlink(elsewhere.path().join("victim"), &ours).unwrap();
        assert!(open(&ours, "").is_err());
        discard(&ours).unwrap();
        fs::create_dir(&ours).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), ours.join("sub")).unwrap();
        assert!(open(&ours, "sub/victim").is_err());
        discard(&ours).unwrap();
        discard(&ours).unwrap();
        assert!(elsewhere.path().exists() && !elsewhere.path().join("victim").exists());
    }
}
