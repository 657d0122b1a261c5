//! What is counted, and the text in which Prometheus reads it (text exposition
//! format 0.0.4). Counting is an atomic addition and never waits. Nothing here
//! names a client: labels are status codes and the like.

use std::{
    fmt::Write,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Upper ends of the buckets of durations, in microseconds: look-ups take tens,
/// passwords a fifth of a second.
const BUCKETS_US: [u64; 10] = [
    50, 100, 250, 500, 1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000,
];

/// Status codes that HTTP knows of: 100 to 599.
const STATUSES: usize = 500;

/// How often things took how long.
#[derive(Debug, Default)]
struct Durations {
    buckets: [AtomicU64; BUCKETS_US.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Durations {
    fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = BUCKETS_US.iter().position(|end| us <= *end) {
            self.buckets[bucket].fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }
}

/// The counters of one registry.
#[derive(Debug)]
pub(crate) struct Metrics {
    begun: Instant,
    answers: Box<[AtomicU64]>,
    answer_times: Durations,
    commits: Durations,
    connections: AtomicI64,
    /// Requests that have no answer yet.
    pub(crate) in_progress: AtomicI64,
    /// Heartbeats that counted.
    pub(crate) heartbeats: AtomicU64,
    /// Datagrams that did not.
    pub(crate) datagrams_dropped: AtomicU64,
    /// Requests and datagrams refused for a ban.
    pub(crate) banned: AtomicU64,
    /// Wrong passwords.
    pub(crate) wrong_passwords: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            answers: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            answer_times: Durations::default(),
            commits: Durations::default(),
            connections: AtomicI64::new(0),
            in_progress: AtomicI64::new(0),
            heartbeats: AtomicU64::new(0),
            datagrams_dropped: AtomicU64::new(0),
            banned: AtomicU64::new(0),
            wrong_passwords: AtomicU64::new(0),
        }
    }
}

/// What is asked for when it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauges {
    pub(crate) accounts: usize,
    pub(crate) sessions: usize,
    pub(crate) online: usize,
    pub(crate) bans: usize,
    pub(crate) live_channels: usize,
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn answered(&self, status: u16, took: Duration) {
        let index = usize::from(status).wrapping_sub(100);
        if let Some(count) = self.answers.get(index) {
            count.fetch_add(1, Relaxed);
        }
        self.answer_times.add(took);
    }

    /// Counts a transaction.
    pub(crate) fn committed(&self, took: Duration) {
        self.commits.add(took);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn disconnected(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    /// Since the start.
    pub(crate) fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Everything as text.
    pub(crate) fn text(&self, gauges: Gauges) -> String {
        let mut page = Page::default();
        page.head("requests_total", "counter", "Answers by status code.");
        for (index, count) in self.answers.iter().enumerate() {
            let count = count.load(Relaxed);
            if count > 0 {
                let status = index + 100;
                page.value("requests_total", &format!("{{status=\"{status}\"}}"), count);
            }
        }
        let help = "Seconds from a request's head to its answer.";
        page.durations("request_duration_seconds", help, &self.answer_times);
        let help = "Seconds that a transaction of the database took.";
        page.durations("commit_duration_seconds", help, &self.commits);
        for (name, help, value) in [
            (
                "connections",
                "Open connections.",
                self.connections.load(Relaxed),
            ),
            (
                "requests_in_progress",
                "Requests without an answer yet.",
                self.in_progress.load(Relaxed),
            ),
            ("accounts", "Accounts.", signed(gauges.accounts)),
            ("sessions", "Sessions.", signed(gauges.sessions)),
            ("online", "Accounts that are online.", signed(gauges.online)),
            ("bans", "Bans in force.", signed(gauges.bans)),
            (
                "live_channels",
                "Open live channels.",
                signed(gauges.live_channels),
            ),
        ] {
            page.single(name, "gauge", help, value);
        }
        for (name, help, value) in [
            (
                "heartbeats_total",
                "Heartbeats that counted.",
                &self.heartbeats,
            ),
            (
                "datagrams_dropped_total",
                "Datagrams that were no heartbeat of a session.",
                &self.datagrams_dropped,
            ),
            ("banned_total", "What was refused for a ban.", &self.banned),
            (
                "wrong_passwords_total",
                "Wrong passwords.",
                &self.wrong_passwords,
            ),
        ] {
            page.single(name, "counter", help, value.load(Relaxed));
        }
        page.single(
            "uptime_seconds",
            "gauge",
            "Since the start.",
            self.uptime().as_secs(),
        );
        page.head("build_info", "gauge", "The version that is running.");
        let version = concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
        page.value("build_info", version, 1);
        page.process();
        page.0
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A text that grows.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP twocan_registry_{name} {help}"));
        self.line(format_args!("# TYPE twocan_registry_{name} {kind}"));
    }

    fn value(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        self.line(format_args!("twocan_registry_{name}{labels} {value}"));
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.value(name, "", value);
    }

    fn durations(&mut self, name: &str, help: &str, durations: &Durations) {
        self.head(name, "histogram", help);
        let (bucket, mut upto) = (format!("{name}_bucket"), 0);
        for (end, count) in BUCKETS_US.iter().zip(&durations.buckets) {
            upto += count.load(Relaxed);
            self.value(&bucket, &format!("{{le=\"{}\"}}", Seconds(*end)), upto);
        }
        // Read last, and never less than what the buckets hold by now.
        let count = durations.count.load(Relaxed).max(upto);
        self.value(&bucket, "{le=\"+Inf\"}", count);
        let sum = Seconds(durations.sum_us.load(Relaxed));
        self.value(&format!("{name}_sum"), "", sum);
        self.value(&format!("{name}_count"), "", count);
    }

    /// What the system says of this process, where it says anything, under the
    /// names that Prometheus' own clients use.
    fn process(&mut self) {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<usize>().ok());
        if let Some(pages) = pages {
            let bytes = pages * rustix::param::page_size();
            self.line(format_args!(
                "# HELP process_resident_memory_bytes Memory in use."
            ));
            self.line(format_args!("# TYPE process_resident_memory_bytes gauge"));
            self.line(format_args!("process_resident_memory_bytes {bytes}"));
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            self.line(format_args!("# HELP process_open_fds Files and sockets."));
            self.line(format_args!("# TYPE process_open_fds gauge"));
            self.line(format_args!("process_open_fds {}", files.count()));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let written = self.0.write_fmt(line);
        debug_assert!(written.is_ok());
        self.0.push('\n');
    }
}

/// Microseconds, shown as seconds.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Gauges = Gauges {
        accounts: 0,
        sessions: 0,
        online: 0,
        bans: 0,
        live_channels: 0,
    };

    #[test]
    fn counts_come_out_as_they_went_in() {
        let metrics = Metrics::default();
        metrics.answered(200, Duration::from_micros(60));
        metrics.answered(200, Duration::from_secs(9));
        metrics.answered(429, Duration::from_micros(50));
        metrics.answered(7, Duration::ZERO);
        let text = metrics.text(Gauges {
            accounts: 3,
            ..NOTHING
        });
        for line in [
            "twocan_registry_requests_total{status=\"200\"} 2",
            "twocan_registry_requests_total{status=\"429\"} 1",
            "twocan_registry_request_duration_seconds_bucket{le=\"0.000050\"} 2",
            "twocan_registry_request_duration_seconds_bucket{le=\"0.000100\"} 3",
            "twocan_registry_request_duration_seconds_bucket{le=\"2.500000\"} 3",
            "twocan_registry_request_duration_seconds_bucket{le=\"+Inf\"} 4",
            "twocan_registry_request_duration_seconds_sum 9.000110",
            "twocan_registry_request_duration_seconds_count 4",
            "twocan_registry_accounts 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn every_metric_is_introduced_once_before_its_values() {
        let text = Metrics::default().text(NOTHING);
        let mut introduced = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let name = rest.split(' ').next().unwrap();
                assert!(!introduced.contains(&name), "{name} twice");
                introduced.push(name);
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap();
                assert!(name.starts_with(introduced.last().unwrap()), "{line}");
            }
        }
    }
}
