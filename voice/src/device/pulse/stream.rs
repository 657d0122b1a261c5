//! Streams: each is a connection and a thread that waits for the server to ask
//! for sound, or to give some.
//!
//! ```text
//! playback   callback -> |stream's queue: 2 periods or more| -> |device: 1 period| -> ear
//! recording  mouth -> |device: 1 period| -> callback
//! ```
//!
//! How much waits for the device is the matter of `queue`. With
//! `adjust_latency` the server gives half of a fragment of a recording stream to
//! its device: that is how long the device sleeps.

use std::{
    ffi::CString,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use cpal::{
    Data, Error, ErrorKind, FrameCount, InputCallbackInfo, InputStreamTimestamp,
    OutputCallbackInfo, OutputStreamTimestamp, StreamInstant, traits::StreamTrait,
};
use pulseaudio::protocol::{
    ChannelMap, Command, CommandTag, CreatePlaybackStreamReply, CreateRecordStreamReply,
    PlaybackStreamParams, Prop, Props, RecordStreamParams, SampleFormat, SampleSpec,
    SetPlaybackStreamBufferAttrParams,
    stream::{BufferAttr, StreamFlags},
};

use super::{
    SAMPLE_BYTES,
    address::Server,
    bytes,
    connection::{Connection, Handle, Incoming},
    lost,
    queue::Queue,
    samples::as_data,
    wire::Wire,
};
use crate::realtime;

/// Periods of sound that wait at the server when we do not take them.
const WAITING_PERIODS: u32 = 16;

/// What a stream is to be.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// The server of the device.
    pub(super) server: Arc<Server>,
    /// The sink or source.
    pub(super) device: CString,
    /// Frames a second.
    pub(super) rate: u32,
    /// Frames that the device handles at once.
    pub(super) period: FrameCount,
}

impl Flow {
    fn sample_spec(&self) -> SampleSpec {
        SampleSpec {
            format: if cfg!(target_endian = "big") {
                SampleFormat::Float32Be
            } else {
                SampleFormat::Float32Le
            },
            channels: 1,
            sample_rate: self.rate,
        }
    }
}

fn properties() -> Props {
    let mut properties = Props::new();
    properties.set(Prop::MediaName, c"call");
    properties
}

/// Streams wait for `play`; the device wakes as seldom as the buffers allow.
fn flags() -> StreamFlags {
    StreamFlags {
        start_corked: true,
        adjust_latency: true,
        ..StreamFlags::default()
    }
}

/// Lets sound flow until the stream ends, and tells of it unless it was wanted.
type Work = Box<dyn FnOnce(&AtomicBool) + Send>;

/// A stream of a device: it flows from `play` until it is dropped.
pub(in crate::device) struct PulseStream {
    connection: Handle,
    /// The end is wanted.
    dropped: Arc<AtomicBool>,
    waiting: Mutex<Option<Work>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    started: Instant,
    period: FrameCount,
}

impl PulseStream {
    /// Makes a stream that plays what the callback writes.
    ///
    /// # Errors
    /// When the server is gone or refuses.
    pub(super) fn play(
        flow: Flow,
        on_data: impl FnMut(&mut Data, &OutputCallbackInfo) + Send + 'static,
        on_error: impl FnMut(Error) + Send + 'static,
    ) -> Result<Self, Error> {
        let mut connection = Connection::open(&flow.server)?;
        let mut queue = Queue::new(flow.rate, flow.period, Instant::now());
        let params = PlaybackStreamParams {
            sample_spec: flow.sample_spec(),
            channel_map: ChannelMap::mono(),
            sink_name: Some(flow.device.clone()),
            buffer_attr: queue.buffering().attributes(),
            props: properties(),
            flags: flags(),
            ..PlaybackStreamParams::default()
        };
        let created: CreatePlaybackStreamReply =
            connection.request(&Command::CreatePlaybackStream(params))?;
        let wire = Wire::new(connection, created.channel, &flow);
        let period = flow.period;
        queue.granted(created.buffer_attr.target_length / SAMPLE_BYTES as u32);
        let mut player = Player {
            wire,
            queue,
            requested: created.requested_bytes,
            samples: Vec::new(),
            on_data,
            on_error,
        };
        Self::start(
            period,
            player.wire.handle()?,
            player.wire.started,
            move |dropped| {
                let error = player.run();
                if !dropped.load(Relaxed) {
                    (player.on_error)(error);
                }
            },
        )
    }

