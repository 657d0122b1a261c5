//! Where sound that is heard goes to: a device's ring, or a paced drain.

use std::time::{Duration, Instant};

use crate::{
    AudioError, SAMPLE_RATE, device::OutputPort, pacer::Pacer, pacer::samples_to_duration,
    resample::Converter, sink::Drain,
};

/// Most samples that are asked for at once: blocks of 10 ms for what is paced
/// by the clock.
pub(crate) const MOST_BLOCK: usize = 480;
/// Blocks of up to 4 ms for devices: what is not asked for yet can still arrive.
const DEVICE_BLOCK: usize = 192;
/// A callback that asks for a little more than that gets it as one block.
const MOST_DEVICE_BLOCK: usize = 240;
/// The shortest block for a device, 2 ms: shorter ones would wake us too often.
const LEAST_BLOCK: usize = 96;
/// What is kept in a device's ring at first, beside one callback's worth where
/// callbacks cannot wait. The media thread is woken by a callback and has until
/// the next one, so it may be late by this and a period, or by this and a
/// callback's patience. With 1 ms, measured calls came to this after an underrun
/// in their first seconds; a machine that stalls has them still.
const FIRST_SLACK: Duration = Duration::from_millis(4);
/// Callbacks that can wait are spared it where they ask for so little more than
/// the slack: it costs a wake-up on each side, every period.
const NEARLY: Duration = Duration::from_millis(1);
/// What is added each time the device found too little.
const MORE_SLACK: Duration = Duration::from_millis(3);
/// A device that needs more slack than this has other troubles.
const MOST_SLACK: Duration = Duration::from_millis(40);
/// A block seen this far from its time is no jitter of ours: the device has
/// stood still or was changed.
const CLOCK_JUMP: Duration = Duration::from_millis(30);
/// One part of so many of what is seen corrects the clock: with blocks of 4 ms
/// it follows a device's drift within half a second.
const CLOCK_TRUST: u32 = 64;
/// After this long without an underrun the slack shrinks again. Each time that
/// was wrong, it takes twice as long, for what is tried can be heard.
const CALM: Duration = Duration::from_secs(30);
/// At most this long.
const MOST_CALM: Duration = Duration::from_secs(600);

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
            pacer: Pacer::new(now, MOST_BLOCK),
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

    /// Samples in the next block, at most [`MOST_BLOCK`].
    pub(crate) fn block(&self) -> usize {
        match self {
            Self::Paced { .. } => MOST_BLOCK,
            Self::Device(device) => device.block,
        }
    }

    /// The time from when a block is due until it is heard through a device;
    /// none when there is no device.
    pub(crate) fn device_latency(&self) -> Option<Duration> {
        match self {
            Self::Paced { .. } => None,
            Self::Device(device) => Some(device.latency()),
        }
    }

    /// Hands over a block of [`Self::block`] samples, 48 kHz mono.
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

/// The device's own time, made out of the moments at which we find its ring
/// short. Those come by whole periods of the device and as late as we wake up;
/// taken as they are, they would look to the jitter buffer as if the delay went
/// up and down, and it would stretch sound for nothing.
#[derive(Debug, Default)]
struct DeviceClock(Option<Instant>);

impl DeviceClock {
    /// Takes the moment at which the next block was due as it looked now;
    /// returns when it was due.
    fn follow(&mut self, seen: Instant) -> Instant {
        let due = match self.0 {
            Some(at) if seen > at && seen - at < CLOCK_JUMP => at + (seen - at) / CLOCK_TRUST,
            Some(at) if at >= seen && at - seen < CLOCK_JUMP => at - (at - seen) / CLOCK_TRUST,
            _ => seen,
        };
        self.0 = Some(due);
        due
    }

    /// Goes on by a block of so many samples at 48 kHz.
    fn advance(&mut self, samples: usize) {
        if let Some(at) = &mut self.0 {
            *at += samples_to_duration(samples as u64);
        }
    }
}

/// Keeps a device's ring just full enough.
#[derive(Debug)]
pub(crate) struct DevicePlayback {
    port: OutputPort,
    converter: Converter,
    converted: Vec<f32>,
    /// Samples at 48 kHz that bring the ring to what is wanted, or as much of
    /// them as is handed over at once.
    block: usize,
    slack: Duration,
    calm_since: Instant,
    /// See [`CALM`].
    calm: Duration,
    /// The slack has shrunk since the last underrun.
    shrunk: bool,
    clock: DeviceClock,
}

impl DevicePlayback {
    fn new(port: OutputPort, now: Instant) -> Result<Self, AudioError> {
        // Until now there was nothing to find.
        port.feedback.take_underruns();
        Ok(Self {
            converter: Converter::new(SAMPLE_RATE, port.rate)?,
            converted: Vec::with_capacity(port.rate as usize / 10),
            port,
            block: DEVICE_BLOCK,
            slack: FIRST_SLACK,
            calm_since: now,
            calm: CALM,
            shrunk: false,
            clock: DeviceClock::default(),
        })
    }

