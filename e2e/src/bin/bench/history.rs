//! A conversation of a million messages: opened, paged, searched, and what it
//! needs in memory, beside one of a hundred.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use twocan_e2e::bench::raw::Raw;
use twocan_e2e::bench::{Row, median};
use twocan_e2e::pair::folder;
use twocan_e2e::process::Must;

const FEW: usize = 100;
const MANY: usize = 1_000_000;
/// Pages read, and searches made, of which the median counts.
const TIMES: usize = 50;

/// What one size of conversation costs.
struct Cost {
    open: f64,
    page: f64,
    search: f64,
    rare: f64,
    memory: f64,
}

pub(super) fn million() -> Vec<Row> {
    let folder = folder();
    let [few, many] = [FEW, MANY].map(|count| cost(&folder.path().join(count.to_string()), count));
    let beside = "one of a hundred";
    vec![
        Row::new("a million messages: start and newest page", many.open, "ms")
            .beside(beside, Some(few.open)),
        Row::new("an older page", many.page, "ms").beside(beside, Some(few.page)),
        Row::new("a search with many hits", many.search, "ms").beside(beside, Some(few.search)),
        Row::new("a search with one hit", many.rare, "ms").beside(beside, Some(few.rare)),
        Row::new("memory of the process", many.memory, "MiB").beside(beside, Some(few.memory)),
    ]
}

fn cost(folder: &Path, count: usize) -> Cost {
    std::fs::create_dir_all(folder).must("make a folder");
    let (data, other) = (folder.join("alice"), folder.join("bob"));
    let bob = Raw::start(&other, "bob");
    let mut alice = Raw::start(&data, "alice");
    alice.ask("connect", json!({"to": bob.ready("listen")}));
    let with = bob.ready("peer_id");
    let file = folder.join("history.json");
    write_history(&file, &alice.ready("peer_id"), &with, count);
    alice.ask("import", json!({"path": file}));
    bob.quit();
    alice.quit();

    let start = Instant::now();
    let mut alice = Raw::start(&data, "alice");
    let page = alice.ask("history", json!({"with": with, "limit": 100}));
    let open = start.elapsed().as_secs_f64() * 1e3;
    let mut oldest = page["messages"][0]["id"].clone();
    let mut pages = Vec::with_capacity(TIMES);
    for _ in 0..TIMES.min(count / 100).max(1) {
        let fields = json!({"with": with, "before": oldest, "limit": 100});
        let (page, took) = timed(&mut alice, "history", fields);
        if page["messages"].as_array().is_none_or(Vec::is_empty) {
            pages.push(took);
            break;
        }
        oldest = page["messages"][0]["id"].clone();
        pages.push(took);
    }
    let mut search = |text: String| {
        let mut times: Vec<f64> = (0..TIMES)
            .map(|_| timed(&mut alice, "search", json!({"text": text, "with": with})).1)
            .collect();
        median(&mut times)
    };
    let (common, rare) = (search("mes numb".into()), search(format!("n{}", count / 2)));
    Cost {
        open,
        page: median(&mut pages),
        search: common,
        rare,
        memory: alice.resident_mib(),
    }
}

fn timed(client: &mut Raw, verb: &str, fields: Value) -> (Value, f64) {
    let start = Instant::now();
    let answer = client.ask(verb, fields);
    (answer, start.elapsed().as_secs_f64() * 1e3)
}

/// An export as twocan writes them.
fn write_history(path: &Path, me: &str, peer: &str, count: usize) {
    let file = File::create(path).must("make a file");
    let mut out = BufWriter::new(file);
    let (me, peer) = (json!(me), json!(peer));
    let head = format!(
        r#"{{"format": "twocan conversations", "version": 1, "me": {me}, "conversations": [{{"peer": {peer}, "messages": ["#
    );
    out.write_all(head.as_bytes()).must("write a file");
    for n in 0..count {
        let comma = if n == 0 { "" } else { "," };
        let mine = n % 2 == 0;
        writeln!(
            out,
            r#"{comma}{{"id": "00000000-0000-7000-8000-{n:012x}", "mine": {mine}, "text": "message number n{n} of many, with some more words in it", "sent_at": "2024-01-01T00:00:00Z"}}"#
        )
        .must("write a file");
    }
    out.write_all(b"]}]}").must("write a file");
    out.flush().must("write a file");
}
