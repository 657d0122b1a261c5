//! The sound through bad networks: calls in virtual time, so the figures are
//! the same at every run.
//!
//! `TWOCAN_BENCH_SPEECH` names a WAV file to speak in place of espeak-ng,
//! `TWOCAN_BENCH_HEARD` a folder for what was heard, and `TWOCAN_BENCH_PYTHON`
//! a python with `pesq` and `soundfile`, which then scores it by PESQ-WB.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use twocan_e2e::bench::Row;
use twocan_e2e::pair::folder;
use twocan_e2e::process::Must;
use twocan_e2e::score::{compare, resample::resample};
use twocan_e2e::speech::{self, RATE, Voice};
use twocan_voice::Format;
use twocan_voice::offline::{Heard, Line, Options, Scenario, run, scenarios};

/// Every call lasts at least so long, so that all impairments are met.
const LEAST_S: usize = 28;
/// The sender adapts in the first seconds; what follows counts.
const ADAPTED_S: usize = 8;
/// Pieces that PESQ scores one by one, as it follows no change of delay well.
const PIECE_S: usize = 5;
/// Rate of PESQ-WB, in samples a second.
const PESQ_RATE: u32 = 16_000;
/// Prints the mean score of pairs of files, said and heard.
const SCORE: &str = "import sys, soundfile, pesq
files = sys.argv[1:]
scores = []
for said, heard in zip(files[::2], files[1::2]):
    said, rate = soundfile.read(said)
    heard, _ = soundfile.read(heard)
    scores.append(pesq.pesq(rate, said, heard, 'wb'))
print(sum(scores) / len(scores))";

/// A few lines for each network.
pub(super) fn quality() -> Vec<Row> {
    let said = said();
    scenarios()
        .iter()
        .flat_map(|scenario| measure(scenario, &said))
        .collect()
}

/// What is spoken, at 48 kHz.
fn said() -> Vec<f32> {
    let once = match std::env::var_os("TWOCAN_BENCH_SPEECH") {
        Some(path) => {
            let (samples, rate) = speech::read_wav(Path::new(&path));
            resample(&samples, rate, RATE)
        }
        None => speech::samples(Voice::Low),
    };
    assert!(!once.is_empty(), "there is nothing to speak");
    let length = once.len().max(LEAST_S * RATE as usize);
    once.iter()
        .cycle()
        .take(length)
        .map(|s| *s as f32)
        .collect()
}

/// How a call of one format went.
struct Call {
    heard: Heard,
    delay_ms: f64,
    /// In percent.
    stoi: f64,
    /// Where there is something to score it with.
    pesq: Option<f64>,
}

impl Call {
    fn new(said: &[f32], line: &Line, format: Format) -> Self {
        let options = Options {
            format,
            ..Options::default()
        };
        let [heard, _] = run(said, line, &options).must("make a call");
        let end = Duration::from_secs((said.len() / RATE as usize) as u64);
        let adapted = Duration::from_secs(ADAPTED_S as u64);
        let delay = heard.delay_ms(adapted, end).unwrap_or(f32::NAN);
        let from = ADAPTED_S * RATE as usize;
        let [wide_said, wide_heard] = [said, &heard.samples]
            .map(|samples| -> Vec<f64> { samples[from..].iter().map(|s| f64::from(*s)).collect() });
        let python = std::env::var_os("TWOCAN_BENCH_PYTHON").map(PathBuf::from);
        Self {
            delay_ms: delay.into(),
            stoi: compare(&wide_said, &wide_heard, RATE).stoi * 100.0,
            pesq: python.map(|python| pesq(&python, said, &heard)),
            heard,
        }
    }
}

/// Ours beside Opus as others send it, with in-band FEC, in our own buffer.
fn measure(scenario: &Scenario, said: &[f32]) -> Vec<Row> {
    let ours = Call::new(said, &scenario.line, Format::Protected);
    let plain = Call::new(said, &scenario.line, Format::Opus);
    let heard = &ours.heard;
    keep(scenario.name, heard);
    let lost = 1.0 - heard.arrived.packets as f64 / heard.sent.packets as f64;
    let share = |samples: u64| samples as f64 / heard.samples.len() as f64 * 100.0;
    let seconds = heard.samples.len() as f64 / f64::from(RATE);
    let kbps = |call: &Call| call.heard.sent.bytes as f64 * 8.0 / 1e3 / seconds;
    let named =
        |what: &str, value: f64, unit| Row::new(&format!("{}: {what}", scenario.name), value, unit);
    let both = |what: &str, unit, value: &dyn Fn(&Call) -> f64| {
        named(what, value(&ours), unit).beside("Opus with in-band FEC", Some(value(&plain)))
    };
    let mut rows = vec![
        both("mouth to ear, devices apart", "ms", &|call| call.delay_ms),
        both("STOI", "%", &|call| call.stoi),
        both("payload", "kb/s", &kbps),
        named("packets lost", lost * 100.0, "%"),
        named("sound repaired", share(heard.recovered), "%"),
        named("sound invented", share(heard.concealed), "%"),
        named("processor, sending", percent(heard.sending, seconds), "%"),
        named("processor, playing", percent(heard.playing, seconds), "%"),
    ];
    if ours.pesq.is_some() {
        rows.push(both("PESQ-WB", "", &|call| call.pesq.unwrap_or(f64::NAN)));
    }
    rows
}

fn percent(time: Duration, seconds: f64) -> f64 {
    time.as_secs_f64() / seconds * 100.0
}

fn keep(name: &str, heard: &Heard) {
    let Some(folder) = std::env::var_os("TWOCAN_BENCH_HEARD") else {
        return;
    };
    std::fs::create_dir_all(&folder).must("make a folder for what was heard");
    let samples: Vec<f64> = heard.samples.iter().map(|s| f64::from(*s)).collect();
    speech::write_wav(
        &Path::new(&folder).join(format!("{name}.wav")),
        &samples,
        RATE,
    );
}

/// Mean PESQ-WB of the pieces after the sender has adapted.
fn pesq(python: &Path, said: &[f32], heard: &Heard) -> f64 {
    let folder = folder();
    let mut score = Command::new(python);
    score.args(["-c", SCORE]);
    let piece = PIECE_S * RATE as usize;
    for start in (ADAPTED_S * RATE as usize..said.len() - piece).step_by(piece) {
        let time = |sample: usize| Duration::from_secs_f64(sample as f64 / f64::from(RATE));
        let delay = heard
            .delay_ms(time(start), time(start + piece))
            .unwrap_or(0.0);
        let later = start + (delay * RATE as f32 / 1e3) as usize;
        for (name, sound, from) in [("said", said, start), ("heard", &heard.samples[..], later)] {
            let sound = sound
                .get(from..(from + piece).min(sound.len()))
                .unwrap_or(&[]);
            let wide: Vec<f64> = sound.iter().map(|s| f64::from(*s)).collect();
            let path = folder.path().join(format!("{name}-{start}.wav"));
            speech::write_wav(&path, &resample(&wide, RATE, PESQ_RATE), PESQ_RATE);
            score.arg(path);
        }
    }
    let output = score.output().must("start python");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "no score: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.trim().parse().must("read a score")
}
