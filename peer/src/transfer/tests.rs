//! One side of a run against an other side that does not keep to the rules.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use twocan_proto::body::file::{FileEnd, FileEntries, FileEntry, FileGet, Standing};
use twocan_proto::identity::Identity;
use twocan_proto::limits;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::state::Sides;
use super::*;
use crate::link::tls::{LinkTls, server_name};
use crate::store::transfers::{self as table, SavedFile};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

async fn wires() -> (Wire, Wire) {
    let tls = LinkTls::new(&Identity::from_seed(&[1; 32])).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let dial = async {
        let tcp = TcpStream::connect(at).await.unwrap();
        let stream = TlsConnector::from(tls.file_client)
            .connect(server_name(), tcp)
            .await;
        Wire::new(Box::new(stream.unwrap().into()))
    };
    let accept = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(tls.server).accept(tcp).await;
        Wire::new(Box::new(stream.unwrap().into()))
    };
    tokio::join!(dial, accept)
}

/// One side with its folder, its database and the wire to the other side.
struct OneSide {
    folder: TempDir,
    transfer: SavedTransfer,
    store: Store,
    wire: Wire,
}

impl OneSide {
    /// A side, and the wire in the hands of the test.
    async fn new(outgoing: bool, files: &[(&str, u64)]) -> (Self, Wire) {
        let folder = tempfile::tempdir().unwrap();
        let (store, _thread) = Store::open(&folder.path().join("db"), None).unwrap();
        let is_folder = !files[0].0.is_empty();
        let transfer = SavedTransfer {
            id: Uuid::from_u128(5),
            peer: Identity::from_seed(&[2; 32]).peer_id(),
            sides: Sides {
                outgoing,
                mine: Standing::Accepted,
                theirs: Standing::Offered,
            },
            name: "../name".into(),
            folder: is_folder,
            files: files.len() as u64,
            size: files.iter().map(|(_, size)| size).sum(),
            at: Timestamp::from_millis(0),
            reason: None,
            told: true,
            root: folder.path().join("here"),
            path: None,
            done: 0,
            blake3: None,
        };
        let known: Vec<_> = files
            .iter()
            .map(|&(path, size)| SavedFile {
                path: path.into(),
                size,
                modified: None,
                blake3: None,
            })
            .collect();
        let row = transfer.clone();
        store
            .run(move |db| {
                table::save(db, &row)?;
                // A receiver hears of the files of a folder only later.
                match outgoing || !is_folder {
                    true => table::add_files(db, row.id, 0, &known),
                    false => Ok(()),
                }
            })
            .await
            .unwrap();
        let (wire, other) = wires().await;
        let side = Self {
            folder,
            transfer,
            store,
            wire,
        };
        (side, other)
    }

    fn part(&self) -> PathBuf {
        place::part(&self.transfer.root, self.transfer.id)
    }

    /// Runs this side against `other` until it ends.
    async fn against(self, other: impl Future<Output = Wire>) -> (Outcome, TempDir) {
        let progress = Arc::new(Progress::default());
        let run = Box::pin(async {
            match self.transfer.sides.outgoing {
                true => sender::run(self.wire, self.transfer, self.store, progress).await,
                false => receiver::run(self.wire, self.transfer, self.store, progress).await,
            }
        });
        let both = async { tokio::join!(run, Box::pin(other)) };
        let (outcome, _wire) = tokio::time::timeout(PATIENCE, both).await.unwrap();
        (outcome, self.folder)
    }
}

async fn chunk(wire: &mut Wire, bytes: &[u8]) {
    let _ended = wire.say(&Bulk::Chunk(bytes.to_vec().into())).await;
}

async fn end(wire: &mut Wire, file: u64, bytes: &[u8]) {
    let blake3 = FileHash(*blake3::hash(bytes).as_bytes());
    let _ended = wire.say(&Bulk::End(FileEnd { file, blake3 })).await;
}

async fn asked(wire: &mut Wire) -> Bulk {
    wire.word(PATIENCE).await.unwrap().unwrap()
}

fn all_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("db"));
    names.sort();
    names
}

#[tokio::test]
async fn an_honest_sender_is_believed_and_its_path_is_not() {
    let (side, mut other) = OneSide::new(false, &[("", 5)]).await;
    let (outcome, folder) = side
        .against(async {
            let get = FileGet { file: 0, offset: 0 };
            assert_eq!(asked(&mut other).await, Bulk::Get(get));
            chunk(&mut other, b"hel").await;
            chunk(&mut other, b"").await;
            chunk(&mut other, b"lo").await;
            end(&mut other, 0, b"hello").await;
            other
        })
        .await;
    assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    assert_eq!(all_in(folder.path()), ["here"]);
    assert_eq!(all_in(&folder.path().join("here")), ["_._name"]);
}

#[tokio::test]
async fn more_than_was_offered_is_not_taken() {
    let (side, mut other) = OneSide::new(false, &[("", 5)]).await;
    let part = side.part();
    let (outcome, _folder) = side
        .against(async {
            asked(&mut other).await;
            chunk(&mut other, b"hello").await;
            chunk(&mut other, b"!").await;
            other
        })
        .await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(fs::read(part).unwrap(), b"hello");
}

