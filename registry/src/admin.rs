//! What operators may do. A command is one JSON object and comes over the local
//! socket of a running registry ([`socket`]), over HTTPS from an administrator,
//! or is done at once by the command line on a stopped one ([`client`]); it is
//! [`run`] that does it, whatever the way, so that memory and database are one.

pub(crate) mod client;
mod run;
pub(crate) mod socket;

use crate::bans::{Subject, SubjectError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use twocan_proto::{
    api::{ErrorCode, Role, Secret, Username},
    time::Timestamp,
};
use utoipa::ToSchema;

/// One thing to be done.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Command {
    /// Numbers of the registry.
    Status {},
    /// Accounts in order of their names.
    List {
        /// Names after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
        /// Only those online, or offline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        online: Option<bool>,
        /// Only those with this text in their names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        search: Option<String>,
    },
    /// One account, with what only operators see.
    Show { username: Username },
    /// Keeps somebody out.
    Ban {
        target: Target,
        #[serde(default)]
        reason: String,
        /// When it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Lets somebody in again.
    Unban { target: Target },
    /// The bans in force.
    Bans {},
    /// Makes an account, whoever may register by themselves. Without a password
    /// it gets one, which is answered.
    Create {
        username: Username,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
        #[serde(default)]
        role: Role,
    },
    /// Sets a password, and ends all sessions. Without one it is made, and
    /// answered.
    Reset {
        username: Username,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
    },
    /// Says what an account may do.
    Role { username: Username, role: Role },
    /// Ends an account; its name is free again.
    Delete { username: Username },
    /// Tells everybody who is connected.
    Announce { text: String },
    /// Puts a backup in the place of everything; the file is one of the
    /// registry's machine, so this is for the local socket alone.
    Restore {
        #[schema(value_type = String)]
        file: PathBuf,
    },
}

impl Command {
    /// Whether it makes sense where there is no registry yet.
    fn makes_registry(&self) -> bool {
        matches!(self, Self::Create { .. })
    }
}

/// Who a ban is about, as typed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    User(Username),
    Address(String),
    Network(String),
}

impl Target {
    fn subject(&self) -> Result<Subject, SubjectError> {
        match self {
            Self::User(name) => Ok(Subject::user(name)),
            Self::Address(text) => Subject::address(text),
            Self::Network(text) => Subject::network(text),
        }
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct AdminError {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl AdminError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}
