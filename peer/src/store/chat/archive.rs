//! Retention, and taking in what another profile exported.

use rusqlite::{Connection, OptionalExtension, Result, params};
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::history::{self, COLUMNS};
use super::{Ends, Talk, amend, sql, uuid};
use crate::api::{Exported, Message, Reaction};

/// Messages removed in one go, so that nobody waits long for the database.
const STEP: u64 = 500;
/// Places kept for one import: more than any file has messages.
const IMPORT_ROOM: i64 = 1 << 40;

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

/// Messages after place `after` of the order of all, oldest first, with
/// everything that an export holds.
pub(crate) fn page(
    db: &Connection,
    ends: Ends,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, Exported)>> {
    let talk = Talk::open(db, ends)?;
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS}, pos, coalesce(edited, text) FROM entries
         WHERE conversation = ?1 AND target IS NULL AND hidden = 0 AND pos > ?2 ORDER BY pos LIMIT ?3"
    ))?;
    let rows = query.query_map(params![talk.id, after, sql(limit as u64)], |row| {
        // The text as it came: an export is no screen.
        Ok((row.get("pos")?, row.get(10)?, history::read(row, &talk)?))
    })?;
    let mut found: Vec<(i64, String, Message)> = rows.collect::<Result<_>>()?;
    let mut page = Vec::with_capacity(found.len());
    for (pos, text, message) in &mut found {
        history::add_reactions(db, std::slice::from_mut(message))?;
        let revisions = match message.edited_at {
            Some(_) => history::revisions(db, message.id)?,
            None => Vec::new(),
        };
        let exported = Exported {
            id: message.id,
            mine: message.mine,
            text: std::mem::take(text),
            sent_at: message.sent_at,
            reply_to: message.reply_to,
            edited_at: message.edited_at,
            deleted: message.deleted,
            reactions: std::mem::take(&mut message.reactions),
            call: message.call,
            revisions,
        };
        page.push((*pos, exported));
    }
    Ok(page)
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Messages that were not here.
    pub(crate) new: u64,
    /// The place for the next one.
    pub(crate) next: i64,
}

/// Takes in messages of an export, in their order, from place `next` on.
/// Those whose id is here, or was removed here, are passed over. An import
/// that was cut short is thereby taken up where it stopped.
pub(crate) fn import(
    db: &Connection,
    ends: Ends,
    messages: &[Exported],
    mut next: i64,
) -> Result<Taken> {
    let talk = Talk::open(db, ends)?;
    let mut new = 0;
    for message in messages {
        let here: Option<i64> = db
            .prepare_cached("SELECT pos FROM entries WHERE id = ?1")?
            .query_row([message.id.as_bytes()], |row| row.get(0))
            .optional()?;
        if let Some(pos) = here {
            // Places up to 0 are those of imports: this one goes on there.
            next = if pos < 0 { pos + 1 } else { next };
            continue;
        }
        let removed: bool = db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM removed WHERE id = ?1)")?
            .query_row([message.id.as_bytes()], |row| row.get(0))?;
        if removed {
            continue;
        }
        next = free_place(db, next)?;
        insert(db, &talk, message, next)?;
        for Reaction { from, emoji } in &message.reactions {
            db.prepare_cached("INSERT OR IGNORE INTO reactions VALUES (?1, ?2, ?3)")?
                .execute(params![message.id.as_bytes(), from.as_bytes(), emoji])?;
        }
        next += 1;
        new += 1;
    }
    Ok(Taken { new, next })
}

/// The first place from `wanted` on where no entry stands.
fn free_place(db: &Connection, mut wanted: i64) -> Result<i64> {
    let mut taken = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM entries WHERE pos = ?1)")?;
    while taken.query_row([wanted], |row| row.get(0))? {
        wanted += 1;
    }
    Ok(wanted)
}

fn insert(db: &Connection, talk: &Talk, message: &Exported, pos: i64) -> Result<()> {
    let stream = if message.mine { talk.mine } else { talk.theirs };
    // The first text is the row's own, the last one what it reads now.
    let first = message.revisions.first().map_or(&message.text, |r| &r.text);
    let edited = message.edited_at.map(|_| &message.text);
    db.prepare_cached(
        "INSERT INTO entries (pos, id, conversation, stream, kind, text, sent_at, stored_at, reply_to, edited, edited_at, deleted_at, call)
         VALUES (?1, ?2, ?3, ?4, 'text', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
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
        message.call.as_ref().map(Uuid::as_bytes),
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

/// A place with room for an import before everything that there is.
pub(crate) fn room_before(db: &Connection) -> Result<i64> {
    let first: Option<i64> = db.query_row("SELECT min(pos) FROM entries", [], |row| row.get(0))?;
    Ok(first.unwrap_or(0).min(0).saturating_sub(IMPORT_ROOM))
}
