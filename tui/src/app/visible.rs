//! How much of the screen what happened can change. What cannot be seen asks
//! for no frame, so that people who are not on the screen may say as much as
//! they like; and what only writes is drawn without the rest, so that a key
//! costs little.

use twocan_peer::api::Event;

use super::effect::Outcome;
use super::msg::Msg;
use super::{Focus, State};
use crate::input::action::Action;
use crate::input::chord::Chord;
use crate::input::keymap::Match;

/// What of the screen may be older than the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stale {
    Nothing,
    /// The rows where a message is written, as long as nothing moves.
    Composer,
    /// Those, and the notice above them, which has hints for what is written.
    Writing,
    All,
}

/// What of the screen may look different after `msg`. What becomes of it by
/// other ways, such as a toast, says so itself.
pub(super) fn stale_after(state: &State, msg: &Msg) -> Stale {
    let seen = match msg {
        Msg::Key(chord) if only_writes(state, *chord) => return stale_writing(state, *chord),
        Msg::Engine(event) => may_show(state, event),
        Msg::Outcome(outcome) => !matches!(**outcome, Outcome::MarkedRead { result: Ok(()), .. }),
        // Time by itself is what [`State::next_visible`] knows of.
        Msg::Tick => false,
        _ => true,
    };
    match seen {
        true => Stale::All,
        false => Stale::Nothing,
    }
}

/// Whether a key does nothing but change what is being written, as those do
/// that are pressed again and again.
fn only_writes(state: &State, chord: Chord) -> bool {
    let writing = state.focus == Focus::Composer && !state.normal_mode && !state.covered();
    // Choices and sequences stand on rows of their own, and go.
    if !writing || state.completion.is_some() || !state.pending.is_empty() {
        return false;
    }
    match state.keymap.find(state.context(), &[chord]) {
        Match::Action(action) => matches!(
            action,
            Action::DeleteBack | Action::DeleteForward | Action::Left | Action::Right
        ),
        Match::None => chord.typed().is_some(),
        Match::Prefix => false,
    }
}

/// What a key changes that only writes: there are hints for commands and for
/// several lines.
fn stale_writing(state: &State, chord: Chord) -> Stale {
    let hinted = state.draft().text().contains(['/', '\n']) || chord.typed() == Some('/');
    match hinted {
        true => Stale::Writing,
        false => Stale::Composer,
    }
}

fn may_show(state: &State, event: &Event) -> bool {
    match event {
        Event::Message(message) => state.open == Some(message.conversation),
        Event::MessageChanged { conversation, .. } | Event::MessageState { conversation, .. } => {
            state.open == Some(*conversation)
        }
        Event::Typing { contact, .. } => state.open == Some(*contact),
        Event::Contact(contact) => state.contacts.get(&contact.peer_id) != Some(contact),
        Event::Sound { .. } => false,
        _ => true,
    }
}
