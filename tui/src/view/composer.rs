//! Where a message is written: grows with the text, shows the cursor's rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::text::Line;

use super::draw::{put, span};
use super::layout::{PROMPT_CELLS, Panes};
use super::theme::Theme;
use super::wrap;
use crate::app::{Focus, State};
use crate::input::action::Action;

/// Draws the composer; returns where the cursor stands.
pub(crate) fn draw(
    state: &State,
    theme: Theme,
    buf: &mut Buffer,
    panes: &Panes,
) -> Option<Position> {
    let area = panes.composer;
    if area.area() == 0 {
        return None;
    }
    let cells = panes.composer_cells();
    let draft = state.draft();
    let rows = wrap::rows(draft.text(), cells);
    let (row, column) = wrap::place(draft.text(), &rows, draft.cursor(), cells);
    let height = usize::from(area.height);
    let first = (row + 1).saturating_sub(height);
    for (y, (at, range)) in (0..area.height).zip(rows.iter().enumerate().skip(first)) {
        let prompt = if at == 0 { "> " } else { "  " };
        let text = draft.text().get(range.clone()).unwrap_or_default();
        let shown = wrap::take(text, cells);
        let line = Line::from(vec![
            span(prompt, theme.accent()),
            span(shown, theme.text()),
        ]);
        put(buf, area, y, &line);
    }
    if panes.subject.height > 0 {
        put(buf, panes.subject, 0, &subject(state, theme, cells));
    }
    if draft.is_empty() {
        put(buf, panes.composer, 0, &placeholder(state, theme, cells));
    }
    let y = area.y + u16::try_from(row - first).unwrap_or(0);
    let x = area.x + PROMPT_CELLS + u16::try_from(column).unwrap_or(0);
    (state.focus == Focus::Composer).then(|| Position::new(x, y))
}

/// What is edited or answered, and how to get out of it.
fn subject(state: &State, theme: Theme, cells: usize) -> Line<'static> {
    let Some(conversation) = state.conversation() else {
        return Line::default();
    };
    let (what, text, out) = if let Some(editing) = &conversation.editing {
        let out = state.ways(&[(Action::Browse, "cancels")]);
        ("Editing", editing.before.as_str(), out)
    } else {
        let quoted = conversation
            .reply_to
            .and_then(|id| conversation.message(id));
        let text = quoted.map_or("", |m| m.text.as_str());
        let out = state.ways(&[(Action::ClearDraft, "drops it")]);
        ("Replying to", text, out)
    };
    let first = text.lines().next().unwrap_or_default();
    let room = cells.saturating_sub(what.len() + out.len() + 6);
    let first = wrap::truncate(first, room, theme.signs.cut);
    Line::from(vec![
        span(format!("{} {what}: ", theme.signs.quote), theme.heading()),
        span(first, theme.text()),
        span(format!("  {out}"), theme.dim()),
    ])
}

fn placeholder(state: &State, theme: Theme, cells: usize) -> Line<'static> {
    let text = match (state.focus, state.open) {
        (Focus::Browse, _) => state.ways(&[(Action::Leave, "goes back to typing")]),
        (_, Some(id)) => format!("write to {}, / for commands", state.name_of(id)),
        (_, None) => "/ for commands".to_owned(),
    };
    let text = wrap::truncate(&text, cells, theme.signs.cut);
    Line::from(vec![span("> ", theme.accent()), span(text, theme.dim())])
}
