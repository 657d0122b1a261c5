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

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::api;

pub(crate) mod chat;
pub(crate) mod contacts;
pub(crate) mod keys;
mod migrations;
pub(crate) mod settings;
pub(crate) mod transfers;

/// Jobs waiting at most; whoever brings one more waits for a place.
const QUEUE: usize = 1024;
/// Jobs that commit together at most, so that the first is not kept waiting.
const BATCH: usize = 512;

/// Statements kept ready: more than there are in the program.
const STATEMENTS: usize = 256;

/// Tells what became of a job once its transaction has committed or not.
type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Done + Send>;

/// Why the database did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own words.
    #[error("the database says: {0}")]
    Sqlite(String),
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
    /// The thread has ended.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.to_string())
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
    /// Opens the database at `path`, made and migrated as needed, and starts
    /// its thread. The handle is joined to know that all is written.
    pub(crate) fn open(path: &Path) -> Result<(Self, std::thread::JoinHandle<()>), StoreError> {
        let mut connection = Connection::open(path)?;
        prepare(&mut connection)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || serve(&connection, queue))
            .map_err(|error| StoreError::Sqlite(error.to_string()))?;
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
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, work).map_err(StoreError::from);
            Box::new(move |committed| {
                // Nobody waiting any more is no fault: the work is done.
                let _gone = answer.send(committed.and(result));
            })
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        Ok(async { answered.await.map_err(|_| StoreError::Closed)? })
    }
}

fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    // FULL: a commit survives a power cut, not only a crash of ours. Deleted
    // content is overwritten, as people mean it when they delete.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    chat::search::install(connection)?;
    migrations::migrate(connection)
}

fn serve(connection: &Connection, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = next_job(connection, &mut queue) {
        let begun = connection.execute_batch("BEGIN");
        let mut done = vec![first(connection)];
        while done.len() < BATCH
            && let Ok(job) = queue.try_recv()
        {
            done.push(job(connection));
        }
        let committed = begun.and_then(|()| connection.execute_batch("COMMIT"));
        if committed.is_err() && !connection.is_autocommit() {
            let rolled_back = connection.execute_batch("ROLLBACK");
            tracing::error!(
                ?committed,
                ?rolled_back,
                "the database did not take a transaction"
            );
        }
        let committed = committed.map_err(StoreError::from);
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

/// The next job. While none is there, the index of words catches up.
fn next_job(connection: &Connection, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
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
    async fn a_failed_job_leaves_nothing_and_disturbs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (store, thread) = Store::open(&folder.path().join("db")).unwrap();
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
}
