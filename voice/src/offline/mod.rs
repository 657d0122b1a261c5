//! A call in virtual time: the real encoder and the real jitter buffer and
//! decoder, with arithmetic for a network and no clock between them.
//!
//! ```text
//! speech -> Sender -> Line -> Playout -> Heard        both directions at once
//! ```
//!
//! Equal arguments give equal results, to the sample. Devices and the
//! processing of their sound are no part of it: a frame is sent when its last
//! sample has been spoken, and a sample is heard when the playout gives it
//! out. For tuning, benchmarks and tests; a call does not use it.

mod line;
mod random;
mod scenario;
mod side;
mod stall;

use std::time::{Duration, Instant};

pub use line::{Bottleneck, Bursts, Line};
pub use scenario::{Scenario, scenarios};
pub use stall::Stalls;

use crate::{
    AudioError, Format,
    pacer::{duration_to_samples, samples_to_duration},
};
use line::Direction;
use side::{Clock, Ear, Said, Side};
use stall::Waking;

/// How often each side moves sound, in samples: 4 ms, as with a device. With
/// longer steps what comes late seems to be in time.
const STEP: usize = 192;
/// How much later than the second side's frames the first side's end: two
/// machines do not keep step.
const OUT_OF_STEP: Duration = Duration::from_millis(10);
/// How much later than its media time the encoder lets sound come out of the
/// decoder: its look-ahead of 6.5 ms (RFC 6716, 2.1.4, with `Voip`).
const CODEC_DELAY_MS: f32 = 6.5;

/// How a call is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How packets are laid out, in both directions.
    pub format: Format,
    /// Of everything random.
    pub seed: u64,
    /// How long the line is good at first (it only delays).
    pub good_for: Duration,
    /// When the second side begins to speak after the first, which begins at
    /// once.
    pub second_speaks_after: Duration,
    /// How long the call lasts after the speech.
    pub tail: Duration,
    /// How much slower than the first side's clock the second side's runs, in
    /// parts per million.
    pub drift_ppm: f64,
    /// How the threads of the first and the second side stall.
    pub stalls: [Option<Stalls>; 2],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Protected,
            seed: 1,
            good_for: Duration::ZERO,
            second_speaks_after: Duration::from_secs(1),
            tail: Duration::from_millis(1_500),
            drift_ppm: 0.0,
            stalls: [None; 2],
        }
    }
}

/// What one side heard of the other.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The sound at 48 kHz, from the instant at which the other side began to
    /// speak.
    pub samples: Vec<f32>,
    /// Mouth to ear in ms at the end of each 4 ms of `samples`, the codec's
    /// look-ahead included; none before the first packet.
    pub delays_ms: Vec<Option<f32>>,
    /// One for each second since the other side began to speak.
    pub seconds: Vec<Second>,
    /// What the other side sent.
    pub sent: Traffic,
    /// What of it arrived.
    pub arrived: Traffic,
    /// Samples invented.
    pub concealed: u64,
    /// Samples repaired from redundancy.
    pub recovered: u64,
    /// Time that the processor really spent on playing, for the whole call.
    pub playing: Duration,
    /// Time that the processor really spent on sending what was heard here.
    pub sending: Duration,
}

/// What was measured at the end of a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Second {
    /// Delay that the jitter buffer aims for, in ms.
    pub target_ms: f32,
    /// Delay that it adds, in ms.
    pub buffer_ms: f32,
    /// Share of packets lost before repair, 0 to 1, as the listener sees it.
    pub loss: f32,
    /// Share of this second's sound that was invented, 0 to 1.
    pub concealed: f32,
    /// Share of this second's sound that was repaired, 0 to 1.
    pub recovered: f32,
    /// Payload sent in this second, in kb/s.
    pub payload_kbps: f32,
}

/// Packets, and bytes of their payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes of payload, without any header.
    pub bytes: u64,
}

impl Heard {
    /// Median mouth to ear between two times of the speech; none when nothing
    /// was heard.
    #[must_use]
    pub fn delay_ms(&self, from: Duration, to: Duration) -> Option<f32> {
        let to = steps(to).min(self.delays_ms.len());
        let mut delays: Vec<f32> = self
            .delays_ms
            .get(steps(from)..to)?
            .iter()
            .flatten()
            .copied()
            .collect();
        delays.sort_unstable_by(f32::total_cmp);
        delays.get(delays.len() / 2).copied()
    }
}

