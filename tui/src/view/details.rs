//! The pane beside the conversation: the call if there is one, else who the
//! conversation is with.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::call_log::recent;
use super::draw::{ago, line, put_all, span};
use super::theme::Theme;
use super::words::{path_word, presence_word, relation_word, trust, trust_word};
use super::{calls, draw};
use crate::app::{State, registry_word};
use crate::input::action::Action;

/// Draws the pane.
pub(crate) fn draw_pane(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    if area.area() == 0 {
        return;
    }
    if let Some(call) = state.calls.active() {
        calls::draw_panel(state, call, theme, buf, area);
    } else {
        put_all(buf, area, &lines(state, theme, usize::from(area.width)));
    }
}

/// What is known about the open contact.
pub(crate) fn lines(state: &State, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(contact) = state.open_contact() else {
        return yourself(state, theme, cells);
    };
    let row = |label: &str, value: &str| {
        Line::from(vec![
            span(format!("{label:<9}"), theme.dim()),
            span(value, theme.text()),
        ])
    };
    let mut lines = vec![line("DETAILS", theme.dim()), Line::default()];
    lines.push(line(&contact.alias, theme.name(contact.peer_id)));
    if !contact.name.is_empty() && contact.name != contact.alias {
        lines.push(row("is", &contact.name));
    }
    lines.push(row("id", &contact.peer_id.short()));
    let (sign, style) = trust(contact.trust, theme);
    lines.push(line(format!("{sign} {}", trust_word(contact.trust)), style));
    if let Some(relation) = relation_word(contact) {
        lines.push(line(relation, theme.warn()));
    }
    lines.push(Line::default());
    lines.push(row("now", presence_word(contact)));
    if !contact.status.is_empty() {
        lines.extend(draw::paragraph(&contact.status, cells, "  ", theme.text()));
    }
    if !contact.group.is_empty() {
        lines.push(row("group", &contact.group));
    }
    for (on, what) in [
        (contact.favourite, "a favourite"),
        (contact.muted, "muted: nothing rings"),
    ] {
        if on {
            lines.push(line(what, theme.dim()));
        }
    }
    lines.push(row("path", contact.path.map_or("no link", path_word)));
    if let (false, Some(seen)) = (contact.online, contact.last_seen) {
        let seen = match ago(seen, state.now) {
            now if now == "now" => now,
            time => format!("{time} ago"),
        };
        lines.push(row("seen", &seen));
    }
    if contact.waiting > 0 {
        lines.push(row("waiting", &format!("{} messages", contact.waiting)));
        let text = "They go out when both of you are there.";
        lines.extend(draw::paragraph(text, cells, "", theme.dim()));
    }
    for name in &contact.registry_names {
        lines.push(row("known as", name));
    }
    lines.push(Line::default());
    let call = state.ways(&[(Action::Call, "call")]);
    let whois = state.ways(&[(Action::Whois, "whois")]);
    for text in [
        &format!("{call:<15} {whois}"),
        &state.ways(&[(Action::Verify, "verify")]),
        "/alias /group /favourite /silence",
        "/block /remove /file",
    ] {
        lines.push(line(text, theme.dim()));
    }
    lines.extend(recent(state, contact.peer_id, theme, cells));
    lines
}

fn yourself(state: &State, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(me) = &state.me else {
        return Vec::new();
    };
    let mut lines = vec![
        line("YOU", theme.dim()),
        Line::default(),
        line(&me.name, theme.me()),
    ];
    lines.push(line(format!("id {}", me.peer_id.short()), theme.text()));
    lines.push(Line::default());
    for address in &me.listen {
        lines.push(line(format!("listening {address}"), theme.dim()));
    }
    for known in &me.registries {
        let name = known.username.as_deref().unwrap_or("nobody");
        let state = registry_word(known.state);
        let text = format!("registry {}: {name}, {state}", known.registry.address());
        lines.extend(draw::paragraph(&text, cells, "", theme.dim()));
    }
    lines
}
