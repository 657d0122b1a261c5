//! Sound hardware through cpal.
//!
//! `open` finds and opens one device, `keeper` owns what is open on a thread of
//! its own and brings it back when it fails, `list` shows what there is. The
//! media thread sees two rings of mono `f32` samples at the device's rate, and
//! nothing of cpal.

mod keeper;
pub(crate) mod list;
mod open;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

pub(crate) use keeper::Keeper;

/// Which way sound flows, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// What a loudspeaker's callback tells the media thread.
#[derive(Debug, Default)]
pub(crate) struct OutputFeedback {
    /// Most samples asked for at once so far.
    largest: AtomicUsize,
    /// How often the ring held too little.
    underruns: AtomicUsize,
    /// The media thread is woken once the ring holds fewer samples than this.
    wake_below: AtomicUsize,
}

impl OutputFeedback {
    /// Most samples that the device has asked for at once.
    pub(crate) fn largest(&self) -> usize {
        self.largest.load(Relaxed)
    }

    /// How often the device found too little, since the last call.
    pub(crate) fn take_underruns(&self) -> usize {
        self.underruns.swap(0, Relaxed)
    }

    /// Sets the level below which the media thread is woken.
    pub(crate) fn wake_below(&self, samples: usize) {
        self.wake_below.store(samples, Relaxed);
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
