//! Files between two engines in one process, over real sockets on loopback.
//! Where a test must happen in the middle of a transfer, a gate between the
//! two lets so many bytes through and no more.
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot go on without has failed it"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use twocan_peer::Engine;
use twocan_peer::api::{
    Config, Draft, ErrorCode, Event, MessageState, Relation, Transfer, TransferId, TransferState,
};
use twocan_proto::identity::PeerId;

mod gate;
#[path = "transfers/interrupted.rs"]
mod interrupted;
mod support;
use gate::Gate;

const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1024 * 1024;

struct Side {
    engine: Engine,
    events: Receiver<Event>,
    id: PeerId,
    address: String,
    config: Config,
    folder: TempDir,
}

impl Side {
    async fn new(name: &str, auto_accept: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            auto_accept,
            ..support::config(&folder.path().join("profile"), name)
        };
        Self::start(config, folder).await
    }

    async fn start(config: Config, folder: TempDir) -> Self {
        let (engine, events) = Engine::start(config.clone()).await.unwrap();
        let me = engine.whoami().await.unwrap();
        Self {
            engine,
            events,
            id: me.peer_id,
            address: me.listen[0].to_string(),
            config,
            folder,
        }
    }

    async fn again(self) -> Self {
        self.engine.shutdown().await;
        Self::start(self.config, self.folder).await
    }

    async fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let mut last = None;
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the engine runs");
                if let Some(found) = wanted(&event) {
                    return found;
                }
                if let Event::Transfer(transfer) = event {
                    last = Some(transfer);
                }
            }
        };
        match timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!("never came: {what}; last {last:?}"),
        }
    }

    async fn linked(&mut self) {
        self.wait("link", |event| match event {
            Event::Contact(c) if c.relation == Relation::Mutual && c.path.is_some() => Some(()),
            _ => None,
        })
        .await;
    }

    async fn state(&mut self, id: TransferId, state: TransferState) -> Transfer {
        self.wait(&format!("{state:?}"), |event| match event {
            Event::Transfer(t) if t.transfer == id && t.state == state => Some((**t).clone()),
            _ => None,
        })
        .await
    }

    async fn reason(&mut self, id: TransferId, reason: &str) {
        self.wait(reason, |event| match event {
            Event::Transfer(t) if t.transfer == id && t.reason.as_deref() == Some(reason) => {
                Some(())
            }
            _ => None,
        })
        .await;
    }

    /// Waits until so many bytes are done.
    async fn come_to(&mut self, id: TransferId, bytes: u64) {
        self.wait("progress", |event| match event {
            Event::Transfer(t) if t.transfer == id && t.done >= bytes => Some(()),
            _ => None,
        })
        .await;
    }

    async fn transfer(&self, id: TransferId) -> Transfer {
        let all = self.engine.transfers().await.unwrap();
        all.into_iter().find(|t| t.transfer == id).unwrap()
    }

    fn downloads(&self) -> PathBuf {
        self.config.data.join("downloads")
    }

    /// A file of our own to send.
    fn file(&self, name: &str, bytes: u64) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, pattern(bytes)).unwrap();
        path
    }
}

/// Bytes that are the same nowhere twice in a row.
fn pattern(bytes: u64) -> Vec<u8> {
    (0..bytes / 8 + 1)
        .flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .take(usize::try_from(bytes).unwrap())
        .collect()
}

fn same(a: &Path, b: &Path) -> bool {
    std::fs::read(a).unwrap() == std::fs::read(b).unwrap()
}

