//! Changed keys: those that were refused, and a contact that moves on to a
//! new one.

use rusqlite::{Connection, OptionalExtension, Result, params};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::time::Timestamp;

use super::contacts::peer;

/// Remembers that `key` is not the contact's.
pub(crate) fn refuse(db: &Connection, of: PeerId, key: PeerId, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO refused_keys VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET at = ?3",
    )?
    .execute(params![of.as_bytes(), key.as_bytes(), now.as_millis()])?;
    db.prepare_cached(
        "DELETE FROM refused_keys WHERE peer = ?1 AND key NOT IN
         (SELECT key FROM refused_keys WHERE peer = ?1 ORDER BY at DESC LIMIT ?2)",
    )?
    .execute(params![of.as_bytes(), limits::REFUSED_KEYS as i64])?;
    Ok(())
}

/// The keys that are refused: of whom, and which.
pub(crate) fn refused(db: &Connection) -> Result<Vec<(PeerId, PeerId)>> {
    let mut query = db.prepare_cached("SELECT peer, key FROM refused_keys ORDER BY at")?;
    let rows = query.query_map([], |row| Ok((peer(row, 0)?, peer(row, 1)?)))?;
    rows.collect()
}

/// Moves a contact with everything about her from the key `old` to `new`.
///
/// The conversation goes on: its messages stay, those of `old` remain under
/// the key that wrote them and count as read, and `new` numbers hers from 1.
/// Of ours, what `old` had stays delivered to `old` and is never sent again;
/// what was waiting is now for `new`. Must run in a transaction, as the rows
/// of a contact cannot all change at once.
pub(crate) fn rekey(db: &Connection, old: PeerId, new: PeerId) -> Result<()> {
    let (old, new) = (old.as_bytes(), new.as_bytes());
    db.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    db.execute("UPDATE contacts SET peer = ?2 WHERE peer = ?1", [old, new])?;
    db.execute("UPDATE addresses SET peer = ?2 WHERE peer = ?1", [old, new])?;
    let names = "UPDATE registry_names SET peer = ?2 WHERE peer = ?1";
    db.execute(names, [old, new])?;
    db.execute("UPDATE calls SET peer = ?2 WHERE peer = ?1", [old, new])?;
    // A key that is accepted is not refused, and no key is known to be wrong
    // for the person who has just shown that hers can change.
    db.execute("DELETE FROM refused_keys WHERE peer = ?1", [old])?;
    swap_conversations(db, old, new)?;
    let found: Option<i64> = db
        .query_row(
            "SELECT id FROM conversations WHERE peer = ?1",
            [new],
            |row| row.get(0),
        )
        .optional()?;
    let Some(conversation) = found else {
        return Ok(());
    };
    db.execute(
        "UPDATE streams SET seen = stored WHERE conversation = ?1 AND author = ?2",
        params![conversation, old],
    )?;
    db.execute(
        "INSERT INTO receipts (conversation, reader, delivered, seen, base)
         SELECT conversation, ?3, delivered, seen, delivered FROM receipts
         WHERE conversation = ?1 AND reader = ?2
         ON CONFLICT DO NOTHING",
        params![conversation, old, new],
    )?;
    Ok(())
}

