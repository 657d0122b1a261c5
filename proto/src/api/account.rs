//! What an owner does with her account, and what others may know of it.

use super::{ClientInfo, Email, Phone, Profile, Role, Secret, Username, Visibility};
use crate::{identity::PeerId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// Most clients asked for in one [`LookupRequest`]: a long list of contacts.
pub const LOOKUPS_MAX: usize = 100;

/// Answer to `GET /account` and `PATCH /account`: what the owner may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountInfo {
    /// The name as it was registered.
    pub username: Username,
    /// What the account may do.
    pub role: Role,
    /// Who finds it.
    pub visibility: Visibility,
    /// Where a forgotten password may be reset.
    pub email: Option<Email>,
    /// Where one-time codes go when they go by telephone.
    pub phone: Option<Phone>,
    /// The public identity key.
    pub key: Option<PeerId>,
    /// Everything the owner wrote of herself.
    pub profile: Profile,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// Body of `PATCH /account`: what is absent stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountChange {
    /// Who finds the account. `contacts` needs a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// The profile, as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// Body of `PUT /account/password`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordChange {
    /// The password as it is.
    pub password: Secret,
    /// The password as it shall be.
    pub new_password: Secret,
}

/// Body of `PUT /account/email`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EmailChange {
    /// The password of the account.
    pub password: Secret,
    /// The new address; none takes the old one out.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub email: Option<Email>,
    /// The code that came to the new address, when the registry asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
}

/// Body of `POST /password-reset`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResetRequest {
    /// Whose password is forgotten.
    pub username: Username,
}

/// Answer to `POST /password-reset`, the same for every name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResetAnswer {
    /// What happens now, for people.
    pub message: String,
}

/// Body of `POST /lookups`: several clients in one request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupRequest {
    /// At most [`LOOKUPS_MAX`].
    pub clients: Vec<Lookup>,
}

/// One client that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lookup {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub username: Username,
    /// Its key, which finds those that are seen by contacts alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PeerId>,
}

/// Answer to `POST /lookups`, in the order of the request. Unknown names are
/// left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupAnswer {
    /// Those that were found.
    pub clients: Vec<ProfiledClient>,
}

/// A client with its profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfiledClient {
    /// Address, key and presence.
    #[serde(flatten)]
    pub client: ClientInfo,
    /// The public part, or all of it to who named the right key.
    pub profile: Profile,
}

/// One page of `GET /profiles`, in the order of the lower-case names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileList {
    /// The clients of this page, each with the public part of its profile. A page
    /// may have fewer than asked for, or none, with more behind it.
    pub profiles: Vec<ProfiledClient>,
    /// Value of `after` for the next page, or null when this is the last.
    pub next: Option<String>,
}
