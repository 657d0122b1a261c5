//! Messages between the handle, the database and the links.

use tokio::sync::oneshot;
use twocan_proto::body::{self, Body, Upto};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use uuid::Uuid;

use super::command::answer;
use super::saving::Saved;
use super::{Core, Reply, Stale};
use crate::api::{
    Change, DeleteFor, Draft, Error, ErrorCode, Event, Message, MessageState, Page, Relation,
    Revision, SearchQuery,
};
use crate::clock;
use crate::store::chat::amend::{self, Amendment, Refused};
use crate::store::chat::append::Own;
use crate::store::chat::{Ends, delivery, history, search};
use crate::store::{calls, settings};

/// Messages given in one page at most.
pub(crate) const HISTORY_LIMIT: usize = 1000;
/// Hits of a search when no number is asked for.
const SEARCH_LIMIT: usize = 50;
/// Longest `client_id`, in bytes: a UUID with room to spare.
const CLIENT_ID_BYTES: usize = 128;

impl Core {
    pub(super) fn ends(&self, peer: PeerId) -> Ends {
        Ends { me: self.me, peer }
    }

    /// Checks a message, gives it its place in the queue to the disk, and
    /// answers once it is there.
    pub(super) async fn send(&mut self, to: PeerId, draft: Draft, reply: Reply<Uuid>) {
        if let Err(error) = self.may_send(to, &draft).await {
            return answer(reply, Err(error));
        }
        let own = Own {
            id: Uuid::now_v7(),
            sent_at: clock::now(),
            draft,
        };
        let ends = self.ends(to);
        self.saving.add(&self.store, ends, own, reply).await;
    }

