//! Rows of bans.

use super::{OpenError, StoreError};
use crate::bans::{BANS_MAX, Ban, Bans, Subject};
use rusqlite::{Connection, Row, params};
use twocan_proto::time::Timestamp;

/// The statement of the step that made the table.
pub(super) const STEP: &str = "CREATE TABLE bans (
        kind TEXT NOT NULL CHECK (kind IN ('user', 'network')),
        subject TEXT NOT NULL,
        reason TEXT NOT NULL,
        key TEXT,
        until INTEGER,
        made_at INTEGER NOT NULL,
        PRIMARY KEY (kind, subject)
    ) STRICT, WITHOUT ROWID;";

/// Puts every ban that has not ended into `bans`.
pub(super) fn load(connection: &Connection, bans: &Bans, now: Timestamp) -> Result<(), OpenError> {
    let mut query = connection.prepare(
        "SELECT kind, subject, reason, key, until, made_at FROM bans
         WHERE until IS NULL OR until > ?1",
    )?;
    let mut rows = query.query([now.as_millis()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(ban(row)?);
    }
    bans.replace(all);
    Ok(())
}

fn ban(row: &Row<'_>) -> Result<Ban, OpenError> {
    const DAMAGED: OpenError = OpenError::Damaged("ban");
    let (kind, subject): (String, String) = (row.get(0)?, row.get(1)?);
    let subject = match kind.as_str() {
        "user" => Subject::User(subject),
        _ => Subject::network(&subject).map_err(|_| DAMAGED)?,
    };
    let reason: String = row.get(2)?;
    let key: Option<String> = row.get(3)?;
    Ok(Ban {
        subject,
        reason: reason.parse().map_err(|_| DAMAGED)?,
        key: key
            .map(|key| key.parse())
            .transpose()
            .map_err(|_| DAMAGED)?,
        until: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
        made_at: Timestamp::from_millis(row.get(5)?),
    })
}

pub(super) fn put(connection: &Connection, ban: &Ban) -> Result<(), StoreError> {
    let failed = |error| super::rows::reason(&error);
    let count: usize = connection
        .query_row("SELECT count(*) FROM bans", [], |row| row.get(0))
        .map_err(failed)?;
    if count >= BANS_MAX {
        return Err(StoreError::TooMany);
    }
    connection
        .prepare_cached(
            "REPLACE INTO bans (kind, subject, reason, key, until, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut put| {
            put.execute(params![
                ban.subject.kind(),
                ban.subject.to_string(),
                ban.reason.to_string(),
                ban.key.map(|key| key.to_string()),
                ban.until.map(Timestamp::as_millis),
                ban.made_at.as_millis(),
            ])
        })
        .map(drop)
        .map_err(failed)
}

pub(super) fn remove(connection: &Connection, subject: &Subject) -> rusqlite::Result<()> {
    let removed = connection
        .prepare_cached("DELETE FROM bans WHERE kind = ?1 AND subject = ?2")?
        .execute((subject.kind(), subject.to_string()))?;
    match removed {
        0 => Err(rusqlite::Error::QueryReturnedNoRows),
        _ => Ok(()),
    }
}

pub(super) fn sweep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM bans WHERE until <= ?1")?
        .execute([now.as_millis()])?;
    Ok(())
}
