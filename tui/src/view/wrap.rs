//! How wide text is on a screen, and where its lines break: words stay whole
//! where they fit, graphemes always do. Every measure of text in cells comes
//! from here, so what is drawn and what is scrolled agree.

use std::iter;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Joins several emoji to one; terminals disagree about its width.
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// Asks for the colourful form of a character; terminals disagree about its
/// width, so it is not sent (ratatui issue 2357).
const VARIATION_SELECTOR_16: char = '\u{fe0f}';
/// Colours the skin of the emoji before it; terminals that do not know it draw
/// it as an emoji of its own.
const SKIN_TONES: std::ops::RangeInclusive<char> = '\u{1f3fb}'..='\u{1f3ff}';
/// Stands for a control character that got this far.
const REPLACEMENT: &str = "\u{fffd}";

/// Whether a character has no cell of its own.
fn is_zero_width(c: char) -> bool {
    // Nothing below the combining marks, so most text is not looked up.
    c >= '\u{300}' && c.width() == Some(0)
}

/// One grapheme as it is shown: a joined emoji is reduced to its first, a tab
/// to a space, a control character to a replacement sign. A mark that stands
/// before its letter (UAX #29, Prepend) is left out: a terminal would draw it
/// over what stands in the cell before.
fn shown(grapheme: &str) -> String {
    if grapheme.chars().any(|c| c == '\t' || c == '\n') {
        return " ".to_owned();
    }
    if grapheme.chars().any(char::is_control) {
        return REPLACEMENT.to_owned();
    }
    let first = grapheme.split(ZERO_WIDTH_JOINER).next().unwrap_or_default();
    let left_out =
        |at: usize, c: char| c == VARIATION_SELECTOR_16 || (at > 0 && SKIN_TONES.contains(&c));
    let first = first.trim_start_matches(is_zero_width);
    let kept = first.char_indices().filter(|(at, c)| !left_out(*at, *c));
    kept.map(|(_, c)| c).collect()
}

/// Cells that a grapheme takes.
fn grapheme_width(grapheme: &str) -> usize {
    // The common case, without making a string.
    if grapheme.len() == 1 && !grapheme.as_bytes()[0].is_ascii_control() {
        return 1;
    }
    shown(grapheme).width()
}

/// The text as it is drawn: what terminals disagree about is left out.
pub(crate) fn display(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let special = |c: char| {
        let joins = matches!(c, ZERO_WIDTH_JOINER | VARIATION_SELECTOR_16);
        joins || c.is_control() || SKIN_TONES.contains(&c) || is_zero_width(c)
    };
    if !text.contains(special) {
        return text.to_owned();
    }
    text.graphemes(true).map(shown).collect()
}

/// Whether each byte of a text is a character of one cell: what most people
/// write most of the time, and quick to lay out.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Each grapheme with its place.
fn graphemes(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (plain, other) = match is_plain(text) {
        true => (text, ""),
        false => ("", text),
    };
    let single = (0..plain.len()).map(|at| (at, &plain[at..=at]));
    single.chain(other.grapheme_indices(true))
}

/// The same, but a grapheme that has no room in `cells` is in characters: marks
/// with cells of their own can make one of any width.
fn pieces(text: &str, cells: usize) -> impl Iterator<Item = (usize, &str)> {
    graphemes(text).flat_map(move |(at, grapheme)| {
        let whole = grapheme_width(grapheme) <= cells.max(2);
        let (one, apart) = match whole {
            true => (Some((at, grapheme)), ""),
            false => (None, grapheme),
        };
        let characters = apart.char_indices();
        let each = characters.map(move |(n, c)| (at + n, &grapheme[n..n + c.len_utf8()]));
        one.into_iter().chain(each)
    })
}

/// Cells that the text takes when drawn.
pub(crate) fn width(text: &str) -> usize {
    match is_plain(text) {
        true => text.len(),
        false => graphemes(text).map(|(_, g)| grapheme_width(g)).sum(),
    }
}

