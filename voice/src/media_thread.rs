//! The media thread of a call: the one place where sound is moved.
//!
//! It sleeps until a device's callback wakes it or a paced deadline comes, then
//! takes what has arrived, encodes what was captured and hands over what is to
//! be played. The network alone never wakes it.

use std::{
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    AudioError, FRAME_SAMPLES, FrameSink,
    call::Inbox,
    capture::Capture,
    device::{DeviceEvent, Direction, Keeper, Wanted},
    level::Meter,
    microphone::Microphone,
    playback::{MOST_BLOCK, Playback},
    playout::Playout,
    processing::{Processing, Processor},
    realtime,
    sender::Sender,
    sink::Drain,
    source::Feed,
    stats::{DeviceState, Shared},
    sys::monotonic_seconds_at,
    tones::{Cue, Tone},
};

/// Longest sleep, in case a device stops waking us.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// What the encoder looks ahead at 48 kHz (RFC 7845, 4.2, and libopus): 312
/// samples.
const LOOK_AHEAD: Duration = Duration::from_micros(6_500);
/// Events of devices that may wait; the thread empties them each time it wakes.
const MOST_DEVICE_EVENTS: usize = 16;

/// A change that the call asks for.
#[derive(Debug)]
pub(crate) enum Change {
    Input(Input),
    Output(Output),
    Cue(Tone),
}

/// An input, opened as far as it can be outside the media thread.
#[derive(Debug)]
pub(crate) enum Input {
    Device(Wanted),
    Feed(Feed),
}

/// An output, opened as far as it can be outside the media thread.
#[derive(Debug)]
pub(crate) enum Output {
    Device(Wanted),
    Drain(Drain),
}

/// Everything the thread owns.
pub(crate) struct MediaThread {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    changes: Receiver<Change>,
    devices: Devices,
    processor: Processor,
    microphone: Microphone,
    sender: Sender,
    playout: Playout,
    capture: Option<Capture>,
    playback: Playback,
    output_meter: Meter,
    /// What is heard beside the other.
    cue: Option<Cue>,
    /// What was heard and is to be sent back, in a loopback call.
    echo: Option<Vec<f32>>,
}

impl MediaThread {
    /// Sets everything up; call it on the thread itself.
    ///
    /// # Errors
    /// When the codec cannot be set up.
    pub(crate) fn new(
        shared: Arc<Shared>,
        inbox: Arc<Inbox>,
        changes: Receiver<Change>,
        sink: FrameSink,
        loopback: bool,
        first_number: u16,
    ) -> Result<Self, AudioError> {
        let now = Instant::now();
        Ok(Self {
            devices: Devices::new(Arc::clone(&shared)),
            processor: Processor::default(),
            microphone: Microphone::new(Arc::clone(&shared), loopback),
            sender: Sender::new(Arc::clone(&shared), sink, now, first_number)?,
            playout: Playout::new(now)?,
            capture: None,
            playback: Playback::paced(Drain::Null, now),
            output_meter: Meter::default(),
            cue: None,
            echo: loopback.then(|| Vec::with_capacity(2 * FRAME_SAMPLES)),
            shared,
            inbox,
            changes,
        })
    }

    /// Moves sound until the call stops.
    pub(crate) fn run(&mut self) {
        realtime::ask();
        while !self.shared.stop.load(Relaxed) {
            let now = Instant::now();
            self.take_changes(now);
            self.take_device_events(now);
            for packet in self.inbox.take() {
                self.playout.insert(packet);
            }
            self.exchange_reports(now);
            // A loudspeaker's callback may be waiting.
            self.play(now);
            self.send(now);
            self.sleep();
        }
    }

    /// What each side tells of the other's stream passes through here.
    fn exchange_reports(&mut self, now: Instant) {
        self.sender.follow_reports();
        self.sender.hear(self.playout.take_heard());
        let mut told = self.playout.tell(now);
        if let Some(report) = &mut told.report {
            report.capture_ms = self.shared.capture_ms.get().round() as u8;
        }
        self.sender.attach(told);
    }

    fn take_changes(&mut self, now: Instant) {
        while let Ok(change) = self.changes.try_recv() {
            match change {
                Change::Input(input) => self.change_input(input, now),
                Change::Output(output) => self.change_output(output, now),
                Change::Cue(tone) => self.cue = Some(Cue::new(tone, now)),
            }
        }
    }

