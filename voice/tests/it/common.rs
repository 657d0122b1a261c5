//! Waiting, a signal like speech, a bad line, and a measure of what came through.

use std::{
    collections::BinaryHeap,
    path::Path,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use realfft::{RealFftPlanner, num_complex::Complex};
use twocan_voice::{
    Call, CallConfig, CallStats, FRAME_SAMPLES, Format, InputSpec, OutputSpec, ReceivedPacket,
    SAMPLE_RATE, SentPacket,
};

/// The longest that anything but sound may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A packet as it arrives this moment over a line that harms nothing.
pub(crate) fn arrived(packet: SentPacket) -> ReceivedPacket {
    ReceivedPacket {
        format: Format::Opus,
        sequence: packet.media_time / FRAME_SAMPLES as u64,
        media_time: packet.media_time,
        payload: packet.payload,
        arrived: Instant::now(),
    }
}

/// Numbers that look random and are the same each time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// From 0 to 1.
    pub(crate) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }
}

/// Syllables of a gliding voice with bursts of noise between them, 48 kHz mono.
pub(crate) fn speech(seconds: f32) -> Vec<f32> {
    let mut random = Random::new(7);
    let mut phase = 0.0_f32;
    let mut smooth = 0.0_f32;
    (0..(seconds * SAMPLE_RATE as f32) as usize)
        .map(|i| {
            let t = i as f32 / SAMPLE_RATE as f32;
            let pitch = 130.0 + 35.0 * (t * 2.3).sin() + 20.0 * (t * 7.9).sin();
            phase = (phase + pitch / SAMPLE_RATE as f32).fract();
            let formant = 5.0 + 3.0 * (t * 5.1).sin();
            let voice: f32 = (1..=20)
                .map(|h| {
                    let h = h as f32;
                    let gain = 1.0 / (1.0 + (h - formant).powi(2) / 4.0) + 0.3 / h;
                    gain * (phase * h * std::f32::consts::TAU).sin()
                })
                .sum();
            // Four syllables a second, of uneven length, with consonants.
            let syllable = (t * 4.0 + 0.3 * (t * 1.7).sin()).fract();
            smooth += (random.next() - 0.5 - smooth) * 0.6;
            let envelope = (syllable * std::f32::consts::PI).sin().powi(2);
            let burst = if syllable < 0.12 { 0.25 * smooth } else { 0.0 };
            0.12 * envelope * voice + burst
        })
        .collect()
}

/// A line between two calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    pub(crate) loss: f32,
    pub(crate) doubled: f32,
    pub(crate) seed: u64,
}

impl Line {
    pub(crate) fn clean() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            loss: 0.0,
            doubled: 0.0,
            seed: 11,
        }
    }
}

/// What the other side heard.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) samples: Vec<f32>,
    pub(crate) stats: CallStats,
}

impl Heard {
    pub(crate) fn seconds(&self) -> f32 {
        self.samples.len() as f32 / SAMPLE_RATE as f32
    }
}

/// Plays samples into one call and records what another hears through a line.
/// The recording is cut so that its beginning is the beginning of the speech.
pub(crate) fn run_call(samples: &[f32], line: Line, length: Duration) -> Heard {
    let folder = tempfile::tempdir().unwrap();
    let (spoken, heard) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    write_wav(&spoken, samples);
    let (sender, receiver) = mpsc::sync_channel(1_000);
    let listening = CallConfig {
        input: InputSpec::Silence,
        output: OutputSpec::File(heard.clone()),
        ..CallConfig::default()
    };
    let listener = Call::start(listening, Box::new(|_| {})).unwrap();
    let speaking = CallConfig {
        input: InputSpec::File(spoken),
        output: OutputSpec::Null,
        ..CallConfig::default()
    };
    let speaker = Call::start(
        speaking,
        Box::new(move |frame| sender.try_send((Instant::now(), frame)).unwrap()),
    )
    .unwrap();
    speaker.report_loss(line.loss);
    let listener = Arc::new(Mutex::new(listener));
    let carrier = {
        let listener = Arc::clone(&listener);
        thread::spawn(move || carry(&receiver, line, &listener))
    };
    thread::sleep(length);
    let (mic_at, _) = speaker.sound_times().unwrap();
    drop(speaker);
    carrier.join().unwrap();
    let listener = Arc::try_unwrap(listener).unwrap().into_inner().unwrap();
    let (stats, (_, spk_at)) = (listener.stats(), listener.sound_times().unwrap());
    drop(listener);
    let mut samples = read_wav(&heard);
    let head = ((mic_at - spk_at) * f64::from(SAMPLE_RATE))
        .round()
        .max(0.0) as usize;
    samples.drain(..head.min(samples.len()));
    Heard { samples, stats }
}

