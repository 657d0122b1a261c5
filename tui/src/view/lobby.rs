//! The lobby of a registry: what was said, who is there, and a line to write.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use twocan_peer::api::{LobbyUser, Role};
use twocan_proto::registry_url::RegistryUrl;

use super::draw::{self, line, put, put_all, rule, span, time};
use super::field::typed;
use super::theme::Theme;
use super::window::window;
use super::wrap;
use crate::app::State;
use crate::app::editor::Editor;
use crate::app::lobby::Lobby;

/// From this width on, who is there stands beside what was said.
const BESIDE: u16 = 60;
/// Cells of the column of users.
const USERS: u16 = 22;

/// Draws the room; returns where the cursor stands.
pub(super) fn draw(
    state: &State,
    (registry, draft, up): (&RegistryUrl, &Editor, usize),
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) -> Option<Position> {
    let title = format!("LOBBY of {}", registry.address());
    let hint = "/leave goes  Esc stays in";
    let inner = window(buf, theme, room, &title, hint, (104, room.height));
    let empty = Lobby::default();
    let lobby = state.lobbies.get(registry).unwrap_or(&empty);
    let mut said = Rect {
        height: inner.height.saturating_sub(2),
        ..inner
    };
    if inner.width >= BESIDE {
        said.width -= USERS + 1;
        let users = Rect {
            x: inner.right() - USERS,
            width: USERS,
            ..said
        };
        put_all(buf, users, &people(&lobby.users, theme, usize::from(USERS)));
    } else {
        let text = format!("{} here: {}", lobby.users.len(), names(&lobby.users));
        let cells = usize::from(inner.width);
        put(
            buf,
            inner,
            0,
            &line(wrap::truncate(&text, cells, theme.signs.cut), theme.dim()),
        );
        said.y += 1;
        said.height = said.height.saturating_sub(1);
    }
    let rows = rows(state, lobby, theme, usize::from(said.width).max(1));
    let height = usize::from(said.height);
    let last = rows.len().saturating_sub(height);
    put_all(buf, said, &rows[last.saturating_sub(up)..]);
    foot(state, lobby, theme, buf, inner);
    let y = inner.height.saturating_sub(1);
    let last = Rect {
        y: inner.y + y,
        height: inner.height - y,
        ..inner
    };
    let label = span("> ", theme.accent());
    Some(typed(buf, last, label, draft, theme.text()))
}

/// Who writes something, in the rule above the line to write in.
fn foot(state: &State, lobby: &Lobby, theme: Theme, buf: &mut Buffer, inner: Rect) {
    let typing = lobby
        .typing
        .as_ref()
        .filter(|(_, until)| *until > state.now);
    let text = typing.map_or_else(String::new, |(who, _)| format!("{who} is typing"));
    let y = inner.height.saturating_sub(2);
    put(buf, inner, y, &rule(theme, usize::from(inner.width), &text));
}

fn rows(state: &State, lobby: &Lobby, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    for said in &lobby.lines {
        let at = time(said.at, &state.zone, "%H:%M");
        let (text, style) = match &said.user {
            Some(user) => (format!("{at} {user}: {}", said.text), theme.text()),
            None => (format!("{at} {}", said.text), theme.dim()),
        };
        for part in text.split('\n') {
            rows.extend(draw::paragraph(part, cells, "", style));
        }
    }
    if rows.is_empty() {
        let text = "Whatever is said here is heard by everybody here, passes through the registry, and is kept by nobody.";
        rows.extend(draw::paragraph(text, cells, "", theme.dim()));
    }
    rows
}

fn names(users: &[LobbyUser]) -> String {
    let names: Vec<_> = users.iter().map(|user| user.username.as_str()).collect();
    names.join(", ")
}

fn people(users: &[LobbyUser], theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let mut rows = vec![line(format!("{} here", users.len()), theme.heading())];
    for user in users {
        let mark = match (user.muted, user.role) {
            (true, _) => " (muted)",
            (_, Role::Admin) => " (admin)",
            (_, Role::Guest) => " (guest)",
            _ => "",
        };
        let style = if user.online {
            theme.text()
        } else {
            theme.dim()
        };
        let text = format!("{}{mark}", user.username.as_str());
        rows.push(line(wrap::truncate(&text, cells, theme.signs.cut), style));
    }
    rows
}