    fn change_input(&mut self, input: Input, now: Instant) {
        self.sender.catch_up(now);
        self.shared.input_silence.reset();
        match input {
            Input::Device(wanted) => {
                self.devices.want(Direction::Input, Some(wanted));
                self.capture = Some(Capture::opening(now));
            }
            Input::Feed(feed) => {
                self.devices.want(Direction::Input, None);
                self.capture = Some(Capture::paced(feed, now));
                self.shared.mic_at.set_once(monotonic_seconds_at(now));
            }
        }
    }

    fn change_output(&mut self, output: Output, now: Instant) {
        match output {
            Output::Device(wanted) => {
                self.devices.want(Direction::Output, Some(wanted));
                self.playback = Playback::paced(Drain::Null, now);
            }
            Output::Drain(drain) => {
                self.devices.want(Direction::Output, None);
                self.playback = Playback::paced(drain, now);
                self.shared.spk_at.set_once(monotonic_seconds_at(now));
            }
        }
    }

    fn take_device_events(&mut self, now: Instant) {
        while let Some(event) = self.devices.next_event() {
            let taken = match event {
                DeviceEvent::Input(port) => Capture::device(port).map(|capture| {
                    self.sender.catch_up(now);
                    self.capture = Some(capture);
                }),
                DeviceEvent::Output(port) => Playback::device(port, now).map(|playback| {
                    self.playback = playback;
                }),
                DeviceEvent::Lost(Direction::Input) => {
                    self.send_silence(now);
                    Ok(())
                }
                DeviceEvent::Lost(Direction::Output) => {
                    if matches!(self.playback, Playback::Device(_)) {
                        self.playback = Playback::paced(Drain::Null, now);
                    }
                    self.shared.spk_at.set_once(monotonic_seconds_at(now));
                    Ok(())
                }
            };
            if let Err(error) = taken {
                tracing::warn!(%error, "a sound device is of no use");
            }
        }
    }

    /// Puts silence in the place of a device that is not there.
    fn send_silence(&mut self, now: Instant) {
        if !matches!(self.capture, Some(Capture::Paced { .. })) {
            self.sender.catch_up(now);
            self.capture = Some(Capture::paced(Feed::Silence, now));
        }
        self.shared.mic_at.set_once(monotonic_seconds_at(now));
    }

    fn send(&mut self, now: Instant) {
        if self
            .capture
            .as_ref()
            .is_some_and(|c| c.out_of_patience(now))
        {
            self.sender.catch_up(now);
            self.capture = Some(Capture::paced(Feed::Silence, now));
        }
        let Some(capture) = &mut self.capture else {
            return;
        };
        let device = capture.device_latency();
        let echo_delay = follow_devices(
            &self.shared,
            &mut self.processor,
            device,
            self.playback.device_latency(),
        );
        let mut frame = [0.0; FRAME_SAMPLES];
        while capture.next_frame(now, &mut frame) {
            self.shared.input_silence.push(&frame);
            if device.is_some() {
                self.processor.capture(&mut frame, echo_delay);
            }
            let outgoing = self.microphone.process(&mut frame);
            self.sender.behind(capture.behind(now));
            self.sender.take(&frame, outgoing);
        }
    }

    fn play(&mut self, now: Instant) {
        while let Some(due) = self.playback.next_due(now) {
            let mut block = [0.0; MOST_BLOCK];
            let block = &mut block[..self.playback.block()];
            self.playout.pull(due, block);
            self.shared.output_silence.push(block);
            self.send_back(block);
            let gain = self.shared.gain();
            for sample in &mut *block {
                *sample = (*sample * gain).clamp(-1.0, 1.0);
            }
            let meter = self.output_meter.push(block);
            let (jitter, shares) = (self.playout.jitter_stats(), self.playout.shares());
            self.shared.publish_output(meter, jitter, shares);
            self.shared.publish_stream(self.playout.stream());
            self.cue.take_if(|cue| cue.is_over(now));
            if let Some(latency) = self.playback.device_latency() {
                self.cue.iter_mut().for_each(|cue| cue.mix_into(block));
                self.processor.render(block);
                self.shared.playback_ms.set(latency.as_secs_f32() * 1_000.0);
            }
            if let Err(error) = self.playback.write(block) {
                tracing::warn!("the output file cannot be written any more");
                self.shared
                    .set_output(DeviceState::Missing(error.to_string()));
                self.playback = Playback::paced(Drain::Null, now);
            }
        }
    }

