//! One conversation as it is held for the screen: a window of its messages,
//! where the reader stands in it, and the draft being written.

use twocan_peer::api::{Change, DeleteFor, Message, MessageState, Page, Reaction};
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::editor::Editor;

/// Messages asked for at once.
pub(crate) const PAGE: usize = 100;
/// Most messages held; beyond that the far end is let go and read again when
/// the reader gets there.
const WINDOW: usize = 1000;

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
    /// The message that the draft answers.
    pub(crate) reply_to: Option<Uuid>,
    /// The first message not read when the conversation was opened.
    pub(crate) first_unread: Option<Uuid>,
    /// The other is typing, until then at most.
    pub(crate) typing_until: Option<Timestamp>,
    /// The chosen message in browse mode.
    pub(crate) selected: Option<Uuid>,
    /// The last message we reported as read.
    pub(crate) reported_read: Option<Uuid>,
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
        self.forget_lost_anchor();
    }

    /// Takes a message that has just been stored.
    pub(crate) fn take_message(&mut self, message: Message) {
        if let Some(known) = self.messages.iter_mut().find(|m| m.id == message.id) {
            *known = message;
            return;
        }
        if !message.mine {
            self.typing_until = None;
        }
        if self.newest_loaded {
            self.messages.push(message);
            if self.scroll == Scroll::Bottom {
                self.trim_oldest();
            }
        }
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
            Change::New(message) => self.take_message(message),
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
        self.selected = None;
        self.scroll = Scroll::Bottom;
    }

    /// Lets go of what does not fit the window at its old end.
    fn trim_oldest(&mut self) {
        if self.messages.len() > WINDOW {
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
            self.selected = None;
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
        self.messages.last().map(|m| Page::After(m.id))
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
    fn a_message_twice_is_one() {
        let mut c = conversation();
        c.take_message(sample::message(6, true, "once"));
        c.take_message(sample::message(6, true, "once"));
        assert_eq!(c.messages().len(), 6);
    }

    #[test]
    fn the_window_is_bounded() {
        let mut c = conversation();
        for n in 0..(WINDOW as u64 + 50) {
            c.take_message(sample::message(100 + n, false, "flood"));
        }
        assert_eq!(c.messages().len(), WINDOW);
        assert!(!c.oldest_loaded);
    }
}
