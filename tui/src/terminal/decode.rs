//! From the bytes of a terminal to keys, pastes, clicks and answers. One place
//! knows how terminals write them: the old ways, those of xterm (also with
//! modifyOtherKeys, which tmux passes on) and the kitty keyboard protocol.
//! Answers to questions are told apart from keys whenever they come, so a late
//! one is never taken for something typed.

use crate::app::msg::{Mouse, MouseAct};
use crate::input::chord::{Chord, Key};

use super::keycodes::{self, Modifiers};

/// Most bytes taken from one paste; a message holds less.
const PASTE: usize = 256 * 1024;
/// Most bytes of a sequence; what is longer is passed over.
const SEQUENCE: usize = 4096;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What was found in the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Key(Chord),
    /// A key was let go.
    KeyUp(Chord),
    Paste(String),
    Mouse(Mouse),
    Focus(bool),
    Answer(Answer),
}

/// What a terminal answers to the questions of the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It knows the kitty keyboard protocol.
    Keyboard,
    /// Its background, of 16 bits a colour.
    Background([u16; 3]),
    /// What it is: the last answer, as it was asked last.
    Attributes,
}

/// Bytes that were not understood yet.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// What was pasted so far, while a paste goes on.
    paste: Option<Vec<u8>>,
    /// What is passed over up to its end, as it is too long.
    endless: Option<Sequence>,
}

/// A kind of sequence, which says how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    /// `ESC [`, parameters, and a letter or sign.
    Csi,
    /// `ESC ]`, a text, and BEL or `ESC \`.
    Osc,
}

/// What the beginning of some bytes is.
enum Step {
    /// So many bytes meant something, or nothing.
    Took(usize, Option<Seen>),
    /// More bytes decide.
    Unclear,
    /// A paste begins after so many bytes.
    Paste(usize),
    /// After so many bytes a sequence goes on that is longer than any; its end is
    /// still to come.
    Endless(usize, Sequence),
}

