//! Rows in: every SQL statement that changes something. Rows out are in
//! [`super::load`].

use super::{NewAccount, Opener, StoreError};
use crate::{
    attempts::{Strikes, Subject},
    directory::{Arrival, Reset, SessionRow, TokenHash},
    limits,
};
use rusqlite::{Connection, params};
use twocan_proto::{
    api::{Email, Phone, Profile, Role, Visibility},
    heartbeat::SessionId,
    time::Timestamp,
};

pub(super) fn insert_account(
    connection: &Connection,
    account: &NewAccount,
) -> rusqlite::Result<i64> {
    let id = connection
        .prepare_cached(
            "INSERT INTO accounts
                (name, username, password_hash, host, observed, key, email, created_at,
                 phone, role, visibility)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .insert(params![
            account.username.folded(),
            account.username.as_str(),
            account.password_hash,
            account.host.to_string(),
            account.observed.to_canonical().to_string(),
            account.key.map(|key| key.to_string()),
            account.email.as_ref().map(Email::as_str),
            account.created_at.as_millis(),
            account.phone.as_ref().map(Phone::as_str),
            account.role.as_str(),
            account.visibility.as_str(),
        ])?;
    remember_place(connection, id, account.place, account.created_at)?;
    Ok(id)
}

/// Remembers a place from which an account was signed in, and forgets the ones
/// that it was not for longest.
fn remember_place(
    connection: &Connection,
    account: i64,
    place: Subject,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("REPLACE INTO known_places (account, place, last_at) VALUES (?1, ?2, ?3)")?
        .execute(params![account, place.0, now.as_millis()])?;
    connection
        .prepare_cached(
            "DELETE FROM known_places WHERE account = ?1 AND place NOT IN
                (SELECT place FROM known_places WHERE account = ?1
                 ORDER BY last_at DESC LIMIT ?2)",
        )?
        .execute((account, limits::PLACES_PER_ACCOUNT))?;
    Ok(())
}

pub(super) fn open_session(
    connection: &Connection,
    (row, arrival): (&SessionRow, &Arrival),
    opener: &Opener,
    end: &[SessionId],
) -> rusqlite::Result<()> {
    match opener {
        Opener::Password(hash) => {
            connection
                .prepare_cached("SELECT 1 FROM accounts WHERE id = ?1 AND password_hash = ?2")?
                .query_row((row.account, hash), |_| Ok(()))?;
        }
        Opener::Token => one(connection
            .prepare_cached("DELETE FROM sessions WHERE token_hash = ?1")?
            .execute([row.token])?)?,
    }
    for id in end {
        delete_session(connection, *id)?;
    }
    if row.identity.is_some() {
        connection
            .prepare_cached("DELETE FROM sessions WHERE account = ?1 AND identity IS NOT NULL")?
            .execute([row.account])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, account, token_hash, heartbeat_key, expires_at, identity)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            row.id.0,
            row.account,
            row.token,
            row.key.expose(),
            row.expires_at.as_millis(),
            row.identity.map(|key| key.to_string()),
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
    remember_place(connection, row.account, arrival.place, arrival.now)
}

/// One row it had to be.
fn one(rows: usize) -> rusqlite::Result<()> {
    match rows {
        0 => Err(rusqlite::Error::QueryReturnedNoRows),
        _ => Ok(()),
    }
}

/// Sets a password, by a link that must be good or without one. What the old
/// password opened is closed.
pub(super) fn set_password(
    connection: &Connection,
    account: i64,
    hash: &str,
    link: Option<(&TokenHash, Timestamp)>,
) -> rusqlite::Result<()> {
    if let Some((token, now)) = link {
        one(connection
            .prepare_cached("DELETE FROM resets WHERE token_hash = ?1 AND expires_at > ?2")?
            .execute(params![token, now.as_millis()])?)?;
    }
    one(connection
        .prepare_cached("UPDATE accounts SET password_hash = ?2 WHERE id = ?1")?
        .execute((account, hash))?)?;
    connection
        .prepare_cached("DELETE FROM sessions WHERE account = ?1")?
        .execute([account])?;
    delete_resets(connection, account)
}

fn delete_resets(connection: &Connection, account: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM resets WHERE account = ?1")?
        .execute([account])?;
    Ok(())
}

pub(super) fn insert_reset(
    connection: &Connection,
    token: &TokenHash,
    reset: &Reset,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO resets (token_hash, account, expires_at) VALUES (?1, ?2, ?3)")?
        .execute(params![
            token,
            reset.member.id,
            reset.expires_at.as_millis()
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM resets WHERE account = ?1 AND token_hash NOT IN
                (SELECT token_hash FROM resets WHERE account = ?1
                 ORDER BY expires_at DESC, token_hash DESC LIMIT ?2)",
        )?
        .execute((reset.member.id, limits::RESETS_PER_ACCOUNT))?;
    Ok(())
}

pub(super) fn set_email(
    connection: &Connection,
    account: i64,
    email: Option<&Email>,
) -> rusqlite::Result<()> {
    one(connection
        .prepare_cached("UPDATE accounts SET email = ?2 WHERE id = ?1")?
        .execute((account, email.map(Email::as_str)))?)?;
    delete_resets(connection, account)
}

pub(super) fn describe(
    connection: &Connection,
    account: i64,
    visibility: Visibility,
    profile: &Profile,
) -> rusqlite::Result<()> {
    let profile = (!profile.is_empty()).then(|| serde_json::to_string(profile));
    let profile = profile
        .transpose()
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    one(connection
        .prepare_cached("UPDATE accounts SET visibility = ?2, profile = ?3 WHERE id = ?1")?
        .execute((account, visibility.as_str(), profile))?)
}

pub(super) fn set_role(connection: &Connection, account: i64, role: Role) -> rusqlite::Result<()> {
    one(connection
        .prepare_cached("UPDATE accounts SET role = ?2 WHERE id = ?1")?
        .execute((account, role.as_str()))?)
}

pub(super) fn put_attempts(connection: &Connection, strikes: &[Strikes]) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached(
        "REPLACE INTO attempts (subject, count, at, forgotten_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for strike in strikes {
        put.execute(params![
            strike.subject.0,
            strike.count,
            strike.at.as_millis(),
            strike.forgotten_at.as_millis(),
        ])?;
    }
    Ok(())
}

pub(super) fn delete_session(connection: &Connection, id: SessionId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM sessions WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Everything of an account goes with it.
pub(super) fn delete_account(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    one(connection
        .prepare_cached("DELETE FROM accounts WHERE id = ?1")?
        .execute([id])?)
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
    for expired in [
        "DELETE FROM sessions WHERE expires_at <= ?1",
        "DELETE FROM resets WHERE expires_at <= ?1",
        "DELETE FROM attempts WHERE forgotten_at <= ?1",
    ] {
        connection
            .prepare_cached(expired)?
            .execute([now.as_millis()])?;
    }
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
