//! Help and palette: both read the table of actions, so they cannot go stale.

use ratatui::text::Line;

use super::draw::{line, span};
use super::theme::Theme;
use super::wrap;
use crate::app::update::pick;
use crate::input::action::{Action, Group, Info};
use crate::input::keymap::Keymap;
use crate::input::synonyms;
use crate::input::table::TABLE;

/// Below this the parts of an entry stand one below the other.
const NARROW: usize = 60;

/// Lines of the table that fit the filter: every word must occur somewhere.
fn matching(keymap: &Keymap, filter: &str) -> Vec<&'static Info> {
    let words: Vec<String> = filter
        .trim_start_matches('/')
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let known = TABLE
        .iter()
        .filter(|info| info.command.is_some() || keymap.keys(info.action).next().is_some());
    known
        .filter(|info| {
            let name = info.command.map_or("", |c| c.name);
            let keys = keymap.all(info.action);
            let synonyms = synonyms::of(info).join(" ");
            let group = info.group.title();
            let all = format!("{} {name} {group} {keys} {synonyms}", info.title);
            let all = all.to_lowercase();
            words.iter().all(|w| all.contains(w))
        })
        .collect()
}

/// The actions of the palette that fit what is typed: group by group, or the
/// best first. What only edits or only makes sense in another place is not for
/// it.
pub(crate) fn palette(keymap: &Keymap, typed: &str) -> Vec<Action> {
    let offered = |info: &&Info| {
        let reached = info.command.is_some() || keymap.is_global(info);
        reached && info.group != Group::Typing && !stands_for_others(info)
    };
    let mut all: Vec<_> = TABLE.iter().filter(offered).collect();
    let place = |info: &Info| Group::ALL.iter().position(|g| *g == info.group);
    all.sort_by_key(|info| place(info));
    let typed = typed.trim_start_matches('/');
    let texts = all.iter().map(|info| {
        let called_so = synonyms::of(info).iter().find(|word| **word == typed);
        let name = called_so.copied().or_else(|| info.command.map(|c| c.name));
        format!("{} {}", name.unwrap_or_default(), info.title)
    });
    let found = pick::fuzzy(typed, texts);
    found.into_iter().map(|at| all[at].action).collect()
}

/// The ten keys of the conversations fill the help with one thing; the first
/// and the last of them say enough.
fn stands_for_others(info: &Info) -> bool {
    matches!(info.action, Action::Chat(1..=8))
}

/// Rows of the help, group by group.
pub(crate) fn rows(
    keymap: &Keymap,
    filter: &str,
    cells: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let found = matching(keymap, filter);
    let mut rows = Vec::new();
    for group in Group::ALL {
        let mut infos = found
            .iter()
            .filter(|i| i.group == group && !stands_for_others(i))
            .peekable();
        if infos.peek().is_none() {
            continue;
        }
        if !rows.is_empty() {
            rows.push(Line::default());
        }
        rows.push(line(group.title(), theme.heading()));
        for info in infos {
            help_rows(keymap, info, cells, theme, &mut rows);
        }
    }
    if rows.is_empty() {
        rows.push(line(
            "Nothing fits. Backspace widens the filter.",
            theme.dim(),
        ));
    }
    rows
}

fn help_rows(
    keymap: &Keymap,
    info: &Info,
    cells: usize,
    theme: Theme,
    rows: &mut Vec<Line<'static>>,
) {
    if cells < NARROW {
        return narrow_rows(keymap, info, cells, theme, rows);
    }
    let key_cells = (cells / 3).clamp(10, 28);
    let keys = keymap.all(info.action);
    let head = match info.command {
        Some(c) if c.usage.is_empty() => format!("/{}", c.name),
        Some(c) => format!("/{} {}", c.name, c.usage),
        None => String::new(),
    };
    let first = if keys.is_empty() {
        head.clone()
    } else {
        keys.clone()
    };
    let title = if keys.is_empty() || head.is_empty() {
        info.title.to_owned()
    } else {
        format!("{}  {head}", info.title)
    };
    let title = wrap::truncate(&title, cells.saturating_sub(key_cells + 3), theme.signs.cut);
    rows.push(Line::from(vec![
        span("  ", theme.text()),
        span(
            wrap::fit(&first, key_cells, theme.signs.cut),
            theme.accent(),
        ),
        span(format!(" {title}"), theme.text()),
    ]));
    if let Some(command) = info.command
        && !command.usage.is_empty()
    {
        let example = format!("{}e.g. {}", " ".repeat(key_cells + 3), command.example);
        rows.push(line(
            wrap::truncate(&example, cells, theme.signs.cut),
            theme.dim(),
        ));
    }
}

/// One below the other: what is typed, what it does, an example.
fn narrow_rows(
    keymap: &Keymap,
    info: &Info,
    cells: usize,
    theme: Theme,
    rows: &mut Vec<Line<'static>>,
) {
    let keys = keymap.all(info.action);
    let command = info.command.map(|c| format!("/{} {}", c.name, c.usage));
    let command = command.unwrap_or_default();
    let head = [command.trim_end(), &keys].join("  ");
    for text in wrapped(head.trim(), cells, 1) {
        rows.push(line(text, theme.accent()));
    }
    for text in wrapped(info.title, cells, 3) {
        rows.push(line(text, theme.text()));
    }
    if let Some(command) = info.command.filter(|c| !c.usage.is_empty()) {
        for text in wrapped(&format!("e.g. {}", command.example), cells, 3) {
            rows.push(line(text, theme.dim()));
        }
    }
}

/// The rows of a text behind some blanks.
fn wrapped(text: &str, cells: usize, blanks: usize) -> Vec<String> {
    let room = cells.saturating_sub(blanks).max(1);
    let rows = wrap::rows(text, room).into_iter();
    let shown = rows.map(|row| wrap::take(&text[row], room));
    shown
        .map(|t| format!("{}{t}", " ".repeat(blanks)))
        .collect()
}

/// One line of the palette.
pub(crate) fn palette_line(
    keymap: &Keymap,
    info: &Info,
    cells: usize,
    theme: Theme,
) -> Line<'static> {
    let keys = keymap.first(info.action);
    let name = info
        .command
        .map_or_else(String::new, |c| format!("/{}", c.name));
    let right = if cells >= 50 {
        format!("{name:<12} {keys:<10}")
    } else {
        let short = if keys.is_empty() { &name } else { &keys };
        format!("{short:<9}")
    };
    let room = cells.saturating_sub(right.len() + 1);
    Line::from(vec![
        span(wrap::fit(info.title, room, theme.signs.cut), theme.text()),
        span(format!(" {right}"), theme.accent()),
    ])
}

/// The example of the chosen command, in the last row of the palette.
pub(crate) fn palette_example(info: &Info, cells: usize, theme: Theme) -> Line<'static> {
    let example = info.command.map(|c| format!("e.g. {}", c.example));
    let example = example.unwrap_or_default();
    line(
        wrap::truncate(&example, cells, theme.signs.cut),
        theme.dim(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::keymap::Preset;

    #[test]
    fn a_word_of_another_program_finds_what_does_it_here() {
        let keymap = Keymap::preset(Preset::Default);
        assert_eq!(palette(&keymap, "exit").first(), Some(&Action::Quit));
        assert_eq!(palette(&keymap, "/upload").first(), Some(&Action::File));
        let found = matching(&keymap, "logout");
        assert!(found.iter().any(|info| info.action == Action::SignOut));
    }
}
