//! What registry and clients say to each other over the live channel, one
//! WebSocket (RFC 6455) a client at `GET /live`. The notation of all messages is
//! settled by the sub-protocol. The routes around it are in
//! `docs/registry-api.md`.
//!
//! The client speaks first ([`Ask::Hello`]), the registry answers with its own
//! hello, and from then on both say what they like. A type that one side does
//! not know reads as `Unknown`, so that either may be newer.

mod end;
mod lobby;

pub use end::LiveEnd;
pub use lobby::{LobbyAsk, LobbyEvent, LobbyUser};

use crate::{
    api::{ClientInfo, ErrorDetail, Format, FormatError, Lookup, Role, Username},
    identity::PeerId,
    limits, text,
};
use serde::{Deserialize, Serialize};

/// Version of the channel that this library speaks.
pub const LIVE_VERSION: u16 = 1;

/// Largest message of a client, in bytes: the longest honest one
/// ([`WATCH_AT_ONCE`] names with their keys) has about 12 KiB.
pub const ASK_MAX: usize = 16 * 1024;

/// Largest message of a registry, in bytes.
pub const EVENT_MAX: usize = 64 * 1024;

/// Names in one [`Ask::Watch`] or [`Ask::Unwatch`].
pub const WATCH_AT_ONCE: usize = 100;

/// Names that one channel watches: as many contacts as a busy person has.
pub const WATCH_MAX: usize = 1000;

/// Longest text said in the lobby, in bytes of UTF-8: a paragraph.
pub const LOBBY_TEXT_BYTES: usize = 1024;

/// Users in one [`LobbyEvent::Who`].
pub const LOBBY_PAGE: usize = 100;

/// Longest time that an administrator may mute somebody, in seconds: a day.
/// Whoever is to be silent longer is banned.
pub const MUTE_MAX_S: u32 = 24 * 60 * 60;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Ask {
    /// The first message.
    Hello {
        /// [`LIVE_VERSION`] of the client.
        version: u16,
        /// Name and version of the program, such as `twocan/0.1.0`.
        client: String,
    },
    /// Tell me of these; the present state comes at once, then every change.
    Watch {
        /// At most [`WATCH_AT_ONCE`]; the keys find those who are seen by
        /// contacts alone.
        clients: Vec<Lookup>,
        /// Beside those watched before, not instead of them.
        #[serde(default)]
        add: bool,
    },
    /// No more of these.
    Unwatch {
        /// At most [`WATCH_AT_ONCE`].
        clients: Vec<Username>,
    },
    /// Tell somebody that I cannot reach them, and where I am.
    Knock {
        /// Whom.
        username: Username,
        /// Their key, as in a look-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<PeerId>,
    },
    /// About the public room.
    Lobby(LobbyAsk),
    /// A type that this side does not know.
    #[serde(other)]
    Unknown,
}

/// What a registry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Answer to the client's hello.
    Hello(LiveHello),
    /// The state of watched names: all of it after a [`Ask::Watch`], then what
    /// changed.
    Presence {
        /// Those that are found, as a look-up shows them.
        #[serde(default)]
        clients: Vec<ClientInfo>,
        /// Those that are not, or not with the key that was named.
        #[serde(default)]
        unknown: Vec<Username>,
    },
    /// Somebody cannot reach you.
    Knock {
        /// Who, and where they are.
        from: ClientInfo,
    },
    /// Answer to a knock.
    Knocked {
        /// Whom it was for.
        username: Username,
        /// Whether it was passed on. False for who is unknown or not connected.
        delivered: bool,
    },
    /// Something that the user should know.
    Notice(Notice),
    /// About the public room.
    Lobby(LobbyEvent),
    /// A message of the client was refused.
    Error {
        /// The type of that message, such as `knock`.
        about: String,
        /// Why.
        error: ErrorDetail,
    },
    /// A type that this side does not know.
    #[serde(other)]
    Unknown,
}

/// The registry's hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveHello {
    /// [`LIVE_VERSION`] of the registry.
    pub version: u16,
    /// Name and version of the program, such as `twocan-registry/0.1.0`.
    pub server: String,
    /// Whose channel it is.
    pub username: Username,
    /// What that account may do.
    pub role: Role,
    /// Names that this channel may watch.
    pub watch_max: usize,
    /// Seconds of silence after which the registry asks for a sign of life.
    pub ping_s: u64,
}