/// Letters of scripts that run from right to left: Hebrew to Arabic
/// Extended-A, their presentation forms, and those of the supplementary plane
/// (UAX #9, classes R and AL).
const RIGHT_TO_LEFT: [std::ops::RangeInclusive<char>; 5] = [
    '\u{590}'..='\u{8ff}',
    '\u{fb1d}'..='\u{fdff}',
    '\u{fe70}'..='\u{fefc}',
    '\u{10800}'..='\u{10fff}',
    '\u{1e800}'..='\u{1efff}',
];

/// Whether a text runs from right to left: its first letter says it, as in
/// UAX #9 (P2).
pub(crate) fn is_right_to_left(text: &str) -> bool {
    // The common case, without looking at letters.
    if text.is_ascii() {
        return false;
    }
    let first = text.chars().find(|c| c.is_alphabetic());
    first.is_some_and(|c| RIGHT_TO_LEFT.iter().any(|r| r.contains(&c)))
}

/// The text cut to `cells`, with `mark` at the cut; always at most `cells`
/// wide.
pub(crate) fn truncate(text: &str, cells: usize, mark: &str) -> String {
    if width(text) <= cells {
        return display(text);
    }
    let room = cells.saturating_sub(width(mark));
    let mut cut = take(text, room);
    if width(mark) <= cells {
        cut.push_str(mark);
    }
    cut
}

/// As many graphemes as fit into `cells`.
pub(crate) fn take(text: &str, cells: usize) -> String {
    let mut used = 0;
    let mut taken = String::new();
    for (_, grapheme) in graphemes(text) {
        let wide = grapheme_width(grapheme);
        if used + wide > cells {
            break;
        }
        used += wide;
        match is_plain(grapheme) {
            true => taken.push_str(grapheme),
            false => taken.push_str(&shown(grapheme)),
        }
    }
    taken
}

/// The end of the text that fits into `cells`, as it is drawn.
pub(crate) fn tail(text: &str, cells: usize) -> String {
    let mut missing = width(text).saturating_sub(cells);
    let mut graphemes = graphemes(text);
    let cut = graphemes.find(|(_, grapheme)| {
        let fits = missing == 0;
        missing = missing.saturating_sub(grapheme_width(grapheme));
        fits
    });
    cut.map_or_else(String::new, |(at, _)| display(&text[at..]))
}

/// The text cut or filled with spaces to exactly `cells`.
pub(crate) fn fit(text: &str, cells: usize, mark: &str) -> String {
    let mut fitted = truncate(text, cells, mark);
    let missing = cells.saturating_sub(width(&fitted));
    fitted.extend(iter::repeat_n(' ', missing));
    fitted
}

/// The rows of one line of a list; all but the first begin below its first
/// letter, or below its second column, which two spaces set apart, if no word
/// is broken by it.
pub(crate) fn hanging(text: &str, cells: usize) -> Vec<String> {
    let letter = text.find(char::is_alphabetic).unwrap_or(0);
    let column = text[letter..].find("  ").and_then(|gap| {
        let gap = letter + gap;
        Some(gap + text[gap..].find(|c| c != ' ')?)
    });
    let leaves_room = |at: &usize| width(&text[..*at]) <= cells / 2;
    let breaks_none = |at: &usize| {
        let room = cells - width(&text[..*at]);
        text[*at..].split(' ').all(|word| width(word) <= room)
    };
    let column = column.filter(leaves_room).filter(breaks_none);
    let start = column
        .or_else(|| Some(letter).filter(leaves_room))
        .unwrap_or(0);
    let (lead, words) = text.split_at(start);
    let indent = width(lead);
    let rows = rows(words, cells.saturating_sub(indent).max(1)).into_iter();
    let leads = iter::once(lead.to_owned()).chain(iter::repeat(" ".repeat(indent)));
    let hung = leads.zip(rows);
    hung.map(|(lead, row)| lead + words[row].trim_end())
        .collect()
}

