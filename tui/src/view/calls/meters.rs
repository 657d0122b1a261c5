//! What is drawn of levels and of the last minute.

use ratatui::text::Span;

use super::super::draw::span;
use super::super::theme::Theme;
use crate::app::calls::{FLOOR_DB, Meter, Series};

/// A level meter of `cells` between its edges: -60 to 0 dBFS. Where nothing is
/// to move, the number and the word beside it say it all.
pub(crate) fn meter(meter: Meter, cells: usize, theme: Theme) -> Vec<Span<'static>> {
    if theme.still {
        return Vec::new();
    }
    let signs = theme.signs;
    let share = |db: f32| ((db - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0);
    let steps = signs.eighths.len();
    let filled = (share(meter.level) * (cells * steps) as f32).round() as usize;
    let peak = (share(meter.peak) * cells as f32).floor() as usize;
    let mut bar = String::new();
    for cell in 0..cells {
        let here = filled.saturating_sub(cell * steps).min(steps);
        bar.push_str(match here {
            0 if cell == peak && meter.peak > FLOOR_DB => signs.peak,
            0 => signs.empty,
            n => signs.eighths.get(n - 1).copied().unwrap_or(signs.empty),
        });
    }
    let style = match meter.level {
        db if db >= -3.0 => theme.bad(),
        db if db >= -9.0 => theme.warn(),
        _ => theme.good(),
    };
    let [left, right] = signs.meter;
    vec![
        span(left, theme.dim()),
        span(bar, style),
        span(right, theme.dim()),
    ]
}

/// The last minute in `cells` cells, on a fixed scale from 0 to `most`.
pub(super) fn sparkline(series: &Series, cells: usize, most: f32, theme: Theme) -> String {
    let heights = theme.signs.spark;
    let top = heights.len().saturating_sub(1);
    let height = |value: f32| {
        let share = (value / most).clamp(0.0, 1.0);
        heights
            .get((share * top as f32).round() as usize)
            .copied()
            .unwrap_or(" ")
    };
    series.worst(cells).into_iter().map(height).collect()
}
