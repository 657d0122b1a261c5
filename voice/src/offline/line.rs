//! A network as arithmetic: what becomes of each packet, from a seed.
//!
//! Each effect has a generator of its own that gives one number a packet, so
//! that the n-th packet meets the same fate whatever the other effects do.

use std::time::Duration;

use super::random::Random;
use crate::HEADER_BYTES;

/// What else a call sends each way, in bytes of payload, that goes the same way
/// as the sound: a check of the path, the answer to the other side's (RFC 7675),
/// a compound of RTCP reports (RFC 3550), and a sign of life of the chat link.
const UPKEEP: [usize; 4] = [84, 32, 116, 28];
/// After how long the next of them is sent.
const UPKEEP_EVERY: Duration = Duration::from_millis(1_250);

/// What one direction of a network does to packets.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What every packet takes.
    pub delay: Duration,
    /// What packets take beside that: gamma-distributed (shape 2) with this
    /// standard deviation, and a mean larger by the root of two.
    pub jitter: Duration,
    /// How much the jitter of a packet resembles that of the one before, 0 to 1.
    pub jitter_correlation: f64,
    /// Whether a packet may overtake an earlier one.
    pub reorder: bool,
    /// Share lost independently, 0 to 1.
    pub loss: f64,
    /// Losses in bursts beside that.
    pub bursts: Option<Bursts>,
    /// A bottleneck with a queue.
    pub bottleneck: Option<Bottleneck>,
    /// When nothing passes: start and length, counted from when the line
    /// turns bad.
    pub outages: Vec<(Duration, Duration)>,
    /// Share of the delivered packets that come twice.
    pub duplicates: f64,
}

/// Losses after Gilbert: a good state without and a bad state with nothing
/// but loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    /// Long-run share lost, 0 to below 1.
    pub share: f64,
    /// Mean length of a burst in packets, 1 or more.
    pub mean: f64,
}

/// The slowest hop: a rate, and a queue before it that drops what does not fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bottleneck {
    /// Bits a second, headers included.
    pub bits_per_second: f64,
    /// The longest that a packet waits.
    pub queue: Duration,
}

impl Line {
    /// A good line of 20 ms.
    #[must_use]
    pub fn clean() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            jitter_correlation: 0.0,
            reorder: true,
            loss: 0.0,
            bursts: None,
            bottleneck: None,
            outages: Vec::new(),
            duplicates: 0.0,
        }
    }
}

/// One direction of a network at work.
#[derive(Debug)]
pub(super) struct Direction {
    line: Line,
    /// From here on the line is bad; before, it only delays.
    bad_from: Duration,
    loss: Random,
    burst: Random,
    jitter: Random,
    duplicate: Random,
    in_burst: bool,
    /// The last jitter as a standard normal number.
    normal: f64,
    /// When the bottleneck is free again.
    free: Duration,
    last_due: Duration,
    /// When the next upkeep is sent, and how many were.
    upkeep: Duration,
    kept_up: usize,
}

impl Direction {
    pub(super) fn new(line: Line, bad_from: Duration, seed: u64) -> Self {
        let random = |effect: u64| Random::new(seed.wrapping_mul(31).wrapping_add(effect));
        let mut jitter = random(3);
        Self {
            line,
            bad_from,
            loss: random(1),
            burst: random(2),
            normal: jitter.normal(),
            jitter,
            duplicate: random(4),
            in_burst: false,
            free: Duration::ZERO,
            last_due: Duration::ZERO,
            upkeep: bad_from,
            kept_up: 0,
        }
    }

    /// When a packet of so many bytes (payload) that is sent `now` arrives:
    /// never, once, or twice.
    pub(super) fn carry(&mut self, bytes: usize, now: Duration) -> Vec<Duration> {
        if now < self.bad_from {
            return vec![now + self.line.delay];
        }
        let lost = self.loss.uniform() < self.line.loss;
        let in_burst = self.turn_burst();
        let jitter = self.next_jitter();
        let twice = self.duplicate.uniform() < self.line.duplicates;
        if lost || in_burst || self.in_outage(now) {
            return Vec::new();
        }
        self.pass_upkeep(now);
        let Some(queued) = self.pass_bottleneck(bytes, now) else {
            return Vec::new();
        };
        let mut due = now + queued + self.line.delay + jitter;
        if !self.line.reorder {
            due = due.max(self.last_due);
        }
        self.last_due = self.last_due.max(due);
        vec![due; if twice { 2 } else { 1 }]
    }

    fn turn_burst(&mut self) -> bool {
        let draw = self.burst.uniform();
        let Some(Bursts { share, mean }) = self.line.bursts else {
            return false;
        };
        let leave = 1.0 / mean.max(1.0);
        let enter = leave * share / (1.0 - share);
        self.in_burst = if self.in_burst {
            draw >= leave
        } else {
            draw < enter
        };
        self.in_burst
    }

    fn next_jitter(&mut self) -> Duration {
        let fresh = self.jitter.normal();
        let kept = self.line.jitter_correlation;
        self.normal = kept * self.normal + (1.0 - kept * kept).sqrt() * fresh;
        self.line
            .jitter
            .mul_f64(gamma_quantile(cumulative_normal(self.normal)))
    }

