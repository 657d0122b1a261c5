//! Lines that are typed into: filters, fields of forms. They have one row; of
//! what is longer the part around the cursor is shown.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::draw::{paragraph, put, put_all, span};
use super::marks::mark_row;
use super::theme::Theme;
use super::wrap;
use crate::app::editor::Editor;
use crate::app::form::{Field, Form};

/// Cells before the text of a form's field.
const LABEL: usize = 12;
/// Rows that a form keeps below its fields, for what Enter does or went wrong.
const BELOW: usize = 3;

/// Draws a line that is typed into, behind a label and in the first row of
/// `area`; returns where the cursor stands.
pub(crate) fn typed(
    buf: &mut Buffer,
    area: Rect,
    label: Span<'static>,
    editor: &Editor,
    style: Style,
) -> Position {
    typed_text(buf, area, label, (editor.text(), editor.cursor()), style)
}

fn typed_text(
    buf: &mut Buffer,
    area: Rect,
    label: Span<'static>,
    (text, cursor): (&str, usize),
    style: Style,
) -> Position {
    let before = label.width();
    // The cursor may stand behind the last letter.
    let room = usize::from(area.width).saturating_sub(before + 1).max(1);
    let (shown, cells) = around(text, cursor, room);
    let row = Line::from(vec![label, span(shown, style)]);
    put(buf, area, 0, &row);
    let x = u16::try_from(before + cells).unwrap_or(u16::MAX);
    let last = area.width.saturating_sub(1);
    Position::new(area.x + x.min(last), area.y)
}

/// The line in which a filter is typed; returns where the cursor stands.
pub(crate) fn filter_line(
    buf: &mut Buffer,
    theme: Theme,
    area: Rect,
    label: &str,
    filter: &Editor,
) -> Position {
    let label = span(format!("{label} "), theme.dim());
    typed(buf, area, label, filter, theme.text())
}

/// What of a text fits into so many cells with the cursor, which stands at byte
/// `cursor`, and how many of the cells are before it. Where there is more after
/// the cursor, a quarter of the cells shows it.
fn around(text: &str, cursor: usize, cells: usize) -> (String, usize) {
    let (before, after) = text.split_at_checked(cursor).unwrap_or((text, ""));
    let ahead = wrap::width(after).min(cells / 4);
    let before = wrap::tail(before, cells - ahead);
    let used = wrap::width(&before);
    let after = wrap::take(after, cells.saturating_sub(used));
    (before + &after, used)
}

/// Draws the fields of a form from the top of `area`, their hints where there
/// is room for them; returns where the cursor stands.
pub(crate) fn form(form: &Form, theme: Theme, buf: &mut Buffer, area: Rect) -> Option<Position> {
    let cells = usize::from(area.width);
    let hints = hints(form, theme, cells, usize::from(area.height));
    let mut cursor = None;
    let mut rest = area;
    for (at, (field, hint)) in form.fields.iter().zip(hints).enumerate() {
        let focused = at == form.focus;
        if let Some(stands) = row(field, focused, theme, buf, rest) {
            cursor = (!form.busy).then_some(stands);
        }
        mark_row(buf, Rect { height: 1, ..rest }, at);
        rest = below(rest, 1);
        put_all(buf, rest, &hint);
        rest = below(rest, hint.len());
    }
    let go = match form.at_last() {
        true => format!("Enter {}", form.does()),
        false => format!("Enter next field; at the last one it {}", form.does()),
    };
    let (text, style) = match (&form.error, form.busy) {
        (_, true) => ("Asking the registry.", theme.dim()),
        (Some(error), _) => (error.as_str(), theme.bad()),
        (None, _) => (go.as_str(), theme.dim()),
    };
    put_all(buf, rest, &paragraph(text, cells, "", style));
    cursor
}

/// What is left of an area below so many rows.
fn below(area: Rect, rows: usize) -> Rect {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(area.height);
    Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    }
}

