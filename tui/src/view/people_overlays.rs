//! Keys to compare and to decide about, and who is near.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use twocan_proto::identity::PeerId;

use super::draw::{self, line, put_all, span};
use super::theme::Theme;
use super::window::window;
use super::wrap;
use crate::app::State;

/// What to compare with a contact: digits and words, the same on both screens.
pub(super) fn verify(state: &State, id: PeerId, theme: Theme, buf: &mut Buffer, room: Rect) {
    let inner = window(buf, theme, room, "VERIFY", "Esc close", (78, 17));
    let cells = usize::from(inner.width);
    let name = state.name_of(id);
    let text = format!(
        "Compare with {name}, on a call where you know the voice or side by side: the digits or the words. If they are the same on both screens, nobody stands between you."
    );
    let lead = draw::paragraph(&text, cells, "", theme.text());
    let mut rows = vec![Line::default()];
    match state.safety.as_ref().filter(|(of, _)| *of == id) {
        Some((_, safety)) => {
            let digits: Vec<&str> = safety.digits.split(' ').collect();
            let a_row = if cells >= 42 { 6 } else { 4 };
            rows.extend(chunks(&digits, a_row, 5, theme));
            rows.push(Line::default());
            let (a_row, wide) = if cells >= 60 { (4, 12) } else { (3, 9) };
            rows.extend(chunks(&safety.words, a_row, wide, theme));
        }
        None => rows.push(line("Making the safety number.", theme.dim())),
    }
    rows.push(Line::default());
    rows.push(Line::from(vec![
        span("y", theme.key()),
        span(" the same: mark as verified   ", theme.text()),
        span("Esc", theme.key()),
        span(" later", theme.text()),
    ]));
    // Where not all fits, what to compare goes before how.
    if lead.len() + rows.len() <= usize::from(inner.height) {
        rows.splice(0..0, lead);
    } else {
        rows.remove(0);
    }
    put_all(buf, inner, &rows);
}

/// `a_row` parts in each row, each in as many `cells`.
fn chunks(parts: &[&str], a_row: usize, cells: usize, theme: Theme) -> Vec<Line<'static>> {
    let row = |some: &[&str]| {
        let some: Vec<String> = some.iter().map(|p| wrap::fit(p, cells, "")).collect();
        line(format!("  {}", some.join(" ").trim_end()), theme.heading())
    };
    parts.chunks(a_row).map(row).collect()
}

/// The known key and the one that is shown now, and the two ways to go on.
pub(super) fn key_changed(state: &State, id: PeerId, theme: Theme, buf: &mut Buffer, room: Rect) {
    let inner = window(
        buf,
        theme,
        room,
        "ANOTHER KEY",
        "Esc decide later",
        (78, 19),
    );
    let cells = usize::from(inner.width);
    let name = state.name_of(id);
    let Some(new) = state.contacts.get(&id).and_then(|c| c.new_key) else {
        return put_all(
            buf,
            inner,
            &[line("The key is the known one again.", theme.text())],
        );
    };
    let text = format!(
        "{name} shows another key. A new machine, or somebody in between: ask over another way. Nothing goes out until you decide."
    );
    let mut rows = draw::paragraph(&text, cells, "", theme.text());
    rows.push(Line::default());
    rows.extend(side_by_side(id, new, cells, theme));
    rows.push(Line::default());
    for (key, what) in [
        ("k", " keep the known key, and refuse the new one"),
        ("n", " the new key is right: go on with it"),
    ] {
        rows.push(Line::from(vec![
            span(key, theme.key()),
            span(what, theme.text()),
        ]));
    }
    let surplus = rows.len().saturating_sub(usize::from(inner.height));
    put_all(buf, inner, &rows[surplus..]);
}

fn side_by_side(known: PeerId, new: PeerId, cells: usize, theme: Theme) -> Vec<Line<'static>> {
    let (known, new) = (known.to_string(), new.to_string());
    // Two columns of as many groups of four as fit, with a gap between.
    let column = cells / 2;
    let a_row = (column.saturating_sub(2) / 5).clamp(1, 4);
    let groups = |text: &str| -> Vec<String> {
        let groups: Vec<&str> = text.split('-').collect();
        groups.chunks(a_row).map(|c| c.join(" ")).collect()
    };
    let (left, right) = (groups(&known), groups(&new));
    let both = |left: &str, right: &str| {
        let left = wrap::fit(left, column, "");
        format!("{left}{right}")
    };
    let mut rows = vec![line(both("  known", "shown now"), theme.heading())];
    for at in 0..left.len().max(right.len()) {
        let part = |of: &[String]| of.get(at).cloned().unwrap_or_default();
        let text = both(&format!("  {}", part(&left)), &part(&right));
        rows.push(line(text, theme.text()));
    }
    rows
}

/// One line of the people nearby.
pub(super) fn near(state: &State, at: usize, cells: usize, theme: Theme) -> Option<Line<'static>> {
    let near = state.nearby.get(at)?;
    let name = match (near.is_contact, near.name.as_str()) {
        (true, _) => format!("{} (a contact)", state.name_of(near.peer_id)),
        (false, "") => "no name told".to_owned(),
        (false, name) => name.to_owned(),
    };
    let address = near.addresses.first().map(ToString::to_string);
    let name = wrap::fit(&name, (cells / 3).max(12), theme.signs.cut);
    let rest = format!(" {} {}", near.peer_id.short(), address.unwrap_or_default());
    let rest = wrap::truncate(
        &rest,
        cells.saturating_sub(wrap::width(&name)),
        theme.signs.cut,
    );
    Some(Line::from(vec![
        span(name, theme.name(near.peer_id)),
        span(rest, theme.dim()),
    ]))
}
