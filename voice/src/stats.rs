//! What others may read and set while the media thread runs: plain atomics.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
};

use crate::{
    Activation, Format, Losses, Report, SAMPLE_RATE,
    adapt::Plan,
    jitter::JitterStats,
    level::{FLOOR_DB, Meter},
    playout::{Shares, Stream},
    processing::Switches,
    silence::{Silence, SilenceGauge},
};

/// Volume is bounded: above this nothing but distortion is gained.
const MOST_VOLUME: f32 = 4.0;

/// Whether a device works, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceState {
    /// A file, a tone, silence or nothing: there is no device that could fail.
    #[default]
    Virtual,
    /// The device is being opened.
    Opening,
    /// Sound flows through the device of this name.
    Running(String),
    /// The device is missing or failed, for this reason; the call goes on with
    /// silence, and the device is tried again every two seconds.
    Missing(String),
}

impl DeviceState {
    /// Why the device is missing, if it is.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing(why) => Some(why),
            Self::Virtual | Self::Opening | Self::Running(_) => None,
        }
    }
}

/// What a call's sound is doing now.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CallStats {
    /// Delay that the jitter buffer adds, in milliseconds.
    pub buffer_ms: f32,
    /// Delay that the jitter buffer aims for, in milliseconds.
    pub target_ms: f32,
    /// Interarrival jitter in milliseconds (RFC 3550, 6.4.1).
    pub jitter_ms: f32,
    /// Share of packets lost before repair over about 4 s, 0 to 1.
    pub loss: f32,
    /// Share of the sound of the last 5 s that was invented, 0 to 1.
    pub concealed: f32,
    /// Share of the sound of the last 5 s that was repaired from in-band FEC,
    /// 0 to 1.
    pub recovered: f32,
    /// Mean length of the runs of lost packets of the last 10 s, in packets; 0
    /// while nothing is lost.
    pub burst: f32,
    /// Share of packets of the last 5 s that neither came nor were brought back
    /// by redundancy, 0 to 1. What deep redundancy describes of them counts as
    /// recovered sound.
    pub unrepaired: f32,
    /// Sound in one packet that arrives, in milliseconds; 0 before the first.
    pub received_frame_ms: f32,
    /// Sound in one packet that is sent, in milliseconds; 0 before the first.
    pub sent_frame_ms: f32,
    /// How we send, in words: `clean`, or `moderate: 1 symbol of 5`; empty
    /// before the first packet.
    pub sending: String,
    /// What the encoder is told to give, without repair, in kbit/s.
    pub encoder_kbps: f32,
    /// What the other side tells of our stream.
    pub theirs: Theirs,
    /// Level of what is sent, RMS in dBFS; -96 is silence.
    pub level_in_db: f32,
    /// Level of what is heard, RMS in dBFS; -96 is silence.
    pub level_out_db: f32,
    /// Peak of what is sent, in dBFS.
    pub peak_in_db: f32,
    /// Peak of what is heard, in dBFS.
    pub peak_out_db: f32,
    /// Packets received, duplicates not counted.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Packets that came more than once.
    pub duplicates: u64,
    /// Packets left out to catch up after an outage or because a queue was full.
    pub skipped: u64,
    /// Frames encoded and handed to the sink.
    pub sent: u64,
    /// What our side adds between a sound at the microphone and its packet,
    /// the length of the frame itself not counted, in milliseconds: the
    /// device as far as it tells, the processing, the codec's look-ahead. 0
    /// while nothing is captured.
    pub capture_ms: f32,
    /// What our side adds between the jitter buffer and the loudspeaker's
    /// sound, in milliseconds: our own ring, and the device as far as it tells.
    pub playback_ms: f32,
    /// Whether sound is being sent: not while muted, nor while the activation
    /// waits for speech or for a key.
    pub transmitting: bool,
    /// For how long somebody has spoken while muted, in milliseconds; 0 again
    /// a second after the last word.
    pub muted_speech_ms: u32,
    /// Digital silence from the microphone.
    pub input_silence: Silence,
    /// Digital silence in what arrives.
    pub output_silence: Silence,
    /// The microphone.
    pub input: DeviceState,
    /// The loudspeaker.
    pub output: DeviceState,
}

