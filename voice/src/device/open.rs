//! Finding one device and opening a stream on it.

use std::{
    borrow::Borrow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread::{self, Thread},
    time::Duration,
};

use cpal::{
    BufferSize, Data, Device, FromSample, Host, I24, Sample, SampleFormat, SizedSample,
    StreamConfig, SupportedBufferSize, SupportedStreamConfigRange, U24,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};

use super::{
    Direction, InputPort, Latency, OutputFeedback, OutputPort, Wanted,
    hosts::{default_device, on_any_host},
    systems::{is_alsa, is_device, may_wait},
};
use crate::{SAMPLE_RATE, stats::Shared, sys::monotonic_seconds};

/// Samples a callback should carry: 4 ms, for the delay of both devices together
/// is five to six times that, and a frame of 20 ms is made of whole ones. cpal's
/// own default may be seconds.
const PERIOD: u32 = 192;
/// The same for ALSA, which with less floods us with errors under load.
const ALSA_PERIOD: u32 = 960;
/// Rings hold half a second; the media thread keeps them nearly empty or short.
const RINGS_A_SECOND: u32 = 2;
/// How long a host may take to open a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long closing a stream is waited for.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Formats that we convert, the best first.
const FORMATS: [SampleFormat; 8] = [
    SampleFormat::F32,
    SampleFormat::I32,
    SampleFormat::I24,
    SampleFormat::I16,
    SampleFormat::U32,
    SampleFormat::U24,
    SampleFormat::U16,
    SampleFormat::U8,
];

/// A stream that flows until it is dropped.
pub(super) struct OpenStream {
    stream: Option<cpal::Stream>,
    pub(super) health: Arc<Health>,
    pub(super) name: String,
    pub(super) id: Option<cpal::DeviceId>,
}

impl Drop for OpenStream {
    /// Closing waits for ever at PulseAudio's client when the server has ended
    /// the stream by itself, so it is given a thread, and some time: a device
    /// that is opened again at once should be free.
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        let (done, closed) = mpsc::sync_channel::<()>(1);
        let closing = thread::Builder::new().name("closing".into()).spawn(|| {
            drop(stream);
            drop(done);
        });
        match closing {
            // The end of the channel is the word.
            Ok(_) => drop(closed.recv_timeout(CLOSE_TIMEOUT)),
            Err(error) => tracing::debug!(%error, "no thread to close a device"),
        }
    }
}

