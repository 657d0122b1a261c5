//! Writes cells as crossterm does, with links around those that belong to one
//! (OSC 8). Terminals that know no links pass over them.

use std::collections::HashMap;
use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::Color;

use crate::view::marks::Mark;

/// A terminal that shows links.
#[derive(Debug)]
pub(super) struct Linked<W: Write> {
    plain: CrosstermBackend<W>,
    /// The addresses of what may be drawn next; none where links are not
    /// understood.
    addresses: HashMap<Mark, String>,
}

impl<W: Write> Linked<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            plain: CrosstermBackend::new(out),
            addresses: HashMap::new(),
        }
    }

    /// Takes the addresses of what is drawn next.
    pub(super) fn know(&mut self, addresses: HashMap<Mark, String>) {
        self.addresses = addresses;
    }

    /// Writes cells of one link, or of none.
    fn run(&mut self, link: Option<Mark>, cells: &mut Vec<(u16, u16, Cell)>) -> io::Result<()> {
        if cells.is_empty() {
            return Ok(());
        }
        let address = link.and_then(|id| self.addresses.get(&id));
        let ends = address.is_some();
        if let Some(address) = address {
            let opens = format!("\x1b]8;;{}\x1b\\", encoded(address));
            self.plain.write_all(opens.as_bytes())?;
        }
        self.plain
            .draw(cells.iter().map(|(x, y, cell)| (*x, *y, cell)))?;
        if ends {
            self.plain.write_all(b"\x1b]8;;\x1b\\")?;
        }
        cells.clear();
        Ok(())
    }
}

/// Only what may stand in the sequence: the rest as its bytes in hex.
fn encoded(address: &str) -> String {
    let mut text = String::with_capacity(address.len());
    for byte in address.bytes() {
        match byte {
            0x21..=0x7e => text.push(char::from(byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

impl<W: Write> Backend for Linked<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut link = None;
        let mut cells = Vec::new();
        for (x, y, cell) in content {
            let here = Mark::of(cell).filter(|mark| matches!(mark, Mark::Link(_)));
            if here != link {
                self.run(link, &mut cells)?;
                link = here;
            }
            let mut cell = cell.clone();
            cell.underline_color = Color::Reset;
            cells.push((x, y, cell));
        }
        self.run(link, &mut cells)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.plain.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.plain.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // It would have to be asked for among the keys, and nobody needs it.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.plain.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.plain.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.plain.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.plain.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.plain.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn only_the_cells_of_a_link_are_linked() {
        let address = "https://a.example/\u{e9}";
        let id = Mark::link(address);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 9, 1));
        buffer.set_string(0, 0, "see ", Style::new());
        buffer.set_string(4, 0, "a.ex", id.on(Style::new()));
        let mut bytes = Vec::new();
        let mut backend = Linked::new(&mut bytes);
        backend.know(HashMap::from([(id, address.to_owned())]));
        let cells = (0u16..9).map(|x| (x, 0, &buffer[(x, 0)]));
        backend.draw(cells).unwrap();
        drop(backend);
        let text = String::from_utf8(bytes).unwrap();
        let (before, rest) = text
            .split_once("\x1b]8;;https://a.example/%C3%A9\x1b\\")
            .unwrap();
        let (linked, after) = rest.split_once("\x1b]8;;\x1b\\").unwrap();
        assert!(before.contains("see ") && linked.contains("a.ex") && !after.contains("a.ex"));
        assert!(!text.contains("\x1b[58"), "{text:?}");
    }
}
