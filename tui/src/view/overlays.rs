//! What lies over the main view.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::draw::{self, line, put, put_all, span, time};
use super::field::filter_line;
use super::theme::Theme;
use super::window::{head, picker, window};
use super::words::level_style;
use super::{
    audio, call_log, calls, field, help, lobby, message_overlays, people_overlays, qr, registries,
    search, settings, transfers, wrap,
};
use crate::app::State;
use crate::app::overlay::{Confirm, Overlay, Page};
use crate::app::update::pick;
use crate::input::action::info;

/// Draws the overlay; returns where the cursor stands.
pub(crate) fn draw(
    state: &State,
    overlay: &Overlay,
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) -> Option<Position> {
    match overlay {
        Overlay::Help { filter, scroll } => {
            let inner = window(buf, theme, room, "HELP", "Esc close", (104, room.height));
            let rows = help::rows(
                &state.keymap,
                filter.text(),
                usize::from(inner.width),
                theme,
            );
            let list = Rect {
                y: inner.y + 1,
                height: inner.height.saturating_sub(1),
                ..inner
            };
            let most = rows.len().saturating_sub(usize::from(list.height));
            put_all(buf, list, &rows[(*scroll).min(most)..]);
            Some(filter_line(buf, theme, inner, "type to filter:", filter))
        }
        Overlay::Palette { filter, selected } => {
            let inner = window(buf, theme, room, "COMMANDS", "Enter does it", (76, 24));
            let found = help::palette(&state.keymap, filter.text());
            let at = |i: usize| found.get(i).and_then(|action| info(*action));
            let line_of =
                |i: usize, cells| Some(help::palette_line(&state.keymap, at(i)?, cells, theme));
            let list = Rect {
                height: inner.height.saturating_sub(1),
                ..inner
            };
            picker(buf, theme, list, found.len(), *selected, line_of);
            if let Some(info) = at((*selected).min(found.len().saturating_sub(1))) {
                let example = help::palette_example(info, usize::from(inner.width), theme);
                put(buf, inner, list.height, &example);
            }
            Some(filter_line(buf, theme, inner, ">", filter))
        }
        Overlay::Jump { filter, selected } => {
            let inner = window(buf, theme, room, "JUMP TO", "Enter opens", (50, 16));
            let found = pick::contacts(state, filter.text());
            let line_of = |i: usize, cells| {
                found.get(i).map(|id| {
                    let name = wrap::fit(&state.name_of(*id), cells, theme.signs.cut);
                    line(name, theme.name(*id))
                })
            };
            picker(buf, theme, inner, found.len(), *selected, line_of);
            if !state.contacts_loaded {
                put(buf, inner, 1, &line("Reading the contacts.", theme.dim()));
            }
            Some(filter_line(buf, theme, inner, ">", filter))
        }
        Overlay::Earlier { filter, selected } => {
            let hint = "Enter writes it again";
            let inner = window(buf, theme, room, "EARLIER INPUT", hint, (76, 16));
            let found = pick::earlier(state, filter.text());
            let line_of = |i: usize, cells| {
                let text = found.get(i)?.replace('\n', " ");
                let text = wrap::truncate(&text, cells, theme.signs.cut);
                Some(line(text, theme.text()))
            };
            picker(buf, theme, inner, found.len(), *selected, line_of);
            Some(filter_line(buf, theme, inner, ">", filter))
        }
        Overlay::Page(page) => {
            self::page(page, theme, buf, room);
            None
        }
        Overlay::Log { up } => {
            log(state, *up, theme, buf, room);
            None
        }
        Overlay::Confirm(confirm) => {
            question(confirm, theme, buf, room);
            None
        }
        Overlay::Suspend => {
            suspend(theme, buf, room);
            None
        }
        Overlay::Links { links, selected } => {
            let inner = window(buf, theme, room, "LINKS", "Enter opens", (78, 12));
            let line_of = |i: usize, cells| {
                let link = links.get(i)?;
                let text = format!("{} {link}", i + 1);
                Some(line(
                    wrap::truncate(&text, cells, theme.signs.cut),
                    theme.text(),
                ))
            };
            picker(buf, theme, inner, links.len(), *selected, line_of);
            None
        }
        Overlay::Request(id) => {
            request(state, *id, theme, buf, room);
            None
        }
        Overlay::Verify(id) => {
            people_overlays::verify(state, *id, theme, buf, room);
            None
        }
        Overlay::KeyChanged(id) => {
            people_overlays::key_changed(state, *id, theme, buf, room);
            None
        }
        Overlay::Transfers { selected } => {
            transfers::draw(state, *selected, theme, buf, room);
            None
        }
        Overlay::Nearby { selected } => {
            let hint = "Enter adds  Esc close";
            let inner = window(buf, theme, room, "IN THE LOCAL NETWORK", hint, (78, 18));
            let line_of = |i: usize, cells| people_overlays::near(state, i, cells, theme);
            let text = "Names here are what they call themselves; nobody has proven anything yet.";
            let list = head(buf, theme, inner, text);
            picker(buf, theme, list, state.nearby.len(), *selected, line_of);
            None
        }
        Overlay::Delete { id, mine } => {
            message_overlays::delete(state, *id, *mine, theme, buf, room);
            None
        }
        Overlay::React(react) => message_overlays::react(state, react, theme, buf, room),
        Overlay::Search(search) => Some(search::draw(state, search, theme, buf, room)),
        Overlay::Settings(list) => settings::draw(list, theme, buf, room),
        Overlay::CallLog { selected } => {
            call_log::draw(state, *selected, theme, buf, room);
            None
        }
        Overlay::Audio { side, selected } => {
            audio::draw(state, (*side, *selected), theme, buf, room);
            None
        }
        Overlay::CallStats => {
            calls::draw_stats(state, theme, buf, room);
            None
        }
        Overlay::Registries { selected } => {
            registries::draw(state, *selected, theme, buf, room);
            None
        }
        Overlay::Lobby {
            registry,
            draft,
            up,
        } => lobby::draw(state, (registry, draft, *up), theme, buf, room),
        Overlay::Account(registry) => {
            registries::account(state, registry, theme, buf, room);
            None
        }
        Overlay::Form(form) => {
            let height = u16::try_from(form.fields.len() * 2 + 5).unwrap_or(u16::MAX);
            let size = (72, height);
            let inner = window(buf, theme, room, form.title(), "Esc close", size);
            field::form(form, theme, buf, inner)
        }
    }
}

