//! PulseAudio, and PipeWire in its guise, as a host of cpal.
//!
//! cpal has a host for it too, which makes the server wake every half
//! millisecond and costs a quarter of a core. This one says explicitly how
//! much is to be buffered where.
//!
//! `address` finds the server, `connection` speaks with it, `host` knows its
//! devices, `stream` lets sound flow over a `wire`, of which a `queue` waits for a
//! loudspeaker. The messages themselves are those of the `pulseaudio` crate. Every stream has a connection and a thread of its own,
//! which waits in a read and runs the callback when the server speaks.

mod address;
mod connection;
mod host;
mod queue;
mod samples;
mod stream;
mod wire;

pub(super) use address::is_there;
pub(super) use host::PulseHost;

#[cfg(test)]
mod tests;

use cpal::{Error, ErrorKind};
use pulseaudio::protocol::PulseError;

/// Bytes of a sample: all streams are mono `f32`, and the server converts.
const SAMPLE_BYTES: usize = size_of::<f32>();

/// How long so many frames are for the server.
fn bytes(frames: u32) -> u32 {
    frames.saturating_mul(SAMPLE_BYTES as u32)
}

/// What a server's refusal means to cpal.
fn refused(error: PulseError) -> Error {
    let kind = match error {
        PulseError::AccessDenied | PulseError::AuthKey => ErrorKind::PermissionDenied,
        PulseError::NoEntity => ErrorKind::DeviceNotAvailable,
        PulseError::Busy => ErrorKind::DeviceBusy,
        PulseError::NotSupported | PulseError::Version => ErrorKind::UnsupportedOperation,
        _ => ErrorKind::BackendError,
    };
    Error::with_message(kind, format!("PulseAudio refuses: {error}"))
}

/// The connection is of no more use.
fn lost(why: impl std::fmt::Display) -> Error {
    let said = format!("the connection to PulseAudio is lost: {why}");
    Error::with_message(ErrorKind::StreamInvalidated, said)
}
