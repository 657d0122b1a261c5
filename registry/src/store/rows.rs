//! Rows in and out: every SQL statement of the registry.

use super::{NewAccount, OpenError, StoreError};
use crate::directory::{Arrival, Directory, Member, Place, Session, SessionRow};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;
use twocan_proto::{
    api::Username,
    heartbeat::{HeartbeatKey, SessionId},
    time::Timestamp,
};

/// Puts every account and live session into the directory.
pub(super) fn load(
    connection: &Connection,
    directory: &Directory,
    now: Timestamp,
) -> Result<(), OpenError> {
    let members = load_accounts(connection, directory)?;
    let mut query = connection.prepare(
        "SELECT id, account, token_hash, heartbeat_key, expires_at FROM sessions
         WHERE expires_at > ?1",
    )?;
    let mut rows = query.query([now.as_millis()])?;
    while let Some(row) = rows.next()? {
        let session = SessionRow {
            id: SessionId(row.get(0)?),
            account: row.get(1)?,
            token: row.get(2)?,
            key: HeartbeatKey::new(row.get(3)?),
            expires_at: Timestamp::from_millis(row.get(4)?),
        };
        let name = members
            .get(&session.account)
            .ok_or(OpenError::Damaged("session"))?;
        let member = directory
            .member(name)
            .ok_or(OpenError::Damaged("session"))?;
        // Heartbeats of before the start may have been answered before it.
        directory.put_session(Session::new(session, member, now));
    }
    Ok(())
}

fn load_accounts(
    connection: &Connection,
    directory: &Directory,
) -> Result<HashMap<i64, Username>, OpenError> {
    let mut query = connection.prepare(
        "SELECT id, username, password_hash, host, observed, key, last_seen FROM accounts",
    )?;
    let mut rows = query.query([])?;
    let mut names = HashMap::new();
    while let Some(row) = rows.next()? {
        let (member, last_seen) = account(row)?;
        names.insert(member.id, member.username.clone());
        directory.load_member(member, last_seen);
    }
    Ok(names)
}

fn account(row: &Row<'_>) -> Result<(Member, Option<Timestamp>), OpenError> {
    let username = parsed(row.get(1)?, "username")?.ok_or(OpenError::Damaged("username"))?;
    let host = parsed(row.get(3)?, "host")?.ok_or(OpenError::Damaged("host"))?;
    let place = Place::new(
        host,
        parsed(row.get(5)?, "key")?,
        parsed(row.get(4)?, "address")?,
    );
    let last_seen = row.get::<_, Option<i64>>(6)?.map(Timestamp::from_millis);
    Ok((
        Member::new(row.get(0)?, username, row.get(2)?, place),
        last_seen,
    ))
}

fn parsed<T: std::str::FromStr>(
    text: Option<String>,
    what: &'static str,
) -> Result<Option<T>, OpenError> {
    text.map(|text| text.parse().map_err(|_| OpenError::Damaged(what)))
        .transpose()
}

pub(super) fn insert_account(
    connection: &Connection,
    account: &NewAccount,
) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO accounts
                (name, username, password_hash, host, observed, key, email, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .insert(params![
            account.username.folded(),
            account.username.as_str(),
            account.password_hash,
            account.host.to_string(),
            account.observed.to_canonical().to_string(),
            account.key.map(|key| key.to_string()),
            account.email,
            account.created_at.as_millis(),
        ])
}

pub(super) fn open_session(
    connection: &Connection,
    row: &SessionRow,
    arrival: &Arrival,
    end: &[SessionId],
) -> rusqlite::Result<()> {
    for id in end {
        delete_session(connection, *id)?;
    }
    connection
        .prepare_cached(
            "REPLACE INTO sessions (id, account, token_hash, heartbeat_key, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            row.id.0,
            row.account,
            row.token,
            row.key.expose(),
            row.expires_at.as_millis(),
        ])?;
    connection
        .prepare_cached(
            "UPDATE accounts SET host = ?2, observed = ?3, key = ?4, last_seen = ?5 WHERE id = ?1",
        )?
        .execute(params![
            row.account,
            arrival.host.to_string(),
            arrival.from.to_canonical().to_string(),
            arrival.key.map(|key| key.to_string()),
            arrival.now.as_millis(),
        ])?;
    Ok(())
}

pub(super) fn delete_session(connection: &Connection, id: SessionId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM sessions WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Sessions go with the account.
pub(super) fn delete_account(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    match connection
        .prepare_cached("DELETE FROM accounts WHERE id = ?1")?
        .execute([id])?
    {
        0 => Err(rusqlite::Error::QueryReturnedNoRows),
        _ => Ok(()),
    }
}

pub(super) fn sweep(
    connection: &Connection,
    seen: &[(i64, Timestamp)],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE accounts SET last_seen = ?2 WHERE id = ?1")?;
    for (account, at) in seen {
        update.execute((account, at.as_millis()))?;
    }
    connection
        .prepare_cached("DELETE FROM sessions WHERE expires_at <= ?1")?
        .execute([now.as_millis()])?;
    Ok(())
}

/// Whose fault it is that a change could not be made.
pub(super) fn reason(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ffi;
    match error {
        rusqlite::Error::QueryReturnedNoRows => StoreError::Gone,
        rusqlite::Error::SqliteFailure(cause, _) => match cause.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE => StoreError::Taken,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::Gone,
            code if code & 0xff == ffi::SQLITE_FULL => StoreError::DiskFull,
            _ => {
                tracing::error!(%error, "a change could not be made");
                StoreError::Failed
            }
        },
        _ => {
            tracing::error!(%error, "a change could not be made");
            StoreError::Failed
        }
    }
}
