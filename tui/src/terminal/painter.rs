//! What the terminal shows, and how it comes to show the state: only cells that
//! differ are written, and after a key that only writes only the rows are
//! looked at where that can be seen.

use std::io::{self, Write};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::linked::Linked;
use crate::app::{Stale, State};
use crate::view::layout::{Layout, Panes, layout};
use crate::view::{marks, screen, writing};

/// Draws on a terminal.
#[derive(Debug)]
pub(super) struct Painter<W: Write> {
    terminal: Linked<W>,
    /// Whether the terminal understands links.
    has_links: bool,
    shown: Buffer,
    /// The cells of the next frame; what is in it does not matter.
    next: Buffer,
    /// How the screen is divided that is shown.
    panes: Option<Panes>,
}

impl<W: Write> Painter<W> {
    /// A painter for a terminal of this many columns and rows, which shows
    /// nothing yet.
    pub(super) fn new(out: W, (columns, rows): (u16, u16), has_links: bool) -> Self {
        let area = Rect::new(0, 0, columns, rows);
        Self {
            terminal: Linked::new(out),
            has_links,
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            panes: None,
        }
    }

    /// The terminal has this many columns and rows now, or was somebody
    /// else's: it is emptied.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn begin_anew(&mut self, (columns, rows): (u16, u16)) -> io::Result<()> {
        self.shown = Buffer::empty(Rect::new(0, 0, columns, rows));
        self.next = self.shown.clone();
        self.panes = None;
        self.terminal.clear()
    }

    /// Shows the state; what of it is stale says how much is looked at.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, state: &State) -> io::Result<()> {
        let as_shown = |panes: &Panes| layout(state) == Layout::Panes(*panes);
        let cursor = match self.panes.filter(as_shown) {
            Some(panes) if state.stale <= Stale::Writing => self.draw_writing(state, &panes)?,
            _ => self.draw_all(state)?,
        };
        self.terminal.put_cursor(cursor)?;
        self.terminal.flush()
    }

    fn draw_all(&mut self, state: &State) -> io::Result<Option<Position>> {
        if self.has_links {
            self.terminal.know(marks::addresses(state));
        }
        self.next.reset();
        let cursor = screen(state, &mut self.next);
        self.terminal.draw(self.shown.diff_iter(&self.next))?;
        std::mem::swap(&mut self.shown, &mut self.next);
        self.panes = match layout(state) {
            Layout::Panes(panes) => Some(panes),
            Layout::Tiny(_) => None,
        };
        Ok(cursor)
    }

    fn draw_writing(&mut self, state: &State, panes: &Panes) -> io::Result<Option<Position>> {
        let (parts, cursor) = writing(state, panes);
        for part in parts {
            self.put(part)?;
        }
        Ok(cursor)
    }

    /// Shows a part of the screen. Its cells are moved, as copying a cell costs
    /// more than all else here.
    fn put(&mut self, mut part: Buffer) -> io::Result<()> {
        let is_shown = |at: Position| self.shown.cell(at) == part.cell(at);
        if part.area.positions().all(is_shown) {
            return Ok(());
        }
        let mut before = Buffer::empty(part.area);
        self.swap(&mut before);
        let drawn = self.terminal.draw(before.diff_iter(&part));
        self.swap(&mut part);
        drawn
    }

    /// Exchanges the cells of a part of the screen with those that are shown.
    fn swap(&mut self, part: &mut Buffer) {
        for place in part.area.positions() {
            if let (Some(shown), Some(cell)) = (self.shown.cell_mut(place), part.cell_mut(place)) {
                std::mem::swap(shown, cell);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::app::msg::Msg;
    use crate::app::update::update;
    use crate::app::{Look, sample};

    /// Keeps what is written where a test finds it.
    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Shared {
        fn taken(&self) -> String {
            String::from_utf8(self.0.take()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const SIZE: (u16, u16) = (120, 36);

    fn press(state: &mut State, key: &str) {
        let now = state.now;
        update(state, now, Msg::Key(key.parse().unwrap()));
    }

    #[test]
    fn a_frame_that_changes_nothing_writes_nothing() {
        let written = Shared::default();
        let mut painter = Painter::new(written.clone(), SIZE, false);
        let mut state = sample::busy(SIZE, Look::default());
        painter.draw(&state).unwrap();
        let first = written.taken();
        assert!(
            first.contains("Bob") && first.contains("\x1b[?25h"),
            "{first:?}"
        );
        assert!(first.starts_with("\x1b[?2026h") && first.ends_with("\x1b[?2026l"));
        painter.draw(&state).unwrap();
        assert_eq!(written.taken(), "");
        state.stale = Stale::Nothing;
        press(&mut state, "x");
        assert_eq!(state.stale, Stale::Writing);
        painter.draw(&state).unwrap();
        let key = written.taken();
        assert!(key.contains('x') && key.len() < 200, "{key:?}");
        painter.begin_anew(SIZE).unwrap();
        painter.draw(&state).unwrap();
        assert!(written.taken().contains("Bob"));
    }

    #[test]
    fn a_draft_that_grows_moves_the_messages() {
        let written = Shared::default();
        let mut painter = Painter::new(written.clone(), SIZE, false);
        let mut state = sample::busy(SIZE, Look::default());
        painter.draw(&state).unwrap();
        written.taken();
        for _ in 0..90 {
            state.stale = Stale::Nothing;
            press(&mut state, "w");
            painter.draw(&state).unwrap();
        }
        let mut whole = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
        screen(&state, &mut whole);
        assert_eq!(painter.shown, whole);
        assert!(
            written.taken().contains("Bob"),
            "the messages were drawn again"
        );
    }
}
