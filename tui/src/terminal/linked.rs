//! Writes cells as crossterm does, with links around those that belong to one
//! (OSC 8). Terminals that know no links pass over them. A frame is one write,
//! and shown in one piece where the terminal can do that (DEC mode 2026);
//! nothing is written if it is what is shown already.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Cell;
use ratatui::layout::Position;
use ratatui::style::Color;

use crate::view::marks::Mark;

/// Bytes of a frame that are collected; most frames have fewer.
const FRAME_BYTES: usize = 16 * 1024;

/// A terminal that shows links.
#[derive(Debug)]
pub(super) struct Linked<W: Write> {
    plain: CrosstermBackend<BufWriter<W>>,
    /// A frame has begun and not ended.
    begun: bool,
    cursor: Cursor,
    /// The addresses of what may be drawn next; none where links are not
    /// understood.
    addresses: HashMap<Mark, String>,
    /// Where the cells of a run are collected.
    run: Vec<(u16, u16, Cell)>,
}

/// The cursor as it was left, where that is known.
#[derive(Debug, Default)]
struct Cursor {
    shown: Option<bool>,
    at: Option<Position>,
}

impl<W: Write> Linked<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            plain: CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, out)),
            begun: false,
            cursor: Cursor::default(),
            addresses: HashMap::new(),
            run: Vec::new(),
        }
    }

    /// Takes the addresses of what is drawn next.
    pub(super) fn know(&mut self, addresses: HashMap<Mark, String>) {
        self.addresses = addresses;
    }

    /// Writes cells, each with its column and row.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw<'a>(
        &mut self,
        content: impl Iterator<Item = (u16, u16, &'a Cell)>,
    ) -> io::Result<()> {
        let mut link = None;
        for (x, y, cell) in content {
            let here = Mark::of(cell).filter(|mark| matches!(mark, Mark::Link(_)));
            if here != link {
                self.end_run(link)?;
                link = here;
            }
            let mut cell = cell.clone();
            cell.underline_color = Color::Reset;
            self.run.push((x, y, cell));
        }
        self.end_run(link)
    }

    /// Writes the cells of a run, which have this link or none.
    fn end_run(&mut self, link: Option<Mark>) -> io::Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        if !std::mem::replace(&mut self.begun, true) {
            queue!(self.plain, BeginSynchronizedUpdate)?;
        }
        self.cursor.at = None;
        let address = link.and_then(|id| self.addresses.get(&id));
        let ends = address.is_some();
        if let Some(address) = address {
            let opens = format!("\x1b]8;;{}\x1b\\", encoded(address));
            self.plain.write_all(opens.as_bytes())?;
        }
        self.plain
            .draw(self.run.iter().map(|(x, y, cell)| (*x, *y, cell)))?;
        if ends {
            self.plain.write_all(b"\x1b]8;;\x1b\\")?;
        }
        self.run.clear();
        Ok(())
    }

    /// Puts the cursor at a place, or hides it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn put_cursor(&mut self, place: Option<Position>) -> io::Result<()> {
        let Some(place) = place else {
            return match self.cursor.shown.replace(false) {
                Some(false) => Ok(()),
                _ => queue!(self.plain, Hide),
            };
        };
        if self.cursor.shown.replace(true) != Some(true) {
            queue!(self.plain, Show)?;
        }
        if self.cursor.at.replace(place) != Some(place) {
            queue!(self.plain, MoveTo(place.x, place.y))?;
        }
        Ok(())
    }

    /// Empties the screen.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        // Somebody else may have had the terminal.
        self.cursor = Cursor::default();
        self.plain.clear()
    }

    /// Ends the frame, and brings it to the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.begun) {
            queue!(self.plain, EndSynchronizedUpdate)?;
        }
        Write::flush(&mut self.plain)
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
