//! What we tell the other side about its stream, so that it can adapt.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{HEADER_BYTES, Report, SAMPLE_RATE, pacer::samples_to_duration};

/// How often a report is made.
const INTERVAL: Duration = Duration::from_millis(200);
/// How soon after another one when loss begins.
const SOONER: Duration = Duration::from_millis(60);
/// Loss begins when nothing was lost for so long.
const QUIET: Duration = Duration::from_secs(2);
/// The least time after which a packet that was overtaken counts as lost.
const PATIENCE: Duration = Duration::from_millis(60);
/// Numbers below the highest that are watched one by one.
const WATCHED: u64 = 128;
/// The queue is the smallest transit of so long against the smallest of all
/// windows.
const QUEUE_TIME: Duration = Duration::from_millis(320);
/// But of so many packets at least, and at most.
const LEAST_PACKETS: usize = 4;
const MOST_PACKETS: usize = 128;
/// Length of a window that remembers its smallest transit.
const WINDOW: Duration = Duration::from_secs(1);
/// Windows remembered: 30 s, as a queue may stand longer than it takes the
/// sender to understand it.
const WINDOWS: usize = 30;

/// Watches a stream as it arrives, before any repair.
#[derive(Debug)]
pub(crate) struct Reporter {
    highest: Option<u64>,
    /// Bit n is set when `highest - n` has come.
    seen: u128,
    /// All numbers below this one are judged.
    judged: u64,
    /// When the highest number came, and how long a packet plays.
    newest_at: Instant,
    packet_time: Duration,
    lost: u64,
    runs: u64,
    overtaken: u64,
    in_run: bool,
    last_loss: Option<Instant>,
    /// Loss has begun that no report has told of.
    news: bool,
    epoch: Instant,
    bytes: u64,
    transits: VecDeque<(Instant, i64)>,
    smallest: VecDeque<i64>,
    window_from: Instant,
    last_report: Instant,
}

