//! Messages between the handle, the database and the links.

use tokio::sync::oneshot;
use twocan_proto::body::{self, Body, Upto};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use uuid::Uuid;

use super::command::answer;
use super::{Core, Reply};
use crate::api::{Draft, Error, ErrorCode, Event, Message, MessageState, Page, Relation};
use crate::clock;
use crate::link::task::Command as LinkCommand;
use crate::store::StoreError;
use crate::store::chat::{self, Ends};

/// Messages given in one page at most.
pub(crate) const HISTORY_LIMIT: usize = 1000;
/// Longest `client_id`, in bytes: a UUID with room to spare.
const CLIENT_ID_BYTES: usize = 128;

/// A message of ours that has reached the disk, or not.
pub(super) struct Saved {
    to: PeerId,
    result: Result<(Message, bool), StoreError>,
    reply: Reply<Uuid>,
}

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
        let (ends, now) = (self.ends(to), clock::now());
        let submitted = self
            .store
            .submit(move |db| chat::append_own(db, ends, &draft, Uuid::now_v7(), now))
            .await;
        match submitted {
            Ok(saved) => {
                let saved = Box::pin(async move {
                    Saved {
                        to,
                        result: saved.await,
                        reply,
                    }
                });
                self.saving.push_back(saved);
            }
            Err(error) => answer(reply, Err(error.into())),
        }
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
            .run(move |db| chat::contains(db, ends, reply_to))
            .await?
        {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::NotFound,
            "the message to answer is not in this conversation",
        ))
    }

    pub(super) fn on_saved(&mut self, saved: Saved) {
        let Saved { to, result, reply } = saved;
        match result {
            Ok((message, new)) => {
                let id = message.id;
                if new {
                    self.contacts.on_own_message(to);
                    self.emit(Event::Message(message));
                    self.emit_contact(to);
                    self.tell_link(to, LinkCommand::Wake);
                    self.hurry(to);
                }
                answer(reply, Ok(id));
            }
            Err(error) => answer(reply, Err(error.into())),
        }
    }

    /// Messages of `peer` are stored.
    pub(super) async fn on_received(&mut self, peer: PeerId, messages: Vec<Message>) {
        let Some(last) = messages.last() else { return };
        let upto = last.id;
        self.contacts.on_their_messages(peer, messages.len() as u64);
        let texts: Vec<String> = match self.config.echo {
            true => messages.iter().map(|m| m.text.clone()).collect(),
            false => Vec::new(),
        };
        for message in messages {
            self.emit(Event::Message(message));
        }
        self.emit_contact(peer);
        if self.config.echo {
            self.echo(peer, upto, texts).await;
        }
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

    pub(super) async fn on_states(&mut self, peer: PeerId, changed: Vec<(Uuid, MessageState)>) {
        if changed.is_empty() {
            return;
        }
        for (id, state) in changed {
            self.emit(Event::MessageState {
                id,
                conversation: peer,
                state,
                reason: None,
            });
        }
        self.refresh_summary(peer).await;
        self.emit_contact(peer);
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
            .run(move |db| chat::history(db, ends, page, limit))
            .await?;
        let mut messages = found.ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                "that message is not in this conversation",
            )
        })?;
        // What is under way on a link is known here alone.
        let sent = self.contacts.sent(with);
        for message in &mut messages {
            if message.state == Some(MessageState::Queued) && message.seq <= sent {
                message.state = Some(MessageState::Sent);
            }
        }
        Ok(messages)
    }

    pub(super) async fn mark_read(&mut self, with: PeerId, upto: Uuid) -> Result<(), Error> {
        self.contacts.known(with)?;
        let ends = self.ends(with);
        let (found, news) = self
            .store
            .run(move |db| {
                Ok((
                    chat::contains(db, ends, upto)?,
                    chat::mark_seen(db, ends, upto)?,
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
            self.say(with, Body::Read(Upto { upto: seq }));
            self.refresh_summary(with).await;
            self.emit_contact(with);
        }
        Ok(())
    }

    pub(super) fn typing(&mut self, to: PeerId, on: bool) -> Result<(), Error> {
        let entry = self.contacts.known(to)?;
        if entry.saved.relation == Relation::Mutual {
            self.say(to, Body::Typing(body::Typing { on }));
        }
        Ok(())
    }
}

fn check_draft(draft: &Draft) -> Result<(), Error> {
    let most = limits::TEXT_BYTES;
    if draft.text.len() > most {
        let is = draft.text.len();
        return Err(Error::new(
            ErrorCode::TooLarge,
            format!("a message has at most {most} bytes, this one has {is}: send it in parts"),
        ));
    }
    if draft.text.trim().is_empty() {
        return Err(Error::new(
            ErrorCode::BadRequest,
            "an empty message says nothing: type a text",
        ));
    }
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
