//! Two clients that call, write and send files for a while: memory and handles
//! have to stay where they are.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use twocan_e2e::bench::Row;
use twocan_e2e::bench::load::memory_kib;
use twocan_e2e::headless::{Headless, Profile, text};
use twocan_e2e::pair::{Pair, folder};
use twocan_e2e::process::Must;

/// Names the seconds a soak takes.
pub(super) const SECONDS: &str = "TWOCAN_SOAK_SECONDS";
/// What happens in each round.
const TALKING: Duration = Duration::from_secs(3);
const MESSAGES: usize = 50;
const FILE: usize = 1024 * 1024;
/// Messages before the first round, and their bytes: more than the 16 MiB of a
/// database that are kept in memory, which would else grow all the while.
const FILLING: usize = 6_000;
const FILLING_BYTES: usize = 4_000;
/// How long the last of them may be on its way.
const FILLED: Duration = Duration::from_secs(60);
/// How much memory may grow from the second quarter to the last.
const GROWTH_MAX: f64 = 1.10;
/// Handles that come and go: a connection that is about to end.
const HANDLES_MAX: f64 = 4.0;

/// What a program holds at a moment.
struct Sample {
    minutes: f64,
    kib: f64,
    handles: f64,
}

pub(super) fn clients() -> Vec<Row> {
    let folder = folder();
    let profile = |name| {
        let profile = Profile::new(folder.path(), name).accepting().answering();
        profile.sound("tone:440", "null")
    };
    let mut pair = Pair::from(profile("alice"), profile("bob"));
    let file = folder.path().join("file.bin");
    fs::write(&file, vec![0x5a; FILE]).must("write a file");
    fill(&mut pair.alice, &pair.bob);
    let whole = crate::length(SECONDS);
    let begun = Instant::now();
    let mut samples = [Vec::new(), Vec::new()];
    while begun.elapsed() < whole {
        round(&mut pair.alice, &mut pair.bob, &file);
        let minutes = begun.elapsed().as_secs_f64() / 60.0;
        for (samples, client) in samples.iter_mut().zip([&pair.alice, &pair.bob]) {
            samples.push(Sample::of(client.pid(), minutes));
        }
    }
    let [alice, bob] = samples;
    let mut all = rows("caller", &alice);
    all.extend(rows("called", &bob));
    all
}

/// A conversation so long that no more of it is kept in memory from then on.
fn fill(alice: &mut Headless, bob: &Headless) {
    let bob_id = bob.peer_id().to_owned();
    let said = "x".repeat(FILLING_BYTES);
    let mut last = String::new();
    for _ in 0..FILLING {
        let sent = alice.must("send", json!({"to": bob_id, "text": said}));
        text(&sent, "id").clone_into(&mut last);
    }
    alice.event_within(FILLED, "message_state", |event| {
        event["id"] == *last && event["state"] == "delivered"
    });
}

/// A call that begins and ends, messages both ways, and a file.
fn round(alice: &mut Headless, bob: &mut Headless, file: &Path) {
    let (alice_id, bob_id) = (alice.peer_id().to_owned(), bob.peer_id().to_owned());
    let call = alice.must("call", json!({"to": bob_id}));
    alice.call_state("connected");
    bob.call_state("connected");
    // A call has to last: there is nothing to wait for.
    std::thread::sleep(TALKING);
    for number in 0..MESSAGES {
        let said = format!("number {number}");
        alice.must("send", json!({"to": bob_id, "text": said}));
        bob.must("send", json!({"to": alice_id, "text": said}));
    }
    let sent = alice.must("file_send", json!({"to": bob_id, "path": file}));
    let sent = text(&sent, "transfer").to_owned();
    alice.event("transfer", |event| {
        event["transfer"] == *sent && event["state"] == "done"
    });
    alice.must("hangup", json!({"call": call["call"]}));
    alice.call_state("ended");
    bob.call_state("ended");
}

impl Sample {
    fn of(pid: u32, minutes: f64) -> Self {
        let handles = fs::read_dir(format!("/proc/{pid}/fd")).must("count handles");
        Self {
            minutes,
            kib: memory_kib(pid),
            handles: handles.count() as f64,
        }
    }
}

/// Growth by the minute, after the first quarter, in which all that is needed
/// once is taken.
fn rows(who: &str, samples: &[Sample]) -> Vec<Row> {
    let settled = &samples[samples.len() / 4..];
    let (early, late) = settled.split_at(settled.len() / 3);
    let most = |of: &[Sample], value: fn(&Sample) -> f64| of.iter().map(value).fold(0.0, f64::max);
    let memory = |of| most(of, |sample| sample.kib);
    let handles = |of| most(of, |sample| sample.handles);
    let shown: Vec<String> = samples
        .iter()
        .step_by((samples.len() / 20).max(1))
        .map(|sample| {
            format!(
                "{:.1} min {} KiB {}",
                sample.minutes, sample.kib, sample.handles
            )
        })
        .collect();
    eprintln!("{who}: {} rounds; {}", samples.len(), shown.join(", "));
    assert!(
        memory(late) < memory(early) * GROWTH_MAX,
        "memory of the {who} grew from {} to {} KiB",
        memory(early),
        memory(late)
    );
    assert!(
        handles(late) <= handles(early) + HANDLES_MAX,
        "the {who} keeps handles: {} became {}",
        handles(early),
        handles(late)
    );
    vec![
        Row::new(
            &format!("memory of the {who}"),
            memory(late) / 1024.0,
            "MiB",
        )
        .beside("its second quarter", Some(memory(early) / 1024.0)),
        Row::new(
            &format!("memory of the {who}, slope"),
            slope(settled),
            "KiB/min",
        ),
        Row::new(&format!("handles of the {who}"), handles(late), "")
            .beside("its second quarter", Some(handles(early))),
    ]
}

/// Least squares of memory over time, in KiB a minute.
fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |value: fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (time, memory) = (mean(|s| s.minutes), mean(|s| s.kib));
    let both: f64 = samples
        .iter()
        .map(|s| (s.minutes - time) * (s.kib - memory))
        .sum();
    let spread: f64 = samples.iter().map(|s| (s.minutes - time).powi(2)).sum();
    if spread > 0.0 { both / spread } else { 0.0 }
}
