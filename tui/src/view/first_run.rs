//! The first steps, each explained.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::draw::{self, line, put, put_all, put_ends, rule, span};
use super::field::{form, typed};
use super::marks::mark_row;
use super::theme::Theme;
use crate::app::State;
use crate::app::first_run::{FirstRun, PLACES, STEPS, Step};

const NAMES: [&str; STEPS] = ["Name", "Key", "Where friends find you", "Connect"];

/// Draws the step; returns where the cursor stands.
pub(crate) fn draw(
    state: &State,
    first_run: &FirstRun,
    theme: Theme,
    buf: &mut Buffer,
    area: Rect,
) -> Option<Position> {
    let number = first_run.step.number();
    let right = line(format!("step {number} of {STEPS} "), theme.dim());
    put_ends(
        buf,
        area,
        0,
        [&line(" twocan, first run", theme.heading()), &right],
        theme.signs.cut,
    );
    put(buf, area, 1, &rule(theme, usize::from(area.width), ""));
    let margin = if area.width >= 70 { 4 } else { 1 };
    let width = area.width.saturating_sub(2 * margin).min(84);
    let roomy = area.height >= 20;
    let top = if roomy { 3 } else { 2 };
    let mut body = Rect {
        x: area.x + margin,
        y: area.y + top.min(area.height),
        width,
        height: area.height.saturating_sub(top + 2),
    };
    if roomy {
        put_all(buf, body, &steps(state, first_run, theme));
        body.y += 6;
        body.height = body.height.saturating_sub(6);
    } else {
        let title = NAMES.get(number - 1).copied().unwrap_or_default();
        put(buf, body, 0, &line(title, theme.heading()));
        body.y += 1;
        body.height = body.height.saturating_sub(1);
    }
    step(state, first_run, theme, buf, body)
}

/// Keys that help at a step.
pub(crate) fn hints(step: Step) -> Vec<(&'static str, &'static str)> {
    const QUIT: (&str, &str) = ("Ctrl+C", "quit");
    match step {
        Step::Name => vec![("Enter", "next"), ("Esc", "skip all"), QUIT],
        Step::Key => vec![("Enter", "next"), ("Esc", "back"), QUIT],
        Step::Place => vec![("Up Down", "choose"), ("Enter", "next"), ("Esc", "back")],
        Step::Registry => vec![("Enter", "next"), ("Ctrl+S", "skip"), ("Esc", "back")],
        Step::Lan => vec![("Enter", "done"), ("c", "copy link"), ("Esc", "back")],
    }
}

/// The list of steps with what was chosen.
fn steps(state: &State, first_run: &FirstRun, theme: Theme) -> Vec<Line<'static>> {
    let now = first_run.step.number();
    let name = first_run.name.text().to_owned();
    let key = state
        .me
        .as_ref()
        .map(|m| m.peer_id.short())
        .unwrap_or_default();
    let place = PLACES.get(first_run.place).map_or("", |p| p.0).to_owned();
    let answers = [name, key, place, String::new()];
    let mut lines = Vec::new();
    for (at, (title, answer)) in NAMES.iter().zip(answers).enumerate() {
        let (mark, style) = match (at + 1).cmp(&now) {
            std::cmp::Ordering::Less => (theme.signs.done, theme.good()),
            std::cmp::Ordering::Equal => (theme.signs.chosen, theme.heading()),
            std::cmp::Ordering::Greater => (" ", theme.dim()),
        };
        let answer = if at + 1 < now { answer } else { String::new() };
        lines.push(Line::from(vec![
            span(format!("{mark} {} {title:<24}", at + 1), style),
            span(answer, theme.text()),
        ]));
    }
    lines
}

fn step(
    state: &State,
    first_run: &FirstRun,
    theme: Theme,
    buf: &mut Buffer,
    area: Rect,
) -> Option<Position> {
    match first_run.step {
        Step::Name => Some(name(first_run, theme, buf, area)),
        Step::Key => {
            put_all(buf, area, &key(state, theme, usize::from(area.width)));
            None
        }
        Step::Place => {
            place(first_run, theme, buf, area);
            None
        }
        Step::Registry => registry(first_run, theme, buf, area),
        Step::Lan => {
            put_all(buf, area, &lan(state, theme, usize::from(area.width)));
            None
        }
    }
}

