//! The receiving side of a run: looks what is on disk already, asks for the
//! rest, and brings it to disk.
//!
//! One block is filled from the network while the one before it is hashed and
//! written in a blocking place; blocks go back to be filled again. When the
//! disk is slower than the network, the network waits.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use twocan_proto::body::file::{Bulk, FileEnd, FileGet, FileHash};
use twocan_proto::limits;

use super::wire::{Next, Wire, WireError};
use super::{Outcome, Progress, hash_beginning, hash_of_all, names, place};
use crate::store::transfers::{self as table, SavedFile, SavedTransfer};
use crate::store::{Store, StoreError};

/// Bytes of one block: many chunks, so that hashing and writing pay off.
const BLOCK: usize = 32 * limits::FILE_CHUNK_BYTES;
/// Blocks waiting for the disk.
const AHEAD: usize = 2;
/// Files of a list stored in one go, so that messages get between.
const STORED_AT_ONCE: usize = 1000;
/// Whole files remembered in one go.
const WHOLE_AT_ONCE: usize = 64;

/// What the disk has to do next.
enum Work {
    Data(Block),
    End(FileEnd),
    /// Every file was received.
    Finish,
}

/// Bytes of a file, filled from its beginning.
struct Block {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Block {
    fn new() -> Self {
        Self {
            bytes: vec![0; BLOCK].into(),
            filled: 0,
        }
    }
}

pub(super) async fn run(
    mut wire: Wire,
    transfer: SavedTransfer,
    store: Store,
    progress: Arc<Progress>,
) -> Outcome {
    let known = tokio::select! {
        known = files(&mut wire, &transfer, &store) => known,
        () = progress.stopped() => Err(Outcome::Stopped),
    };
    let outcome = match known {
        Ok(files) => receive(&mut wire, transfer, files, store, progress).await,
        Err(outcome) => outcome,
    };
    wire.close().await;
    outcome
}

/// The files of the transfer, asked for if they are not known yet.
async fn files(
    wire: &mut Wire,
    transfer: &SavedTransfer,
    store: &Store,
) -> Result<Vec<SavedFile>, Outcome> {
    let id = transfer.id;
    let known = store
        .run(move |db| table::files(db, id))
        .await
        .map_err(held)?;
    if known.len() as u64 == transfer.files {
        return Ok(known);
    }
    let listed = list(wire, transfer).await?;
    store
        .run(move |db| table::clear_files(db, id))
        .await
        .map_err(held)?;
    for (first, files) in (0u64..)
        .step_by(STORED_AT_ONCE)
        .zip(listed.chunks(STORED_AT_ONCE))
    {
        let files = files.to_vec();
        store
            .run(move |db| table::add_files(db, id, first, &files))
            .await
            .map_err(held)?;
    }
    Ok(listed)
}

fn held(error: StoreError) -> Outcome {
    Outcome::Held(error.to_string())
}

fn broken(error: WireError) -> Outcome {
    Outcome::Broken(error.to_string())
}

async fn list(wire: &mut Wire, transfer: &SavedTransfer) -> Result<Vec<SavedFile>, Outcome> {
    let nonsense = || Outcome::Failed("the list of files makes no sense".into());
    wire.say(&Bulk::List).await.map_err(broken)?;
    let mut places = names::Places::default();
    let mut files = Vec::new();
    let mut size = 0;
    loop {
        let entries = match wire.word(limits::TRANSFER_STALL).await {
            Ok(Some(Bulk::Entries(entries))) => entries,
            Ok(Some(_)) => return Err(nonsense()),
            Ok(None) => return Err(broken(WireError::Closed)),
            Err(error) => return Err(broken(error)),
        };
        if entries.files.is_empty() || (files.len() + entries.files.len()) as u64 > transfer.files {
            return Err(nonsense());
        }
        for entry in entries.files {
            let place = places.place(&entry.path).ok_or_else(nonsense)?;
            size += entry.size;
            files.push(SavedFile {
                path: place.to_string_lossy().into_owned(),
                size: entry.size,
                modified: None,
                blake3: None,
            });
        }
        if !entries.more {
            break;
        }
    }
    match (files.len() as u64, size) == (transfer.files, transfer.size) {
        true => Ok(files),
        false => Err(nonsense()),
    }
}

async fn receive(
    wire: &mut Wire,
    transfer: SavedTransfer,
    files: Vec<SavedFile>,
    store: Store,
    progress: Arc<Progress>,
) -> Outcome {
    let sizes: Vec<u64> = files.iter().map(|file| file.size).collect();
    let (work, inbox) = mpsc::channel(AHEAD);
    let (give_back, spare) = mpsc::channel(AHEAD + 1);
    let (ready, start) = oneshot::channel();
    let disk = Disk::new(transfer, files, store, Arc::clone(&progress), give_back);
    let disk = tokio::task::spawn_blocking(move || disk.run(inbox, ready));
    let mut pull = Pull {
        work,
        spare,
        block: Block::new(),
    };
    let pulled = tokio::select! {
        // The disk says itself what is wrong when it never becomes ready.
        pulled = async { match start.await {
            Ok(start) => pull.run(wire, start, &sizes).await,
            Err(_) => Err(Outcome::Stopped),
        } } => pulled,
        () = progress.stopped() => Err(Outcome::Stopped),
    };
    // What has come is kept, however it ended.
    pull.hand_over().await;
    if pulled.is_ok() {
        pull.give(Work::Finish).await;
    }
    drop(pull);
    let brought = disk
        .await
        .unwrap_or_else(|_| Err(Outcome::Held("writing ended badly".into())));
    match (brought, pulled) {
        (Ok(Some(arrived)), _) => arrived,
        (Err(outcome), _) => outcome,
        (Ok(None), Err(outcome)) => outcome,
        (Ok(None), Ok(())) => Outcome::Stopped,
    }
}

/// Takes what comes from the network, in order, and nothing else.
struct Pull {
    work: mpsc::Sender<Work>,
    spare: mpsc::Receiver<Block>,
    block: Block,
}

impl Pull {
    async fn run(
        &mut self,
        wire: &mut Wire,
        start: Option<FileGet>,
        sizes: &[u64],
    ) -> Result<(), Outcome> {
        // All is here already, and was not put in its place.
        let Some(start) = start else { return Ok(()) };
        wire.say(&Bulk::Get(start)).await.map_err(broken)?;
        let mut offset = start.offset;
        let first = usize::try_from(start.file).unwrap_or(usize::MAX);
        for (number, size) in (0u64..).zip(sizes).skip(first) {
            self.file(wire, number, size.saturating_sub(offset)).await?;
            offset = 0;
        }
        Ok(())
    }

