//! People: what they tell of themselves, changed keys, and who is near.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use twocan_proto::identity::PeerId;

pub use twocan_proto::body::Presence;
pub use twocan_proto::safety::Safety;

/// What we tell our contacts of ourselves; strangers get none of it but the
/// name, when we ask them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// What we call ourselves; empty before the first run chose one.
    pub name: String,
    /// A line about what we are up to; may be empty. At most
    /// [`twocan_proto::limits::STATUS_BYTES`].
    pub status: String,
    /// How we want to be found. With `Invisible` contacts see us as offline;
    /// with `DoNotDisturb` calls and messages still come, and the interface
    /// neither rings nor notifies.
    pub presence: Presence,
    /// What else we chose to tell, such as `mail`: at most
    /// [`twocan_proto::limits::PROFILE_FIELDS`].
    pub fields: BTreeMap<String, String>,
}

/// What the user decides about a contact who shows another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDecision {
    /// The known key is right. The new one is refused, now and when it is
    /// shown again; the trust is what it was before.
    Keep,
    /// The new key is hers. Contact and conversation move on to it, as one
    /// that is known and not verified; what was waiting goes to the new key.
    Accept,
}

/// Whether people in the local network are looked for, and told of us (mDNS,
/// RFC 6762 and 6763).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Lan {
    /// Neither, whatever the setting says.
    Off,
    /// As the setting `lan` says, which is yes unless it was set to no; never
    /// while we listen on this machine alone.
    #[default]
    Auto,
    /// On the interface of this name and no other, as the setting `lan` says;
    /// also one that leads nowhere but to this machine.
    Interface(String),
}

/// Somebody who is found in the local network. All of it is hearsay until a
/// link has proven the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nearby {
    /// The key she claims.
    pub peer_id: PeerId,
    /// What she calls herself; empty when she does not tell.
    pub name: String,
    /// Where she takes connections, the likeliest first.
    pub addresses: Vec<SocketAddr>,
    /// She is a contact of ours.
    pub is_contact: bool,
}
