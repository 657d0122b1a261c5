//! Text being written, with a cursor that always stands between graphemes,
//! readline's edits, and undo. Knows no keys and no screen.

mod kills;
#[cfg(test)]
mod tests;

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use self::kills::{KillRing, Side};

/// Most bytes an editor takes: far more than a message may have, so that a
/// paste is not cut silently before the limit of messages is explained.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// How many edits can be taken back.
const UNDO_STEPS: usize = 200;

/// A text and where its cursor stood.
type Snapshot = (String, usize);

/// What was done last: some edits go on from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    /// A character was typed: a run of them is one undo.
    Typed,
    /// Something was cut: what is cut next joins it.
    Cut,
    /// A piece was put back here: another one can take its place.
    Yanked(Range<usize>),
}

/// Text and a cursor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Editor {
    text: String,
    /// Byte of the cursor: always at the edge of a grapheme.
    cursor: usize,
    undo: Vec<Snapshot>,
    redo: Vec<Snapshot>,
    last: Last,
    kills: KillRing,
}

impl Editor {
    /// An editor with `text`, the cursor at its end.
    pub(crate) fn with_text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.len(),
            text,
            ..Self::default()
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Byte of the cursor within the text.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes over what was cut in `other`: whoever goes on writing elsewhere
    /// can put it back there.
    pub(crate) fn take_kills(&mut self, other: &mut Self) {
        self.kills = std::mem::take(&mut other.kills);
    }

    /// Takes the text out, leaving nothing; undo brings it back.
    pub(crate) fn take(&mut self) -> String {
        self.remember(Last::Other);
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Replaces everything, with the cursor at the end.
    pub(crate) fn replace(&mut self, text: &str) {
        self.remember(Last::Other);
        self.text = cleaned(text);
        self.cursor = self.text.len();
    }

    /// Puts text in at the cursor; what would exceed [`MOST_BYTES`] is left
    /// out, and `false` returned.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let text = cleaned(text);
        if self.text.len() + text.len() > MOST_BYTES {
            return false;
        }
        let single = text.chars().count() == 1 && !text.starts_with(char::is_whitespace);
        self.remember(if single { Last::Typed } else { Last::Other });
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        self.settle();
        true
    }

    /// Replaces `range` by `text`, with the cursor after it.
    pub(crate) fn put(&mut self, range: Range<usize>, text: &str) {
        if self.text.get(range.clone()).is_none() || self.text.len() + text.len() > MOST_BYTES {
            return;
        }
        self.remember(Last::Other);
        self.cursor = range.start + text.len();
        self.text.replace_range(range, text);
        self.settle();
    }

    /// Joining graphemes may leave the cursor inside one: step behind it.
    fn settle(&mut self) {
        if !self.text.is_char_boundary(self.cursor) {
            self.cursor = self.text.len();
        }
        let mut at = GraphemeCursor::new(self.cursor, self.text.len(), true);
        if !at.is_boundary(&self.text, 0).unwrap_or(true) {
            self.cursor = at
                .next_boundary(&self.text, 0)
                .ok()
                .flatten()
                .unwrap_or(self.text.len());
        }
    }

    pub(crate) fn left(&mut self) {
        self.go(self.before());
    }

    pub(crate) fn right(&mut self) {
        self.go(self.after());
    }

    pub(crate) fn word_left(&mut self) {
        self.go(self.word_before());
    }

    pub(crate) fn word_right(&mut self) {
        self.go(self.word_after());
    }

    /// To where the next word begins.
    pub(crate) fn next_word(&mut self) {
        self.go(self.next_word_start());
    }

    pub(crate) fn line_start(&mut self) {
        self.go(self.start_of_line());
    }

    pub(crate) fn line_end(&mut self) {
        self.go(self.end_of_line());
    }

    pub(crate) fn text_start(&mut self) {
        self.go(0);
    }

    pub(crate) fn text_end(&mut self) {
        self.go(self.text.len());
    }

    /// Moves the cursor to a byte, or the nearest edge of a grapheme after it.
    pub(crate) fn move_to(&mut self, at: usize) {
        self.go(at.min(self.text.len()));
        self.settle();
    }

    fn go(&mut self, to: usize) {
        self.cursor = to;
        self.last = Last::Other;
    }

    pub(crate) fn delete_back(&mut self) {
        let from = self.before();
        self.remove(from..self.cursor);
    }

    pub(crate) fn delete_forward(&mut self) {
        let to = self.after();
        self.remove(self.cursor..to);
    }

    pub(crate) fn cut_word_back(&mut self) {
        let from = self.word_before();
        self.cut(from..self.cursor, Side::Before);
    }

    /// Cuts back to the last blank: an address goes in one piece.
    pub(crate) fn cut_blank_back(&mut self) {
        let before = &self.text[..self.cursor];
        let word = before.trim_end_matches(char::is_whitespace);
        let blank = word.char_indices().rfind(|(_, c)| c.is_whitespace());
        let from = blank.map_or(0, |(at, c)| at + c.len_utf8());
        self.cut(from..self.cursor, Side::Before);
    }

    pub(crate) fn cut_word_forward(&mut self) {
        let to = self.word_after();
        self.cut(self.cursor..to, Side::After);
    }

