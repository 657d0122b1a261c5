//! A file from disk to disk, hash included, beside a bare stream; and how
//! long a message takes meanwhile.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use twocan_e2e::bench::{Row, bare, median};
use twocan_e2e::pair::folder;
use twocan_e2e::process::Must;

use super::chat::{PACE, Pair, SILENCE, paced_us, pair};

/// Bytes of the file: more than any buffer on the way holds.
const SIZE: usize = 512 << 20;
/// Transfers, and bare streams between them, of which the medians count.
const TURNS: usize = 3;
/// Messages sent while a file is under way.
const MEANWHILE: usize = 100;

pub(super) fn throughput() -> Vec<Row> {
    let folder = folder();
    let source = folder.path().join("source.bin");
    make_file(&source);
    let Pair {
        mut alice,
        mut bob,
        to,
    } = pair(folder.path());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let target = folder.path().join(format!("bare-{turn}"));
        use_memory();
        theirs.push(bare::file_megabytes_per_second(&source, &target));
        std::fs::remove_file(target).must("remove a file");
        use_memory();
        let start = Instant::now();
        alice.ask("file_send", json!({"to": to, "path": source}));
        let done = bob.line_with("transfer", "\"state\":\"done\"", SILENCE);
        let seconds = done.at.duration_since(start).as_secs_f64();
        ours.push(SIZE as f64 / 1e6 / seconds);
        std::fs::remove_file(path_in(&done.text)).must("remove a file");
    }
    let mut quiet = paced_us(&mut alice, &mut bob, &to, MEANWHILE, PACE);
    alice.ask("file_send", json!({"to": to, "path": source}));
    bob.line_with("transfer", "\"state\":\"running\"", SILENCE);
    let mut busy = paced_us(&mut alice, &mut bob, &to, MEANWHILE, PACE);
    vec![
        Row::of("file to file, hash and sync included", &mut ours, "MB/s")
            .beside("bare TLS stream, synced", Some(median(&mut theirs))),
        Row::of("a message while a file is under way", &mut busy, "us")
            .beside("without one", Some(median(&mut quiet))),
    ]
}

/// Leaves the system enough free memory that was used before: a virtual
/// machine pays for every page that it touches first, a file's in its cache
/// as well, and then more than for all else of a transfer.
fn use_memory() {
    drop(std::hint::black_box(vec![1_u8; 4 * SIZE]));
}

/// Where a transfer that is done has put its file.
fn path_in(line: &str) -> PathBuf {
    let line: Value = serde_json::from_str(line).must("read a line");
    line["path"].as_str().must("know where a file is").into()
}

fn make_file(path: &Path) {
    let mut file = File::create(path).must("make a file");
    let mut random = StdRng::seed_from_u64(7);
    let mut block = vec![0; 1 << 20];
    for _ in 0..SIZE >> 20 {
        random.fill_bytes(&mut block);
        file.write_all(&block).must("write a file");
    }
    file.sync_all().must("sync a file");
    // What else the disk has to do for it is done before anything is timed.
    std::thread::sleep(Duration::from_millis(200));
}
