//! The database of a profile: contacts, conversations, outbox, settings.
//!
//! One thread owns the connection. Work comes to it as jobs through a bounded
//! queue; those that have arrived together run in one transaction and commit
//! together, so that many messages cost one write to the disk (group commit).
//! A job's answer is given only after the commit: what was answered is on
//! disk, and nothing goes to the wire or is acknowledged before.
//!
//! The functions of the submodules take a plain connection, so that tests
//! call them with no thread and no runtime.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::{self, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::api;
use crate::vault::DatabaseKey;

pub(crate) mod cache;
pub(crate) mod calls;
pub(crate) mod chat;
pub(crate) mod contacts;
mod copy;
pub(crate) mod keys;
mod migrations;
pub(crate) mod settings;
pub(crate) mod transfers;

pub(crate) use copy::{copy_database, verify_database};

/// Jobs waiting at most; whoever brings one more waits for a place.
const QUEUE: usize = 1024;
/// Jobs that commit together at most, so that the first is not kept waiting.
const BATCH: usize = 512;

/// How long nothing has to come before the index of words catches up.
const QUIET: Duration = Duration::from_millis(200);
/// Statements kept ready: more than there are in the program.
const STATEMENTS: usize = 256;

/// How long jobs wait for another program that has the database locked, such
/// as one that makes a copy of it.
const LOCKED_WAIT: Duration = Duration::from_secs(2);

/// Tells what became of a job once its transaction has committed or not.
type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Gets the connection, or why there is no transaction to work in.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Worked + Send>;

/// What a job did, not yet committed.
struct Worked {
    done: Done,
    result: Result<(), StoreError>,
}

/// Why the database did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own words.
    #[error("the database says: {0}")]
    Sqlite(String),
    /// There is no room for what was to be written.
    #[error("the disk is full: nothing was stored; make room and try again")]
    Full,
    /// Another program has the database.
    #[error(
        "another program keeps the profile's database locked: nothing was stored; end it and try again"
    )]
    Locked,
    /// The disk refuses, or a quota does.
    #[error(
        "the disk does not take what is written ({0}): nothing was stored; look at its space, its quota and its health"
    )]
    Disk(String),
    /// The database was written by a later version.
    #[error(
        "the profile was written by a newer twocan (database version {found}, this one knows {known}): update twocan"
    )]
    Newer {
        /// Version of the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// The file is no database, or not a sound one.
    #[error(
        "the database of the profile is damaged ({0}); nothing was changed: put back a copy of it, or import a backup into another folder with twocan import"
    )]
    Damaged(String),
    /// The thread has ended.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged(error.to_string()),
            Some(Code::DiskFull) => Self::Full,
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Locked,
            Some(Code::SystemIoFailure) => Self::Disk(error.to_string()),
            _ => Self::Sqlite(error.to_string()),
        }
    }
}

impl From<StoreError> for api::Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => Self::stopped(),
            other => Self::new(api::ErrorCode::Io, other.to_string()),
        }
    }
}

/// A handle to the database's thread, which ends when the last one is gone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Opens the database at `path`, encrypted if there is a key, made and
    /// migrated as needed, and starts its thread. The handle is joined to know
    /// that all is written.
    pub(crate) fn open(
        path: &Path,
        key: Option<&DatabaseKey>,
    ) -> Result<(Self, std::thread::JoinHandle<()>), StoreError> {
        let connection = connect(path, key)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let no_thread = |error: std::io::Error| StoreError::Sqlite(error.to_string());
        // Of a runtime the thread needs only to wait for so long at most.
        let clock = runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(no_thread)?;
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || serve(&connection, queue, &clock))
            .map_err(no_thread)?;
        Ok((Self { jobs }, thread))
    }

    /// Runs `work` in a transaction and answers once it is on disk. When
    /// `work` fails, nothing of it stays.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        self.submit(work).await?.await
    }

    /// Like [`Self::run`], in two steps: after the first the job has its
    /// place among the others, the second waits for its answer.
    pub(crate) async fn submit<T, F>(
        &self,
        work: F,
    ) -> Result<impl Future<Output = Result<T, StoreError>> + Send + Sync + 'static, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let result = transaction.and_then(|connection| Ok(in_savepoint(connection, work)?));
            Worked {
                result: result.as_ref().map(drop).map_err(Clone::clone),
                done: Box::new(move |committed| {
                    // Nobody waiting any more is no fault: the work is done.
                    let _gone = answer.send(committed.and(result));
                }),
            }
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        Ok(async { answered.await.map_err(|_| StoreError::Closed)? })
    }
}

