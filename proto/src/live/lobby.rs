//! The public room of a registry.

use super::{LOBBY_TEXT_BYTES, LiveError, MUTE_MAX_S, long};
use crate::{
    api::{Role, Username},
    limits, text,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a client asks of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum LobbyAsk {
    /// Come in; who is there is the answer.
    Join,
    /// Go.
    Leave,
    /// Say something to all who are there.
    Say {
        /// Plain text, at most [`LOBBY_TEXT_BYTES`].
        text: String,
    },
    /// I am writing something.
    Typing,
    /// Who is there? At most [`super::LOBBY_PAGE`] of them.
    Who {
        /// After this name: `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Username>,
    },
    /// An administrator silences somebody.
    Mute {
        /// Whom.
        user: Username,
        /// For how long, at most [`MUTE_MAX_S`]; 0 lets them speak again.
        seconds: u32,
    },
    /// An administrator sends somebody out, who may not come back for a while.
    Kick {
        /// Whom.
        user: Username,
        /// Why, for all who are there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An action that this side does not know.
    #[serde(other)]
    Unknown,
}

/// Somebody in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LobbyUser {
    /// The name.
    pub username: Username,
    /// What the account may do; a guest has proved nothing.
    pub role: Role,
    /// Whether a live channel of theirs is open. Who has lost it keeps the
    /// place for a while.
    pub online: bool,
    /// Whether they may not speak.
    pub muted: bool,
}

/// What a registry says of the room, to those who are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LobbyEvent {
    /// Answer to [`LobbyAsk::Join`] and [`LobbyAsk::Who`].
    Who {
        /// In the order of their lower-case names.
        users: Vec<LobbyUser>,
        /// Value of `after` for the rest, or null when this is all.
        next: Option<Username>,
    },
    /// Somebody came in.
    Joined {
        /// Who.
        user: LobbyUser,
    },
    /// Somebody went. To the user named here: the place is gone.
    Left {
        /// Who.
        user: Username,
    },
    /// Somebody who had lost the channel has come back.
    Online {
        /// Who.
        user: Username,
    },
    /// Somebody has lost the channel.
    Offline {
        /// Who.
        user: Username,
    },
    /// Somebody said something; the speaker hears it, too.
    Said {
        /// Who.
        user: Username,
        /// What.
        text: String,
        /// By the registry's clock.
        at: Timestamp,
    },
    /// Somebody is writing.
    Typing {
        /// Who.
        user: Username,
    },
    /// Somebody was silenced, or may speak again.
    Muted {
        /// Who.
        user: Username,
        /// By whom.
        by: Username,
        /// For how long; 0 is not any more.
        seconds: u32,
    },
    /// Somebody was sent out.
    Kicked {
        /// Who.
        user: Username,
        /// By whom.
        by: Username,
        /// Why, if that was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A kind that this side does not know.
    #[serde(other)]
    Unknown,
}

impl LobbyAsk {
    pub(super) fn check(&self) -> Result<(), LiveError> {
        match self {
            Self::Say { text } if text.len() > LOBBY_TEXT_BYTES => {
                Err(long("text", LOBBY_TEXT_BYTES))
            }
            Self::Say { text } if text::multiline(text).trim().is_empty() => {
                Err(wrong("text", "says nothing"))
            }
            Self::Mute { seconds, .. } if *seconds > MUTE_MAX_S => {
                Err(wrong("seconds", &format!("is at most {MUTE_MAX_S}")))
            }
            Self::Kick {
                reason: Some(reason),
                ..
            } if reason.len() > limits::REASON_BYTES => Err(long("reason", limits::REASON_BYTES)),
            _ => Ok(()),
        }
    }
}

impl LobbyEvent {
    /// With its texts made safe to show.
    pub(super) fn shown(self) -> Self {
        match self {
            Self::Said { user, text, at } => {
                let text = text::multiline(&text);
                Self::Said { user, text, at }
            }
            Self::Kicked { user, by, reason } => {
                let reason = reason.map(|reason| text::line(&reason));
                Self::Kicked { user, by, reason }
            }
            other => other,
        }
    }
}

fn wrong(field: &'static str, problem: &str) -> LiveError {
    LiveError::Field {
        field,
        problem: problem.to_owned(),
    }
}
