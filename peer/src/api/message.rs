//! What is said, what becomes of it, and how it is read, searched and exported.

use serde::{Deserialize, Serialize};
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::call::CallId;

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// On our disk, waiting for the other to be there.
    Queued,
    /// On its way.
    Sent,
    /// On the other's disk.
    Delivered,
    /// Seen by the other.
    Read,
    /// Will not arrive; the reason was told.
    Failed,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Its id (UUIDv7), the same on both sides.
    pub id: Uuid,
    /// The person at the other end of the conversation.
    pub conversation: PeerId,
    /// Who wrote it: her or us.
    pub from: PeerId,
    /// Whether we wrote it.
    pub mine: bool,
    /// The text, with its line breaks.
    pub text: String,
    /// When its author sent it, by the author's clock.
    pub sent_at: Timestamp,
    /// The message it answers.
    pub reply_to: Option<Uuid>,
    /// Place among its author's messages of this conversation, from 1.
    pub seq: u64,
    /// How far it has come; `None` for messages of others.
    pub state: Option<MessageState>,
    /// When its author last changed it, by this machine's clock.
    pub edited_at: Option<Timestamp>,
    /// Taken back by its author: nothing of it is left but its place.
    pub deleted: bool,
    /// What people react with, one each.
    pub reactions: Vec<Reaction>,
    /// The call that this is the trace of, as nobody took it: its author
    /// called in vain. The text says so in a few words of no importance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
}

/// A person's reaction to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// Whose.
    pub from: PeerId,
    /// One user-perceived character.
    pub emoji: String,
}

/// What a message read at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The whole text.
    pub text: String,
    /// Since when, by its author's clock.
    pub at: Timestamp,
}

/// Something became of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A message was stored.
    New(Message),
    /// A message reads otherwise now.
    Edited(Message),
    /// A message is gone.
    Deleted {
        /// Which one.
        id: Uuid,
        /// Who took it back or removed it.
        by: PeerId,
        /// For whom.
        scope: DeleteFor,
    },
    /// Somebody reacted to a message.
    Reacted {
        /// Which one.
        id: Uuid,
        /// Who.
        by: PeerId,
        /// With what; empty took the reaction back.
        emoji: String,
    },
}

/// For whom a message is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteFor {
    /// For us alone: it leaves this profile.
    Me,
    /// For both sides; only its author can.
    Both,
}

/// What to look for in all that was said.
#[derive(Debug, Clone, Default)]
pub struct SearchQuery {
    /// Words, all of which a message must have; the beginning of a word is
    /// enough, and case and accents do not matter.
    pub text: String,
    /// In the conversation with this person alone.
    pub with: Option<PeerId>,
    /// Only messages stored before this one: the next page.
    pub before: Option<Uuid>,
    /// Most hits, newest first; 0 takes 50.
    pub limit: usize,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// For programs, and for twocan itself to read back.
    Json,
    /// For people.
    Text,
}

/// What an import found in its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Messages that were not here.
    pub new: u64,
    /// Messages that were here already, or were removed here.
    pub known: u64,
}

/// A message as an export holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Its id.
    pub id: Uuid,
    /// Whether the owner of the profile wrote it.
    pub mine: bool,
    /// Its text as it reads now.
    pub text: String,
    /// When it was sent, by its author's clock.
    pub sent_at: Timestamp,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Uuid>,
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// Taken back by its author.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Reactions that stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// The call that it is the trace of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// What it read before and now, if it was edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
}

/// A message about to be sent.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<Uuid>,
    /// Chosen by the caller: the same value twice sends once.
    pub client_id: Option<String>,
}

/// Which part of a conversation to read: the messages just before one, just
/// after one, or the newest. Always in the order of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest.
    Newest,
    /// Those just before this message.
    Before(Uuid),
    /// Those just after this message.
    After(Uuid),
}