    /// Takes the rest of one file: `left` bytes and its end.
    async fn file(&mut self, wire: &mut Wire, number: u64, mut left: u64) -> Result<(), Outcome> {
        let more_than_offered =
            || Outcome::Failed("the other side sends more than it offered".into());
        loop {
            match wire.next(limits::TRANSFER_STALL).await.map_err(broken)? {
                Some(Next::Chunk(length)) => {
                    left = left
                        .checked_sub(length as u64)
                        .ok_or_else(more_than_offered)?;
                    if self.block.filled + length > self.block.bytes.len() {
                        self.hand_over().await;
                    }
                    let room = &mut self.block.bytes[self.block.filled..][..length];
                    wire.take(room).await.map_err(broken)?;
                    self.block.filled += length;
                }
                Some(Next::Word(Bulk::End(end))) if left == 0 && end.file == number => {
                    self.hand_over().await;
                    self.give(Work::End(end)).await;
                    return Ok(());
                }
                Some(Next::Word(Bulk::Fail(fail))) => {
                    let text = twocan_proto::text::name(&fail.text, limits::REASON_BYTES);
                    return Err(broken(WireError::Told(text)));
                }
                Some(Next::Word(_)) => return Err(broken(WireError::Unexpected)),
                None => return Err(broken(WireError::Closed)),
            }
            if self.work.is_closed() {
                // The disk knows why.
                return Err(Outcome::Stopped);
            }
        }
    }