    /// The ring should never hold less than the slack, and where callbacks
    /// cannot wait also what one takes. Of the blocks that bring it there the
    /// last one is due now, each before it earlier by its length.
    fn next_due(&mut self, now: Instant) -> Option<Instant> {
        self.adapt(now);
        let rate = u64::from(self.port.rate);
        let room = self.port.ring.buffer().capacity();
        let kept = self.kept();
        self.port.feedback.wake_below(kept);
        let wanted = kept.max(self.port.feedback.demanded());
        let wanted = wanted.min(room.saturating_sub(2 * self.device_block()));
        let held = room - self.port.ring.slots();
        let Some(short) = wanted.checked_sub(held).filter(|short| *short > 0) else {
            self.port.feedback.filled(held);
            return None;
        };
        let short = (short as u64 * u64::from(SAMPLE_RATE) / rate) as usize;
        if self.port.rate == SAMPLE_RATE {
            // Other rates are converted in whole blocks.
            self.block = short.clamp(LEAST_BLOCK, MOST_DEVICE_BLOCK);
        }
        let after = samples_to_duration(short.saturating_sub(self.block) as u64);
        Some(self.clock.follow(now.checked_sub(after).unwrap_or(now)))
    }

    /// What the ring should hold between callbacks, in samples of the device:
    /// the slack, and where callbacks cannot wait what one of them takes.
    fn kept(&self) -> usize {
        let slack = self.samples(self.slack);
        let largest = self.port.feedback.largest();
        let more = slack + self.samples(NEARLY);
        match self.port.waits {
            true if largest <= more => more,
            true => slack,
            false => slack + largest.max(self.device_block()),
        }
    }

    /// How many samples of the device a time is.
    fn samples(&self, time: Duration) -> usize {
        (time.as_micros() as u64 * u64::from(self.port.rate) / 1_000_000) as usize
    }

    /// [`DEVICE_BLOCK`] in samples of the device.
    fn device_block(&self) -> usize {
        DEVICE_BLOCK * self.port.rate as usize / SAMPLE_RATE as usize
    }

    /// What a block finds before it in the ring plays first, and it was due as
    /// much earlier as other blocks of the same callback come after it.
    fn latency(&self) -> Duration {
        let at_48_khz = |samples| samples * SAMPLE_RATE as usize / self.port.rate as usize;
        let after = at_48_khz(self.port.feedback.largest()).saturating_sub(DEVICE_BLOCK);
        let before = samples_to_duration((at_48_khz(self.kept()) + after) as u64);
        before + self.port.latency.get()
    }

    fn adapt(&mut self, now: Instant) {
        if self.port.feedback.take_underruns() > 0 {
            if std::mem::take(&mut self.shrunk) {
                self.calm = (2 * self.calm).min(MOST_CALM);
            }
            self.slack = (self.slack + MORE_SLACK).min(MOST_SLACK);
            self.calm_since = now;
            tracing::debug!(slack = ?self.slack, "the playback ring ran dry");
        } else if self.slack > FIRST_SLACK && now.duration_since(self.calm_since) > self.calm {
            self.slack = self.slack.saturating_sub(MORE_SLACK).max(FIRST_SLACK);
            self.shrunk = true;
            self.calm_since = now;
        }
    }

