//! What the engine tells by itself.

use std::net::SocketAddr;

use serde::Serialize;
use twocan_proto::identity::PeerId;
use twocan_proto::live::LobbyEvent;
use twocan_proto::registry_url::RegistryUrl;
use uuid::Uuid;

use super::call::{Call, CallId};
use super::contact::{Contact, ContactRequest, Path};
use super::message::{Change, Message, MessageState};
use super::people::Nearby;
use super::sound::MicTest;
use super::transfer::Transfer;

/// Something happened. Events come in the order in which they happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A registry's state changed.
    Registry {
        /// Which one.
        registry: RegistryUrl,
        /// How it stands now.
        state: RegistryState,
        /// Why, in words, if there is something to say.
        reason: Option<String>,
    },
    /// A contact is new, or something about her changed: presence, unread
    /// count, name, trust. Carries the whole contact as it stands now.
    Contact(Box<Contact>),
    /// A contact was removed.
    ContactRemoved(PeerId),
    /// A stranger asks to become a contact.
    Request(ContactRequest),
    /// A request was answered, here or by its sender taking it back.
    RequestGone(Uuid),
    /// A message was stored: one of theirs, or one of ours from any window.
    Message(Message),
    /// Something became of a message, by the other or from any window.
    MessageChanged {
        /// The conversation it belongs to.
        conversation: PeerId,
        /// What; never [`Change::New`], which is [`Event::Message`].
        change: Change,
    },
    /// A message of ours came further.
    MessageState {
        /// Which message.
        id: Uuid,
        /// The conversation it belongs to.
        conversation: PeerId,
        /// How far it is now.
        state: MessageState,
        /// With `Failed`: why.
        reason: Option<String>,
    },
    /// The other person is typing, or has stopped.
    Typing {
        /// Who.
        contact: PeerId,
        /// Started or stopped.
        on: bool,
    },
    /// A call began, moved on or ended. Carries the whole call.
    Call(Call),
    /// A transfer was offered, moved on or ended; while it runs, a few times
    /// a second. Carries the whole transfer.
    Transfer(Box<Transfer>),
    /// Once a second in a call.
    CallStats(CallStats),
    /// Something about a call needs attention, or no longer does.
    CallHint {
        /// Which call.
        call: CallId,
        /// What.
        hint: CallHint,
        /// It began, or is over.
        on: bool,
    },
    /// A microphone test goes on or is over; some ten times a second.
    MicTest(MicTest),
    /// Once in a call, when sound has flowed both ways through the devices.
    Sound {
        /// Which call.
        call: CallId,
        /// CLOCK_MONOTONIC seconds of the first sample from the microphone.
        mic_at: f64,
        /// CLOCK_MONOTONIC seconds of the first sample to the loudspeaker.
        spk_at: f64,
    },
    /// Somebody was found in the local network, or what she tells changed.
    Nearby(Nearby),
    /// Somebody is no longer found in the local network.
    NearbyGone(PeerId),
    /// A contact's name or address now shows another key.
    KeyChanged {
        /// Who.
        contact: PeerId,
        /// The key we know.
        old: PeerId,
        /// The key that is shown.
        new: PeerId,
    },
    /// Something happened in a registry's public room that we are in.
    Lobby {
        /// Whose room.
        registry: RegistryUrl,
        /// What.
        event: LobbyEvent,
    },
    /// Something the user should know.
    Notice {
        /// How much it matters.
        level: NoticeLevel,
        /// One sentence.
        text: String,
    },
    /// The addresses where peers can connect have changed.
    Listening(Vec<SocketAddr>),
}

/// How a registry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryState {
    /// Being asked.
    Connecting,
    /// We are signed in, and it hears us.
    SignedIn,
    /// Known, not signed in.
    SignedOut,
    /// Does not answer; tried again by itself.
    Unreachable,
    /// It said no: wrong certificate, wrong password, session ended.
    Refused,
    /// It wants a newer twocan.
    Outdated,
    /// It does not want us.
    Banned,
    /// It is about to stop.
    ShuttingDown,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Something works less well than it should.
    Warning,
    /// Something does not work.
    Error,
}

/// What can need attention in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallHint {
    /// Somebody speaks while our microphone is muted.
    SpeakingWhileMuted,
    /// Nothing is heard of the other: no packets come, or only digital
    /// silence, without a pause being announced.
    NothingArrives,
    /// The other side gets nothing of us, or our microphone gives nothing.
    NobodyHears,
}