#[tokio::test]
async fn an_end_that_comes_early_is_no_end() {
    let (side, mut other) = OneSide::new(false, &[("", 5)]).await;
    let (outcome, folder) = side
        .against(async {
            asked(&mut other).await;
            chunk(&mut other, b"hell").await;
            end(&mut other, 0, b"hell").await;
            other
        })
        .await;
    assert!(matches!(outcome, Outcome::Broken(_)), "{outcome:?}");
    assert!(!folder.path().join("here/_._name").exists());
}

#[tokio::test]
async fn a_wrong_hash_fails_it_and_a_damaged_part_starts_over() {
    for (on_disk, failed) in [(&b""[..], true), (&b"hXl"[..], false)] {
        let (side, mut other) = OneSide::new(false, &[("", 5)]).await;
        let part = side.part();
        fs::create_dir_all(&side.transfer.root).unwrap();
        fs::write(&part, on_disk).unwrap();
        let (outcome, _folder) = side
            .against(async {
                let offset = on_disk.len() as u64;
                assert_eq!(
                    asked(&mut other).await,
                    Bulk::Get(FileGet { file: 0, offset })
                );
                chunk(&mut other, &b"he!lo"[on_disk.len()..]).await;
                end(&mut other, 0, b"hello").await;
                other
            })
            .await;
        assert_eq!(matches!(outcome, Outcome::Failed(_)), failed, "{outcome:?}");
        assert_eq!(
            matches!(outcome, Outcome::Broken(_)),
            !failed,
            "{outcome:?}"
        );
        assert_eq!(fs::read(part).unwrap(), b"");
    }
}

#[tokio::test]
async fn lists_that_trick_are_refused() {
    let lists: [&[(&str, u64)]; 6] = [
        &[("../x", 1), ("y", 2)],
        &[("/etc/x", 1), ("y", 2)],
        &[("x", 1), ("x", 2)],
        &[("x", 1), ("x/y", 2)],
        &[("x", 1), ("y", 3)],
        &[("x", 1), ("y", 1), ("z", 1)],
    ];
    for list in lists {
        let (side, mut other) = OneSide::new(false, &[("x", 1), ("y", 2)]).await;
        let (outcome, folder) = side
            .against(async {
                assert_eq!(asked(&mut other).await, Bulk::List);
                let files = list.iter().map(|&(path, size)| FileEntry {
                    path: path.into(),
                    size,
                });
                let entries = FileEntries {
                    files: files.collect(),
                    more: false,
                };
                let _ended = other.say(&Bulk::Entries(entries)).await;
                other
            })
            .await;
        assert!(
            matches!(outcome, Outcome::Failed(_)),
            "{list:?}: {outcome:?}"
        );
        assert_eq!(all_in(folder.path()), Vec::<String>::new(), "{list:?}");
    }
}

#[tokio::test]
async fn places_that_the_set_does_not_have_are_not_read() {
    for get in [(1, 0), (u64::MAX, 0), (0, 6), (0, u64::MAX)] {
        let (side, mut other) = OneSide::new(true, &[("", 5)]).await;
        fs::write(&side.transfer.root, "hello").unwrap();
        let (file, offset) = get;
        let (outcome, _folder) = side
            .against(async {
                other
                    .say(&Bulk::Get(FileGet { file, offset }))
                    .await
                    .unwrap();
                assert!(!matches!(other.next(PATIENCE).await, Ok(Some(_))));
                other
            })
            .await;
        assert!(
            matches!(outcome, Outcome::Broken(_)),
            "{get:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_sender_takes_no_contents_and_no_other_version() {
    for wrong in [
        &[0x40 | 36, 0, 1, 7][..],
        &[0xc0 | 35, 0, 0],
        &[0x40 | 35, 0, 1, b'x'],
    ] {
        let (side, mut other) = OneSide::new(true, &[("", 5)]).await;
        let (outcome, _folder) = side
            .against(async {
                other.write(wrong).await.unwrap();
                other.flush().await.unwrap();
                other
            })
            .await;
        assert!(
            matches!(outcome, Outcome::Broken(_)),
            "{wrong:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_chunk_over_the_limit_is_refused_unread() {
    let (side, mut other) = OneSide::new(false, &[("", 100_000)]).await;
    let (outcome, _folder) = side
        .against(async {
            asked(&mut other).await;
            let length = u16::try_from(limits::FILE_CHUNK_BYTES + 1).unwrap();
            let [high, low] = length.to_be_bytes();
            let _ended = other.write(&[0x40 | 36, high, low]).await;
            let _ended = other.flush().await;
            other
        })
        .await;
    assert!(matches!(outcome, Outcome::Broken(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_long_list_takes_several_frames() {
    let paths: Vec<_> = (0..2000)
        .map(|n| (format!("{}/{n}", "folder".repeat(20)), 0))
        .collect();
    let files: Vec<_> = paths
        .iter()
        .map(|(path, size)| (path.as_str(), *size))
        .collect();
    let (side, mut other) = OneSide::new(true, &files).await;
    let (outcome, _folder) = side
        .against(async {
            other.say(&Bulk::List).await.unwrap();
            let mut got = Vec::new();
            loop {
                let Bulk::Entries(entries) = asked(&mut other).await else {
                    panic!()
                };
                got.extend(entries.files.into_iter().map(|file| (file.path, file.size)));
                if !entries.more {
                    break;
                }
            }
            assert_eq!(got, paths);
            other.close().await;
            wires().await.0
        })
        .await;
    assert!(matches!(outcome, Outcome::Sent), "{outcome:?}");
}
