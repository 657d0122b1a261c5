//! Everything that can happen to the state, in one closed enum.

use twocan_peer::api::{CallLevels, Event};

use super::effect::Outcome;
use super::user_file::{Content, UserFile};
use crate::input::chord::Chord;

/// Something happened.
#[derive(Debug, Clone)]
pub(crate) enum Msg {
    Key(Chord),
    /// A key was let go: only some terminals say so, and only when asked.
    KeyUp(Chord),
    /// A whole line that was typed where single keys are not seen.
    Line(String),
    /// Text that came in one piece.
    Paste(String),
    Mouse(Mouse),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The terminal says when keys are let go, if it is asked to.
    TellsKeys,
    /// The terminal's background is light, or dark.
    Background {
        light: bool,
    },
    /// The terminal window gained or lost the focus.
    Focus(bool),
    Engine(Box<Event>),
    Outcome(Box<Outcome>),
    /// What the meters of the call show.
    Meters(CallLevels),
    /// A file of the profile folder was read: at the start, or as it changed.
    UserFile(UserFile, Content),
    /// What was to be opened outside was not, and why.
    NotOpened(String),
    /// A moment that [`super::State::next_deadline`] named has come.
    Tick,
    /// The operating system asks us to end.
    Terminate,
    /// The engine has ended by itself.
    EngineGone,
    /// A thread beside the screen's panicked.
    Broken,
}

/// What the mouse did, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mouse {
    pub(crate) what: MouseAct,
    pub(crate) column: u16,
    pub(crate) row: u16,
}

/// What a mouse can do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MouseAct {
    Click,
    WheelUp,
    WheelDown,
}
