//! A disk that takes nothing more, and a database that another program keeps
//! to itself: what cannot be stored is refused with a reason or stays with
//! the sender, and everything goes on by itself when the disk does.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;
use twocan_e2e::headless::{Headless, Profile, Refusal, text};
use twocan_e2e::pair::{Pair, folder};
use twocan_e2e::process::{HEARS_LIMITS, Must, limit_files, wait_until};
use twocan_e2e::talk::Talk;

/// Both may take this long until everything has arrived: a link that has
/// found the disk full looks again every 8 s.
const SETTLING: Duration = Duration::from_secs(40);
/// Messages that fill whatever room the database has left in its files.
const MANY: usize = 2_000;
/// Size of a disk that becomes full, in MiB: its database needs less than one.
const DISK_MIB: usize = 12;

/// Mounts a small disk of its own over the profile's folder, seen by this
/// program alone and gone with it.
fn on_small_disk(profile: &mut Profile) -> bool {
    std::fs::create_dir_all(&profile.data).must("make a profile's folder");
    let mount = "mount -t tmpfs -o size=$0m,mode=700 tmpfs \"$1\" && shift && exec \"$@\"";
    let size = DISK_MIB.to_string();
    let data = profile.data.to_string_lossy().into_owned();
    // The user of the test is root in there, or else is made to be.
    for ways in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        let mut under = vec!["unshare".to_owned()];
        under.extend(ways.iter().map(|way| (*way).to_owned()));
        under.extend(["sh", "-c", mount, &size, &data].map(str::to_owned));
        let works = Command::new(&under[0])
            .args(&under[1..])
            .arg("true")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if works {
            profile.under = under;
            return true;
        }
    }
    false
}

/// A file that leaves no room on the disk of a running client.
struct Filler(PathBuf);

