//! A file that the person may change while we run. It is looked at when keys
//! come or the window gains the focus: whoever saved it is about to do one of
//! these, and an idle program is not woken for it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// Looks are at least this far apart.
const EVERY: Duration = Duration::from_secs(1);
/// Most bytes read.
const MOST_BYTES: u64 = 256 * 1024;

/// What tells one version of a file from the next.
type Stamp = (SystemTime, u64);

/// A file and the version of it that was read last.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
    looked: Option<Instant>,
}

impl Watched {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            seen: None,
            looked: None,
        }
    }

    /// The text, if it has changed since it was read last. A file that is not
    /// there is empty.
    pub(super) fn changed(&mut self) -> Option<io::Result<String>> {
        let now = Instant::now();
        if self.looked.is_some_and(|at| now < at + EVERY) {
            return None;
        }
        self.looked = Some(now);
        let stamp = fs::metadata(&self.path)
            .and_then(|m| Ok((m.modified()?, m.len())))
            .ok();
        if stamp == self.seen {
            return None;
        }
        self.seen = stamp;
        Some(self.read())
    }

    /// The text as it is now.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is no text.
    pub(super) fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(file) => file.take(MOST_BYTES).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next look, as if time had passed.
    fn look(file: &mut Watched) -> Option<String> {
        file.looked = None;
        file.changed().map(|text| text.unwrap())
    }

    #[test]
    fn each_version_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let mut file = Watched::new(path.clone());
        assert_eq!(look(&mut file), None);
        fs::write(&path, "one").unwrap();
        assert_eq!(look(&mut file).as_deref(), Some("one"));
        assert_eq!(look(&mut file), None);
        fs::write(&path, "three").unwrap();
        assert!(file.changed().is_none(), "looked a moment ago");
        assert_eq!(look(&mut file).as_deref(), Some("three"));
        fs::remove_file(&path).unwrap();
        assert_eq!(look(&mut file).as_deref(), Some(""));
    }
}
