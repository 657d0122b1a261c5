//! Writes cells as crossterm does, with links around those that belong to one
//! (OSC 8). Terminals that know no links pass over them. A frame is one write,
//! and shown in one piece where the terminal can do that (DEC mode 2026);
//! nothing is written if it is what is shown already.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::Color;

use crate::view::marks::Mark;

/// Bytes of a frame that are collected; most frames have fewer.
const FRAME_BYTES: usize = 16 * 1024;

/// A terminal that shows links.
#[derive(Debug)]
pub(super) struct Linked<W: Write> {
    plain: CrosstermBackend<BufWriter<W>>,
    /// Columns and rows, as they were told last: to ask means to open the
    /// terminal anew.
    size: Size,
    /// A frame has begun and not ended.
    begun: bool,
    cursor: Cursor,
    /// The addresses of what may be drawn next; none where links are not
    /// understood.
    addresses: HashMap<Mark, String>,
}

/// The cursor as it was left, where that is known.
#[derive(Debug, Default)]
struct Cursor {
    shown: Option<bool>,
    at: Option<Position>,
}

impl<W: Write> Linked<W> {
    /// A terminal of this many columns and rows.
    pub(super) fn new(out: W, size: (u16, u16)) -> Self {
        Self {
            plain: CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, out)),
            size: size.into(),
            begun: false,
            cursor: Cursor::default(),
            addresses: HashMap::new(),
        }
    }

    /// The terminal has this many columns and rows from now on.
    pub(super) fn resize(&mut self, size: (u16, u16)) {
        self.size = size.into();
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
        match self.cursor.shown.replace(false) {
            Some(false) => Ok(()),
            _ => queue!(self.plain, Hide),
        }
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        match self.cursor.shown.replace(true) {
            Some(true) => Ok(()),
            _ => queue!(self.plain, Show),
        }
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // It would have to be asked for among the keys, and nobody needs it.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let to = position.into();
        if self.cursor.at.replace(to) == Some(to) {
            return Ok(());
        }
        queue!(self.plain, MoveTo(to.x, to.y))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        // Somebody else may have had the terminal.
        self.cursor = Cursor::default();
        self.plain.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.plain.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.begun) {
            queue!(self.plain, EndSynchronizedUpdate)?;
        }
        Write::flush(&mut self.plain)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use ratatui::Terminal;
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
        let mut backend = Linked::new(&mut bytes, (9, 1));
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

    /// Keeps what is written where a test finds it.
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_that_changes_nothing_writes_nothing() {
        let written = Rc::new(RefCell::new(Vec::new()));
        let backend = Linked::new(Shared(Rc::clone(&written)), (9, 2));
        let mut terminal = Terminal::new(backend).unwrap();
        let mut draw = |text: &str, at: u16| {
            let drawn = terminal.draw(|frame| {
                frame.buffer_mut().set_string(0, 0, text, Style::new());
                frame.set_cursor_position((at, 1));
            });
            drawn.unwrap();
            String::from_utf8(written.take()).unwrap()
        };
        let first = draw("hello", 1);
        assert!(
            first.contains("hello") && first.contains("\x1b[?25h"),
            "{first:?}"
        );
        assert!(first.starts_with("\x1b[?2026h") && first.ends_with("\x1b[?2026l"));
        assert_eq!(draw("hello", 1), "");
        assert_eq!(draw("hello", 2), "\x1b[2;3H");
        assert!(draw("help", 2).ends_with("\x1b[2;3H\x1b[?2026l"));
    }
}