impl CallHint {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::SpeakingWhileMuted,
        Self::NothingArrives,
        Self::NobodyHears,
    ];

    /// One sentence for a person.
    pub fn text(self) -> &'static str {
        match self {
            Self::SpeakingWhileMuted => "you are muted: nobody hears what you say",
            Self::NothingArrives => {
                "no sound arrives: their microphone may be dead, or the network lets nothing through"
            }
            Self::NobodyHears => {
                "nobody hears you: check your microphone, or the network lets nothing through"
            }
        }
    }
}

/// A call, measured. Shares are of the last second; see `headless.md`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CallStats {
    /// Which call.
    pub call: CallId,
    /// Round trip of the media path in milliseconds; `None` until measured.
    pub rtt_ms: Option<f32>,
    /// Share of packets that did not come, before repair, 0 to 1.
    pub loss: f32,
    /// Mean length of the runs in which packets are lost, in packets; 0 while
    /// none are.
    pub burst: f32,
    /// Share of packets that neither came nor were brought back, 0 to 1.
    pub unrepaired: f32,
    /// Jitter of their packets in milliseconds.
    pub jitter_ms: f32,
    /// Sound waiting to be played, in milliseconds.
    pub buffer_ms: f32,
    /// Sound that should wait, as the jitter of the network asks for.
    pub target_ms: f32,
    /// What we send, in kbit/s of payload.
    pub sent_kbps: f32,
    /// What we get, in kbit/s of payload.
    pub received_kbps: f32,
    /// How what we send is laid out: `opus` alone, `red` (redundant audio,
    /// RFC 2198) or `protected` (our own, with repair symbols).
    pub sent_format: &'static str,
    /// The same of what we get; empty before the first packet.
    pub received_format: &'static str,
    /// Sound in one packet that we send, in milliseconds.
    pub sent_frame_ms: f32,
    /// The same of what we get; 0 before the first packet.
    pub received_frame_ms: f32,
    /// How we send, in words: `clean`, or `moderate: 1 symbol of 5`; empty
    /// before the first packet.
    pub sending: String,
    /// What the encoder is told to give, without repair, in kbit/s.
    pub encoder_kbps: f32,
    /// Share of our packets that the other side does not get, before repair, 0
    /// to 1; `None` until it has told.
    pub their_loss: Option<f32>,
    /// Share that is not brought back there either; only a twocan tells it, as
    /// the two that follow.
    pub their_unrepaired: Option<f32>,
    /// Mean length of the runs in which they are lost, in packets.
    pub their_burst: Option<f32>,
    /// Jitter of our packets there, in milliseconds.
    pub their_jitter_ms: Option<f32>,
    /// Packets sent so far.
    pub sent_packets: u64,
    /// Packets received so far.
    pub received_packets: u64,
    /// Packets that never came.
    pub lost_packets: u64,
    /// Packets that came too late to be of use.
    pub late_packets: u64,
    /// Share of the played sound that had to be invented, 0 to 1.
    pub concealed: f32,
    /// Share of the played sound that redundancy brought back, 0 to 1.
    pub recovered: f32,
    /// Loudness of the microphone in dBFS, -90 to 0.
    pub level_in_db: f32,
    /// Loudness of what is heard in dBFS, -90 to 0.
    pub level_out_db: f32,
    /// What our microphone and the way to the encoder take, in milliseconds.
    pub capture_ms: f32,
    /// What our loudspeaker and the way to it take, in milliseconds.
    pub playback_ms: f32,
    /// Estimated way of a word from their mouth to our ear, in milliseconds.
    pub mouth_to_ear_ms: f32,
    /// Why no microphone is heard, while there is none and silence is sent.
    pub no_microphone: Option<String>,
    /// The same of the loudspeaker.
    pub no_loudspeaker: Option<String>,
    /// Which way the sound takes; `None` until known.
    pub path: Option<Path>,
    /// What kind of address of theirs it goes to, as ICE calls it (RFC 8445
    /// section 4): `host`, `srflx`, `prflx`, `relay`.
    pub candidate: Option<String>,
    /// `ipv4` or `ipv6`.
    pub family: Option<&'static str>,
    /// Estimated quality as a mean opinion score, 1 to 4.5.
    pub quality: f32,
}
