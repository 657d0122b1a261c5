//! The windows that views open in: framed in the middle of large screens, the
//! whole of small ones; with a list to choose from where they have one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use super::draw::{line, paragraph, put, put_all, rule, span};
use super::marks::{Mark, mark_row};
use super::theme::Theme;
use super::wrap;

/// Below this width overlays take the whole screen without a border.
const FRAMED: u16 = 60;

/// Cells of text in a [`window`] of this width.
pub(super) fn inner_cells(room: Rect, width: u16) -> usize {
    let cells = match room.width >= FRAMED {
        true => room.width.min(width).saturating_sub(4),
        false => room.width,
    };
    usize::from(cells).max(1)
}

/// Rows inside a window of this room at most.
pub(super) fn inner_rows(room: Rect) -> usize {
    let edges = if room.width >= FRAMED { 2 } else { 1 };
    usize::from(room.height.saturating_sub(edges))
}

/// A framed window in the middle, or the whole room on small screens; returns
/// what is inside.
pub(super) fn window(
    buf: &mut Buffer,
    theme: Theme,
    room: Rect,
    title: &str,
    hint: &str,
    size: (u16, u16),
) -> Rect {
    if room.width >= FRAMED {
        return frame(buf, theme, middle(room, size.0, size.1), title, hint);
    }
    Clear.render(room.intersection(buf.area), buf);
    put(buf, room, 0, &rule(theme, usize::from(room.width), title));
    Rect {
        y: room.y + 1,
        height: room.height.saturating_sub(1),
        ..room
    }
}

/// Words in place of the filter line above a list, in as many rows as they take;
/// returns the area for [`picker`], whose first row is the last of them.
pub(super) fn head(buf: &mut Buffer, theme: Theme, inner: Rect, text: &str) -> Rect {
    let rows = paragraph(text, usize::from(inner.width), "", theme.dim());
    put_all(buf, inner, &rows);
    let more = u16::try_from(rows.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let more = more.min(inner.height);
    Rect {
        y: inner.y + more,
        height: inner.height - more,
        ..inner
    }
}

/// A list with one chosen line, under a filter line.
pub(super) fn picker(
    buf: &mut Buffer,
    theme: Theme,
    inner: Rect,
    count: usize,
    selected: usize,
    line_of: impl Fn(usize, usize) -> Option<Line<'static>>,
) {
    let area = Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    };
    let height = usize::from(area.height);
    let selected = selected.min(count.saturating_sub(1));
    let from = (selected + 1).saturating_sub(height);
    for (y, at) in (0..area.height).zip(from..count) {
        let cells = usize::from(area.width).saturating_sub(2);
        let Some(mut row) = line_of(at, cells) else {
            continue;
        };
        let mark = if at == selected {
            theme.signs.chosen
        } else {
            " "
        };
        row.spans
            .insert(0, span(format!("{mark} "), theme.accent()));
        if at == selected {
            row.style = theme.chosen();
        }
        put(buf, area, y, &row);
        let drawn = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        mark_row(buf, drawn, at);
    }
    if count == 0 {
        put(
            buf,
            area,
            0,
            &line("Nothing here. Backspace widens a filter.", theme.dim()),
        );
    }
}

/// Empties `area`, draws a border with a title at its top and a hint at its
/// end; returns what is inside.
pub(crate) fn frame(buf: &mut Buffer, theme: Theme, area: Rect, title: &str, hint: &str) -> Rect {
    let area = area.intersection(buf.area);
    Clear.render(area, buf);
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let [nw, ne, sw, se] = theme.signs.corners;
    let inner = usize::from(area.width) - 2;
    let title = wrap::truncate(title, inner.saturating_sub(4), theme.signs.cut);
    let room = inner.saturating_sub(wrap::width(&title) + 3);
    let hint = if wrap::width(hint) + 2 <= room {
        hint
    } else {
        ""
    };
    let hint_cells = if hint.is_empty() {
        0
    } else {
        wrap::width(hint) + 2
    };
    let between = theme.signs.across.repeat(room.saturating_sub(hint_cells));
    let mut top = vec![
        span(format!("{nw}{}", theme.signs.across), theme.dim()),
        span(format!(" {title} "), theme.heading()),
        span(between, theme.dim()),
    ];
    top.extend(hint_spans(hint, theme.dim()));
    top.push(span(ne, theme.dim()));
    let top = Line::from(top);
    put(buf, area, 0, &top);
    for y in 1..area.height - 1 {
        let side = line(theme.signs.down, theme.dim());
        put(buf, area, y, &side);
        put(
            buf,
            Rect {
                x: area.right() - 1,
                width: 1,
                ..area
            },
            y,
            &side,
        );
    }
    let bottom = format!("{sw}{}{se}", theme.signs.across.repeat(inner));
    put(buf, area, area.height - 1, &line(bottom, theme.dim()));
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width - 4,
        height: area.height - 2,
    }
}

/// Hints such as `c copy  Esc close` in one style, with blanks around them; a
/// click on one presses its key.
fn hint_spans(hint: &str, style: Style) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (at, phrase) in hint.split("  ").filter(|p| !p.is_empty()).enumerate() {
        let (key, what) = phrase.split_once(' ').unwrap_or((phrase, ""));
        spans.push(span(if at == 0 { " " } else { "  " }, style));
        spans.push(span(key, Mark::Key.on(style)));
        if !what.is_empty() {
            spans.push(span(format!(" {what}"), style));
        }
    }
    if !spans.is_empty() {
        spans.push(span(" ", style));
    }
    spans
}

/// An area of at most this size in the middle of `screen`.
fn middle(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width);
    let height = height.min(screen.height);
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    }
}
