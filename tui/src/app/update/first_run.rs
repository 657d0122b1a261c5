//! Keys of the first steps, and what follows from them.

use twocan_peer::api::Error;

use super::super::editor::Editor;
use super::super::effect::Effect;
use super::super::first_run::{FirstRun, PLACES, Step};
use super::overlays::{edit, form_key};
use super::{Effects, actions};
use crate::app::State;
use crate::input::action::Action;
use crate::input::chord::{Chord, Key};

/// The editor of the step, if one is typed into.
pub(super) fn editor(state: &mut State) -> Option<&mut Editor> {
    let first_run = state.first_run.as_mut()?;
    match first_run.step {
        Step::Name => Some(&mut first_run.name),
        Step::Registry => first_run.form.focused().map(|f| &mut f.editor),
        _ => None,
    }
}

/// Takes a key for the step.
pub(super) fn key(state: &mut State, chord: Chord, out: &mut Effects) {
    if chord.ctrl && chord.key == Key::Char('c') {
        return actions::quit(state, out);
    }
    if chord.key == Key::F(1) {
        return actions::run(state, Action::Help, "", out);
    }
    let Some(mut first_run) = state.first_run.take() else {
        return;
    };
    if step_key(state, &mut first_run, chord, out) {
        state.first_run = Some(first_run);
    } else {
        state.info(state.ways(&[
            (Action::Help, "shows all keys"),
            (Action::Setup, "brings these steps back"),
        ]));
    }
}

/// Whether the steps go on.
fn step_key(state: &State, first_run: &mut FirstRun, chord: Chord, out: &mut Effects) -> bool {
    let back = chord.key == Key::Esc;
    match first_run.step {
        Step::Name if back => return false,
        Step::Name if chord.key == Key::Enter => take_name(first_run, out),
        Step::Name => {
            first_run.error = None;
            edit(&mut first_run.name, chord);
        }
        Step::Key if back => first_run.step = Step::Name,
        Step::Key if chord.key == Key::Enter => first_run.step = Step::Place,
        Step::Key => {}
        Step::Place if back => first_run.step = Step::Key,
        Step::Place => return place_key(first_run, chord),
        Step::Registry if back => {
            first_run.form.busy = false;
            first_run.step = Step::Place;
        }
        Step::Registry if chord.ctrl && chord.key == Key::Char('s') => return false,
        Step::Registry => form_key(&mut first_run.form, chord, out),
        Step::Lan if back => first_run.step = Step::Place,
        Step::Lan if chord.key == Key::Enter => return false,
        Step::Lan => {
            if let (Some('c'), Some(me)) = (chord.typed(), &state.me) {
                out.push(Effect::Clipboard(me.link.to_string()));
            }
        }
    }
    true
}

fn take_name(first_run: &mut FirstRun, out: &mut Effects) {
    let name = first_run.name.text().trim().to_owned();
    if name.is_empty() {
        first_run.error = Some("Type a name first: any you like.".to_owned());
        return;
    }
    out.push(Effect::SetName(name));
}

/// The name was taken, or refused with a reason.
pub(super) fn named(state: &mut State, error: Option<&Error>) {
    let Some(first_run) = &mut state.first_run else {
        return;
    };
    if first_run.step != Step::Name {
        return;
    }
    match error {
        Some(error) => first_run.error = Some(error.to_string()),
        None => {
            first_run.step = Step::Key;
            if let Some(username) = first_run.form.fields.get_mut(1)
                && username.editor.is_empty()
            {
                username.editor.replace(first_run.name.text().trim());
            }
            let empty = first_run
                .form
                .fields
                .iter()
                .position(|f| f.editor.is_empty());
            first_run.form.focus = empty.unwrap_or(0);
        }
    }
}

fn place_key(first_run: &mut FirstRun, chord: Chord) -> bool {
    let last = PLACES.len() - 1;
    match (chord.key, chord.typed()) {
        (Key::Up, _) | (_, Some('k')) => first_run.place = first_run.place.saturating_sub(1),
        (Key::Down | Key::Tab, _) | (_, Some('j')) => {
            first_run.place = (first_run.place + 1).min(last);
        }
        (_, Some(c @ '1'..='3')) => {
            first_run.place = usize::from(c as u8 - b'1');
            return go(first_run);
        }
        (Key::Enter, _) => return go(first_run),
        _ => {}
    }
    true
}

fn go(first_run: &mut FirstRun) -> bool {
    match first_run.place {
        0 => first_run.step = Step::Registry,
        1 => first_run.step = Step::Lan,
        _ => return false,
    }
    true
}
