//! Edits, deletions and reactions: entries about a message.
//!
//! What becomes of one that should not be:
//!
//! - an edit or a deletion of somebody else's message changes nothing and is
//!   not kept;
//! - one whose message is not here yet is kept, at most [`WAITING`] of a
//!   conversation, and applied when the message comes;
//! - one whose message was deleted here changes nothing and is not kept;
//! - one that comes twice is known by its number, and changes nothing.
//!
//! Numbers are taken and acknowledged in each case: nothing is sent again.

use rusqlite::{Connection, OptionalExtension, Result, params};
use twocan_proto::body::{Content, Entry};
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::append::insert;
use super::{Ends, Talk, history, set_stored, sql, uuid};
use crate::api::{Change, DeleteFor};

/// Entries kept of one conversation whose message has not come. Streams are
/// in order, so that an honest peer has none.
const WAITING: i64 = 256;

/// What the user wants to become of a message.
#[derive(Debug, Clone)]
pub(crate) enum Amendment {
    /// Another text.
    Edit(String),
    /// Gone.
    Delete(DeleteFor),
    /// A reaction; empty takes it back.
    React(String),
}

/// Why a message stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such message.
    Unknown,
    /// It was written by the other.
    NotOurs,
    /// It was deleted.
    Deleted,
}

/// What an amendment of ours did.
#[derive(Debug)]
pub(crate) struct Amended {
    pub(crate) ends: Ends,
    pub(crate) change: Change,
    /// What the peer is to hear of it.
    pub(crate) entry: Option<Entry>,
}

/// A message, as far as amendments ask.
struct Target {
    stream: i64,
    seq: Option<u64>,
    deleted: bool,
}

fn target(db: &Connection, talk: &Talk, id: Uuid) -> Result<Option<Target>> {
    db.prepare_cached(
        "SELECT stream, seq, deleted_at IS NOT NULL FROM entries
         WHERE id = ?1 AND conversation = ?2 AND target IS NULL",
    )?
    .query_row(params![id.as_bytes(), talk.id], |row| {
        Ok(Target {
            stream: row.get(0)?,
            seq: row.get(1)?,
            deleted: row.get(2)?,
        })
    })
    .optional()
}

/// Does what the user wants, and puts it into the outbox if the other is to
/// know.
pub(crate) fn amend_own(
    db: &Connection,
    me: PeerId,
    id: Uuid,
    amendment: Amendment,
    now: Timestamp,
) -> Result<std::result::Result<Amended, Refused>> {
    let Some(talk) = Talk::of(db, me, id)? else {
        return Ok(Err(Refused::Unknown));
    };
    let Some(message) = target(db, &talk, id)? else {
        return Ok(Err(Refused::Unknown));
    };
    let for_me = matches!(amendment, Amendment::Delete(DeleteFor::Me));
    let ours = message.stream == talk.mine;
    if message.deleted && !for_me {
        return Ok(Err(Refused::Deleted));
    }
    if !ours && !for_me && !matches!(amendment, Amendment::React(_)) {
        return Ok(Err(Refused::NotOurs));
    }
    let content = match amendment {
        Amendment::Delete(DeleteFor::Me) => {
            forget(db, &talk, id, &message)?;
            return Ok(Ok(Amended {
                ends: talk.ends,
                change: Change::Deleted {
                    id,
                    by: me,
                    scope: DeleteFor::Me,
                },
                entry: None,
            }));
        }
        Amendment::Delete(DeleteFor::Both) => Content::Delete { target: id },
        Amendment::Edit(text) => Content::Edit { target: id, text },
        Amendment::React(emoji) => Content::Reaction { target: id, emoji },
    };
    let change = apply(db, &talk, talk.mine, &content, now)?;
    let entry = Entry {
        id: Uuid::now_v7(),
        seq: talk.my_last + 1,
        after: None,
        sent_at: now,
        content,
    };
    insert(db, &talk, talk.mine, &entry, now, None)?;
    set_stored(db, talk.mine, entry.seq)?;
    Ok(match change {
        Some(change) => Ok(Amended {
            ends: talk.ends,
            change,
            entry: Some(entry),
        }),
        None => Err(Refused::Unknown),
    })
}

/// Takes an entry of the peer that is about a message.
pub(super) fn take_theirs(
    db: &Connection,
    talk: &Talk,
    entry: &Entry,
    now: Timestamp,
) -> Result<Option<Change>> {
    let Some(id) = entry.content.target() else {
        return Ok(None);
    };
    let Some(message) = target(db, talk, id)? else {
        if may_come(db, talk, id)? {
            insert(db, talk, talk.theirs, entry, now, None)?;
        }
        return Ok(None);
    };
    let may = message.stream == talk.theirs || matches!(entry.content, Content::Reaction { .. });
    if !may || message.deleted {
        tracing::debug!(%id, may, "an entry about a message changes nothing");
        return Ok(None);
    }
    // Kept for the history of edits; what a deletion leaves is in its message.
    let is_new = match entry.content {
        Content::Edit { .. } => insert(db, talk, talk.theirs, entry, now, None)?,
        _ => true,
    };
    if !is_new {
        return Ok(None);
    }
    apply(db, talk, talk.theirs, &entry.content, now)
}

