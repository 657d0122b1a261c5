//! The search: hits with what was looked for marked, and what was said around
//! the chosen one.

use std::ops::Range;

use nucleo_matcher::chars::{normalize, to_lower_case};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use twocan_peer::api::Message;

use super::draw::{line, paragraph, put, put_all, put_ends, rule, span, time};
use super::field::filter_line;
use super::marks::mark_row;
use super::theme::Theme;
use super::window::window;
use super::wrap;
use crate::app::State;
use crate::app::search::Search;

/// Widest column of names.
const NAME_CELLS: usize = 12;
/// Below this many rows there is no room for what is around a hit.
const WITH_CONTEXT: u16 = 13;

/// Draws the search; returns where the cursor stands.
pub(super) fn draw(
    state: &State,
    search: &Search,
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) -> Position {
    let hint = "Enter jumps  Tab scope  Esc back";
    let inner = window(buf, theme, room, "SEARCH", hint, (104, room.height));
    let cells = usize::from(inner.width);
    let results = line(results(search, theme), theme.dim());
    let scope = scope(state, search, theme);
    put_ends(buf, inner, 0, [&scope, &results], theme.signs.cut);
    let cursor = filter_line(buf, theme, part(inner, 1, 1), ">", &search.query);
    put(buf, inner, 2, &rule(theme, cells, ""));
    let rest = inner.height.saturating_sub(3);
    let around = if inner.height >= WITH_CONTEXT {
        rest * 2 / 5
    } else {
        0
    };
    hits(state, search, theme, buf, part(inner, 3, rest - around));
    if around > 1 {
        let area = part(inner, 3 + rest - around, around);
        put(buf, area, 0, &rule(theme, cells, "around it"));
        context(state, search, theme, buf, part(area, 1, around - 1));
    }
    cursor
}

/// `rows` rows of `area` from row `y` on, as far as there are any.
fn part(area: Rect, y: u16, rows: u16) -> Rect {
    let y = y.min(area.height);
    Rect {
        y: area.y + y,
        height: rows.min(area.height - y),
        ..area
    }
}

fn scope(state: &State, search: &Search, theme: Theme) -> Line<'static> {
    let Some(with) = search.with else {
        return line("in all conversations", theme.text());
    };
    let of = |on| if on { theme.chosen() } else { theme.dim() };
    let bracketed = |on, text: String| if on { format!("[{text}]") } else { text };
    let name = wrap::truncate(&state.name_of(with), NAME_CELLS, theme.signs.cut);
    Line::from(vec![
        span("in ", theme.text()),
        span(bracketed(search.here, name), of(search.here)),
        Span::raw(" "),
        span(bracketed(!search.here, "all".to_owned()), of(!search.here)),
    ])
}

fn results(search: &Search, theme: Theme) -> String {
    let count = search.hits.len();
    let more = if search.complete { "" } else { "+" };
    match (search.took_ms, search.asked.is_some_and(|a| !a.more)) {
        (_, true) => format!("looking{}", theme.signs.cut),
        (None, _) => String::new(),
        (Some(ms), _) => {
            let word = if count == 1 && search.complete {
                "result"
            } else {
                "results"
            };
            format!("{count}{more} {word} {} {ms} ms", theme.signs.between)
        }
    }
}

fn hits(state: &State, search: &Search, theme: Theme, buf: &mut Buffer, area: Rect) {
    let height = usize::from(area.height);
    let from = (search.chosen + 1).saturating_sub(height);
    let words = words(search.query.text());
    let rows = (0..area.height).zip(search.hits.iter().enumerate().skip(from));
    for (y, (at, hit)) in rows {
        let chosen = at == search.chosen;
        let mut row = head(state, hit, chosen, area.width, !search.here, theme);
        let room = usize::from(area.width).saturating_sub(row.width());
        row.spans.extend(marked(&hit.text, &words, room, theme));
        if chosen {
            row.style = theme.chosen();
        }
        put(buf, area, y, &row);
        let whole = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        mark_row(buf, whole, at);
    }
    if search.hits.is_empty() {
        let text = match (&search.error, search.took_ms, search.asked) {
            (Some(error), _, _) => error.as_str(),
            (None, Some(_), None) => "Nothing has all these words. Tab looks further.",
            (None, None, None) => "Type words; the beginning of a word is enough.",
            _ => "",
        };
        let lines = paragraph(text, usize::from(area.width), "", theme.dim());
        put_all(buf, area, &lines);
    }
}

/// When and who.
fn head(
    state: &State,
    message: &Message,
    chosen: bool,
    width: u16,
    everywhere: bool,
    theme: Theme,
) -> Line<'static> {
    let pattern = match width {
        0..60 => "%m-%d",
        60..90 => "%m-%d %H:%M",
        _ => "%Y-%m-%d %H:%M",
    };
    let other = state.name_of(message.conversation);
    let name = match (message.mine, everywhere) {
        (true, true) => format!("you to {other}"),
        (true, false) => "you".to_owned(),
        (false, _) => other,
    };
    let cells = if width < 60 { 6 } else { NAME_CELLS };
    let mark = if chosen { theme.signs.chosen } else { " " };
    let style = if message.mine {
        theme.me()
    } else {
        theme.name(message.from)
    };
    Line::from(vec![
        span(format!("{mark} "), theme.accent()),
        span(
            format!("{} ", time(message.sent_at, &state.zone, pattern)),
            theme.dim(),
        ),
        span(wrap::fit(&name, cells, theme.signs.cut), style),
        Span::raw(" "),
    ])
}

