//! Contacts, where they were found, and strangers' requests.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use twocan_proto::address::Address;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use crate::api::{ContactRequest, Relation, Trust};

/// Addresses kept of a contact; the longest unused one makes room.
const ADDRESSES: i64 = 8;

/// A contact as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SavedContact {
    pub(crate) peer: PeerId,
    pub(crate) alias: String,
    pub(crate) name: String,
    pub(crate) trust: Trust,
    pub(crate) relation: Relation,
    /// What we said when we asked.
    pub(crate) note: String,
    pub(crate) blocked: bool,
    pub(crate) added_at: Timestamp,
    pub(crate) last_seen: Option<Timestamp>,
    /// Which of our groups she is in; empty for none.
    pub(crate) group: String,
    pub(crate) favourite: bool,
    pub(crate) muted: bool,
    /// What she told of herself, safe to show.
    pub(crate) status: String,
    pub(crate) fields: BTreeMap<String, String>,
    /// While the trust is changed: the key that is shown now.
    pub(crate) new_key: Option<PeerId>,
    /// While the trust is changed: the known key was verified before.
    pub(crate) was_verified: bool,
}

impl SavedContact {
    /// Somebody of whom nothing but the key is known.
    pub(crate) fn new(peer: PeerId, alias: String, now: Timestamp) -> Self {
        Self {
            peer,
            alias,
            name: String::new(),
            trust: Trust::Known,
            relation: Relation::Asked,
            note: String::new(),
            blocked: false,
            added_at: now,
            last_seen: None,
            group: String::new(),
            favourite: false,
            muted: false,
            status: String::new(),
            fields: BTreeMap::new(),
            new_key: None,
            was_verified: false,
        }
    }
}

/// A name at a registry, and who was found under it first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RegistryName {
    pub(crate) registry: RegistryUrl,
    pub(crate) username: String,
    pub(crate) peer: PeerId,
}

pub(crate) fn all(db: &Connection) -> Result<Vec<SavedContact>> {
    let mut query = db.prepare_cached(
        "SELECT peer, alias, name, trust, relation, note, blocked, added_at, last_seen,
         group_name, favourite, muted, status, fields, new_key, was_verified FROM contacts ORDER BY alias",
    )?;
    let rows = query.query_map([], |row| {
        Ok(SavedContact {
            peer: peer(row, 0)?,
            alias: row.get(1)?,
            name: row.get(2)?,
            trust: trust(&row.get::<_, String>(3)?),
            relation: relation(&row.get::<_, String>(4)?),
            note: row.get(5)?,
            blocked: row.get(6)?,
            added_at: Timestamp::from_millis(row.get(7)?),
            last_seen: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
            group: row.get(9)?,
            favourite: row.get(10)?,
            muted: row.get(11)?,
            status: row.get(12)?,
            // Written by nobody but us; a hand that broke it loses no more.
            fields: serde_json::from_str(&row.get::<_, String>(13)?).unwrap_or_default(),
            new_key: match row.get_ref(14)? {
                rusqlite::types::ValueRef::Null => None,
                _ => Some(peer(row, 14)?),
            },
            was_verified: row.get(15)?,
        })
    })?;
    rows.collect()
}

/// Makes or changes a contact. Its alias must be free: see [`free_alias`].
pub(crate) fn save(db: &Connection, contact: &SavedContact) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO contacts (peer, alias, name, trust, relation, note, blocked, added_at, last_seen,
         group_name, favourite, muted, status, fields, new_key, was_verified)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (peer) DO UPDATE SET
         alias = ?2, name = ?3, trust = ?4, relation = ?5, note = ?6, blocked = ?7, last_seen = ?9,
         group_name = ?10, favourite = ?11, muted = ?12, status = ?13, fields = ?14, new_key = ?15,
         was_verified = ?16",
    )?
    .execute(params![
        contact.peer.as_bytes(),
        contact.alias,
        contact.name,
        trust_word(contact.trust),
        relation_word(contact.relation),
        contact.note,
        contact.blocked,
        contact.added_at.as_millis(),
        contact.last_seen.map(Timestamp::as_millis),
        contact.group,
        contact.favourite,
        contact.muted,
        contact.status,
        serde_json::json!(contact.fields).to_string(),
        contact.new_key.as_ref().map(PeerId::as_bytes),
        contact.was_verified,
    ])?;
    Ok(())
}

/// Forgets a contact with its addresses and names. The conversation stays.
pub(crate) fn remove(db: &Connection, peer: PeerId) -> Result<()> {
    db.execute("DELETE FROM contacts WHERE peer = ?1", [peer.as_bytes()])?;
    Ok(())
}

