//! Load on one core and the server on another: what it costs the server in
//! processor time and memory, which other work on the machine changes less than
//! rates.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::Must;

/// Ticks of the processor times in `/proc` a second (USER_HZ of Linux).
const TICKS: f64 = 100.0;

/// Where servers run while they are measured.
pub const SERVER_CORE: usize = 0;

/// Where load comes from: another core, if there is one.
#[must_use]
pub fn load_core() -> usize {
    usize::from(cores() > 1)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Keeps all threads of a process on one core.
pub fn pin(pid: u32, core: usize) {
    // Without taskset the measurement goes on, less steadily.
    drop(
        Command::new("taskset")
            .args(["-a", "-c", "-p", &core.to_string(), &pid.to_string()])
            .output(),
    );
}

/// Processor time of a process so far, in seconds.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).must("read a process's times");
    let (_, rest) = stat.rsplit_once(')').must("read a process's times");
    let ticks = |at: usize| -> f64 {
        let field = rest.split_whitespace().nth(at);
        field.and_then(|text| text.parse().ok()).unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / TICKS
}

/// What the threads of a process have used so far, to the nanosecond: what
/// idles uses less than a tick.
#[derive(Debug, Clone, Default)]
pub struct Threads(HashMap<OsString, [f64; 2]>);

impl Threads {
    /// As it stands now.
    ///
    /// # Panics
    /// If the process is not there.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).must("read a process's threads");
        let used = |folder: &Path| -> Option<[f64; 2]> {
            let times = fs::read_to_string(folder.join("schedstat")).ok()?;
            let status = fs::read_to_string(folder.join("status")).ok()?;
            let nanoseconds: f64 = times.split_whitespace().next()?.parse().ok()?;
            let sleeps = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            Some([nanoseconds / 1e9, sleeps.trim().parse().ok()?])
        };
        // Threads may end meanwhile.
        let all = threads.filter_map(|thread| {
            let thread = thread.ok()?;
            Some((thread.file_name(), used(&thread.path())?))
        });
        Self(all.collect())
    }

    /// The first thread alone, which in an interface is the one that draws.
    #[must_use]
    pub fn first(&self, pid: u32) -> Self {
        let first = self.0.get_key_value(OsStr::new(&pid.to_string()));
        Self(
            first
                .map(|(name, used)| (name.clone(), *used))
                .into_iter()
                .collect(),
        )
    }

    /// Seconds of processor time since `before`, and how often a thread went to
    /// sleep, which is how often one was woken. Threads that have ended
    /// meanwhile are not in it.
    #[must_use]
    pub fn since(&self, before: &Self) -> [f64; 2] {
        let mut sum = [0.0; 2];
        for (thread, now) in &self.0 {
            let then = before.0.get(thread).copied().unwrap_or_default();
            for at in 0..2 {
                sum[at] += now[at] - then[at];
            }
        }
        sum
    }
}

/// Memory of a process that is in use, in KiB.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn memory_kib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).must("read a process's memory");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.must("read a process's memory")
}

/// What wrk saw, and what it cost the server.
#[derive(Debug, Clone, Copy)]
pub struct Requests {
    /// Answers a second.
    pub rate: f64,
    /// Processor time of the server for each, in microseconds.
    pub cpu_us: f64,
}

/// Requests over kept-alive connections to `url` by wrk; the script, if any,
/// says which. `None` if wrk is not installed.
///
/// # Panics
/// If any answer was not the one that was asked for.
#[must_use]
pub fn wrk(url: &str, pid: u32, connections: usize, options: &[&str]) -> Option<Requests> {
    let before = cpu_seconds(pid);
    let output = Command::new("wrk")
        .args(["-t1", "-d4s", &format!("-c{connections}")])
        .args(options)
        .arg(url)
        .output()
        .ok()?;
    let cpu = cpu_seconds(pid) - before;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        !text.contains("Non-2xx") && text.contains("requests in"),
        "wrk did not get its answers: {text}"
    );
    let number = |line: Option<&str>| -> f64 {
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
    };
    let count = number(text.lines().find(|line| line.contains("requests in")));
    let rate = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    Some(Requests {
        rate: number(rate),
        cpu_us: cpu / count.max(1.0) * 1e6,
    })
}

/// A script for wrk that looks the users u1 to u`count` up, in an order of
/// chance that is the same each time.
///
/// # Panics
/// If it cannot be written.
pub fn write_look_ups(script: &Path, count: usize, token: &str) {
    let text = format!(
        "local reqs, i = {{}}, 0\nfunction init(args)\n  math.randomseed(7)\n  \
         wrk.headers['Authorization'] = 'Bearer {token}'\n  \
         for k = 1, {count} do reqs[k] = wrk.format('GET', '/clients/u' .. k) end\n  \
         for k = #reqs, 2, -1 do local j = math.random(k); reqs[k], reqs[j] = reqs[j], reqs[k] end\n\
         end\nfunction request() i = i % #reqs + 1; return reqs[i] end\n"
    );
    fs::write(script, text).must("write a script for wrk");
}