    /// Makes a stream that gives what it records to the callback.
    ///
    /// # Errors
    /// When the server is gone or refuses.
    pub(super) fn record(
        flow: Flow,
        on_data: impl FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        on_error: impl FnMut(Error) + Send + 'static,
    ) -> Result<Self, Error> {
        let mut connection = Connection::open(&flow.server)?;
        let params = RecordStreamParams {
            sample_spec: flow.sample_spec(),
            channel_map: ChannelMap::mono(),
            source_name: Some(flow.device.clone()),
            buffer_attr: BufferAttr {
                max_length: bytes(WAITING_PERIODS * flow.period),
                fragment_size: bytes(2 * flow.period),
                ..BufferAttr::default()
            },
            props: properties(),
            flags: flags(),
            ..RecordStreamParams::default()
        };
        let created: CreateRecordStreamReply =
            connection.request(&Command::CreateRecordStream(params))?;
        let mut recorder = Recorder {
            wire: Wire::new(connection, created.channel, &flow),
            samples: Vec::new(),
            on_data,
            on_error,
        };
        let wire = &recorder.wire;
        Self::start(flow.period, wire.handle()?, wire.started, move |dropped| {
            let error = recorder.run();
            if !dropped.load(Relaxed) {
                (recorder.on_error)(error);
            }
        })
    }

    fn start(
        period: FrameCount,
        connection: Handle,
        started: Instant,
        work: impl FnOnce(&AtomicBool) + Send + 'static,
    ) -> Result<Self, Error> {
        Ok(Self {
            connection,
            dropped: Arc::default(),
            waiting: Mutex::new(Some(Box::new(work))),
            thread: Mutex::new(None),
            started,
            period,
        })
    }
}

impl StreamTrait for PulseStream {
    fn play(&self) -> Result<(), Error> {
        let waiting = &self.waiting;
        let work = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(work) = work else {
            return Ok(());
        };
        let dropped = Arc::clone(&self.dropped);
        let thread = thread::Builder::new()
            .name("pulse".into())
            .spawn(move || {
                realtime::ask();
                work(&dropped);
            })
            .map_err(|error| Error::with_message(ErrorKind::BackendError, error.to_string()))?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Streams of calls are closed, not paused.
    fn pause(&self) -> Result<(), Error> {
        Err(Error::new(ErrorKind::UnsupportedOperation))
    }

    fn now(&self) -> StreamInstant {
        instant(self.started.elapsed())
    }

    fn buffer_size(&self) -> Result<FrameCount, Error> {
        Ok(self.period)
    }
}

impl Drop for PulseStream {
    fn drop(&mut self) {
        self.dropped.store(true, Relaxed);
        self.connection.end();
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::debug!("a callback panicked");
        }
    }
}

fn instant(since: Duration) -> StreamInstant {
    StreamInstant::new(since.as_secs(), since.subsec_nanos())
}

struct Player<D, E> {
    wire: Wire,
    queue: Queue,
    /// Bytes that the server asked for when it made the stream.
    requested: u32,
    samples: Vec<f32>,
    on_data: D,
    on_error: E,
}

