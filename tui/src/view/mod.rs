//! The screen as a function of the state. Reads, never writes: whatever it
//! shows was decided in update().

mod audio;
mod call_log;
mod calls;
mod candidates;
mod composer;
mod details;
pub(crate) mod draw;
mod field;
mod first_run;
mod help;
pub(crate) mod layout;
mod list;
mod lobby;
pub(crate) mod marks;
pub(crate) mod markup;
mod message_overlays;
pub(crate) mod messages;
mod overlays;
mod people_overlays;
mod qr;
mod registries;
mod search;
mod settings;
mod status;
pub(crate) mod theme;
mod transfers;
mod which_key;
mod window;
pub(crate) mod words;
pub(crate) mod wrap;

pub(crate) use self::help::palette;
pub(crate) use self::list::{Row, row_at};

#[cfg(test)]
pub(crate) mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use uuid::Uuid;

use self::draw::{column, line, put, put_all, rule};
use self::layout::{Layout, Panes, layout};
use self::messages::Canvas;
use self::theme::Theme;
use crate::app::State;
use crate::input::action::Action;

/// Draws everything; returns where the cursor stands, if it is shown.
pub(crate) fn screen(state: &State, buf: &mut Buffer) -> Option<Position> {
    let theme = Theme::of(state.look);
    let panes = match layout(state) {
        Layout::Tiny(area) => {
            tiny(state, theme, buf, area);
            return None;
        }
        Layout::Panes(panes) => panes,
    };
    let area = buf.area;
    let mut cursor = None;
    if let Some(first_run) = &state.first_run {
        cursor = first_run::draw(state, first_run, theme, buf, area);
    } else {
        cursor = main_view(state, theme, buf, &panes).or(cursor);
    }
    if let Some(overlay) = &state.overlay {
        // The status line stays: it says whether the microphone is live.
        let room = Rect {
            height: area.height.saturating_sub(1),
            ..area
        };
        cursor = overlays::draw(state, overlay, theme, buf, room);
    }
    if state.first_run.is_some() || state.overlay.is_some() {
        calls::banner(state, theme, buf, panes.top);
    }
    which_key::draw(state, theme, buf, panes.status);
    status::bottom(state, theme, buf, panes.status);
    cursor.filter(|c| area.contains(*c))
}

/// The notice of a screen that is divided like this.
pub(crate) fn notice(state: &State, panes: &Panes) -> Buffer {
    let mut notice = Buffer::empty(panes.notice);
    status::notice(state, Theme::of(state.look), &mut notice, panes.notice);
    notice
}

/// The composer of a screen that is divided like this, and where the cursor
/// stands.
pub(crate) fn composer(state: &State, panes: &Panes) -> (Buffer, Option<Position>) {
    let mut composer = Buffer::empty(panes.writing());
    let cursor = composer::draw(state, Theme::of(state.look), &mut composer, panes);
    (composer, cursor)
}

/// List, conversation, composer, details.
fn main_view(state: &State, theme: Theme, buf: &mut Buffer, panes: &Panes) -> Option<Position> {
    status::top(state, theme, buf, panes);
    put(
        buf,
        panes.top_rule,
        0,
        &rule(theme, usize::from(panes.top_rule.width), ""),
    );
    column(buf, theme, panes.list_rule);
    column(buf, theme, panes.details_rule);
    let list_cursor = list::draw(state, theme, buf, panes.list);
    details::draw_pane(state, theme, buf, panes.details);
    status::header(state, theme, buf, panes.header);
    calls::ringing(state, theme, buf, panes.ringing);
    calls::strip(state, theme, buf, panes.strip);
    conversation(state, theme, buf, panes);
    transfers::strip(state, theme, buf, panes.files);
    status::notice(state, theme, buf, panes.notice);
    let under = panes.composer_rule;
    put(buf, under, 0, &rule(theme, usize::from(under.width), ""));
    let cursor = composer::draw(state, theme, buf, panes);
    candidates::draw(state, theme, buf, panes);
    list_cursor.or(cursor)
}

fn conversation(state: &State, theme: Theme, buf: &mut Buffer, panes: &Panes) {
    let area = panes.messages;
    match Canvas::of(state, panes.message_cells()) {
        Some(canvas) => put_all(buf, area, &canvas.visible(usize::from(area.height))),
        None => put_all(
            buf,
            area,
            &how_to_go_on(state, theme, usize::from(area.width)),
        ),
    }
}

/// The message at row `y` of the conversation on the screen.
pub(crate) fn message_at(state: &State, panes: &Panes, y: u16) -> Option<Uuid> {
    let canvas = Canvas::of(state, panes.message_cells())?;
    let height = usize::from(panes.messages.height);
    canvas.message_at(height, usize::from(y)).map(|m| m.id)
}

/// What an empty main view says.
fn how_to_go_on(state: &State, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let lead = match (state.requests.first(), state.contacts.is_empty()) {
        (Some(request), _) => format!(
            "A contact request from {}: /accept or /reject",
            request.from
        ),
        (None, true) => "Nobody here yet. Ways to meet somebody:".to_owned(),
        (None, false) => {
            let keys = [Action::Jump, Action::FocusList].map(|action| state.key_of(action));
            let known = keys.into_iter().filter(|key| !key.is_empty());
            let keys = known.collect::<Vec<_>>().join(" or ");
            format!("Choose somebody with {keys}, or meet somebody new:")
        }
    };
    let mut lines = vec![Line::default()];
    lines.extend(draw::paragraph(&lead, cells, " ", theme.heading()));
    lines.push(Line::default());
    let commands = state.ways(&[(Action::Palette, "all commands")]);
    for (what, does) in [
        ("/invite", "your link, for a friend"),
        ("/add WHO", "asks by name or link"),
        ("/connect HOST", "goes to an address"),
        ("/signin", "signs in at a registry"),
        (
            &state.ways(&[(Action::Help, "")]),
            &format!("help; {commands}"),
        ),
    ] {
        let does = wrap::truncate(does, cells.saturating_sub(17), theme.signs.cut);
        lines.push(Line::from(vec![
            draw::span(format!("   {what:<13} "), theme.key()),
            draw::span(does, theme.text()),
        ]));
    }
    lines
}

/// What fits into windows too small for anything: the call first.
fn tiny(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let mut texts = Vec::new();
    if let Some(call) = state.calls.incoming() {
        texts.push(format!("CALL {}", state.name_of(call.call.contact)));
        texts.push("^Xa answer".to_owned());
        texts.push("^Xr decline".to_owned());
    } else if let Some(call) = state.calls.active() {
        let time = crate::app::calls::duration(call.seconds(state.now));
        texts.push(format!("{} {time}", call.mic_word()));
        texts.push(state.name_of(call.call.contact));
    } else {
        texts.push(format!("twocan: {} unread", state.contacts.unread()));
        texts.extend(state.open.map(|id| state.name_of(id)));
    }
    if texts.len() > usize::from(area.height) {
        texts = vec![texts.join(" ")];
    }
    let loud = !state.calls.is_empty();
    for (row, text) in (0..).zip(&texts) {
        let style = if loud && row == 0 {
            theme.alert()
        } else {
            theme.text()
        };
        let text = wrap::truncate(text, usize::from(area.width), "");
        put(buf, area, row, &line(text, style));
    }
    let below = u16::try_from(texts.len()).unwrap_or(u16::MAX);
    let text = wrap::truncate("enlarge this window", usize::from(area.width), "");
    put(buf, area, below, &line(text, theme.dim()));
}