    fn in_outage(&self, now: Duration) -> bool {
        let since = now.saturating_sub(self.bad_from);
        let covers =
            |&(start, length): &(Duration, Duration)| (start..start + length).contains(&since);
        self.line.outages.iter().any(covers)
    }

    /// What else the call has sent by now takes its place in the queue.
    fn pass_upkeep(&mut self, now: Duration) {
        while self.upkeep <= now {
            let bytes = UPKEEP[self.kept_up % UPKEEP.len()];
            self.pass_bottleneck(bytes, self.upkeep);
            self.kept_up += 1;
            self.upkeep += UPKEEP_EVERY;
        }
    }

    /// How long a packet waits for the bottleneck and passes it; none when the
    /// queue is full.
    fn pass_bottleneck(&mut self, bytes: usize, now: Duration) -> Option<Duration> {
        let Some(bottleneck) = self.line.bottleneck else {
            return Some(Duration::ZERO);
        };
        let start = self.free.max(now);
        if start - now > bottleneck.queue {
            return None;
        }
        let bits = (bytes + HEADER_BYTES) as f64 * 8.0;
        self.free = start + Duration::from_secs_f64(bits / bottleneck.bits_per_second);
        Some(self.free - now)
    }
}

/// The part of a standard normal distribution below `z` (Abramowitz and
/// Stegun, 26.2.17; wrong by less than 1e-7).
fn cumulative_normal(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let series = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let above = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * series;
    if z >= 0.0 { 1.0 - above } else { above }
}

/// Quantile of the gamma distribution of shape 2 and variance 1, by bisection
/// of its cumulative function `1 - (1 + x) e^-x`.
fn gamma_quantile(part: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 40.0_f64);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if 1.0 - (1.0 + middle) * (-middle).exp() < part {
            low = middle;
        } else {
            high = middle;
        }
    }
    low / std::f64::consts::SQRT_2
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: u32 = 20_000;

    fn carry_all(line: Line) -> Vec<(Duration, Vec<Duration>)> {
        let mut direction = Direction::new(line, Duration::ZERO, 3);
        (0..PACKETS)
            .map(|n| {
                let now = Duration::from_millis(20) * n;
                (now, direction.carry(80, now))
            })
            .collect()
    }

    #[test]
    fn loss_bursts_and_duplicates_have_their_share() {
        let line = Line {
            bursts: Some(Bursts {
                share: 0.2,
                mean: 5.0,
            }),
            duplicates: 0.1,
            ..Line::clean()
        };
        let carried = carry_all(line);
        let lost: Vec<bool> = carried.iter().map(|(_, due)| due.is_empty()).collect();
        let all = lost.iter().filter(|lost| **lost).count() as f64;
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        assert!((all / f64::from(PACKETS) - 0.2).abs() < 0.02);
        assert!((all / bursts - 5.0).abs() < 0.5);
        let twice = carried.iter().filter(|(_, due)| due.len() == 2).count();
        assert!((twice as f64 / (f64::from(PACKETS) - all) - 0.1).abs() < 0.01);
    }

    #[test]
    fn jitter_has_its_spread_and_keeps_order_where_told() {
        let mut line = Line {
            jitter: Duration::from_millis(40),
            ..Line::clean()
        };
        let late: Vec<f64> = carry_all(line.clone())
            .iter()
            .map(|(now, due)| (due[0] - *now).as_secs_f64() * 1e3 - 20.0)
            .collect();
        let mean = late.iter().sum::<f64>() / late.len() as f64;
        let variance = late.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / late.len() as f64;
        assert!(
            (mean - 40.0 * std::f64::consts::SQRT_2).abs() < 1.5,
            "{mean}"
        );
        assert!((variance.sqrt() - 40.0).abs() < 1.5, "{}", variance.sqrt());
        line.reorder = false;
        let carried = carry_all(line);
        assert!(carried.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    }

    #[test]
    fn a_bottleneck_queues_and_then_drops() {
        let line = Line {
            bottleneck: Some(Bottleneck {
                bits_per_second: 24_000.0,
                queue: Duration::from_millis(300),
            }),
            ..Line::clean()
        };
        let carried = carry_all(line);
        let longest = carried
            .iter()
            .flat_map(|(now, due)| due.iter().map(|d| *d - *now))
            .max();
        // 140 bytes take 47 ms, and 56 kb/s do not fit into 24.
        let most = Duration::from_millis(20 + 300 + 47);
        assert!(longest.is_some_and(|l| l <= most && l > most - Duration::from_millis(50)));
        let passed = carried.iter().filter(|(_, due)| !due.is_empty()).count() as f64;
        assert!((passed / f64::from(PACKETS) - 24.0 / 56.0).abs() < 0.01);
    }

    #[test]
    fn nothing_passes_in_an_outage() {
        let second = Duration::from_secs(1);
        let line = Line {
            outages: vec![(second, 2 * second)],
            ..Line::clean()
        };
        for (now, due) in carry_all(line) {
            assert_eq!(due.is_empty(), now >= second && now < 3 * second);
        }
    }
}
