//! Messages that are on both disks: how many a second, and how long one takes
//! from the sender's request to the receiver's word of it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use twocan_e2e::bench::raw::Raw;
use twocan_e2e::bench::{self, Row, bare, median, quantile};
use twocan_e2e::pair::folder;

/// Messages in flight together.
const MANY: usize = 50_000;
/// Messages one after another, and how long between them.
const PACED: usize = 500;
pub(super) const PACE: Duration = Duration::from_millis(4);
/// Messages that wait for somebody who comes back.
const QUEUED: usize = 100_000;
/// The longest silence while messages are under way.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

pub(super) struct Pair {
    pub(super) alice: Raw,
    pub(super) bob: Raw,
    pub(super) to: String,
}

pub(super) fn pair(folder: &Path) -> Pair {
    let bob = Raw::start(&folder.join("bob"), "bob");
    let mut alice = Raw::start(&folder.join("alice"), "alice");
    alice.ask("connect", json!({"to": bob.ready("listen")}));
    let to = bob.ready("peer_id");
    // Both have agreed once one message has gone through.
    let mut pair = Pair { alice, bob, to };
    say(&mut pair.alice, &pair.to, 0);
    pair.alice.flush();
    pair.bob.events("message", 1, SILENCE);
    pair
}

fn say(from: &mut Raw, to: &str, n: usize) {
    let text = format!("message number {n}, about as long as people write in one go");
    from.post("send", json!({"to": to, "text": text}));
}

/// Times from a request to the receiver's word of the message, one message at
/// a time, `pace` apart.
pub(super) fn paced_us(
    alice: &mut Raw,
    bob: &mut Raw,
    to: &str,
    count: usize,
    pace: Duration,
) -> Vec<f64> {
    (0..count)
        .map(|n| {
            std::thread::sleep(pace);
            let start = Instant::now();
            say(alice, to, n);
            alice.flush();
            let arrived = bob.events("message", 1, SILENCE).at;
            arrived.duration_since(start).as_secs_f64() * 1e6
        })
        .collect()
}

pub(super) fn messages() -> Vec<Row> {
    let folder = folder();
    let Pair {
        mut alice,
        mut bob,
        to,
    } = pair(folder.path());

    let mut times = paced_us(&mut alice, &mut bob, &to, PACED, PACE);
    let disk = bench::two_synced_writes_us(folder.path(), PACED);
    let mut stream = bare::one_way_us(PACED, PACE);

    let start = Instant::now();
    let reader = std::thread::spawn(move || bob.events("message", MANY, SILENCE).at);
    for n in 0..MANY {
        say(&mut alice, &to, n);
    }
    alice.flush();
    let rate = match reader.join() {
        Ok(last) => MANY as f64 / last.duration_since(start).as_secs_f64(),
        Err(_) => 0.0,
    };
    vec![
        Row::of("message to the other's disk, median", &mut times, "us")
            .beside("two synced writes", Some(disk)),
        Row::of("the same", &mut times, "us")
            .beside("bare TLS stream, no disk", Some(median(&mut stream))),
        Row::new("the same, 99 of 100", quantile(&mut times, 0.99), "us")
            .beside("bare TLS stream", Some(quantile(&mut stream, 0.99))),
        Row::new("durable messages flat out", rate, "/s").beside(
            "bare TLS stream, one write each, no disk",
            Some(bare::messages_per_second(MANY)),
        ),
    ]
}

/// Many messages wait; the other comes back: until the last is there.
pub(super) fn reconnect() -> Vec<Row> {
    let folder = folder();
    let Pair { mut alice, bob, to } = pair(folder.path());
    bob.quit();
    for n in 0..QUEUED {
        say(&mut alice, &to, n);
    }
    alice.flush();
    // All are on disk when the last is answered.
    alice.ask("history", json!({"with": to, "limit": 1}));
    let mut bob = Raw::start(&folder.path().join("bob"), "bob");
    alice.ask("connect", json!({"to": bob.ready("listen")}));
    let start = Instant::now();
    let last = bob.events("message", QUEUED, SILENCE).at;
    let seconds = last.duration_since(start).as_secs_f64();
    vec![
        Row::new("100,000 queued messages after a reconnect", seconds, "s"),
        Row::new("the same", QUEUED as f64 / seconds, "/s"),
    ]
}
