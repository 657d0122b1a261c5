//! The list of settings with their values, and what the chosen one means.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::draw::{self, put_all, span};
use super::field::filter_line;
use super::theme::Theme;
use super::window::{picker, window};
use super::wrap;
use crate::app::settings::{self, Settings};

/// Rows below the list: its explanation and the line to write in.
const BELOW: u16 = 4;
/// Behind what the user has chosen: without colours only this shows it.
const CHOSEN: &str = "(changed)";
/// Cells of the names.
const NAME_CELLS: usize = 24;

/// Draws the list; returns where the cursor stands.
pub(super) fn draw(
    list: &Settings,
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) -> Option<Position> {
    let found = list.found();
    let inner = window(
        buf,
        theme,
        room,
        "SETTINGS",
        "Enter changes  Esc close",
        (92, 26),
    );
    let rows = inner.height.saturating_sub(BELOW);
    let upper = Rect {
        height: rows,
        ..inner
    };
    let line_of = |at: usize, cells: usize| {
        let (name, _) = found.get(at)?;
        let names = NAME_CELLS.min(cells / 2);
        let (value, style) = match list.value(name) {
            Some(held) if held.chosen => (format!("{} {CHOSEN}", held.text), theme.accent()),
            Some(held) => (held.text.clone(), theme.dim()),
            None => (String::new(), theme.dim()),
        };
        let room = cells.saturating_sub(names + 1);
        let value = wrap::truncate(&value, room, theme.signs.cut);
        Some(Line::from(vec![
            span(wrap::fit(name, names, theme.signs.cut), theme.text()),
            span(format!(" {value}"), style),
        ]))
    };
    picker(buf, theme, upper, found.len(), list.selected, line_of);
    let filter = filter_line(buf, theme, inner, "type to filter:", &list.filter);
    let below = Rect {
        y: inner.y + rows,
        height: inner.height - rows,
        ..inner
    };
    let cells = usize::from(inner.width);
    if let Some(editor) = &list.editing {
        let name = list.chosen().unwrap_or_default();
        let cursor = filter_line(buf, theme, below, &format!("{name} ="), editor);
        let takes = settings::values(name);
        let text = match takes {
            [] => "Enter sets it, Esc leaves it".to_owned(),
            _ => format!("Tab goes through: {}", takes.join(", ")),
        };
        let under = Rect {
            y: below.y + 1,
            height: below.height.saturating_sub(1),
            ..below
        };
        let told = draw::paragraph(&text, cells, "", theme.dim());
        put_all(buf, under, &told);
        return Some(cursor);
    }
    let chosen = list.chosen();
    let meaning = found.iter().find(|(name, _)| Some(*name) == chosen);
    let (text, style) = match (&list.error, meaning) {
        (Some(error), _) => (error.as_str(), theme.bad()),
        (None, Some((_, meaning))) => (*meaning, theme.dim()),
        (None, None) => ("", theme.dim()),
    };
    put_all(buf, below, &draw::paragraph(text, cells, "", style));
    Some(filter)
}
