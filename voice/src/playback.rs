//! Where sound that is heard goes to: a device's ring, or a paced drain.

use std::time::{Duration, Instant};

use crate::{
    AudioError, SAMPLE_RATE, device::OutputPort, pacer::Pacer, pacer::samples_to_duration,
    resample::Converter, sink::Drain,
};

/// Sound is asked for in blocks of 10 ms.
pub(crate) const BLOCK: usize = 480;
/// What is kept in a device's ring beside one callback's worth, at first: the
/// time that the media thread may take to wake up.
const FIRST_SLACK: Duration = Duration::from_millis(5);
/// What is added each time the device found too little.
const MORE_SLACK: Duration = Duration::from_millis(5);
/// A device that needs more slack than this has other troubles.
const MOST_SLACK: Duration = Duration::from_millis(40);
/// After this long without an underrun the slack shrinks again.
const CALM: Duration = Duration::from_secs(30);

/// The output of a call as it is now.
#[derive(Debug)]
pub(crate) enum Playback {
    /// A drain, paced by the clock.
    Paced { drain: Drain, pacer: Pacer },
    /// A device's ring, paced by the device.
    Device(Box<DevicePlayback>),
}

impl Playback {
    /// Feeds a drain from now on.
    pub(crate) fn paced(drain: Drain, now: Instant) -> Self {
        Self::Paced {
            drain,
            pacer: Pacer::new(now, BLOCK),
        }
    }

    /// Feeds a device.
    ///
    /// # Errors
    /// When its rate cannot be converted.
    pub(crate) fn device(port: OutputPort, now: Instant) -> Result<Self, AudioError> {
        Ok(Self::Device(Box::new(DevicePlayback::new(port, now)?)))
    }

    /// When the next block is to be played, once it must be handed over.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<Instant> {
        match self {
            Self::Paced { pacer, .. } => {
                pacer.skip_stall(now);
                let due = pacer.period_start();
                (due <= now).then_some(due)
            }
            Self::Device(device) => device.next_due(now),
        }
    }

    /// Hands over a block of [`BLOCK`] samples, 48 kHz mono.
    ///
    /// # Errors
    /// When a file cannot be written any more.
    pub(crate) fn write(&mut self, block: &[f32]) -> Result<(), AudioError> {
        match self {
            Self::Paced { drain, pacer } => {
                pacer.advance();
                drain.write(block)
            }
            Self::Device(device) => {
                device.write(block);
                Ok(())
            }
        }
    }

    /// When to look again; none when the device wakes us.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Paced { pacer, .. } => Some(pacer.period_start()),
            Self::Device(_) => None,
        }
    }
}

/// Keeps a device's ring just full enough.
#[derive(Debug)]
pub(crate) struct DevicePlayback {
    port: OutputPort,
    converter: Converter,
    converted: Vec<f32>,
    slack: Duration,
    calm_since: Instant,
}

impl DevicePlayback {
    fn new(port: OutputPort, now: Instant) -> Result<Self, AudioError> {
        Ok(Self {
            converter: Converter::new(SAMPLE_RATE, port.rate)?,
            converted: Vec::with_capacity(port.rate as usize / 10),
            port,
            slack: FIRST_SLACK,
            calm_since: now,
        })
    }

    /// The ring should never hold less than one callback takes, and some slack
    /// for our own waking up. The block that brings it there is due as long
    /// ago as the ring is short.
    fn next_due(&mut self, now: Instant) -> Option<Instant> {
        self.adapt(now);
        let rate = u64::from(self.port.rate);
        let at_rate = |time: Duration| (time.as_micros() as u64 * rate / 1_000_000) as usize;
        let block = BLOCK * self.port.rate as usize / SAMPLE_RATE as usize;
        let room = self.port.ring.buffer().capacity();
        let wanted = self.port.feedback.largest().max(block) + at_rate(self.slack);
        let wanted = wanted.min(room.saturating_sub(2 * block));
        self.port.feedback.wake_below(wanted);
        let held = room - self.port.ring.slots();
        let short = wanted.checked_sub(held).filter(|short| *short > 0)?;
        let short = samples_to_duration(short as u64 * u64::from(SAMPLE_RATE) / rate);
        Some(now.checked_sub(short).unwrap_or(now))
    }

    fn adapt(&mut self, now: Instant) {
        if self.port.feedback.take_underruns() > 0 {
            self.slack = (self.slack + MORE_SLACK).min(MOST_SLACK);
            self.calm_since = now;
        } else if now.duration_since(self.calm_since) > CALM {
            self.slack = self.slack.saturating_sub(MORE_SLACK).max(FIRST_SLACK);
            self.calm_since = now;
        }
    }

    fn write(&mut self, block: &[f32]) {
        self.converted.clear();
        self.converter.push(block, &mut self.converted);
        let (_, left) = self.port.ring.push_partial_slice(&self.converted);
        debug_assert!(left.is_empty(), "next_due leaves room for two blocks");
    }
}