impl Filler {
    fn put(client: &Headless, data: &Path) -> Self {
        let inside = data.strip_prefix("/").must("take an absolute path");
        let path = Path::new("/proc").join(client.pid().to_string());
        let path = path.join("root").join(inside).join("filler");
        let mut file = File::create(&path).must("make a file on the small disk");
        // Until there is no room for a byte.
        for size in [64 * 1024, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
        Self(path)
    }

    fn remove(self) {
        std::fs::remove_file(self.0).must("make room on the small disk");
    }
}

fn fill(client: &mut Headless, to: &str) -> (usize, Refusal) {
    let text = "x".repeat(4_000);
    let send = |n: usize| {
        let text = format!("filler {n} {text}");
        client.ask("send", json!({"to": to, "text": text})).err()
    };
    let refused = (0..MANY).map(send).enumerate();
    let mut refused = refused.filter_map(|(n, refusal)| Some((n, refusal?)));
    refused.next().must("fill the disk")
}

/// How many messages of ours the other waits for are in our history.
fn texts(client: &mut Headless, with: &str, prefix: &str) -> Vec<String> {
    // A question in one transaction with something that finds no room is told
    // so as well: it is asked again.
    let deadline = Instant::now() + SETTLING;
    let page = loop {
        match client.ask("history", json!({"with": with, "limit": 1000})) {
            Ok(page) => break page,
            Err(refusal) => assert!(Instant::now() < deadline, "history was refused: {refusal}"),
        }
    };
    let history = page["messages"].as_array().must("read a history");
    let texts = history.iter().map(|message| text(message, "text"));
    let ours = texts.filter(|text| text.starts_with(prefix));
    ours.map(str::to_owned).collect()
}

/// `bob`'s disk takes nothing more, until `make_room`.
fn through_full_disk(mut pair: Pair, fill_disk: impl FnOnce(&Headless) -> Box<dyn FnOnce()>) {
    let (alice, bob) = (
        pair.alice.peer_id().to_owned(),
        pair.bob.peer_id().to_owned(),
    );
    let make_room = fill_disk(&pair.bob);

    let (sent, refusal) = fill(&mut pair.bob, &alice);
    assert_eq!(refusal.code, "io", "{refusal}");
    assert!(
        refusal.message.contains("disk") && refusal.message.contains("nothing was stored"),
        "{refusal}"
    );
    // What was refused is not there in part, and what was not is.
    assert_eq!(texts(&mut pair.bob, &alice, "filler").len(), sent);

    // Bob can take nothing either: it stays with Alice, and she knows.
    let ids: Vec<String> = (0..20)
        .map(|n| {
            let what = format!("waiting {n} {}", "y".repeat(4_000));
            let answer = pair.alice.must("send", json!({"to": bob, "text": what}));
            text(&answer, "id").to_owned()
        })
        .collect();
    let last = ids.last().must("have sent something");
    pair.alice.event("message_state", |event| {
        event["id"] == *last && event["state"] == "sent"
    });
    let (_, again) = fill(&mut pair.bob, &alice);
    assert_eq!(again.code, "io", "{again}");
    let stored = texts(&mut pair.bob, &alice, "waiting").len();
    assert!(stored < ids.len(), "the disk was not full");
    let states = pair.alice.seen("message_state");
    let delivered = |id: &String| {
        states
            .iter()
            .any(|event| event["id"] == **id && event["state"] == "delivered")
    };
    assert!(!ids[stored..].iter().any(delivered), "shown as delivered");
    assert_eq!(pair.bob.must("whoami", json!({}))["peer_id"], *bob);

    make_room();
    for id in &ids {
        pair.alice.event_within(SETTLING, "message_state", |event| {
            event["id"] == **id && event["state"] == "delivered"
        });
    }
    let waited = texts(&mut pair.bob, &alice, "waiting");
    let numbers = waited
        .iter()
        .map(|text| text.split(' ').nth(1).unwrap_or_default().to_owned());
    assert!(numbers.eq((0..20).map(|n| n.to_string())), "{waited:?}");
    let fillers = texts(&mut pair.bob, &alice, "filler");
    wait_until("what Bob said arrives", SETTLING, || {
        texts(&mut pair.alice, &bob, "filler").len() >= fillers.len()
    });
    assert_eq!(texts(&mut pair.alice, &bob, "filler"), fillers);

    let presence = pair.alice.seen("presence");
    assert_eq!(
        presence.last().map(|event| &event["online"]),
        Some(&json!(true)),
        "the link was lost"
    );
    assert!(pair.alice.quit().success() && pair.bob.quit().success());
}

#[test]
fn a_disk_that_is_full() {
    let folder = folder();
    let profile = |name| Profile::new(folder.path(), name).accepting();
    let mut bob = profile("bob");
    if !on_small_disk(&mut bob) {
        eprintln!("left out: no small disk can be mounted here");
        return;
    }
    let data = bob.data.clone();
    let pair = Pair::from(profile("alice"), bob);
    through_full_disk(pair, |bob| {
        let filler = Filler::put(bob, &data);
        Box::new(move || filler.remove())
    });
}

#[test]
fn files_that_may_not_grow() {
    let folder = folder();
    let profile = |name| Profile::new(folder.path(), name).accepting();
    let mut bob = profile("bob");
    bob.under = HEARS_LIMITS.map(str::to_owned).to_vec();
    let pair = Pair::from(profile("alice"), bob);
    through_full_disk(pair, |bob| {
        let pid = bob.pid();
        limit_files(pid, "1000000");
        Box::new(move || limit_files(pid, "unlimited"))
    });
}

fn database(profile: &Profile) -> PathBuf {
    profile.data.join("twocan.db")
}

/// Another program holds the database for longer than anybody waits.
#[test]
fn a_database_locked_by_another_program() {
    let folder = folder();
    let pair = Pair::new(folder.path());
    let databases = [&pair.alice_profile, &pair.bob_profile].map(database);
    let mut talk = Talk::new(pair.alice, pair.bob);
    talk.speak(8);
    talk.settle(SETTLING);
    let lost = |talk: &Talk| {
        [&talk.alice, &talk.bob]
            .map(|side| side.client.seen("presence").len())
            .to_vec()
    };
    let links = lost(&talk);

    for (at, how) in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"].iter().enumerate() {
        let other = Connection::open(&databases[at]).must("open a database beside");
        other.execute_batch(how).must("lock a database");
        let sides = if at == 0 {
            [&mut talk.alice, &mut talk.bob]
        } else {
            [&mut talk.bob, &mut talk.alice]
        };
        let [locked, free] = sides;
        let fields = json!({"to": free.client.peer_id(), "text": "refused"});
        let refusal = locked
            .client
            .ask("send", fields)
            .expect_err("a locked database takes nothing");
        assert_eq!(refusal.code, "io", "{refusal}");
        assert!(refusal.message.contains("another program"), "{refusal}");
        // The other talks on; what comes is not lost and not acknowledged.
        let to = locked.client.peer_id().to_owned();
        for _ in 0..10 {
            free.say(&to, "");
        }
        let history = locked.client.history_with(free.client.peer_id());
        assert!(history.iter().all(|m| m["text"] != "refused"));
        talk.check_delivered();
        other.execute_batch("ROLLBACK").must("unlock a database");
        talk.speak(4);
        talk.settle(SETTLING);
    }
    assert_eq!(lost(&talk), links, "a link was lost");
}

/// A lock that is short, as a copy of the profile takes it, is waited for.
#[test]
fn a_database_locked_for_a_moment() {
    let folder = folder();
    let Pair {
        mut alice,
        bob,
        alice_profile,
        ..
    } = Pair::new(folder.path());
    let other = Connection::open(database(&alice_profile)).must("open a database beside");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .must("lock a database");
    let id = alice.post("send", json!({"to": bob.peer_id(), "text": "in a moment"}));
    // The wait is what is tested: there is nothing to see while it lasts.
    std::thread::sleep(Duration::from_millis(300));
    assert!(alice.answered(id).is_none(), "answered while locked");
    other.execute_batch("ROLLBACK").must("unlock a database");
    bob.event("message", |event| event["text"] == "in a moment");
}