/// What the other side tells of our stream: everything in a report of ours, the
/// loss alone in RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Theirs {
    /// Share of our packets that did not come, before repair, 0 to 1.
    pub loss: Option<f32>,
    /// Share that was not repaired either, 0 to 1.
    pub unrepaired: Option<f32>,
    /// Mean length of the runs in which they are lost, in packets.
    pub burst: Option<f32>,
    /// Interarrival jitter in milliseconds (RFC 3550, 6.4.1), 255 at most.
    pub jitter_ms: Option<f32>,
    /// What their side adds between a sound at the microphone and its packet,
    /// in milliseconds; none while they capture nothing.
    pub capture_ms: Option<f32>,
}

impl Theirs {
    /// From a report and those before it.
    pub(crate) fn told(report: Report, losses: Losses) -> Self {
        let capture_ms = f32::from(report.capture_ms);
        Self {
            loss: Some(losses.before),
            unrepaired: Some(losses.after),
            burst: Some(losses.burst),
            jitter_ms: Some(f32::from(report.jitter_ms)),
            capture_ms: (capture_ms > 0.0).then_some(capture_ms),
        }
    }

    /// From RTCP, which counts only where there are no reports.
    pub(crate) fn take_rtcp(&mut self, loss: f32) {
        if self.unrepaired.is_none() {
            self.loss = Some(loss);
        }
    }
}

/// What the meters of a call show now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallLevels {
    /// Level of what is sent, or would be sent once the gate of voice
    /// activation opens: RMS in dBFS; -96 is silence.
    pub in_db: f32,
    /// Its peak, in dBFS.
    pub in_peak_db: f32,
    /// Level of what is heard, RMS in dBFS; -96 is silence.
    pub out_db: f32,
    /// Its peak, in dBFS.
    pub out_peak_db: f32,
    /// Whether sound is being sent.
    pub transmitting: bool,
}

/// The meters of a call, to be read from anywhere at any time; does not keep
/// the call alive.
#[derive(Debug, Clone)]
pub struct LevelReader(pub(crate) std::sync::Arc<Shared>);

impl LevelReader {
    /// What they show: five atomic reads.
    pub fn read(&self) -> CallLevels {
        let shared = &self.0;
        CallLevels {
            in_db: shared.input_meter.rms_db.get(),
            in_peak_db: shared.input_meter.peak_db.get(),
            out_db: shared.output_meter.rms_db.get(),
            out_peak_db: shared.output_meter.peak_db.get(),
            transmitting: shared.transmitting.load(Relaxed),
        }
    }
}

/// A number that one thread writes and others read.
#[derive(Debug)]
pub(crate) struct Gauge(AtomicU32);

impl Gauge {
    pub(crate) const fn new(value: f32) -> Self {
        Self(AtomicU32::new(value.to_bits()))
    }

    pub(crate) fn set(&self, value: f32) {
        self.0.store(value.to_bits(), Relaxed);
    }

    pub(crate) fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Relaxed))
    }

    fn replace(&self, value: f32) -> f32 {
        f32::from_bits(self.0.swap(value.to_bits(), Relaxed))
    }
}

/// A moment of CLOCK_MONOTONIC that is set once. Two threads that set it at the
/// same time mean the same moment, so it does not matter which one wins.
#[derive(Debug, Default)]
pub(crate) struct Moment(AtomicU64);

impl Moment {
    /// Sets the moment unless it is set already.
    pub(crate) fn set_once(&self, seconds: f64) {
        // Zero stands for "not yet"; the clock starts at boot, so no call has it.
        if self.get().is_none() {
            self.0.store(seconds.to_bits(), Relaxed);
        }
    }

    pub(crate) fn get(&self) -> Option<f64> {
        let bits = self.0.load(Relaxed);
        (bits != 0).then(|| f64::from_bits(bits))
    }
}