fn context(state: &State, search: &Search, theme: Theme, buf: &mut Buffer, area: Rect) {
    let Some((id, messages)) = &search.context else {
        return;
    };
    if search.chosen_hit().is_none_or(|hit| hit.id != *id) {
        return;
    }
    let height = usize::from(area.height);
    let at = messages.iter().position(|m| m.id == *id).unwrap_or(0);
    let most = messages.len().saturating_sub(height);
    let from = at.saturating_sub(height / 2).min(most);
    for (y, message) in (0..area.height).zip(messages.iter().skip(from)) {
        let mut row = head(state, message, message.id == *id, area.width, false, theme);
        let room = usize::from(area.width).saturating_sub(row.width());
        row.spans.extend(marked(&message.text, &[], room, theme));
        put(buf, area, y, &row);
    }
}

/// A character as it is compared: case and accents do not matter.
fn folded(c: char) -> char {
    to_lower_case(normalize(c))
}

/// The words of a query, folded.
fn words(query: &str) -> Vec<Vec<char>> {
    let word = |word: &str| {
        word.chars()
            .filter(|c| c.is_alphanumeric())
            .map(folded)
            .collect()
    };
    let all = query.split_whitespace().map(word);
    all.filter(|w: &Vec<char>| !w.is_empty()).collect()
}

/// Where `text` has one of the words, at the beginning of a word of its own;
/// in scripts without blanks between words, anywhere.
fn places(text: &str, words: &[Vec<char>]) -> Vec<Range<usize>> {
    /// From here on (CJK radicals) scripts mostly write without blanks.
    const WITHOUT_BLANKS: char = '\u{2e80}';
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some((start, c)) = chars.get(at).copied() {
        let begins = at == 0
            || c >= WITHOUT_BLANKS
            || !chars.get(at - 1).is_some_and(|(_, b)| b.is_alphanumeric());
        let fits = |word: &&Vec<char>| {
            let rest = chars.get(at..).unwrap_or_default();
            rest.len() >= word.len() && word.iter().zip(rest).all(|(w, (_, c))| *w == folded(*c))
        };
        let length = words.iter().filter(fits).map(Vec::len).max();
        match length.filter(|_| begins) {
            Some(length) => {
                at += length;
                let end = chars.get(at).map_or(text.len(), |(end, _)| *end);
                found.push(start..end);
            }
            None => at += 1,
        }
    }
    found
}

/// One row of a hit, with signs around what was looked for; begins later where
/// that would else not be seen.
fn marked(text: &str, words: &[Vec<char>], room: usize, theme: Theme) -> Vec<Span<'static>> {
    let [open, close] = theme.signs.hit;
    let found = places(text, words);
    let first = found.first().map_or(0, |r| r.start);
    let lead = text.get(..first).unwrap_or_default();
    let mut at = 0;
    let mut spans = Vec::new();
    if wrap::width(lead) > room * 2 / 3 {
        // A few words before it are kept.
        let keep = lead
            .char_indices()
            .rev()
            .nth(room / 4)
            .map_or(0, |(b, _)| b);
        at = keep;
        spans.push(span(theme.signs.cut, theme.dim()));
    }
    for range in found {
        spans.push(span(
            text.get(at..range.start).unwrap_or_default(),
            theme.text(),
        ));
        let hit = text.get(range.clone()).unwrap_or_default();
        spans.push(span(format!("{open}{hit}{close}"), theme.heading()));
        at = range.end;
    }
    spans.push(span(text.get(at..).unwrap_or_default(), theme.text()));
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Look;
    use proptest::prelude::*;

    fn shown(text: &str, query: &str, room: usize) -> String {
        marked(text, &words(query), room, Theme::of(Look::default()))
            .iter()
            .map(|s| s.content.as_ref())
            .collect()
    }

    #[test]
    fn what_was_looked_for_is_marked() {
        assert_eq!(
            shown("page 4 has the Numbers", "num pag", 60),
            "‹pag›e 4 has the ‹Num›bers"
        );
        assert_eq!(shown("un caf\u{e9}", "cafe", 60), "un ‹caf\u{e9}›");
        assert_eq!(shown("renumbered", "num", 60), "renumbered");
        assert_eq!(shown("你好世界", "世界", 60), "你好‹世界›");
    }

    #[test]
    fn a_hit_far_to_the_right_is_seen() {
        let text = format!("{}needle in it", "hay ".repeat(50));
        let row = shown(&text, "needle", 30);
        assert!(row.starts_with('…'));
        assert!(wrap::take(&row, 30).contains("‹needle›"), "{row}");
    }

    proptest! {
        #[test]
        fn any_text_is_marked(text in "\\PC{0,60}", query in "\\PC{0,12}", room in 0usize..80) {
            shown(&text, &query, room);
        }
    }
}
