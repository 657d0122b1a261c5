//! What two say about the link between them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The first frame of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Program and version, such as `twocan/0.1.0`.
    pub client: String,
    /// What the sender can do beyond the basics.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Drawn at the start of the program: tells a second link of the same
    /// running program from one of a program that started again.
    pub instance: Uuid,
    /// The port where the sender takes connections, if it does.
    #[serde(default)]
    pub port: Option<u16>,
    /// The receiver is a contact of the sender: messages and calls are welcome.
    #[serde(default)]
    pub welcome: bool,
    /// The sender is not to be shown as online; said to contacts alone, as
    /// part of `welcome`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invisible: bool,
    /// The sender has moved to another address: the link that was there before
    /// is dead at its end, though the receiver may not have noticed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// Where the conversation stands at the sender.
    #[serde(default)]
    pub resume: Resume,
}

/// What the sender of a hello has of the receiver's messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Sequence number up to which all are on the sender's disk.
    #[serde(default)]
    pub stored: u64,
    /// Sequence number up to which the sender has read them.
    #[serde(default)]
    pub read: u64,
}

/// A sign of life asked for, and given: `nonce` comes back unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Tells pings apart.
    pub nonce: u64,
}

/// Why a link ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The program ends.
    Shutdown,
    /// Another link between the same two is kept.
    Replaced,
    /// The user asked for it.
    Disconnected,
    /// One side is too old for the other.
    Outdated,
    /// What came made no sense.
    Protocol,
    /// Nothing came for too long.
    Timeout,
    /// The receiver is not wanted here.
    Refused,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

/// The link ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why, for programs.
    pub reason: ByeReason,
    /// Why, for people; may be empty.
    #[serde(default)]
    pub text: String,
}

/// Something the receiver sent made no sense to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// The type of the frame that is complained about.
    pub kind: u8,
    /// What is wrong with it.
    #[serde(default)]
    pub text: String,
}