/// What is shared between the media thread, its callers and the device thread.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) muted: AtomicBool,
    pub(crate) deafened: AtomicBool,
    /// The key of push to talk is held.
    pub(crate) talking: AtomicBool,
    pub(crate) transmitting: AtomicBool,
    pub(crate) muted_speech_ms: AtomicU32,
    pub(crate) input_silence: SilenceGauge,
    pub(crate) output_silence: SilenceGauge,
    pub(crate) stop: AtomicBool,
    pub(crate) processing: Switches,
    /// Packets dropped because the media thread had not taken them yet.
    pub(crate) overflowed: AtomicU64,
    pub(crate) mic_at: Moment,
    pub(crate) spk_at: Moment,
    /// An index of [`Activation::ALL`].
    activation: AtomicU8,
    volume: Gauge,
    /// How the packets that we send are laid out.
    format: Mutex<Format>,
    /// The last loss reported by the receiver; NaN when it has been taken.
    reported_loss: Gauge,
    jitter: JitterGauges,
    concealed: Gauge,
    recovered: Gauge,
    input_meter: MeterGauges,
    output_meter: MeterGauges,
    sent: AtomicU64,
    stream: Mutex<Stream>,
    theirs: Mutex<Theirs>,
    /// How the last packet was sent.
    plan: Mutex<Option<Plan>>,
    pub(crate) capture_ms: Gauge,
    pub(crate) playback_ms: Gauge,
    input: Mutex<DeviceState>,
    output: Mutex<DeviceState>,
}

#[derive(Debug)]
struct JitterGauges {
    delay_ms: Gauge,
    target_ms: Gauge,
    jitter_ms: Gauge,
    loss: Gauge,
    received: AtomicU64,
    lost: AtomicU64,
    late: AtomicU64,
    duplicates: AtomicU64,
    skipped: AtomicU64,
}

#[derive(Debug)]
struct MeterGauges {
    rms_db: Gauge,
    peak_db: Gauge,
}

impl MeterGauges {
    const fn new() -> Self {
        Self {
            rms_db: Gauge::new(FLOOR_DB),
            peak_db: Gauge::new(FLOOR_DB),
        }
    }

    fn set(&self, meter: Meter) {
        self.rms_db.set(meter.rms_db());
        self.peak_db.set(meter.peak_db());
    }
}

impl Shared {
    pub(crate) fn new(muted: bool) -> Self {
        Self {
            muted: AtomicBool::new(muted),
            deafened: AtomicBool::new(false),
            talking: AtomicBool::new(false),
            transmitting: AtomicBool::new(false),
            muted_speech_ms: AtomicU32::new(0),
            input_silence: SilenceGauge::default(),
            output_silence: SilenceGauge::default(),
            activation: AtomicU8::new(0),
            stop: AtomicBool::new(false),
            processing: Switches::default(),
            overflowed: AtomicU64::new(0),
            mic_at: Moment::default(),
            spk_at: Moment::default(),
            volume: Gauge::new(1.0),
            format: Mutex::default(),
            reported_loss: Gauge::new(f32::NAN),
            jitter: JitterGauges {
                delay_ms: Gauge::new(0.0),
                target_ms: Gauge::new(0.0),
                jitter_ms: Gauge::new(0.0),
                loss: Gauge::new(0.0),
                received: AtomicU64::new(0),
                lost: AtomicU64::new(0),
                late: AtomicU64::new(0),
                duplicates: AtomicU64::new(0),
                skipped: AtomicU64::new(0),
            },
            concealed: Gauge::new(0.0),
            recovered: Gauge::new(0.0),
            input_meter: MeterGauges::new(),
            output_meter: MeterGauges::new(),
            sent: AtomicU64::new(0),
            stream: Mutex::default(),
            theirs: Mutex::default(),
            plan: Mutex::default(),
            capture_ms: Gauge::new(0.0),
            playback_ms: Gauge::new(0.0),
            input: Mutex::default(),
            output: Mutex::default(),
        }
    }

    pub(crate) fn set_activation(&self, activation: Activation) {
        self.activation.store(activation as u8, Relaxed);
    }

    pub(crate) fn activation(&self) -> Activation {
        let index = usize::from(self.activation.load(Relaxed));
        Activation::ALL.get(index).copied().unwrap_or_default()
    }

    pub(crate) fn set_volume(&self, volume: f32) {
        let volume = if volume.is_finite() { volume } else { 1.0 };
        self.volume.set(volume.clamp(0.0, MOST_VOLUME));
    }

    /// Factor for what is heard: 0 while deafened.
    pub(crate) fn gain(&self) -> f32 {
        if self.deafened.load(Relaxed) {
            return 0.0;
        }
        self.volume.get()
    }

