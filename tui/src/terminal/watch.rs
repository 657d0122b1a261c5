//! The files of the profile folder that people edit by hand: reading them, and
//! hearing when an editor has written one. The system tells; nothing is asked
//! again and again, and what the database writes beside them wakes nobody.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::app::user_file::{Content, UserFile};

/// Most bytes taken of a file.
const MOST: u64 = 256 * 1024;

/// What a file holds now.
pub(super) fn read(folder: &Path, file: UserFile) -> Content {
    let mut text = String::new();
    let read = File::open(folder.join(file.name()))
        .and_then(|opened| opened.take(MOST).read_to_string(&mut text));
    match read {
        Ok(_) => Content::Text(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Content::Absent,
        Err(error) => Content::Unreadable(error.to_string()),
    }
}

#[cfg(target_os = "linux")]
pub(super) use self::inotify::Watch;

/// Elsewhere nothing is told; `/reload` reads the files again.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Watch;

#[cfg(not(target_os = "linux"))]
impl Watch {
    /// # Errors
    /// Never here.
    pub(super) fn new(_folder: &Path) -> io::Result<Self> {
        Ok(Self)
    }

    /// Never comes back.
    pub(super) async fn changed(&mut self) -> io::Result<Vec<UserFile>> {
        std::future::pending().await
    }
}

#[cfg(target_os = "linux")]
mod inotify {
    use std::ffi::OsString;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;

    use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use tokio::io::unix::AsyncFd;

    use super::{Path, UserFile, io};

    /// A file as the system names it: the folder's watch, and the name in it.
    #[derive(Debug)]
    struct Place {
        watch: i32,
        name: OsString,
        file: UserFile,
    }

    /// Hears of changes from the moment it is made.
    #[derive(Debug)]
    pub(in super::super) struct Watch {
        events: AsyncFd<OwnedFd>,
        places: Vec<Place>,
    }

    impl Watch {
        /// Watches `folder`, and where links in it lead.
        ///
        /// # Errors
        /// When the system watches enough already, or the folder is not there.
        pub(in super::super) fn new(folder: &Path) -> io::Result<Self> {
            let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            let mut places = Vec::new();
            for file in UserFile::ALL {
                let here = folder.join(file.name());
                let linked = here.canonicalize().ok().filter(|target| *target != here);
                places.push(place(&events, &here, file)?);
                // A link that leads nowhere one may look is no reason to fail.
                places.extend(linked.and_then(|target| place(&events, &target, file).ok()));
            }
            #[expect(
                deprecated,
                reason = "sound for a descriptor that is owned; what replaces it is unsafe to call"
            )]
            let events = AsyncFd::new(events)?;
            Ok(Self { events, places })
        }

        /// Waits until files were written, replaced or removed, and says which.
        /// Nothing is lost if it is dropped while it waits.
        ///
        /// # Errors
        /// When the system tells no more.
        pub(in super::super) async fn changed(&mut self) -> io::Result<Vec<UserFile>> {
            loop {
                let mut ready = self.events.readable().await?;
                let changed = taken(&self.events, &self.places)?;
                ready.clear_ready();
                if !changed.is_empty() {
                    return Ok(changed);
                }
            }
        }
    }

    fn place(events: &OwnedFd, path: &Path, file: UserFile) -> io::Result<Place> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        // Not every write: a file is read when its writer is done.
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::ONLYDIR;
        let watch = inotify::add_watch(events, folder, flags)?;
        let name = name.to_owned();
        Ok(Place { watch, name, file })
    }

    /// Takes what there is to tell.
    fn taken(events: &AsyncFd<OwnedFd>, places: &[Place]) -> io::Result<Vec<UserFile>> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(events.get_ref(), &mut buffer);
        let mut changed = Vec::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(changed),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let name = event.file_name().map(|name| name.to_bytes());
            for place in places {
                let same = place.watch == event.wd() && name == Some(place.name.as_bytes());
                if same && !changed.contains(&place.file) {
                    changed.push(place.file);
                }
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn told(watch: &mut Watch) -> Option<Vec<UserFile>> {
        let waiting = tokio::time::timeout(Duration::from_secs(10), watch.changed());
        waiting.await.ok().and_then(Result::ok)
    }

    #[tokio::test]
    async fn files_written_replaced_and_removed_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let theme = folder.path().join(UserFile::Theme.name());
        let mut watch = Watch::new(folder.path()).unwrap();
        assert_eq!(read(folder.path(), UserFile::Theme), Content::Absent);

        // Others in the folder are nobody's business.
        std::fs::write(folder.path().join("store.db"), "x").unwrap();
        std::fs::write(&theme, "one").unwrap();
        assert_eq!(told(&mut watch).await, Some(vec![UserFile::Theme]));
        let one = Content::Text("one".to_owned());
        assert_eq!(read(folder.path(), UserFile::Theme), one);

        // As editors do it: beside, and then in its place.
        let beside = folder.path().join("theme.toml~");
        std::fs::write(&beside, "two").unwrap();
        std::fs::rename(&beside, &theme).unwrap();
        assert_eq!(told(&mut watch).await, Some(vec![UserFile::Theme]));

        std::fs::remove_file(&theme).unwrap();
        assert_eq!(told(&mut watch).await, Some(vec![UserFile::Theme]));
    }

    #[tokio::test]
    async fn a_file_that_is_a_link_is_watched_where_it_is() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = elsewhere.path().join("my-theme.toml");
        std::fs::write(&target, "one").unwrap();
        let link = folder.path().join(UserFile::Theme.name());
        std::os::unix::fs::symlink(&target, link).unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        std::fs::write(&target, "two").unwrap();
        assert_eq!(told(&mut watch).await, Some(vec![UserFile::Theme]));
    }

    #[test]
    fn what_is_no_text_says_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(UserFile::Theme.name()), [0xff]).unwrap();
        let content = read(folder.path(), UserFile::Theme);
        assert!(matches!(content, Content::Unreadable(_)), "{content:?}");
    }
}
