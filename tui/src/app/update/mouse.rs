//! The mouse: everything it does has a key as well.

use ratatui::layout::{Position, Rect};

use super::super::msg::{Mouse, MouseAct};
use super::{Effects, actions, keys, moving};
use crate::app::{Focus, State};
use crate::input::action::Action;
use crate::input::chord::{Chord, Key};
use crate::view::layout::{Layout, layout};
use crate::view::{Button, Row, button_at, row_at};

/// Rows a notch of the wheel scrolls.
const WHEEL_ROWS: isize = 3;

/// Takes what the mouse did.
pub(super) fn mouse(state: &mut State, mouse: Mouse, out: &mut Effects) {
    let up = match mouse.what {
        MouseAct::Click => return click(state, mouse, out),
        MouseAct::WheelUp => true,
        MouseAct::WheelDown => false,
    };
    if state.overlay.is_some() || state.first_run.is_some() {
        let key = if up { Key::Up } else { Key::Down };
        if state.overlay.is_some() && state.pending.is_empty() {
            keys::key(state, Chord::plain(key), out);
        }
        return;
    }
    moving::scroll(state, if up { -WHEEL_ROWS } else { WHEEL_ROWS });
}

fn click(state: &mut State, mouse: Mouse, out: &mut Effects) {
    if state.overlay.is_some() || state.first_run.is_some() {
        return;
    }
    let Layout::Panes(panes) = layout(state) else {
        return;
    };
    let hit = |area: Rect| area.contains(Position::new(mouse.column, mouse.row));
    if hit(panes.ringing) {
        match button_at(panes.ringing, mouse.column, mouse.row) {
            Some(Button::Answer) => actions::run(state, Action::Answer, "", out),
            Some(Button::Decline) => actions::run(state, Action::Decline, "", out),
            None => {}
        }
    } else if hit(panes.list) {
        let row = row_at(state, panes.list.height, mouse.row - panes.list.y);
        if let Some(Row::Entry(entry)) = row {
            state.chosen = Some(entry);
            moving::open_entry(state, entry, out);
        }
    } else if hit(panes.composer) && state.focus != Focus::Composer {
        moving::stop_browsing(state);
    }
}
