//! Retention, and taking in what another profile exported.

use rusqlite::{Connection, OptionalExtension, Result, params};
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::{Ends, Talk, amend, sql, uuid};
use crate::api::{Exported, Reaction};

/// Messages removed in one go, so that nobody waits long for the database.
const STEP: u64 = 500;

/// Looks at the entries from `from` on, in their order, and removes those
/// stored before `before` that nobody waits for any more. Gives where to go
/// on, or `None` when all that is old was seen.
pub(crate) fn expire(db: &Connection, before: Timestamp, from: i64) -> Result<Option<i64>> {
    let mut query = db.prepare_cached(
        "SELECT e.pos, e.id, e.stored_at < ?2, s.author = c.peer OR e.seq IS NULL OR e.seq <= coalesce(r.delivered, 0)
         FROM entries e
         JOIN streams s ON s.id = e.stream
         JOIN conversations c ON c.id = e.conversation
         LEFT JOIN receipts r ON r.conversation = c.id AND r.reader = c.peer
         WHERE e.pos >= ?1 ORDER BY e.pos LIMIT ?3",
    )?;
    let mut rows = query.query(params![from, before.as_millis(), sql(STEP)])?;
    let mut next = None;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        let (is_old, may_go): (bool, bool) = (row.get(2)?, row.get(3)?);
        if is_old {
            next = Some(row.get::<_, i64>(0)? + 1);
        }
        if is_old && may_go {
            old.extend(uuid(row.get(1)?));
        }
    }
    for id in old {
        amend::remove_about(db, id)?;
        db.prepare_cached("DELETE FROM entries WHERE id = ?1")?
            .execute([id.as_bytes()])?;
    }
    Ok(next)
}

/// Takes in messages of an export, oldest first, before everything that is
/// here. Those whose id is here, or was removed here, are passed over. Gives
/// how many are new.
pub(crate) fn import(
    db: &Connection,
    ends: Ends,
    messages: &[Exported],
    first: i64,
) -> Result<usize> {
    let talk = Talk::open(db, ends)?;
    let mut new = 0;
    for (pos, message) in (first..).zip(messages) {
        let known: bool = db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM entries WHERE id = ?1) OR EXISTS (SELECT 1 FROM removed WHERE id = ?1)",
            )?
            .query_row([message.id.as_bytes()], |row| row.get(0))?;
        if known {
            continue;
        }
        insert(db, &talk, message, pos)?;
        for Reaction { from, emoji } in &message.reactions {
            db.prepare_cached("INSERT OR IGNORE INTO reactions VALUES (?1, ?2, ?3)")?
                .execute(params![message.id.as_bytes(), from.as_bytes(), emoji])?;
        }
        new += 1;
    }
    Ok(new)
}

fn insert(db: &Connection, talk: &Talk, message: &Exported, pos: i64) -> Result<()> {
    let stream = if message.mine { talk.mine } else { talk.theirs };
    // The first text is the row's own, the last one what it reads now.
    let first = message.revisions.first().map_or(&message.text, |r| &r.text);
    let edited = message.edited_at.map(|_| &message.text);
    db.prepare_cached(
        "INSERT INTO entries (pos, id, conversation, stream, kind, text, sent_at, stored_at, reply_to, edited, edited_at, deleted_at)
         VALUES (?1, ?2, ?3, ?4, 'text', ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        pos,
        message.id.as_bytes(),
        talk.id,
        stream,
        first,
        message.sent_at.as_millis(),
        // As old as it is, for the settings that let old messages go.
        message.sent_at.as_millis(),
        message.reply_to.as_ref().map(Uuid::as_bytes),
        edited,
        message.edited_at.map(Timestamp::as_millis),
        message.deleted.then_some(message.sent_at.as_millis()),
    ])?;
    for revision in message.revisions.iter().skip(1) {
        db.prepare_cached(
            "INSERT INTO entries (id, conversation, stream, kind, target, text, sent_at, stored_at)
             VALUES (?1, ?2, ?3, 'edit', ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            Uuid::now_v7().as_bytes(),
            talk.id,
            stream,
            message.id.as_bytes(),
            revision.text,
            revision.at.as_millis(),
            revision.at.as_millis(),
        ])?;
    }
    Ok(())
}

/// Room for `count` places before all that there are; gives the first.
pub(crate) fn room_before(db: &Connection, count: u64) -> Result<i64> {
    let first: Option<i64> = db
        .prepare_cached("SELECT min(pos) FROM entries")?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(first.unwrap_or(1).min(1) - sql(count))
}
