//! The things themselves: contacts, messages, calls, registries.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use twocan_proto::identity::PeerId;
use twocan_proto::link::ContactLink;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;
use twocan_voice::{Activation, InputSpec, OutputSpec};
use uuid::Uuid;

use super::people::{Lan, Presence};
use super::registry::{RegistryInfo, SeenAt};
use crate::vault::Protection;

/// How to start the engine.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the profile: identity, database, settings, downloads. Made
    /// if missing.
    pub data: PathBuf,
    /// What opens the profile, and protects a new one on the disk.
    pub protection: Protection,
    /// Where peers connect; `None` takes `[::]:7777` and falls back to
    /// `0.0.0.0:7777`. Port 0 picks a free one.
    pub listen: Option<SocketAddr>,
    /// The name shown to others; `None` keeps the one of the profile.
    pub name: Option<String>,
    /// Registries to know from the start; signing in is asked for apart.
    pub registries: Vec<RegistryUrl>,
    /// Where a call's sound comes from; `None` takes what was chosen before.
    pub audio_in: Option<InputSpec>,
    /// Where a call's sound goes to; `None` takes what was chosen before.
    pub audio_out: Option<OutputSpec>,
    /// Accept contact requests without asking.
    pub auto_accept: bool,
    /// Answer calls without asking.
    pub auto_answer: bool,
    /// Be the echo contact: repeat messages and play calls back.
    pub echo: bool,
    /// Let calls be heard ringing and ending, where the settings do not say
    /// otherwise.
    pub tones: bool,
    /// Whether people in the local network are looked for.
    pub lan: Lan,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhoAmI {
    /// Our id.
    pub peer_id: PeerId,
    /// The name shown to others; empty before the first run chose one.
    pub name: String,
    /// What to hand to a friend.
    pub link: ContactLink,
    /// Where peers can connect.
    pub listen: Vec<SocketAddr>,
    /// The registries known here.
    pub registries: Vec<RegistryInfo>,
    /// The file that holds our key.
    pub key_file: PathBuf,
}

/// How far a contact's key is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Compared by the user, or added by a link that carried the key.
    Verified,
    /// Remembered from the first time.
    Known,
    /// A registry or an address shows another key now: nothing goes out
    /// until the user decides.
    Changed,
}

/// How two people stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// We asked; the other has not answered yet.
    Asked,
    /// Both said yes.
    Mutual,
    /// The other said no. We may ask again.
    Rejected,
}

/// Which way a link takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Inside one local network, or one machine.
    Lan,
    /// Straight across networks.
    Direct,
    /// Passed through by somebody who cannot read it.
    Relay,
}

/// A link that came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Connected {
    /// Who answered.
    pub peer_id: PeerId,
    /// Which way the link takes.
    pub path: Path,
}

/// The settings there are: name, and what it means. Values are JSON.
pub const SETTINGS: &[(&str, &str)] = &[
    (
        "audio.input",
        "where the sound of calls comes from, as --audio-in; \"default\" follows the system",
    ),
    (
        "audio.output",
        "where the sound of calls goes to, as --audio-out; \"default\" follows the system",
    ),
    (
        "call.activation",
        "when the microphone is sent: continuous (always), voice (while you speak) or push_to_talk; for calls to come",
    ),
    (
        "call.echo_cancellation",
        "whether the loudspeaker's echo is taken out of the microphone's sound; true unless set to false",
    ),
    (
        "call.gain_control",
        "whether the microphone's sound is brought to a usual level; true unless set to false",
    ),
    (
        "call.noise_suppression",
        "whether noise is taken out of the microphone's sound; true unless set to false",
    ),
    (
        "call.ring_timeout_s",
        "seconds that a call rings before it ends with \"no answer\"; 5 to 300",
    ),
    (
        "call.tones",
        "whether calls are heard ringing and ending; true unless set to false",
    ),
    (
        "chat.receipts",
        "whether contacts learn what you have read; true unless set to false, and what you read meanwhile counts as read once it is true again",
    ),
    (
        "chat.typing",
        "whether contacts see that you are typing; true unless set to false",
    ),
    (
        "files.folder",
        "the folder that files are saved in, as an absolute path; null for \"downloads\" in the profile",
    ),
    (
        "history.keep_days",
        "days that messages are kept; 0 keeps them for ever",
    ),
    (
        "lan",
        "whether people in the local network are found, and find you; true unless set to false",
    ),
    (
        "lan.name",
        "whether your name is told to the local network, beside your peer id; true unless set to false",
    ),
    (
        "motion",
        "whether meters move; true unless set to false, which makes them numbers",
    ),
    (
        "notify.bell",
        "whether the terminal's bell rings for news while you look elsewhere; true unless set to false",
    ),
    (
        "notify.content",
        "whether notifications say who it was and what was written; true unless set to false",
    ),
    (
        "notify.desktop",
        "whether the desktop shows notifications; true unless set to false",
    ),
    (
        "notify.terminal",
        "whether the terminal shows notifications where the desktop cannot; true unless set to false",
    ),
    (
        "theme",
        "how the screen looks: auto, ansi16, dark, light, contrast or mono",
    ),
    ("ui", "what the interface remembers: theme, sizes, drafts"),
];

