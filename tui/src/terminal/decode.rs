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
/// Most bytes of a sequence; what is longer is none.
const SEQUENCE: usize = 4096;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What was found in the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
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
pub(super) enum Answer {
    /// It knows the kitty keyboard protocol.
    Keyboard,
    /// Its background, of 16 bits a colour.
    Background([u16; 3]),
    /// What it is: the last answer, as it was asked last.
    Attributes,
}

/// Bytes that were not understood yet.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// What was pasted so far, while a paste goes on.
    paste: Option<Vec<u8>>,
}

/// What the beginning of some bytes is.
enum Step {
    /// So many bytes meant something, or nothing.
    Took(usize, Option<Seen>),
    /// More bytes decide.
    Unclear,
    /// A paste begins after so many bytes.
    Paste(usize),
}

impl Decoder {
    /// Takes bytes; returns what they mean.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.bytes.extend_from_slice(bytes);
        let mut seen = Vec::new();
        loop {
            if self.paste.is_some() {
                match self.pasted() {
                    Some(paste) => seen.push(paste),
                    None => return seen,
                }
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
            }
        }
    }

    /// Whether bytes wait that could be a key by themselves: Escape alone, or
    /// the beginning of something.
    pub(super) fn waits(&self) -> bool {
        !self.bytes.is_empty() && self.paste.is_none()
    }

    /// Nothing followed: what waits is a key, or is dropped.
    pub(super) fn flush(&mut self) -> Vec<Seen> {
        let bytes = std::mem::take(&mut self.bytes);
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
            other => other,
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

/// After `ESC [`.
fn csi(body: &[u8]) -> Step {
    // The function keys of the Linux console.
    if let [b'[', c @ b'A'..=b'E', ..] = body {
        return Step::Took(4, Some(Seen::Key(Chord::plain(Key::F(c - b'A' + 1)))));
    }
    // The mouse of terminals that do not know the form that was asked for.
    if let [b'M', rest @ ..] = body {
        return match rest {
            [_, _, _, ..] => Step::Took(6, None),
            _ => Step::Unclear,
        };
    }
    let Some(end) = body.iter().position(|b| (0x40..=0x7e).contains(b)) else {
        return match body.len() > SEQUENCE || body.iter().any(|b| *b < 0x20) {
            true => Step::Took(2 + body.len(), None),
            false => Step::Unclear,
        };
    };
    let (parameters, last) = (&body[..end], body[end]);
    let used = 2 + end + 1;
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
    let bell = find(bytes, b"\x07").map(|at| (at, at + 1));
    let string = find(&bytes[1..], b"\x1b\\").map(|at| (at + 1, at + 3));
    let ends = [bell, string];
    let Some((end, used)) = ends.into_iter().flatten().min() else {
        return match bytes.len() > SEQUENCE {
            true => Step::Took(bytes.len(), None),
            false => Step::Unclear,
        };
    };
    let text = std::str::from_utf8(&bytes[2..end]).unwrap_or_default();
    let colour = text.strip_prefix("11;").and_then(background);
    Step::Took(
        used,
        colour.map(|rgb| Seen::Answer(Answer::Background(rgb))),
    )
}

/// `rgb:ffff/ffff/ffff` or `rgba:...`, with one to four digits each.
fn background(text: &str) -> Option<[u16; 3]> {
    let (_, colours) = text.split_once(':')?;
    let mut parts = colours.split('/').map(|digits| {
        let value = u32::from_str_radix(digits, 16).ok()?;
        let most = 16u32.checked_pow(u32::try_from(digits.len()).ok()?)? - 1;
        u16::try_from(value * 0xffff / most.max(1)).ok()
    });
    let mut next = || parts.next().flatten();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All that is seen in `bytes` and in the silence after them.
    fn seen(bytes: &str) -> Vec<Seen> {
        let mut decoder = Decoder::default();
        let mut seen = decoder.take(bytes.as_bytes());
        seen.extend(decoder.flush());
        seen
    }

    fn keys(bytes: &str) -> String {
        let names = seen(bytes).into_iter().map(|seen| match seen {
            Seen::Key(chord) => chord.to_string(),
            Seen::KeyUp(chord) => format!("-{chord}"),
            other => format!("{other:?}"),
        });
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn keys_in_all_the_ways_they_are_written() {
        for (bytes, names) in [
            ("aX\u{e9}\u{4f60}", "a X \u{e9} \u{4f60}"),
            ("\r\t\x7f\x08 ", "Enter Tab Backspace Ctrl+H Space"),
            ("\n\x01\x1a\x1f\0", "Ctrl+J Ctrl+A Ctrl+Z Ctrl+_ Ctrl+Space"),
            ("\x1b", "Esc"),
            ("\x1b\x1b", "Esc"),
            ("\x1ba\x1b\r\x1b\x7f", "Alt+a Alt+Enter Alt+Backspace"),
            ("\x1bB\x1b[", "Alt+b Alt+["),
            (
                "\x1b[A\x1bOB\x1b[1;5C\x1b[1;3D",
                "Up Down Ctrl+Right Alt+Left",
            ),
            ("\x1b\x1b[A", "Alt+Up"),
            ("\x1bOP\x1b[12~\x1b[[C\x1b[19~\x1b[24~", "F1 F2 F3 F8 F12"),
            (
                "\x1b[3~\x1b[5~\x1b[6;3~\x1b[H\x1b[4~",
                "Delete PgUp Alt+PgDn Home End",
            ),
            ("\x1b[Z", "Shift+Tab"),
            // xterm and tmux, with modifyOtherKeys.
            (
                "\x1b[27;2;13~\x1b[27;5;97~\x1b[27;2;65~",
                "Shift+Enter Ctrl+A A",
            ),
            ("\x1b[27;3;47~\x1b[27;5;55~", "Alt+/ Ctrl+_"),
            // The kitty keyboard protocol.
            (
                "\x1b[13;2u\x1b[97;5u\x1b[27u\x1b[9;2u",
                "Shift+Enter Ctrl+A Esc Shift+Tab",
            ),
            ("\x1b[19;1:1~\x1b[19;1:2~\x1b[19;1:3~", "F8 -F8"),
            ("\x1b[97;1:2u\x1b[57400u\x1b[57441u", "a 1"),
            // The Windows key is for the desktop.
            ("\x1b[97;9u", ""),
            ("\x1b[57358u\x1b[?1u", "Answer(Keyboard)"),
        ] {
            assert_eq!(keys(bytes), names, "{bytes:?}");
        }
    }

    #[test]
    fn answers_are_no_keys() {
        for (bytes, answer) in [
            ("\x1b[?62;22c", Answer::Attributes),
            ("\x1b[?0u", Answer::Keyboard),
            (
                "\x1b]11;rgb:ffff/0000/8080\x07",
                Answer::Background([0xffff, 0, 0x8080]),
            ),
            (
                "\x1b]11;rgb:f/0/8\x1b\\",
                Answer::Background([0xffff, 0, 0x8888]),
            ),
        ] {
            assert_eq!(seen(bytes), [Seen::Answer(answer)], "{bytes:?}");
        }
        for nothing in [
            "\x1b]10;rgb:1/1/1\x07",
            "\x1b[?2026;2$y",
            "\x1b[>0;276;0c",
            "\x1b]11;x\x07",
        ] {
            assert_eq!(seen(nothing), [], "{nothing:?}");
        }
    }

    #[test]
    fn clicks_wheel_and_focus() {
        let mouse = |what, column, row| vec![Seen::Mouse(Mouse { what, column, row })];
        assert_eq!(seen("\x1b[<0;5;3M"), mouse(MouseAct::Click, 4, 2));
        assert_eq!(seen("\x1b[<64;1;1M"), mouse(MouseAct::WheelUp, 0, 0));
        assert_eq!(seen("\x1b[<69;1;1M"), mouse(MouseAct::WheelDown, 0, 0));
        assert_eq!(seen("\x1b[<0;5;3m\x1b[<35;5;3M\x1b[<2;5;3M"), []);
        assert_eq!(
            seen("\x1b[I\x1b[O"),
            [Seen::Focus(true), Seen::Focus(false)]
        );
    }

    #[test]
    fn pastes_have_one_kind_of_line_end_and_a_limit() {
        assert_eq!(
            seen("\x1b[200~a\r\nb\rc \x1b[A\x1b[201~x"),
            [
                Seen::Paste("a\nb\nc \x1b[A".to_owned()),
                Seen::Key(Chord::plain(Key::Char('x')))
            ]
        );
        let long = format!("\x1b[200~{}\x1b[201~", "\u{e9}".repeat(PASTE));
        let [Seen::Paste(text)] = &seen(&long)[..] else {
            panic!("no paste")
        };
        assert!(text.len() <= PASTE + 3);
    }

    proptest! {
        #[test]
        fn any_split_means_the_same(cut in 0usize..60) {
            let text = "a\u{4f60}\x1b[1;5C\x1b[<0;5;3M\x1b[200~x\u{e9}\x1b[201~\x1b]11;rgb:1/2/3\x1b\\\x1b[27;2;13~";
            let cut = cut.min(text.len());
            let mut decoder = Decoder::default();
            let mut parts = decoder.take(&text.as_bytes()[..cut]);
            parts.extend(decoder.take(&text.as_bytes()[cut..]));
            prop_assert_eq!(parts, seen(text));
        }

        #[test]
        fn no_bytes_panic_or_wait_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut decoder = Decoder::default();
            decoder.take(&bytes);
            decoder.flush();
            prop_assert!(!decoder.waits());
        }
    }
}
