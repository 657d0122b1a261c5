//! The interface in a terminal, beside other terminal chat programs in the same
//! terminal: how soon it paints and answers keys, and what it costs to have it
//! open, while much is said, and in a call.

mod irc;
mod others;
mod ours;

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use twocan_e2e::bench::load::{SERVER_CORE, Threads, memory_kib, pin};
use twocan_e2e::bench::{Row, median, quantile};
use twocan_e2e::pair::folder;
use twocan_e2e::terminal::{Launch, Terminal, keys};

use others::{OTHERS, Other};
use ours::{Ours, settle};

/// Columns and rows of every terminal here.
const SIZE: (u16, u16) = (120, 40);
/// Starts, of which the median counts.
const STARTS: usize = 7;
/// Keys pressed, one after the other with a pause between.
const KEYS: usize = 200;
const PAUSE: Duration = Duration::from_millis(20);
/// How long nothing happens, after what follows from the start is over.
const SETTLING: Duration = Duration::from_secs(8);
const IDLE: Duration = Duration::from_secs(30);
/// Lines that arrive, how many a second, and in which steps.
const LINES: usize = 10_000;
const RATE: usize = 1_000;
const STEP: Duration = Duration::from_millis(5);
/// How long a call is measured.
const CALL: Duration = Duration::from_secs(15);

/// What one program costs; nothing where it cannot do that.
#[derive(Default)]
struct Cost {
    paint_ms: f64,
    idle: Used,
    memory_mib: f64,
    echo_us: f64,
    echo_p99_us: f64,
    flood: Option<Used>,
}

/// What a program used in a while.
#[derive(Default, Clone, Copy)]
struct Used {
    /// Of one core.
    percent: f64,
    /// Of this, the thread that draws.
    drawing_percent: f64,
    wakes_per_s: f64,
    bytes_per_s: f64,
}

pub(super) fn beside_others() -> Vec<Row> {
    let mut rows = Vec::new();
    let (mine, call) = our_cost();
    let mut theirs = Vec::new();
    for other in &OTHERS {
        theirs.push((other.name, other.is_installed().then(|| their_cost(other))));
    }
    let mut row = |what: &str, unit: &'static str, value: fn(&Cost) -> Option<f64>| {
        let Some(ours) = value(&mine) else { return };
        for (name, cost) in &theirs {
            // Who knows no such thing is not named beside it.
            if let Some(theirs) = cost
                .as_ref()
                .map_or(Some(None), |cost| value(cost).map(Some))
            {
                rows.push(Row::new(what, ours, unit).beside(name, theirs));
            }
        }
    };
    row("first paint, 100,000 messages, 200 contacts", "ms", |c| {
        Some(c.paint_ms)
    });
    row("idle, signed in, three peers: processor", "%", |c| {
        Some(c.idle.percent)
    });
    row("idle: wake-ups", "/s", |c| Some(c.idle.wakes_per_s));
    row("resident memory", "MiB", |c| Some(c.memory_mib));
    row("key to echo, median", "us", |c| Some(c.echo_us));
    row("key to echo, 99 of 100", "us", |c| Some(c.echo_p99_us));
    row("1,000 lines a second: processor", "%", |c| {
        Some(c.flood?.percent)
    });
    // Ours are also taken from TLS and put on the disk, by other threads.
    row("1,000 lines a second: who draws", "%", |c| {
        Some(c.flood?.drawing_percent)
    });
    row("1,000 lines a second: to the terminal", "B/s", |c| {
        Some(c.flood?.bytes_per_s)
    });
    rows.push(Row::new(
        "in a call, meters on: processor",
        call.percent,
        "%",
    ));
    rows.push(Row::new(
        "in a call: to the terminal",
        call.bytes_per_s,
        "B/s",
    ));
    rows
}

/// Ours, and what a call costs on top, which the others do not have.
fn our_cost() -> (Cost, Used) {
    let folder = folder();
    let mut ours = Ours::new(folder.path());
    let mut cost = Cost {
        paint_ms: paint_ms(|_| ours.launch(folder.path())),
        ..Cost::default()
    };
    let terminal = ours.launch(folder.path()).start();
    terminal.wait_until("the first screen", painted);
    pin(terminal.pid(), SERVER_CORE);
    let id = ours.id.clone();
    settle(&terminal, &mut ours.peers[0], &id);
    at_rest(&terminal, &mut cost);
    let bob = &mut ours.peers[0];
    cost.flood = Some(flooded(&terminal, || {
        paced(LINES, RATE, STEP, |numbers| {
            for n in numbers {
                bob.post("send", json!({"to": id, "text": line(n)}));
            }
            bob.flush();
        });
    }));
    bob.post("call", json!({"to": id}));
    bob.flush();
    terminal.wait_for("Ctrl+X a");
    terminal.press(keys::CTRL_X);
    terminal.press("a");
    terminal.wait_for("LIVE");
    thread::sleep(SETTLING);
    pin(terminal.pid(), SERVER_CORE);
    let call = used(&terminal, || thread::sleep(CALL));
    (cost, call)
}