/// The rows of each field's hint: all hints where they fit into so many rows,
/// else that of the field one is in.
fn hints(form: &Form, theme: Theme, cells: usize, height: usize) -> Vec<Vec<Line<'static>>> {
    let indent = " ".repeat(LABEL);
    let of = |field: &Field| paragraph(field.hint, cells, &indent, theme.dim());
    let all: Vec<Vec<_>> = form.fields.iter().map(of).collect();
    let fits = |rows: usize| form.fields.len() + rows + BELOW <= height;
    if fits(all.iter().map(Vec::len).sum()) {
        return all;
    }
    let shown = |(at, hint): (usize, Vec<_>)| match at == form.focus && fits(hint.len()) {
        true => hint,
        false => Vec::new(),
    };
    all.into_iter().enumerate().map(shown).collect()
}

/// Draws one field in the first row of `area`; returns where the cursor stands
/// if it is in this one.
fn row(
    field: &Field,
    focused: bool,
    theme: Theme,
    buf: &mut Buffer,
    area: Rect,
) -> Option<Position> {
    let mark = if focused { theme.signs.chosen } else { " " };
    let label = span(format!("{mark} {:<9} ", field.label), theme.dim());
    let (text, cursor) = readable(field, theme);
    if focused {
        let text = (text.as_str(), cursor);
        return Some(typed_text(buf, area, label, text, theme.heading()));
    }
    // What is only looked at is known by its beginning.
    let room = usize::from(area.width).saturating_sub(label.width() + 1);
    let shown = wrap::truncate(&text, room, theme.signs.cut);
    put(
        buf,
        area,
        0,
        &Line::from(vec![label, span(shown, theme.text())]),
    );
    None
}

/// What is shown of a field's text, and the byte of the cursor in that.
fn readable(field: &Field, theme: Theme) -> (String, usize) {
    let (text, cursor) = (field.editor.text(), field.editor.cursor());
    if !field.secret {
        return (text.to_owned(), cursor);
    }
    let dots = |text: &str| theme.signs.secret.repeat(text.chars().count());
    let before = text.get(..cursor).unwrap_or(text);
    (dots(text), dots(before).len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_part_around_the_cursor_is_shown() {
        let text = "https://registry.example.org";
        assert_eq!(around(text, text.len(), 8), ("mple.org".into(), 8));
        assert_eq!(around(text, 0, 8), ("https://".into(), 0));
        assert_eq!(around(text, 16, 8), ("gistry.e".into(), 6));
        assert_eq!(around("short", 2, 8), ("short".into(), 2));
        assert_eq!(around("漢字漢字", 6, 5), ("漢字".into(), 4));
        assert_eq!(around("漢字漢字", 6, 3), ("字".into(), 2));
        assert_eq!(around("", 0, 1), (String::new(), 0));
    }

    #[test]
    fn the_cursor_stands_where_the_next_letter_goes() {
        let area = Rect::new(3, 1, 12, 1);
        let mut buf = Buffer::empty(area);
        let mut editor = Editor::with_text("https://host");
        let mut draw = |editor: &Editor| {
            let label = Span::raw("> ");
            typed(&mut buf, area, label, editor, Style::default())
        };
        assert_eq!(draw(&editor), Position::new(14, 1));
        editor.left();
        editor.left();
        assert_eq!(draw(&editor), Position::new(12, 1));
        editor.text_start();
        assert_eq!(draw(&editor), Position::new(5, 1));
        let row: String = (3..15).map(|x| buf[(x, 1)].symbol()).collect();
        assert_eq!(row, "> https://h ");
    }

    proptest! {
        #[test]
        fn the_cursor_is_never_out_of_sight(text in ".{0,40}", at in 0_usize..160, cells in 1_usize..30) {
            let mut cursor = at.min(text.len());
            while !text.is_char_boundary(cursor) {
                cursor -= 1;
            }
            let (shown, before) = around(&text, cursor, cells);
            prop_assert!(before <= cells);
            prop_assert!(wrap::width(&shown) <= cells);
        }
    }
}
