//! Copies of the database: made while it is in use, sealed with a checksum of
//! their content, verified, and brought back. A copy is one snapshot, taken by
//! SQLite's online backup; writers do not wait for it.

use super::{OpenError, migrations};
use rusqlite::{
    Connection, OpenFlags, Transaction, TransactionBehavior,
    backup::{Backup, StepResult},
    types::ValueRef,
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use twocan_proto::time::Timestamp;

/// How long a copy waits for a database that somebody else is writing to.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// The table in a copy that says what it holds.
const SEAL: &str = "backup_seal";

/// Why a copy was not made or not brought back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// There is nothing to copy.
    #[error("{0}: there is no registry here; say where it is with --data or --config")]
    Nothing(String),
    /// The copy would overwrite what it is made of.
    #[error("{0} is the registry's own database; write the backup to another file")]
    Itself(String),
    /// Not made by `backup`.
    #[error("{0} is no backup of a registry; make one with 'twocan-registry backup'")]
    NoBackup(String),
    /// Content and seal differ, or SQLite finds something wrong.
    #[error("{file} is damaged ({problem}); use another backup")]
    Damaged {
        /// The backup.
        file: String,
        /// What was found.
        problem: String,
    },
    /// It cannot be opened by this version.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// SQLite failed.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A file cannot be read or written.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: String,
        /// Why.
        error: io::Error,
    },
}

/// What is in a database, for comparing and for telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// Rows of each table.
    pub(crate) rows: BTreeMap<String, u64>,
    /// BLAKE3 over all values of all rows.
    pub(crate) digest: [u8; 32],
}

impl Content {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut tables = connection.prepare(
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?1
             ORDER BY name",
        )?;
        let names: Vec<String> = tables
            .query_map([SEAL], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut hash = blake3::Hasher::new();
        let mut rows = BTreeMap::new();
        for name in names {
            hash_text(&mut hash, &name);
            let count = hash_rows(connection, &name, &mut hash)?;
            rows.insert(name, count);
        }
        let digest = *hash.finalize().as_bytes();
        Ok(Self { rows, digest })
    }
}

fn hash_rows(
    connection: &Connection,
    table: &str,
    hash: &mut blake3::Hasher,
) -> rusqlite::Result<u64> {
    let quoted = table.replace('"', "\"\"");
    let mut query = connection.prepare(&format!("SELECT * FROM \"{quoted}\""))?;
    let columns = query.column_count();
    let mut rows = query.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Null => drop(hash.update(b"n")),
                ValueRef::Integer(number) => {
                    hash.update(b"i").update(&number.to_be_bytes());
                }
                ValueRef::Real(number) => {
                    hash.update(b"r").update(&number.to_be_bytes());
                }
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => hash_bytes(hash, bytes),
            }
        }
    }
    hash.update(&u64::to_be_bytes(count));
    Ok(count)
}

fn hash_text(hash: &mut blake3::Hasher, text: &str) {
    hash_bytes(hash, text.as_bytes());
}

fn hash_bytes(hash: &mut blake3::Hasher, bytes: &[u8]) {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    hash.update(b"b")
        .update(&length.to_be_bytes())
        .update(bytes);
}

/// Copies the database at `source` to `target`, whole or not at all; an older
/// `target` is replaced when the new one has been verified.
///
/// # Errors
/// [`CopyError`], which says what to do. `target` is then as it was.
pub(crate) fn backup(source: &Path, target: &Path, now: Timestamp) -> Result<Content, CopyError> {
    if !source.is_file() {
        return Err(CopyError::Nothing(shown(source)));
    }
    if is_same(source, target) {
        return Err(CopyError::Itself(shown(target)));
    }
    // Not read-only: a database without its side files needs them made.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(source, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    backup_of(&mut connection, target, now)
}

/// As [`backup`], of an open database.
pub(super) fn backup_of(
    source: &mut Connection,
    target: &Path,
    now: Timestamp,
) -> Result<Content, CopyError> {
    let draft = beside(target, "partial");
    let made = write_draft(source, &draft, now);
    let made = made.and_then(|content| {
        finish(&draft, target)?;
        Ok(content)
    });
    if made.is_err() {
        remove(&draft);
    }
    made
}

fn write_draft(
    source: &mut Connection,
    draft: &Path,
    now: Timestamp,
) -> Result<Content, CopyError> {
    remove(draft);
    super::private_file(draft).map_err(|error| file_error(draft, error))?;
    let snapshot = source.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let content = Content::read(&snapshot)?;
    let mut copy = Connection::open(draft)?;
    copy_pages(&snapshot, &mut copy)?;
    drop(snapshot);
    // One file, without side files.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    check(&copy, draft)?;
    if Content::read(&copy)? != content {
        return Err(damaged(draft, "it differs from the database"));
    }
    seal(&mut copy, &content, now)?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(content)
}

fn copy_pages(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(source, target)?;
    // All pages at once are one snapshot, which no writer disturbs.
    match backup.step(-1)? {
        StepResult::Done => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            Some("somebody else is writing to the database".to_owned()),
        )),
    }
}

fn seal(copy: &mut Connection, content: &Content, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = copy.transaction()?;
    unseal(&transaction)?;
    transaction.execute_batch(&format!(
        "CREATE TABLE {SEAL} (made_at INTEGER NOT NULL, version TEXT NOT NULL,
                              digest BLOB NOT NULL) STRICT;"
    ))?;
    transaction.execute(
        &format!("INSERT INTO {SEAL} (made_at, version, digest) VALUES (?1, ?2, ?3)"),
        (now.as_millis(), env!("CARGO_PKG_VERSION"), content.digest),
    )?;
    transaction.commit()
}

