//! The list of registries, and our account at one of them.

use std::iter;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use twocan_peer::api::{AccountInfo, RegistryInfo, RegistryState, Visibility};
use twocan_proto::registry_url::RegistryUrl;

use super::draw::{self, line, put_all, span, time};
use super::theme::Theme;
use super::window::{head, inner_cells, picker, window};
use super::wrap;
use crate::app::{State, registry_word};

/// Widest that both windows become.
const WIDTH: u16 = 78;

/// Draws the list.
pub(super) fn draw(state: &State, selected: usize, theme: Theme, buf: &mut Buffer, room: Rect) {
    let hint = "Enter account  Esc close";
    let inner = window(buf, theme, room, "REGISTRIES", hint, (WIDTH, 18));
    let known = state.me.as_ref().map_or(&[][..], |me| &me.registries);
    let keys = "i sign in  o sign out  b lobby  f forgot the password";
    let list = head(buf, theme, inner, keys);
    if known.is_empty() {
        let text = "No registry yet. i or /signin brings you into one: a small server where people find each other by name.";
        let below = Rect {
            y: list.y + 1,
            height: list.height.saturating_sub(1),
            ..list
        };
        let rows = draw::paragraph(text, usize::from(inner.width), "", theme.text());
        put_all(buf, below, &rows);
        return;
    }
    let line_of = |at: usize, cells| known.get(at).map(|known| row(known, theme, cells));
    picker(buf, theme, list, known.len(), selected, line_of);
    // Why it stands as it does, below the list.
    let Some(reason) = known.get(selected).and_then(|known| known.reason.as_ref()) else {
        return;
    };
    let rows = draw::paragraph(reason, usize::from(list.width), "", theme.warn());
    let height = u16::try_from(rows.len()).unwrap_or(list.height);
    let above = list.height.saturating_sub(height);
    let below = Rect {
        y: list.y + above,
        height: list.height - above,
        ..list
    };
    if usize::from(above) > known.len() {
        put_all(buf, below, &rows);
    }
}

fn state_style(state: RegistryState, theme: Theme) -> Style {
    match state {
        RegistryState::SignedIn => theme.good(),
        RegistryState::SignedOut | RegistryState::Connecting => theme.dim(),
        RegistryState::Unreachable | RegistryState::ShuttingDown => theme.warn(),
        RegistryState::Refused | RegistryState::Outdated | RegistryState::Banned => theme.bad(),
    }
}

fn row(known: &RegistryInfo, theme: Theme, cells: usize) -> Line<'static> {
    let word = registry_word(known.state);
    let name = known.username.as_deref().unwrap_or_default();
    let word = wrap::truncate(word, cells / 2, theme.signs.cut);
    let left = cells.saturating_sub(wrap::width(&word) + 1);
    let who = match name {
        "" => known.registry.address().to_string(),
        name => format!("{name}@{}", known.registry.address()),
    };
    Line::from(vec![
        span(
            format!("{} ", wrap::fit(&who, left, theme.signs.cut)),
            theme.text(),
        ),
        span(word, state_style(known.state, theme)),
    ])
}

/// Draws the account.
pub(super) fn account(
    state: &State,
    registry: &RegistryUrl,
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) {
    let cells = inner_cells(room, WIDTH);
    let rows = match state.account_at(registry) {
        Some(info) => lines(state, registry, info, theme, cells),
        None => vec![line("Asking the registry.", theme.dim())],
    };
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX);
    let inner = window(buf, theme, room, "ACCOUNT", "Esc close", (WIDTH, height));
    put_all(buf, inner, &rows);
}

fn lines(
    state: &State,
    registry: &RegistryUrl,
    info: &AccountInfo,
    theme: Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    let profile = &info.profile;
    let seen = match info.visibility {
        Visibility::Listed => "everybody who may read the list",
        Visibility::Contacts => "who has your link, nobody else",
    };
    let email = info.email.as_ref().map(|email| email.as_str().to_owned());
    let phone = info.phone.as_ref().map(|phone| phone.as_str().to_owned());
    let since = time(info.created_at, &state.zone, "%d %b %Y");
    let told = [
        (
            "account",
            Some(format!(
                "{} ({})",
                info.username.as_str(),
                info.role.as_str()
            )),
        ),
        ("registry", Some(registry.address().to_string())),
        ("since", Some(since)),
        ("found by", Some(seen.to_owned())),
        (
            "e-mail",
            Some(email.unwrap_or_else(|| "none: a forgotten password stays so".to_owned())),
        ),
        ("phone", phone),
        ("name", profile.display_name.clone()),
        ("status", profile.status.clone()),
    ];
    let mut rows: Vec<Line<'static>> = told
        .into_iter()
        .filter_map(|(label, text)| text.map(|text| pair(label, &text, theme, cells)))
        .flatten()
        .collect();
    for field in &profile.fields {
        rows.extend(pair(&field.name, &field.value, theme, cells));
    }
    rows.push(Line::default());
    let keys = [
        ("p", "password"),
        ("e", "e-mail"),
        ("v", "who finds it"),
        ("c", "card"),
        ("d", "delete"),
    ];
    let mut row = Line::default();
    for (key, does) in keys {
        if row.width() > 0 && row.width() + does.len() + 2 > cells {
            rows.push(std::mem::take(&mut row));
        }
        row.spans.push(span(key, theme.key()));
        row.spans.push(span(format!(" {does}   "), theme.text()));
    }
    rows.push(row);
    rows
}

/// A label with its text, which takes as many rows as it needs.
fn pair(label: &str, text: &str, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    const LABEL: usize = 11;
    let label = format!("{} ", wrap::fit(label, LABEL - 1, theme.signs.cut));
    let labels = iter::once(label).chain(iter::repeat(" ".repeat(LABEL)));
    let rows = draw::paragraph(text, cells.saturating_sub(LABEL), "", theme.text());
    labels
        .zip(rows)
        .map(|(label, mut row)| {
            row.spans.insert(0, span(label, theme.dim()));
            row
        })
        .collect()
}
