//! Messages that are marked in browse mode, one by one or a stretch at a time,
//! so that something can be done to all of them.

use std::collections::BTreeSet;

use twocan_peer::api::Message;
use uuid::Uuid;

use super::conversation::Conversation;

/// What is marked. A mark on a message that is let go of means nothing.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    single: BTreeSet<Uuid>,
    /// The stretch that grows: from here to the chosen message.
    from: Option<Uuid>,
}

impl Conversation {
    /// Marks the chosen message, or takes its mark away.
    pub(crate) fn mark(&mut self) {
        let Some(id) = self.selected else { return };
        if !self.marked.single.remove(&id) {
            self.marked.single.insert(id);
        }
    }

    /// Begins a stretch at the chosen message; again, ends it there: what is
    /// in it stays marked.
    pub(crate) fn mark_stretch(&mut self) {
        if self.marked.from.is_none() {
            self.marked.from = self.selected;
            return;
        }
        let all: BTreeSet<Uuid> = self.marked_messages().map(|m| m.id).collect();
        self.marked = Marked {
            single: all,
            from: None,
        };
    }

    /// No message is chosen or marked any more.
    pub(crate) fn stop_choosing(&mut self) {
        self.selected = None;
        self.marked = Marked::default();
    }

    /// The marked messages, the oldest first.
    pub(crate) fn marked_messages(&self) -> impl Iterator<Item = &Message> {
        let messages = self.messages().iter();
        messages.filter(|message| self.is_marked(message.id))
    }

    /// Whether the message is marked.
    pub(crate) fn is_marked(&self, id: Uuid) -> bool {
        self.marked.single.contains(&id) || self.is_in_stretch(id)
    }

    fn is_in_stretch(&self, id: Uuid) -> bool {
        let (Some(from), Some(to)) = (self.marked.from, self.selected) else {
            return false;
        };
        let place = |id| self.position(id);
        match (place(from), place(to), place(id)) {
            (Some(from), Some(to), Some(at)) => (from.min(to)..=from.max(to)).contains(&at),
            _ => false,
        }
    }
}
