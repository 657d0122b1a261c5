//! Streams: each is a connection and a thread that waits for the server to ask
//! for sound, or to give some.
//!
//! ```text
//! playback   callback -> |stream's queue: 2 periods|  -> |device: 1 period| -> ear
//! recording  mouth -> |device: 1 period| -> callback
//! ```
//!
//! With `adjust_latency` the server gives half of what a playback stream asks
//! for beyond two minimal requests to the device, and half of a fragment of a
//! recording stream to its device: that is how long the device sleeps.

use std::{
    ffi::CString,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use cpal::{
    Data, Error, ErrorKind, FrameCount, InputCallbackInfo, InputStreamTimestamp,
    OutputCallbackInfo, OutputStreamTimestamp, StreamInstant, traits::StreamTrait,
};
use pulseaudio::protocol::{
    ChannelMap, Command, CommandTag, CorkStreamParams, CreatePlaybackStreamReply,
    CreateRecordStreamReply, LatencyParams, PlaybackStreamParams, Prop, Props, RecordStreamParams,
    SampleFormat, SampleSpec, TagStructReader,
    stream::{BufferAttr, StreamFlags},
};

use super::{
    SAMPLE_BYTES,
    address::Server,
    connection::{Connection, Handle, Incoming},
    lost,
    samples::as_data,
};

/// The smallest request is this part of a period.
const REQUESTS_A_PERIOD: u32 = 2;
/// Periods of sound that wait at the server when we do not take them.
const WAITING_PERIODS: u32 = 16;
/// The server is asked for the device's delay every so many callbacks.
const ASK_EVERY: u32 = 64;
/// No device delays more; what is said beyond it is a mistake.
const MOST_DELAY: Duration = Duration::from_secs(2);

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

    fn bytes(&self, frames: u32) -> u32 {
        frames.saturating_mul(SAMPLE_BYTES as u32)
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
        let request = flow.period / REQUESTS_A_PERIOD;
        let params = PlaybackStreamParams {
            sample_spec: flow.sample_spec(),
            channel_map: ChannelMap::mono(),
            sink_name: Some(flow.device.clone()),
            buffer_attr: BufferAttr {
                target_length: flow.bytes(2 * flow.period + 2 * request),
                minimum_request_length: flow.bytes(request),
                ..BufferAttr::default()
            },
            props: properties(),
            flags: flags(),
            ..PlaybackStreamParams::default()
        };
        let created: CreatePlaybackStreamReply =
            connection.request(&Command::CreatePlaybackStream(params))?;
        let wire = Wire::new(connection, created.channel, &flow);
        let mut player = Player {
            wire,
            requested: created.requested_bytes,
            most: created.buffer_attr.target_length,
            samples: Vec::new(),
            on_data,
            on_error,
        };
        Self::start(
            flow.period,
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
                max_length: flow.bytes(WAITING_PERIODS * flow.period),
                fragment_size: flow.bytes(2 * flow.period),
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
            .spawn(move || work(&dropped))
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

/// What both directions have in common: the connection, and the device's delay.
struct Wire {
    connection: Connection,
    channel: u32,
    rate: u32,
    started: Instant,
    /// From a callback to its first sample's sound, or from the last sample's
    /// sound to a callback.
    delay: Duration,
    callbacks: u32,
    /// The question for the delay that is under way, and what it will find too
    /// much.
    asked: Option<(u32, Duration)>,
}

impl Wire {
    fn new(connection: Connection, channel: u32, flow: &Flow) -> Self {
        Self {
            connection,
            channel,
            rate: flow.rate,
            started: Instant::now(),
            delay: Duration::ZERO,
            callbacks: 0,
            asked: None,
        }
    }

    fn handle(&self) -> Result<Handle, Error> {
        self.connection.handle()
    }

    fn uncork(&self) -> CorkStreamParams {
        CorkStreamParams {
            channel: self.channel,
            cork: false,
        }
    }

    fn time_of(&self, frames: usize) -> Duration {
        Duration::from_secs_f64(frames as f64 / f64::from(self.rate))
    }

    /// Asks for the delay now and then; `ask` makes the command, and `just_sent`
    /// samples stand in the queue that did not when the callback ran.
    fn follow_delay(
        &mut self,
        just_sent: usize,
        ask: fn(LatencyParams) -> Command,
    ) -> Result<(), Error> {
        if self.callbacks.is_multiple_of(ASK_EVERY) {
            // The server repeats the time, and nothing else.
            let now = SystemTime::UNIX_EPOCH;
            let channel = self.channel;
            let number = self.connection.send(&ask(LatencyParams { channel, now }))?;
            self.asked = Some((number, self.time_of(just_sent)));
        }
        self.callbacks = self.callbacks.wrapping_add(1);
        Ok(())
    }

    /// Waits for the next message; what both directions understand is done.
    fn next(&mut self) -> Result<Incoming, Error> {
        let incoming = self.connection.next()?;
        match incoming {
            Incoming::Reply(number) => {
                let asked = self.asked.take_if(|(asked, _)| *asked == number);
                if let Some((_, too_much)) = asked {
                    let (device, queued) = read_delay(self.connection.body())?;
                    let delay = device + self.time_of(queued / SAMPLE_BYTES);
                    self.delay = delay.saturating_sub(too_much).min(MOST_DELAY);
                }
            }
            Incoming::Told(CommandTag::PlaybackStreamKilled | CommandTag::RecordStreamKilled) => {
                let said = "PulseAudio has closed the device";
                return Err(Error::with_message(ErrorKind::DeviceNotAvailable, said));
            }
            _ => {}
        }
        Ok(incoming)
    }
}

/// Reads the delay of the device, and the bytes in the server's queue, from an
/// answer about a stream's latency. The crate's own reader multiplies the
/// server's numbers unchecked where it reads the times, which are of no use.
fn read_delay(body: &[u8]) -> Result<(Duration, usize), Error> {
    /// Two numbers of 8 bytes and a flag, each with its type.
    const DEVICE: usize = 19;
    /// Two times of 8 bytes, each with its type.
    const TIMES: usize = 18;
    let read = || {
        let (mut device, rest) = body.split_at_checked(DEVICE)?;
        let (_, mut offsets) = rest.split_at_checked(TIMES)?;
        let mut device = TagStructReader::new(&mut device, 0);
        let mut offsets = TagStructReader::new(&mut offsets, 0);
        let (sink, source) = (device.read_usec().ok()?, device.read_usec().ok()?);
        let (written, read) = (offsets.read_i64().ok()?, offsets.read_i64().ok()?);
        let queued = usize::try_from(written.saturating_sub(read)).unwrap_or(0);
        let device = Duration::from_micros(sink.saturating_add(source));
        Some((device.min(MOST_DELAY), queued))
    };
    read().ok_or_else(|| lost("an answer is cut off"))
}

struct Player<D, E> {
    wire: Wire,
    /// Bytes that the server asked for when it made the stream.
    requested: u32,
    /// Bytes of the stream's whole queue.
    most: u32,
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
                let [channel, bytes] = self.wire.connection.numbers()?;
                if channel == self.wire.channel {
                    self.give(bytes)?;
                }
            }
            Incoming::Told(CommandTag::PlaybackStreamMoved) => {
                (self.on_error)(Error::new(ErrorKind::DeviceChanged));
            }
            _ => {}
        }
        Ok(())
    }

    /// Has the callback make what is asked for. After an underrun the server
    /// waits until its queue is full again, so that nothing of what comes late
    /// is lost; whoever asks for more than the queue gets as much and a gap.
    fn give(&mut self, bytes: u32) -> Result<(), Error> {
        let frames = bytes as usize / SAMPLE_BYTES;
        let most = self.most as usize / SAMPLE_BYTES;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(device_us: u64, written: i64, read: i64) -> Vec<u8> {
        let wide = |tag: u8, bytes: [u8; 8]| [&[tag][..], &bytes].concat();
        let time = wide(b'T', [0xff; 8]);
        let parts = [
            wide(b'U', device_us.to_be_bytes()),
            wide(b'U', [0; 8]),
            vec![b'1'],
            time.clone(),
            time,
            wide(b'r', written.to_be_bytes()),
            wide(b'r', read.to_be_bytes()),
        ];
        parts.concat()
    }

    #[test]
    fn the_delay_is_read_and_wild_numbers_are_survived() {
        let (device, queued) = read_delay(&answer(5_000, 9_600, 8_000)).unwrap();
        assert_eq!((device, queued), (Duration::from_millis(5), 1_600));
        // After an underrun more has been read than written.
        assert_eq!(read_delay(&answer(5_000, 0, 8_000)).unwrap().1, 0);
        let wild = read_delay(&answer(u64::MAX, i64::MAX, i64::MIN)).unwrap();
        assert_eq!(wild.0, MOST_DELAY);
        let whole = answer(1, 2, 3);
        for cut in 0..whole.len() {
            assert!(read_delay(&whole[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_survived(body in prop::collection::vec(any::<u8>(), 0..80)) {
            drop(read_delay(&body));
        }
    }
}
