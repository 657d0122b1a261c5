//! From a key to an action. Sequences that begin with the leader work on every
//! screen, so that a call can always be answered or hung up.

use super::super::overlay::{Confirm, Confirmed, Overlay};
use super::{Effects, actions, compose, first_run, overlays, search, talk};
use crate::app::{Focus, State};
use crate::input::action::Action;
use crate::input::chord::{Chord, Key};
use crate::input::keymap::Match;

/// A paste of more lines than this asks first.
const PASTE_LINES: usize = 5;
/// Keys held at most until the contacts are there.
const TYPE_AHEAD: usize = 1_000;

/// Takes a key; one that means a contact waits, with those after it, until
/// the contacts are there. Escape is not waited for.
pub(super) fn key(state: &mut State, chord: Chord, out: &mut Effects) {
    let jumps = chord.key == Key::Enter && matches!(state.overlay, Some(Overlay::Jump { .. }));
    let waits = jumps && !state.contacts_loaded || !state.type_ahead.is_empty();
    if waits && chord.key != Key::Esc {
        if state.type_ahead.len() < TYPE_AHEAD {
            state.type_ahead.push(chord);
        }
        return;
    }
    state.type_ahead.clear();
    now(state, chord, out);
}

/// The contacts are there: takes the keys that waited for them.
pub(super) fn typed_ahead(state: &mut State, out: &mut Effects) {
    for chord in std::mem::take(&mut state.type_ahead) {
        now(state, chord, out);
    }
}

fn now(state: &mut State, chord: Chord, out: &mut Effects) {
    if !state.pending.is_empty() {
        return continue_sequence(state, chord, out);
    }
    match state.keymap.find(state.context(), &[chord]) {
        Match::Prefix => state.pending.push(chord),
        Match::Action(Action::Talk) => talk::press(state, Some(chord), out),
        Match::Action(action) if !state.covered() || works_everywhere(action) => {
            actions::run(state, action, "", out);
        }
        _ if state.overlay.is_some() => overlays::key(state, chord, out),
        _ if state.first_run.is_some() => first_run::key(state, chord, out),
        _ => typed(state, chord, out),
    }
}

fn works_everywhere(action: Action) -> bool {
    matches!(action, Action::Mute | Action::Redraw | Action::Suspend)
}

fn continue_sequence(state: &mut State, chord: Chord, out: &mut Effects) {
    if chord.key == Key::Esc {
        state.pending.clear();
        return;
    }
    state.pending.push(chord);
    match state.keymap.find(state.context(), &state.pending) {
        Match::Prefix => {}
        Match::Action(action) => {
            state.pending.clear();
            actions::run(state, action, "", out);
        }
        Match::None => {
            let keys: Vec<_> = state.pending.drain(..).map(|c| c.to_string()).collect();
            let text = format!("{} does nothing", keys.join(" "));
            state.info(state.with_ways(&text, &[(Action::Help, "shows all keys")]));
        }
    }
}

/// A key that means no action: in the composer it may type.
fn typed(state: &mut State, chord: Chord, out: &mut Effects) {
    let Some(c) = chord.typed() else { return };
    match state.focus {
        Focus::Composer if state.normal_mode => {
            let ways = [
                (Action::Insert, "types"),
                (Action::SlashLine, "is a command"),
                (Action::Help, "shows the keys"),
            ];
            state.info(state.with_ways("normal mode", &ways));
        }
        Focus::Composer => compose::insert(state, c.encode_utf8(&mut [0; 4]), out),
        Focus::Browse | Focus::List => {
            state.info(state.ways(&[
                (Action::Leave, "goes back to typing"),
                (Action::Help, "shows the keys of this place"),
            ]));
        }
    }
}

/// Takes text that came in one piece.
pub(super) fn paste(state: &mut State, text: &str, out: &mut Effects) {
    state.pending.clear();
    if let Some(editor) = overlays::editor(state) {
        editor.insert(&one_line(text));
        search::refresh(state, out);
        return;
    }
    if state.overlay.is_some() {
        return;
    }
    if let Some(editor) = first_run::editor(state) {
        editor.insert(&one_line(text));
        return;
    }
    if state.first_run.is_some() {
        return;
    }
    state.focus = Focus::Composer;
    let lines = text.lines().count();
    if lines > PASTE_LINES {
        state.overlay = Some(Overlay::Confirm(Confirm {
            question: format!("Paste {lines} lines into the message? Nothing is sent yet."),
            yes: "paste them",
            then: Confirmed::Paste(text.to_owned()),
        }));
        return;
    }
    compose::insert(state, text, out);
}

fn one_line(text: &str) -> String {
    text.trim().replace(['\n', '\r'], " ")
}
