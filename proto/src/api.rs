//! What registry and clients say to each other over HTTPS: bodies, error words
//! and the small validated types inside them. Routes and status codes are in
//! `docs/registry-api.md`; the datagram of presence is in [`crate::heartbeat`].

mod account;
mod contact;
mod error;
mod format;
mod host;
mod name;
mod profile;
mod proof;
mod secret;
mod version;

pub use account::{
    AccountChange, AccountInfo, EmailChange, LOOKUPS_MAX, Lookup, LookupAnswer, LookupRequest,
    PasswordChange, ProfileList, ProfiledClient, ResetAnswer, ResetRequest,
};
pub use contact::{Email, EmailError, Phone, PhoneError};
pub use error::{ErrorBody, ErrorCode, ErrorDetail};
pub use format::{Format, FormatError};
pub use host::Host;
pub use name::{Username, UsernameError};
pub use profile::{Profile, ProfileError, ProfileField, Role, Visibility, WordError};
pub use proof::KeyProof;
pub use secret::Secret;
pub use version::{ClientVersion, VersionError};

use crate::{identity::PeerId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// Longest password in bytes. bcrypt looks at no more than 72 bytes, so a longer
/// one is refused instead of being cut in silence.
pub const PASSWORD_MAX: usize = 72;

/// Longest e-mail address in bytes (RFC 5321 section 4.5.3.1.3 allows a path of
/// 256 bytes with its two brackets).
pub const EMAIL_MAX: usize = 254;

/// Most entries in one page of the client list; also the size of a page when
/// nothing is asked for, so that a plain client sees a usual directory whole.
pub const PAGE_MAX: usize = 1000;

/// Body of `POST /register`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterRequest {
    /// The name to take, unique without regard to case.
    pub username: Username,
    /// The password, at most [`PASSWORD_MAX`] bytes.
    pub password: Secret,
    /// Where the client listens.
    pub host: Host,
    /// The public identity key; a plain contact-list client has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PeerId>,
    /// What only a new account has to say.
    #[serde(flatten)]
    pub joining: Joining,
}

/// What a registration may say beside name and password.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Joining {
    /// Where a forgotten password may be reset; shown to the owner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Where a one-time code goes when it goes by telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// The one-time code, when the registry asked for it ([`ErrorDetail::needs`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// Who finds the account.
    #[serde(default)]
    pub visibility: Visibility,
}

/// Body of `POST /sessions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionRequest {
    /// Whose session it is.
    pub username: Username,
    /// The password of the account; a guest has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Where the client listens now; the account keeps its host without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// The public identity key; the account keeps its key without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PeerId>,
    /// Make the account when the name is unknown.
    #[serde(default)]
    pub register: bool,
    /// Come as a guest under a name that nobody has.
    #[serde(default)]
    pub guest: bool,
    /// That the account's own identity signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<KeyProof>,
    /// What `register` may need.
    #[serde(flatten)]
    pub joining: Joining,
}

/// Body of `PUT /sessions/current`: come back with a kept token.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResumeRequest {
    /// Where the client listens now; the account keeps its host without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// The public identity key; the account keeps its key without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PeerId>,
}

/// Answer to a sign-in or a resumed session. Only `username` and `token` are
/// worth keeping: resuming hands out the rest anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionGrant {
    /// The name as it was registered.
    pub username: Username,
    /// Bearer token for `Authorization`.
    pub token: Secret,
    /// Name of the session in heartbeats, 32 hexadecimal digits.
    pub session_id: String,
    /// Key of the heartbeats, 32 bytes in URL-safe base64 without padding.
    pub heartbeat_key: Secret,
    /// UDP port that takes the heartbeats, on the host of the registry.
    pub heartbeat_port: u16,
    /// Milliseconds between two heartbeats.
    pub heartbeat_ms: u64,
    /// The registry's clock; heartbeats are stamped by it, so that a client
    /// whose own clock is wrong can be online.
    pub server_time: Timestamp,
    /// When the token stops working unless the session is resumed before.
    pub expires_at: Timestamp,
    /// Whether the account was made by this request.
    pub created: bool,
    /// What the account may do.
    #[serde(default)]
    pub role: Role,
}

/// What anybody may know of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientInfo {
    /// The name as it was registered.
    pub username: Username,
    /// Address to connect to: an IP address or a name, with or without a port.
    pub host: String,
    /// The public identity key, or null for a plain contact-list client.
    pub key: Option<PeerId>,
    /// Whether a sign of life came lately.
    pub online: bool,
    /// The last sign of life, or null when there was none yet.
    pub last_seen: Option<Timestamp>,
    /// Whether it is a guest, who has proved nothing; left out for all others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
}

/// One page of `GET /clients`, in the order of the lower-case names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientList {
    /// The clients of this page.
    pub clients: Vec<ClientInfo>,
    /// Value of `after` for the next page, or null when this is the last.
    pub next: Option<String>,
}

/// Answer to `GET /healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// The word `ok`.
    pub status: String,
    /// Version of the registry.
    pub version: String,
}