fn connect(path: &Path, key: Option<&DatabaseKey>) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    if let Some(key) = key {
        // Before anything is read; what SQLite sorts stays in memory, as
        // SQLCipher is built to.
        connection.pragma_update(None, "key", key.literal().as_str())?;
        // Else it writes of damage to standard error, where others write.
        connection.execute_batch("PRAGMA cipher_log = off")?;
    }
    prepare(&mut connection)?;
    Ok(connection)
}

fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    connection.busy_timeout(LOCKED_WAIT)?;
    // FULL: a commit survives a power cut, not only a crash of ours. Deleted
    // content is overwritten, as people mean it when they delete.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;",
    )?;
    cache::install(connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    chat::search::install(connection)?;
    migrations::migrate(connection)
}

fn serve(connection: &Connection, mut queue: mpsc::Receiver<Job>, clock: &Runtime) {
    let mut wait = LOCKED_WAIT;
    while let Some(first) = next_job(connection, &mut queue, clock) {
        let begun = begin(connection, wait);
        // One that was waited for in vain is not waited for again until it
        // is gone, so that not everything takes that long.
        wait = match begun {
            Ok(Begun::ToWrite) => LOCKED_WAIT,
            Ok(Begun::ToRead) | Err(_) => Duration::ZERO,
        };
        let (done, result) = match begun {
            Ok(_) => run_together(connection, first, &mut queue),
            Err(error) => (vec![first(Err(error.clone())).done], Err(error)),
        };
        let committed = result.and_then(|()| Ok(connection.execute_batch("COMMIT")?));
        if let Err(error) = &committed {
            tracing::error!(%error, "the database did not take a transaction");
        }
        for tell in done {
            tell(committed.clone());
        }
    }
    if let Err(error) =
        connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);")
    {
        tracing::warn!(%error, "the database was left with its journal, which the next start takes in");
    }
}

/// Runs jobs in one transaction. Some errors (no room, a broken disk) end it
/// with all that is in it: then no job of it is done, and no further one may
/// run, as it would be alone and commit by itself.
fn run_together(
    connection: &Connection,
    first: Job,
    queue: &mut mpsc::Receiver<Job>,
) -> (Vec<Done>, Result<(), StoreError>) {
    let mut worked = first(Ok(connection));
    let mut done = vec![worked.done];
    while !connection.is_autocommit() && done.len() < BATCH {
        let Ok(job) = queue.try_recv() else { break };
        worked = job(Ok(connection));
        done.push(worked.done);
    }
    match worked.result {
        Err(error) if connection.is_autocommit() => (done, Err(error)),
        _ => (done, Ok(())),
    }
}

/// What a transaction is good for.
enum Begun {
    ToWrite,
    /// Another program writes: jobs that write fail.
    ToRead,
}

/// Begins a transaction, which waits so long for another program that writes.
/// One that a failed commit has left open is given up.
///
/// The right to write is asked for here, as SQLite does not wait for it once
/// a transaction has read.
fn begin(connection: &Connection, wait: Duration) -> Result<Begun, StoreError> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.busy_timeout(wait)?;
    match connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(StoreError::from)
    {
        Ok(()) => Ok(Begun::ToWrite),
        Err(StoreError::Locked) => {
            // One wait is for all jobs.
            connection.busy_timeout(Duration::ZERO)?;
            connection.execute_batch("BEGIN")?;
            Ok(Begun::ToRead)
        }
        Err(error) => Err(error),
    }
}

/// The next job. When none has come for a while, the index of words catches
/// up until one does: while messages come one after another, the processor
/// is theirs.
fn next_job(
    connection: &Connection,
    queue: &mut mpsc::Receiver<Job>,
    clock: &Runtime,
) -> Option<Job> {
    let behind = chat::search::is_behind(connection).unwrap_or(false);
    if !behind {
        return queue.blocking_recv();
    }
    if let Ok(job) = clock.block_on(async { timeout(QUIET, queue.recv()).await }) {
        return job;
    }
    loop {
        match queue.try_recv() {
            Ok(job) => return Some(job),
            Err(mpsc::error::TryRecvError::Disconnected) => return None,
            Err(mpsc::error::TryRecvError::Empty) => {}
        }
        match index_some(connection) {
            Ok(true) => {}
            Ok(false) => return queue.blocking_recv(),
            Err(error) => {
                tracing::warn!(%error, "the index of words stays behind");
                return queue.blocking_recv();
            }
        }
    }
}