    fn write(&mut self, block: &[f32]) {
        self.converted.clear();
        self.converter.push(block, &mut self.converted);
        let (_, left) = self.port.ring.push_partial_slice(&self.converted);
        debug_assert!(left.is_empty(), "next_due leaves room for two blocks");
        self.clock.advance(block.len());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::device::OutputFeedback;

    struct Run {
        heard: Vec<f32>,
        /// When each block was due, and its samples.
        blocks: Vec<(Duration, usize)>,
        slack: Duration,
        /// What the ring held at most when the device took from it, in the second
        /// half.
        most_held: usize,
        /// Callbacks that had to wait.
        waited: usize,
    }

    /// Runs a device that takes `period` samples at a time, and waits for them or
    /// not, for 2 s of its own time.
    fn run(rate: u32, period: usize, waits: bool) -> Run {
        let start = Instant::now();
        let (ring, mut device) = rtrb::RingBuffer::new(rate as usize / 2);
        let feedback = Arc::new(OutputFeedback::default());
        let port = OutputPort {
            ring,
            rate,
            feedback: Arc::clone(&feedback),
            waits,
            latency: Arc::default(),
        };
        let mut playback = DevicePlayback::new(port, start).unwrap();
        let (mut heard, mut blocks) = (Vec::new(), Vec::new());
        let (mut most_held, mut waited) = (0, 0);
        for callback in 0..2 * rate as usize / period {
            let elapsed = (callback * period) as u64 * 48_000 / u64::from(rate);
            let now = start + samples_to_duration(elapsed);
            if waits && device.slots() < period {
                feedback.demand(period);
                waited += 1;
            }
            let mut fill = || {
                while let Some(due) = playback.next_due(now) {
                    blocks.push((due.saturating_duration_since(start), playback.block));
                    playback.write(&[0.5; MOST_DEVICE_BLOCK][..playback.block]);
                }
            };
            fill();
            feedback.demand(0);
            feedback.asked(period, device.slots());
            if heard.len() > rate as usize {
                most_held = most_held.max(device.slots());
            }
            heard.extend((0..period).map(|_| device.pop().unwrap_or(0.0)));
            if feedback.is_low(device.slots()) {
                fill();
            }
        }
        Run {
            heard,
            blocks,
            slack: playback.slack,
            most_held,
            waited,
        }
    }

    #[test]
    fn the_clock_of_a_device_is_smooth() {
        let start = Instant::now() + Duration::from_secs(1);
        let mut clock = DeviceClock::default();
        let mut last = None;
        for n in 0..2_000_u64 {
            let late = Duration::from_micros((n * 7_919) % 6_000);
            let due = clock.follow(start + samples_to_duration(n * 240) + late);
            clock.advance(240);
            if let Some(last) = last.replace(due) {
                let step = due.saturating_duration_since(last).as_secs_f64() * 1e3;
                assert!((step - 5.0).abs() < 0.2, "{step} ms at {n}");
            }
        }
        let stood_still = start + Duration::from_secs(20);
        assert_eq!(clock.follow(stood_still), stood_still);
    }

    #[test]
    fn any_callback_size_finds_its_sound() {
        for (rate, period) in [(48_000, 24), (48_000, 480), (48_000, 1_024), (44_100, 441)] {
            let run = run(rate, period, false);
            // A larger first callback than expected may find too little once.
            let settled = &run.heard[3 * period.max(480)..];
            check(&run, settled, rate, period);
            let block = DEVICE_BLOCK * rate as usize / 48_000;
            let most = period.max(block) + slack_of(&run, rate) + block;
            assert!(run.most_held <= most, "{rate} {period}: {}", run.most_held);
        }
    }

    #[test]
    fn a_callback_that_waits_finds_all_of_its_sound_in_a_ring_with_little_else() {
        for (rate, period) in [(48_000, 24), (48_000, 192), (48_000, 960), (44_100, 441)] {
            let run = run(rate, period, true);
            // What the resampler holds back comes after its first sound.
            let settled = &run.heard[if rate == 48_000 { 0 } else { 960 }..];
            check(&run, settled, rate, period);
            let block = DEVICE_BLOCK * rate as usize / 48_000;
            let most = period.max(slack_of(&run, rate)) + block;
            assert!(run.most_held <= most, "{rate} {period}: {}", run.most_held);
        }
    }

    #[test]
    fn a_callback_does_not_wait_for_a_few_samples_more_than_the_slack() {
        let near = run(48_000, 199, true);
        assert!(near.waited < 3, "{}", near.waited);
        assert_eq!(near.most_held, 240);
        let last = near.blocks.iter().rev().take(100);
        assert!(last.into_iter().all(|(_, samples)| *samples == 199));
        // A larger one is not kept ready: that would be delay.
        let far = run(48_000, 256, true);
        assert!(far.waited > 300, "{}", far.waited);
    }

    #[test]
    fn the_last_block_of_a_callback_is_due_about_when_it_is_made() {
        let run = run(48_000, 960, true);
        let made = Duration::from_secs(2) - Duration::from_millis(20);
        let (last, _) = run.blocks[run.blocks.len() - 1];
        let off = last.abs_diff(made);
        assert!(off < Duration::from_millis(5), "{off:?}");
    }

    fn slack_of(run: &Run, rate: u32) -> usize {
        (run.slack.as_secs_f64() * f64::from(rate)) as usize
    }

    fn check(run: &Run, settled: &[f32], rate: u32, period: usize) {
        assert!(
            settled.iter().all(|s| (s - 0.5).abs() < 0.05),
            "{rate} {period}"
        );
        assert!(
            run.blocks.is_sorted_by_key(|(due, _)| *due),
            "{rate} {period}"
        );
        assert!(
            run.slack <= FIRST_SLACK + MORE_SLACK,
            "{rate} {period}: {:?}",
            run.slack
        );
    }

    #[test]
    fn less_slack_is_tried_again_and_ever_less_often() {
        let start = Instant::now();
        let (ring, _device) = rtrb::RingBuffer::new(24_000);
        let feedback = Arc::new(OutputFeedback::default());
        let port = OutputPort {
            ring,
            rate: 48_000,
            feedback: Arc::clone(&feedback),
            waits: false,
            latency: Arc::default(),
        };
        let mut playback = DevicePlayback::new(port, start).unwrap();
        // A device that needs the second slack: with the first it underruns.
        let mut tried = Vec::new();
        feedback.asked(1, 1);
        for second in 0..400 {
            if playback.slack == FIRST_SLACK {
                tried.push(second);
                feedback.asked(1, 0);
            }
            playback.adapt(start + Duration::from_secs(second));
        }
        assert_eq!(tried, [0, 32, 94, 216]);
    }

    #[test]
    fn a_usual_device_finds_its_period_and_the_slack_and_no_more() {
        let run = run(48_000, 192, false);
        assert_eq!(run.most_held, 192 + 192);
        let last = run.blocks.iter().rev().take(100);
        assert!(last.into_iter().all(|(_, samples)| *samples == 192));
    }
}
