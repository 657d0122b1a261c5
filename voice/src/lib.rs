//! The sound of a call: devices and files, Opus, the jitter buffer, the meters.
//!
//! ```text
//! microphone -> echo, noise, level -> 20 ms frames -> meter -> gate -> Opus -> SentPacket sink
//! ReceivedPacket -> queue -> jitter buffer -> decode, repair or conceal -> stretch
//!                -> volume -> meter -> loudspeaker or file
//! ```
//!
//! Everything inside runs at 48 kHz, mono, `f32` from -1 to 1; devices and
//! files are converted at the edge. This crate knows no network: packets come
//! in through [`Call::receive`] and leave through the sink given to
//! [`Call::start`].

mod adapt;
mod call;
mod capture;
pub mod check;
mod codec;
mod concealer;
mod device;
#[cfg(test)]
mod device_tests;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod jitter;
mod level;
mod losses;
mod media_thread;
mod mic_test;
mod microphone;
mod missing;
pub mod offline;
mod pacer;
mod packet;
mod playback;
mod playout;
mod processing;
pub mod protect;
mod realtime;
mod report;
mod reporter;
mod resample;
mod sender;
mod silence;
mod sink;
mod source;
mod spec;
mod speech;
mod stats;
mod stretch;
mod sys;
mod tones;
mod wav;

use std::path::PathBuf;

pub use call::{Call, CallConfig, FrameSink};
pub use device::list::{DeviceInfo, DeviceList, list as list_devices};
pub use gate::Activation;
pub use losses::Losses;
pub use mic_test::{MicTest, MicTestPhase, MicTestState};
pub use missing::Missing;
pub use packet::{Format, HEADER_BYTES, ReceivedPacket, SentPacket};
pub use processing::Processing;
pub use report::{Difference, Report, Told};
pub use silence::Silence;
pub use spec::{InputSpec, OutputSpec, SpecError};
pub use stats::{CallLevels, CallStats, DeviceState, LevelReader, Theirs};
pub use sys::monotonic_seconds;
pub use tones::{Tone, TonePlayer};

/// Samples a second of everything inside: Opus' native rate (RFC 6716, 2.1.3).
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples in one frame that we send: 20 ms, the usual Opus frame.
pub const FRAME_SAMPLES: usize = 960;

/// Longest Opus packet that is taken, in bytes. Three frames of the largest
/// size fit (RFC 6716, 3.2.1), and so does whatever fits one UDP datagram.
pub const MAX_PACKET_BYTES: usize = 4_000;

/// Why the sound of a call could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The input file cannot be opened or is no WAV file that we can play.
    #[error("cannot play {path}: {reason}; give a WAV file with 8, 16, 24 or 32 bits")]
    InputFile {
        /// The file as it was named.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The output file cannot be written.
    #[error("cannot record to {path}: {reason}; name a file in a folder that you may write to")]
    OutputFile {
        /// The file as it was named.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The codec could not be set up.
    #[error("the Opus codec cannot be set up: {0}")]
    Codec(#[from] codec::CodecError),
    /// The sample rate cannot be converted.
    #[error("cannot convert from {from} Hz to {to} Hz; use a rate from 8000 to 192000 Hz")]
    SampleRate {
        /// Rate of the source in Hz.
        from: u32,
        /// Rate wanted in Hz.
        to: u32,
    },
    /// The operating system gave no thread.
    #[error("cannot start the sound thread: {0}; close other programs and try again")]
    Thread(#[source] std::io::Error),
    /// The call has ended, or its thread is gone.
    #[error("the sound of this call has ended")]
    Ended,
    /// Too many changes of devices wait already.
    #[error("the sound is still busy with earlier changes; try again in a second")]
    Busy,
    /// The system's list of devices cannot be read.
    #[error("cannot list the sound devices: {0}")]
    Devices(String),
}
