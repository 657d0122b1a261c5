//! The numbers and letters that stand for keys in what terminals send.

use crate::input::chord::{Chord, Key};

/// Keys held beside another.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Modifiers {
    shift: bool,
    alt: bool,
    ctrl: bool,
}

impl Modifiers {
    /// As xterm numbers them: one more than a sum of bits. `None` if a key of
    /// the desktop is held, whose combinations are none of ours.
    pub(super) fn from_parameter(parameter: u32) -> Option<Self> {
        const DESKTOP: u32 = 8 | 16 | 32;
        let bits = parameter.saturating_sub(1);
        (bits & DESKTOP == 0).then_some(Self {
            shift: bits & 1 != 0,
            alt: bits & 2 != 0,
            ctrl: bits & 4 != 0,
        })
    }

    fn on(self, key: Key) -> Chord {
        Chord {
            key,
            ctrl: self.ctrl,
            alt: self.alt,
            shift: self.shift,
        }
    }
}

/// The last letter of a sequence that is a key.
pub(super) fn function(letter: u8, held: Modifiers) -> Option<Chord> {
    let key = match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'P' => Key::F(1),
        b'Q' => Key::F(2),
        b'R' => Key::F(3),
        b'S' => Key::F(4),
        b'M' => Key::Enter,
        b'Z' => {
            return Some(
                Modifiers {
                    shift: true,
                    ..held
                }
                .on(Key::Tab),
            );
        }
        _ => return None,
    };
    Some(held.on(key))
}

/// The number before a `~`.
pub(super) fn numbered(number: u32, held: Modifiers) -> Option<Chord> {
    let function = |n: u32| u8::try_from(n).ok().map(Key::F);
    let key = match number {
        1 | 7 => Key::Home,
        3 => Key::Delete,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        11..=15 => function(number - 10)?,
        17..=21 => function(number - 11)?,
        23..=26 => function(number - 12)?,
        28..=29 => function(number - 15)?,
        31..=34 => function(number - 17)?,
        _ => return None,
    };
    Some(held.on(key))
}

/// A key by the code of its character, or by a number of the kitty keyboard
/// protocol.
pub(super) fn code(code: u32, held: Modifiers) -> Option<Chord> {
    let key = match code {
        9 => Key::Tab,
        13 | 57_414 => Key::Enter,
        27 => Key::Esc,
        8 | 127 => Key::Backspace,
        // The digits beside the letters.
        57_399..=57_408 => Key::Char(char::from_digit(code - 57_399, 10)?),
        57_409..=57_413 => {
            let signs = ['.', '/', '*', '-', '+'];
            Key::Char(*signs.get(usize::try_from(code - 57_409).ok()?)?)
        }
        57_415 => Key::Char('='),
        57_417 => Key::Left,
        57_418 => Key::Right,
        57_419 => Key::Up,
        57_420 => Key::Down,
        57_421 => Key::PageUp,
        57_422 => Key::PageDown,
        57_423 => Key::Home,
        57_424 => Key::End,
        57_426 => Key::Delete,
        // Others of the protocol: volume keys, and modifiers by themselves.
        57_344..=63_743 => return None,
        other => return char::from_u32(other).and_then(|c| character(c, held)),
    };
    Some(held.on(key))
}

/// A character that came by itself, perhaps after Escape.
pub(super) fn typed(c: char, alt: bool) -> Option<Chord> {
    let alt = Modifiers {
        alt,
        ..Modifiers::default()
    };
    let ctrl = Modifiers { ctrl: true, ..alt };
    match c {
        '\r' => Some(alt.on(Key::Enter)),
        '\t' => Some(alt.on(Key::Tab)),
        '\x7f' => Some(alt.on(Key::Backspace)),
        '\0' => Some(ctrl.on(Key::Char(' '))),
        // Ctrl takes the letter's place in the alphabet.
        '\x01'..='\x1a' => character(char::from(c as u8 + b'a' - 1), ctrl),
        '\x1c'..='\x1f' => character(char::from(c as u8 + b'\\' - 0x1c), ctrl),
        c => character(c, alt),
    }
}

/// A character with what is held beside it: Shift has done its work already.
fn character(c: char, held: Modifiers) -> Option<Chord> {
    let c = match c {
        // What reaches us as Ctrl+7 where Ctrl+_ was pressed, and the reverse.
        '7' if held.ctrl => '_',
        c if held.ctrl || held.alt => c.to_ascii_lowercase(),
        c if held.shift => c.to_ascii_uppercase(),
        c => c,
    };
    let held = Modifiers {
        shift: false,
        ..held
    };
    (!c.is_control()).then(|| held.on(Key::Char(c)))
}