/// What the callbacks of a stream tell its keeper.
#[derive(Debug, Default)]
pub(super) struct Health {
    callbacks: AtomicU64,
    failed: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Health {
    /// Callbacks so far: a stream in which this stands still is dead.
    pub(super) fn callbacks(&self) -> u64 {
        self.callbacks.load(Relaxed)
    }

    /// Why the stream has failed, if it has.
    pub(super) fn failure(&self) -> Option<String> {
        if !self.failed.load(Relaxed) {
            return None;
        }
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        Some(reason.clone().unwrap_or_else(|| "it stopped".to_owned()))
    }

    /// Takes an error of the host. Some hosts report hundreds a second: only
    /// the first that ends the stream is kept.
    fn report(&self, error: &cpal::Error) {
        use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
        if matches!(error.kind(), DeviceChanged | RealtimeDenied | Xrun) {
            return;
        }
        if !self.failed.swap(true, Relaxed) {
            let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
            *reason = Some(said(error));
        }
    }
}

/// Opens the wanted microphone.
///
/// # Errors
/// Says why there is none.
pub(super) fn open_input(
    wanted: &Wanted,
    shared: &Arc<Shared>,
    media: &Thread,
) -> Result<(OpenStream, InputPort), String> {
    on_any_host(|host| {
        let device = find(host, Direction::Input, wanted)?;
        let ranges = device.supported_input_configs().map_err(said)?;
        let chosen = choose(ranges, is_alsa(host.id()))?;
        let (mut producer, ring) = ring(&chosen);
        let wake_at = Arc::new(AtomicUsize::new(1));
        let health = Arc::new(Health::default());
        let (media, shared) = (media.clone(), Arc::clone(shared));
        let (beat, threshold) = (Arc::clone(&health), Arc::clone(&wake_at));
        let latency = Arc::new(Latency::default());
        let tell = Arc::clone(&latency);
        let (channels, rate) = (
            usize::from(chosen.config.channels),
            chosen.config.sample_rate,
        );
        let on_data = move |data: &Data, info: &cpal::InputCallbackInfo| {
            beat.callbacks.fetch_add(1, Relaxed);
            let at = info.timestamp();
            tell.tell(at.callback.duration_since(at.capture));
            let frames = data.len() / channels;
            let ago = frames as f64 / f64::from(rate);
            shared.mic_at.set_once(monotonic_seconds() - ago);
            take(data, channels, &mut producer);
            let capacity = producer.buffer().capacity();
            if capacity - producer.slots() >= threshold.load(Relaxed) {
                media.unpark();
            }
        };
        let reporter = Arc::clone(&health);
        let on_error = move |error| reporter.report(&error);
        let stream = device
            .build_input_stream_raw(
                chosen.config,
                chosen.format,
                on_data,
                on_error,
                Some(OPEN_TIMEOUT),
            )
            .map_err(said)?;
        let port = InputPort {
            ring,
            rate,
            wake_at,
            latency,
        };
        Ok((running(stream, health, &device)?, port))
    })
}

/// Opens the wanted loudspeaker.
///
/// # Errors
/// Says why there is none.
pub(super) fn open_output(
    wanted: &Wanted,
    shared: &Arc<Shared>,
    media: &Thread,
) -> Result<(OpenStream, OutputPort), String> {
    on_any_host(|host| {
        let device = find(host, Direction::Output, wanted)?;
        let ranges = device.supported_output_configs().map_err(said)?;
        let chosen = choose(ranges, is_alsa(host.id()))?;
        let (ring, mut consumer) = ring(&chosen);
        let feedback = Arc::new(OutputFeedback::default());
        let health = Arc::new(Health::default());
        let (media, shared) = (media.clone(), Arc::clone(shared));
        let (beat, tell) = (Arc::clone(&health), Arc::clone(&feedback));
        let latency = Arc::new(Latency::default());
        let late = Arc::clone(&latency);
        let waits = may_wait(host.id());
        let (channels, rate) = (
            usize::from(chosen.config.channels),
            chosen.config.sample_rate,
        );
        let on_data = move |data: &mut Data, info: &cpal::OutputCallbackInfo| {
            beat.callbacks.fetch_add(1, Relaxed);
            let at = info.timestamp();
            late.tell(at.playback.duration_since(at.callback));
            shared.spk_at.set_once(monotonic_seconds());
            let frames = data.len() / channels;
            if waits {
                tell.wait_for(frames, rate, &consumer, &media);
            }
            tell.asked(frames, consumer.slots());
            give(data, channels, &mut consumer);
            if tell.is_low(consumer.slots()) {
                media.unpark();
            }
        };
        let reporter = Arc::clone(&health);
        let on_error = move |error| reporter.report(&error);
        let stream = device
            .build_output_stream_raw(
                chosen.config,
                chosen.format,
                on_data,
                on_error,
                Some(OPEN_TIMEOUT),
            )
            .map_err(said)?;
        let port = OutputPort {
            ring,
            rate,
            feedback,
            waits,
            latency,
        };
        Ok((running(stream, health, &device)?, port))
    })
}

pub(super) fn find(host: &Host, direction: Direction, wanted: &Wanted) -> Result<Device, String> {
    let Wanted::Named(name) = wanted else {
        return default_device(host, direction)
            .ok_or_else(|| "the system names no default device".to_owned());
    };
    host.devices()
        .map_err(said)?
        .find(|device| is_device(device, direction) && is_named(device, name))
        .ok_or_else(|| format!("there is no device {name:?}"))
}

fn is_named(device: &Device, name: &str) -> bool {
    let says = |id: cpal::DeviceId| {
        [id.id(), &id.to_string(), &format!("{device} ({})", id.id())].contains(&name)
    };
    device.id().is_ok_and(says) || device.to_string() == name
}

struct Chosen {
    config: StreamConfig,
    format: SampleFormat,
}

fn choose(
    ranges: impl Iterator<Item = SupportedStreamConfigRange>,
    alsa: bool,
) -> Result<Chosen, String> {
    let best = ranges
        .filter(|range| FORMATS.contains(&range.sample_format()) && range.channels() > 0)
        .min_by_key(|range| {
            let format = FORMATS.iter().position(|f| *f == range.sample_format());
            (
                nearest_rate(range).abs_diff(SAMPLE_RATE),
                range.channels(),
                format,
            )
        })
        .ok_or_else(|| "the device offers no format that we can use".to_owned())?;
    let period = if alsa { ALSA_PERIOD } else { PERIOD };
    let period = match *best.buffer_size() {
        SupportedBufferSize::Range { min, max } => period.clamp(min, max.max(min)),
        SupportedBufferSize::Unknown => period,
    };
    Ok(Chosen {
        config: StreamConfig {
            channels: best.channels(),
            sample_rate: nearest_rate(&best),
            buffer_size: BufferSize::Fixed(period),
        },
        format: best.sample_format(),
    })
}

fn nearest_rate(range: &SupportedStreamConfigRange) -> u32 {
    let (least, most) = (range.min_sample_rate(), range.max_sample_rate());
    SAMPLE_RATE.clamp(least, most.max(least))
}

fn ring(chosen: &Chosen) -> (rtrb::Producer<f32>, rtrb::Consumer<f32>) {
    rtrb::RingBuffer::new((chosen.config.sample_rate / RINGS_A_SECOND) as usize)
}

fn running(
    stream: cpal::Stream,
    health: Arc<Health>,
    device: &Device,
) -> Result<OpenStream, String> {
    stream.play().map_err(said)?;
    Ok(OpenStream {
        stream: Some(stream),
        health,
        name: device.to_string(),
        id: device.id().ok(),
    })
}

/// What the host says, as a part of a sentence.
pub(super) fn said(error: impl Borrow<cpal::Error>) -> String {
    let error = error.borrow();
    match error.kind() {
        cpal::ErrorKind::DeviceNotAvailable => "there is none, or it was taken away".to_owned(),
        _ => error.to_string().trim_end_matches('.').to_owned(),
    }
}

/// Runs a generic function on samples of whatever type the device has.
macro_rules! for_format {
    ($data:ident . $slice:ident => $run:ident($channels:expr, $ring:expr)) => {
        match $data.sample_format() {
            SampleFormat::F32 => $data.$slice::<f32>().map(|s| $run(s, $channels, $ring)),
            SampleFormat::I32 => $data.$slice::<i32>().map(|s| $run(s, $channels, $ring)),
            SampleFormat::I24 => $data.$slice::<I24>().map(|s| $run(s, $channels, $ring)),
            SampleFormat::I16 => $data.$slice::<i16>().map(|s| $run(s, $channels, $ring)),
            SampleFormat::U32 => $data.$slice::<u32>().map(|s| $run(s, $channels, $ring)),
            SampleFormat::U24 => $data.$slice::<U24>().map(|s| $run(s, $channels, $ring)),
            SampleFormat::U16 => $data.$slice::<u16>().map(|s| $run(s, $channels, $ring)),
            SampleFormat::U8 => $data.$slice::<u8>().map(|s| $run(s, $channels, $ring)),
            _ => None,
        }
    };
}

/// Puts what a microphone gave into the ring.
fn take(data: &Data, channels: usize, ring: &mut rtrb::Producer<f32>) {
    for_format!(data.as_slice => mix_down(channels, ring));
}

/// Fetches what a loudspeaker asks for from the ring.
fn give(data: &mut Data, channels: usize, ring: &mut rtrb::Consumer<f32>) {
    for_format!(data.as_slice_mut => spread(channels, ring));
}

/// Mixes all channels down to mono. What the ring cannot hold is lost: the
/// media thread has then stood still for half a second.
fn mix_down<T>(samples: &[T], channels: usize, ring: &mut rtrb::Producer<f32>)
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let frames = (samples.len() / channels).min(ring.slots());
    let scale = 1.0 / channels as f32;
    let mono = samples.chunks_exact(channels).map(|frame| {
        let sum: f32 = frame.iter().map(|s| f32::from_sample(*s)).sum();
        sum * scale
    });
    if let Ok(chunk) = ring.write_chunk_uninit(frames) {
        chunk.fill_from_iter(mono);
    }
}

