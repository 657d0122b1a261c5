//! The database: one thread owns the connection and makes every change. Changes
//! that arrive together are committed together, each in its own savepoint, and
//! are applied to the [`Directory`] after the commit, so that what was answered
//! is on disk. Nothing is read from here after the start.
//!
//! `synchronous=FULL`: an account that was confirmed must survive a power cut,
//! and committing in groups keeps that cheap.

mod bans;
mod copies;
mod load;
mod migrations;
mod rows;
mod writer;

pub(crate) use copies::{Content, CopyError, backup};

use crate::{
    attempts::{Strikes, Subject},
    bans::{Ban, Subject as Banned},
    directory::{Arrival, Directory, Member, Owner, Place, Reset, SessionRow, TokenHash},
    limits, now,
};
use rusqlite::Connection;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;
use twocan_proto::{
    api::{Email, Host, Phone, Profile, Role, Username, Visibility},
    heartbeat::SessionId,
    identity::PeerId,
    time::Timestamp,
};
use writer::Writer;

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
    pub(crate) email: Option<Email>,
    pub(crate) phone: Option<Phone>,
    pub(crate) role: Role,
    pub(crate) visibility: Visibility,
    pub(crate) observed: std::net::IpAddr,
    /// The name at that address.
    pub(crate) place: Subject,
    pub(crate) created_at: Timestamp,
}

/// What opens a session, looked at once more when it is written: the password may
/// have been changed, or the older session ended, in between.
#[derive(Debug, Clone)]
pub(crate) enum Opener {
    /// The password behind this hash.
    Password(String),
    /// An older session with the same token.
    Token,
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
        opener: Opener,
        end: Vec<SessionId>,
    },
    Close(SessionId),
    /// Sets a password, by a link or without one, and ends all sessions and links.
    Password {
        member: Arc<Member>,
        hash: String,
        link: Option<TokenHash>,
        now: Timestamp,
    },
    /// Makes a link for a new password good.
    Link {
        token: TokenHash,
        reset: Reset,
    },
    Email {
        member: Arc<Member>,
        email: Option<Email>,
    },
    /// Visibility and profile.
    Describe {
        member: Arc<Member>,
        visibility: Visibility,
        profile: Profile,
    },
    Role {
        member: Arc<Member>,
        role: Role,
    },
    Attempts(Vec<Strikes>),
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
    Unban(Banned),
}

impl Change {
    /// Whether it is about an account as it was before a backup took the place of
    /// everything, or before the name went to somebody else.
    fn is_stale(&self, directory: &Directory) -> bool {
        let (Self::Open { member, .. }
        | Self::Password { member, .. }
        | Self::Email { member, .. }
        | Self::Describe { member, .. }
        | Self::Role { member, .. }
        | Self::Link {
            reset: Reset { member, .. },
            ..
        }) = self
        else {
            return false;
        };
        let present = directory.member(&member.username);
        present.is_none_or(|present| !Arc::ptr_eq(&present, member))
    }
}

struct Job {
    change: Change,
    /// `None` when nobody waits for it.
    reply: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// What the writer thread is asked for.
enum Task {
    Change(Box<Job>),
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
    /// Opens or makes the database, loads the directory and starts the writer;
    /// gives back the attempts that are still remembered, too.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub(crate) fn open(
        path: &Path,
        directory: Arc<Directory>,
    ) -> Result<(Self, Vec<Strikes>), OpenError> {
        let mut connection = connect(path)?;
        migrations::run(&mut connection)?;
        load(&connection, &directory)?;
        let attempts = load::attempts(&connection, now())?;
        let (queue, jobs) = sync_channel(limits::WRITE_QUEUE);
        let writer = Writer {
            connection,
            directory,
            path: path.to_owned(),
        };
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&jobs))?;
        let store = Self {
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
        };
        Ok((store, attempts))
    }

    /// Makes one change; it is on disk and in the directory when this returns.
    /// A caller that goes away does not undo it.
    pub(crate) async fn change(&self, change: Change) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Task::Change(Box::new(Job {
            change,
            reply: Some(reply),
        })))?;
        answer.await.unwrap_or(Err(StoreError::Failed))
    }

    /// Makes one change soon, for whoever need not know when. When more is waiting
    /// than the disk can take, it is not made.
    pub(crate) fn note(&self, change: Change) {
        let job = Job {
            change,
            reply: None,
        };
        if self.send(Task::Change(Box::new(job))).is_err() {
            tracing::warn!("the disk is behind: a note was not kept");
        }
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
        let fresh = Directory::new(0, now());
        if let Some(connection) = &self.connection {
            load(connection, &fresh)?;
        }
        Ok(fresh)
    }
}

fn load(connection: &Connection, directory: &Directory) -> Result<(), OpenError> {
    let now = now();
    load::directory(connection, directory, now)?;
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

impl NewAccount {
    fn into_member(self, id: i64) -> Member {
        let mut place = Place::new(self.host, self.key, Some(self.observed));
        place.visibility = self.visibility;
        place.role = self.role;
        let owner = Owner {
            password_hash: self.password_hash,
            email: self.email,
            phone: self.phone,
            known: vec![self.place],
        };
        Member::new((id, self.username), self.created_at, place, owner)
    }
}

#[cfg(test)]
#[path = "store/tests.rs"]
mod tests;
