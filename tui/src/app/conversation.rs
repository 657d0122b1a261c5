//! One conversation as it is held for the screen: a window of its messages,
//! where the reader stands in it, and the draft being written.

use twocan_peer::api::{Change, DeleteFor, Message, MessageState, Page, Reaction};
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::editor::Editor;
use super::effect::Around;
use super::history::InputHistory;
use super::marked::Marked;

/// Messages asked for at once.
pub(crate) const PAGE: usize = 100;
/// Messages held; beyond that the far end is let go and read again when the
/// reader gets there.
const WINDOW: usize = 1000;
/// As many more may come before the far end is let go: to move all others for
/// each new one would cost more than it.
const SLACK: usize = 200;

/// Where the reader stands. Never a row number: new messages, resizing and
/// loading do not move the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Scroll {
    /// At the end, following what comes.
    #[default]
    Bottom,
    /// The top row of the screen is row `row` of this message.
    At { message: Uuid, row: usize },
}

/// A message of ours that is being given another text.
#[derive(Debug)]
pub(crate) struct Editing {
    pub(crate) id: Uuid,
    /// The text as it was.
    pub(crate) before: String,
    /// What was being written before; it comes back afterwards.
    pub(crate) kept: Editor,
}

/// A conversation.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// A stretch without gaps, in order.
    messages: Vec<Message>,
    /// Nothing older exists.
    pub(crate) oldest_loaded: bool,
    /// Whether the newest message is in the window.
    pub(crate) newest_loaded: bool,
    /// What has been asked for and not yet come.
    pub(crate) loading: Option<Page>,
    pub(crate) scroll: Scroll,
    pub(crate) draft: Editor,
    /// What was written here before.
    pub(crate) history: InputHistory,
    /// The message that the draft answers.
    pub(crate) reply_to: Option<Uuid>,
    /// The message whose text the draft is.
    pub(crate) editing: Option<Editing>,
    /// The message that is being gone to, until it is loaded.
    pub(crate) seeking: Option<Uuid>,
    /// A message came while a page was being read that might lack it.
    missed: bool,
    /// The first message not read when the conversation was opened.
    pub(crate) first_unread: Option<Uuid>,
    /// The other is typing, until then at most.
    pub(crate) typing_until: Option<Timestamp>,
    /// The chosen message in browse mode.
    pub(crate) selected: Option<Uuid>,
    /// Those marked beside it.
    pub(crate) marked: Marked,
    /// The last message we reported as read.
    pub(crate) reported_read: Option<Uuid>,
    /// When that was.
    pub(crate) reported_at: Option<Timestamp>,
    /// A report that is not answered yet; the next one waits for it, so that a
    /// flood of messages is no flood of reports.
    pub(crate) reporting: bool,
    /// We told the other that we type, at this moment.
    pub(crate) told_typing: Option<Timestamp>,
    /// Why messages failed.
    pub(crate) failures: std::collections::HashMap<Uuid, String>,
}

impl Conversation {
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(crate) fn position(&self, id: Uuid) -> Option<usize> {
        self.messages.iter().position(|m| m.id == id)
    }

    pub(crate) fn message(&self, id: Uuid) -> Option<&Message> {
        self.messages.iter().find(|m| m.id == id)
    }

    /// The newest message, if the window reaches it.
    pub(crate) fn newest(&self) -> Option<&Message> {
        self.newest_loaded.then(|| self.messages.last()).flatten()
    }

    /// The messages that a screen of `rows` rows can show.
    pub(crate) fn near_reader(&self, rows: usize) -> &[Message] {
        let anchor = match self.scroll {
            Scroll::At { message, .. } => self.position(message),
            Scroll::Bottom => None,
        };
        let count = self.messages.len();
        let from = anchor.unwrap_or_else(|| count.saturating_sub(rows));
        &self.messages[from..count.min(from + rows)]
    }

    /// Takes a page as the store gave it.
    pub(crate) fn take_page(&mut self, page: Page, found: Vec<Message>, limit: usize) {
        self.loading = None;
        let whole = found.len() < limit;
        match page {
            Page::Newest => {
                self.messages = found;
                self.oldest_loaded = whole;
                self.newest_loaded = true;
            }
            Page::Before(id) if self.messages.first().is_some_and(|m| m.id == id) => {
                self.messages.splice(0..0, found);
                self.oldest_loaded = whole;
                if self.messages.len() > WINDOW {
                    self.messages.truncate(WINDOW);
                    self.newest_loaded = false;
                }
            }
            Page::After(id) if self.messages.last().is_some_and(|m| m.id == id) => {
                self.messages.extend(found);
                self.newest_loaded = whole;
                self.trim_oldest();
            }
            // The window has moved since.
            Page::Before(_) | Page::After(_) => {}
        }
        self.fetch_missed();
        self.forget_lost_anchor();
    }

