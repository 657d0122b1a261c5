//! What is said and kept: messages, search, export.

use std::path::PathBuf;

use tokio::sync::oneshot;
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::Engine;
use crate::api::{
    DeleteFor, Draft, Error, ExportFormat, Imported, Message, Page, Revision, SearchQuery,
};
use crate::core::Command;

impl Engine {
    /// Puts a message into the outbox; answers with its id once it is on disk.
    ///
    /// # Errors
    /// `too_large` or `bad_request` for the text, `not_found`, `blocked`,
    /// `key_changed`, `io` when the disk says no.
    pub async fn send(&self, to: PeerId, draft: Draft) -> Result<Uuid, Error> {
        self.submit(to, draft).await?.await
    }

    /// Like [`Self::send`], in two steps: the first ends when the message has
    /// its place behind those submitted before, the second when it is on disk.
    /// Whoever has many to send need not wait for one to keep their order.
    ///
    /// # Errors
    /// The first step only when the engine has ended, the second as
    /// [`Self::send`].
    pub async fn submit(
        &self,
        to: PeerId,
        draft: Draft,
    ) -> Result<impl Future<Output = Result<Uuid, Error>> + Send + use<>, Error> {
        let (reply, saved) = oneshot::channel();
        self.commands
            .send(Command::Send { to, draft, reply })
            .await
            .map_err(|_| Error::stopped())?;
        Ok(async move { saved.await.map_err(|_| Error::stopped())? })
    }

    /// A page of a conversation, at most 1000 messages.
    ///
    /// # Errors
    /// `not_found` for a message that is not in the conversation.
    pub async fn history(
        &self,
        with: PeerId,
        page: Page,
        limit: usize,
    ) -> Result<Vec<Message>, Error> {
        self.ask(|reply| Command::History {
            with,
            page,
            limit,
            reply,
        })
        .await
    }

    /// Gives a message of ours another text. The earlier ones are kept.
    ///
    /// # Errors
    /// `not_found`, `refused` for a message of somebody else, `conflict` for
    /// a deleted one, `too_large` or `bad_request` for the text.
    pub async fn edit(&self, id: Uuid, text: &str) -> Result<(), Error> {
        let text = text.to_owned();
        self.ask(|reply| Command::Edit { id, text, reply }).await
    }

    /// Deletes a message: here alone, or for both sides if it is ours.
    ///
    /// # Errors
    /// `not_found`, `refused` to take back a message of somebody else,
    /// `conflict` for one that is deleted.
    pub async fn delete(&self, id: Uuid, scope: DeleteFor) -> Result<(), Error> {
        self.ask(|reply| Command::Delete { id, scope, reply }).await
    }

    /// Reacts to a message with one emoji, in place of the reaction before;
    /// an empty text takes it back.
    ///
    /// # Errors
    /// `not_found`, `conflict` for a deleted message, `bad_request` for more
    /// than one character.
    pub async fn react(&self, id: Uuid, emoji: &str) -> Result<(), Error> {
        let emoji = emoji.to_owned();
        self.ask(|reply| Command::React { id, emoji, reply }).await
    }

    /// What a message read when, the first text first.
    ///
    /// # Errors
    /// `not_found`, also for a deleted message.
    pub async fn revisions(&self, id: Uuid) -> Result<Vec<Revision>, Error> {
        self.ask(|reply| Command::Revisions(id, reply)).await
    }

    /// The newest messages that have all words of the query, newest first.
    ///
    /// # Errors
    /// `bad_request` for an empty query.
    pub async fn search(&self, query: SearchQuery) -> Result<Vec<Message>, Error> {
        self.ask(|reply| Command::Search(query, reply)).await
    }

    /// Writes the conversation with one contact, or with all, to a new file
    /// and gives the number of messages in it.
    ///
    /// # Errors
    /// `not_found`, `conflict` when the file is there already, `io`.
    pub async fn export(
        &self,
        with: Option<PeerId>,
        format: ExportFormat,
        path: PathBuf,
    ) -> Result<u64, Error> {
        self.ask(|reply| Command::Export {
            with,
            format,
            path,
            reply,
        })
        .await
    }

    /// Takes in the messages of a JSON export, before all that are here.
    ///
    /// # Errors
    /// `bad_request` for another file, `io`. What was read before the fault
    /// stays; the same import again goes on where it stopped.
    pub async fn import(&self, path: PathBuf) -> Result<Imported, Error> {
        self.ask(|reply| Command::Import(path, reply)).await
    }

    /// Marks a contact's messages up to this one as read, and tells her.
    ///
    /// # Errors
    /// `not_found` for an unknown contact or message.
    pub async fn mark_read(&self, with: PeerId, upto: Uuid) -> Result<(), Error> {
        self.ask(|reply| Command::MarkRead { with, upto, reply })
            .await
    }

    /// Tells a contact that we are typing, if she is there.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn typing(&self, to: PeerId, on: bool) -> Result<(), Error> {
        self.ask(|reply| Command::Typing { to, on, reply }).await
    }
}