    async fn hand_over(&mut self) {
        if self.block.filled > 0 {
            let next = self.spare.try_recv().unwrap_or_else(|_| Block::new());
            let full = std::mem::replace(&mut self.block, next);
            self.give(Work::Data(full)).await;
        }
    }

    async fn give(&self, work: Work) {
        // A disk that has given up tells it at its end.
        let _given_up = self.work.send(work).await;
    }
}

/// The disk's side: one file of the set after another.
struct Disk {
    transfer: SavedTransfer,
    files: Vec<SavedFile>,
    part: PathBuf,
    store: Store,
    progress: Arc<Progress>,
    give_back: mpsc::Sender<Block>,
    /// Whole files that the database does not know of yet.
    whole: Vec<(u64, FileHash)>,
}

/// The file that is being received.
struct Current {
    number: usize,
    file: File,
    hasher: blake3::Hasher,
    /// Some of it was on disk before this run.
    resumed: bool,
}

impl Disk {
    fn new(
        transfer: SavedTransfer,
        files: Vec<SavedFile>,
        store: Store,
        progress: Arc<Progress>,
        give_back: mpsc::Sender<Block>,
    ) -> Self {
        Self {
            part: place::part(&transfer.root, transfer.id),
            transfer,
            files,
            store,
            progress,
            give_back,
            whole: Vec::new(),
        }
    }

    /// Works until there is nothing more to do; gives how it ended if it did
    /// more than stop.
    fn run(
        mut self,
        inbox: mpsc::Receiver<Work>,
        ready: oneshot::Sender<Option<FileGet>>,
    ) -> Result<Option<Outcome>, Outcome> {
        let worked = self.work(inbox, ready);
        // However it ended: what is whole stays whole.
        let remembered = self.remember_whole();
        match worked {
            Ok(true) => remembered.and_then(|()| self.finish().map(Some)),
            Ok(false) => remembered.map(|()| None),
            Err(outcome) => Err(outcome),
        }
    }

    /// Whether all files are whole in the end.
    fn work(
        &mut self,
        mut inbox: mpsc::Receiver<Work>,
        ready: oneshot::Sender<Option<FileGet>>,
    ) -> Result<bool, Outcome> {
        let mut current = self.resume()?;
        if self.progress.is_stopping() {
            return Ok(false);
        }
        let start = current.as_mut().map(|at| FileGet {
            file: at.number as u64,
            offset: at.hasher.count(),
        });
        // Nobody waits if the run is over.
        let _over = ready.send(start);
        while let Some(work) = inbox.blocking_recv() {
            match (work, &mut current) {
                (Work::Data(block), Some(at)) => {
                    let bytes = &block.bytes[..block.filled];
                    at.hasher.update(bytes);
                    at.file.write_all(bytes).map_err(|error| trouble(&error))?;
                    self.progress.add(bytes.len() as u64);
                    let _last = self.give_back.try_send(Block { filled: 0, ..block });
                }
                (Work::End(end), Some(at)) => {
                    self.end_file(at, end)?;
                    current = match at.number + 1 {
                        next if next < self.files.len() => Some(self.open(next, true)?),
                        _ => None,
                    };
                }
                (Work::Finish, None) => return Ok(true),
                (_, None) | (Work::Finish, Some(_)) => {
                    return Err(Outcome::Failed(
                        "the other side sends more than it offered".into(),
                    ));
                }
            }
        }
        Ok(false)
    }