    /// Takes the messages around the one that is gone to, in place of those
    /// held.
    pub(crate) fn take_around(&mut self, around: Around) {
        self.loading = None;
        self.messages = around.messages;
        self.oldest_loaded = around.oldest;
        self.newest_loaded = around.newest;
        self.fetch_missed();
        self.forget_lost_anchor();
    }

    /// What came while a page was being read is read again with the next page.
    fn fetch_missed(&mut self) {
        if std::mem::take(&mut self.missed) {
            self.newest_loaded = false;
        }
    }

    /// Takes a message that has just been stored; false if it is held already.
    pub(crate) fn take_message(&mut self, message: Message) -> bool {
        // It is among the last ones, if at all.
        let mut newest_first = self.messages.iter_mut().rev();
        if let Some(known) = newest_first.find(|m| m.id == message.id) {
            *known = message;
            return false;
        }
        if !message.mine {
            self.typing_until = None;
        }
        if self.newest_loaded {
            self.messages.push(message);
            if self.scroll == Scroll::Bottom {
                self.trim_oldest();
            }
        } else {
            self.missed = self.loading.is_some() || self.seeking.is_some();
        }
        true
    }

    /// Takes news of how far a message has come.
    pub(crate) fn take_state(&mut self, id: Uuid, state: MessageState, reason: Option<String>) {
        if let Some(reason) = reason {
            self.failures.insert(id, reason);
        }
        if let Some(message) = self.messages.iter_mut().find(|m| m.id == id) {
            message.state = Some(state);
        }
    }

    /// Takes what became of a message, if it is held here.
    pub(crate) fn take_change(&mut self, change: Change) {
        match change {
            Change::New(message) => {
                self.take_message(message);
            }
            Change::Edited(message) => {
                if let Some(known) = self.messages.iter_mut().find(|m| m.id == message.id) {
                    *known = message;
                }
            }
            Change::Deleted {
                id,
                scope: DeleteFor::Me,
                ..
            } => {
                self.messages.retain(|m| m.id != id);
                self.forget_lost_anchor();
            }
            Change::Deleted { id, .. } => {
                if let Some(message) = self.messages.iter_mut().find(|m| m.id == id) {
                    message.deleted = true;
                    message.text.clear();
                    message.reactions.clear();
                    message.reply_to = None;
                }
            }
            Change::Reacted { id, by, emoji } => {
                if let Some(message) = self.messages.iter_mut().find(|m| m.id == id) {
                    message.reactions.retain(|r| r.from != by);
                    if !emoji.is_empty() {
                        message.reactions.push(Reaction { from: by, emoji });
                    }
                }
            }
        }
    }

