//! Keys that are not plain text, as an xterm sends them.

/// The Enter key.
pub const ENTER: &str = "\r";
/// Enter with Alt: a new line in the composer.
pub const ALT_ENTER: &str = "\x1b\r";
/// The Escape key.
pub const ESC: &str = "\x1b";
/// The Tab key.
pub const TAB: &str = "\t";
/// The arrow keys.
pub const UP: &str = "\x1b[A";
/// See `UP`.
pub const DOWN: &str = "\x1b[B";
/// Function keys.
pub const F1: &str = "\x1bOP";
/// See `F1`.
pub const F9: &str = "\x1b[20~";
/// Control with a letter.
pub const CTRL_C: &str = "\x03";
/// See `CTRL_C`.
pub const CTRL_G: &str = "\x07";
/// See `CTRL_C`.
pub const CTRL_Z: &str = "\x1a";
/// The leader of commands.
pub const CTRL_X: &str = "\x18";
/// F8 going down, staying down and coming up, as a terminal says it that
/// was asked to say when keys are let go (kitty keyboard protocol).
pub const F8_DOWN: &str = "\x1b[19;1:1~";
/// See `F8_DOWN`.
pub const F8_AGAIN: &str = "\x1b[19;1:2~";
/// See `F8_DOWN`.
pub const F8_UP: &str = "\x1b[19;1:3~";
/// The window is looked at, as a terminal says it that was asked to.
pub const FOCUS_IN: &str = "\x1b[I";
/// The window is looked at no longer.
pub const FOCUS_OUT: &str = "\x1b[O";