/// Whether message `id`, which is not here, may still come: it was not
/// removed here, and not too many others are waited for.
fn may_come(db: &Connection, talk: &Talk, id: Uuid) -> Result<bool> {
    let removed: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM removed WHERE id = ?1)")?
        .query_row([id.as_bytes()], |row| row.get(0))?;
    let elsewhere: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM entries WHERE id = ?1)")?
        .query_row([id.as_bytes()], |row| row.get(0))?;
    if removed || elsewhere {
        return Ok(false);
    }
    let waiting: i64 = db
        .prepare_cached(
            "SELECT count(*) FROM entries e INDEXED BY entries_by_target WHERE e.target IS NOT NULL AND e.stream = ?1
             AND NOT EXISTS (SELECT 1 FROM entries m WHERE m.id = e.target)",
        )?
        .query_row([talk.theirs], |row| row.get(0))?;
    Ok(waiting < WAITING)
}

/// Message `id` has just come: applies what was waiting for it.
pub(super) fn apply_waiting(
    db: &Connection,
    talk: &Talk,
    id: Uuid,
    now: Timestamp,
) -> Result<bool> {
    let waiting: Vec<(String, String)> = db
        .prepare_cached(
            "SELECT kind, text FROM entries WHERE target = ?1 AND stream = ?2 ORDER BY pos",
        )?
        .query_map(params![id.as_bytes(), talk.theirs], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_>>()?;
    for (kind, text) in &waiting {
        let (target, text) = (id, text.clone());
        let content = match kind.as_str() {
            "edit" => Content::Edit { target, text },
            "delete" => Content::Delete { target },
            _ => Content::Reaction {
                target,
                emoji: text,
            },
        };
        apply(db, talk, talk.theirs, &content, now)?;
    }
    Ok(!waiting.is_empty())
}

/// Changes the message that `content` is about, and gives what is told of it.
fn apply(
    db: &Connection,
    talk: &Talk,
    stream: i64,
    content: &Content,
    now: Timestamp,
) -> Result<Option<Change>> {
    let by = talk.author(stream);
    match content {
        Content::Text { .. } => Ok(None),
        Content::Edit { target, text } => {
            db.prepare_cached("UPDATE entries SET edited = ?2, edited_at = ?3 WHERE id = ?1")?
                .execute(params![target.as_bytes(), text, now.as_millis()])?;
            Ok(history::find(db, talk.ends, *target)?.map(Change::Edited))
        }
        Content::Delete { target } => {
            erase(db, *target, now)?;
            Ok(Some(Change::Deleted {
                id: *target,
                by,
                scope: DeleteFor::Both,
            }))
        }
        Content::Reaction { target, emoji } => {
            react(db, *target, by, emoji)?;
            Ok(Some(Change::Reacted {
                id: *target,
                by,
                emoji: twocan_proto::text::line(emoji),
            }))
        }
    }
}

fn react(db: &Connection, message: Uuid, by: PeerId, emoji: &str) -> Result<()> {
    if twocan_proto::text::line(emoji).is_empty() {
        db.prepare_cached("DELETE FROM reactions WHERE message = ?1 AND author = ?2")?
            .execute(params![message.as_bytes(), by.as_bytes()])?;
    } else {
        db.prepare_cached(
            "INSERT INTO reactions VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET emoji = ?3",
        )?
        .execute(params![message.as_bytes(), by.as_bytes(), emoji])?;
    }
    Ok(())
}

/// Empties a message for good; the place where it stood stays.
fn erase(db: &Connection, id: Uuid, now: Timestamp) -> Result<()> {
    remove_about(db, id)?;
    db.prepare_cached(
        "UPDATE entries SET text = '', edited = NULL, edited_at = NULL, reply_to = NULL, deleted_at = ?2 WHERE id = ?1",
    )?
    .execute(params![id.as_bytes(), now.as_millis()])?;
    Ok(())
}

/// Removes what was ever said about a message: earlier texts, reactions.
pub(super) fn remove_about(db: &Connection, id: Uuid) -> Result<()> {
    db.prepare_cached("DELETE FROM entries WHERE target = ?1 AND kind <> 'delete'")?
        .execute([id.as_bytes()])?;
    db.prepare_cached("DELETE FROM reactions WHERE message = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// Removes a message here alone. One that the other still waits for is only
/// hidden, and removed when it has arrived.
fn forget(db: &Connection, talk: &Talk, id: Uuid, message: &Target) -> Result<()> {
    let waits = message.stream == talk.mine && message.seq.is_some_and(|seq| seq > talk.delivered);
    if waits {
        db.prepare_cached("UPDATE entries SET hidden = 1 WHERE id = ?1")?
            .execute([id.as_bytes()])?;
        return Ok(());
    }
    remove(db, id)
}

/// Removes a message with everything about it. Its id is remembered, so that
/// what still comes about it is known to be too late.
pub(super) fn remove(db: &Connection, id: Uuid) -> Result<()> {
    remove_about(db, id)?;
    db.prepare_cached("DELETE FROM entries WHERE id = ?1")?
        .execute([id.as_bytes()])?;
    db.prepare_cached("INSERT OR IGNORE INTO removed VALUES (?1)")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// Removes what was hidden until the other had it.
pub(super) fn remove_hidden(db: &Connection, talk: &Talk, delivered: u64) -> Result<()> {
    let hidden: Vec<Vec<u8>> = db
        .prepare_cached("SELECT id FROM entries WHERE stream = ?1 AND hidden = 1 AND seq <= ?2")?
        .query_map(params![talk.mine, sql(delivered)], |row| row.get(0))?
        .collect::<Result<_>>()?;
    hidden
        .into_iter()
        .filter_map(uuid)
        .try_for_each(|id| remove(db, id))
}
