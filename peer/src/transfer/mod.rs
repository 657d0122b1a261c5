//! The contents of files between two people: each running transfer has a
//! connection of its own and a thread of its own with a small runtime, so that
//! no message and no call waits behind it; a second thread reads or writes the
//! disk.
//!
//! ```text
//!  disk: read, hash --blocks--> TLS ======> TLS --blocks--> disk: hash, write
//!        (sender.rs)      (wire.rs)      (wire.rs)       (receiver.rs)
//! ```
//!
//! Who may run when is decided in `core/transfers.rs`; here a run goes until
//! it ends one way or another, and says how.

pub(crate) mod names;
pub(crate) mod place;
mod receiver;
mod sender;
pub(crate) mod source;
pub(crate) mod state;
mod wire;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustls::ClientConfig;
use tokio::sync::{Notify, mpsc};
use twocan_proto::body::file::{Bulk, FileHash, FileRef};

use crate::core::Report;
use crate::link::{Stream, dial};
use crate::store::Store;
use crate::store::transfers::SavedTransfer;

use wire::Wire;
pub(crate) use wire::opened_for;

/// Tells the runs of a program apart.
pub(crate) type RunId = u64;

/// How the connection of a run comes about.
#[derive(Debug)]
pub(crate) enum Connect {
    /// We dial, where the link to the peer was dialled.
    Dial {
        tls: Arc<ClientConfig>,
        at: SocketAddr,
    },
    /// The peer dialled, and has said what for.
    Ready(Box<Stream>),
}

/// Everything a run is made of.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) transfer: SavedTransfer,
    pub(crate) connect: Connect,
    pub(crate) store: Store,
    pub(crate) reports: mpsc::Sender<Report>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Receiver: all is on disk, under its name.
    Arrived { path: PathBuf, blake3: FileHash },
    /// Sender: the other side has taken all that it asked for.
    Sent,
    /// We were told to stop.
    Stopped,
    /// The connection, or the other side on it: to be tried again.
    Broken(String),
    /// Our disk: the user has to do something first.
    Held(String),
    /// It can never be complete.
    Failed(String),
}

/// What a run tells when it has ended.
#[derive(Debug)]
pub(crate) struct RunEnded {
    pub(crate) run: RunId,
    pub(crate) transfer: uuid::Uuid,
    pub(crate) outcome: Outcome,
}

/// What is known of a run from outside while it goes on.
#[derive(Debug, Default)]
struct Progress {
    /// Bytes of the transfer that are sent, or on disk.
    done: AtomicU64,
    stop: AtomicBool,
    stopping: Notify,
}

impl Progress {
    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn set_done(&self, bytes: u64) {
        self.done.store(bytes, Ordering::Relaxed);
    }

    fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Comes back when the run is to end. One task waits for it.
    async fn stopped(&self) {
        while !self.is_stopping() {
            self.stopping.notified().await;
        }
    }
}

/// A running transfer; dropped, it is told to stop.
#[derive(Debug)]
pub(crate) struct RunHandle {
    pub(crate) id: RunId,
    progress: Arc<Progress>,
}

impl RunHandle {
    pub(crate) fn done(&self) -> u64 {
        self.progress.done()
    }

    /// Tells the run to end; it reports when it has.
    pub(crate) fn stop(&self) {
        self.progress.stop.store(true, Ordering::Relaxed);
        self.progress.stopping.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.progress.is_stopping()
    }
}

impl Drop for RunHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a run. It reports how it ended, whatever happens.
pub(crate) fn start(run: Run) -> RunHandle {
    let progress = Arc::new(Progress::default());
    progress.set_done(run.transfer.done);
    let handle = RunHandle {
        id: run.id,
        progress: Arc::clone(&progress),
    };
    let mut ending = Ending {
        reports: run.reports.clone(),
        ended: Some(RunEnded {
            run: run.id,
            transfer: run.transfer.id,
            outcome: Outcome::Broken("twocan failed to carry it".into()),
        }),
    };
    let body = move || {
        if let Some(ended) = &mut ending.ended {
            ended.outcome = on_own_runtime(run, progress);
        }
    };
    // If there is no thread to be had, `ending` is dropped and reports it.
    if let Err(error) = std::thread::Builder::new().name("file".into()).spawn(body) {
        tracing::warn!(%error, "no thread for a transfer");
    }
    handle
}

