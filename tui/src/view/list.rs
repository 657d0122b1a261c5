//! The list of conversations and requests.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use twocan_peer::api::Relation;
use uuid::Uuid;

use super::draw::{line, put, span};
use super::theme::Theme;
use super::words::{presence, trust};
use super::wrap;
use crate::app::roster::{Entry, Section};
use crate::app::{Focus, State};

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    Title(Section),
    Entry(Entry),
}

/// The rows of the list: titles only where there is room for them.
fn rows(state: &State, height: usize) -> Vec<Row> {
    let entries = state.entries();
    let mut with_titles = Vec::new();
    let mut last = None;
    for (section, entry) in &entries {
        if last != Some(section) {
            with_titles.push(Row::Title(section.clone()));
            last = Some(section);
        }
        with_titles.push(Row::Entry(*entry));
    }
    if with_titles.len() <= height {
        return with_titles;
    }
    entries
        .into_iter()
        .map(|(_, entry)| Row::Entry(entry))
        .collect()
}

/// The part of the rows that is shown: around the chosen or open one.
fn window(state: &State, height: usize) -> (Vec<Row>, usize) {
    let rows = rows(state, height);
    let wanted = match state.focus {
        Focus::List => state.chosen,
        _ => state.open.map(Entry::Contact),
    };
    let at = rows
        .iter()
        .position(|r| wanted.is_some_and(|e| *r == Row::Entry(e)))
        .unwrap_or(0);
    // The last row may be taken by the word about what is below.
    let room = height.saturating_sub(1).max(1);
    let from = (at + 1)
        .saturating_sub(room)
        .min(rows.len().saturating_sub(height));
    (rows, from)
}

/// What stands at row `y` of a list of `height` rows.
pub(crate) fn row_at(state: &State, height: u16, y: u16) -> Option<Row> {
    let (rows, from) = window(state, usize::from(height));
    rows.get(from + usize::from(y)).cloned()
}

/// Draws the list; returns where the cursor stands if the list has the focus.
pub(crate) fn draw(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) -> Option<Position> {
    if area.area() == 0 {
        return None;
    }
    let cells = usize::from(area.width);
    let (rows, from) = window(state, usize::from(area.height));
    let mut cursor = None;
    for (y, row) in (0..area.height).zip(rows.iter().skip(from)) {
        let drawn = match row {
            Row::Title(section) => {
                let text = format!("{} {}", theme.signs.open_group, section.title());
                line(wrap::truncate(&text, cells, theme.signs.cut), theme.dim())
            }
            Row::Entry(entry) => {
                let chosen = state.focus == Focus::List && state.chosen == Some(*entry);
                if chosen {
                    cursor = Some(Position::new(area.x, area.y + y));
                }
                entry_line(state, theme, *entry, cells, chosen)
            }
        };
        put(buf, area, y, &drawn);
    }
    if rows.is_empty() {
        put(buf, area, 0, &line("Nobody yet.", theme.dim()));
        put(buf, area, 1, &line("/add somebody", theme.dim()));
    }
    let below = unread_below(state, &rows, from + usize::from(area.height));
    if below > 0 {
        let text = format!("{} {below} unread below", theme.signs.more_below);
        put(
            buf,
            area,
            area.height - 1,
            &line(wrap::fit(&text, cells, theme.signs.cut), theme.count()),
        );
    }
    cursor
}

fn unread_below(state: &State, rows: &[Row], from: usize) -> usize {
    let unread = |row: &&Row| match row {
        Row::Entry(Entry::Contact(id)) => state.contacts.get(id).is_some_and(|c| c.unread > 0),
        _ => false,
    };
    rows.iter().skip(from).filter(unread).count()
}

fn entry_line(
    state: &State,
    theme: Theme,
    entry: Entry,
    cells: usize,
    chosen: bool,
) -> Line<'static> {
    let mut line = match entry {
        Entry::Contact(id) => contact_line(state, theme, id, cells),
        Entry::Request(id) => request_line(state, theme, id, cells),
    };
    if chosen {
        line.style = theme.chosen();
        let missing = cells.saturating_sub(line.width());
        line.push_span(Span::raw(" ".repeat(missing)));
    }
    line
}

fn contact_line(
    state: &State,
    theme: Theme,
    id: twocan_proto::identity::PeerId,
    cells: usize,
) -> Line<'static> {
    let Some(contact) = state.contacts.get(&id) else {
        return Line::default();
    };
    let in_call = [state.calls.active(), state.calls.incoming()]
        .into_iter()
        .flatten()
        .any(|c| c.call.contact == id);
    let (note, note_style) = if in_call {
        ("call".to_owned(), theme.warn())
    } else if contact.unread > 0 {
        let style = if contact.muted {
            theme.dim()
        } else {
            theme.count()
        };
        (contact.unread.min(999).to_string(), style)
    } else if contact.muted {
        ("muted".to_owned(), theme.dim())
    } else if contact.relation == Relation::Asked {
        ("asked".to_owned(), theme.dim())
    } else {
        (String::new(), theme.dim())
    };
    let (presence, presence_style) = presence(contact, theme);
    let (trust, trust_style) = trust(contact.trust, theme);
    let open = state.open == Some(id);
    let room = cells.saturating_sub(2 + wrap::width(&note) + 1 + 2);
    let name = wrap::fit(&contact.alias, room, theme.signs.cut);
    let name_style = if open {
        theme.chosen()
    } else if contact.unread > 0 {
        theme.heading()
    } else if contact.online {
        theme.text()
    } else {
        theme.dim()
    };
    Line::from(vec![
        span(format!("{presence} "), presence_style),
        span(name, name_style),
        span(format!(" {note} "), note_style),
        span(trust, trust_style),
    ])
}

fn request_line(state: &State, theme: Theme, id: Uuid, cells: usize) -> Line<'static> {
    let from = state
        .requests
        .iter()
        .find(|r| r.request == id)
        .map_or("", |r| r.from.as_str());
    let text = format!("? {from} asks");
    line(wrap::truncate(&text, cells, theme.signs.cut), theme.warn())
}