/// Lets two sides speak to each other; the first result is what the second
/// side heard of the first, the second what the first heard of the second.
/// Both say `speech` (48 kHz mono), over lines that are alike and independent.
///
/// # Errors
/// When the codec cannot be set up.
pub fn run(speech: &[f32], line: &Line, options: &Options) -> Result<[Heard; 2], AudioError> {
    let epoch = Instant::now();
    let starts = [Duration::ZERO, options.second_speaks_after];
    let clock = |begins, ppm| Clock {
        begins,
        slow: 1.0 + ppm / 1e6,
    };
    let clocks = [
        clock(OUT_OF_STEP, 0.0),
        clock(Duration::ZERO, options.drift_ppm),
    ];
    let side = |n: usize| Side::new(speech, starts[n], clocks[n], options.format, epoch);
    let mut sides = [side(0)?, side(1)?];
    let mut waking = [0, 1].map(|n| Waking::new(options.stalls[n], options.seed * 2 + n as u64));
    let mut directions =
        [0, 1].map(|n| Direction::new(line.clone(), options.good_for, options.seed * 2 + n));
    let length = samples_to_duration(speech.len() as u64) + starts[1] + options.tail;
    loop {
        let wakes = [0, 1].map(|n| waking[n].at(sides[n].next_step()));
        let turn = usize::from(wakes[1] < wakes[0]);
        let now = wakes[turn];
        if now > length {
            break;
        }
        for packet in sides[turn].step(now) {
            for due in directions[turn].carry(packet.payload.len(), now) {
                sides[1 - turn].receive(due, &packet);
            }
        }
        if let Some(loss) = sides[turn].loss_report() {
            sides[1 - turn].hear_report(loss);
        }
    }
    let [first, second] = sides.map(Side::finish);
    Ok([
        combine(&first.0, second.1, starts[0], clocks),
        combine(&second.0, first.1, starts[1], [clocks[1], clocks[0]]),
    ])
}

/// Whole steps in a time.
fn steps(time: Duration) -> usize {
    duration_to_samples(time) as usize / STEP
}

/// What was heard of what was said, cut to begin where the speech began.
fn combine(said: &Said, mut ear: Ear, start: Duration, clocks: [Clock; 2]) -> Heard {
    let [speaker, listener] = clocks;
    let began = speaker.real(start).saturating_sub(listener.begins);
    let from = steps(began).min(ear.blocks.len());
    let delays = ear.blocks[from..].iter().map(|block| {
        let spoken = samples_to_duration(u64::try_from(block.media?).ok()?);
        let taken = block.end.as_secs_f64() - speaker.real(spoken).as_secs_f64();
        Some((taken * 1e3) as f32 + CODEC_DELAY_MS)
    });
    let seconds = ear.seconds.iter().zip(&said.bytes_by_second);
    Heard {
        delays_ms: delays.collect(),
        seconds: seconds
            .skip(start.as_secs() as usize)
            .map(|(second, bytes)| Second {
                payload_kbps: *bytes as f32 * 8.0 / 1e3,
                ..*second
            })
            .collect(),
        samples: ear.samples.split_off((from * STEP).min(ear.samples.len())),
        sent: said.sent,
        arrived: ear.arrived,
        concealed: ear.totals.concealed,
        recovered: ear.totals.recovered,
        playing: ear.time,
        sending: said.time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SAMPLE_RATE;

    fn voice(seconds: usize) -> Vec<f32> {
        (0..seconds * SAMPLE_RATE as usize)
            .map(|i| {
                let t = i as f32 / SAMPLE_RATE as f32;
                let word = (t * 3.0).sin().abs();
                let harmonics =
                    (1..9).map(|h| (t * 130.0 * h as f32 * std::f32::consts::TAU).sin());
                harmonics.sum::<f32>() * word * 0.05
            })
            .collect()
    }

    #[test]
    fn equal_arguments_give_equal_calls() {
        let line = Line {
            loss: 0.1,
            jitter: Duration::from_millis(10),
            ..Line::clean()
        };
        let [once, _] = run(&voice(2), &line, &Options::default()).unwrap();
        let [again, _] = run(&voice(2), &line, &Options::default()).unwrap();
        assert!(once.samples == again.samples);
        assert_eq!(once.sent, again.sent);
        assert!(once.arrived.packets < once.sent.packets);
    }

    #[test]
    fn the_delay_is_that_of_the_sound() {
        let mut click = vec![0.0; 2 * SAMPLE_RATE as usize];
        let at = 60_000;
        click[at..at + 240].fill(0.5);
        for (heard, ppm) in [(0, 0.0), (1, 0.0), (0, 400.0)] {
            let options = Options {
                drift_ppm: ppm,
                ..Options::default()
            };
            let sides = run(&click, &Line::clean(), &options).unwrap();
            let loudest = (0..sides[heard].samples.len())
                .max_by(|a, b| {
                    let level = |i: &usize| sides[heard].samples[*i].abs();
                    level(a).total_cmp(&level(b))
                })
                .unwrap();
            let measured = (loudest as f32 - at as f32) / 48.0;
            let said = sides[heard].delays_ms[loudest / STEP].unwrap();
            assert!((measured - said).abs() < 6.0, "{measured} {said} {ppm}");
        }
    }
}