/// Reports the end of a run when its thread is over, by panic as well.
struct Ending {
    reports: mpsc::Sender<Report>,
    ended: Option<RunEnded>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(ended) = self.ended.take() else {
            return;
        };
        let report = Report::Transfer(crate::core::TransferReport::Ended(ended));
        if let Err(mpsc::error::TrySendError::Full(report)) = self.reports.try_send(report) {
            let reports = self.reports.clone();
            // The core has ended if nobody takes it.
            let _waiting =
                std::thread::Builder::new().spawn(move || drop(reports.blocking_send(report)));
        }
    }
}

fn on_own_runtime(run: Run, progress: Arc<Progress>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("file-disk")
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(carry(run, progress)),
        Err(error) => Outcome::Broken(format!("there is nothing left to run it with: {error}")),
    }
}

async fn carry(run: Run, progress: Arc<Progress>) -> Outcome {
    let Run {
        transfer,
        connect,
        store,
        ..
    } = run;
    let connected = tokio::select! {
        connected = connected(connect, &transfer) => connected,
        () = progress.stopped() => return Outcome::Stopped,
    };
    let wire = match connected {
        Ok(wire) => wire,
        Err(text) => return Outcome::Broken(text),
    };
    match transfer.sides.outgoing {
        true => sender::run(wire, transfer, store, progress).await,
        false => receiver::run(wire, transfer, store, progress).await,
    }
}

async fn connected(connect: Connect, transfer: &SavedTransfer) -> Result<Wire, String> {
    match connect {
        Connect::Ready(mut stream) => {
            move_here(&mut stream).map_err(|error| error.to_string())?;
            Ok(Wire::new(stream))
        }
        Connect::Dial { tls, at } => {
            let dialled = dial::dial(tls, vec![at.into()], Some(transfer.peer))
                .await
                .map_err(|failed| failed.error.message)?;
            let mut wire = Wire::new(Box::new(dialled.stream));
            let open = Bulk::Open(FileRef {
                transfer: transfer.id,
            });
            wire.say(&open).await.map_err(|error| error.to_string())?;
            Ok(wire)
        }
    }
}

/// Has a connection that was accepted elsewhere wake this runtime itself,
/// which saves a change of threads each time that something comes.
#[cfg(unix)]
fn move_here(stream: &mut Stream) -> io::Result<()> {
    use std::os::fd::AsFd as _;
    let socket = stream.get_mut().0;
    let same = std::net::TcpStream::from(socket.as_fd().try_clone_to_owned()?);
    *socket = tokio::net::TcpStream::from_std(same)?;
    Ok(())
}

#[cfg(not(unix))]
fn move_here(_: &mut Stream) -> io::Result<()> {
    Ok(())
}

/// BLAKE3 of a set: of the hashes of its files, one after another. A single
/// file keeps its own.
fn hash_of_all(folder: bool, files: &[FileHash]) -> FileHash {
    match files {
        [only] if !folder => *only,
        _ => {
            let mut hasher = blake3::Hasher::new();
            for file in files {
                hasher.update(&file.0);
            }
            FileHash(*hasher.finalize().as_bytes())
        }
    }
}

/// Bytes read at once when only hashing.
const HASH_READ: usize = 1024 * 1024;

/// Hashes the first `bytes` of `file`, for as long as `go_on` says so.
fn hash_beginning(
    file: &mut File,
    bytes: u64,
    hasher: &mut blake3::Hasher,
    mut go_on: impl FnMut() -> bool,
) -> io::Result<()> {
    file.rewind()?;
    let mut buffer = vec![0; HASH_READ];
    let mut left = bytes;
    while left > 0 && go_on() {
        let most = usize::try_from(left).unwrap_or(HASH_READ).min(HASH_READ);
        file.read_exact(&mut buffer[..most])?;
        hasher.update(&buffer[..most]);
        left -= most as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
