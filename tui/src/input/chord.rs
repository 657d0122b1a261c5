//! One key with its modifiers, and how it is written: `Ctrl+X`, `Alt+Enter`.

use std::fmt;
use std::str::FromStr;

/// A key apart from its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A character as typed; letters with Ctrl or Alt are lower case.
    Char(char),
    /// A function key, from 1.
    F(u8),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
}

/// A key pressed together with modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Chord {
    pub(crate) key: Key,
    pub(crate) ctrl: bool,
    pub(crate) alt: bool,
    /// Only for keys that are no characters: a character says it by itself.
    pub(crate) shift: bool,
}

impl Chord {
    /// The key alone.
    pub(crate) fn plain(key: Key) -> Self {
        Self {
            key,
            ctrl: false,
            alt: false,
            shift: false,
        }
    }

    /// The character this chord types, if it types one.
    pub(crate) fn typed(self) -> Option<char> {
        match self.key {
            Key::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

/// Names of the keys that are no single character.
const NAMES: &[(Key, &str)] = &[
    (Key::Enter, "Enter"),
    (Key::Esc, "Esc"),
    (Key::Tab, "Tab"),
    (Key::Backspace, "Backspace"),
    (Key::Delete, "Delete"),
    (Key::Left, "Left"),
    (Key::Right, "Right"),
    (Key::Up, "Up"),
    (Key::Down, "Down"),
    (Key::Home, "Home"),
    (Key::End, "End"),
    (Key::PageUp, "PgUp"),
    (Key::PageDown, "PgDn"),
    (Key::Char(' '), "Space"),
];

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (on, name) in [
            (self.ctrl, "Ctrl+"),
            (self.alt, "Alt+"),
            (self.shift, "Shift+"),
        ] {
            if on {
                f.write_str(name)?;
            }
        }
        if let Some((_, name)) = NAMES.iter().find(|(key, _)| *key == self.key) {
            return f.write_str(name);
        }
        match self.key {
            Key::F(n) => write!(f, "F{n}"),
            // With Ctrl, letters are written as they stand on the keyboard.
            Key::Char(c) if self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            Key::Char(c) => write!(f, "{c}"),
            _ => Ok(()),
        }
    }
}

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no key: write it like Ctrl+X, Alt+Enter, F1 or a")]
pub(crate) struct NoSuchKey(String);

impl FromStr for Chord {
    type Err = NoSuchKey;

    fn from_str(text: &str) -> Result<Self, NoSuchKey> {
        let mut chord = Self::plain(Key::Esc);
        let mut rest = text;
        while let Some((name, after)) = rest.split_once('+') {
            let flag = match name.to_ascii_lowercase().as_str() {
                "ctrl" => &mut chord.ctrl,
                "alt" => &mut chord.alt,
                "shift" => &mut chord.shift,
                _ => break,
            };
            *flag = true;
            rest = after;
        }
        chord.key = key_named(rest).ok_or_else(|| NoSuchKey(text.to_owned()))?;
        if let Key::Char(c) = chord.key
            && chord.ctrl
        {
            chord.key = Key::Char(c.to_ascii_lowercase());
        }
        Ok(chord)
    }
}

fn key_named(name: &str) -> Option<Key> {
    if let Some((key, _)) = NAMES.iter().find(|(_, n)| n.eq_ignore_ascii_case(name)) {
        return Some(*key);
    }
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Some(Key::Char(c)),
        (Some('F' | 'f'), Some(_)) => name[1..]
            .parse()
            .ok()
            .filter(|n| (1..=24).contains(n))
            .map(Key::F),
        _ => None,
    }
}

/// A sequence of chords as the table of actions writes it: `Ctrl+X c`.
///
/// # Errors
/// [`NoSuchKey`] with the part that names no key.
pub(crate) fn sequence(text: &str) -> Result<Vec<Chord>, NoSuchKey> {
    text.split(' ').map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_it_is_read() {
        for text in [
            "Ctrl+X",
            "Alt+Enter",
            "F12",
            "a",
            "Alt+1",
            "Shift+Tab",
            "Ctrl+_",
            "PgUp",
            "Alt++",
        ] {
            assert_eq!(text.parse::<Chord>().unwrap().to_string(), text);
        }
        assert_eq!(sequence("Ctrl+X c").unwrap().len(), 2);
    }

    #[test]
    fn names_are_read_in_any_case_letters_as_they_are() {
        assert_eq!(sequence("ctrl+x ENTER f1"), sequence("Ctrl+X Enter F1"));
        assert_ne!(sequence("g"), sequence("G"));
    }

    #[test]
    fn nonsense_is_named() {
        assert!("Ctrl+".parse::<Chord>().is_err());
        assert!("F99".parse::<Chord>().is_err());
        assert_eq!("Hyper+q".parse::<Chord>(), Err(NoSuchKey("Hyper+q".into())));
    }

    #[test]
    fn only_bare_characters_type() {
        assert_eq!("a".parse::<Chord>().unwrap().typed(), Some('a'));
        assert_eq!("Ctrl+A".parse::<Chord>().unwrap().typed(), None);
        assert_eq!("Enter".parse::<Chord>().unwrap().typed(), None);
    }
}
