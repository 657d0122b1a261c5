//! How far the messages to one peer have gone on one link.
//!
//! The database holds what is to be sent; this holds only two numbers: up to
//! which messages were written to the link, and up to which the peer says
//! that they are on its disk. Between the two lies what is in flight.

use twocan_proto::body::Entry;
use twocan_proto::limits::MESSAGES_IN_FLIGHT;

/// Messages read from the database in one go.
const CHUNK: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    open: bool,
    sent: u64,
    acknowledged: u64,
    /// The database may have more than was read last time.
    more: bool,
}

impl Outbox {
    /// The peer takes messages, and has ours up to `stored`.
    pub(super) fn open(&mut self, stored: u64) {
        *self = Self {
            open: true,
            sent: stored,
            acknowledged: stored,
            more: true,
        };
    }

    /// The peer takes no messages (any more).
    pub(super) fn close(&mut self) {
        self.open = false;
    }

    /// The database has new entries, which may be these. Gives them back to
    /// be written if they are what comes next and there is room; otherwise
    /// the database is read in time.
    pub(super) fn fresh(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let expected = self.sent + 1..;
        let next = entries
            .iter()
            .zip(expected)
            .all(|(entry, seq)| entry.seq == seq);
        let caught_up = self.open && !self.more && next && entries.len() <= self.room();
        match entries.last() {
            Some(last) if caught_up => {
                self.sent = last.seq;
                entries
            }
            _ => {
                self.more = true;
                Vec::new()
            }
        }
    }

    /// How many more may be in flight.
    fn room(&self) -> usize {
        let in_flight =
            usize::try_from(self.sent.saturating_sub(self.acknowledged)).unwrap_or(usize::MAX);
        MESSAGES_IN_FLIGHT.saturating_sub(in_flight)
    }

    /// The peer has not acknowledged everything that was written.
    pub(super) fn is_unanswered(&self) -> bool {
        self.open && self.sent > self.acknowledged
    }

    /// What to read next: after which number, and how many at most. `None`
    /// when there is nothing to do or enough is in flight.
    pub(super) fn next(&self) -> Option<(u64, usize)> {
        let room = self.room().min(CHUNK);
        (self.open && self.more && room > 0).then_some((self.sent, room))
    }

    /// `count` messages of the `asked` were there, the last with number
    /// `last`, and are written now.
    pub(super) fn wrote(&mut self, asked: usize, count: usize, last: Option<u64>) {
        self.more = count == asked;
        self.sent = last.unwrap_or(self.sent);
    }

    /// The peer has everything up to `upto`.
    pub(super) fn acknowledge(&mut self, upto: u64) {
        self.acknowledged = self.acknowledged.max(upto.min(self.sent));
    }

    /// The peer misses what comes from `from` on.
    pub(super) fn resend(&mut self, from: u64) {
        let have = from.saturating_sub(1);
        if have < self.sent {
            self.sent = have;
            self.acknowledged = self.acknowledged.min(have);
            self.more = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_opens_as_the_peer_acknowledges() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.next(), None);
        outbox.open(10);
        let mut last = 10;
        while let Some((after, most)) = outbox.next() {
            assert_eq!(after, last);
            last += most as u64;
            outbox.wrote(most, most, Some(last));
        }
        assert_eq!(last, 10 + MESSAGES_IN_FLIGHT as u64);
        assert!(outbox.is_unanswered());
        outbox.acknowledge(15);
        assert_eq!(outbox.next(), Some((last, 5)));
        outbox.wrote(5, 2, Some(last + 2));
        assert_eq!(outbox.next(), None);
        outbox.acknowledge(u64::MAX);
        assert!(!outbox.is_unanswered());
        assert_eq!(outbox.fresh(vec![]), []);
        assert_eq!(outbox.next(), Some((last + 2, CHUNK)));
    }

    fn entry(seq: u64) -> Entry {
        Entry {
            id: uuid::Uuid::from_u128(seq.into()),
            seq,
            after: None,
            sent_at: twocan_proto::time::Timestamp::from_millis(0),
            content: twocan_proto::body::Content::Delete {
                target: uuid::Uuid::nil(),
            },
        }
    }

    #[test]
    fn what_comes_next_is_sent_without_reading_it_again() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.fresh(vec![entry(1)]), []);
        outbox.open(0);
        assert_eq!(outbox.fresh(vec![entry(1)]), [], "older ones may wait");
        outbox.wrote(CHUNK, 1, Some(1));
        assert_eq!(outbox.fresh(vec![entry(2), entry(3)]).len(), 2);
        assert_eq!(outbox.next(), None);
        assert_eq!(outbox.fresh(vec![entry(5)]), []);
        assert_eq!(outbox.next(), Some((3, CHUNK)));
        outbox.wrote(CHUNK, 2, Some(5));
        let many = (6..).take(MESSAGES_IN_FLIGHT + 1).map(entry).collect();
        assert_eq!(outbox.fresh(many), [], "no more in flight than agreed");
    }

    #[test]
    fn a_gap_is_filled_from_its_beginning() {
        let mut outbox = Outbox::default();
        outbox.open(0);
        outbox.wrote(CHUNK, 20, Some(20));
        outbox.acknowledge(5);
        outbox.resend(8);
        assert_eq!(outbox.next(), Some((7, CHUNK)));
        outbox.resend(400);
        assert_eq!(outbox.next(), Some((7, CHUNK)));
    }
}