/// Something that everybody, or one user, should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// The operator says something.
    Announcement {
        /// Plain text of one line.
        text: String,
    },
    /// The registry stops.
    Shutdown {
        /// Seconds after which it is worth coming back.
        back_after_s: u64,
    },
    /// This client is too old to go on.
    Outdated {
        /// The version that it needs, such as `0.2.0`.
        needs: String,
    },
    /// This user or address is kept out.
    Banned {
        /// Why, and until when.
        reason: String,
    },
    /// A kind that this side does not know.
    #[serde(other)]
    Unknown,
}

/// Why a message was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// The bytes are not what the sub-protocol says.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// More than a message may hold.
    #[error("a message has at most {0} bytes")]
    Long(usize),
    /// A field is not as it must be.
    #[error("{field}: {problem}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Format {
    /// Its sub-protocol of the live channel.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "twocan.live.v1.json",
            Self::MessagePack => "twocan.live.v1.msgpack",
        }
    }

    /// The first notation that a `Sec-WebSocket-Protocol` offers and that is
    /// spoken here (RFC 6455 section 11.3.4).
    #[must_use]
    pub fn offered(protocols: &str) -> Option<Self> {
        protocols.split(',').map(str::trim).find_map(|offered| {
            let mut all = Self::ALL.into_iter();
            all.find(|format| format.subprotocol() == offered)
        })
    }
}

impl Ask {
    /// The word of its type, for an [`Event::Error`].
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Watch { .. } => "watch",
            Self::Unwatch { .. } => "unwatch",
            Self::Knock { .. } => "knock",
            Self::Lobby(_) => "lobby",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a message of a client, with all its limits.
    ///
    /// # Errors
    /// [`LiveError`], which says what is wrong.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, LiveError> {
        let ask: Self = decode(format, bytes, ASK_MAX)?;
        match &ask {
            Self::Hello { client, .. } if client.len() > limits::VERSION_BYTES => {
                Err(long("client", limits::VERSION_BYTES))
            }
            Self::Watch { clients, .. } if clients.len() > WATCH_AT_ONCE => Err(many(clients)),
            Self::Unwatch { clients } if clients.len() > WATCH_AT_ONCE => Err(many(clients)),
            Self::Lobby(ask) => ask.check().map(|()| ask.clone()).map(Self::Lobby),
            _ => Ok(ask),
        }
    }

    /// The bytes of a message.
    ///
    /// # Errors
    /// [`LiveError::Format`], which none of these values gives.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, LiveError> {
        Ok(format.encode(self)?)
    }
}

impl Event {
    /// Reads a message of a registry, with its texts made safe to show.
    ///
    /// # Errors
    /// [`LiveError`], which says what is wrong.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, LiveError> {
        let event: Self = decode(format, bytes, EVENT_MAX)?;
        Ok(match event {
            Self::Notice(notice) => Self::Notice(notice.shown()),
            Self::Lobby(event) => Self::Lobby(event.shown()),
            Self::Error { about, mut error } => {
                error.message = text::line(&error.message);
                let about = text::line(&about);
                Self::Error { about, error }
            }
            Self::Hello(hello) => Self::Hello(LiveHello {
                server: text::line(&hello.server),
                ..hello
            }),
            other => other,
        })
    }

    /// The bytes of a message.
    ///
    /// # Errors
    /// [`LiveError::Format`], which none of these values gives.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, LiveError> {
        Ok(format.encode(self)?)
    }
}

impl Notice {
    fn shown(self) -> Self {
        match self {
            Self::Announcement { text } => Self::Announcement {
                text: text::line(&text),
            },
            Self::Outdated { needs } => Self::Outdated {
                needs: text::line(&needs),
            },
            Self::Banned { reason } => Self::Banned {
                reason: text::line(&reason),
            },
            other => other,
        }
    }
}

fn decode<T: serde::de::DeserializeOwned>(
    format: Format,
    bytes: &[u8],
    max: usize,
) -> Result<T, LiveError> {
    if bytes.len() > max {
        return Err(LiveError::Long(max));
    }
    Ok(format.decode(bytes)?)
}

fn long(field: &'static str, max: usize) -> LiveError {
    LiveError::Field {
        field,
        problem: format!("has at most {max} bytes"),
    }
}

fn many<T>(clients: &[T]) -> LiveError {
    let have = clients.len();
    LiveError::Field {
        field: "clients",
        problem: format!("has {have} names; at most {WATCH_AT_ONCE} go into one message"),
    }
}

#[cfg(test)]
#[path = "live/tests.rs"]
mod tests;
