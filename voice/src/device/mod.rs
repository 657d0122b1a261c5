//! Sound hardware through cpal.
//!
//! `hosts` keeps the connections to the sound systems, of which `pulse` is our
//! own (`systems` says which there are), `open` finds and opens one device,
//! `keeper` owns what is open on a thread of its own and brings it back when it
//! fails, `list` shows what there is. The media thread sees two rings of mono `f32` samples at the device's
//! rate, and nothing of cpal.

mod feedback;
mod hosts;
mod keeper;
pub(crate) mod list;
mod open;
#[cfg(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd"
))]
mod pulse;
pub(crate) mod systems;

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};
use std::time::Duration;

pub(crate) use feedback::OutputFeedback;
pub(crate) use keeper::Keeper;

/// Callbacks over which a device's latency is smoothed.
const SMOOTH: u64 = 32;
/// More than this is no latency but a mistake of the host.
const MOST_LATENCY: Duration = Duration::from_secs(2);

/// Which way sound flows, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// From a microphone.
    Input,
    /// To a loudspeaker.
    Output,
}

/// Which device is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The system's default.
    Default,
    /// The one with this id or name.
    Named(String),
}

/// Our end of an open microphone.
#[derive(Debug)]
pub(crate) struct InputPort {
    /// Mono samples at the device's rate.
    pub(crate) ring: rtrb::Consumer<f32>,
    /// Rate of the device in Hz.
    pub(crate) rate: u32,
    /// The media thread is woken once the ring holds so many samples.
    pub(crate) wake_at: Arc<AtomicUsize>,
    /// How old the oldest sample of a callback is when it comes.
    pub(crate) latency: Arc<Latency>,
}

/// Our end of an open loudspeaker.
#[derive(Debug)]
pub(crate) struct OutputPort {
    /// Mono samples at the device's rate.
    pub(crate) ring: rtrb::Producer<f32>,
    /// Rate of the device in Hz.
    pub(crate) rate: u32,
    /// What the device's callback tells us.
    pub(crate) feedback: Arc<OutputFeedback>,
    /// Callbacks wait a little for what the ring does not hold yet.
    pub(crate) waits: bool,
    /// When the first sample of a callback is heard, after it was asked for.
    pub(crate) latency: Arc<Latency>,
}

/// A device's own delay, as its host tells it with each callback.
#[derive(Debug, Default)]
pub(crate) struct Latency(AtomicU64);

impl Latency {
    /// Takes what came with a callback. It is smoothed over some tens of
    /// them, as hosts ask their server seldom and guess in between.
    pub(crate) fn tell(&self, told: Duration) {
        let told = u64::try_from(told.min(MOST_LATENCY).as_nanos()).unwrap_or(u64::MAX);
        let before = self.0.load(Relaxed);
        let smooth = if before == 0 {
            told
        } else {
            (before * (SMOOTH - 1) + told) / SMOOTH
        };
        self.0.store(smooth, Relaxed);
    }

    /// The delay of late.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }
}

/// What the keeper tells the media thread.
#[derive(Debug)]
pub(crate) enum DeviceEvent {
    /// A microphone is open.
    Input(InputPort),
    /// A loudspeaker is open.
    Output(OutputPort),
    /// The device is missing or has failed.
    Lost(Direction),
}