/// Byte ranges of the rows that `text` takes at `cells` wide: at least one.
/// Line breaks of the text belong to no row; spaces at a break stay at the end
/// of their row, where they may stick out (they are not drawn there).
pub(crate) fn rows(text: &str, cells: usize) -> Vec<Range<usize>> {
    let cells = cells.max(1);
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in text.split('\n') {
        wrap_line(line, line_start, cells, &mut found);
        line_start += line.len() + 1;
    }
    found
}

/// Wraps one line without breaks in it, which begins at byte `offset`.
fn wrap_line(line: &str, offset: usize, cells: usize, found: &mut Vec<Range<usize>>) {
    let mut row_start = 0;
    let mut used = 0;
    // Where a break may go, and how wide the row is up to there.
    let mut candidate: Option<(usize, usize)> = None;
    for (at, grapheme) in pieces(line, cells) {
        let wide = grapheme_width(grapheme);
        let space = grapheme == " " || grapheme == "\t";
        if wide > 1 && at > row_start {
            // Scripts of wide characters break between any two of them.
            candidate = Some((at, used));
        }
        // What follows an early break may be too wide again: then it ends here.
        while used + wide > cells && !space && at > row_start {
            let (cut, width_there) = candidate.unwrap_or((at, used));
            found.push(offset + row_start..offset + cut);
            row_start = cut;
            used -= width_there.min(used);
            candidate = None;
        }
        used += wide;
        if space {
            candidate = Some((at + grapheme.len(), used));
        }
    }
    found.push(offset + row_start..offset + line.len());
}

/// Row and cell of byte `at` within `rows` of `text`.
pub(crate) fn place(text: &str, rows: &[Range<usize>], at: usize, cells: usize) -> (usize, usize) {
    let row = rows.iter().rposition(|r| r.start <= at).unwrap_or(0);
    let Some(range) = rows.get(row) else {
        return (0, 0);
    };
    let end = at.clamp(range.start, range.end);
    let column = text.get(range.start..end).map_or(0, width);
    (row, column.min(cells.saturating_sub(1)))
}