    /// Forgets the messages held, not the draft.
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.oldest_loaded = true;
        self.newest_loaded = true;
        self.first_unread = None;
        self.stop_choosing();
        self.scroll = Scroll::Bottom;
    }

    /// Lets go of what does not fit the window at its old end.
    fn trim_oldest(&mut self) {
        if self.messages.len() > WINDOW + SLACK {
            let surplus = self.messages.len() - WINDOW;
            self.messages.drain(..surplus);
            self.oldest_loaded = false;
        }
    }

    fn forget_lost_anchor(&mut self) {
        if let Scroll::At { message, .. } = self.scroll
            && self.message(message).is_none()
        {
            self.scroll = Scroll::Bottom;
        }
        if self.selected.is_some_and(|id| self.message(id).is_none()) {
            self.stop_choosing();
        }
    }

    /// The page to ask for when the reader nears the old end.
    pub(crate) fn older_page(&self) -> Option<Page> {
        if self.oldest_loaded || self.loading.is_some() {
            return None;
        }
        self.messages.first().map(|m| Page::Before(m.id))
    }

    /// The page to ask for when the reader nears the new end.
    pub(crate) fn newer_page(&self) -> Option<Page> {
        if self.newest_loaded || self.loading.is_some() {
            return None;
        }
        let last = self.messages.last();
        Some(last.map_or(Page::Newest, |m| Page::After(m.id)))
    }

    /// Puts the text of message `id` into the draft; what was there is kept.
    pub(crate) fn start_edit(&mut self, id: Uuid) {
        let Some(before) = self.message(id).map(|m| m.text.clone()) else {
            return;
        };
        self.stop_edit();
        let mut draft = Editor::with_text(before.clone());
        draft.take_kills(&mut self.draft);
        let kept = std::mem::replace(&mut self.draft, draft);
        self.editing = Some(Editing { id, before, kept });
    }

    /// What is being written to the other, beside an edit that goes on.
    pub(crate) fn own_draft(&self) -> &Editor {
        self.editing.as_ref().map_or(&self.draft, |e| &e.kept)
    }

    /// Gives the draft back that stood before the edit.
    pub(crate) fn stop_edit(&mut self) -> Option<Editing> {
        let mut editing = self.editing.take()?;
        editing.kept.take_kills(&mut self.draft);
        self.draft = std::mem::take(&mut editing.kept);
        Some(editing)
    }

    /// How many messages of the other stand from the marker on.
    pub(crate) fn unread_after_marker(&self) -> usize {
        let from = self
            .first_unread
            .and_then(|id| self.position(id))
            .unwrap_or(usize::MAX);
        self.messages.iter().skip(from).filter(|m| !m.mine).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample;

    fn conversation() -> Conversation {
        let mut conversation = Conversation::default();
        let messages = (0..5).map(|n| sample::message(n, false, "hi")).collect();
        conversation.take_page(Page::Newest, messages, 5);
        conversation
    }

    #[test]
    fn pages_join_without_gaps() {
        let mut c = conversation();
        assert!(!c.oldest_loaded);
        let first = c.messages()[0].id;
        assert_eq!(c.older_page(), Some(Page::Before(first)));
        c.take_page(
            Page::Before(first),
            vec![sample::message(90, false, "older")],
            5,
        );
        assert_eq!(c.messages().len(), 6);
        assert!(c.oldest_loaded);
        assert_eq!(c.older_page(), None);
    }

    #[test]
    fn a_page_that_no_longer_fits_is_dropped() {
        let mut c = conversation();
        c.take_page(
            Page::Before(sample::uuid(77)),
            vec![sample::message(90, false, "x")],
            5,
        );
        assert_eq!(c.messages().len(), 5);
    }

    #[test]
    fn what_a_screen_can_show_is_where_the_reader_stands() {
        let mut c = conversation();
        let ids = |c: &Conversation, rows| c.near_reader(rows).iter().map(|m| m.id).collect();
        let all: Vec<_> = ids(&c, 9);
        assert_eq!(all.len(), 5);
        assert_eq!(ids(&c, 2), all[3..]);
        c.scroll = Scroll::At {
            message: all[1],
            row: 0,
        };
        assert_eq!(ids(&c, 2), all[1..3]);
    }

    #[test]
    fn a_message_twice_is_one() {
        let mut c = conversation();
        c.take_message(sample::message(6, true, "once"));
        c.take_message(sample::message(6, true, "once"));
        assert_eq!(c.messages().len(), 6);
    }

    #[test]
    fn a_message_that_came_beside_a_page_is_not_lost() {
        let mut c = Conversation {
            loading: Some(Page::Newest),
            ..Conversation::default()
        };
        c.take_message(sample::message(6, false, "just now"));
        c.take_page(Page::Newest, vec![sample::message(5, false, "hi")], 100);
        assert_eq!(c.newest(), None);
        assert_eq!(c.newer_page(), Some(Page::After(sample::uuid(5))));
    }

    #[test]
    fn the_draft_comes_back_after_an_edit() {
        let mut c = conversation();
        c.draft.replace("a thought");
        c.start_edit(sample::uuid(2));
        assert_eq!(c.draft.text(), "hi");
        c.start_edit(sample::uuid(3));
        c.stop_edit();
        assert_eq!(c.draft.text(), "a thought");
    }

    #[test]
    fn the_window_is_bounded() {
        let mut c = conversation();
        for n in 0..(2 * (WINDOW + SLACK) as u64) {
            c.take_message(sample::message(100 + n, false, "flood"));
            assert!(c.messages().len() <= WINDOW + SLACK);
        }
        assert!(c.messages().len() >= WINDOW);
        assert!(!c.oldest_loaded);
    }
}
