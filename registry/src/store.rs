//! The database: one thread owns the connection and makes every change. Changes
//! that arrive together are committed together, each in its own savepoint, and
//! are applied to the [`Directory`] after the commit, so that what was answered
//! is on disk. Nothing is read from here after the start.
//!
//! `synchronous=FULL`: an account that was confirmed must survive a power cut,
//! and committing in groups keeps that cheap.

mod bans;
mod copies;
mod migrations;
mod rows;

pub(crate) use copies::{Content, CopyError, backup};

use crate::{
    bans::{Ban, Subject},
    directory::{Arrival, Directory, Member, Place, SessionRow},
    limits, now,
};
use rusqlite::Connection;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Instant,
};
use tokio::sync::oneshot;
use twocan_proto::{
    api::{Host, Username},
    heartbeat::SessionId,
    identity::PeerId,
    time::Timestamp,
};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The name belongs to somebody.
    #[error("the name is taken")]
    Taken,
    /// The account has been deleted meanwhile.
    #[error("the account is gone")]
    Gone,
    /// More changes are waiting than the disk can take.
    #[error("the disk is behind")]
    Full,
    /// There are as many of these as there may be.
    #[error("there are too many")]
    TooMany,
    /// The disk has no room.
    #[error("the disk is full")]
    DiskFull,
    /// The database failed.
    #[error("the database failed")]
    Failed,
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer version made it.
    #[error(
        "the database was made by a newer twocan-registry (schema {found}, this one knows {known}); install the newer version"
    )]
    Newer {
        /// Its schema.
        found: usize,
        /// The newest schema of this program.
        known: usize,
    },
    /// A row that cannot be understood.
    #[error("the database holds a bad {0}; restore it from a backup")]
    Damaged(&'static str),
    /// SQLite failed.
    #[error("the database cannot be opened: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The folder or the thread failed.
    #[error("the database cannot be opened: {0}")]
    Io(#[from] io::Error),
}

/// An account to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) username: Username,
    pub(crate) password_hash: String,
    pub(crate) host: Host,
    pub(crate) key: Option<PeerId>,
    pub(crate) email: Option<String>,
    pub(crate) observed: std::net::IpAddr,
    pub(crate) created_at: Timestamp,
}

/// One thing to be changed.
#[derive(Debug)]
pub(crate) enum Change {
    Register(NewAccount),
    /// Opens a session, after ending those that make room for it. A row with the
    /// token of an older session takes its place.
    Open {
        member: Arc<Member>,
        row: SessionRow,
        arrival: Arrival,
        end: Vec<SessionId>,
    },
    Close(SessionId),
    Delete {
        username: Username,
        account: i64,
    },
    /// Saves last-seen times and drops what has expired.
    Sweep {
        seen: Vec<(i64, Timestamp)>,
        now: Timestamp,
    },
    Ban(Ban),
    Unban(Subject),
}