    async fn may_send(&self, to: PeerId, draft: &Draft) -> Result<(), Error> {
        self.contacts.reachable(to)?;
        check_draft(draft)?;
        let Some(reply_to) = draft.reply_to else {
            return Ok(());
        };
        let ends = self.ends(to);
        if self
            .store
            .run(move |db| delivery::contains(db, ends, reply_to))
            .await?
        {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::NotFound,
            "the message to answer is not in this conversation",
        ))
    }

    /// Messages of ours have reached the disk, or not.
    pub(super) fn on_saved(&mut self, saved: Saved) {
        for (written, reply) in saved.messages {
            match written {
                Ok((message, entry)) => {
                    let id = message.id;
                    if let Some(entry) = entry {
                        self.contacts.on_own_message(saved.to);
                        self.emit(Event::Message(message));
                        self.touch(saved.to, Stale::No);
                        self.hand_over(saved.to, entry);
                    }
                    answer(reply, Ok(id));
                }
                Err(error) => answer(reply, Err(error.into())),
            }
        }
    }

    /// Entries of `peer` are stored.
    pub(super) async fn on_received(&mut self, peer: PeerId, changes: Vec<Change>) {
        let new = |change: &Change| match change {
            // What a call left behind is nothing that was said.
            Change::New(message) if !message.deleted => {
                let said = message.call.is_none().then(|| message.text.clone());
                Some((message.id, said))
            }
            _ => None,
        };
        let messages: Vec<(Uuid, Option<String>)> = changes.iter().filter_map(new).collect();
        let only_new = messages.len() == changes.len();
        for change in changes {
            self.emit_change(peer, change);
        }
        if only_new {
            self.contacts.on_their_messages(peer, messages.len() as u64);
        }
        self.touch(peer, if only_new { Stale::No } else { Stale::Yes });
        if self.config.echo
            && let Some((upto, _)) = messages.last()
        {
            let upto = *upto;
            let texts = messages.into_iter().filter_map(|(_, text)| text).collect();
            self.echo(peer, upto, texts).await;
        }
    }

    fn emit_change(&mut self, conversation: PeerId, change: Change) {
        self.emit(match change {
            Change::New(message) => Event::Message(message),
            change => Event::MessageChanged {
                conversation,
                change,
            },
        });
    }

    /// The echo contact reads everything and says it back.
    async fn echo(&mut self, peer: PeerId, upto: Uuid, texts: Vec<String>) {
        if let Err(error) = self.mark_read(peer, upto).await {
            tracing::warn!(%error, "the echo could not mark a message as read");
        }
        for text in texts {
            let (reply, _nobody) = oneshot::channel();
            self.send(
                peer,
                Draft {
                    text,
                    ..Draft::default()
                },
                reply,
            )
            .await;
        }
    }

    pub(super) fn on_states(&mut self, peer: PeerId, changed: Vec<(Uuid, MessageState)>) {
        if changed.is_empty() {
            return;
        }
        let arrived = changed.iter().filter(|c| c.1 == MessageState::Delivered);
        self.contacts.on_delivered(peer, arrived.count() as u64);
        for (id, state) in changed {
            self.emit(Event::MessageState {
                id,
                conversation: peer,
                state,
                reason: None,
            });
        }
        self.touch(peer, Stale::Yes);
    }

    pub(super) fn on_sent(&mut self, peer: PeerId, ids: Vec<Uuid>, upto: u64) {
        self.contacts.on_sent(peer, upto);
        for id in ids {
            let state = MessageState::Sent;
            self.emit(Event::MessageState {
                id,
                conversation: peer,
                state,
                reason: None,
            });
        }
    }

    pub(super) async fn history(
        &self,
        with: PeerId,
        page: Page,
        limit: usize,
    ) -> Result<Vec<Message>, Error> {
        let ends = self.ends(with);
        let limit = limit.clamp(1, HISTORY_LIMIT);
        let found = self
            .store
            .run(move |db| history::page(db, ends, page, limit))
            .await?;
        let messages = found.ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                "that message is not in this conversation",
            )
        })?;
        Ok(messages.into_iter().map(|m| self.as_sent(m)).collect())
    }

    /// Gives message `id` another text.
    pub(super) async fn edit(&mut self, id: Uuid, text: String) -> Result<(), Error> {
        check_text(&text)?;
        self.amend(id, Amendment::Edit(text)).await
    }

    pub(super) async fn delete(&mut self, id: Uuid, scope: DeleteFor) -> Result<(), Error> {
        self.amend(id, Amendment::Delete(scope)).await
    }

    pub(super) async fn react(&mut self, id: Uuid, emoji: String) -> Result<(), Error> {
        if !body::is_reaction(&emoji) {
            return Err(Error::new(
                ErrorCode::BadRequest,
                "a reaction is one emoji or one character; an empty text takes it back",
            ));
        }
        self.amend(id, Amendment::React(emoji)).await
    }

    async fn amend(&mut self, id: Uuid, amendment: Amendment) -> Result<(), Error> {
        let (me, now) = (self.me, clock::now());
        let done = self
            .store
            .run(move |db| amend::amend_own(db, me, id, amendment, now))
            .await?;
        let amended = done.map_err(refused)?;
        let peer = amended.ends.peer;
        self.emit_change(peer, amended.change);
        self.touch(peer, Stale::Yes);
        if let Some(entry) = amended.entry {
            self.hand_over(peer, entry);
        }
        Ok(())
    }

    /// What message `id` read when, the first text first.
    pub(super) async fn revisions(&self, id: Uuid) -> Result<Vec<Revision>, Error> {
        let found = self.store.run(move |db| history::revisions(db, id)).await?;
        if found.is_empty() {
            return Err(refused(Refused::Unknown));
        }
        Ok(found)
    }

    pub(super) async fn search(&self, mut query: SearchQuery) -> Result<Vec<Message>, Error> {
        if query.text.trim().is_empty() {
            return Err(Error::new(
                ErrorCode::BadRequest,
                "nothing to look for: give one word or more",
            ));
        }
        query.limit = match query.limit {
            0 => SEARCH_LIMIT,
            limit => limit.min(HISTORY_LIMIT),
        };
        let me = self.me;
        let hits = self
            .store
            .run(move |db| search::search(db, me, &query))
            .await?;
        Ok(hits.into_iter().map(|hit| self.as_sent(hit)).collect())
    }

    /// What is under way on a link, or will never be, is known here alone.
    fn as_sent(&self, mut message: Message) -> Message {
        if message.state == Some(MessageState::Queued) {
            let entry = self.contacts.get(message.conversation);
            if entry.is_some_and(|entry| entry.saved.relation == Relation::Rejected) {
                message.state = Some(MessageState::Failed);
            } else if message.seq <= self.contacts.sent(message.conversation) {
                message.state = Some(MessageState::Sent);
            }
        }
        message
    }

    /// The contact said no: what waits for her is told as failed. It is not
    /// lost, and goes out if she says yes after all.
    pub(super) async fn fail_waiting(&mut self, peer: PeerId) {
        let ends = self.ends(peer);
        let waiting = self
            .store
            .run(move |db| delivery::waiting(db, ends, HISTORY_LIMIT))
            .await;
        let waiting = waiting.unwrap_or_else(|error| {
            tracing::error!(%error, "what waits for a contact could not be read");
            Vec::new()
        });
        for id in waiting {
            self.emit(Event::MessageState {
                id,
                conversation: peer,
                state: MessageState::Failed,
                reason: Some("your request to be a contact was declined".into()),
            });
        }
    }

    pub(super) async fn mark_read(&mut self, with: PeerId, upto: Uuid) -> Result<(), Error> {
        self.contacts.known(with)?;
        let ends = self.ends(with);
        let (found, news, told) = self
            .store
            .run(move |db| {
                calls::mark_seen(db, Some(ends.peer))?;
                Ok((
                    delivery::contains(db, ends, upto)?,
                    delivery::mark_seen(db, ends, upto)?,
                    settings::is_on(db, settings::RECEIPTS)?,
                ))
            })
            .await?;
        if !found {
            return Err(Error::new(
                ErrorCode::NotFound,
                "that message is not in this conversation",
            ));
        }
        if let Some(seq) = news {
            if told {
                self.say(with, Body::Read(Upto { upto: seq }));
            }
            self.touch(with, Stale::Yes);
        }
        Ok(())
    }

    pub(super) async fn typing(&mut self, to: PeerId, on: bool) -> Result<(), Error> {
        let entry = self.contacts.known(to)?;
        if entry.saved.relation == Relation::Mutual && self.is_on(settings::TYPING).await? {
            self.say(to, Body::Typing(body::Typing { on }));
        }
        Ok(())
    }
}