/// `wanted`, or `wanted` with a number behind it if another contact has it.
pub(crate) fn free_alias(db: &Connection, wanted: &str, of: PeerId) -> Result<String> {
    let mut query = db.prepare_cached("SELECT 1 FROM contacts WHERE alias = ?1 AND peer <> ?2")?;
    let mut alias = wanted.to_owned();
    let mut number = 1;
    while query.exists(params![alias, of.as_bytes()])? {
        number += 1;
        alias = format!("{wanted} {number}");
    }
    Ok(alias)
}

/// Remembers that `of` is reached at `address`.
pub(crate) fn save_address(
    db: &Connection,
    of: PeerId,
    address: &Address,
    now: Timestamp,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO addresses VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET last_used = ?3",
    )?
    .execute(params![of.as_bytes(), address.to_string(), now.as_millis()])?;
    db.prepare_cached(
        "DELETE FROM addresses WHERE peer = ?1 AND address NOT IN
         (SELECT address FROM addresses WHERE peer = ?1 ORDER BY last_used DESC LIMIT ?2)",
    )?
    .execute(params![of.as_bytes(), ADDRESSES])?;
    Ok(())
}

/// Where `of` was reached, newest first.
pub(crate) fn addresses(db: &Connection, of: PeerId) -> Result<Vec<Address>> {
    let mut query =
        db.prepare_cached("SELECT address FROM addresses WHERE peer = ?1 ORDER BY last_used DESC")?;
    let rows = query.query_map([of.as_bytes()], |row| row.get::<_, String>(0))?;
    let texts: Vec<String> = rows.collect::<Result<_>>()?;
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// Remembers under which name and with which key a contact was found.
pub(crate) fn save_registry_name(db: &Connection, name: &RegistryName) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO registry_names VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET peer = ?3",
    )?
    .execute(params![
        name.registry.base(),
        name.username,
        name.peer.as_bytes()
    ])?;
    Ok(())
}

pub(crate) fn registry_names(db: &Connection) -> Result<Vec<RegistryName>> {
    let mut query = db.prepare_cached(
        "SELECT registry, username, peer FROM registry_names ORDER BY registry, username",
    )?;
    let rows = query.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?, peer(row, 2)?))
    })?;
    let mut names = Vec::new();
    for row in rows {
        let (registry, username, peer) = row?;
        if let Ok(registry) = registry.parse() {
            names.push(RegistryName {
                registry,
                username,
                peer,
            });
        }
    }
    Ok(names)
}

/// Keeps a stranger's request; the same stranger asking again changes it.
/// Gives the request as it is kept and whether anything of it is new; `None`
/// when too many wait already.
pub(crate) fn save_request(
    db: &Connection,
    request: &ContactRequest,
) -> Result<Option<(ContactRequest, bool)>> {
    let known = request_of(db, request.peer_id)?;
    let waiting: usize = db.query_row("SELECT count(*) FROM requests", [], |row| row.get(0))?;
    if known.is_none() && waiting >= limits::REQUESTS {
        return Ok(None);
    }
    let mut request = request.clone();
    let mut is_news = true;
    if let Some(known) = known {
        is_news = (&known.from, &known.note) != (&request.from, &request.note);
        request.request = known.request;
        request.at = known.at;
    }
    db.prepare_cached(
        "INSERT INTO requests VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET name = ?3, note = ?4",
    )?
    .execute(params![
        request.request.as_bytes(),
        request.peer_id.as_bytes(),
        request.from,
        request.note,
        request.at.as_millis(),
    ])?;
    Ok(Some((request, is_news)))
}

pub(crate) fn requests(db: &Connection) -> Result<Vec<ContactRequest>> {
    let mut query =
        db.prepare_cached("SELECT id, peer, name, note, at FROM requests ORDER BY at, id")?;
    let rows = query.query_map([], request)?;
    rows.collect()
}

fn request_of(db: &Connection, peer: PeerId) -> Result<Option<ContactRequest>> {
    db.prepare_cached("SELECT id, peer, name, note, at FROM requests WHERE peer = ?1")?
        .query_row([peer.as_bytes()], request)
        .optional()
}

/// Takes a stranger's request out, and gives it.
pub(crate) fn take_request_of(db: &Connection, peer: PeerId) -> Result<Option<ContactRequest>> {
    let found = request_of(db, peer)?;
    db.execute("DELETE FROM requests WHERE peer = ?1", [peer.as_bytes()])?;
    Ok(found)
}

fn request(row: &Row<'_>) -> Result<ContactRequest> {
    Ok(ContactRequest {
        request: Uuid::from_slice(row.get_ref(0)?.as_blob()?).unwrap_or_default(),
        peer_id: peer(row, 1)?,
        from: row.get(2)?,
        note: row.get(3)?,
        at: Timestamp::from_millis(row.get(4)?),
    })
}

