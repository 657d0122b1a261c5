//! Text being written, with a cursor that always stands between graphemes,
//! readline's edits, and undo. Knows no keys and no screen.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Most bytes an editor takes: far more than a message may have, so that a
/// paste is not cut silently before the limit of messages is explained.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// How many edits can be taken back.
const UNDO_STEPS: usize = 200;

/// Text and a cursor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Editor {
    text: String,
    /// Byte of the cursor: always at the edge of a grapheme.
    cursor: usize,
    undo: Vec<(String, usize)>,
    /// Whether the last edit typed a character: a run of them is one undo.
    typing: bool,
    /// What was cut last, for yank.
    cut: String,
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

    /// Takes the text out, leaving nothing; undo brings it back.
    pub(crate) fn take(&mut self) -> String {
        self.remember(false);
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Replaces everything, with the cursor at the end.
    pub(crate) fn replace(&mut self, text: &str) {
        self.remember(false);
        text.clone_into(&mut self.text);
        self.cursor = self.text.len();
    }

    /// Puts text in at the cursor; what would exceed [`MOST_BYTES`] is left
    /// out, and `false` returned.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let single = text.chars().count() == 1 && !text.starts_with(char::is_whitespace);
        self.remember(single);
        // A paste may carry the line ends of another system.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if self.text.len() + text.len() > MOST_BYTES {
            return false;
        }
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        self.settle();
        true
    }

    /// Replaces `range` by `text`, with the cursor after it.
    pub(crate) fn put(&mut self, range: std::ops::Range<usize>, text: &str) {
        if self.text.get(range.clone()).is_none() || self.text.len() + text.len() > MOST_BYTES {
            return;
        }
        self.remember(false);
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
        self.cursor = self.before();
        self.typing = false;
    }

    pub(crate) fn right(&mut self) {
        self.cursor = self.after();
        self.typing = false;
    }

    pub(crate) fn word_left(&mut self) {
        self.cursor = self.word_before();
        self.typing = false;
    }

    pub(crate) fn word_right(&mut self) {
        self.cursor = self.word_after();
        self.typing = false;
    }

    pub(crate) fn line_start(&mut self) {
        self.cursor = self.start_of_line();
        self.typing = false;
    }

    pub(crate) fn line_end(&mut self) {
        self.cursor = self.end_of_line();
        self.typing = false;
    }

    /// Moves the cursor to a byte, or the nearest edge of a grapheme after it.
    pub(crate) fn move_to(&mut self, at: usize) {
        self.cursor = at.min(self.text.len());
        self.settle();
        self.typing = false;
    }

    pub(crate) fn delete_back(&mut self) {
        let from = self.before();
        self.remove(from..self.cursor, false);
    }

    pub(crate) fn delete_forward(&mut self) {
        let to = self.after();
        self.remove(self.cursor..to, false);
    }

    pub(crate) fn cut_word_back(&mut self) {
        let from = self.word_before();
        self.remove(from..self.cursor, true);
    }

    pub(crate) fn cut_word_forward(&mut self) {
        let to = self.word_after();
        self.remove(self.cursor..to, true);
    }

    pub(crate) fn cut_to_start(&mut self) {
        let from = self.start_of_line();
        self.remove(from..self.cursor, true);
    }

    /// Cuts to the end of the line; at the end, the line break.
    pub(crate) fn cut_to_end(&mut self) {
        let end = self.end_of_line();
        let to = if end == self.cursor {
            self.after()
        } else {
            end
        };
        self.remove(self.cursor..to, true);
    }

    /// Puts back what was cut last.
    pub(crate) fn yank(&mut self) {
        let cut = self.cut.clone();
        self.insert(&cut);
    }

    /// Takes the last edit back.
    pub(crate) fn undo(&mut self) {
        if let Some((text, cursor)) = self.undo.pop() {
            self.text = text;
            self.cursor = cursor;
            self.typing = false;
        }
    }

    fn remove(&mut self, range: std::ops::Range<usize>, keep: bool) {
        if range.is_empty() {
            return;
        }
        self.remember(false);
        let gone: String = self.text.drain(range.clone()).collect();
        self.cursor = range.start;
        if keep {
            self.cut = gone;
        }
        self.settle();
    }

    fn remember(&mut self, typing: bool) {
        let goes_on = typing && self.typing;
        self.typing = typing;
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

    fn start_of_line(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1)
    }

    fn end_of_line(&self) -> usize {
        self.text[self.cursor..]
            .find('\n')
            .map_or(self.text.len(), |at| self.cursor + at)
    }
}