fn refused(why: Refused) -> Error {
    let (code, text) = match why {
        Refused::Unknown => (ErrorCode::NotFound, "there is no such message here"),
        Refused::NotOurs => (
            ErrorCode::Refused,
            "only whoever wrote a message can change it or take it back for both; delete it for yourself instead",
        ),
        Refused::Deleted => (ErrorCode::Conflict, "that message was deleted"),
    };
    Error::new(code, text)
}

fn check_text(text: &str) -> Result<(), Error> {
    let most = limits::TEXT_BYTES;
    if text.len() > most {
        let is = text.len();
        return Err(Error::new(
            ErrorCode::TooLarge,
            format!("a message has at most {most} bytes, this one has {is}: send it in parts"),
        ));
    }
    if text.trim().is_empty() {
        return Err(Error::new(
            ErrorCode::BadRequest,
            "an empty message says nothing: type a text",
        ));
    }
    Ok(())
}

fn check_draft(draft: &Draft) -> Result<(), Error> {
    check_text(&draft.text)?;
    if draft
        .client_id
        .as_ref()
        .is_some_and(|id| id.len() > CLIENT_ID_BYTES)
    {
        return Err(Error::new(
            ErrorCode::TooLarge,
            format!("a client_id has at most {CLIENT_ID_BYTES} bytes"),
        ));
    }
    Ok(())
}
