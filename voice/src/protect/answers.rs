//! What is sent again because the receiver lacks it.
//!
//! The receiver names the newest packet that it has, so what it lacks of the
//! frames that were sent again in a packet up to that one was lost once more,
//! and what it lacks of later ones may be on its way. No round trip has to be
//! known (the idea of RFC 9002, 6.1, which tells losses by packets that came).

use std::collections::BTreeMap;

use super::payload::{MOST_DISTANCE, Window};
use crate::Missing;

/// Which frames are to be sent again.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// The newest packet that the receiver is known to have.
    newest: u64,
    /// Frames that it lacks, the oldest last.
    wanted: Vec<u64>,
    /// The packets that carried frames again last, by the frames.
    sent: BTreeMap<u64, u64>,
}

impl Answers {
    /// Takes what the receiver lacks, when the next packet has this number. What
    /// an older packet says is passed over. Returns the newest packet that the
    /// receiver has.
    pub(crate) fn take(&mut self, missing: Missing, next: u64) -> Option<u64> {
        let newest = missing
            .newest(next)
            .filter(|&newest| newest >= self.newest)?;
        self.newest = newest;
        self.sent = self.sent.split_off(&next.saturating_sub(MOST_DISTANCE));
        let lost = |sequence: &u64| self.sent.get(sequence).is_none_or(|&by| by <= newest);
        self.wanted = missing.sequences(newest).filter(lost).collect();
        self.wanted.reverse();
        Some(newest)
    }

    /// The frames that this packet carries again: at most so many, the oldest
    /// first, of those that are at most so many packets old.
    pub(crate) fn next(&mut self, packet: u64, most: usize, reach: u64) -> Vec<Window> {
        let mut windows = Vec::new();
        while windows.len() < most
            && let Some(frame) = self.wanted.pop()
        {
            let distance = packet.saturating_sub(frame);
            if (1..=reach.min(MOST_DISTANCE)).contains(&distance) {
                self.sent.insert(frame, packet);
                windows.push(Window::copy(distance as u8));
            }
        }
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(newest: u64, frames: &[u64]) -> Missing {
        Missing::before(newest, |sequence| frames.contains(&sequence)).unwrap()
    }

    #[test]
    fn what_is_missing_is_sent_once_and_again_when_that_was_lost() {
        let mut answers = Answers::default();
        answers.take(missing(100, &[97, 99]), 103);
        assert_eq!(answers.next(103, 1, 20), [Window::copy(6)]);
        assert_eq!(answers.next(104, 3, 20), [Window::copy(5)]);
        // Neither of them can have come there yet.
        answers.take(missing(102, &[97, 99]), 105);
        assert_eq!(answers.next(105, 3, 20), []);
        // The first has not come although its packet's time is over.
        answers.take(missing(103, &[97, 99]), 106);
        assert_eq!(answers.next(106, 3, 20), [Window::copy(9)]);
    }

    #[test]
    fn what_comes_too_late_or_is_out_of_date_is_not_sent() {
        let mut answers = Answers::default();
        answers.take(missing(100, &[90, 99]), 103);
        answers.take(missing(99, &[98]), 103);
        assert_eq!(answers.next(103, 3, 9), [Window::copy(4)]);
        answers.take(missing(255, &[254]), 103);
        assert_eq!(answers.next(103, 3, 9), []);
    }
}
