//! The mouse: everything it does has a key as well.

use ratatui::layout::{Position, Rect};

use super::super::msg::{Mouse, MouseAct};
use super::super::overlay::Overlay;
use super::{Effects, keys, moving, search};
use crate::app::audio::OTHER_LIST;
use crate::app::{Focus, State};
use crate::input::chord::{Chord, Key, sequence};
use crate::view::layout::{Layout, Panes, layout};
use crate::view::marks::{Hit, hit_at};
use crate::view::words::long;
use crate::view::{Row, message_at, row_at};

/// Rows a notch of the wheel scrolls.
const WHEEL_ROWS: isize = 3;

/// Takes what the mouse did.
pub(super) fn mouse(state: &mut State, mouse: Mouse, out: &mut Effects) {
    match mouse.what {
        MouseAct::Click => click(state, mouse, out),
        MouseAct::WheelUp => wheel(state, mouse, true, out),
        MouseAct::WheelDown => wheel(state, mouse, false, out),
    }
}

fn covered(state: &State) -> bool {
    state.overlay.is_some() || state.first_run.is_some()
}

/// Scrolls what is under the pointer: what lies over the main view, the list
/// where it has the focus, else the messages.
fn wheel(state: &mut State, mouse: Mouse, up: bool, out: &mut Effects) {
    if covered(state) {
        let key = if up { Key::Up } else { Key::Down };
        if state.pending.is_empty() {
            keys::key(state, Chord::plain(key), out);
        }
        return;
    }
    let over_list = match layout(state) {
        Layout::Panes(panes) => hits(panes.list, mouse),
        Layout::Tiny(_) => false,
    };
    match over_list && state.focus == Focus::List {
        true => moving::list_step(state, if up { -1 } else { 1 }),
        false => moving::scroll(state, if up { -WHEEL_ROWS } else { WHEEL_ROWS }),
    }
}

fn hits(area: Rect, mouse: Mouse) -> bool {
    area.contains(Position::new(mouse.column, mouse.row))
}

fn click(state: &mut State, mouse: Mouse, out: &mut Effects) {
    match hit_at(state, mouse.column, mouse.row) {
        Some(Hit::Key(keys)) => press(state, &keys, out),
        Some(Hit::Row(at)) => choose(state, at, out),
        None if covered(state) => {}
        None => {
            if let Layout::Panes(panes) = layout(state) {
                pane(state, &panes, mouse, out);
            }
        }
    }
}

/// Presses keys as a hint writes them; what is no key there does nothing.
fn press(state: &mut State, keys: &str, out: &mut Effects) {
    let chords = sequence(&long(keys)).unwrap_or_default();
    for chord in chords {
        keys::key(state, chord, out);
    }
}

/// A row of a list is chosen by a click, and taken by another one.
fn choose(state: &mut State, at: usize, out: &mut Effects) {
    let Some(overlay) = &mut state.overlay else {
        if let Some(first_run) = &mut state.first_run {
            first_run.choose(at);
        }
        return;
    };
    match overlay {
        Overlay::Form(form) => {
            form.focus = at.min(form.fields.len().saturating_sub(1));
            return;
        }
        Overlay::Audio { side, selected } if at >= OTHER_LIST => {
            *side = side.other();
            *selected = at - OTHER_LIST;
            return;
        }
        Overlay::Search(search) if search.chosen != at => return search::choose(state, at, out),
        _ => {}
    }
    let Some(selected) = overlay.selected_mut() else {
        return;
    };
    match *selected == at {
        true => keys::key(state, Chord::plain(Key::Enter), out),
        false => *selected = at,
    }
}

/// A click on a part of the main view.
fn pane(state: &mut State, panes: &Panes, mouse: Mouse, out: &mut Effects) {
    if hits(panes.list, mouse) {
        let row = row_at(state, panes.list.height, mouse.row - panes.list.y);
        if let Some(Row::Entry(entry)) = row {
            state.chosen = Some(entry);
            moving::open_entry(state, entry, out);
        }
    } else if hits(panes.messages, mouse) {
        if let Some(message) = message_at(state, panes, mouse.row - panes.messages.y) {
            moving::choose(state, message);
        }
    } else if hits(panes.composer, mouse) && state.focus != Focus::Composer {
        moving::stop_browsing(state);
    }
}
