//! The steps from an empty database to today's, numbered from 1, one transaction
//! each. They are only ever appended to; `user_version` says how far one is.

use super::OpenError;
use rusqlite::Connection;

/// Step `n` leads from schema `n` to schema `n + 1`.
pub(super) const STEPS: &[&str] = &[
    // 1: accounts and their sessions.
    "CREATE TABLE accounts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        username TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        host TEXT NOT NULL,
        observed TEXT,
        key TEXT,
        email TEXT,
        created_at INTEGER NOT NULL,
        last_seen INTEGER
    ) STRICT;
    CREATE TABLE sessions (
        id BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        token_hash BLOB NOT NULL UNIQUE,
        heartbeat_key BLOB NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_of_account ON sessions (account);
    CREATE INDEX sessions_by_expiry ON sessions (expires_at);",
    // 2: roles, visibility, profiles, identities of sessions, known places, links
    // for a new password, and counted attempts.
    "ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'user'
        CHECK (role IN ('guest', 'user', 'admin'));
    ALTER TABLE accounts ADD COLUMN visibility TEXT NOT NULL DEFAULT 'listed'
        CHECK (visibility IN ('listed', 'contacts'));
    ALTER TABLE accounts ADD COLUMN phone TEXT;
    ALTER TABLE accounts ADD COLUMN profile TEXT;
    ALTER TABLE sessions ADD COLUMN identity TEXT;
    CREATE TABLE known_places (
        account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        place BLOB NOT NULL,
        last_at INTEGER NOT NULL,
        PRIMARY KEY (account, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE resets (
        token_hash BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX resets_of_account ON resets (account);
    CREATE TABLE attempts (
        subject BLOB PRIMARY KEY,
        count INTEGER NOT NULL,
        at INTEGER NOT NULL,
        forgotten_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX attempts_by_age ON attempts (forgotten_at);",
    // 3: bans.
    super::bans::STEP,
];

/// Brings the database to today's schema.
///
/// # Errors
/// [`OpenError::Newer`] when it is ahead of this program.
pub(super) fn run(connection: &mut Connection) -> Result<(), OpenError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = usize::try_from(found).map_err(|_| OpenError::Damaged("schema number"))?;
    if found > STEPS.len() {
        return Err(OpenError::Newer {
            found,
            known: STEPS.len(),
        });
    }
    for (number, step) in (1..).zip(STEPS).skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}
