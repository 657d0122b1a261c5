//! Load on one core and the server on another: what it costs the server in
//! processor time and memory, which other work on the machine changes less than
//! rates.

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

/// Processor time of all threads of a process so far, in seconds, to the
/// nanosecond: what idles uses less than a tick.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn thread_seconds(pid: u32) -> f64 {
    let first = |text: String| -> Option<f64> { text.split_whitespace().next()?.parse().ok() };
    let nanoseconds: f64 = of_threads(pid, "schedstat").filter_map(first).sum();
    nanoseconds / 1e9
}

/// How often the threads of a process have gone to sleep so far, which is how
/// often they were woken.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn sleeps(pid: u32) -> f64 {
    let count = |text: String| -> Option<f64> {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line?.trim().parse().ok()
    };
    of_threads(pid, "status").filter_map(count).sum()
}

/// A file that each thread of a process has in `/proc`. Threads end meanwhile.
fn of_threads(pid: u32, name: &'static str) -> impl Iterator<Item = String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).must("read a process's threads");
    threads.filter_map(move |thread| fs::read_to_string(thread.ok()?.path().join(name)).ok())
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
