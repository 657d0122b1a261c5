//! Passphrases as people give them: in a file, or typed without an echo.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode, is_raw_mode_enabled, size};
use twocan_peer::vault::{PASSPHRASE_BYTES, Passphrase};
use zeroize::Zeroizing;

use super::Failure;
use crate::view::wrap;

/// How often two different passphrases are taken for a slip of the fingers.
const TRIES: usize = 3;

/// The passphrase in a file: its first line.
///
/// # Errors
/// [`Failure::Usage`], which names the file.
pub(super) fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    let wrong = |problem: &str| Failure::Usage(format!("{}: {problem}", path.display()));
    let mut text = Zeroizing::new(String::with_capacity(2 * PASSPHRASE_BYTES));
    let most = PASSPHRASE_BYTES as u64 + 2;
    File::open(path)
        .and_then(|file| file.take(most).read_to_string(&mut text))
        .map_err(|error| wrong(&error.to_string()))?;
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    Passphrase::new(Zeroizing::new(line.to_owned())).map_err(|error| wrong(&error.message))
}

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a passphrase.
///
/// # Errors
/// When there is nobody to ask, or no answer.
pub(crate) fn ask(question: &str) -> Result<Passphrase, Failure> {
    loop {
        match Passphrase::new(line(question, Echo::Off)?) {
            Ok(passphrase) => return Ok(passphrase),
            Err(error) => tell(&error.message)?,
        }
    }
}

/// Asks for a new passphrase, twice, as nobody sees what is typed.
///
/// # Errors
/// As [`ask`].
pub(crate) fn ask_new(question: &str) -> Result<Passphrase, Failure> {
    // Kept between the two, so that who types ahead shows nothing.
    let _raw = Raw::enter()?;
    for _ in 0..TRIES {
        let first = ask(question)?;
        if first == ask("The same once more: ")? {
            return Ok(first);
        }
        tell("The two are not the same.")?;
    }
    Err(Failure::Run(
        "no passphrase was given twice the same: start again".to_owned(),
    ))
}

/// Asks for one line, shown as it is typed.
///
/// # Errors
/// As [`ask`].
pub(crate) fn ask_openly(question: &str) -> Result<String, Failure> {
    line(question, Echo::On).map(|line| line.trim().to_owned())
}

/// Says something to the person at the terminal: one line, wrapped to its width.
pub(crate) fn tell(text: &str) -> Result<(), Failure> {
    // A terminal that does not know its width says 0.
    let columns = size().ok().map(|(columns, _)| usize::from(columns));
    let cells = columns.filter(|&cells| cells > 0).unwrap_or(usize::MAX);
    for row in wrap::hanging(text, cells) {
        // The carriage return is for a terminal in raw mode.
        write!(io::stderr(), "{row}\r\n")?;
    }
    Ok(())
}

/// The terminal in raw mode, until the first of these is dropped.
struct Raw {
    first: bool,
}

impl Raw {
    /// # Errors
    /// When there is nobody to ask.
    fn enter() -> Result<Self, Failure> {
        if !can_ask() {
            return Err(Failure::Usage(
                "there is no terminal to ask for the passphrase on: give it in a file, see --help"
                    .to_owned(),
            ));
        }
        let first = !is_raw_mode_enabled()?;
        enable_raw_mode()?;
        Ok(Self { first })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if self.first {
            // A terminal that is gone needs no mode.
            let _gone = disable_raw_mode();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

/// Reads keys until Enter. The terminal is as it was when this returns.
fn line(question: &str, echo: Echo) -> Result<Zeroizing<String>, Failure> {
    // First, so that nothing typed at the question is shown.
    let _raw = Raw::enter()?;
    let mut output = io::stderr();
    write!(output, "{question}")?;
    output.flush()?;
    let typed = keys(echo);
    write!(output, "\r\n")?;
    typed
}

fn keys(echo: Echo) -> Result<Zeroizing<String>, Failure> {
    // With room for all of it, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * PASSPHRASE_BYTES));
    let mut output = io::stderr();
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Ok(text),
            // Enter that was pressed before the terminal was in raw mode.
            KeyCode::Char('j') if control => return Ok(text),
            KeyCode::Char('c' | 'd') if control => {
                return Err(Failure::Run(
                    "nothing was given, nothing was done".to_owned(),
                ));
            }
            KeyCode::Char('u') if control && echo == Echo::Off => text.clear(),
            KeyCode::Char(c) if !control && text.len() <= PASSPHRASE_BYTES => {
                text.push(c);
                if echo == Echo::On {
                    write!(output, "{c}")?;
                }
            }
            KeyCode::Backspace => {
                let removed = text.pop().is_some();
                if removed && echo == Echo::On {
                    write!(output, "\x08 \x08")?;
                }
            }
            _ => {}
        }
        output.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &str) -> Result<Passphrase, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        std::fs::write(&path, content).unwrap();
        from_file(&path)
    }

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
    }

    #[test]
    fn a_file_gives_its_first_line() {
        for content in ["two words", "two words\n", "two words\r\nmore"] {
            assert_eq!(of(content).unwrap(), passphrase("two words"));
        }
        let longest = "x".repeat(PASSPHRASE_BYTES);
        assert_eq!(of(&format!("{longest}\n")).unwrap(), passphrase(&longest));
    }

    #[test]
    fn a_file_that_holds_none_is_named() {
        for content in ["", "\nlater", &"x".repeat(PASSPHRASE_BYTES + 1)] {
            let refused = of(content).unwrap_err();
            assert!(matches!(&refused, Failure::Usage(text) if text.contains("/passphrase: ")));
        }
        assert!(from_file(Path::new("/nowhere/at/all")).is_err());
    }
}