fn name(first_run: &FirstRun, theme: Theme, buf: &mut Buffer, area: Rect) -> Position {
    let cells = usize::from(area.width);
    let text = "What should others call you? The name goes with your messages; /nick changes it.";
    let mut rows = draw::paragraph(text, cells, "", theme.text());
    rows.push(Line::default());
    let y = u16::try_from(rows.len()).unwrap_or(0);
    rows.push(Line::default());
    rows.push(Line::default());
    if let Some(error) = &first_run.error {
        rows.extend(draw::paragraph(error, cells, "", theme.bad()));
    }
    put_all(buf, area, &rows);
    let below = Rect {
        y: area.y + y.min(area.height),
        height: area.height.saturating_sub(y),
        ..area
    };
    let label = span("> ", theme.accent());
    typed(buf, below, label, &first_run.name, theme.heading())
}

fn key(state: &State, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let text = "A key was made on this computer. It is you: whoever has the file can write in your name, and nobody can give you a new one. Keep a copy somewhere safe.";
    let mut rows = draw::paragraph(text, cells, "", theme.text());
    rows.push(Line::default());
    if let Some(me) = &state.me {
        rows.push(line("Kept in", theme.dim()));
        rows.extend(draw::paragraph(
            &me.key_file.display().to_string(),
            cells,
            "  ",
            theme.heading(),
        ));
        rows.push(line("Your id", theme.dim()));
        rows.extend(draw::paragraph(
            &me.peer_id.to_string(),
            cells,
            "  ",
            theme.text(),
        ));
    }
    rows
}

fn place(first_run: &FirstRun, theme: Theme, buf: &mut Buffer, area: Rect) {
    let cells = usize::from(area.width);
    let mut rows = Vec::new();
    for (at, (title, explained)) in PLACES.iter().enumerate() {
        let chosen = at == first_run.place;
        let mark = if chosen { theme.signs.chosen } else { " " };
        let style = if chosen {
            theme.chosen()
        } else {
            theme.heading()
        };
        rows.push(Line::from(vec![
            span(format!("{mark} "), theme.accent()),
            span(format!("{}. {title}", at + 1), style),
        ]));
        rows.extend(draw::paragraph(explained, cells, "     ", theme.dim()));
        rows.push(Line::default());
    }
    put_all(buf, area, &rows);
    // A blank row stands after each place.
    let mut at = 0;
    for (y, row) in (0..area.height).zip(&rows) {
        let drawn = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        match row.width() {
            0 => at += 1,
            _ => mark_row(buf, drawn, at),
        }
    }
}

fn registry(first_run: &FirstRun, theme: Theme, buf: &mut Buffer, area: Rect) -> Option<Position> {
    let cells = usize::from(area.width);
    let text = "The registry learns your name, your key and where you are; never what you say. A new name makes an account.";
    let rows = draw::paragraph(text, cells, "", theme.text());
    let used = if area.height >= 10 {
        u16::try_from(rows.len() + 1).unwrap_or(0)
    } else {
        0
    };
    if used > 0 {
        put_all(buf, area, &rows);
    }
    let rest = Rect {
        y: area.y + used.min(area.height),
        height: area.height.saturating_sub(used),
        ..area
    };
    form(&first_run.form, theme, buf, rest)
}

fn lan(state: &State, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(me) = &state.me else {
        return Vec::new();
    };
    let text = "Give a friend one of these, over any channel. It is public: it lets them ask you, nothing more.";
    let mut rows = draw::paragraph(text, cells, "", theme.text());
    rows.push(Line::default());
    rows.push(line("Your link", theme.dim()));
    rows.extend(draw::paragraph(
        &me.link.to_string(),
        cells,
        "  ",
        theme.heading(),
    ));
    rows.push(line("Your address", theme.dim()));
    for address in me.listen.iter().take(4) {
        rows.push(line(format!("  {address}"), theme.heading()));
    }
    if me.listen.is_empty() {
        rows.push(line("  not listening: see /log", theme.bad()));
    }
    rows.push(Line::default());
    rows.push(line("Your friend types", theme.dim()));
    rows.push(line(
        "  /add and the link, or /connect and the address",
        theme.text(),
    ));
    rows
}