/// The key in a column.
pub(super) fn peer(row: &Row<'_>, column: usize) -> Result<PeerId> {
    let bytes: [u8; 32] = row.get(column)?;
    PeerId::from_bytes(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Blob,
            Box::new(error),
        )
    })
}

fn trust(word: &str) -> Trust {
    match word {
        "verified" => Trust::Verified,
        "changed" => Trust::Changed,
        _ => Trust::Known,
    }
}

fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Verified => "verified",
        Trust::Known => "known",
        Trust::Changed => "changed",
    }
}

fn relation(word: &str) -> Relation {
    match word {
        "mutual" => Relation::Mutual,
        "rejected" => Relation::Rejected,
        _ => Relation::Asked,
    }
}

fn relation_word(relation: Relation) -> &'static str {
    match relation {
        Relation::Asked => "asked",
        Relation::Mutual => "mutual",
        Relation::Rejected => "rejected",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::in_memory;
    use twocan_proto::identity::Identity;

    fn id(seed: u8) -> PeerId {
        Identity::from_seed(&[seed; 32]).peer_id()
    }

    pub(crate) fn contact(seed: u8, alias: &str) -> SavedContact {
        SavedContact {
            name: alias.into(),
            relation: Relation::Mutual,
            ..SavedContact::new(id(seed), alias.into(), Timestamp::from_millis(1))
        }
    }

    #[test]
    fn a_contact_is_kept_changed_and_removed_with_all_about_it() {
        let db = in_memory();
        let mut anna = contact(1, "anna");
        save(&db, &anna).unwrap();
        anna.trust = Trust::Verified;
        anna.last_seen = Some(Timestamp::from_millis(5));
        anna.group = "friends".into();
        anna.favourite = true;
        anna.status = "at sea".into();
        anna.fields.insert("mail".into(), "a@b".into());
        anna.new_key = Some(id(2));
        anna.was_verified = true;
        save(&db, &anna).unwrap();
        assert_eq!(all(&db).unwrap(), std::slice::from_ref(&anna));
        save_address(
            &db,
            anna.peer,
            &"10.0.0.1:7777".parse().unwrap(),
            Timestamp::from_millis(1),
        )
        .unwrap();
        let name = RegistryName {
            registry: "https://r:1".parse().unwrap(),
            username: "anna".into(),
            peer: anna.peer,
        };
        save_registry_name(&db, &name).unwrap();
        assert_eq!(registry_names(&db).unwrap(), [name]);
        remove(&db, anna.peer).unwrap();
        assert_eq!(all(&db).unwrap(), []);
        assert_eq!(addresses(&db, anna.peer).unwrap(), []);
        assert_eq!(registry_names(&db).unwrap(), []);
    }

    #[test]
    fn two_people_of_one_name_get_two_aliases() {
        let db = in_memory();
        save(&db, &contact(1, "Anna")).unwrap();
        assert_eq!(free_alias(&db, "anna", id(2)).unwrap(), "anna 2");
        assert_eq!(free_alias(&db, "anna", id(1)).unwrap(), "anna");
    }

    #[test]
    fn the_newest_addresses_are_kept() {
        let db = in_memory();
        save(&db, &contact(1, "anna")).unwrap();
        for n in 1..=20u16 {
            let address = format!("10.0.0.1:{n}").parse().unwrap();
            save_address(&db, id(1), &address, Timestamp::from_millis(n.into())).unwrap();
        }
        let kept = addresses(&db, id(1)).unwrap();
        assert_eq!(kept.len(), ADDRESSES as usize);
        assert_eq!(kept[0].to_string(), "10.0.0.1:20");
    }

    #[test]
    fn requests_are_one_a_stranger_and_limited() {
        let db = in_memory();
        let request = |n: usize| ContactRequest {
            request: Uuid::from_u128(n as u128),
            from: format!("stranger {n}"),
            peer_id: Identity::from_seed(&[n as u8; 32]).peer_id(),
            note: String::new(),
            at: Timestamp::from_millis(n as i64),
        };
        for n in 0..limits::REQUESTS {
            assert!(save_request(&db, &request(n)).unwrap().is_some());
        }
        assert_eq!(save_request(&db, &request(limits::REQUESTS)).unwrap(), None);
        let mut again = request(3);
        again.request = Uuid::from_u128(999);
        let (kept, is_news) = save_request(&db, &again).unwrap().unwrap();
        assert_eq!((kept.request, is_news), (Uuid::from_u128(3), false));
        again.note = "please".into();
        let (_, is_news) = save_request(&db, &again).unwrap().unwrap();
        assert!(is_news);
        assert_eq!(requests(&db).unwrap().len(), limits::REQUESTS);
        assert_eq!(
            take_request_of(&db, again.peer_id)
                .unwrap()
                .map(|r| r.request),
            Some(kept.request)
        );
        assert_eq!(take_request_of(&db, again.peer_id).unwrap(), None);
    }
}