struct Job {
    change: Change,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

/// What the writer thread is asked for.
enum Task {
    Change(Job),
    /// A backup takes the place of everything.
    Restore {
        backup: PathBuf,
        reply: oneshot::Sender<Result<Content, CopyError>>,
    },
}

/// The way to the writer thread.
#[derive(Debug)]
pub(crate) struct Store {
    /// `None` once the store has been closed.
    queue: Mutex<Option<SyncSender<Task>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens or makes the database, loads the directory and starts the writer.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub(crate) fn open(path: &Path, directory: Arc<Directory>) -> Result<Self, OpenError> {
        let mut connection = connect(path)?;
        migrations::run(&mut connection)?;
        load(&connection, &directory)?;
        let (queue, jobs) = sync_channel(limits::WRITE_QUEUE);
        let writer = Writer {
            connection,
            directory,
            path: path.to_owned(),
        };
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&jobs))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Makes one change; it is on disk and in the directory when this returns.
    /// A caller that goes away does not undo it.
    pub(crate) async fn change(&self, change: Change) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Task::Change(Job { change, reply }))?;
        answer.await.unwrap_or(Err(StoreError::Failed))
    }

    /// Puts a backup in the place of everything, on disk and in the directory.
    /// What was there before is in [`BEFORE_RESTORE`] of the data folder.
    pub(crate) async fn restore(&self, backup: PathBuf) -> Result<Content, CopyError> {
        const STOPPED: fn() -> CopyError = || CopyError::File {
            file: "the database".to_owned(),
            error: io::ErrorKind::BrokenPipe.into(),
        };
        let (reply, answer) = oneshot::channel();
        self.send(Task::Restore { backup, reply })
            .map_err(|_| STOPPED())?;
        answer.await.unwrap_or_else(|_| Err(STOPPED()))
    }

    fn send(&self, job: Task) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(StoreError::Failed)?;
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full,
            TrySendError::Disconnected(_) => StoreError::Failed,
        })
    }

    /// Finishes what is waiting and closes the database; blocks until then.
    pub(crate) fn close(&self) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the database thread failed");
        }
    }
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    private_file(path)?;
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A deleted account leaves no bytes behind in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// The database holds password hashes and heartbeat keys: nobody else reads it.
/// SQLite gives its side files the mode of the main one.
fn private_file(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Where a restore keeps what was there before.
const BEFORE_RESTORE: &str = "before-restore.db";

impl copies::Verified {
    /// The directory that comes of it: everything must be readable before
    /// anything is touched. Nobody is online in it.
    fn try_load(&self) -> Result<Directory, CopyError> {
        let fresh = Directory::new(0);
        if let Some(connection) = &self.connection {
            load(connection, &fresh)?;
        }
        Ok(fresh)
    }
}

fn load(connection: &Connection, directory: &Directory) -> Result<(), OpenError> {
    let now = now();
    rows::load(connection, directory, now)?;
    bans::load(connection, &directory.bans, now)
}

/// Puts a backup in the place of a database that nobody has open; one that
/// cannot be opened is moved out of the way. `folder` is where it is.
///
/// # Errors
/// [`CopyError`]; the database is then as it was.
pub(crate) fn restore(database: &Path, folder: &Path, backup: &Path) -> Result<Content, CopyError> {
    let mut verified = copies::Verified::of(backup, folder)?;
    verified.try_load()?;
    let live = connect(database).and_then(|live| {
        live.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
        Ok(live)
    });
    let mut live = match live {
        Ok(mut live) => {
            copies::backup_of(&mut live, &folder.join(BEFORE_RESTORE), now())?;
            live
        }
        Err(OpenError::Sqlite(_)) => {
            copies::set_aside(database, now())?;
            connect(database)?
        }
        Err(other) => return Err(other.into()),
    };
    copies::bring_back(&mut verified, &mut live)?;
    Ok(verified.content.clone())
}

/// The thread that makes the changes, and what it owns.
struct Writer {
    connection: Connection,
    directory: Arc<Directory>,
    path: PathBuf,
}

impl Writer {
    fn run(mut self, tasks: &Receiver<Task>) {
        while let Ok(first) = tasks.recv() {
            let mut batch = Vec::new();
            let mut next = Some(first);
            let restore = loop {
                match next {
                    Some(Task::Change(job)) => batch.push(job),
                    Some(Task::Restore { backup, reply }) => break Some((backup, reply)),
                    None => break None,
                }
                next = (batch.len() < limits::WRITE_BATCH)
                    .then(|| tasks.try_recv().ok())
                    .flatten();
            };
            if !batch.is_empty() {
                self.write(batch);
            }
            if let Some((backup, reply)) = restore
                && reply.send(self.restore(&backup)).is_err()
            {
                tracing::debug!("nobody waited for the backup to be brought back");
            }
        }
    }

    fn write(&mut self, batch: Vec<Job>) {
        let begun = Instant::now();
        let outcomes = match commit(&mut self.connection, &batch) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::error!(%error, "changes could not be written");
                batch.iter().map(|_| Err(rows::reason(&error))).collect()
            }
        };
        self.directory.metrics.committed(begun.elapsed());
        for (job, outcome) in batch.into_iter().zip(outcomes) {
            let reply = outcome.map(|made| made.apply(job.change, &self.directory));
            if job.reply.send(reply).is_err() {
                tracing::debug!("a client left before its change was made");
            }
        }
    }

    fn restore(&mut self, backup: &Path) -> Result<Content, CopyError> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        let mut verified = copies::Verified::of(backup, folder)?;
        let fresh = verified.try_load()?;
        let before = folder.join(BEFORE_RESTORE);
        copies::backup_of(&mut self.connection, &before, now())?;
        copies::bring_back(&mut verified, &mut self.connection)?;
        self.directory.replace_with(fresh);
        Ok(verified.content.clone())
    }
}

/// What a change gave, to be applied once it is on disk.
enum Made {
    Account(i64),
    Plain,
}

fn commit(
    connection: &mut Connection,
    batch: &[Job],
) -> rusqlite::Result<Vec<Result<Made, StoreError>>> {
    let mut transaction = connection.transaction()?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        let savepoint = transaction.savepoint()?;
        let outcome = make(&savepoint, &job.change);
        if outcome.is_ok() {
            savepoint.commit()?;
        }
        outcomes.push(outcome);
    }
    transaction.commit()?;
    Ok(outcomes)
}

fn make(connection: &Connection, change: &Change) -> Result<Made, StoreError> {
    let outcome = match change {
        Change::Register(account) => rows::insert_account(connection, account).map(Made::Account),
        Change::Open {
            row, arrival, end, ..
        } => rows::open_session(connection, row, arrival, end).map(|()| Made::Plain),
        Change::Close(id) => rows::delete_session(connection, *id).map(|()| Made::Plain),
        Change::Delete { account, .. } => {
            rows::delete_account(connection, *account).map(|()| Made::Plain)
        }
        Change::Sweep { seen, now } => rows::sweep(connection, seen, *now)
            .and_then(|()| bans::sweep(connection, *now))
            .map(|()| Made::Plain),
        Change::Ban(ban) => return bans::put(connection, ban).map(|()| Made::Plain),
        Change::Unban(subject) => bans::remove(connection, subject).map(|()| Made::Plain),
    };
    outcome.map_err(|error| rows::reason(&error))
}

impl Made {
    fn apply(self, change: Change, directory: &Directory) {
        match (self, change) {
            (Self::Account(id), Change::Register(new)) => {
                let place = Place::new(new.host, new.key, Some(new.observed));
                directory.add_member(Member::new(id, new.username, new.password_hash, place));
            }
            (
                _,
                Change::Open {
                    member,
                    row,
                    arrival,
                    end,
                },
            ) => {
                end.into_iter().for_each(|id| directory.remove_session(id));
                directory.open_session(row, &member, arrival);
            }
            (_, Change::Close(id)) => directory.remove_session(id),
            (_, Change::Delete { username, account }) => {
                directory.remove_member(&username, account);
            }
            (_, Change::Sweep { now, .. }) => {
                directory.remove_expired(now);
                directory.bans.remove_ended(now);
            }
            (_, Change::Ban(ban)) => {
                let subject = ban.subject.clone();
                directory.bans.put(ban);
                directory.put_offline(&subject);
            }
            (_, Change::Unban(subject)) => directory.bans.remove(&subject),
            (Self::Plain, Change::Register(_)) => {}
        }
    }
}

#[cfg(test)]
#[path = "store/tests.rs"]
mod tests;
