//! What was sent or cleared in a conversation, to be used again.

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

    /// All lines, the last first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().rev().map(String::as_str)
    }

    /// Typing goes on from the line shown.
    pub(crate) fn settle(&mut self) {
        self.browsing = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
