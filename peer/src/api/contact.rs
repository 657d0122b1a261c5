//! The people we know, those who ask to be, and how we are linked to them.

use std::collections::BTreeMap;

use serde::Serialize;
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::people::Presence;
use super::registry::SeenAt;

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