/// Text to read, with a QR code below it where it fits.
fn page(page: &Page, theme: Theme, buf: &mut Buffer, room: Rect) {
    let hint = if page.copy.is_some() {
        "c copy  Esc close"
    } else {
        "Esc close"
    };
    let code = page.qr.as_deref().map(|text| qr::lines(text, theme));
    let code = code.unwrap_or_default();
    let widest = code.first().map_or(0, Line::width);
    let width = room
        .width
        .min(92)
        .max(u16::try_from(widest + 4).unwrap_or(0).min(room.width));
    let cells = usize::from(width.saturating_sub(4)).max(1);
    let mut rows: Vec<Line<'static>> = Vec::new();
    for text in &page.lines {
        let hung = wrap::hanging(text, cells).into_iter();
        rows.extend(hung.map(|row| line(row, theme.text())));
    }
    let fits = rows.len() + code.len() + 3 <= usize::from(room.height) && widest <= cells;
    if page.qr.is_some() {
        if fits && !code.is_empty() {
            rows.push(Line::default());
            rows.extend(code);
        } else {
            rows.push(line(
                "The window is too small for the QR code.",
                theme.dim(),
            ));
        }
    }
    let height = u16::try_from(rows.len() + 2)
        .unwrap_or(u16::MAX)
        .min(room.height);
    let inner = window(buf, theme, room, &page.title, hint, (width, height));
    let most = rows.len().saturating_sub(usize::from(inner.height));
    put_all(buf, inner, &rows[page.scroll.min(most)..]);
}

