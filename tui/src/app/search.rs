//! A search under way: what is looked for, what was found, and which answer is
//! waited for.

use twocan_peer::api::{Message, SearchQuery};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::editor::Editor;

/// Hits asked for at once.
pub(crate) const HITS: usize = 50;
/// The next hits are asked for when the chosen one is this near to the last.
const NEAR: usize = 10;

/// A question that was asked and not yet answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    /// It asks for hits beyond those that are here.
    pub(crate) more: bool,
}

/// A search.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) query: Editor,
    /// Whose conversation was open when it began.
    pub(crate) with: Option<PeerId>,
    /// Only in that conversation.
    pub(crate) here: bool,
    /// Newest first.
    pub(crate) hits: Vec<Message>,
    pub(crate) chosen: usize,
    /// There are no more hits.
    pub(crate) complete: bool,
    pub(crate) asked: Option<Asked>,
    /// What is looked for has changed since it was asked for.
    pub(crate) stale: bool,
    pub(crate) took_ms: Option<u64>,
    pub(crate) error: Option<String>,
    /// The messages around a hit, and which.
    pub(crate) context: Option<(Uuid, Vec<Message>)>,
    pub(crate) context_asked: Option<Uuid>,
}

impl Search {
    pub(crate) fn chosen_hit(&self) -> Option<&Message> {
        self.hits.get(self.chosen)
    }

    /// What to ask for: from the start, or beyond the hits that are here.
    pub(crate) fn question(&self, more: bool) -> SearchQuery {
        SearchQuery {
            text: self.query.text().trim().to_owned(),
            with: self.with.filter(|_| self.here),
            before: self.hits.last().map(|m| m.id).filter(|_| more),
            limit: HITS,
        }
    }

    /// Whether the next hits should be asked for.
    pub(crate) fn wants_more(&self) -> bool {
        let near = self.chosen + NEAR >= self.hits.len();
        near && !self.complete && self.asked.is_none() && !self.hits.is_empty()
    }

    /// Takes an answer; `false` if it answers what is no longer asked.
    pub(crate) fn take(&mut self, number: u64, took_ms: u64, found: Vec<Message>) -> bool {
        let Some(asked) = self.asked.filter(|a| a.number == number) else {
            return false;
        };
        self.asked = None;
        if self.stale {
            return true;
        }
        self.complete = found.len() < HITS;
        if asked.more {
            self.hits.extend(found);
        } else {
            self.hits = found;
            self.chosen = 0;
            self.took_ms = Some(took_ms);
        }
        true
    }
}