/// One step of the index, in a transaction of its own, if it is worth one.
fn index_some(connection: &Connection) -> Result<bool, rusqlite::Error> {
    Ok(chat::search::is_behind(connection)? && in_savepoint(connection, chat::search::step)?)
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, rusqlite::Error> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
    run("SAVEPOINT job")?;
    let result = work(connection);
    if result.is_err() {
        if connection.is_autocommit() {
            // SQLite has taken everything back already.
            return result;
        }
        run("ROLLBACK TO job")?;
    }
    run("RELEASE job")?;
    result
}

#[cfg(test)]
pub(crate) fn in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    prepare(&mut connection).expect("schema");
    connection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_index_catches_up_when_nothing_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let (store, thread) = Store::open(&path, None).unwrap();
        store
            .run(|db| {
                db.execute_batch(
                    "INSERT INTO conversations (peer) VALUES (zeroblob(32));
                     INSERT INTO streams (conversation, author) VALUES (1, zeroblob(32));
                     WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
                     INSERT INTO entries (id, conversation, stream, seq, kind, text, sent_at, stored_at)
                     SELECT CAST(x AS BLOB), 1, 1, x, 'text', 'word', 0, 0 FROM n;",
                )
            })
            .await
            .unwrap();
        // Read beside the thread: a job of ours would be something that came.
        let reader = Connection::open(&path).unwrap();
        let upto = || -> i64 {
            let upto = reader.query_row("SELECT upto FROM indexed", [], |row| row.get(0));
            upto.unwrap()
        };
        let caught_up = async {
            while upto() < 768 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), caught_up).await.unwrap();
        drop(store);
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_failed_job_leaves_nothing_and_disturbs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (store, thread) = Store::open(&folder.path().join("db"), None).unwrap();
        let good = store.run(|db| settings::set(db, "a", &serde_json::json!(1)));
        let bad = store.run(|db| {
            settings::set(db, "b", &serde_json::json!(2))?;
            Err::<(), _>(rusqlite::Error::InvalidQuery)
        });
        let (good, bad) = tokio::join!(good, bad);
        assert_eq!(good, Ok(()));
        assert!(bad.is_err());
        assert_eq!(
            store.run(|db| settings::get(db, "a")).await,
            Ok(Some(serde_json::json!(1)))
        );
        assert_eq!(store.run(|db| settings::get(db, "b")).await, Ok(None));
        drop(store);
        thread.join().unwrap();
    }
    #[tokio::test]
    async fn a_disk_that_is_full_takes_all_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (store, thread) = Store::open(&folder.path().join("db"), None).unwrap();
        let set = |key: &'static str, bytes: usize| {
            let value = serde_json::json!("x".repeat(bytes));
            store.run(move |db| settings::set(db, key, &value))
        };
        let limit = |pages: i64| {
            store.run(move |db| {
                db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
            })
        };
        limit(1).await.unwrap();
        // Those around it run in the same transaction, or in another.
        let together = tokio::join!(
            set("before", 1),
            set("large", 10_000_000),
            set("after", 1),
            set("last", 1)
        );
        assert_eq!(together.1, Err(StoreError::Full));
        for (key, told) in [
            ("before", together.0),
            ("large", together.1),
            ("after", together.2),
            ("last", together.3),
        ] {
            let there = store.run(move |db| settings::get(db, key)).await.unwrap();
            assert_eq!(there.is_some(), told.is_ok(), "{key}");
        }
        limit(1_000_000).await.unwrap();
        assert_eq!(set("again", 1).await, Ok(()));
        drop(store);
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_locked_database_keeps_nobody_waiting_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let (store, thread) = Store::open(&path, None).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let begun = std::time::Instant::now();
        let sets = (0..20).map(|n| {
            store.run(move |db| settings::set(db, &format!("key {n}"), &serde_json::json!(n)))
        });
        for told in futures_util::future::join_all(sets).await {
            assert_eq!(told, Err(StoreError::Locked));
        }
        assert!(begun.elapsed() < LOCKED_WAIT * 2, "{:?}", begun.elapsed());
        other.execute_batch("COMMIT").unwrap();
        let set = store.run(|db| settings::set(db, "key", &serde_json::json!(1)));
        assert_eq!(set.await, Ok(()));
        drop(store);
        thread.join().unwrap();
    }
}
