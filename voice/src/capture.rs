//! Where frames to be sent come from: a device's ring, or a paced feed.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use crate::{
    AudioError, FRAME_SAMPLES, SAMPLE_RATE,
    device::InputPort,
    pacer::{Pacer, samples_to_duration},
    resample::Converter,
    source::Feed,
};

/// How long a device may take to open before silence is sent in its place.
const PATIENCE: Duration = Duration::from_millis(500);

/// The input of a call as it is now.
#[derive(Debug)]
pub(crate) enum Capture {
    /// A device is being opened; nothing is sent yet.
    Opening { until: Instant },
    /// A feed, paced by the clock.
    Paced { feed: Feed, pacer: Pacer },
    /// A device's ring, paced by the device.
    Device(Box<DeviceCapture>),
}

impl Capture {
    /// Waits for a device.
    pub(crate) fn opening(now: Instant) -> Self {
        Self::Opening {
            until: now + PATIENCE,
        }
    }

    /// Plays a feed from now on.
    pub(crate) fn paced(feed: Feed, now: Instant) -> Self {
        Self::Paced {
            feed,
            pacer: Pacer::new(now, FRAME_SAMPLES),
        }
    }

    /// Listens to a device.
    ///
    /// # Errors
    /// When its rate cannot be converted.
    pub(crate) fn device(port: InputPort) -> Result<Self, AudioError> {
        Ok(Self::Device(Box::new(DeviceCapture::new(port)?)))
    }

    /// Fills `frame` (20 ms, 48 kHz mono) when one is complete; returns whether
    /// it did.
    pub(crate) fn next_frame(&mut self, now: Instant, frame: &mut [f32]) -> bool {
        match self {
            Self::Opening { .. } => false,
            Self::Paced { feed, pacer } => {
                pacer.skip_stall(now);
                if pacer.deadline() > now {
                    return false;
                }
                feed.fill(frame);
                pacer.advance();
                true
            }
            Self::Device(device) => device.next_frame(frame),
        }
    }

    /// How long ago the last frame that was taken was complete.
    pub(crate) fn behind(&self, now: Instant) -> Duration {
        match self {
            Self::Opening { .. } => Duration::ZERO,
            Self::Paced { pacer, .. } => now.saturating_duration_since(pacer.period_start()),
            Self::Device(device) => samples_to_duration(device.ready.len() as u64),
        }
    }

    /// The delay of the device that is listened to; none for anything else.
    pub(crate) fn device_latency(&self) -> Option<Duration> {
        match self {
            Self::Device(device) => Some(device.port.latency.get()),
            Self::Opening { .. } | Self::Paced { .. } => None,
        }
    }

    /// When to look again; none when the device wakes us.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Opening { until } => Some(*until),
            Self::Paced { pacer, .. } => Some(pacer.deadline()),
            Self::Device(_) => None,
        }
    }

    /// Whether a device was waited for in vain.
    pub(crate) fn out_of_patience(&self, now: Instant) -> bool {
        matches!(self, Self::Opening { until } if *until <= now)
    }
}

/// Frames from a device's ring.
#[derive(Debug)]
pub(crate) struct DeviceCapture {
    port: InputPort,
    converter: Converter,
    raw: Vec<f32>,
    ready: Vec<f32>,
    /// Whether a frame has been taken.
    begun: bool,
}

impl DeviceCapture {
    fn new(port: InputPort) -> Result<Self, AudioError> {
        let room = port.ring.buffer().capacity();
        let capture = Self {
            converter: Converter::new(port.rate, SAMPLE_RATE)?,
            raw: vec![0.0; room],
            ready: Vec::with_capacity(room),
            begun: false,
            port,
        };
        capture.ask_for_rest();
        Ok(capture)
    }

    fn next_frame(&mut self, frame: &mut [f32]) -> bool {
        let (fresh, _) = self.port.ring.pop_partial_slice(&mut self.raw);
        self.converter.push(fresh, &mut self.ready);
        let complete = self.ready.len() >= frame.len();
        if complete {
            if !self.begun {
                // Frames end where the device's periods do, so that the end of
                // none waits for the next period.
                self.begun = true;
                self.ready.drain(..self.ready.len() - frame.len());
            }
            frame.copy_from_slice(&self.ready[..frame.len()]);
            self.ready.drain(..frame.len());
        }
        self.ask_for_rest();
        complete
    }

    /// Has the device wake us when the next frame is complete.
    fn ask_for_rest(&self) {
        let missing = FRAME_SAMPLES.saturating_sub(self.ready.len());
        let at_device = missing * self.port.rate as usize / SAMPLE_RATE as usize;
        self.port.wake_at.store(at_device.max(1), Relaxed);
    }
}