fn log(state: &State, up: usize, theme: Theme, buf: &mut Buffer, room: Rect) {
    let inner = window(buf, theme, room, "LOG", "Esc close", (100, room.height));
    let cells = usize::from(inner.width);
    let mut rows = Vec::new();
    for notice in &state.log {
        let text = format!(
            "{} {}",
            time(notice.at, &state.zone, "%H:%M:%S"),
            notice.text
        );
        rows.extend(draw::paragraph(
            &text,
            cells,
            "",
            level_style(notice.level, theme),
        ));
    }
    if rows.is_empty() {
        rows.push(line("Nothing has been said yet.", theme.dim()));
    }
    let height = usize::from(inner.height);
    let from = rows.len().saturating_sub(height).saturating_sub(up);
    put_all(buf, inner, &rows[from..]);
}

fn question(confirm: &Confirm, theme: Theme, buf: &mut Buffer, room: Rect) {
    let cells = usize::from(room.width.min(64)).saturating_sub(4);
    let mut rows = draw::paragraph(&confirm.question, cells, "", theme.heading());
    rows.push(Line::default());
    rows.push(Line::from(vec![
        span("y", theme.key()),
        span(format!(" {}   ", confirm.yes), theme.text()),
        span("n", theme.key()),
        span(" no", theme.text()),
    ]));
    let height = u16::try_from(rows.len() + 2).unwrap_or(5);
    let inner = window(buf, theme, room, "QUESTION", "", (64, height));
    put_all(buf, inner, &rows);
}

/// What to do about the call when the program is to stop.
fn suspend(theme: Theme, buf: &mut Buffer, room: Rect) {
    let cells = usize::from(room.width.min(64)).saturating_sub(4);
    let text = "Suspending freezes the call: nobody hears anything until fg.";
    let mut rows = draw::paragraph(text, cells, "", theme.heading());
    rows.push(Line::default());
    for (key, what) in [
        ("s", "suspend"),
        ("h", "hang up, then suspend"),
        ("Esc", "stay"),
    ] {
        let key = span(format!("{key:>3} "), theme.key());
        rows.push(Line::from(vec![key, span(what, theme.text())]));
    }
    let height = u16::try_from(rows.len() + 2).unwrap_or(8);
    let inner = window(buf, theme, room, "SUSPEND", "", (64, height));
    put_all(buf, inner, &rows);
}

fn request(state: &State, id: uuid::Uuid, theme: Theme, buf: &mut Buffer, room: Rect) {
    let inner = window(buf, theme, room, "CONTACT REQUEST", "Esc later", (64, 14));
    let Some(request) = state.requests.iter().find(|r| r.request == id) else {
        put(buf, inner, 0, &line("This request is gone.", theme.dim()));
        return;
    };
    let cells = usize::from(inner.width);
    let mut rows = vec![
        line(
            format!("{} asks to become a contact.", request.from),
            theme.heading(),
        ),
        line(format!("id {}", request.peer_id.short()), theme.dim()),
        Line::default(),
    ];
    let note = if request.note.is_empty() {
        "No note came with it."
    } else {
        &request.note
    };
    rows.extend(draw::paragraph(note, cells, "  ", theme.text()));
    rows.push(Line::default());
    let text =
        "The name is what they call themselves. Nothing of theirs reaches you before you accept.";
    rows.extend(draw::paragraph(text, cells, "", theme.dim()));
    rows.push(Line::default());
    rows.push(Line::from(vec![
        span("a", theme.key()),
        span(" accept   ", theme.text()),
        span("r", theme.key()),
        span(" reject   ", theme.text()),
        span("Esc", theme.key()),
        span(" later", theme.text()),
    ]));
    put_all(buf, inner, &rows);
}
