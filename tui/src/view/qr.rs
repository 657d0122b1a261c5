//! QR codes in cells of a terminal.

use qrcode::{Color, EcLevel, QrCode};
use ratatui::text::{Line, Span};

use super::theme::Theme;

/// Modules around the code that stay light.
const QUIET: usize = 2;

/// A QR code with its quiet zone; nothing for a text that is too long for one.
/// Two of its rows are in each row of cells; where the font has no half blocks
/// each of its modules is two cells wide.
pub(super) fn lines(text: &str, theme: Theme) -> Vec<Line<'static>> {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::L) else {
        return Vec::new();
    };
    match theme.glyphs.has_half_blocks() {
        true => halves(&code, theme),
        false => wholes(&code, theme),
    }
}

/// Modules in a row, the quiet zone included.
fn size(code: &QrCode) -> usize {
    code.width() + 2 * QUIET
}

fn is_dark(code: &QrCode, x: usize, y: usize) -> bool {
    let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.width());
    match (inside(x), inside(y)) {
        (Some(x), Some(y)) => code[(x, y)] == Color::Dark,
        _ => false,
    }
}

fn halves(code: &QrCode, theme: Theme) -> Vec<Line<'static>> {
    let row = |y: usize| -> String {
        let cell = |x| match (is_dark(code, x, y), is_dark(code, x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..size(code)).map(cell).collect()
    };
    let rows = (0..size(code)).step_by(2);
    rows.map(|y| Line::from(Span::styled(row(y), theme.qr())))
        .collect()
}

fn wholes(code: &QrCode, theme: Theme) -> Vec<Line<'static>> {
    let module = |x, y| match is_dark(code, x, y) {
        true => Span::styled("  ", theme.qr_dark()),
        false => Span::styled("  ", theme.qr()),
    };
    let rows = 0..size(code);
    rows.map(|y| (0..size(code)).map(|x| module(x, y)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;
    use crate::app::{Glyphs, Look};

    /// The modules that lines show, row by row: whether each is dark.
    fn seen(lines: &[Line<'_>], theme: Theme) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in lines {
            let cells: Vec<(char, Style)> = line
                .spans
                .iter()
                .flat_map(|span| span.content.chars().map(|c| (c, span.style)))
                .collect();
            if theme.glyphs.has_half_blocks() {
                rows.push(cells.iter().map(|(c, _)| "█▀".contains(*c)).collect());
                rows.push(cells.iter().map(|(c, _)| "█▄".contains(*c)).collect());
            } else {
                let dark = |pair: &[(char, Style)]| pair[0].1 == theme.qr_dark();
                rows.push(cells.chunks(2).map(dark).collect());
            }
        }
        rows
    }

    #[test]
    fn both_ways_show_the_code_and_its_quiet_zone() {
        for (glyphs, mono) in Glyphs::ALL
            .into_iter()
            .flat_map(|g| [(g, false), (g, true)])
        {
            let look = Look {
                glyphs,
                mono,
                ..Look::default()
            };
            let theme = Theme::of(look);
            let text = "twocan:192.168.7.1:7777#6nc2vj4fj3pp";
            let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
            let seen = seen(&lines(text, theme), theme);
            assert!(seen.len() >= size(&code) && seen[0].len() == size(&code));
            for (y, row) in seen.iter().enumerate() {
                for (x, dark) in row.iter().enumerate() {
                    assert_eq!(*dark, is_dark(&code, x, y), "{glyphs:?} at {x},{y}");
                }
            }
            assert_ne!(theme.qr(), theme.qr_dark());
        }
    }

    #[test]
    fn what_is_too_long_has_none() {
        let theme = Theme::of(Look::default());
        assert!(lines(&"x".repeat(5_000), theme).is_empty());
    }
}
