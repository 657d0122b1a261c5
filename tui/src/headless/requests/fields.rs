//! The fields of each verb.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use twocan_peer::api::{DeleteFor, ExportFormat, ProfileField, Secret, Visibility};
use twocan_proto::api::Username;
use twocan_proto::registry_url::RegistryUrl;

#[derive(PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct SignIn {
    pub(in crate::headless) registry: RegistryUrl,
    pub(in crate::headless) username: String,
    /// A guest has none.
    #[serde(default)]
    pub(in crate::headless) password: String,
    #[serde(default)]
    pub(in crate::headless) register: bool,
    #[serde(default)]
    pub(in crate::headless) guest: bool,
    pub(in crate::headless) visibility: Option<Visibility>,
    pub(in crate::headless) code: Option<Code>,
    pub(in crate::headless) email: Option<String>,
    pub(in crate::headless) phone: Option<String>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn")
            .field("registry", &self.registry)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A code of digits, as a text or as a number.
#[derive(PartialEq, Deserialize)]
#[serde(untagged)]
pub(in crate::headless) enum Code {
    Text(String),
    Number(u64),
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[code]")
    }
}

impl Code {
    /// Codes have six digits, the first of which may be 0.
    pub(in crate::headless) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => format!("{number:06}"),
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::headless) enum Lobby {
    Join {
        registry: RegistryUrl,
    },
    Leave {
        registry: RegistryUrl,
    },
    Say {
        registry: RegistryUrl,
        text: String,
    },
    Typing {
        registry: RegistryUrl,
    },
    Who {
        registry: RegistryUrl,
        after: Option<Username>,
    },
    Mute {
        registry: RegistryUrl,
        user: Username,
        seconds: u32,
    },
    Kick {
        registry: RegistryUrl,
        user: Username,
        reason: Option<String>,
    },
}

/// A field of another action is refused by name.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::headless) enum Account {
    Show {
        registry: RegistryUrl,
    },
    ChangePassword {
        registry: RegistryUrl,
        password: Secret,
        new_password: Secret,
    },
    ChangeEmail {
        registry: RegistryUrl,
        password: Secret,
        email: Option<String>,
        code: Option<Code>,
    },
    ChangeVisibility {
        registry: RegistryUrl,
        visibility: Visibility,
    },
    ChangeProfile {
        registry: RegistryUrl,
        #[serde(default)]
        display_name: Option<String>,
        #[serde(default)]
        status: Option<String>,
        #[serde(default)]
        fields: Vec<ProfileField>,
    },
    Delete {
        registry: RegistryUrl,
        password: Option<Secret>,
    },
    ForgotPassword {
        registry: RegistryUrl,
        username: String,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct AtRegistry {
    pub(in crate::headless) registry: RegistryUrl,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Clients {
    pub(in crate::headless) registry: Option<RegistryUrl>,
    pub(in crate::headless) prefix: Option<String>,
    pub(in crate::headless) online: Option<bool>,
    pub(in crate::headless) limit: Option<usize>,
    pub(in crate::headless) after: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct ContactAdd {
    pub(in crate::headless) who: String,
    #[serde(default)]
    pub(in crate::headless) note: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct ContactSet {
    pub(in crate::headless) contact: String,
    pub(in crate::headless) alias: Option<String>,
    pub(in crate::headless) blocked: Option<bool>,
    pub(in crate::headless) verified: Option<bool>,
    pub(in crate::headless) group: Option<String>,
    pub(in crate::headless) favourite: Option<bool>,
    pub(in crate::headless) muted: Option<bool>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct ContactKey {
    pub(in crate::headless) contact: String,
    pub(in crate::headless) decision: Decision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::headless) enum Decision {
    Accept,
    Keep,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Profile {
    pub(in crate::headless) contact: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct ProfileSet {
    pub(in crate::headless) name: Option<String>,
    pub(in crate::headless) status: Option<String>,
    pub(in crate::headless) presence: Option<Presence>,
    pub(in crate::headless) fields: Option<BTreeMap<String, String>>,
}

/// Like [`twocan_peer::api::Presence`], which takes what it does not know for
/// available; a script that mistypes is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::headless) enum Presence {
    Available,
    Away,
    DoNotDisturb,
    Invisible,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct OfContact {
    pub(in crate::headless) contact: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct OfRequest {
    pub(in crate::headless) request: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Send {
    pub(in crate::headless) to: String,
    pub(in crate::headless) text: String,
    pub(in crate::headless) reply_to: Option<String>,
    pub(in crate::headless) client_id: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Edit {
    pub(in crate::headless) message: String,
    pub(in crate::headless) text: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Delete {
    pub(in crate::headless) message: String,
    #[serde(rename = "for")]
    pub(in crate::headless) scope: DeleteFor,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct React {
    pub(in crate::headless) message: String,
    pub(in crate::headless) emoji: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct OfMessage {
    pub(in crate::headless) message: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Search {
    pub(in crate::headless) text: String,
    pub(in crate::headless) with: Option<String>,
    pub(in crate::headless) before: Option<String>,
    pub(in crate::headless) limit: Option<usize>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Export {
    pub(in crate::headless) with: Option<String>,
    pub(in crate::headless) format: ExportFormat,
    pub(in crate::headless) path: PathBuf,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Import {
    pub(in crate::headless) path: PathBuf,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct MarkRead {
    pub(in crate::headless) with: String,
    pub(in crate::headless) upto: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Typing {
    pub(in crate::headless) to: String,
    pub(in crate::headless) on: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct History {
    pub(in crate::headless) with: String,
    pub(in crate::headless) after: Option<String>,
    pub(in crate::headless) before: Option<String>,
    pub(in crate::headless) limit: Option<usize>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct To {
    pub(in crate::headless) to: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct OfCall {
    pub(in crate::headless) call: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct WithCode {
    pub(in crate::headless) call: String,
    pub(in crate::headless) code: Option<u16>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Decline {
    pub(in crate::headless) call: String,
    pub(in crate::headless) code: Option<u16>,
    #[serde(default)]
    pub(in crate::headless) text: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct CallLog {
    pub(in crate::headless) before: Option<String>,
    pub(in crate::headless) limit: Option<usize>,
    #[serde(default)]
    pub(in crate::headless) seen: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct CallSet {
    pub(in crate::headless) call: String,
    pub(in crate::headless) muted: Option<bool>,
    pub(in crate::headless) deafened: Option<bool>,
    pub(in crate::headless) volume: Option<f32>,
    pub(in crate::headless) activation: Option<String>,
    pub(in crate::headless) talking: Option<bool>,
    pub(in crate::headless) audio_in: Option<String>,
    pub(in crate::headless) audio_out: Option<String>,
    pub(in crate::headless) echo_cancellation: Option<bool>,
    pub(in crate::headless) noise_suppression: Option<bool>,
    pub(in crate::headless) gain_control: Option<bool>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct MicTest {
    pub(in crate::headless) on: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct FileSend {
    pub(in crate::headless) to: String,
    pub(in crate::headless) path: PathBuf,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct FileAccept {
    pub(in crate::headless) transfer: String,
    pub(in crate::headless) dir: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct OfTransfer {
    pub(in crate::headless) transfer: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Set {
    pub(in crate::headless) key: String,
    pub(in crate::headless) value: Value,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::headless) struct Get {
    pub(in crate::headless) key: String,
}
