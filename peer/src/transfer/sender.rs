//! The sending side of a run: says what the set is made of, and reads, hashes
//! and sends what is asked for.
//!
//! A blocking place reads and hashes one block while the one before it is
//! being encrypted and sent; blocks go back to be filled again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::sync::mpsc;
use twocan_proto::body::file::{
    Bulk, FileEnd, FileEntries, FileEntry, FileFail, FileGet, FileHash,
};
use twocan_proto::frame::{HEADER_BYTES, Kind, VERSION};
use twocan_proto::limits;

use super::wire::{Wire, WireError};
use super::{Outcome, Progress, source};
use crate::store::Store;
use crate::store::transfers::{self as table, SavedFile, SavedTransfer};

/// Chunks in one block: large enough that reading, hashing and encrypting
/// pay off, small enough that all buffers of a run stay in a core's cache.
const CHUNKS: usize = 16;
const FRAME: usize = HEADER_BYTES + limits::FILE_CHUNK_BYTES;
const BLOCK: usize = CHUNKS * FRAME;
/// Blocks read ahead of the network.
const AHEAD: usize = 2;
/// Bytes of entries in one frame, as JSON at its longest.
const ENTRIES: usize = 60_000;
/// A receiver may take this long between its words: it looks through what it
/// has, and brings to disk what it got.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What the reading side hands over.
enum Piece {
    /// Whole frames, with so many bytes of files in them.
    Frames { block: Block, payload: u64 },
    /// Reading takes its time.
    Alive,
    /// The source is not what was offered; a sentence for both.
    Gone(String),
}

pub(super) async fn run(
    mut wire: Wire,
    transfer: SavedTransfer,
    store: Store,
    progress: Arc<Progress>,
) -> Outcome {
    let id = transfer.id;
    let files = match store.run(move |db| table::files(db, id)).await {
        Ok(files) => Arc::new(files),
        Err(error) => return Outcome::Held(error.to_string()),
    };
    let root = Arc::new(transfer.root);
    let outcome = tokio::select! {
        outcome = serve(&mut wire, &root, &files, &progress) => outcome,
        () = progress.stopped() => Outcome::Stopped,
    };
    if let Outcome::Failed(text) = &outcome {
        let fail = Bulk::Fail(FileFail {
            text: twocan_proto::text::name(text, limits::REASON_BYTES),
        });
        // It is told on the link as well.
        let _gone = wire.say(&fail).await;
    }
    wire.close().await;
    outcome
}

async fn serve(
    wire: &mut Wire,
    root: &Arc<PathBuf>,
    files: &Arc<Vec<SavedFile>>,
    progress: &Arc<Progress>,
) -> Outcome {
    loop {
        let answered = match wire.word(PATIENCE).await {
            Ok(Some(Bulk::List)) => list(wire, files).await.map(|()| None),
            Ok(Some(Bulk::Get(get))) => match Reading::new(root, files, get) {
                Some(reading) => {
                    progress.set_done(reading.before());
                    send(wire, reading, progress).await
                }
                None => Err(WireError::Unexpected),
            },
            Ok(Some(_)) => Err(WireError::Unexpected),
            Ok(None) => return Outcome::Sent,
            Err(error) => Err(error),
        };
        match answered {
            Ok(None) => {}
            Ok(Some(gone)) => return Outcome::Failed(gone),
            Err(error) => return Outcome::Broken(error.to_string()),
        }
    }
}

async fn list(wire: &mut Wire, files: &[SavedFile]) -> Result<(), WireError> {
    let mut entries = Vec::new();
    let mut bytes = 0;
    for (number, file) in files.iter().enumerate() {
        entries.push(FileEntry {
            path: file.path.clone(),
            size: file.size,
        });
        // JSON may make six characters of one byte.
        bytes += 6 * file.path.len() + 64;
        let more = number + 1 < files.len();
        let next = files
            .get(number + 1)
            .map_or(0, |file| 6 * file.path.len() + 64);
        if !more || bytes + next > ENTRIES || entries.len() == limits::FILE_ENTRIES {
            let files = std::mem::take(&mut entries);
            wire.say(&Bulk::Entries(FileEntries { files, more }))
                .await?;
            bytes = 0;
        }
    }
    Ok(())
}

/// Sends what is read. Gives what is wrong with the source, if something is.
async fn send(
    wire: &mut Wire,
    reading: Reading,
    progress: &Arc<Progress>,
) -> Result<Option<String>, WireError> {
    let (pieces, mut ready) = mpsc::channel(AHEAD);
    let (give_back, spare) = mpsc::channel(AHEAD + 1);
    let stopping = Arc::clone(progress);
    let reader = tokio::task::spawn_blocking(move || {
        Output::new(pieces, spare, stopping).read_all(reading);
    });
    let mut gone = None;
    while let Some(piece) = ready.recv().await {
        match piece {
            Piece::Frames { block, payload } => {
                wire.write(block.frames()).await?;
                progress.add(payload);
                // Nobody takes it back at the end.
                let _last = give_back.try_send(block);
            }
            Piece::Alive => wire.say(&Bulk::Chunk(bytes::Bytes::new())).await?,
            Piece::Gone(text) => gone = Some(text),
        }
    }
    wire.flush().await?;
    if reader.await.is_err() {
        return Err(io::Error::other("reading ended badly").into());
    }
    Ok(gone)
}

/// What is to be read: from a place in one file to the end of the last.
struct Reading {
    root: Arc<PathBuf>,
    files: Arc<Vec<SavedFile>>,
    from: FileGet,
}

