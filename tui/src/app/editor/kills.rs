//! What was cut: the last pieces, to be put back one after the other.

use std::collections::VecDeque;

/// How many pieces are kept.
const PIECES: usize = 30;

/// From which side of the cursor a piece was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// The pieces, the last one first.
#[derive(Debug, Clone, Default)]
pub(super) struct KillRing(VecDeque<String>);

impl KillRing {
    /// Keeps a piece; one that `joins` the last becomes one with it.
    pub(super) fn push(&mut self, piece: String, side: Side, joins: bool) {
        match self.0.front_mut().filter(|_| joins) {
            Some(last) if side == Side::After => last.push_str(&piece),
            Some(last) => last.insert_str(0, &piece),
            None => {
                self.0.truncate(PIECES - 1);
                self.0.push_front(piece);
            }
        }
    }

    /// The piece that is put back next.
    pub(super) fn first(&self) -> Option<&str> {
        self.0.front().map(String::as_str)
    }

    /// The piece before it takes its place.
    pub(super) fn rotate(&mut self) {
        if !self.0.is_empty() {
            self.0.rotate_left(1);
        }
    }
}
