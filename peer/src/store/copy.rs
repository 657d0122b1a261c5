//! A copy of a whole database under another key: for encrypting a profile,
//! decrypting it, and taking it elsewhere.

use std::path::Path;

use rusqlite::Connection;

use super::{StoreError, connect};
use crate::vault::DatabaseKey;

/// Copies the database at `from` into a new one at `to`, each under its key or
/// plain. What was at `to` is removed first. The original is brought up to the
/// newest schema and has its journal taken in, and is otherwise left alone.
///
/// # Errors
/// When either cannot be read or written, or the copy is not sound.
pub(crate) fn copy_database(
    from: &Path,
    from_key: Option<&DatabaseKey>,
    to: &Path,
    to_key: Option<&DatabaseKey>,
) -> Result<(), StoreError> {
    let source = connect(from, from_key)?;
    // Tables are copied one by one, so that what they refer to may come later.
    source.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA foreign_keys = OFF;")?;
    let to_text = to.to_str().ok_or_else(|| {
        StoreError::Sqlite("the folder of the profile has a name that is no text".to_owned())
    })?;
    let empty = |path: &Path| match std::fs::metadata(path) {
        Ok(file) if file.len() > 0 => std::fs::write(path, b""),
        _ => Ok(()),
    };
    empty(to).map_err(|error| StoreError::Sqlite(error.to_string()))?;
    let literal = to_key.map(DatabaseKey::literal);
    let key = literal.as_ref().map_or("", |key| key.as_str());
    source.execute("ATTACH DATABASE ?1 AS copy KEY ?2", [to_text, key])?;
    source.execute_batch("PRAGMA copy.journal_mode = MEMORY; PRAGMA copy.synchronous = FULL; PRAGMA copy.secure_delete = ON;")?;
    source.query_row("SELECT sqlcipher_export('copy')", [], |_| Ok(()))?;
    let version: i64 = source.pragma_query_value(None, "user_version", |row| row.get(0))?;
    source.execute_batch(&format!("PRAGMA copy.user_version = {version}"))?;
    check(&source)?;
    source.execute_batch("DETACH DATABASE copy")?;
    Ok(())
}

/// Opens a sealed database that came from elsewhere and brings it up to the
/// newest schema.
///
/// # Errors
/// When it is damaged, not under this key, or of a later version.
pub(crate) fn verify_database(path: &Path, key: &DatabaseKey) -> Result<(), StoreError> {
    let database = connect(path, Some(key))?;
    let verdict: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match verdict == "ok" {
        true => Ok(()),
        false => Err(StoreError::Damaged(verdict)),
    }
}

/// Whether the copy is a sound database with as many rows as the original.
fn check(source: &Connection) -> Result<(), StoreError> {
    let verdict: String = source.query_row("PRAGMA copy.quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Damaged(verdict));
    }
    let mut names = source.prepare(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
    )?;
    let names = names.query_map([], |row| row.get::<_, String>(0))?;
    for name in names {
        let name = name?.replace('"', "\"\"");
        let same: bool = source.query_row(
            &format!(
                "SELECT (SELECT count(*) FROM main.\"{name}\") = (SELECT count(*) FROM copy.\"{name}\")"
            ),
            [],
            |row| row.get(0),
        )?;
        if !same {
            return Err(StoreError::Damaged(format!(
                "table {name} was not copied whole"
            )));
        }
    }
    Ok(())
}