/// A packet on the line, the next to arrive being the greatest.
struct OnLine(Instant, u64, SentPacket);

impl PartialEq for OnLine {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for OnLine {}
impl PartialOrd for OnLine {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for OnLine {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

fn carry(frames: &mpsc::Receiver<(Instant, SentPacket)>, line: Line, to: &Mutex<Call>) {
    let mut random = Random::new(line.seed);
    let mut waiting = BinaryHeap::<OnLine>::new();
    let mut sequence = 65_000_u64;
    let mut open = true;
    while open || !waiting.is_empty() {
        let next = waiting.peek().map(|packet| packet.0);
        let patience = next.map_or(Duration::from_millis(50), |at| {
            at.saturating_duration_since(Instant::now())
        });
        match frames.recv_timeout(patience) {
            Ok((sent, frame)) => {
                sequence += 1;
                let copies = match (random.next() < line.loss, random.next() < line.doubled) {
                    (true, _) => 0,
                    (false, true) => 2,
                    (false, false) => 1,
                };
                for _ in 0..copies {
                    let at = sent + line.delay + line.jitter.mul_f32(random.next());
                    waiting.push(OnLine(at, sequence, frame.clone()));
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                open = false;
                thread::sleep(patience);
            }
        }
        while waiting
            .peek()
            .is_some_and(|packet| packet.0 <= Instant::now())
        {
            let Some(OnLine(arrived, sequence, frame)) = waiting.pop() else {
                break;
            };
            to.lock().unwrap().receive(ReceivedPacket {
                format: Format::Opus,
                sequence,
                media_time: frame.media_time,
                payload: frame.payload,
                arrived,
            });
        }
    }
}

/// How well one signal came through.
#[derive(Debug)]
pub(crate) struct Score {
    /// Delay of the best alignment.
    pub(crate) delay_ms: f32,
    /// Mean correlation of short-time spectra (in dB), 0 to 1: what was said.
    pub(crate) correlation: f32,
    /// Share of the loud pieces of 20 ms that are nearly silent in the copy.
    pub(crate) missing: f32,
}

/// Samples in one piece of a spectrum, and the step between pieces.
const PIECE: usize = 1_024;
const STEP: usize = 480;
/// Bands in which spectra are compared: 100 Hz to 8 kHz.
const BANDS: usize = 24;
/// The longest delay that is searched.
const MOST_DELAY: usize = SAMPLE_RATE as usize / 2;

/// Buffers take their delay up and down within this, and nobody hears it.
const WANDERS: usize = SAMPLE_RATE as usize / 20;
/// Samples that are aligned together.
const ALIGNED: usize = SAMPLE_RATE as usize / 2;

/// Compares what was heard with what was said.
pub(crate) fn compare(said: &[f32], heard: &[f32]) -> Score {
    let delay = align(said, heard);
    let heard = followed(said, heard, delay);
    Score {
        delay_ms: delay as f32 * 1_000.0 / SAMPLE_RATE as f32,
        correlation: spectral_correlation(said, &heard),
        missing: missing(said, &heard),
    }
}

/// As much of `heard` as was said, each piece at the delay that it had, which
/// is about `delay`.
fn followed(said: &[f32], heard: &[f32], delay: usize) -> Vec<f32> {
    let mut followed = Vec::with_capacity(said.len());
    for (index, piece) in said.chunks(ALIGNED).enumerate() {
        let earliest = (index * ALIGNED + delay).saturating_sub(WANDERS);
        let latest = earliest + 2 * WANDERS + piece.len();
        let around = &heard[earliest.min(heard.len())..latest.min(heard.len())];
        let start = align(piece, around).min(around.len());
        let found = &around[start..around.len().min(start + piece.len())];
        followed.extend_from_slice(found);
        followed.resize(index * ALIGNED + piece.len(), 0.0);
    }
    followed
}

/// The delay of `heard` with the highest cross-correlation.
fn align(said: &[f32], heard: &[f32]) -> usize {
    let length = (said.len().max(heard.len()) * 2).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(length);
    let spectrum = |signal: &[f32]| {
        let mut padded = signal.to_vec();
        padded.resize(length, 0.0);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).unwrap();
        spectrum
    };
    let (a, b) = (spectrum(said), spectrum(heard));
    let mut product: Vec<Complex<f32>> = a.iter().zip(&b).map(|(a, b)| a.conj() * b).collect();
    let last = product.len() - 1;
    product[0].im = 0.0;
    product[last].im = 0.0;
    let inverse = planner.plan_fft_inverse(length);
    let mut correlation = inverse.make_output_vec();
    inverse.process(&mut product, &mut correlation).unwrap();
    let searched = &correlation[..MOST_DELAY];
    (0..MOST_DELAY)
        .max_by(|a, b| searched[*a].total_cmp(&searched[*b]))
        .unwrap()
}

fn spectral_correlation(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (bands(a), bands(b));
    // The mean over time of each band is taken out: a filter is no damage, and
    // a signal of the right mean spectrum is no speech.
    let columns = |bands: &[[f32; BANDS]]| -> Vec<[f32; BANDS]> {
        let mut mean = [0.0; BANDS];
        for row in bands {
            for (m, v) in mean.iter_mut().zip(row) {
                *m += v / bands.len() as f32;
            }
        }
        let centred = |row: &[f32; BANDS]| std::array::from_fn(|i| row[i] - mean[i]);
        bands.iter().map(centred).collect()
    };
    let (a, b) = (columns(&a), columns(&b));
    let (mut product, mut power_a, mut power_b) = (0.0, 1e-9, 1e-9);
    for (x, y) in a.iter().flatten().zip(b.iter().flatten()) {
        product += x * y;
        power_a += x * x;
        power_b += y * y;
    }
    product / f32::sqrt(power_a * power_b)
}

/// Power in dB of each band of each piece, floored at -60 dB.
fn bands(signal: &[f32]) -> Vec<[f32; BANDS]> {
    let mut planner = RealFftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(PIECE);
    let mut spectrum = forward.make_output_vec();
    let edge = |band: usize| {
        let hz = 100.0 * 80.0_f32.powf(band as f32 / BANDS as f32);
        (hz * PIECE as f32 / SAMPLE_RATE as f32).round() as usize + band / 4
    };
    signal
        .windows(PIECE)
        .step_by(STEP)
        .map(|piece| {
            let mut windowed: Vec<f32> = (0..PIECE)
                .map(|i| {
                    let turn = i as f32 / PIECE as f32 * std::f32::consts::TAU;
                    piece[i] * (0.5 - 0.5 * turn.cos())
                })
                .collect();
            forward.process(&mut windowed, &mut spectrum).unwrap();
            std::array::from_fn(|band| {
                let bins = edge(band)..edge(band + 1).max(edge(band) + 1);
                let power: f32 = spectrum[bins].iter().map(|bin| bin.norm_sqr()).sum();
                (10.0 * (power / PIECE as f32).max(1e-6).log10()).max(-60.0)
            })
        })
        .collect()
}

fn missing(said: &[f32], heard: &[f32]) -> f32 {
    let power = |piece: &[f32]| piece.iter().map(|s| s * s).sum::<f32>() / piece.len() as f32;
    let pieces: Vec<(f32, f32)> = said
        .chunks_exact(960)
        .zip(heard.chunks_exact(960))
        .map(|(said, heard)| (power(said), power(heard)))
        .filter(|(said, _)| *said > 1e-3)
        .collect();
    let gone = pieces.iter().filter(|(said, heard)| heard * 30.0 < *said);
    gone.count() as f32 / pieces.len() as f32
}

/// Writes 48 kHz mono.
pub(crate) fn write_wav(path: &Path, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        let scaled = (sample * 32_767.0).clamp(-32_768.0, 32_767.0);
        writer.write_sample(scaled as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// Reads 48 kHz mono.
pub(crate) fn read_wav(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap();
    let samples = reader.samples::<i16>();
    samples.map(|s| f32::from(s.unwrap()) / 32_768.0).collect()
}