impl Reading {
    /// `None` if the set has no such place.
    fn new(root: &Arc<PathBuf>, files: &Arc<Vec<SavedFile>>, from: FileGet) -> Option<Self> {
        let file = files.get(usize::try_from(from.file).ok()?)?;
        (from.offset <= file.size).then(|| Self {
            root: Arc::clone(root),
            files: Arc::clone(files),
            from,
        })
    }

    /// Bytes before that place.
    fn before(&self) -> u64 {
        let whole = usize::try_from(self.from.file).unwrap_or(usize::MAX);
        let sizes = self.files.iter().take(whole).map(|file| file.size);
        sizes.sum::<u64>() + self.from.offset
    }
}

/// A buffer of frames, filled from its beginning.
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

    fn frames(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.filled + bytes <= self.bytes.len()
    }

    /// Reads one chunk of at most `most` bytes into a frame and hashes it.
    fn read_chunk(
        &mut self,
        file: &mut File,
        most: u64,
        hasher: &mut blake3::Hasher,
    ) -> io::Result<u64> {
        let length = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .min(limits::FILE_CHUNK_BYTES);
        let (header, body) =
            self.bytes[self.filled..][..HEADER_BYTES + length].split_at_mut(HEADER_BYTES);
        file.read_exact(body)?;
        hasher.update(body);
        header[0] = VERSION << 6 | Kind::FILE_CHUNK.bits();
        // A chunk is shorter than 16 bits can say.
        let told = u16::try_from(length).unwrap_or(u16::MAX);
        header[1..].copy_from_slice(&told.to_be_bytes());
        self.filled += HEADER_BYTES + length;
        Ok(length as u64)
    }

    fn append(&mut self, frame: &[u8]) {
        self.bytes[self.filled..][..frame.len()].copy_from_slice(frame);
        self.filled += frame.len();
    }
}

/// Why reading ends early.
enum Stop {
    /// Nobody takes what is read, or we were told to stop.
    Unwanted,
    Gone(String),
}

/// The reading side: fills blocks and hands them over.
struct Output {
    pieces: mpsc::Sender<Piece>,
    spare: mpsc::Receiver<Block>,
    progress: Arc<Progress>,
    block: Block,
    payload: u64,
    alive: Instant,
}

impl Output {
    fn new(
        pieces: mpsc::Sender<Piece>,
        spare: mpsc::Receiver<Block>,
        progress: Arc<Progress>,
    ) -> Self {
        Self {
            pieces,
            spare,
            progress,
            block: Block::new(),
            payload: 0,
            alive: Instant::now(),
        }
    }

    fn read_all(mut self, reading: Reading) {
        let mut offset = reading.from.offset;
        for (number, file) in (0u64..).zip(reading.files.iter()) {
            if number < reading.from.file {
                continue;
            }
            match self.read_file(&reading.root, file, number, offset) {
                Ok(()) => offset = 0,
                Err(Stop::Unwanted) => return,
                Err(Stop::Gone(text)) => {
                    let _unwanted = self.pieces.blocking_send(Piece::Gone(text));
                    return;
                }
            }
        }
        let _unwanted = self.hand_over();
    }

    fn read_file(
        &mut self,
        root: &std::path::Path,
        file: &SavedFile,
        number: u64,
        offset: u64,
    ) -> Result<(), Stop> {
        let mut opened = source::open(root, file).map_err(Stop::Gone)?;
        let mut hasher = blake3::Hasher::new();
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Stop::Gone("the file became shorter while it was sent".into())
            }
            _ => Stop::Gone(format!("the file can no longer be read: {error}")),
        };
        if offset > 0 {
            self.hash_before(&mut opened, offset, &mut hasher)
                .map_err(unreadable)?;
            if self.progress.is_stopping() {
                return Err(Stop::Unwanted);
            }
            opened.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        }
        let mut left = file.size - offset;
        while left > 0 {
            if !self.block.has_room(FRAME) {
                self.hand_over()?;
            }
            let read = self
                .block
                .read_chunk(&mut opened, left, &mut hasher)
                .map_err(unreadable)?;
            left -= read;
            self.payload += read;
        }
        source::check_unchanged(&opened, root, file).map_err(Stop::Gone)?;
        self.end(FileEnd {
            file: number,
            blake3: FileHash(*hasher.finalize().as_bytes()),
        })
    }

    /// Hashes what the other side has already, with signs of life.
    fn hash_before(
        &mut self,
        file: &mut File,
        bytes: u64,
        hasher: &mut blake3::Hasher,
    ) -> io::Result<()> {
        let (pieces, progress, alive) = (&self.pieces, &self.progress, &mut self.alive);
        super::hash_beginning(file, bytes, hasher, || {
            if alive.elapsed() > limits::TRANSFER_ALIVE {
                *alive = Instant::now();
                // One that is waiting already is enough.
                let _waiting = pieces.try_send(Piece::Alive);
            }
            !progress.is_stopping() && !pieces.is_closed()
        })
    }

    fn end(&mut self, end: FileEnd) -> Result<(), Stop> {
        let mut frame = BytesMut::new();
        let encoded = Bulk::End(end)
            .to_frame()
            .and_then(|end| end.encode(&mut frame));
        debug_assert!(encoded.is_ok());
        if !self.block.has_room(frame.len()) {
            self.hand_over()?;
        }
        self.block.append(&frame);
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Stop> {
        let mut next = self.spare.try_recv().unwrap_or_else(|_| Block::new());
        next.filled = 0;
        let piece = Piece::Frames {
            block: std::mem::replace(&mut self.block, next),
            payload: std::mem::take(&mut self.payload),
        };
        self.pieces.blocking_send(piece).map_err(|_| Stop::Unwanted)
    }
}