impl<D, E> Player<D, E>
where
    D: FnMut(&mut Data, &OutputCallbackInfo),
    E: FnMut(Error),
{
    /// Plays until the stream ends; returns why it did.
    fn run(&mut self) -> Error {
        let mut step = self.begin();
        loop {
            if let Err(error) = step {
                return error;
            }
            step = self.step();
        }
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.wire.connection.wait_for_ever()?;
        self.give(self.requested)?;
        let uncork = Command::CorkPlaybackStream(self.wire.uncork());
        self.wire.connection.send(&uncork).map(drop)
    }

    fn step(&mut self) -> Result<(), Error> {
        match self.wire.next()? {
            Incoming::Told(CommandTag::Request) => {
                let asked_at = Instant::now();
                let [channel, bytes] = self.wire.connection.numbers()?;
                if channel == self.wire.channel {
                    self.give(bytes)?;
                    if self.queue.asked(asked_at) {
                        self.buffer_otherwise()?;
                    }
                }
            }
            Incoming::Told(CommandTag::Underflow) => {
                tracing::debug!("the sound server ran dry");
                if self.queue.ran_dry(Instant::now()) {
                    self.buffer_otherwise()?;
                }
            }
            Incoming::Told(CommandTag::PlaybackStreamMoved) => {
                (self.on_error)(Error::new(ErrorKind::DeviceChanged));
            }
            _ => {}
        }
        Ok(())
    }

    fn buffer_otherwise(&mut self) -> Result<(), Error> {
        let buffering = self.queue.buffering();
        tracing::debug!(?buffering, "the sound server's queue");
        let change = SetPlaybackStreamBufferAttrParams {
            index: self.wire.channel,
            buffer_attr: buffering.attributes(),
            adjust_latency: buffering.adjust_latency,
            early_requests: !buffering.adjust_latency,
        };
        let change = Command::SetPlaybackStreamBufferAttr(change);
        self.wire.connection.send(&change).map(drop)
    }

    /// Has the callback make what is asked for. After an underrun the server
    /// waits until its queue is full again, so that nothing of what comes late
    /// is lost; whoever asks for more than the queue gets as much and a gap.
    fn give(&mut self, bytes: u32) -> Result<(), Error> {
        let frames = bytes as usize / SAMPLE_BYTES;
        let most = self.queue.most() as usize;
        let skipped = frames.saturating_sub(most);
        self.samples.clear();
        self.samples.resize(frames - skipped, 0.0);
        if self.samples.is_empty() {
            return Ok(());
        }
        let callback = self.wire.started.elapsed();
        let timestamp = OutputStreamTimestamp {
            callback: instant(callback),
            playback: instant(callback + self.wire.delay),
        };
        let info = OutputCallbackInfo::new(timestamp);
        let on_data = &mut self.on_data;
        as_data(&mut self.samples, |data| on_data(data, &info));
        let (channel, skipped) = (self.wire.channel, skipped * SAMPLE_BYTES);
        let connection = &mut self.wire.connection;
        connection.send_sound(channel, skipped, &self.samples)?;
        let just_sent = self.samples.len();
        self.wire
            .follow_delay(just_sent, Command::GetPlaybackLatency)
    }
}

struct Recorder<D, E> {
    wire: Wire,
    samples: Vec<f32>,
    on_data: D,
    on_error: E,
}

impl<D, E> Recorder<D, E>
where
    D: FnMut(&Data, &InputCallbackInfo),
    E: FnMut(Error),
{
    /// Records until the stream ends; returns why it did.
    fn run(&mut self) -> Error {
        let mut step = self.begin();
        loop {
            if let Err(error) = step {
                return error;
            }
            step = self.step();
        }
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.wire.connection.wait_for_ever()?;
        let uncork = Command::CorkRecordStream(self.wire.uncork());
        self.wire.connection.send(&uncork).map(drop)
    }

    fn step(&mut self) -> Result<(), Error> {
        match self.wire.next()? {
            Incoming::Sound(channel) if channel == self.wire.channel => self.take()?,
            Incoming::Told(CommandTag::RecordStreamMoved) => {
                (self.on_error)(Error::new(ErrorKind::DeviceChanged));
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives the callback what has come.
    fn take(&mut self) -> Result<(), Error> {
        let (samples, rest) = self.wire.connection.sound().as_chunks::<SAMPLE_BYTES>();
        if !rest.is_empty() {
            return Err(lost("a sample is cut off"));
        }
        self.samples.clear();
        self.samples
            .extend(samples.iter().map(|bytes| f32::from_ne_bytes(*bytes)));
        let callback = self.wire.started.elapsed();
        // The first sample is older than the last by all that came.
        let age = self.wire.delay + self.wire.time_of(self.samples.len());
        let timestamp = InputStreamTimestamp {
            callback: instant(callback),
            capture: instant(callback.saturating_sub(age)),
        };
        let info = InputCallbackInfo::new(timestamp);
        let on_data = &mut self.on_data;
        as_data(&mut self.samples, |data| on_data(data, &info));
        self.wire.follow_delay(0, Command::GetRecordLatency)
    }
}
