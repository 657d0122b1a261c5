//! What the terminal shows, and how it comes to show the state: only cells that
//! differ are written, and after a key that only writes only the rows are
//! looked at where that can be seen.

use std::io::{self, Write};
use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::linked::Linked;
use crate::app::{Stale, State};
use crate::view::layout::{Layout, Panes, layout};
use crate::view::{composer, marks, notice, screen};

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
        if state.stale == Stale::Writing {
            self.put(notice(state, panes))?;
        }
        let (composer, cursor) = composer(state, panes);
        self.put(composer)?;
        Ok(cursor)
    }

    /// Shows a part of the screen. Cells are moved, and only around those that
    /// differ, as copying cells costs more than all else here.
    fn put(&mut self, mut part: Buffer) -> io::Result<()> {
        let Some(area) = self.changed(&part) else {
            return Ok(());
        };
        let (mut before, mut after) = (Buffer::empty(area), Buffer::empty(area));
        exchange(&mut self.shown, &mut before);
        exchange(&mut part, &mut after);
        let drawn = self.terminal.draw(before.diff_iter(&after));
        exchange(&mut self.shown, &mut after);
        drawn
    }

    /// Where a part differs from what is shown, and a column more: the second
    /// cell of a wide sign is in it.
    fn changed(&self, part: &Buffer) -> Option<Rect> {
        let rows = part.area.rows().filter_map(|row| {
            let before = self.shown.content.get(cells(&self.shown, row)?)?;
            let after = part.content.get(cells(part, row)?)?;
            let mut pairs = before.iter().zip(after);
            let first = pairs.clone().position(|(before, after)| before != after)?;
            let last = pairs.rposition(|(before, after)| before != after)?;
            let [x, width] = [first, last - first + 2].map(|n| n as u16);
            Some(Rect::new(row.x + x, row.y, width, 1).intersection(row))
        });
        rows.reduce(Rect::union)
    }
}

/// Exchanges the cells of a part with those at its place in the whole.
fn exchange(whole: &mut Buffer, part: &mut Buffer) {
    for row in part.area.rows() {
        if let (Some(there), Some(here)) = (cells(whole, row), cells(part, row))
            && let Some(shown) = whole.content.get_mut(there)
            && let Some(next) = part.content.get_mut(here)
        {
            shown.swap_with_slice(next);
        }
    }
}

/// Which cells of a buffer are a row, if that is in it.
fn cells(buffer: &Buffer, row: Rect) -> Option<Range<usize>> {
    let within = !row.is_empty() && buffer.area.intersection(row) == row;
    let start = within.then(|| buffer.index_of(row.x, row.y))?;
    Some(start..start + usize::from(row.width))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::num::NonZero;
    use std::rc::Rc;

    use proptest::prelude::*;

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
        assert_eq!(state.stale, Stale::Composer);
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

    /// A terminal of [`SIZE`] after it was written to.
    fn shown(written: &str) -> (String, (u16, u16)) {
        let [rows, columns] = [SIZE.1, SIZE.0].map(|cells| NonZero::new(cells).unwrap());
        let mut parser = vt100::Parser::new(rows, columns, 0);
        parser.process(written.as_bytes());
        let screen = parser.screen();
        (screen.contents(), screen.cursor_position())
    }

    proptest! {
        #[test]
        fn key_by_key_the_same_is_shown_as_at_once(
            keys in prop::collection::vec(
                prop::sample::select(vec!["x", "漢", "é", "w", "/", "m", "Backspace", "Delete", "Left", "Right"]),
                1..40,
            ),
        ) {
            let written = Shared::default();
            let mut painter = Painter::new(written.clone(), SIZE, false);
            let mut state = sample::busy(SIZE, Look::default());
            painter.draw(&state).unwrap();
            for key in keys {
                state.stale = Stale::Nothing;
                press(&mut state, key);
                painter.draw(&state).unwrap();
            }
            let at_once = Shared::default();
            Painter::new(at_once.clone(), SIZE, false).draw(&state).unwrap();
            prop_assert_eq!(shown(&written.taken()), shown(&at_once.taken()));
        }
    }
}