    fn send_back(&mut self, block: &[f32]) {
        let Some(echo) = &mut self.echo else {
            return;
        };
        echo.extend_from_slice(block);
        let mut frame = [0.0; FRAME_SAMPLES];
        while echo.len() >= FRAME_SAMPLES {
            frame.copy_from_slice(&echo[..FRAME_SAMPLES]);
            echo.drain(..FRAME_SAMPLES);
            let outgoing = self.microphone.process(&mut frame);
            self.sender.take(&frame, outgoing);
        }
    }

    fn sleep(&self) {
        let capture = self.capture.as_ref().and_then(Capture::deadline);
        let deadline = capture.into_iter().chain(self.playback.deadline()).min();
        let now = Instant::now();
        let time = deadline.map_or(LONGEST_SLEEP, |at| at.saturating_duration_since(now));
        if !time.is_zero() {
            thread::park_timeout(time.min(LONGEST_SLEEP));
        }
    }
}

/// Switches the processing as the user wants it and the devices make sense of
/// it, given their delays, and publishes what capturing adds. Returns the time
/// from handing over a block until its echo comes in.
fn follow_devices(
    shared: &Shared,
    processor: &mut Processor,
    input: Option<Duration>,
    output: Option<Duration>,
) -> Duration {
    let wanted = shared.processing.get();
    processor.set(match input {
        // Files and tones are sent as they are.
        None => Processing::OFF,
        Some(_) => Processing {
            // What is not heard has no echo.
            echo_cancellation: wanted.echo_cancellation && output.is_some(),
            ..wanted
        },
    });
    let added = input.map(|device| device + processor.delay() + LOOK_AHEAD);
    shared
        .capture_ms
        .set(added.unwrap_or_default().as_secs_f32() * 1_000.0);
    input.unwrap_or_default() + output.unwrap_or_default()
}

/// The devices that the call wants; their thread starts when it wants the first.
struct Devices {
    shared: Arc<Shared>,
    keeper: Option<Keeper>,
    events: Receiver<DeviceEvent>,
    tell: SyncSender<DeviceEvent>,
    wanted: [bool; 2],
}

impl Devices {
    fn new(shared: Arc<Shared>) -> Self {
        let (tell, events) = sync_channel(MOST_DEVICE_EVENTS);
        Self {
            shared,
            keeper: None,
            events,
            tell,
            wanted: [false; 2],
        }
    }

    fn want(&mut self, direction: Direction, wanted: Option<Wanted>) {
        self.wanted[direction as usize] = wanted.is_some();
        if self.keeper.is_none() && wanted.is_none() {
            return;
        }
        if let Err(reason) = self.pass_on(direction, wanted) {
            let state = DeviceState::Missing(reason);
            match direction {
                Direction::Input => self.shared.set_input(state),
                Direction::Output => self.shared.set_output(state),
            }
        }
    }

    fn pass_on(&mut self, direction: Direction, wanted: Option<Wanted>) -> Result<(), String> {
        let keeper = match self.keeper.take() {
            Some(keeper) => keeper,
            None => Keeper::start(
                Arc::clone(&self.shared),
                self.tell.clone(),
                thread::current(),
            )
            .map_err(|error| format!("no thread for the sound devices: {error}"))?,
        };
        let accepted = self.keeper.insert(keeper).want(direction, wanted);
        if accepted {
            return Ok(());
        }
        Err("the sound system does not answer".to_owned())
    }

    /// The next event of a device that is still wanted.
    fn next_event(&self) -> Option<DeviceEvent> {
        loop {
            let event = self.events.try_recv().ok()?;
            let direction = match &event {
                DeviceEvent::Input(_) => Direction::Input,
                DeviceEvent::Output(_) => Direction::Output,
                DeviceEvent::Lost(direction) => *direction,
            };
            if self.wanted[direction as usize] {
                return Some(event);
            }
        }
    }
}