impl Decoder {
    /// Takes bytes; returns what they mean.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.bytes.extend_from_slice(bytes);
        let mut seen = Vec::new();
        loop {
            if self.paste.is_some() {
                match self.pasted() {
                    Some(paste) => seen.push(paste),
                    None => return seen,
                }
            }
            if !self.pass_over() {
                return seen;
            }
            match step(&self.bytes) {
                Step::Unclear => return seen,
                Step::Took(used, found) => {
                    self.bytes.drain(..used);
                    seen.extend(found);
                }
                Step::Paste(used) => {
                    self.bytes.drain(..used);
                    self.paste = Some(Vec::new());
                }
                Step::Endless(used, sequence) => {
                    self.bytes.drain(..used);
                    self.endless = Some(sequence);
                }
            }
        }
    }

    /// Drops what belongs to a sequence that is too long; whether anything
    /// after it may be looked at.
    fn pass_over(&mut self) -> bool {
        let end = match self.endless {
            None => return true,
            Some(Sequence::Csi) => csi_end(&self.bytes),
            Some(Sequence::Osc) => osc_end(&self.bytes),
        };
        let passed = match end {
            Some(end) => end.used,
            // The end may have begun in the last byte.
            None if self.bytes.ends_with(b"\x1b") => self.bytes.len() - 1,
            None => self.bytes.len(),
        };
        self.bytes.drain(..passed);
        if end.is_some() {
            self.endless = None;
        }
        end.is_some()
    }

    /// Whether bytes wait that could be a key by themselves: Escape alone, or
    /// the beginning of something.
    pub(crate) fn waits(&self) -> bool {
        (!self.bytes.is_empty() || self.endless.is_some()) && self.paste.is_none()
    }

    /// Nothing followed: what waits is a key, or is dropped.
    pub(crate) fn flush(&mut self) -> Vec<Seen> {
        let bytes = std::mem::take(&mut self.bytes);
        if self.endless.take().is_some() {
            return Vec::new();
        }
        match bytes.as_slice() {
            [0x1b] | [0x1b, 0x1b] => vec![Seen::Key(Chord::plain(Key::Esc))],
            [0x1b, c @ (b'[' | b'O' | b']')] => {
                let key = Key::Char(char::from(c.to_ascii_lowercase()));
                let alt = true;
                vec![Seen::Key(Chord {
                    alt,
                    ..Chord::plain(key)
                })]
            }
            _ => Vec::new(),
        }
    }

    /// Takes what belongs to the paste; the paste, once it has ended.
    fn pasted(&mut self) -> Option<Seen> {
        let end = find(&self.bytes, PASTE_END);
        // The end may have begun in the last bytes.
        let upto = end.unwrap_or_else(|| self.bytes.len().saturating_sub(PASTE_END.len() - 1));
        let text: Vec<u8> = self.bytes.drain(..upto).collect();
        let held = self.paste.as_mut()?;
        let room = PASTE.saturating_sub(held.len());
        held.extend(text.into_iter().take(room));
        end?;
        self.bytes.drain(..PASTE_END.len());
        let text = String::from_utf8_lossy(&self.paste.take()?).into_owned();
        Some(Seen::Paste(text.replace("\r\n", "\n").replace('\r', "\n")))
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

/// What `bytes` begin with.
fn step(bytes: &[u8]) -> Step {
    match bytes {
        [] | [0x1b] => Step::Unclear,
        [0x1b, rest @ ..] => escape(bytes, rest),
        _ => character(bytes, 0, false),
    }
}

/// After Escape: a sequence, or a key with Alt.
fn escape(bytes: &[u8], rest: &[u8]) -> Step {
    match rest {
        // Alt and a key that is a sequence, as some write it.
        [0x1b, b'[' | b'O', ..] => match step(rest) {
            Step::Took(used, found) => Step::Took(used + 1, found.map(with_alt)),
            Step::Paste(used) => Step::Paste(used + 1),
            Step::Endless(used, sequence) => Step::Endless(used + 1, sequence),
            Step::Unclear => Step::Unclear,
        },
        [0x1b] | [b'[' | b'O' | b']'] => Step::Unclear,
        [0x1b, ..] => Step::Took(1, Some(Seen::Key(Chord::plain(Key::Esc)))),
        [b'[', body @ ..] => csi(body),
        [b'O', c, ..] => Step::Took(
            3,
            keycodes::function(*c, Modifiers::default()).map(Seen::Key),
        ),
        [b']', b'0'..=b'9', ..] => osc(bytes),
        _ => character(bytes, 1, true),
    }
}

fn with_alt(seen: Seen) -> Seen {
    match seen {
        Seen::Key(chord) => Seen::Key(Chord { alt: true, ..chord }),
        other => other,
    }
}

/// A character at `at`, which may be a control character.
fn character(bytes: &[u8], at: usize, alt: bool) -> Step {
    let Some(first) = bytes.get(at).copied() else {
        return Step::Unclear;
    };
    let cells = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let Some(part) = bytes.get(at..at + cells) else {
        // More is to come, if what is there can be the beginning of a character.
        let there = bytes.get(at + 1..).unwrap_or_default();
        return match there.iter().all(|b| b & 0xc0 == 0x80) {
            true => Step::Unclear,
            false => Step::Took(at + 1, None),
        };
    };
    match std::str::from_utf8(part)
        .ok()
        .and_then(|s| s.chars().next())
    {
        Some(c) => Step::Took(at + cells, keycodes::typed(c, alt).map(Seen::Key)),
        None => Step::Took(at + 1, None),
    }
}

/// Where a sequence ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// Bytes before that which ends it.
    at: usize,
    /// Bytes that are done with it.
    used: usize,
}

/// Where the parameters end that `body` begins with (ECMA-48 section 5.4). A
/// byte that may not be among them ends the sequence and begins something else.
fn csi_end(body: &[u8]) -> Option<End> {
    let at = body.iter().position(|b| !(0x20..=0x3f).contains(b))?;
    let is_final = (0x40..=0x7e).contains(&body[at]);
    let used = at + usize::from(is_final);
    Some(End { at, used })
}

/// Where the text ends that `bytes` begin with.
fn osc_end(bytes: &[u8]) -> Option<End> {
    let ended_by = |mark: &[u8]| {
        let at = find(bytes, mark)?;
        let used = at + mark.len();
        Some(End { at, used })
    };
    let ends = [ended_by(b"\x07"), ended_by(b"\x1b\\")];
    ends.into_iter().flatten().min_by_key(|end| end.at)
}

