//! The log of calls, and the note that a call nobody took leaves in the
//! conversation.

use twocan_proto::body::Entry as StreamEntry;
use twocan_proto::call::{self, code};
use twocan_proto::identity::PeerId;

use super::Core;
use crate::api::{CallId, Error, ErrorCode, Event, LoggedCall, Message, Relation};
use crate::clock;
use crate::core::Stale;
use crate::store::StoreError;
use crate::store::calls as table;
use crate::store::chat::append;

/// Calls given in one page at most.
const PAGE: usize = 1000;
/// What the note says to a program that does not know what it is.
const NOTE: &str = "missed call";

impl Core {
    /// A call began, or is over: it is to be written down.
    pub(super) fn log_call(&mut self, call: LoggedCall) {
        self.calls.unsaved.push(call);
    }

    pub(in crate::core) fn has_calls_to_save(&self) -> bool {
        !self.calls.unsaved.is_empty()
    }

    /// Writes down what is to be written. The caller of a call that nobody
    /// took leaves a note, which reaches the other as every message does.
    pub(in crate::core) async fn save_calls(&mut self) {
        for call in std::mem::take(&mut self.calls.unsaved) {
            let peer = call.contact;
            match self.save_call(call).await {
                Ok(Some((message, entry))) => {
                    self.contacts.on_own_message(peer);
                    self.emit(Event::Message(message));
                    self.touch(peer, Stale::No);
                    self.hand_over(peer, entry);
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a call could not be written down"),
            }
        }
    }

    async fn save_call(
        &self,
        call: LoggedCall,
    ) -> Result<Option<(Message, StreamEntry)>, StoreError> {
        let (ends, now) = (self.ends(call.contact), clock::now());
        let is_friend = self
            .contacts
            .get(call.contact)
            .is_some_and(|entry| entry.saved.relation == Relation::Mutual);
        let leaves_note = is_friend && call.outgoing && call.was_missed();
        self.store
            .run(move |db| {
                if call.code == Some(code::PENDING) {
                    table::remove(db, call.call)?;
                    return Ok(None);
                }
                table::save(db, &call)?;
                if !leaves_note {
                    return Ok(None);
                }
                append::append_call_note(db, ends, call.call, NOTE, now).map(Some)
            })
            .await
    }

    /// Calls, newest first: those before `before`, or the newest.
    pub(in crate::core) async fn call_log(
        &self,
        before: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<LoggedCall>, Error> {
        let limit = limit.clamp(1, PAGE);
        let found = self.store.run(move |db| table::page(db, before, limit));
        found
            .await?
            .ok_or_else(|| Error::new(ErrorCode::NotFound, "that call is not in the log"))
    }

    /// The user has seen that she missed calls, of `peer` or of everybody.
    pub(in crate::core) async fn calls_seen(&self, peer: Option<PeerId>) -> Result<(), Error> {
        Ok(self.store.run(move |db| table::mark_seen(db, peer)).await?)
    }
}

impl LoggedCall {
    /// Somebody called, and nobody took it.
    pub fn was_missed(&self) -> bool {
        self.answered.is_none() && self.code.is_some_and(call::is_missed)
    }

    /// With what follows from the rest: a missed call is news.
    pub(super) fn judged(mut self) -> Self {
        self.seen = self.outgoing || !self.was_missed();
        self
    }
}