/// Lines sent earlier, for Up and Down.
#[derive(Debug, Default)]
pub(crate) struct InputHistory {
    lines: Vec<String>,
    /// Which line is shown, and what was being written before.
    browsing: Option<(usize, String)>,
}

/// How many lines are remembered.
const LINES: usize = 200;

impl InputHistory {
    /// Remembers a line that was sent or cleared.
    pub(crate) fn push(&mut self, line: &str) {
        self.browsing = None;
        if line.trim().is_empty() || self.lines.last().is_some_and(|l| l == line) {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.remove(0);
        }
        self.lines.push(line.to_owned());
    }

    /// The line before the one shown; `current` is kept to come back to.
    pub(crate) fn earlier(&mut self, current: &str) -> Option<&str> {
        let (at, kept) = match self.browsing.take() {
            Some((at, kept)) => (at.checked_sub(1).unwrap_or(at), kept),
            None => (self.lines.len().checked_sub(1)?, current.to_owned()),
        };
        self.browsing = Some((at, kept));
        self.lines.get(at).map(String::as_str)
    }

    /// The line after the one shown; at the end, what was being written.
    pub(crate) fn later(&mut self) -> Option<String> {
        let (at, kept) = self.browsing.take()?;
        let Some(line) = self.lines.get(at + 1) else {
            return Some(kept);
        };
        self.browsing = Some((at + 1, kept));
        Some(line.clone())
    }

    /// Typing goes on from the line shown.
    pub(crate) fn settle(&mut self) {
        self.browsing = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn readline_edits() {
        let mut editor = Editor::with_text("one two three");
        editor.cut_word_back();
        assert_eq!(editor.text(), "one two ");
        editor.yank();
        editor.line_start();
        editor.cut_word_forward();
        assert_eq!(editor.text(), " two three");
        editor.undo();
        assert_eq!(editor.text(), "one two three");
        editor.line_end();
        editor.cut_to_start();
        assert!(editor.is_empty());
    }

    #[test]
    fn lines_are_edited_apart() {
        let mut editor = Editor::with_text("one\ntwo");
        editor.line_start();
        assert_eq!(editor.cursor(), 4);
        editor.cut_to_end();
        assert_eq!(editor.text(), "one\n");
        editor.left();
        editor.cut_to_end();
        assert_eq!(editor.text(), "one");
    }

    #[test]
    fn a_run_of_letters_is_one_undo() {
        let mut editor = Editor::default();
        for c in ["a", "b", "c"] {
            editor.insert(c);
        }
        editor.undo();
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn the_draft_comes_back_after_history() {
        let mut history = InputHistory::default();
        history.push("first");
        history.push("second");
        assert_eq!(history.earlier("draft"), Some("second"));
        assert_eq!(history.earlier("second"), Some("first"));
        assert_eq!(history.earlier("first"), Some("first"));
        assert_eq!(history.later().as_deref(), Some("second"));
        assert_eq!(history.later().as_deref(), Some("draft"));
        assert_eq!(history.later(), None);
    }

    proptest! {
        #[test]
        fn the_cursor_stays_between_graphemes(
            texts in prop::collection::vec("[a\u{301}e \n\u{1f468}\u{200d}\u{fe0f}🇩你]{0,4}", 1..8),
            edits in prop::collection::vec(0u8..14, 0..40),
        ) {
            let mut editor = Editor::default();
            for (i, edit) in edits.into_iter().enumerate() {
                match edit {
                    0 => editor.left(),
                    1 => editor.right(),
                    2 => editor.word_left(),
                    3 => editor.word_right(),
                    4 => editor.line_start(),
                    5 => editor.line_end(),
                    6 => editor.delete_back(),
                    7 => editor.delete_forward(),
                    8 => editor.cut_word_back(),
                    9 => editor.cut_word_forward(),
                    10 => editor.cut_to_start(),
                    11 => editor.cut_to_end(),
                    12 => editor.undo(),
                    _ => { editor.insert(&texts[i % texts.len()]); }
                }
                let at = editor.cursor();
                let edges: Vec<usize> = editor.text().grapheme_indices(true)
                    .map(|(i, _)| i).chain([editor.text().len()]).collect();
                prop_assert!(edges.contains(&at), "{:?} at {at}", editor.text());
            }
        }
    }
}