fn unseal(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(&format!("DROP TABLE IF EXISTS {SEAL};"))
}

/// Puts a finished draft in its place, so that a power cut leaves the old file
/// or the new one.
fn finish(draft: &Path, target: &Path) -> Result<(), CopyError> {
    let failed = |error| file_error(target, error);
    let open = fs::OpenOptions::new().write(true).open(draft);
    open.and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(draft, target).map_err(failed)?;
    // A bare name is in the working directory.
    let folder = target.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or_else(|| Path::new("."));
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// Whether SQLite finds the file in order.
fn check(connection: &Connection, file: &Path) -> Result<(), CopyError> {
    let verdict: String =
        connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if verdict != "ok" {
        return Err(damaged(file, &verdict));
    }
    let mut orphans = connection.prepare("PRAGMA foreign_key_check")?;
    if orphans.exists([])? {
        return Err(damaged(file, "a row belongs to nobody"));
    }
    Ok(())
}

/// A verified copy of a backup, of today's schema and without its seal; removed
/// when dropped.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) connection: Option<Connection>,
    pub(super) content: Content,
    path: PathBuf,
}

impl Drop for Verified {
    fn drop(&mut self) {
        drop(self.connection.take());
        remove(&self.path);
    }
}

impl Verified {
    /// Copies `backup` into `folder` and looks at every byte of it. What is
    /// verified is the copy, so that nobody changes it afterwards.
    pub(super) fn of(backup: &Path, folder: &Path) -> Result<Self, CopyError> {
        if !backup.is_file() {
            let missing = io::Error::from(io::ErrorKind::NotFound);
            return Err(file_error(backup, missing));
        }
        let path = folder.join("restoring.db");
        remove(&path);
        super::private_file(&path).map_err(|error| file_error(&path, error))?;
        let mut verified = Self {
            connection: None,
            content: Content {
                rows: BTreeMap::new(),
                digest: [0; 32],
            },
            path,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let named = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => CopyError::NoBackup(shown(backup)),
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => damaged(backup, &error.to_string()),
            _ => error.into(),
        };
        let source = Connection::open_with_flags(backup, flags).map_err(named)?;
        let mut copy = Connection::open(&verified.path)?;
        copy_pages(&source, &mut copy).map_err(named)?;
        copy.pragma_update(None, "trusted_schema", false)?;
        verified.content = opened(&mut copy, backup).map_err(|error| match error {
            CopyError::Sqlite(error) => named(error),
            other => other,
        })?;
        verified.connection = Some(copy);
        Ok(verified)
    }
}

/// Compares content and seal, takes the seal off and brings the schema up.
fn opened(copy: &mut Connection, backup: &Path) -> Result<Content, CopyError> {
    let sealed = copy.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1",
        [SEAL],
        |row| row.get::<_, u64>(0),
    )?;
    if sealed == 0 {
        return Err(CopyError::NoBackup(shown(backup)));
    }
    check(copy, backup)?;
    let digest: Vec<u8> =
        copy.query_row(&format!("SELECT digest FROM {SEAL}"), [], |row| row.get(0))?;
    let content = Content::read(copy)?;
    if digest != content.digest {
        return Err(damaged(backup, "its checksum is another"));
    }
    let transaction = copy.transaction()?;
    unseal(&transaction)?;
    transaction.commit()?;
    migrations::run(copy)?;
    Ok(content)
}

/// Puts the content of `verified` in the place of everything in `live`, in one
/// transaction. Numbers of accounts that were given once are not given again,
/// so that nothing that was begun before can mean somebody else afterwards.
pub(super) fn bring_back(verified: &mut Verified, live: &mut Connection) -> Result<(), CopyError> {
    let Some(source) = &mut verified.connection else {
        return Ok(());
    };
    let given = |connection: &Connection| -> i64 {
        let asked = connection.query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'accounts'",
            [],
            |row| row.get(0),
        );
        asked.unwrap_or_default()
    };
    let most = given(live).max(given(source));
    let transaction = source.transaction()?;
    transaction.execute("DELETE FROM sqlite_sequence WHERE name = 'accounts'", [])?;
    transaction.execute(
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('accounts', ?1)",
        [most],
    )?;
    transaction.commit()?;
    live.flush_prepared_statement_cache();
    Ok(copy_pages(source, live)?)
}

/// Moves a database that cannot be opened out of the way, with its side files.
pub(super) fn set_aside(database: &Path, now: Timestamp) -> Result<(), CopyError> {
    for side in ["", "-wal", "-shm"] {
        let name = |suffix: &str| {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let (from, to) = (
            name(side),
            name(&format!(".damaged-{}{side}", now.as_millis())),
        );
        match fs::rename(&from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file_error(&from, error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Removes a draft and what SQLite may have put beside it.
fn remove(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // Usually there is none.
        drop(fs::remove_file(PathBuf::from(name)));
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn damaged(file: &Path, problem: &str) -> CopyError {
    CopyError::Damaged {
        file: shown(file),
        problem: problem.to_owned(),
    }
}

fn file_error(file: &Path, error: io::Error) -> CopyError {
    CopyError::File {
        file: shown(file),
        error,
    }
}