    /// How the packets that we send are laid out.
    pub(crate) fn format(&self) -> Format {
        *lock(&self.format)
    }

    pub(crate) fn set_format(&self, format: Format) {
        *lock(&self.format) = format;
    }

    pub(crate) fn report_loss(&self, fraction: f32) {
        self.reported_loss.set(fraction);
    }

    /// The loss reported since the last call, if any.
    pub(crate) fn take_reported_loss(&self) -> Option<f32> {
        let fraction = self.reported_loss.replace(f32::NAN);
        (!fraction.is_nan()).then_some(fraction)
    }

    pub(crate) fn publish_input(&self, meter: Meter) {
        self.input_meter.set(meter);
    }

    pub(crate) fn publish_sent(&self, plan: Plan) {
        self.sent.fetch_add(1, Relaxed);
        *lock(&self.plan) = Some(plan);
    }

    pub(crate) fn publish_stream(&self, stream: Stream) {
        *lock(&self.stream) = stream;
    }

    pub(crate) fn publish_theirs(&self, change: impl FnOnce(&mut Theirs)) {
        change(&mut lock(&self.theirs));
    }

    pub(crate) fn publish_output(&self, meter: Meter, jitter: JitterStats, shares: Shares) {
        let ms = |samples: f32| samples * 1_000.0 / SAMPLE_RATE as f32;
        self.output_meter.set(meter);
        self.concealed.set(shares.concealed);
        self.recovered.set(shares.recovered);
        let gauges = &self.jitter;
        gauges.delay_ms.set(ms(jitter.delay.max(0) as f32));
        gauges.target_ms.set(ms(jitter.target as f32));
        gauges.jitter_ms.set(ms(jitter.jitter));
        gauges.loss.set(jitter.loss);
        gauges.received.store(jitter.received, Relaxed);
        gauges.lost.store(jitter.lost, Relaxed);
        gauges.late.store(jitter.late, Relaxed);
        gauges.duplicates.store(jitter.duplicates, Relaxed);
        gauges.skipped.store(jitter.skipped, Relaxed);
    }

    pub(crate) fn set_input(&self, state: DeviceState) {
        *lock(&self.input) = state;
    }

    pub(crate) fn set_output(&self, state: DeviceState) {
        *lock(&self.output) = state;
    }

    pub(crate) fn snapshot(&self) -> CallStats {
        let state = |state: &Mutex<DeviceState>| lock(state).clone();
        let jitter = &self.jitter;
        let (stream, plan) = (*lock(&self.stream), *lock(&self.plan));
        let ms = |samples: usize| samples as f32 * 1_000.0 / SAMPLE_RATE as f32;
        CallStats {
            burst: stream.losses.burst,
            unrepaired: stream.losses.after,
            received_frame_ms: ms(stream.packet_samples),
            sent_frame_ms: plan.map_or(0.0, |plan| ms(plan.samples)),
            sending: plan.map_or_else(String::new, |plan| plan.to_string()),
            encoder_kbps: plan.map_or(0.0, |plan| plan.settings.rate as f32 / 1_000.0),
            theirs: *lock(&self.theirs),
            buffer_ms: jitter.delay_ms.get(),
            target_ms: jitter.target_ms.get(),
            jitter_ms: jitter.jitter_ms.get(),
            loss: jitter.loss.get(),
            concealed: self.concealed.get(),
            recovered: self.recovered.get(),
            level_in_db: self.input_meter.rms_db.get(),
            level_out_db: self.output_meter.rms_db.get(),
            peak_in_db: self.input_meter.peak_db.get(),
            peak_out_db: self.output_meter.peak_db.get(),
            received: jitter.received.load(Relaxed),
            lost: jitter.lost.load(Relaxed),
            late: jitter.late.load(Relaxed),
            duplicates: jitter.duplicates.load(Relaxed),
            skipped: jitter.skipped.load(Relaxed) + self.overflowed.load(Relaxed),
            sent: self.sent.load(Relaxed),
            capture_ms: self.capture_ms.get(),
            playback_ms: self.playback_ms.get(),
            transmitting: self.transmitting.load(Relaxed),
            muted_speech_ms: self.muted_speech_ms.load(Relaxed),
            input_silence: self.input_silence.get(),
            output_silence: self.output_silence.get(),
            input: state(&self.input),
            output: state(&self.output),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