/// The conversation with `old` becomes that with `new`. If there was one with
/// `new` already (as a contact since removed), it takes the place of `old`:
/// nothing is lost, and it can be had back by adding `old`.
fn swap_conversations(db: &Connection, old: &[u8; 32], new: &[u8; 32]) -> Result<()> {
    let rename = "UPDATE conversations SET peer = ?2 WHERE peer = ?1";
    let aside: [u8; 32] = db.query_row("SELECT randomblob(32)", [], |row| row.get(0))?;
    db.execute(rename, [new, &aside])?;
    db.execute(rename, [old, new])?;
    db.execute(rename, [&aside, old])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Draft, MessageState, Page};
    use crate::store::chat::append::{Own, append_own, append_theirs};
    use crate::store::chat::delivery::{outbox, receive_receipts, resume, resume_sending};
    use crate::store::chat::{Ends, history, summary};
    use crate::store::{contacts, in_memory};
    use twocan_proto::identity::Identity;
    use uuid::Uuid;

    fn id(seed: u8) -> PeerId {
        Identity::from_seed(&[seed; 32]).peer_id()
    }

    const ME: u8 = 1;
    const OLD: u8 = 2;
    const NEW: u8 = 3;

    fn ends(peer: u8) -> Ends {
        Ends {
            me: id(ME),
            peer: id(peer),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1)
    }

    fn write(db: &Connection, ends: Ends, text: &str) -> Uuid {
        let draft = Draft {
            text: text.into(),
            ..Draft::default()
        };
        let own = Own {
            id: Uuid::now_v7(),
            sent_at: now(),
            draft,
        };
        let id = own.id;
        append_own(db, ends, &[own]).unwrap();
        id
    }

    fn rekeyed() -> Connection {
        let db = in_memory();
        contacts::save(&db, &contacts::tests::contact(OLD, "anna")).unwrap();
        let name = contacts::RegistryName {
            registry: "https://r:1".parse().unwrap(),
            username: "anna".into(),
            peer: id(OLD),
        };
        contacts::save_registry_name(&db, &name).unwrap();
        contacts::save_address(&db, id(OLD), &"10.0.0.1:1".parse().unwrap(), now()).unwrap();
        for text in ["had", "read", "waits"] {
            write(&db, ends(OLD), text);
        }
        receive_receipts(&db, ends(OLD), 2, 1).unwrap();
        // What the old key wrote, as its own program numbered it.
        let theirs = in_memory();
        let other = Ends {
            me: id(OLD),
            peer: id(ME),
        };
        write(&theirs, other, "from the old key");
        let hers = outbox(&theirs, other, 0, 10).unwrap();
        append_theirs(&db, ends(OLD), &hers, now()).unwrap();
        let transaction = db.unchecked_transaction().unwrap();
        rekey(&transaction, id(OLD), id(NEW)).unwrap();
        transaction.commit().unwrap();
        db
    }

    #[test]
    fn the_contact_and_the_conversation_move_on() {
        let db = rekeyed();
        assert_eq!(contacts::all(&db).unwrap()[0].peer, id(NEW));
        assert_eq!(contacts::registry_names(&db).unwrap()[0].peer, id(NEW));
        assert_eq!(contacts::addresses(&db, id(NEW)).unwrap().len(), 1);
        let page = history::page(&db, ends(NEW), Page::Newest, 10);
        let page = page.unwrap().unwrap();
        let states: Vec<_> = page.iter().map(|m| m.state).collect();
        use MessageState::{Delivered, Queued, Read};
        assert_eq!(states, [Some(Read), Some(Delivered), Some(Queued), None]);
        let summary = summary(&db, ends(NEW)).unwrap();
        assert_eq!((summary.unread, summary.waiting), (0, 1));
    }

    #[test]
    fn the_new_key_gets_what_waited_and_nothing_the_old_one_had() {
        let db = rekeyed();
        let fresh = in_memory();
        let other = Ends {
            me: id(NEW),
            peer: id(ME),
        };
        let point = resume(&fresh, other).unwrap();
        let after = resume_sending(&db, ends(NEW), point).unwrap();
        let sent = outbox(&db, ends(NEW), after, 10).unwrap();
        let appended = append_theirs(&fresh, other, &sent, now()).unwrap();
        assert!(!appended.gap);
        assert_eq!(appended.changes.len(), 1);
        let got = history::page(&fresh, other, Page::Newest, 10);
        let got = got.unwrap().unwrap();
        let texts: Vec<_> = got.iter().map(|m| m.text.as_str()).collect();
        assert_eq!(texts, ["waits"]);
        // She asks for everything, and still gets no more than that.
        assert_eq!(outbox(&db, ends(NEW), 0, 10).unwrap().len(), 1);
        // And the new key's own numbers begin anew beside the old one's.
        write(&fresh, other, "hello again");
        let hers = outbox(&fresh, other, 0, 10).unwrap();
        let appended = append_theirs(&db, ends(NEW), &hers, now()).unwrap();
        assert_eq!((appended.changes.len(), appended.gap), (1, false));
        assert_eq!(summary(&db, ends(NEW)).unwrap().unread, 1);
    }

    #[test]
    fn the_newest_refused_keys_are_kept() {
        let db = in_memory();
        contacts::save(&db, &contacts::tests::contact(1, "anna")).unwrap();
        for n in 2..40 {
            refuse(&db, id(1), id(n), Timestamp::from_millis(n.into())).unwrap();
        }
        let kept = refused(&db).unwrap();
        assert_eq!(kept.len(), limits::REFUSED_KEYS);
        assert_eq!(kept.last(), Some(&(id(1), id(39))));
    }
}