/// The byte of `text` nearest to cell `column` of `row`.
pub(crate) fn byte_at(text: &str, row: &Range<usize>, column: usize) -> usize {
    let line = text.get(row.clone()).unwrap_or_default();
    let mut used = 0;
    for (at, grapheme) in graphemes(line) {
        if used >= column {
            return row.start + at;
        }
        used += grapheme_width(grapheme);
    }
    row.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str, cells: usize) -> Vec<&str> {
        rows(text, cells).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn rows_of_a_list_hang_below_its_first_letter() {
        let rows = hanging("  1  a passphrase, asked for at every start", 24);
        let wanted = ["  1  a passphrase, asked", "     for at every start"];
        assert_eq!(rows, wanted);
        assert_eq!(hanging("short", usize::MAX), ["short"]);
        let found = hanging("ok       the sound of this machine", 24);
        assert_eq!(found, ["ok       the sound of", "         this machine"]);
        let narrow = hanging("PROBLEM  no sound", 12);
        assert_eq!(narrow, ["PROBLEM  no", "sound"]);
        assert_eq!(hanging("", 10), [""]);
        let narrow = hanging("    words", 2);
        assert!(narrow.iter().all(|row| width(row) <= 2), "{narrow:?}");
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(lines("one two three", 8), ["one two ", "three"]);
        assert_eq!(lines("one two", 7), ["one two"]);
        assert_eq!(lines("a\n\nb", 7), ["a", "", "b"]);
        assert_eq!(lines("", 7), [""]);
    }

    #[test]
    fn long_words_break_between_graphemes() {
        assert_eq!(lines("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(
            lines("ab e\u{301}e\u{301}e\u{301}", 2),
            ["ab ", "e\u{301}e\u{301}", "e\u{301}"]
        );
    }

    #[test]
    fn a_grapheme_wider_than_a_row_is_broken() {
        let text = format!("ab \u{1f460}{}", "\u{940}".repeat(6));
        let rows = lines(&text, 4);
        assert_eq!(rows.concat(), text);
        assert!(
            rows.iter().all(|row| width(row.trim_end()) <= 4),
            "{rows:?}"
        );
    }

    #[test]
    fn what_is_left_after_an_early_break_fits_too() {
        assert_eq!(lines("\u{fe00}𠀀ab", 2), ["\u{fe00}", "𠀀", "ab"]);
    }

    #[test]
    fn wide_characters_break_anywhere() {
        assert_eq!(lines("你好世界", 5), ["你好", "世界"]);
        assert_eq!(lines("你好", 1), ["你", "好"]);
    }

    #[test]
    fn what_terminals_disagree_about_is_left_out() {
        assert_eq!(display("I \u{2764}\u{fe0f} it"), "I \u{2764} it");
        assert_eq!(width("\u{2764}\u{fe0f}"), 1);
        assert_eq!(display("a\u{1b}[31m\tb"), "a\u{fffd}[31m b");
        assert_eq!(display("\u{1f44d}\u{1f3fd}"), "\u{1f44d}");
        assert_eq!(display("a\u{1193f}!"), "a!");
        assert_eq!(display("e\u{301}"), "e\u{301}");
        assert_eq!(width("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}"), 2);
    }

    #[test]
    fn a_cut_is_marked_and_fits() {
        assert_eq!(truncate("Bob Ortega", 6, "…"), "Bob O…");
        assert_eq!(truncate("Bob", 6, "…"), "Bob");
        assert_eq!(truncate("Bob", 0, "…"), "");
        assert_eq!(fit("你好", 3, "…"), "你…");
    }

    #[test]
    fn the_cursor_has_a_place() {
        let text = "one two three";
        let rows = rows(text, 8);
        assert_eq!(place(text, &rows, 0, 8), (0, 0));
        assert_eq!(place(text, &rows, 8, 8), (1, 0));
        assert_eq!(place(text, &rows, 13, 8), (1, 5));
        assert_eq!(byte_at(text, &rows[1], 2), 10);
        assert_eq!(byte_at(text, &rows[1], 99), 13);
    }

    #[test]
    fn the_first_letter_says_where_a_text_runs() {
        for (text, right_to_left) in [
            ("", false),
            ("page \u{5d0}", false),
            ("4. \u{5d0} page", true),
            ("(\u{645}\u{631})", true),
            ("\u{1e900}", true),
            ("\u{4f60}\u{597d} \u{5d0}", false),
            ("\u{2764} 12", false),
        ] {
            assert_eq!(is_right_to_left(text), right_to_left, "{text}");
        }
    }

    proptest! {
        #[test]
        fn rows_that_hang_fit(text in "[ 0-9.]{0,8}.{0,60}", cells in 1_usize..40) {
            for row in hanging(&text, cells) {
                // Characters take up to three cells, and up to half is indented.
                prop_assert!(width(&row) <= cells.max(5), "{row:?}");
            }
        }

        #[test]
        fn rows_hold_all_of_the_text(text in ".{0,80}(\n.{0,40}){0,3}", cells in 0usize..40) {
            let rows = rows(&text, cells);
            let together: String = rows.iter().map(|r| &text[r.clone()]).collect();
            prop_assert_eq!(together, text.replace('\n', ""));
            for row in rows {
                let drawn = text[row].trim_end_matches([' ', '\t']);
                // A single wide grapheme in one cell is the only exception.
                prop_assert!(width(drawn) <= cells.max(2) || drawn.graphemes(true).count() <= 1);
            }
        }

        #[test]
        fn a_fit_is_exact(text in ".{0,40}", cells in 0usize..40) {
            prop_assert_eq!(width(&fit(&text, cells, "…")), cells);
            prop_assert_eq!(UnicodeWidthStr::width(display(&text).as_str()) <= 4 * text.len(), true);
        }
    }
}
