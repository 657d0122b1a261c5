//! Hearing oneself as others do: records a few seconds through the same
//! processing and codec as a call, then plays them.
//!
//! A recording is a call that sends to memory, and playing it is a call that
//! receives from there; so what is heard is what a call would have carried.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    AudioError, Call, CallConfig, DeviceState, FrameSink, InputSpec, OutputSpec, Processing,
    ReceivedPacket, SentPacket, level::FLOOR_DB,
};

/// The longest recording.
const LONGEST: Duration = Duration::from_secs(5);
/// How often packets are given and meters read: once a frame.
const STEP: Duration = Duration::from_millis(20);
/// Packets of the longest recording, and some for frames that come in bursts.
const MOST_PACKETS: usize = 300;
/// How long a device may take to open before the test gives up.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the last packet needs to be heard: buffers on the way.
const DRAIN: Duration = Duration::from_millis(300);

/// What a microphone test is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MicTestPhase {
    /// The microphone is listened to.
    Recording,
    /// What was recorded is played.
    Playing,
    /// It is over.
    Done,
}

/// A microphone test at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct MicTestState {
    /// What it is doing.
    pub phase: MicTestPhase,
    /// Level of what is recorded or played, RMS in dBFS; -96 is silence.
    pub level_db: f32,
    /// Its peak, in dBFS.
    pub peak_db: f32,
    /// How far the phase has come.
    pub at: Duration,
    /// How long the phase lasts.
    pub length: Duration,
    /// With [`MicTestPhase::Done`]: why it did not come to its end.
    pub problem: Option<String>,
}

/// A running microphone test. Dropping it ends it.
#[derive(Debug)]
pub struct MicTest {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<MicTestState>,
    /// The phase is to end.
    next: AtomicBool,
    /// Everything is to end.
    stop: AtomicBool,
}

type Packets = Arc<Mutex<Vec<SentPacket>>>;

impl MicTest {
    /// Records from `input` for up to 5 s, then plays that on `output`.
    ///
    /// # Errors
    /// When a file cannot be opened, or a thread is not to be had. A device
    /// that is missing ends the test, and [`MicTestState::problem`] says why.
    pub fn start(
        input: InputSpec,
        output: OutputSpec,
        processing: Processing,
    ) -> Result<Self, AudioError> {
        let state = MicTestState {
            phase: MicTestPhase::Recording,
            level_db: FLOOR_DB,
            peak_db: FLOOR_DB,
            at: Duration::ZERO,
            length: LONGEST,
            problem: None,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            next: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let packets = Packets::default();
        let recorder = recorder(input, processing, &packets)?;
        let there = Arc::clone(&shared);
        let body = move || {
            let outcome = there
                .record(recorder)
                .and_then(|()| there.play(output, &packets));
            there.finish(outcome.err());
        };
        let thread = thread::Builder::new()
            .name("mic test".into())
            .spawn(body)
            .map_err(AudioError::Thread)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Ends the phase: a recording is played, what is played is over.
    pub fn stop(&self) {
        self.shared.next.store(true, Relaxed);
    }

    /// What it is doing now.
    pub fn state(&self) -> MicTestState {
        self.shared.lock().clone()
    }
}

impl Drop for MicTest {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the microphone test has panicked");
        }
    }
}

/// A call that sends into memory.
fn recorder(
    input: InputSpec,
    processing: Processing,
    packets: &Packets,
) -> Result<Call, AudioError> {
    let packets = Arc::clone(packets);
    let sink: FrameSink = Box::new(move |packet| {
        let mut packets = packets.lock().unwrap_or_else(PoisonError::into_inner);
        if packets.len() < MOST_PACKETS {
            packets.push(packet);
        }
    });
    let config = CallConfig {
        input,
        output: OutputSpec::Null,
        processing,
        ..CallConfig::default()
    };
    Call::start(config, sink)
}

impl Shared {
    fn record(&self, recorder: Call) -> Result<(), String> {
        self.wait_for("microphone", || recorder.stats().input)?;
        let start = Instant::now();
        while !self.is_over(start.elapsed(), LONGEST) {
            let stats = recorder.stats();
            if let DeviceState::Missing(reason) = stats.input {
                return Err(format!("the microphone went away: {reason}"));
            }
            self.show(stats.level_in_db, stats.peak_in_db, start.elapsed());
            thread::sleep(STEP);
        }
        Ok(())
    }

    fn play(&self, output: OutputSpec, packets: &Packets) -> Result<(), String> {
        if self.stop.load(Relaxed) {
            return Ok(());
        }
        let config = CallConfig {
            input: InputSpec::Silence,
            output,
            ..CallConfig::default()
        };
        let player = Call::start(config, Box::new(|_| {})).map_err(|error| error.to_string())?;
        let recorded = std::mem::take(&mut *packets.lock().unwrap_or_else(PoisonError::into_inner));
        let length = STEP * u32::try_from(recorded.len()).unwrap_or(u32::MAX) + DRAIN;
        self.begin_playing(length);
        self.wait_for("loudspeaker", || player.stats().output)?;
        let start = Instant::now();
        let mut waiting = (0_u64..).zip(recorded).peekable();
        while !self.is_over(start.elapsed(), length) {
            let due = |sequence: u64| STEP.mul_f64(sequence as f64) <= start.elapsed();
            while let Some((sequence, packet)) = waiting.next_if(|(sequence, _)| due(*sequence)) {
                player.receive(ReceivedPacket {
                    format: packet.format,
                    sequence,
                    media_time: packet.media_time,
                    payload: packet.payload,
                    arrived: Instant::now(),
                });
            }
            let stats = player.stats();
            if let DeviceState::Missing(reason) = stats.output {
                return Err(format!("the loudspeaker went away: {reason}"));
            }
            self.show(stats.level_out_db, stats.peak_out_db, start.elapsed());
            thread::sleep(STEP);
        }
        Ok(())
    }

    /// Waits until a device works, if there is one.
    fn wait_for(&self, what: &str, state: impl Fn() -> DeviceState) -> Result<(), String> {
        let start = Instant::now();
        while !self.stop.load(Relaxed) {
            match state() {
                DeviceState::Virtual if start.elapsed() >= STEP => return Ok(()),
                DeviceState::Running(_) => return Ok(()),
                DeviceState::Missing(reason) => return Err(format!("no {what}: {reason}")),
                DeviceState::Virtual | DeviceState::Opening => {}
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("the {what} does not open"));
            }
            thread::sleep(STEP);
        }
        Ok(())
    }

    fn is_over(&self, at: Duration, length: Duration) -> bool {
        at >= length || self.next.load(Relaxed) || self.stop.load(Relaxed)
    }

    fn show(&self, level_db: f32, peak_db: f32, at: Duration) {
        let mut state = self.lock();
        (state.level_db, state.peak_db) = (level_db, peak_db);
        state.at = at.min(state.length);
    }

    fn begin_playing(&self, length: Duration) {
        self.next.store(false, Relaxed);
        let mut state = self.lock();
        state.phase = MicTestPhase::Playing;
        (state.at, state.length) = (Duration::ZERO, length);
    }

    fn finish(&self, problem: Option<String>) {
        let mut state = self.lock();
        state.phase = MicTestPhase::Done;
        (state.level_db, state.peak_db) = (FLOOR_DB, FLOOR_DB);
        state.problem = problem;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, MicTestState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
