//! The log of calls as far as it was read: the newest first.

use twocan_peer::api::{CallId, LoggedCall};
use twocan_proto::identity::PeerId;

/// Calls read at once.
pub(crate) const PAGE: usize = 50;
/// Calls held at most; whoever looks for older ones has the headless interface.
const CALLS: usize = 1000;

/// What was read of the log.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: Vec<LoggedCall>,
    /// There are no older ones.
    whole: bool,
    /// A page was asked for.
    loading: bool,
}

impl CallLog {
    pub(crate) fn calls(&self) -> &[LoggedCall] {
        &self.calls
    }

    /// Calls with one person, the newest first.
    pub(crate) fn with(&self, contact: PeerId) -> impl Iterator<Item = &LoggedCall> {
        self.calls.iter().filter(move |c| c.contact == contact)
    }

    /// Missed calls that the user has not seen, the newest first.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &LoggedCall> {
        self.calls.iter().filter(|c| !c.seen)
    }

    /// The newest are to be read anew.
    pub(crate) fn refresh(&mut self) {
        self.loading = true;
    }

    /// After which call the next page begins, if one is wanted by whoever
    /// looks at the call `at`.
    pub(crate) fn next_page(&mut self, at: usize) -> Option<CallId> {
        let near_end = at + PAGE / 2 >= self.calls.len();
        if self.whole || self.loading || !near_end || self.calls.len() >= CALLS {
            return None;
        }
        let last = self.calls.last()?.call;
        self.loading = true;
        Some(last)
    }

    /// Takes a page: the newest calls, or those before one.
    pub(crate) fn take(&mut self, before: Option<CallId>, mut page: Vec<LoggedCall>) {
        self.loading = false;
        let whole = page.len() < PAGE;
        match before {
            None => {
                // Older ones that were read stay, as far as they follow.
                let follows = page.last().and_then(|last| {
                    let at = self.calls.iter().position(|c| c.call == last.call)?;
                    Some(self.calls.split_off(at + 1))
                });
                self.whole = whole || follows.is_some() && self.whole;
                page.extend(follows.unwrap_or_default());
                self.calls = page;
            }
            Some(before) if self.calls.last().is_some_and(|c| c.call == before) => {
                self.whole = whole;
                self.calls.append(&mut page);
            }
            // Meanwhile it was read anew.
            Some(_) => {}
        }
    }

    /// Nothing came of what was asked for.
    pub(crate) fn failed(&mut self) {
        self.loading = false;
    }

    /// The user has seen all of them.
    pub(crate) fn seen(&mut self) {
        self.calls.iter_mut().for_each(|c| c.seen = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample;

    fn page(ids: impl Iterator<Item = u64>) -> Vec<LoggedCall> {
        ids.map(|n| sample::logged(n, true)).collect()
    }

    fn ids(log: &CallLog) -> Vec<CallId> {
        log.calls().iter().map(|c| c.call).collect()
    }

    fn down(from: u64, to: u64) -> Vec<CallId> {
        (to..from).rev().map(sample::logged_id).collect()
    }

    #[test]
    fn pages_follow_each_other_and_news_come_before_them() {
        let mut log = CallLog::default();
        log.take(None, page((60..110).rev()));
        assert_eq!(log.next_page(0), None, "the end is far");
        let before = log.next_page(40).unwrap();
        assert_eq!(log.next_page(40), None, "asked already");
        log.take(Some(before), page((50..60).rev()));
        assert_eq!(ids(&log), down(110, 50));
        assert_eq!(log.next_page(59), None, "that is all");

        log.take(None, page((62..112).rev()));
        assert_eq!(ids(&log), down(112, 50));
        // So many new ones that there may be a gap: begin anew.
        log.take(None, page((200..250).rev()));
        assert_eq!(ids(&log), down(250, 200));
        assert!(log.next_page(49).is_some());
    }

    #[test]
    fn a_page_of_before_is_passed_over() {
        let mut log = CallLog::default();
        log.take(None, page((60..110).rev()));
        let before = log.next_page(49).unwrap();
        log.take(None, page((300..350).rev()));
        log.take(Some(before), page((50..60).rev()));
        assert_eq!(ids(&log), down(350, 300));
    }
}