fn their_cost(other: &Other) -> Cost {
    let folder = folder();
    let server = irc::Server::start();
    let mut cost = Cost {
        paint_ms: paint_ms(|n| other.prepare(&folder.path().join(n.to_string()), server.port)),
        ..Cost::default()
    };
    let server = irc::Server::start();
    let launch = other.prepare(&folder.path().join("running"), server.port);
    let terminal = launch.start();
    terminal.wait_until("the first screen", painted);
    pin(terminal.pid(), SERVER_CORE);
    let channel = other.join(&terminal, &server);
    at_rest(&terminal, &mut cost);
    cost.flood =
        channel.map(|mut client| flooded(&terminal, || irc::say(&mut client, LINES, RATE)));
    cost
}

/// Time from the start to two rows with something on them.
fn paint_ms(launch: impl Fn(usize) -> Launch) -> f64 {
    let mut times: Vec<f64> = (0..STARTS)
        .map(|n| {
            let launch = launch(n);
            let start = Instant::now();
            let terminal = launch.start();
            terminal.wait_until("the first screen", painted);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    median(&mut times)
}

fn painted(screen: &str) -> bool {
    screen
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count()
        >= 2
}

/// Nothing happens for a while; then single keys.
fn at_rest(terminal: &Terminal, cost: &mut Cost) {
    thread::sleep(SETTLING);
    pin(terminal.pid(), SERVER_CORE);
    cost.idle = used(terminal, || thread::sleep(IDLE));
    cost.memory_mib = memory_kib(terminal.pid()) / 1024.0;
    let mut times: Vec<f64> = (0..KEYS)
        .map(|n| {
            thread::sleep(PAUSE);
            let key = if n % 2 == 0 { "z" } else { "\x7f" };
            terminal.echo(key).as_secs_f64() * 1e6
        })
        .collect();
    cost.echo_us = median(&mut times);
    cost.echo_p99_us = quantile(&mut times, 0.99);
}

/// Many lines arrive, and the last one is shown. What that takes counts as used
/// in the time in which they are due: a slow machine makes nothing cheaper.
fn flooded(terminal: &Terminal, say: impl FnOnce()) -> Used {
    let start = Instant::now();
    let used = used(terminal, || {
        say();
        // Its beginning: the rest may be on the next row.
        terminal.wait_for(&format!("line {LINES:06}"));
    });
    let stretched = start.elapsed().as_secs_f64() * RATE as f64 / LINES as f64;
    Used {
        percent: used.percent * stretched,
        drawing_percent: used.drawing_percent * stretched,
        wakes_per_s: used.wakes_per_s * stretched,
        bytes_per_s: used.bytes_per_s * stretched,
    }
}

fn used(terminal: &Terminal, meanwhile: impl FnOnce()) -> Used {
    let pid = terminal.pid();
    let (before, written) = (Threads::of(pid), terminal.written());
    let start = Instant::now();
    meanwhile();
    let seconds = start.elapsed().as_secs_f64();
    let now = Threads::of(pid);
    let [used, sleeps] = now.since(&before);
    let [drawing, _] = now.first(pid).since(&before);
    Used {
        percent: used / seconds * 100.0,
        drawing_percent: drawing / seconds * 100.0,
        wakes_per_s: sleeps / seconds,
        bytes_per_s: (terminal.written() - written) as f64 / seconds,
    }
}

/// Line number `n` of a conversation.
fn line(n: usize) -> String {
    format!("line {n:06} the quick brown fox jumps over the lazy dog and talks on")
}

/// Hands out the numbers from 1 to `count`, `rate` a second, those of one step
/// together.
fn paced(count: usize, rate: usize, step: Duration, mut each: impl FnMut(Range<usize>)) {
    let start = Instant::now();
    let mut next = 1;
    while next <= count {
        let due = (start.elapsed().as_secs_f64() * rate as f64) as usize;
        let end = due.min(count) + 1;
        if next < end {
            each(next..end);
            next = end;
        }
        thread::sleep(step);
    }
}
