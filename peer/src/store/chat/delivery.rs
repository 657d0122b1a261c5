//! How far our entries have come at the peer, and the peer's here.

use rusqlite::{Connection, OptionalExtension, Result, params};
use twocan_proto::body::{Content, Entry, Resume};
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::{Ends, Talk, amend, set_stored, sql, uuid};
use crate::api::MessageState;
use crate::store::settings;

/// What is to be sent to `ends.peer` after number `after`, in order. What was
/// deleted before it was ever sent is left out, and so is what an earlier key
/// of the peer had.
pub(crate) fn outbox(db: &Connection, ends: Ends, after: u64, limit: usize) -> Result<Vec<Entry>> {
    let talk = Talk::open(db, ends)?;
    let mut query = db.prepare_cached(
        "SELECT id, seq, kind, target, text, sent_at, reply_to, call FROM entries
         WHERE stream = ?1 AND seq > max(?2, coalesce(
             (SELECT base FROM receipts WHERE conversation = ?4 AND reader = ?5), 0))
         AND deleted_at IS NULL ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = query.query(params![
        talk.mine,
        sql(after),
        sql(limit as u64),
        talk.id,
        ends.peer.as_bytes(),
    ])?;
    let mut entries = Vec::new();
    let mut before = after;
    while let Some(row) = rows.next()? {
        let id: Option<Vec<u8>> = row.get(3)?;
        let target = id.and_then(uuid).unwrap_or_default();
        let text: String = row.get(4)?;
        let content = match row.get_ref(2)?.as_str()? {
            "edit" => Content::Edit { target, text },
            "delete" => Content::Delete { target },
            "reaction" => Content::Reaction {
                target,
                emoji: text,
            },
            _ => Content::Text {
                text,
                reply_to: row.get::<_, Option<Vec<u8>>>(6)?.and_then(uuid),
                call: row.get::<_, Option<Vec<u8>>>(7)?.and_then(uuid),
            },
        };
        let seq: u64 = row.get(1)?;
        entries.push(Entry {
            id: uuid(row.get(0)?).unwrap_or_default(),
            seq,
            after: (seq != before + 1).then_some(before),
            sent_at: Timestamp::from_millis(row.get(5)?),
            content,
        });
        before = seq;
    }
    Ok(entries)
}

/// Where the conversation stands here, for our hello. What was read is left out
/// where the user does not tell it.
pub(crate) fn resume(db: &Connection, ends: Ends) -> Result<Resume> {
    let talk = Talk::open(db, ends)?;
    let told = settings::is_on(db, settings::RECEIPTS)?;
    Ok(Resume {
        stored: talk.stored,
        read: if told { talk.seen } else { 0 },
    })
}

/// Takes the peer's word on what it has of ours, at the start of a link.
/// Gives the number after which to send.
///
/// A peer that has more than we ever numbered knew us before our profile was
/// set back: what it does not have yet is numbered after what it has.
pub(crate) fn resume_sending(db: &Connection, ends: Ends, theirs: Resume) -> Result<u64> {
    let talk = Talk::open(db, ends)?;
    if theirs.stored > talk.my_last {
        // Downwards, so that no two have the same number on the way.
        db.prepare_cached("UPDATE entries SET seq = -(seq + ?1) WHERE stream = ?2 AND seq > ?3")?
            .execute(params![
                sql(theirs.stored - talk.delivered),
                talk.mine,
                sql(talk.delivered)
            ])?;
        db.prepare_cached("UPDATE entries SET seq = -seq WHERE stream = ?1 AND seq < 0")?
            .execute([talk.mine])?;
        let last = theirs.stored + (talk.my_last - talk.delivered);
        set_stored(db, talk.mine, last)?;
        set_receipts(db, &talk, theirs.stored, theirs.read)?;
    }
    Ok(theirs.stored)
}

fn set_receipts(db: &Connection, talk: &Talk, delivered: u64, seen: u64) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO receipts (conversation, reader, delivered, seen) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET delivered = max(delivered, ?3), seen = max(seen, ?4)",
    )?
    .execute(params![
        talk.id,
        talk.ends.peer.as_bytes(),
        sql(delivered),
        sql(seen)
    ])?;
    Ok(())
}

