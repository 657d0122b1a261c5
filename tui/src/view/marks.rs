//! What a cell belongs to: a link, a row to choose, a key to press. A cell has
//! no place for that, so its colour of underlines, which nothing else here
//! uses, holds a number; what writes the cells to the terminal sends no such
//! colour.

use std::collections::HashMap;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::screen;
use crate::app::{State, links};

/// What a cell belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// An address, as a number of 22 bits.
    Link(u32),
    /// A row of what can be chosen from.
    Row(u16),
    /// The name of a key.
    Key,
}

/// The two highest bits say which it is.
const ROW: u32 = 1 << 22;
const KEY: u32 = 2 << 22;
const NUMBER: u32 = (1 << 22) - 1;

impl Mark {
    /// The mark of a link.
    pub(crate) fn link(address: &str) -> Self {
        // FNV-1a, folded.
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let hash = address.bytes().fold(0x811c_9dc5, mix);
        Self::Link((hash >> 22) ^ (hash & NUMBER))
    }

    pub(crate) fn row(at: usize) -> Self {
        Self::Row(u16::try_from(at).unwrap_or(u16::MAX))
    }

    /// The style with this mark.
    pub(crate) fn on(self, style: Style) -> Style {
        let number = match self {
            Self::Link(number) => number & NUMBER,
            Self::Row(at) => ROW | u32::from(at),
            Self::Key => KEY,
        };
        let [_, red, green, blue] = number.to_be_bytes();
        style.underline_color(Color::Rgb(red, green, blue))
    }

    /// What a cell belongs to.
    pub(crate) fn of(cell: &Cell) -> Option<Self> {
        let Color::Rgb(red, green, blue) = cell.underline_color else {
            return None;
        };
        let number = u32::from_be_bytes([0, red, green, blue]);
        Some(match number & !NUMBER {
            ROW => Self::Row(u16::try_from(number & NUMBER).unwrap_or(u16::MAX)),
            KEY => Self::Key,
            _ => Self::Link(number & NUMBER),
        })
    }
}

/// Marks what is drawn in `area` as the row `at` of what can be chosen from.
pub(super) fn mark_row(buf: &mut Buffer, area: Rect, at: usize) {
    buf.set_style(area.intersection(buf.area), Mark::row(at).on(Style::new()));
}

/// The addresses of all links that the conversation on the screen can show.
pub(crate) fn addresses(state: &State) -> HashMap<Mark, String> {
    let rows = usize::from(state.size.1);
    let messages = state
        .conversation()
        .map_or(&[][..], |c| c.near_reader(rows));
    let texts = messages.iter().map(|m| m.text.as_str());
    let with_links = texts.filter(|text| text.contains("://"));
    with_links
        .flat_map(|text| links::find(text).into_iter().map(|range| &text[range]))
        .map(|address| (Mark::link(address), address.to_owned()))
        .collect()
}

/// What a click on a place of the screen hits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hit {
    Row(usize),
    /// A key, as it is written there.
    Key(String),
}

/// What stands at a place of the screen, as it is drawn now.
pub(crate) fn hit_at(state: &State, column: u16, row: u16) -> Option<Hit> {
    let (width, height) = state.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    screen(state, &mut buf);
    let cell = |x: u16| buf.cell((x, row));
    match Mark::of(cell(column)?) {
        Some(Mark::Row(at)) => return Some(Hit::Row(usize::from(at))),
        Some(Mark::Link(_)) => return None,
        Some(Mark::Key) | None => {}
    }
    // A hint is a key and what it does; two blanks stand between hints.
    let blank = |x: u16| cell(x).is_none_or(|c| c.symbol() == " ");
    let mut start = column;
    while start > 0 && !(blank(start - 1) && (start < 2 || blank(start - 2))) {
        start -= 1;
    }
    let of_key = |x: &u16| cell(*x).is_some_and(|c| Mark::of(c) == Some(Mark::Key));
    let keys = (start..width).skip_while(|x| !of_key(x) && *x <= column && blank(*x));
    let keys: String = keys
        .take_while(of_key)
        .filter_map(|x| cell(x).map(Cell::symbol))
        .collect();
    (!blank(column) && !keys.trim().is_empty()).then(|| Hit::Key(keys.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_a_cell() {
        for mark in [
            Mark::link("https://a.example"),
            Mark::row(0),
            Mark::row(70_000),
            Mark::Key,
        ] {
            let mut cell = Cell::EMPTY;
            cell.set_style(mark.on(Style::new()));
            assert_eq!(Mark::of(&cell), Some(mark));
        }
        assert_eq!(Mark::of(&Cell::EMPTY), None);
    }
}
