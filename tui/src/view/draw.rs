//! Small helpers for drawing: a line at a place, a rule, a moment in words. All text goes
//! through [`super::wrap`], so nothing is wider than its cells.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use twocan_proto::time::Timestamp;

use super::theme::Theme;
use super::wrap;

/// A piece of text in a style, made safe to draw.
pub(crate) fn span(text: impl AsRef<str>, style: Style) -> Span<'static> {
    Span::styled(wrap::display(text.as_ref()), style)
}

/// A line of one style.
pub(crate) fn line(text: impl AsRef<str>, style: Style) -> Line<'static> {
    Line::from(span(text, style))
}

/// Draws `line` at row `y` of `area`, if there is such a row.
pub(crate) fn put(buf: &mut Buffer, area: Rect, y: u16, line: &Line<'_>) {
    let area = area.intersection(buf.area);
    if y < area.height && area.width > 0 {
        set_line(buf, (area.x, area.y + y), line, area.width);
    }
}

/// As [`put`], but what is too long ends with `cut`.
fn put_cut(buf: &mut Buffer, area: Rect, y: u16, line: &Line<'_>, cut: &str) {
    let cells = usize::from(area.width);
    if line.width() <= cells {
        return put(buf, area, y, line);
    }
    let mut kept = Line::default().style(line.style);
    let mut room = cells.saturating_sub(wrap::width(cut));
    for span in line {
        let text = wrap::take(&span.content, room);
        room = room.saturating_sub(wrap::width(&text));
        let is_whole = text == *span.content;
        kept.push_span(Span::styled(text, span.style));
        if !is_whole {
            kept.push_span(Span::styled(cut.to_owned(), span.style));
            break;
        }
    }
    put(buf, area, y, &kept);
}

/// As [`Buffer::set_line`], which looks for graphemes in all of it; plain text
/// needs none of that, and is most of a screen.
fn set_line(buf: &mut Buffer, (mut x, y): (u16, u16), line: &Line<'_>, room: u16) {
    let end = x + room;
    for span in line {
        let style = line.style.patch(span.style);
        let text: &str = &span.content;
        if !wrap::is_plain(text) {
            (x, _) = buf.set_stringn(x, y, text, usize::from(end - x), style);
            continue;
        }
        for (at, x) in (0..text.len()).zip(x..end) {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.set_symbol(&text[at..=at]).set_style(style);
            }
        }
        let cells = u16::try_from(text.len()).unwrap_or(u16::MAX);
        x = end.min(x.saturating_add(cells));
    }
}

/// Draws lines from the top of `area`; what does not fit is left out.
pub(crate) fn put_all(buf: &mut Buffer, area: Rect, lines: &[Line<'_>]) {
    for (y, line) in (0..area.height).zip(lines) {
        put(buf, area, y, line);
    }
}

/// Draws left and right parts on one row, a blank between; the left one gives
/// way, and shows that it did by `cut`.
pub(crate) fn put_ends(
    buf: &mut Buffer,
    area: Rect,
    y: u16,
    [left, right]: [&Line<'_>; 2],
    cut: &str,
) {
    let right_cells = u16::try_from(right.width())
        .unwrap_or(u16::MAX)
        .min(area.width);
    let between = u16::from(right_cells > 0 && right_cells < area.width);
    let left_area = Rect {
        width: area.width - right_cells - between,
        ..area
    };
    put_cut(buf, left_area, y, left, cut);
    let right_area = Rect {
        x: area.right() - right_cells,
        width: right_cells,
        ..area
    };
    put(buf, right_area, y, right);
}

/// A rule across `area`, with `title` in it if there is one.
pub(crate) fn rule(theme: Theme, cells: usize, title: &str) -> Line<'static> {
    let across = theme.signs.across;
    if title.is_empty() {
        return line(across.repeat(cells), theme.dim());
    }
    let title = wrap::truncate(title, cells.saturating_sub(6), theme.signs.cut);
    let rest = cells.saturating_sub(wrap::width(&title) + 4);
    Line::from(vec![
        span(across.repeat(2), theme.dim()),
        span(format!(" {title} "), theme.heading()),
        span(across.repeat(rest), theme.dim()),
    ])
}

/// A column of rule signs.
pub(crate) fn column(buf: &mut Buffer, theme: Theme, area: Rect) {
    for y in 0..area.height {
        put(buf, area, y, &line(theme.signs.down, theme.dim()));
    }
}

/// A moment in the user's time zone, as `pattern` of strftime says.
pub(crate) fn time(at: Timestamp, zone: &TimeZone, pattern: &str) -> String {
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(at) => at.to_zoned(zone.clone()).strftime(pattern).to_string(),
        Err(_) => String::new(),
    }
}

/// The day of a moment in the user's time zone.
pub(crate) fn day(at: Timestamp, zone: &TimeZone) -> Option<Date> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(zone.to_datetime(at).date())
}

/// The time of day, as hours and minutes: quicker than a pattern, for what
/// stands in every row.
pub(crate) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(at) => {
            let at = zone.to_datetime(at);
            format!("{:02}:{:02}", at.hour(), at.minute())
        }
        Err(_) => String::new(),
    }
}

/// How long ago, in the largest unit: `now`, `5 min`, `3 h`, `2 d`, `3 w`.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_millis() - at.as_millis()) / 1000;
    match seconds {
        ..60 => "now".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        86_400..1_209_600 => format!("{} d", seconds / 86_400),
        _ => format!("{} w", seconds / 604_800),
    }
}

/// Wraps text to lines of one style, with `indent` before each.
pub(crate) fn paragraph(
    text: &str,
    cells: usize,
    indent: &str,
    style: Style,
) -> Vec<Line<'static>> {
    let room = cells.saturating_sub(wrap::width(indent)).max(1);
    wrap::rows(text, room)
        .into_iter()
        .map(|r| line(format!("{indent}{}", text[r].trim_end()), style))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(cells: u16, left: &[&str], right: &str) -> String {
        let area = Rect::new(0, 0, cells, 1);
        let mut buf = Buffer::empty(area);
        let left: Vec<_> = left.iter().map(|text| Span::raw(*text)).collect();
        let both = [&Line::from(left), &Line::from(right)];
        put_ends(&mut buf, area, 0, both, "…");
        (0..cells).map(|x| buf[(x, 0)].symbol()).collect()
    }

    #[test]
    fn what_gives_way_says_so_and_keeps_a_blank() {
        assert_eq!(ends(12, &["left"], "right"), "left   right");
        assert_eq!(ends(10, &["left"], "right"), "left right");
        assert_eq!(ends(9, &["left"], "right"), "le… right");
        assert_eq!(ends(10, &["le", "ft", "er"], "right"), "lef… right");
        assert_eq!(ends(8, &["le", "ft"], "right"), "l… right");
        assert_eq!(ends(4, &["left"], "right"), "righ");
    }
}
