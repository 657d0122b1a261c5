//! Sound devices, and trying them.

use serde::Serialize;

/// One microphone or loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SoundDevice {
    /// Names the device across restarts; `device:` takes it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Whether `default` means this one now.
    pub is_default: bool,
}

/// The devices there are, and those that calls use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SoundDevices {
    /// Microphones.
    pub inputs: Vec<SoundDevice>,
    /// Loudspeakers.
    pub outputs: Vec<SoundDevice>,
    /// Where the sound of calls comes from, as the setting `audio.input`.
    pub input: String,
    /// Where the sound of calls goes to, as the setting `audio.output`.
    pub output: String,
}

/// What a microphone test is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MicTestPhase {
    /// The microphone is listened to.
    Recording,
    /// What was recorded is played.
    Playing,
    /// It is over.
    Done,
}

/// A microphone test at a moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MicTest {
    /// What it is doing.
    pub phase: MicTestPhase,
    /// Level of what is recorded or played, RMS in dBFS; -96 is silence.
    pub level_db: f32,
    /// Its peak, in dBFS.
    pub peak_db: f32,
    /// How far the phase has come, in milliseconds.
    pub at_ms: u64,
    /// How long the phase lasts, in milliseconds.
    pub length_ms: u64,
    /// With `Done`: why it did not come to its end, in one sentence.
    pub problem: Option<String>,
}
