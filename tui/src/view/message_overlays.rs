//! The choices about a single message: whom to delete it for, what to react
//! with.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use uuid::Uuid;

use super::draw::{line, put, put_all, span};
use super::field::filter_line;
use super::theme::Theme;
use super::window::window;
use super::wrap;
use crate::app::overlay::React;
use crate::app::{State, reaction};

/// The beginning of the message that is meant.
fn meant(state: &State, id: Uuid, cells: usize, theme: Theme) -> Line<'static> {
    let text = state
        .conversation()
        .and_then(|c| c.message(id))
        .map_or("", |m| m.text.lines().next().unwrap_or_default());
    let text = format!("{} {text}", theme.signs.quote);
    line(wrap::truncate(&text, cells, theme.signs.cut), theme.dim())
}

/// For whom a message is deleted.
pub(super) fn delete(
    state: &State,
    id: Uuid,
    mine: bool,
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) {
    let inner = window(buf, theme, room, "DELETE", "Esc keeps it", (60, 7));
    let choice = |key: &'static str, what: &'static str| {
        Line::from(vec![
            span(key, theme.key()),
            span(format!(" {what}"), theme.text()),
        ])
    };
    let mut rows = vec![
        meant(state, id, usize::from(inner.width), theme),
        Line::default(),
        choice("m", "for me: it leaves this machine alone"),
    ];
    rows.push(if mine {
        choice("b", "for both: a mark stays in its place")
    } else {
        line("Only its author can delete it for both.", theme.dim())
    });
    put_all(buf, inner, &rows);
}

/// What to react with; returns where the cursor stands.
pub(super) fn react(
    state: &State,
    react: &React,
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) -> Option<Position> {
    let inner = window(buf, theme, room, "REACT", "Enter chooses", (60, 9));
    let cells = usize::from(inner.width);
    put(buf, inner, 0, &meant(state, react.id, cells, theme));
    let message = state.conversation().and_then(|c| c.message(react.id));
    let me = state.me.as_ref().map(|me| me.peer_id);
    let own = me
        .zip(message)
        .and_then(|(me, m)| reaction::of(&m.reactions, me));
    // Two rows, so that the names of ASCII screens fit as well.
    let half = reaction::COMMON.len().div_ceil(2);
    let all: Vec<_> = reaction::COMMON.iter().enumerate().collect();
    for (y, part) in (2..).zip(all.chunks(half)) {
        let mut spans = Vec::new();
        for (at, emoji) in part {
            let chosen = *at == react.chosen && react.typed.is_empty();
            let style = if chosen { theme.chosen() } else { theme.text() };
            let mark = if chosen { theme.signs.chosen } else { " " };
            spans.push(span(mark, theme.accent()));
            spans.push(span((at + 1).to_string(), theme.key()));
            spans.push(span(" ", theme.text()));
            spans.push(span(theme.emoji(emoji), style));
            spans.push(span("  ", theme.text()));
        }
        put(buf, inner, y, &Line::from(spans));
    }
    let text = match own {
        Some(own) => format!("yours: {}; the same again takes it back", theme.emoji(own)),
        None => "1 to 8, arrows, or an emoji or its name".to_owned(),
    };
    let text = wrap::truncate(&text, cells, theme.signs.cut);
    put(buf, inner, 4, &line(text, theme.dim()));
    let below = Rect {
        y: inner.y + 5.min(inner.height),
        height: inner.height.saturating_sub(5),
        ..inner
    };
    (below.height > 0).then(|| filter_line(buf, theme, below, ">", &react.typed))
}
