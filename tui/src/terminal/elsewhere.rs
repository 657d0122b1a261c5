//! Writing a draft in the person's own editor. The text lies in a file of the
//! profile that nobody else can read, for as long as the editor runs.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use crate::app::effect::Elsewhere;

/// The file with the draft, in the folder of the profile.
const FILE: &str = "draft.txt";
/// Editors that are tried where none is named.
const USUAL: [&str; 3] = ["nano", "vim", "vi"];
/// Most bytes taken back.
const MOST_BYTES: u64 = 1 << 20;

/// An editor that runs.
#[derive(Debug)]
pub(super) struct Writing {
    child: Child,
    file: PathBuf,
    about: Elsewhere,
}

impl Writing {
    /// Starts the editor on the text. The terminal must be given back before.
    ///
    /// # Errors
    /// What could not be done, in a few words.
    pub(super) fn start(about: Elsewhere, folder: &Path) -> Result<Self, String> {
        let editor = editor().ok_or("no editor found: set EDITOR to one")?;
        let file = folder.join(FILE);
        write(&file, &about.text).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        // EDITOR may hold options, as in `code --wait`: the shell knows how to
        // read it, and the path goes beside it as it is.
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("{editor} \"$1\""))
            .arg(&editor)
            .arg(&file)
            .spawn();
        match child {
            Ok(child) => Ok(Self { child, file, about }),
            Err(error) => {
                remove(&file);
                Err(format!("cannot start {editor}: {error}"))
            }
        }
    }

    /// Waits for the editor to end; can be asked again.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Takes the text back and removes the file.
    ///
    /// # Errors
    /// Why there is no text, in a few words.
    pub(super) fn take(self, ended: io::Result<ExitStatus>) -> Result<Elsewhere, String> {
        let read = read(&self.file);
        remove(&self.file);
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("the editor failed ({status})")),
            Err(error) => return Err(format!("the editor is lost: {error}")),
        }
        let mut text = read.map_err(|e| format!("cannot read what the editor left: {e}"))?;
        // Editors end the last line; a message does not.
        if text.ends_with('\n') && !self.about.text.ends_with('\n') {
            text.pop();
        }
        Ok(Elsewhere { text, ..self.about })
    }
}

/// The editor that the environment names, or one that is there.
fn editor() -> Option<String> {
    let named = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(|v| env::var(v).ok());
    let mut named = named.filter(|name| !name.trim().is_empty());
    let path = env::var_os("PATH").unwrap_or_default();
    let there = |name: &&str| env::split_paths(&path).any(|dir| dir.join(name).is_file());
    let usual = || USUAL.into_iter().find(there).map(str::to_owned);
    named.next().or_else(usual)
}

/// Makes the file anew, for us alone; one that a killed program left goes.
fn write(file: &Path, text: &str) -> io::Result<()> {
    remove(file);
    let mut file = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(text.as_bytes())
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(file)?;
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// What is not there need not be removed; what cannot be is told by the next
/// attempt to make it.
fn remove(file: &Path) {
    let _gone = fs::remove_file(file);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn about(text: &str) -> Elsewhere {
        Elsewhere {
            whom: None,
            text: text.to_owned(),
        }
    }

    /// What comes of an editor that is this line of shell.
    async fn edited(editor: &str, text: &str) -> (Result<Elsewhere, String>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        write(&file, text).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let child = Command::new("sh")
            .args(["-c", editor, "editor"])
            .arg(&file)
            .spawn()
            .unwrap();
        let about = about(text);
        let mut writing = Writing {
            child,
            file: file.clone(),
            about,
        };
        let ended = writing.ended().await;
        (writing.take(ended), file.exists())
    }

    #[tokio::test]
    async fn the_text_comes_back_without_the_end_of_its_last_line() {
        let (text, left) = edited("printf 'two\\nlines\\n' > \"$1\"", "one").await;
        assert_eq!(text, Ok(about("two\nlines")));
        assert!(!left, "the file stays");
        let (text, _) = edited("true", "kept\n").await;
        assert_eq!(text, Ok(about("kept\n")));
    }

    #[tokio::test]
    async fn an_editor_that_fails_says_so() {
        let (text, left) = edited("echo lost > \"$1\"; exit 3", "one").await;
        assert!(text.unwrap_err().contains("exit status: 3"));
        assert!(!left);
        let (text, _) = edited("rm \"$1\"", "one").await;
        assert!(text.unwrap_err().contains("cannot read"));
    }
}