/// After `ESC [`.
fn csi(body: &[u8]) -> Step {
    match body {
        // The function keys of the Linux console.
        [b'['] => return Step::Unclear,
        [b'[', c @ b'A'..=b'E', ..] => {
            return Step::Took(4, Some(Seen::Key(Chord::plain(Key::F(c - b'A' + 1)))));
        }
        // The mouse of terminals that do not know the form that was asked for.
        [b'M', _, _, _, ..] => return Step::Took(6, None),
        [b'M', ..] => return Step::Unclear,
        _ => {}
    }
    let Some(end) = csi_end(body) else {
        return match body.len() < SEQUENCE {
            true => Step::Unclear,
            false => Step::Endless(2, Sequence::Csi),
        };
    };
    let used = 2 + end.used;
    if end.used > SEQUENCE || end.used == end.at {
        return Step::Took(used, None);
    }
    let (parameters, last) = (&body[..end.at], body[end.at]);
    if (parameters, last) == (b"200", b'~') {
        return Step::Paste(used);
    }
    let parameters = std::str::from_utf8(parameters).unwrap_or_default();
    Step::Took(used, sequence(parameters, last))
}

/// What a whole sequence means.
fn sequence(parameters: &str, last: u8) -> Option<Seen> {
    match (parameters.as_bytes().first(), last) {
        (Some(b'<'), b'M') => act(parameters).map(Seen::Mouse),
        (Some(b'?'), b'u') => Some(Seen::Answer(Answer::Keyboard)),
        (Some(b'?'), b'c') => Some(Seen::Answer(Answer::Attributes)),
        (Some(b'<' | b'?' | b'>' | b'='), _) => None,
        (None, b'I') => Some(Seen::Focus(true)),
        (None, b'O') => Some(Seen::Focus(false)),
        _ => key(parameters, last),
    }
}

/// A key, with its modifiers and whether it went down.
fn key(parameters: &str, last: u8) -> Option<Seen> {
    // A parameter may have parts; absent ones are empty.
    let mut fields = parameters.split(';').map(|field| {
        let mut parts = field.split(':').map(|part| part.parse::<u32>().ok());
        (parts.next().flatten(), parts.next().flatten())
    });
    let (first, _) = fields.next().unwrap_or_default();
    let (held, event) = fields.next().unwrap_or_default();
    let (third, _) = fields.next().unwrap_or_default();
    let modifiers = Modifiers::from_parameter(held.unwrap_or(1))?;
    let chord = match (last, first) {
        (b'~', Some(27)) => keycodes::code(third?, modifiers),
        (b'~', number) => keycodes::numbered(number?, modifiers),
        (b'u', code) => keycodes::code(code?, modifiers),
        (letter, _) => keycodes::function(letter, modifiers),
    }?;
    let repeated = event == Some(2);
    match (event, chord.key) {
        (Some(3), _) => Some(Seen::KeyUp(chord)),
        // A function key that is held down does its work once.
        (_, Key::F(_)) if repeated => None,
        _ => Some(Seen::Key(chord)),
    }
}

/// `<button;column;row`: a click of the left button, or the wheel.
fn act(parameters: &str) -> Option<Mouse> {
    let mut numbers = parameters.strip_prefix('<')?.split(';');
    let mut next = || numbers.next()?.parse::<u16>().ok();
    let (button, column, row) = (next()?, next()?, next()?);
    // Shift, Alt and Ctrl are bits of the button; moves have one, too.
    let what = match button & !0b1_1100 {
        0 => MouseAct::Click,
        64 => MouseAct::WheelUp,
        65 => MouseAct::WheelDown,
        _ => return None,
    };
    Some(Mouse {
        what,
        column: column.saturating_sub(1),
        row: row.saturating_sub(1),
    })
}

/// An answer of the form `ESC ] number ; text`, ended by BEL or `ESC \`.
fn osc(bytes: &[u8]) -> Step {
    let body = &bytes[2..];
    let Some(end) = osc_end(body) else {
        return match body.len() < SEQUENCE {
            true => Step::Unclear,
            false => Step::Endless(2, Sequence::Osc),
        };
    };
    let text = std::str::from_utf8(&body[..end.at]).unwrap_or_default();
    let colour = text.strip_prefix("11;").and_then(background);
    let colour = colour.filter(|_| end.used <= SEQUENCE);
    Step::Took(
        2 + end.used,
        colour.map(|rgb| Seen::Answer(Answer::Background(rgb))),
    )
}

/// `rgb:ffff/ffff/ffff` or `rgba:...`, with one to four digits each.
fn background(text: &str) -> Option<[u16; 3]> {
    let (_, colours) = text.split_once(':')?;
    let mut parts = colours.split('/').map(|digits| {
        let count = u32::try_from(digits.len()).ok()?;
        if !(1..=4).contains(&count) {
            return None;
        }
        let value = u32::from_str_radix(digits, 16).ok()?;
        u16::try_from(value * 0xffff / (16u32.pow(count) - 1)).ok()
    });
    let mut next = || parts.next().flatten();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests;