/// Gives all channels the same sound, and silence where the ring has too little.
fn spread<T>(samples: &mut [T], channels: usize, ring: &mut rtrb::Consumer<f32>)
where
    T: SizedSample + FromSample<f32>,
{
    for frame in samples.chunks_mut(channels) {
        frame.fill(T::from_sample(ring.pop().unwrap_or(0.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(
        channels: u16,
        least: u32,
        most: u32,
        format: SampleFormat,
    ) -> SupportedStreamConfigRange {
        let sizes = SupportedBufferSize::Range {
            min: 64,
            max: 4_096,
        };
        SupportedStreamConfigRange::new(channels, least, most, sizes, format)
    }

    #[test]
    fn prefers_our_rate_then_few_channels_then_good_samples() {
        let ranges = [
            range(1, 44_100, 44_100, SampleFormat::F32),
            range(2, 8_000, 96_000, SampleFormat::F32),
            range(1, 48_000, 48_000, SampleFormat::U8),
            range(1, 48_000, 48_000, SampleFormat::I16),
            range(1, 48_000, 48_000, SampleFormat::F64),
        ];
        let chosen = choose(ranges.into_iter(), false).ok().unwrap();
        assert_eq!(chosen.format, SampleFormat::I16);
        assert_eq!(chosen.config.channels, 1);
        assert_eq!(chosen.config.sample_rate, 48_000);
        assert_eq!(chosen.config.buffer_size, BufferSize::Fixed(192));
        let other = [range(6, 16_000, 44_100, SampleFormat::U16)];
        let chosen = choose(other.into_iter(), true).ok().unwrap();
        assert_eq!(chosen.config.sample_rate, 44_100);
        assert_eq!(chosen.config.buffer_size, BufferSize::Fixed(960));
        assert!(choose(std::iter::empty(), false).is_err());
    }

    #[test]
    fn channels_are_mixed_and_spread() {
        let (mut producer, mut consumer) = rtrb::RingBuffer::new(3);
        mix_down(
            &[16_384_i16, 0, -16_384, -16_384, 0, 0, 1, 1],
            2,
            &mut producer,
        );
        assert_eq!(consumer.slots(), 3);
        let mut out = [9_i16; 8];
        spread(&mut out, 2, &mut consumer);
        assert_eq!(out, [8_192, 8_192, -16_384, -16_384, 0, 0, 0, 0]);
    }

    #[test]
    fn only_errors_that_end_a_stream_count() {
        let health = Health::default();
        health.report(&cpal::Error::new(cpal::ErrorKind::Xrun));
        assert_eq!(health.failure(), None);
        health.report(&cpal::Error::new(cpal::ErrorKind::DeviceNotAvailable));
        health.report(&cpal::Error::new(cpal::ErrorKind::BackendError));
        assert!(health.failure().unwrap().contains("taken away"));
    }
}