/// Everything in a folder, hidden things as well.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// What came in vain is removed soon after it is known to be in vain.
async fn nothing_is_left(folder: &Path) {
    let gone = async {
        while !names(folder).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

/// Two who know each other and are linked; the second accepts by itself.
async fn friends() -> (Side, Side) {
    let (mut a, mut b) = (Side::new("anna", true).await, Side::new("bert", true).await);
    a.engine.connect(&b.address).await.unwrap();
    a.linked().await;
    b.linked().await;
    (a, b)
}

/// The same with a gate between them: `a` has dialled `b`.
async fn gated() -> (Side, Side, Gate) {
    let (mut a, mut b) = (Side::new("anna", true).await, Side::new("bert", true).await);
    let gate = Gate::to(b.address.parse().unwrap()).await;
    a.engine.connect(&gate.address.to_string()).await.unwrap();
    a.linked().await;
    b.linked().await;
    (a, b, gate)
}

/// The same as friends, and `b` decides on offers herself.
async fn asking() -> (Side, Side) {
    let (mut a, mut b) = (
        Side::new("anna", true).await,
        Side::new("bert", false).await,
    );
    b.engine.connect(&a.address).await.unwrap();
    a.linked().await;
    b.linked().await;
    (a, b)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_either_way_whoever_dialled() {
    let (mut a, mut b) = friends().await;
    let there = a.file("there.bin", 3 * MIB + 17);
    let back = b.file("back.bin", 0);
    let id = a.engine.file_send(b.id, &there).await.unwrap();
    let arrived = b.state(id, TransferState::Done).await;
    let sent = a.state(id, TransferState::Done).await;
    assert_eq!(
        arrived.path.as_deref(),
        b.downloads().join("there.bin").to_str()
    );
    assert!(same(&there, &b.downloads().join("there.bin")));
    let hash = blake3::hash(&std::fs::read(&there).unwrap()).to_string();
    assert_eq!(arrived.blake3.as_ref(), Some(&hash));
    assert_eq!(sent.blake3, Some(hash));
    assert_eq!((arrived.done, sent.done), (3 * MIB + 17, 3 * MIB + 17));
    assert_eq!((arrived.outgoing, sent.outgoing), (false, true));

    let id = b.engine.file_send(a.id, &back).await.unwrap();
    let arrived = a.state(id, TransferState::Done).await;
    b.state(id, TransferState::Done).await;
    assert!(same(&back, Path::new(&arrived.path.unwrap())));
    assert_eq!(names(&a.downloads()), ["back.bin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_go_at_once_both_ways_and_messages_pass_them() {
    let (mut a, mut b) = friends().await;
    let mut sent = Vec::new();
    for n in 0..6 {
        let (from_a, from_b) = (
            a.file(&format!("a{n}"), 8 * MIB),
            b.file(&format!("b{n}"), 8 * MIB),
        );
        sent.push((
            true,
            a.engine.file_send(b.id, &from_a).await.unwrap(),
            from_a,
        ));
        sent.push((
            false,
            b.engine.file_send(a.id, &from_b).await.unwrap(),
            from_b,
        ));
    }
    let text = Draft {
        text: "meanwhile".into(),
        ..Draft::default()
    };
    let message = a.engine.send(b.id, text).await.unwrap();
    a.wait("delivered", |event| {
        matches!(event, Event::MessageState { id, state: MessageState::Delivered, .. } if *id == message)
            .then_some(())
    })
    .await;
    for (to_b, id, source) in sent {
        let side = if to_b { &mut b } else { &mut a };
        let mut arrived = side.transfer(id).await;
        if arrived.state != TransferState::Done {
            arrived = side.state(id, TransferState::Done).await;
        }
        assert!(same(&source, Path::new(&arrived.path.unwrap())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_one_set() {
    let (mut a, mut b) = friends().await;
    let root = a.folder.path().join("album");
    std::fs::create_dir_all(root.join("2026/may")).unwrap();
    for n in 0..150 {
        std::fs::write(root.join(format!("2026/may/{n:03}.jpg")), pattern(n * 700)).unwrap();
    }
    std::fs::write(root.join("notes.txt"), "hello").unwrap();
    std::fs::write(root.join("large"), pattern(5 * MIB)).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
    std::fs::create_dir_all(b.downloads().join("album")).unwrap();

    let id = a.engine.file_send(b.id, &root).await.unwrap();
    #[cfg(unix)]
    a.wait("notice", |event| match event {
        Event::Notice { text, .. } if text.contains("links") => Some(()),
        _ => None,
    })
    .await;
    let arrived = b.state(id, TransferState::Done).await;
    assert_eq!((arrived.files, arrived.folder), (152, true));
    let here = b.downloads().join("album (2)");
    assert_eq!(arrived.path.as_deref(), here.to_str());
    for name in ["notes.txt", "large", "2026/may/000.jpg", "2026/may/149.jpg"] {
        assert!(same(&root.join(name), &here.join(name)), "{name}");
    }
    assert_eq!(names(&here.join("2026/may")).len(), 150);
    assert_eq!(names(&here), ["2026", "large", "notes.txt"]);
    assert_eq!(names(&b.downloads()), ["album", "album (2)"]);
    let sent = a.state(id, TransferState::Done).await;
    assert_eq!(sent.blake3, arrived.blake3);
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_refused_taken_elsewhere_and_taken_back() {
    let (mut a, mut b) = asking().await;
    let file = a.file("a.txt", 100);
    let id = a.engine.file_send(b.id, &file).await.unwrap();
    b.state(id, TransferState::Offered).await;
    b.engine.file_reject(id).await.unwrap();
    a.state(id, TransferState::Rejected).await;
    assert_eq!(
        b.engine.file_accept(id, None).await.unwrap_err().code,
        ErrorCode::Conflict
    );

    let id = a.engine.file_send(b.id, &file).await.unwrap();
    b.state(id, TransferState::Offered).await;
    a.engine.file_cancel(id).await.unwrap();
    let cancelled = b.state(id, TransferState::Cancelled).await;
    assert_eq!(
        cancelled.reason.as_deref(),
        Some("cancelled by the other side")
    );

    let id = a.engine.file_send(b.id, &file).await.unwrap();
    b.state(id, TransferState::Offered).await;
    assert_eq!(
        b.engine.file_pause(id).await.unwrap_err().code,
        ErrorCode::Conflict
    );
    assert_eq!(
        a.engine.file_accept(id, None).await.unwrap_err().code,
        ErrorCode::Conflict
    );
    let elsewhere = b.folder.path().join("elsewhere");
    b.engine.file_accept(id, Some(&elsewhere)).await.unwrap();
    let arrived = b.state(id, TransferState::Done).await;
    assert_eq!(arrived.path.as_deref(), elsewhere.join("a.txt").to_str());
    assert_eq!(names(&b.downloads()), Vec::<String>::new());
    let unknown = uuid::Uuid::nil();
    assert_eq!(
        b.engine.file_cancel(unknown).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_over_and_the_setting_says_where() {
    let (a, mut b) = friends().await;
    let folder = b.folder.path().join("my files");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.txt"), "mine").unwrap();
    let value = folder.to_str().unwrap();
    b.engine.set("files.folder", value.into()).await.unwrap();
    assert!(
        b.engine
            .set("files.folder", "relative".into())
            .await
            .is_err()
    );
    let file = a.file("a.txt", 10);
    for name in ["a (2).txt", "a (3).txt"] {
        let id = a.engine.file_send(b.id, &file).await.unwrap();
        let arrived = b.state(id, TransferState::Done).await;
        assert_eq!(arrived.path.as_deref(), folder.join(name).to_str());
    }
    b.engine
        .set("files.folder", "default".into())
        .await
        .unwrap();
    let id = a.engine.file_send(b.id, &file).await.unwrap();
    let arrived = b.state(id, TransferState::Done).await;
    let downloads = b.downloads().join("a.txt");
    assert_eq!(arrived.path.as_deref(), downloads.to_str());
    assert_eq!(
        std::fs::read_to_string(folder.join("a.txt")).unwrap(),
        "mine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_waits_for_who_is_away() {
    let (mut a, b, gate) = gated().await;
    gate.allow(MIB);
    b.engine.shutdown().await;
    a.wait("gone", |event| {
        matches!(event, Event::Contact(c) if c.path.is_none()).then_some(())
    })
    .await;
    let file = a.file("later.txt", 1000);
    let id = a.engine.file_send(b.id, &file).await.unwrap();
    assert_eq!(a.transfer(id).await.state, TransferState::Offered);
    let mut a = a.again().await;
    assert_eq!(a.transfer(id).await.state, TransferState::Offered);
    let mut b = Side::start(b.config, b.folder).await;
    gate.lead_to(b.address.parse().unwrap());
    b.state(id, TransferState::Done).await;
    a.state(id, TransferState::Done).await;
    assert!(same(&file, &b.downloads().join("later.txt")));
}