/// A person we know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contact {
    /// Her key.
    pub peer_id: PeerId,
    /// What we call her: unique among our contacts.
    pub alias: String,
    /// What she calls herself.
    pub name: String,
    /// How far her key is to be trusted.
    pub trust: Trust,
    /// With [`Trust::Changed`]: the key that is shown now, to be compared with
    /// `peer_id` and decided on.
    pub new_key: Option<PeerId>,
    /// Whether both said yes.
    pub relation: Relation,
    /// There now: linked to us, or a registry says so.
    pub online: bool,
    /// How we are linked, if we are.
    pub path: Option<Path>,
    /// Messages of hers not read yet.
    pub unread: u64,
    /// Messages of ours that she does not have yet.
    pub waiting: u64,
    /// When we were last linked.
    pub last_seen: Option<Timestamp>,
    /// When the newest message of the conversation was stored.
    pub last_message_at: Option<Timestamp>,
    /// Blocked by us: no links, no messages, no calls.
    pub blocked: bool,
    /// Which of our groups she is in; empty for none.
    pub group: String,
    /// One of those we want to see first.
    pub favourite: bool,
    /// Nothing of hers shall notify or ring.
    pub muted: bool,
    /// How she wants to be found; `None` while she is offline, or not to be
    /// seen.
    pub presence: Option<Presence>,
    /// The line she tells of herself; kept while she is offline.
    pub status: String,
    /// What else she tells of herself.
    pub fields: BTreeMap<String, String>,
    /// Names at registries under which she was found.
    pub registry_names: Vec<String>,
    /// What each of those registries says of her.
    pub seen_at: Vec<SeenAt>,
    /// Up to which message of hers we have read: the last one not unread.
    pub read_upto: Option<Uuid>,
}

/// Changes to a contact; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ContactChange {
    /// A new alias.
    pub alias: Option<String>,
    /// Block or unblock.
    pub blocked: Option<bool>,
    /// The user compared the keys (or takes that back). Said of a contact who
    /// shows another key, the known one is right: see
    /// [`super::KeyDecision::Keep`].
    pub verified: Option<bool>,
    /// Another group; empty takes her out of the one she is in.
    pub group: Option<String>,
    /// A favourite, or no longer.
    pub favourite: Option<bool>,
    /// No notifications, or notifications again.
    pub muted: Option<bool>,
}

/// A stranger's request to become a contact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactRequest {
    /// Names the request in `accept` and `reject`.
    pub request: Uuid,
    /// What the stranger calls herself.
    pub from: String,
    /// Her key.
    pub peer_id: PeerId,
    /// A sentence of hers; may be empty.
    pub note: String,
    /// When it came.
    pub at: Timestamp,
}

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

/// Names a call, the same on both sides.
pub type CallId = Uuid;

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// We are asking the other side.
    Calling,
    /// It rings there.
    Ringing,
    /// It rings here.
    Incoming,
    /// Answered; the media path is being found.
    Connecting,
    /// Sound flows.
    Connected,
    /// The media path broke and is being found again.
    Reconnecting,
    /// Over.
    Ended,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Its id.
    pub call: CallId,
    /// The other person.
    pub contact: PeerId,
    /// Whether we are the one who called.
    pub outgoing: bool,
    /// Where it stands.
    pub state: CallState,
    /// SIP response code (RFC 3261) of the end, such as 486 for busy.
    pub code: Option<u16>,
    /// The end in words.
    pub reason: Option<String>,
    /// Which way the media takes, once known.
    pub path: Option<Path>,
    /// Our microphone is off.
    pub muted: bool,
    /// Their sound is off.
    pub deafened: bool,
    /// When the microphone is sent.
    #[serde(serialize_with = "by_name")]
    pub activation: Activation,
    /// With push to talk: the key is held.
    pub talking: bool,
    /// Loudness of the other: 1.0 is as sent.
    pub volume: f32,
}

fn by_name<S: serde::Serializer>(value: &Activation, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// A call of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedCall {
    /// Its id.
    pub call: CallId,
    /// The other person.
    pub contact: PeerId,
    /// Whether we are the one who called.
    pub outgoing: bool,
    /// When it was made or came in.
    pub started: Timestamp,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When it was over; `None` while it goes on.
    pub ended: Option<Timestamp>,
    /// SIP response code (RFC 3261) of the end.
    pub code: Option<u16>,
    /// The end in words.
    pub reason: Option<String>,
    /// The user knows of it; only a missed call is news at first.
    pub seen: bool,
    /// Which way the sound took.
    pub path: Option<Path>,
    /// Mean of the estimated quality, 1 to 4.5; `None` without sound.
    pub quality: Option<f32>,
}

/// Changes to a call; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct CallChange {
    /// Microphone off.
    pub muted: Option<bool>,
    /// Loudspeaker off.
    pub deafened: Option<bool>,
    /// Loudness of the other: 1.0 is as sent, 0.0 to 2.0.
    pub volume: Option<f32>,
    /// When the microphone is sent.
    pub activation: Option<Activation>,
    /// With push to talk: the key is held.
    pub talking: Option<bool>,
    /// Takes the loudspeaker's echo out of the microphone's sound.
    pub echo_cancellation: Option<bool>,
    /// Takes noise out of the microphone's sound.
    pub noise_suppression: Option<bool>,
    /// Brings the microphone's sound to a usual level.
    pub gain_control: Option<bool>,
    /// Another microphone.
    pub audio_in: Option<InputSpec>,
    /// Another loudspeaker.
    pub audio_out: Option<OutputSpec>,
}