    /// Opens the first file that is not whole where it stops; `None` if all
    /// are.
    fn resume(&self) -> Result<Option<Current>, Outcome> {
        fs::create_dir_all(&self.transfer.root).map_err(|error| trouble(&error))?;
        let Some(number) = self.files.iter().position(|file| file.blake3.is_none()) else {
            return Ok(None);
        };
        let mut at = self.open(number, false)?;
        let have = at.file.metadata().map_err(|error| trouble(&error))?.len();
        let size = self.files[number].size;
        let before: u64 = self.files[..number].iter().map(|file| file.size).sum();
        if have > size {
            // Not what we wrote.
            at.file.set_len(0).map_err(|error| trouble(&error))?;
        } else {
            let progress = &self.progress;
            hash_beginning(&mut at.file, have, &mut at.hasher, || {
                !progress.is_stopping()
            })
            .map_err(|error| trouble(&error))?;
            at.resumed = have > 0;
        }
        at.file
            .seek(SeekFrom::Start(at.hasher.count()))
            .map_err(|error| trouble(&error))?;
        self.progress.set_done(before + at.hasher.count());
        self.check_room()?;
        Ok(Some(at))
    }

    fn check_room(&self) -> Result<(), Outcome> {
        let missing = self.transfer.size.saturating_sub(self.progress.done());
        match fs4::available_space(&self.transfer.root) {
            Ok(room) if room < missing => Err(Outcome::Held(format!(
                "the disk is full: it has room for {room} of {missing} bytes; make room, then resume"
            ))),
            // A file system that cannot tell is tried.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn open(&self, number: usize, anew: bool) -> Result<Current, Outcome> {
        let open = || -> io::Result<File> {
            let file = place::open(&self.part, &self.files[number].path)?;
            if anew {
                file.set_len(0)?;
            }
            Ok(file)
        };
        Ok(Current {
            number,
            file: open().map_err(|error| trouble(&error))?,
            hasher: blake3::Hasher::new(),
            resumed: false,
        })
    }

    fn end_file(&mut self, at: &Current, end: FileEnd) -> Result<(), Outcome> {
        let have = FileHash(*at.hasher.finalize().as_bytes());
        if have != end.blake3 {
            at.file.set_len(0).map_err(|error| trouble(&error))?;
            return Err(match at.resumed {
                // The disk may have lost what it had: once more from the start.
                true => Outcome::Broken("what was on disk was damaged, it starts over".into()),
                false => {
                    Outcome::Failed("what arrived is not what was sent (BLAKE3 differs)".into())
                }
            });
        }
        at.file.sync_data().map_err(|error| trouble(&error))?;
        self.files[at.number].blake3 = Some(have);
        self.whole.push((at.number as u64, have));
        match self.whole.len() >= WHOLE_AT_ONCE {
            true => self.remember_whole(),
            false => Ok(()),
        }
    }

    fn remember_whole(&mut self) -> Result<(), Outcome> {
        if self.whole.is_empty() {
            return Ok(());
        }
        let (id, whole) = (self.transfer.id, std::mem::take(&mut self.whole));
        Handle::current()
            .block_on(
                self.store
                    .run(move |db| table::complete_files(db, id, &whole)),
            )
            .map_err(held)
    }

    /// All is whole: gives it its name.
    fn finish(&self) -> Result<Outcome, Outcome> {
        let hashes: Vec<FileHash> = self.files.iter().filter_map(|file| file.blake3).collect();
        let blake3 = hash_of_all(self.transfer.folder, &hashes);
        let id = self.transfer.id;
        let path = place::finish(&self.part, &names::safe(&self.transfer.name), |target| {
            let target = target.to_string_lossy().into_owned();
            Handle::current()
                .block_on(
                    self.store
                        .run(move |db| table::set_path(db, id, &target, blake3)),
                )
                .map_err(io::Error::other)
        })
        .map_err(|error| trouble(&error))?;
        Ok(Outcome::Arrived { path, blake3 })
    }
}

/// What our disk does not do, in words that say what to do.
fn trouble(error: &io::Error) -> Outcome {
    Outcome::Held(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: make room, then resume".into()
        }
        io::ErrorKind::FileTooLarge => {
            "the file is larger than this disk takes: cancel it, or allow larger files and resume"
                .into()
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "the folder cannot be written to: allow it, then resume".into()
        }
        _ => format!("the disk says: {error}; mend it, then resume"),
    })
}
