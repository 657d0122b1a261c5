//! Calls: how they stand, what can be changed, and the log of them.

use serde::Serialize;
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use twocan_voice::{Activation, InputSpec, OutputSpec};
use uuid::Uuid;

use super::contact::Path;

/// Names a call, the same on both sides.
pub type CallId = Uuid;

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// We are asking the other side.
    Calling,
    /// It rings there.
    Ringing,
    /// It rings here.
    Incoming,
    /// Answered; the media path is being found.
    Connecting,
    /// Sound flows.
    Connected,
    /// The media path broke and is being found again.
    Reconnecting,
    /// Over.
    Ended,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Its id.
    pub call: CallId,
    /// The other person.
    pub contact: PeerId,
    /// Whether we are the one who called.
    pub outgoing: bool,
    /// Where it stands.
    pub state: CallState,
    /// SIP response code (RFC 3261) of the end, such as 486 for busy.
    pub code: Option<u16>,
    /// The end in words.
    pub reason: Option<String>,
    /// Which way the media takes, once known.
    pub path: Option<Path>,
    /// Our microphone is off.
    pub muted: bool,
    /// Their sound is off.
    pub deafened: bool,
    /// When the microphone is sent.
    #[serde(serialize_with = "by_name")]
    pub activation: Activation,
    /// With push to talk: the key is held.
    pub talking: bool,
    /// Loudness of the other: 1.0 is as sent.
    pub volume: f32,
}

fn by_name<S: serde::Serializer>(value: &Activation, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// A call of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedCall {
    /// Its id.
    pub call: CallId,
    /// The other person.
    pub contact: PeerId,
    /// Whether we are the one who called.
    pub outgoing: bool,
    /// When it was made or came in.
    pub started: Timestamp,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When it was over; `None` while it goes on.
    pub ended: Option<Timestamp>,
    /// SIP response code (RFC 3261) of the end.
    pub code: Option<u16>,
    /// The end in words.
    pub reason: Option<String>,
    /// The user knows of it; only a missed call is news at first.
    pub seen: bool,
    /// Which way the sound took.
    pub path: Option<Path>,
    /// Mean of the estimated quality, 1 to 4.5; `None` without sound.
    pub quality: Option<f32>,
}

/// Changes to a call; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct CallChange {
    /// Microphone off.
    pub muted: Option<bool>,
    /// Loudspeaker off.
    pub deafened: Option<bool>,
    /// Loudness of the other: 1.0 is as sent, 0.0 to 2.0.
    pub volume: Option<f32>,
    /// When the microphone is sent.
    pub activation: Option<Activation>,
    /// With push to talk: the key is held.
    pub talking: Option<bool>,
    /// Takes the loudspeaker's echo out of the microphone's sound.
    pub echo_cancellation: Option<bool>,
    /// Takes noise out of the microphone's sound.
    pub noise_suppression: Option<bool>,
    /// Brings the microphone's sound to a usual level.
    pub gain_control: Option<bool>,
    /// Another microphone.
    pub audio_in: Option<InputSpec>,
    /// Another loudspeaker.
    pub audio_out: Option<OutputSpec>,
}
