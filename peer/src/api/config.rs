//! How the engine is started, what can be set, and who we are.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use twocan_proto::identity::PeerId;
use twocan_proto::link::ContactLink;
use twocan_proto::registry_url::RegistryUrl;
use twocan_voice::{InputSpec, OutputSpec};

use super::people::Lan;
use super::registry::RegistryInfo;
use crate::vault::Protection;

/// How to start the engine.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the profile: identity, database, settings, downloads. Made
    /// if missing.
    pub data: PathBuf,
    /// What opens the profile, and protects a new one on the disk.
    pub protection: Protection,
    /// Where peers connect; `None` takes `[::]:7777` and falls back to
    /// `0.0.0.0:7777`. Port 0 picks a free one.
    pub listen: Option<SocketAddr>,
    /// The name shown to others; `None` keeps the one of the profile.
    pub name: Option<String>,
    /// Registries to know from the start; signing in is asked for apart.
    pub registries: Vec<RegistryUrl>,
    /// Where a call's sound comes from; `None` takes what was chosen before.
    pub audio_in: Option<InputSpec>,
    /// Where a call's sound goes to; `None` takes what was chosen before.
    pub audio_out: Option<OutputSpec>,
    /// Accept contact requests without asking.
    pub auto_accept: bool,
    /// Answer calls without asking.
    pub auto_answer: bool,
    /// Be the echo contact: repeat messages and play calls back.
    pub echo: bool,
    /// Let calls be heard ringing, beginning, muted and ending, where the
    /// settings do not say otherwise.
    pub tones: bool,
    /// Whether people in the local network are looked for.
    pub lan: Lan,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhoAmI {
    /// Our id.
    pub peer_id: PeerId,
    /// The name shown to others; empty before the first run chose one.
    pub name: String,
    /// What to hand to a friend.
    pub link: ContactLink,
    /// Where peers can connect.
    pub listen: Vec<SocketAddr>,
    /// The registries known here.
    pub registries: Vec<RegistryInfo>,
    /// The file that holds our key.
    pub key_file: PathBuf,
}

/// The settings there are: name, and what it means. Values are JSON.
pub const SETTINGS: &[(&str, &str)] = &[
    (
        "audio.input",
        "where the sound of calls comes from, as --audio-in; \"default\" follows the system",
    ),
    (
        "audio.output",
        "where the sound of calls goes to, as --audio-out; \"default\" follows the system",
    ),
    (
        "call.activation",
        "when the microphone is sent: continuous (always), voice (while you speak) or push_to_talk; for calls to come",
    ),
    (
        "call.echo_cancellation",
        "whether the loudspeaker's echo is taken out of the microphone's sound; true unless set to false",
    ),
    (
        "call.gain_control",
        "whether the microphone's sound is brought to a usual level; true unless set to false",
    ),
    (
        "call.joined_sound",
        "whether you hear that the other is there now; true unless set to false",
    ),
    (
        "call.mute_sound",
        "whether you hear your microphone being switched off and on in a call; true unless set to false",
    ),
    (
        "call.noise_suppression",
        "whether noise is taken out of the microphone's sound; true unless set to false",
    ),
    (
        "call.ring_timeout_s",
        "seconds that a call rings before it ends with \"no answer\"; 5 to 300",
    ),
    (
        "call.tones",
        "whether calls are heard ringing and ending; true unless set to false",
    ),
    (
        "chat.receipts",
        "whether contacts learn what you have read; true unless set to false, and what you read meanwhile counts as read once it is true again",
    ),
    (
        "chat.typing",
        "whether contacts see that you are typing; true unless set to false",
    ),
    (
        "files.folder",
        "the folder that files are saved in, as an absolute path; default for \"downloads\" in the profile",
    ),
    (
        "history.keep_days",
        "days that messages are kept; 0 keeps them for ever",
    ),
    (
        "lan",
        "whether people in the local network are found, and find you; true unless set to false",
    ),
    (
        "lan.name",
        "whether your name is told to the local network, beside your peer id; true unless set to false",
    ),
    (
        "motion",
        "whether meters move; true unless set to false, which makes them numbers",
    ),
    (
        "notify.bell",
        "whether the terminal's bell rings for news while you look elsewhere; true unless set to false",
    ),
    (
        "notify.content",
        "whether notifications say who it was and what was written; true unless set to false",
    ),
    (
        "notify.desktop",
        "whether the desktop shows notifications; true unless set to false",
    ),
    (
        "notify.terminal",
        "whether the terminal shows notifications where the desktop cannot; true unless set to false",
    ),
    (
        "theme",
        "how the screen looks: auto, ansi16, dark, light, contrast or mono",
    ),
    ("ui", "what the interface remembers: theme, sizes, drafts"),
];