/// Takes the peer's receipts up to a number each, and gives the messages that
/// came further by it, oldest first.
pub(crate) fn receive_receipts(
    db: &Connection,
    ends: Ends,
    delivered: u64,
    seen: u64,
) -> Result<Vec<(Uuid, MessageState)>> {
    let talk = Talk::open(db, ends)?;
    // Nobody can have what was never sent; and what is read was delivered.
    let seen = seen.min(talk.my_last).max(talk.read);
    let delivered = delivered.min(talk.my_last).max(talk.delivered).max(seen);
    if (delivered, seen) == (talk.delivered, talk.read) {
        return Ok(Vec::new());
    }
    set_receipts(db, &talk, delivered, seen)?;
    let mut changed = Vec::new();
    // What was read now, be it delivered now or before; then the rest.
    for (from, upto, state) in [
        (talk.read, seen, MessageState::Read),
        (talk.delivered.max(seen), delivered, MessageState::Delivered),
    ] {
        let mut query = db.prepare_cached(
            "SELECT id FROM entries WHERE stream = ?1 AND seq > ?2 AND seq <= ?3
             AND target IS NULL AND hidden = 0 AND deleted_at IS NULL ORDER BY seq",
        )?;
        let rows = query.query_map(params![talk.mine, sql(from), sql(upto)], |row| row.get(0))?;
        for id in rows {
            changed.extend(uuid(id?).map(|id| (id, state)));
        }
    }
    amend::remove_hidden(db, &talk, delivered)?;
    Ok(changed)
}

/// Messages of ours that the peer does not have, oldest first.
pub(crate) fn waiting(db: &Connection, ends: Ends, limit: usize) -> Result<Vec<Uuid>> {
    let talk = Talk::open(db, ends)?;
    let mut query = db.prepare_cached(
        "SELECT id FROM entries WHERE stream = ?1 AND seq > ?2
         AND target IS NULL AND hidden = 0 AND deleted_at IS NULL ORDER BY seq LIMIT ?3",
    )?;
    let rows = query.query_map(
        params![talk.mine, sql(talk.delivered), sql(limit as u64)],
        |row| row.get::<_, Vec<u8>>(0),
    )?;
    rows.filter_map(|id| id.map(uuid).transpose()).collect()
}

/// Marks everything of the peer up to message `upto` as read here, and gives
/// the number to tell the peer; `None` when that is nothing new.
pub(crate) fn mark_seen(db: &Connection, ends: Ends, upto: Uuid) -> Result<Option<u64>> {
    let talk = Talk::open(db, ends)?;
    let Some(pos) = position(db, &talk, upto)? else {
        return Ok(None);
    };
    // From the newest backwards: an index finds the place at once, where the
    // greatest number below a position would have to look at all.
    let last: Option<u64> = db
        .prepare_cached(
            "SELECT seq FROM entries WHERE stream = ?1 AND seq > ?2 AND pos <= ?3 ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![talk.theirs, sql(talk.seen), pos], |row| row.get(0))
        .optional()?;
    let Some(last) = last else {
        return Ok(None);
    };
    db.prepare_cached("UPDATE streams SET seen = ?2 WHERE id = ?1")?
        .execute(params![talk.theirs, sql(last)])?;
    Ok(Some(last))
}

/// The place of a message in the order of its conversation.
pub(super) fn position(db: &Connection, talk: &Talk, id: Uuid) -> Result<Option<i64>> {
    db.prepare_cached(
        "SELECT pos FROM entries WHERE id = ?1 AND conversation = ?2 AND target IS NULL",
    )?
    .query_row(params![id.as_bytes(), talk.id], |row| row.get(0))
    .optional()
}

/// Whether a message of that id is in the conversation.
pub(crate) fn contains(db: &Connection, ends: Ends, id: Uuid) -> Result<bool> {
    Ok(position(db, &Talk::open(db, ends)?, id)?.is_some())
}