impl Reporter {
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            highest: None,
            seen: 0,
            judged: 0,
            newest_at: epoch,
            packet_time: Duration::from_millis(20),
            lost: 0,
            runs: 0,
            overtaken: 0,
            in_run: false,
            last_loss: None,
            news: false,
            epoch,
            bytes: 0,
            transits: VecDeque::new(),
            smallest: VecDeque::new(),
            window_from: epoch,
            last_report: epoch,
        }
    }

    /// Takes a packet with so many bytes of payload. `transit` is its arrival
    /// less its media time in samples, and `samples` how long it plays.
    pub(crate) fn take(
        &mut self,
        sequence: u64,
        at: Instant,
        bytes: usize,
        transit: i64,
        samples: usize,
    ) {
        self.packet_time = samples_to_duration(samples as u64);
        self.bytes = self.bytes.wrapping_add((HEADER_BYTES + bytes) as u64);
        // A packet can leave only when its last sample has been spoken.
        self.note_transit(at, transit - samples as i64);
        let Some(highest) = self.highest else {
            (self.highest, self.seen) = (Some(sequence), 1);
            (self.judged, self.newest_at) = (sequence, at);
            return;
        };
        if sequence.abs_diff(highest) > u64::from(u16::MAX) / 2 {
            // Another count has begun; nothing is known of it.
            (self.highest, self.seen, self.judged) = (Some(sequence), 1, sequence);
        } else if sequence > highest {
            let advance = sequence - highest;
            self.judge_up_to(sequence.saturating_sub(WATCHED - 1), at);
            self.seen = if advance < WATCHED {
                self.seen << advance
            } else {
                0
            };
            (self.highest, self.newest_at) = (Some(sequence), at);
            self.seen |= 1;
        } else if highest - sequence < WATCHED {
            let bit = 1 << (highest - sequence);
            self.overtaken += u64::from(self.seen & bit == 0);
            self.seen |= bit;
        }
    }

    /// A report, when it is time for one. `wait` is how long after the fastest
    /// a packet may come to be played in time: what comes later counts as lost.
    pub(crate) fn report(&mut self, now: Instant, wait: Duration) -> Option<Report> {
        let highest = self.highest?;
        self.judge_late(now, wait.max(PATIENCE));
        let since = now.saturating_duration_since(self.last_report);
        if since < INTERVAL && !(self.news && since >= SOONER) {
            return None;
        }
        self.last_report = now;
        self.news = false;
        Some(Report {
            highest: highest as u16,
            lost: self.lost as u16,
            runs: self.runs as u16,
            overtaken: self.overtaken as u16,
            queue_ms: self.queue_ms(),
            clock_ms: self
                .newest_at
                .saturating_duration_since(self.epoch)
                .as_millis() as u16,
            bytes: self.bytes as u32,
            ..Report::default()
        })
    }

    /// Judges every number that should have come by now.
    fn judge_late(&mut self, now: Instant, wait: Duration) {
        let Some(highest) = self.highest else {
            return;
        };
        let since = now.saturating_duration_since(self.newest_at);
        let Some(over) = wait.checked_sub(since) else {
            return self.judge_up_to(highest, now);
        };
        let packets = over.as_nanos().div_ceil(self.packet_time.as_nanos().max(1));
        let packets = u64::try_from(packets).unwrap_or(u64::MAX);
        self.judge_up_to(highest.saturating_sub(packets), now);
    }

    /// Counts what is missing below a number.
    fn judge_up_to(&mut self, end: u64, now: Instant) {
        let Some(highest) = self.highest else {
            return;
        };
        while self.judged < end {
            let age = highest.checked_sub(self.judged);
            let there = age.is_some_and(|age| age < WATCHED && self.seen & (1 << age) != 0);
            self.judged += 1;
            if there {
                self.in_run = false;
                continue;
            }
            self.lost += 1;
            self.runs += u64::from(!self.in_run);
            self.in_run = true;
            let quiet = |last: Instant| now.saturating_duration_since(last) > QUIET;
            self.news |= self.last_loss.is_none_or(quiet);
            self.last_loss = Some(now);
        }
    }

    fn note_transit(&mut self, at: Instant, transit: i64) {
        self.transits.push_back((at, transit));
        let old = |(then, _): &(Instant, i64)| at.saturating_duration_since(*then) > QUEUE_TIME;
        while self.transits.len() > MOST_PACKETS
            || self.transits.len() > LEAST_PACKETS && self.transits.front().is_some_and(old)
        {
            self.transits.pop_front();
        }
        if self.smallest.is_empty() || at.saturating_duration_since(self.window_from) > WINDOW {
            self.window_from = at;
            self.smallest.push_back(transit);
            if self.smallest.len() > WINDOWS {
                self.smallest.pop_front();
            }
        }
        if let Some(newest) = self.smallest.back_mut() {
            *newest = transit.min(*newest);
        }
    }

    fn queue_ms(&self) -> u16 {
        let transits = self.transits.iter().map(|(_, transit)| transit);
        let (Some(now), Some(ever)) = (transits.min(), self.smallest.iter().min()) else {
            return 0;
        };
        let ms = (now - ever) * 1_000 / i64::from(SAMPLE_RATE);
        u16::try_from(ms).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    /// Feeds packets every 20 ms that take 20 ms each; returns the reports
    /// with the packet after which each was made.
    fn reports(packets: u32, arrives: impl Fn(u32) -> bool) -> Vec<(u32, Report)> {
        let epoch = Instant::now();
        let mut reporter = Reporter::new(epoch);
        let mut made = Vec::new();
        for index in 0..packets {
            let now = epoch + FRAME * index;
            if arrives(index) {
                reporter.take(u64::from(index), now, 80, 960, 960);
            }
            let report = reporter.report(now, Duration::ZERO);
            made.extend(report.map(|report| (index, report)));
        }
        made
    }

    #[test]
    fn counts_losses_and_their_runs() {
        let made = reports(1_000, |n| !(n % 20 == 7 || n % 20 == 8 || n % 20 == 13));
        let difference = made.last().unwrap().1.since(&made[0].1).unwrap();
        let share = f32::from(difference.lost) / f32::from(difference.expected);
        assert!((share - 0.15).abs() < 0.01, "{difference:?}");
        let mean = f32::from(difference.lost) / f32::from(difference.runs);
        assert!((mean - 1.5).abs() < 0.05, "{difference:?}");
        assert!((difference.expected as i32 - 985).abs() < 15);
    }

    #[test]
    fn tells_what_came_and_keeps_its_interval() {
        let made = reports(500, |_| true);
        assert!((45..=51).contains(&made.len()), "{}", made.len());
        let difference = made[40].1.since(&made[0].1).unwrap();
        let rate = difference.bytes * 8 / u32::from(difference.ms);
        assert!((55..=57).contains(&rate), "{difference:?}");
    }

    #[test]
    fn the_first_loss_is_told_soon() {
        let made = reports(300, |n| n != 203);
        let (at, _) = made.iter().find(|(_, report)| report.lost == 1).unwrap();
        assert!((204..=209).contains(at), "{at}");
    }

    #[test]
    fn what_is_only_overtaken_is_not_lost_but_counted_once() {
        let epoch = Instant::now();
        let mut reporter = Reporter::new(epoch);
        for index in 0..200_u32 {
            let swapped = u64::from(index ^ 1);
            let now = epoch + FRAME * index;
            reporter.take(swapped, now, 80, 960, 960);
            reporter.take(swapped, now, 80, 960, 960);
            if let Some(report) = reporter.report(now, Duration::ZERO) {
                assert_eq!(report.lost, 0);
                assert_eq!(u32::from(report.overtaken), index.div_ceil(2));
            }
        }
    }

    #[test]
    fn a_standing_queue_is_seen_and_jitter_is_none() {
        let epoch = Instant::now();
        let mut reporter = Reporter::new(epoch);
        let mut last = None;
        for index in 0..500_u32 {
            let now = epoch + FRAME * index;
            let jitter = i64::from(index * 7_919 % 1_900);
            let queue = if index < 250 { 0 } else { 9_600 };
            reporter.take(u64::from(index), now, 80, jitter + queue, 960);
            last = reporter.report(now, Duration::ZERO).or(last);
            if index == 249 {
                assert!(last.is_some_and(|report| report.queue_ms < 10));
            }
        }
        let queue = last.map_or(0, |report| report.queue_ms);
        assert!((195..=210).contains(&queue), "{queue}");
    }

    #[test]
    fn wild_numbers_are_survived() {
        let epoch = Instant::now();
        let mut reporter = Reporter::new(epoch);
        for (step, sequence) in [5, u64::MAX, 0, 1 << 40, (1 << 40) + 30_000, 3]
            .iter()
            .enumerate()
        {
            let now = epoch + FRAME * step as u32;
            reporter.take(
                *sequence,
                now,
                4_000,
                i64::from(step as u32) * 1_000_000,
                5_760,
            );
            reporter.report(now + INTERVAL, Duration::ZERO);
        }
    }
}
