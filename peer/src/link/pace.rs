//! How soon a link reads on while much comes.
//!
//! Several messages in one read are a sign that more are on their way. To
//! store each few of them as they come would be a write to the disk for each
//! few; after a short pause they are one. A message that comes alone is not
//! kept waiting, nor is a read that brought so many that it was worth a write,
//! so neither a conversation nor bulk is slower by it. What waits meanwhile
//! waits in the socket's buffer.

use std::ops::Range;
use std::time::{Duration, Instant};

/// Messages of one read that make the next one wait.
const SEVERAL: Range<usize> = 2..128;
/// From one read to the next: about a frame of a screen.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Pace {
    until: Option<Instant>,
}

impl Pace {
    /// A read at `now` brought so many messages.
    pub(super) fn took(&mut self, messages: usize, now: Instant) {
        self.until = SEVERAL.contains(&messages).then(|| now + PAUSE);
    }

    /// When to read on, if not at once.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stream_of_messages_is_taken_in_larger_pieces() {
        let now = Instant::now();
        let mut pace = Pace::default();
        for (messages, waits) in [(0, false), (1, false), (2, true), (20, true), (128, false)] {
            pace.took(messages, now);
            assert_eq!(pace.until(now).is_some(), waits, "{messages}");
            assert_eq!(pace.until(now + PAUSE), None);
        }
    }
}