    /// Cuts up to where the next word begins.
    pub(crate) fn cut_to_next_word(&mut self) {
        let to = self.next_word_start();
        self.cut(self.cursor..to, Side::After);
    }

    pub(crate) fn cut_to_start(&mut self) {
        let from = self.start_of_line();
        self.cut(from..self.cursor, Side::Before);
    }

    /// Cuts to the end of the line; at the end, the line break.
    pub(crate) fn cut_to_end(&mut self) {
        let end = self.end_of_line();
        let to = if end == self.cursor {
            self.after()
        } else {
            end
        };
        self.cut(self.cursor..to, Side::After);
    }

    /// Cuts the whole line with its break.
    pub(crate) fn cut_line(&mut self) {
        let (start, end) = (self.start_of_line(), self.end_of_line());
        let range = match self.text.len() {
            all if end < all => start..end + 1,
            // The last line goes with the break before it.
            _ => start.saturating_sub(1)..end,
        };
        self.cut(range, Side::After);
        self.line_start();
    }

    /// Puts back what was cut last.
    pub(crate) fn yank(&mut self) {
        let from = self.cursor;
        let Some(piece) = self.kills.first().map(str::to_owned) else {
            return;
        };
        if self.insert(&piece) {
            self.last = Last::Yanked(from..self.cursor);
        }
    }

    /// What was put back gives way to what was cut before it.
    pub(crate) fn rotate_yank(&mut self) {
        let Last::Yanked(range) = self.last.clone() else {
            return;
        };
        self.kills.rotate();
        let from = range.start;
        if let Some(piece) = self.kills.first().map(str::to_owned) {
            self.put(range, &piece);
            self.last = Last::Yanked(from..self.cursor);
        }
    }

    /// Takes the last edit back.
    pub(crate) fn undo(&mut self) {
        if let Some(earlier) = self.undo.pop() {
            let now = self.restore(earlier);
            self.redo.push(now);
        }
    }

    /// Does again what was taken back last.
    pub(crate) fn redo(&mut self) {
        if let Some(later) = self.redo.pop() {
            let now = self.restore(later);
            self.undo.push(now);
        }
    }

    /// Goes to a snapshot and gives the one that stood until now.
    fn restore(&mut self, (text, cursor): Snapshot) -> Snapshot {
        self.last = Last::Other;
        let text = std::mem::replace(&mut self.text, text);
        (text, std::mem::replace(&mut self.cursor, cursor))
    }

    fn remove(&mut self, range: Range<usize>) {
        self.take_out(range, Last::Other);
    }

    fn cut(&mut self, range: Range<usize>, side: Side) {
        let joins = self.last == Last::Cut;
        if let Some(piece) = self.take_out(range, Last::Cut) {
            self.kills.push(piece, side, joins);
        }
    }

    fn take_out(&mut self, range: Range<usize>, what: Last) -> Option<String> {
        if range.is_empty() || self.text.get(range.clone()).is_none() {
            return None;
        }
        self.remember(what);
        let gone: String = self.text.drain(range.clone()).collect();
        self.cursor = range.start;
        self.settle();
        Some(gone)
    }

    /// Keeps the text as it is before an edit of the kind `what`.
    fn remember(&mut self, what: Last) {
        self.redo.clear();
        let goes_on = what == Last::Typed && self.last == Last::Typed;
        self.last = what;
        if goes_on {
            return;
        }
        if self.undo.len() == UNDO_STEPS {
            self.undo.remove(0);
        }
        self.undo.push((self.text.clone(), self.cursor));
    }

    fn before(&self) -> usize {
        let mut at = GraphemeCursor::new(self.cursor, self.text.len(), true);
        at.prev_boundary(&self.text, 0).ok().flatten().unwrap_or(0)
    }

    fn after(&self) -> usize {
        let mut at = GraphemeCursor::new(self.cursor, self.text.len(), true);
        at.next_boundary(&self.text, 0)
            .ok()
            .flatten()
            .unwrap_or(self.text.len())
    }

    fn word_before(&self) -> usize {
        self.text[..self.cursor]
            .unicode_word_indices()
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn word_after(&self) -> usize {
        let rest = &self.text[self.cursor..];
        rest.unicode_word_indices()
            .next()
            .map_or(self.text.len(), |(at, w)| self.cursor + at + w.len())
    }

    fn next_word_start(&self) -> usize {
        let rest = &self.text[self.cursor..];
        let mut words = rest.unicode_word_indices().map(|(at, _)| at);
        words
            .find(|at| *at > 0)
            .map_or(self.text.len(), |at| self.cursor + at)
    }

    fn start_of_line(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1)
    }

    fn end_of_line(&self) -> usize {
        self.text[self.cursor..]
            .find('\n')
            .map_or(self.text.len(), |at| self.cursor + at)
    }
}

/// Text as an editor holds it: line ends of any system become `\n`, and what
/// would only move a terminal's cursor is left out. Tabs stay.
fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    match text.chars().any(unwanted) {
        true => text.chars().filter(|c| !unwanted(*c)).collect(),
        false => text,
    }
}

fn unwanted(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}
