//! From what the terminal reports to messages of the interface.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::app::msg::{Mouse, MouseAct, Msg};
use crate::input::chord::{Chord, Key};

/// Most bytes taken from one paste; a message holds less.
const PASTE: usize = 256 * 1024;

/// What an event means; `None` if it means nothing here.
pub(super) fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => pressed(key),
        Event::Paste(text) => Some(Msg::Paste(pasted(text))),
        Event::Mouse(mouse) => act(mouse).map(Msg::Mouse),
        Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
        Event::FocusGained => Some(Msg::Focus(true)),
        Event::FocusLost => Some(Msg::Focus(false)),
    }
}

/// Line ends become `\n`: terminals paste them as `\r`.
fn pasted(mut text: String) -> String {
    let mut most = PASTE.min(text.len());
    while !text.is_char_boundary(most) {
        most -= 1;
    }
    text.truncate(most);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A key that was pressed, or let go where the terminal says so. A function
/// key that is held down does its work once.
fn pressed(event: KeyEvent) -> Option<Msg> {
    match (event.kind, event.code) {
        (KeyEventKind::Repeat, KeyCode::F(_)) => None,
        (KeyEventKind::Release, _) => chord(event).map(Msg::KeyUp),
        _ => chord(event).map(Msg::Key),
    }
}

/// A key with its modifiers, in one form whatever the terminal's way.
fn chord(event: KeyEvent) -> Option<Chord> {
    let held = |modifier| event.modifiers.contains(modifier);
    let (ctrl, alt) = (held(KeyModifiers::CONTROL), held(KeyModifiers::ALT));
    let mut shift = held(KeyModifiers::SHIFT);
    let key = match event.code {
        KeyCode::Char(c) => {
            // A character says by itself whether Shift was held.
            shift = false;
            Key::Char(plain(c, ctrl, alt))
        }
        KeyCode::F(n) => Key::F(n),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => {
            shift = true;
            Key::Tab
        }
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    };
    Some(Chord {
        key,
        ctrl,
        alt,
        shift,
    })
}

/// With Ctrl or Alt, letters are small. Terminals without the newer keyboard protocol
/// send the byte 31 for Ctrl+_, which crossterm reads as Ctrl+7.
fn plain(c: char, ctrl: bool, alt: bool) -> char {
    match c {
        '7' if ctrl => '_',
        c if ctrl || alt => c.to_ascii_lowercase(),
        c => c,
    }
}

fn act(event: MouseEvent) -> Option<Mouse> {
    let what = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseAct::Click,
        MouseEventKind::ScrollUp => MouseAct::WheelUp,
        MouseEventKind::ScrollDown => MouseAct::WheelDown,
        _ => return None,
    };
    Some(Mouse {
        what,
        column: event.column,
        row: event.row,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> String {
        chord(KeyEvent::new(code, modifiers)).unwrap().to_string()
    }

    #[test]
    fn keys_are_named_as_the_table_names_them() {
        let none = KeyModifiers::NONE;
        assert_eq!(pressed(KeyCode::Char('X'), KeyModifiers::SHIFT), "X");
        assert_eq!(pressed(KeyCode::Char('x'), KeyModifiers::CONTROL), "Ctrl+X");
        assert_eq!(pressed(KeyCode::Char('7'), KeyModifiers::CONTROL), "Ctrl+_");
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), "Shift+Tab");
        assert_eq!(pressed(KeyCode::Enter, KeyModifiers::ALT), "Alt+Enter");
        assert_eq!(pressed(KeyCode::PageUp, none), "PgUp");
        assert_eq!(pressed(KeyCode::Char('7'), none), "7");
    }

    #[test]
    fn keys_that_are_let_go_or_held_are_told_apart() {
        let kind = |code, kind| {
            let mut key = KeyEvent::new(code, KeyModifiers::NONE);
            key.kind = kind;
            super::pressed(key)
        };
        let up = kind(KeyCode::F(8), KeyEventKind::Release);
        assert!(matches!(up, Some(Msg::KeyUp(chord)) if chord.key == Key::F(8)));
        assert!(kind(KeyCode::F(8), KeyEventKind::Repeat).is_none());
        let repeated = kind(KeyCode::Char('a'), KeyEventKind::Repeat);
        assert!(matches!(repeated, Some(Msg::Key(_))));
    }

    #[test]
    fn moves_mean_nothing() {
        let moved = MouseEvent {
            kind: MouseEventKind::Moved,
            column: 0,
            row: 0,
            modifiers: KeyModifiers::NONE,
        };
        assert_eq!(act(moved), None);
    }

    #[test]
    fn pastes_have_one_kind_of_line_end_and_a_limit() {
        assert_eq!(pasted("a\r\nb\rc\n".to_owned()), "a\nb\nc\n");
        assert!(pasted("\u{e9}".repeat(PASTE)).len() <= PASTE);
    }
}
