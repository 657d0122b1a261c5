//! Rows out, once at the start: everything that is looked up later.

use super::OpenError;
use crate::{
    attempts::{Strikes, Subject},
    directory::{Card, Directory, Member, Owner, Place, Reset, Session, SessionRow},
    limits,
};
use rusqlite::{Connection, Row};
use std::{collections::HashMap, sync::Arc};
use twocan_proto::{
    api::{Profile, Username},
    heartbeat::{HeartbeatKey, SessionId},
    time::Timestamp,
};

/// Puts every account, live session and good link into the directory.
pub(super) fn directory(
    connection: &Connection,
    directory: &Directory,
    now: Timestamp,
) -> Result<(), OpenError> {
    let accounts = Accounts {
        names: accounts(connection, directory)?,
        directory,
    };
    let mut query = connection.prepare(
        "SELECT account, id, token_hash, heartbeat_key, expires_at, identity FROM sessions
         WHERE expires_at > ?1",
    )?;
    let mut rows = query.query([now.as_millis()])?;
    while let Some(row) = rows.next()? {
        let member = accounts.member(row)?;
        let session = SessionRow {
            account: member.id,
            id: SessionId(row.get(1)?),
            token: row.get(2)?,
            key: HeartbeatKey::new(row.get(3)?),
            expires_at: Timestamp::from_millis(row.get(4)?),
            identity: parsed(row.get(5)?, "identity")?,
        };
        // Heartbeats of before the start may have been answered before it.
        directory.put_session(Session::new(session, member, now));
    }
    let mut query = connection
        .prepare("SELECT account, token_hash, expires_at FROM resets WHERE expires_at > ?1")?;
    let mut rows = query.query([now.as_millis()])?;
    while let Some(row) = rows.next()? {
        let reset = Reset {
            member: accounts.member(row)?,
            expires_at: Timestamp::from_millis(row.get(2)?),
        };
        directory.add_reset(row.get(1)?, reset);
    }
    Ok(())
}

/// The attempts that are still remembered, the latest of them when there are many.
pub(super) fn attempts(connection: &Connection, now: Timestamp) -> Result<Vec<Strikes>, OpenError> {
    let mut query = connection.prepare(
        "SELECT subject, count, at, forgotten_at FROM attempts
         WHERE forgotten_at > ?1 ORDER BY at DESC LIMIT ?2",
    )?;
    let rows = query.query_map((now.as_millis(), limits::TRACKED), |row| {
        Ok(Strikes {
            subject: Subject(row.get(0)?),
            count: row.get(1)?,
            at: Timestamp::from_millis(row.get(2)?),
            forgotten_at: Timestamp::from_millis(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

struct Accounts<'a> {
    names: HashMap<i64, Username>,
    directory: &'a Directory,
}

impl Accounts<'_> {
    /// The account that a row belongs to by its first column.
    fn member(&self, row: &Row<'_>) -> Result<Arc<Member>, OpenError> {
        let name = self.names.get(&row.get(0)?);
        name.and_then(|name| self.directory.member(name))
            .ok_or(OpenError::Damaged("account number"))
    }
}

fn accounts(
    connection: &Connection,
    directory: &Directory,
) -> Result<HashMap<i64, Username>, OpenError> {
    let mut known = places(connection)?;
    let mut query = connection.prepare(
        "SELECT id, username, password_hash, host, observed, key, last_seen, email, phone,
                role, visibility, profile, created_at
         FROM accounts",
    )?;
    let mut rows = query.query([])?;
    let mut names = HashMap::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let member = account(row, known.remove(&id).unwrap_or_default())?;
        names.insert(id, member.username.clone());
        directory.add_member(member);
    }
    Ok(names)
}

fn places(connection: &Connection) -> Result<HashMap<i64, Vec<Subject>>, OpenError> {
    let mut query =
        connection.prepare("SELECT account, place FROM known_places ORDER BY account, last_at")?;
    let mut rows = query.query([])?;
    let mut known: HashMap<i64, Vec<Subject>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let own = known.entry(row.get(0)?).or_default();
        own.push(Subject(row.get(1)?));
    }
    Ok(known)
}

fn account(row: &Row<'_>, known: Vec<Subject>) -> Result<Member, OpenError> {
    let username = needed(row.get(1)?, "username")?;
    let host = needed(row.get(3)?, "host")?;
    let observed = parsed(row.get(4)?, "address")?;
    let profile: Option<String> = row.get(11)?;
    let profile: Option<Profile> = profile
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| OpenError::Damaged("profile"))?;
    let mut place = Place::new(host, parsed(row.get(5)?, "key")?, observed);
    place.last_seen = row.get::<_, Option<i64>>(6)?.map(Timestamp::from_millis);
    place.role = needed(row.get(9)?, "role")?;
    place.visibility = needed(row.get(10)?, "visibility")?;
    place.card = profile.and_then(Card::new);
    let email: Option<String> = row.get(7)?;
    let owner = Owner {
        password_hash: row.get(2)?,
        // Earlier versions took texts to which no mail can go.
        email: email.and_then(|text| text.parse().ok()),
        phone: parsed(row.get(8)?, "telephone number")?,
        known,
    };
    let created_at = Timestamp::from_millis(row.get(12)?);
    Ok(Member::new(
        (row.get(0)?, username),
        created_at,
        place,
        owner,
    ))
}

fn needed<T: std::str::FromStr>(text: String, what: &'static str) -> Result<T, OpenError> {
    text.parse().map_err(|_| OpenError::Damaged(what))
}

fn parsed<T: std::str::FromStr>(
    text: Option<String>,
    what: &'static str,
) -> Result<Option<T>, OpenError> {
    text.map(|text| needed(text, what)).transpose()
}
