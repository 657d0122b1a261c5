//! Registries: signing in, the account there, and who else is known.

use serde::Serialize;
use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

pub use twocan_proto::api::{
    AccountInfo, Profile as PublicProfile, ProfileField, Role, Secret, Visibility,
};

pub use twocan_proto::live::{LobbyAsk, LobbyEvent, LobbyUser};

use super::{ErrorCode, RegistryState};

/// A registry known here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegistryInfo {
    /// Where it is and what it shows.
    pub registry: RegistryUrl,
    /// The name we are signed in under, or were.
    pub username: Option<String>,
    /// How it stands.
    pub state: RegistryState,
    /// Why, in words, if there is something to say.
    pub reason: Option<String>,
}

/// Signing in to a registry.
#[derive(Clone)]
pub struct SignIn {
    /// Which one.
    pub registry: RegistryUrl,
    /// The account.
    pub username: String,
    /// Its password; sent once over TLS, never kept. A guest has none.
    pub password: String,
    /// Make the account if it is new.
    pub register: bool,
    /// Come as a guest under a name that nobody has.
    pub guest: bool,
    /// Who finds the account; `None` leaves it as it is, which for a new one
    /// is everybody.
    pub visibility: Option<Visibility>,
    /// For a new account: where a forgotten password may be reset, and where
    /// a code goes if the registry sends one by mail.
    pub email: Option<String>,
    /// For a new account: where a code goes if the registry sends one by
    /// telephone.
    pub phone: Option<String>,
    /// The code that came, when the registry asked for one.
    pub code: Option<String>,
}

impl SignIn {
    /// A sign-in to an account that is there.
    pub fn new(
        registry: RegistryUrl,
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        Self {
            registry,
            username: username.into(),
            password: password.into(),
            register: false,
            guest: false,
            visibility: None,
            email: None,
            phone: None,
            code: None,
        }
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn")
            .field("registry", &self.registry)
            .field("username", &self.username)
            .field("register", &self.register)
            .field("guest", &self.guest)
            .finish_non_exhaustive()
    }
}

/// A sign-in that worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedIn {
    /// The account as the registry writes it.
    pub username: String,
    /// Whether the account was made just now.
    pub created: bool,
    /// What the account may do there.
    pub role: Role,
}

/// What is to become of our account at a registry.
#[derive(Debug, Clone)]
pub enum AccountAction {
    /// Only shown.
    Show,
    /// Another password. All other sessions of the account end.
    ChangePassword {
        /// As it is.
        password: Secret,
        /// As it shall be.
        new_password: Secret,
    },
    /// Another e-mail address, or none.
    ChangeEmail {
        /// The account's password.
        password: Secret,
        /// The new address; `None` takes the old one out.
        email: Option<String>,
        /// The code that came to it, when the registry asked for one.
        code: Option<Secret>,
    },
    /// Another choice of who finds it.
    ChangeVisibility(Visibility),
    /// Another visiting card, as a whole.
    ChangeProfile(PublicProfile),
    /// The account and all that it left are gone.
    Delete {
        /// Its password; without it the session is taken for proof.
        password: Option<Secret>,
    },
    /// A mail with a link to a new password, if the account has an address.
    ForgotPassword {
        /// Whose; we need not be signed in.
        username: String,
    },
}

/// What came of an [`AccountAction`].
#[derive(Debug, Clone, PartialEq)]
pub enum AccountAnswer {
    /// The account as it stands now.
    Account(Box<AccountInfo>),
    /// There is no account to show; what the registry says.
    Said(String),
}

/// What to list of the registries' users.
#[derive(Debug, Clone, Default)]
pub struct DirectoryQuery {
    /// One registry, or all that we are signed in to.
    pub registry: Option<RegistryUrl>,
    /// Names that begin with this.
    pub prefix: Option<String>,
    /// Only those online (`true`) or offline (`false`).
    pub online: Option<bool>,
    /// Most rows from each registry; 0 takes 100.
    pub limit: usize,
    /// Names after this one.
    pub after: Option<String>,
}

/// What the registries say together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Directory {
    /// Users, by name; one who is known at two registries is there twice.
    pub clients: Vec<DirectoryEntry>,
    /// Registries that were asked and said nothing.
    pub silent: Vec<Silent>,
}

/// One user of a registry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DirectoryEntry {
    /// The name there.
    pub username: String,
    /// Which registry says so.
    pub registry: RegistryUrl,
    /// Whether that registry hears from the user.
    pub online: bool,
    /// When it last did.
    pub last_seen: Option<Timestamp>,
    /// The user's key as that registry knows it: a hint until proven.
    pub key: Option<PeerId>,
    /// Whether it is a guest there, who has proved nothing.
    pub guest: bool,
}

/// A registry whose answer is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// Which one.
    pub registry: RegistryUrl,
    /// What is wrong, for programs.
    pub code: ErrorCode,
    /// What is wrong, for people.
    pub reason: String,
}

/// What one registry says of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenAt {
    /// Which registry.
    pub registry: RegistryUrl,
    /// Her name there.
    pub username: String,
    /// Whether she is there; `None` while it says nothing.
    pub online: Option<bool>,
}
