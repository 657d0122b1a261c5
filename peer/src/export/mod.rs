//! Conversations in files of the user's own: written as JSON or text, and
//! read back from JSON.
//!
//! Both go message by message, so that a conversation of any length needs no
//! more memory than a short one. They run beside everything else and take the
//! database for moments only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use tokio::runtime::Handle;
use twocan_proto::identity::PeerId;

use crate::api::{Error, ErrorCode, ExportFormat, Exported, Imported};
use crate::store::chat::{Ends, archive};
use crate::store::{Store, StoreError};

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod json;
mod text;

/// Messages read or written at a time.
const CHUNK: usize = 500;

/// Whose profile it is.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) me: PeerId,
    pub(crate) name: String,
}

/// A conversation and what the other is called.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) peer: PeerId,
    pub(crate) alias: String,
}

/// What writes one form of export.
trait Form {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    fn begin_talk(&mut self, out: &mut dyn Write, talk: &Talk) -> io::Result<()>;
    fn message(&mut self, out: &mut dyn Write, message: &Exported) -> io::Result<()>;
    fn end_talk(&mut self, out: &mut dyn Write) -> io::Result<()>;
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// Writes `talks` to a new file at `path`, which must not be there, and gives
/// the number of messages in it. A file that could not be completed is
/// removed.
pub(crate) async fn export(
    store: Store,
    owner: Owner,
    talks: Vec<Talk>,
    format: ExportFormat,
    path: PathBuf,
) -> Result<u64, Error> {
    let runtime = Handle::current();
    blocking(move || {
        let file = create(&path)?;
        let mut form: Box<dyn Form> = match format {
            ExportFormat::Json => Box::new(json::Json::new(&owner)),
            ExportFormat::Text => Box::new(text::Text::new(&owner)),
        };
        let mut out = BufWriter::new(file);
        let written = write(&runtime, &store, owner.me, &talks, &mut *form, &mut out);
        let ended = written.and_then(|count| {
            out.flush()
                .and_then(|()| out.get_ref().sync_all())
                .map_err(|error| failed("write", &path, &error))?;
            Ok(count)
        });
        if ended.is_err()
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(%error, "half an export could not be removed");
        }
        ended
    })
    .await
}

fn write(
    runtime: &Handle,
    store: &Store,
    me: PeerId,
    talks: &[Talk],
    form: &mut dyn Form,
    out: &mut dyn Write,
) -> Result<u64, Error> {
    let disk = |error: io::Error| {
        Error::new(
            ErrorCode::Io,
            format!("the export could not be written: {error}"),
        )
    };
    let mut count = 0;
    form.begin(out).map_err(disk)?;
    for talk in talks {
        form.begin_talk(out, talk).map_err(disk)?;
        let ends = Ends {
            me,
            peer: talk.peer,
        };
        let mut after = i64::MIN;
        loop {
            let page =
                runtime.block_on(store.run(move |db| archive::page(db, ends, after, CHUNK)))?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (_, message) in &page {
                form.message(out, message).map_err(disk)?;
                count += 1;
            }
        }
        form.end_talk(out).map_err(disk)?;
    }
    form.end(out).map_err(disk)?;
    Ok(count)
}

/// Takes in the messages of an export of ours; see [`archive::import`].
pub(crate) async fn import(store: Store, me: PeerId, path: PathBuf) -> Result<Imported, Error> {
    let runtime = Handle::current();
    blocking(move || {
        let file = File::open(&path).map_err(|error| failed("open", &path, &error))?;
        let first = runtime.block_on(store.run(archive::room_before))?;
        let mut import = Import {
            runtime,
            store,
            me,
            next: first,
            chunk: Vec::new(),
            done: Imported::default(),
            failure: None,
        };
        let read = json::read(BufReader::new(file), &mut import);
        if let Some(failure) = import.failure {
            return Err(failure.into());
        }
        read.map_err(|problem| {
            Error::new(
                ErrorCode::BadRequest,
                format!(
                    "{} is no export of conversations that twocan can read: {problem}",
                    path.display()
                ),
            )
        })?;
        Ok(import.done)
    })
    .await
}

/// An import under way.
struct Import {
    runtime: Handle,
    store: Store,
    me: PeerId,
    /// Where the next message goes in the order of all.
    next: i64,
    chunk: Vec<Exported>,
    done: Imported,
    failure: Option<StoreError>,
}

impl json::Sink for Import {
    fn me(&self) -> PeerId {
        self.me
    }

    fn message(&mut self, peer: PeerId, message: Exported) -> Result<(), String> {
        self.chunk.push(message);
        match self.chunk.len() {
            CHUNK => self.end_talk(peer),
            _ => Ok(()),
        }
    }

    fn end_talk(&mut self, peer: PeerId) -> Result<(), String> {
        let messages = std::mem::take(&mut self.chunk);
        let (ends, next, count) = (Ends { me: self.me, peer }, self.next, messages.len());
        let taken = self
            .runtime
            .block_on(
                self.store
                    .run(move |db| archive::import(db, ends, &messages, next)),
            )
            .map_err(|error| {
                let text = error.to_string();
                self.failure = Some(error);
                text
            })?;
        self.next = taken.next;
        self.done.new += taken.new;
        self.done.known += count as u64 - taken.new;
        Ok(())
    }
}

/// A new file that only we can read; what is there is never written over.
fn create(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::new(
            ErrorCode::Conflict,
            format!("{} is there already: choose another name", path.display()),
        ),
        _ => failed("make", path, &error),
    })
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorCode::Io,
        format!("cannot {what} {}: {error}", path.display()),
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(Error::stopped()),
    }
}
