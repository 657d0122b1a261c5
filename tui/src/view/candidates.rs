//! The choices of completion, above the composer: over the last messages for
//! as long as Tab goes through them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::draw::{put, span};
use super::layout::Panes;
use super::theme::Theme;
use super::wrap;
use crate::app::Glyphs;
use crate::app::State;
use crate::input::complete::Choice;

/// Choices on the screen at once.
const ROWS: usize = 8;
/// Cells of the names at most, where meanings stand beside them.
const NAME_CELLS: usize = 28;

/// Draws the list, if there is one.
pub(super) fn draw(state: &State, theme: Theme, buf: &mut Buffer, panes: &Panes) {
    let Some(cycle) = &state.completion else {
        return;
    };
    let choices = &cycle.offer.choices;
    let room = usize::from(panes.notice.height + panes.messages.height);
    let height = choices.len().min(ROWS).min(room);
    let from = (cycle.chosen + 1).saturating_sub(height);
    let rows = u16::try_from(height).unwrap_or(0);
    let area = Rect {
        y: panes.notice.bottom().saturating_sub(rows),
        height: rows,
        ..panes.notice
    };
    Clear.render(area, buf);
    let names = choices.iter().map(|c| name(c, state.look.glyphs));
    let names: Vec<String> = names.collect();
    let widest = names.iter().map(|n| wrap::width(n)).max();
    let cells = (widest.unwrap_or(0).min(NAME_CELLS), usize::from(area.width));
    let shown = names.iter().zip(choices).enumerate().skip(from);
    for (y, (at, (name, choice))) in (0..rows).zip(shown) {
        let mut row = line_of(name, choice.note, cells, theme);
        let mark = if at == cycle.chosen {
            row.style = theme.chosen();
            theme.signs.chosen
        } else {
            " "
        };
        row.spans
            .insert(0, span(format!("{mark} "), theme.accent()));
        put(buf, area, y, &row);
    }
}

/// What a choice is called, with the sign it stands for beside it.
fn name(choice: &Choice, glyphs: Glyphs) -> String {
    match !glyphs.has_emoji() || choice.text.starts_with(&choice.name) {
        true => choice.name.clone(),
        false => format!("{} {}", choice.text, choice.name),
    }
}

fn line_of(name: &str, note: &str, cells: (usize, usize), theme: Theme) -> Line<'static> {
    let (names, cells) = (cells.0, cells.1.saturating_sub(2));
    if note.is_empty() {
        let name = wrap::truncate(name, cells, theme.signs.cut);
        return Line::from(span(name, theme.text()));
    }
    let name = wrap::fit(name, names.min(cells), theme.signs.cut);
    let room = cells.saturating_sub(wrap::width(&name) + 2);
    let note = wrap::truncate(note, room, theme.signs.cut);
    Line::from(vec![
        span(name, theme.text()),
        span(format!("  {note}"), theme.dim()),
    ])
}
