//! What may follow the keys typed so far, above the status line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::draw::{put, rule, span};
use super::theme::Theme;
use super::words::short;
use super::wrap;
use crate::app::State;
use crate::input::action::{Action, info};

/// Cells of a column at least, while there is room: a key and a few words.
const COLUMN: usize = 36;
/// With fewer cells a title says less than a name.
const FEW_CELLS: usize = 20;
/// Cells of a key.
const KEY_CELLS: usize = 6;

/// Draws the box while keys of a sequence are waiting for more; `status` is
/// the row below it.
pub(super) fn draw(state: &State, theme: Theme, buf: &mut Buffer, status: Rect) {
    if state.pending.is_empty() || status.area() == 0 {
        return;
    }
    let following = state.keymap.following(state.context(), &state.pending);
    let width = usize::from(status.width);
    let most = usize::from(status.y).saturating_sub(1).max(1);
    // Wide columns where all rows fit, narrow ones where they do not.
    let columns = (width / COLUMN).max(following.len().div_ceil(most)).max(1);
    let cells = width / columns;
    let rows = following.len().div_ceil(columns);
    let height = u16::try_from(rows + 1).unwrap_or(status.y).min(status.y);
    let area = Rect {
        y: status.y - height,
        height,
        ..status
    };
    Clear.render(area, buf);
    let typed: Vec<_> = state.pending.iter().map(ToString::to_string).collect();
    let title = format!("{} then", typed.join(" "));
    put(buf, area, 0, &rule(theme, usize::from(area.width), &title));
    for y in 1..height {
        let in_row = following.iter().skip(usize::from(y) - 1).step_by(rows);
        let mut spans = Vec::new();
        for (chord, action) in in_row {
            let key = short(&chord.to_string(), status.width);
            let key = format!(" {key:>KEY_CELLS$} ");
            let room = cells.saturating_sub(KEY_CELLS + 3);
            let what = what(*action, room);
            spans.push(span(key, theme.key()));
            spans.push(span(
                format!("{} ", wrap::fit(&what, room, theme.signs.cut)),
                theme.text(),
            ));
        }
        put(buf, area, y, &Line::from(spans));
    }
}

/// What an action does, or its name where there is little room.
fn what(action: Option<Action>, room: usize) -> String {
    match action {
        None => "more keys".to_owned(),
        Some(action) if room < FEW_CELLS => action.name(),
        Some(action) => info(action).map_or("", |i| i.title).to_owned(),
    }
}
