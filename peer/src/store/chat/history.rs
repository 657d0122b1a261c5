//! Reading a conversation: pages, single messages, earlier versions.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use twocan_proto::body::{Content, Entry};
use twocan_proto::text;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::delivery::position;
use super::{Ends, Talk, peer_id, sql, uuid};
use crate::api::{Message, MessageState, Page, Reaction, Revision};

/// What [`read`] reads, of table `entries`.
pub(super) const COLUMNS: &str = "id, stream, seq, coalesce(edited, text), sent_at, reply_to, edited_at, deleted_at IS NOT NULL, call";

/// A page of the conversation, in its order; `None` when the message that the
/// page hangs on is not there.
pub(crate) fn page(
    db: &Connection,
    ends: Ends,
    page: Page,
    limit: usize,
) -> Result<Option<Vec<Message>>> {
    let talk = Talk::open(db, ends)?;
    let (edge, forwards) = match page {
        Page::Newest => (Some(i64::MAX), false),
        Page::Before(id) => (position(db, &talk, id)?, false),
        Page::After(id) => (position(db, &talk, id)?, true),
    };
    let Some(edge) = edge else { return Ok(None) };
    let (comparison, order) = if forwards {
        (">", "ASC")
    } else {
        ("<", "DESC")
    };
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM entries
         WHERE conversation = ?1 AND target IS NULL AND hidden = 0 AND pos {comparison} ?2
         ORDER BY pos {order} LIMIT ?3"
    ))?;
    let rows = query.query_map(params![talk.id, edge, sql(limit as u64)], |row| {
        read(row, &talk)
    })?;
    let mut messages: Vec<Message> = rows.collect::<Result<_>>()?;
    if !forwards {
        messages.reverse();
    }
    add_reactions(db, &mut messages)?;
    Ok(Some(messages))
}

/// One message of the conversation.
pub(crate) fn find(db: &Connection, ends: Ends, id: Uuid) -> Result<Option<Message>> {
    let talk = Talk::open(db, ends)?;
    let message = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM entries WHERE id = ?1 AND conversation = ?2 AND target IS NULL AND hidden = 0"
        ))?
        .query_row(params![id.as_bytes(), talk.id], |row| read(row, &talk))
        .optional()?;
    let Some(mut message) = message else {
        return Ok(None);
    };
    add_reactions(db, std::slice::from_mut(&mut message))?;
    Ok(Some(message))
}

/// What a message read when, the first text first.
pub(crate) fn revisions(db: &Connection, id: Uuid) -> Result<Vec<Revision>> {
    db.prepare_cached(
        "SELECT text, sent_at FROM entries
         WHERE (id = ?1 AND target IS NULL AND deleted_at IS NULL) OR (target = ?1 AND kind = 'edit')
         ORDER BY pos",
    )?
    .query_map([id.as_bytes()], |row| {
        Ok(Revision {
            text: text::multiline(&row.get::<_, String>(0)?),
            at: Timestamp::from_millis(row.get(1)?),
        })
    })?
    .collect()
}

/// A row of [`COLUMNS`] as the interface may show it, without reactions.
pub(super) fn read(row: &Row<'_>, talk: &Talk) -> Result<Message> {
    let stream: i64 = row.get(1)?;
    let mine = stream == talk.mine;
    let seq: Option<u64> = row.get(2)?;
    let state = match seq {
        // Brought from another profile: told there already.
        None => MessageState::Delivered,
        Some(seq) if seq <= talk.read => MessageState::Read,
        Some(seq) if seq <= talk.delivered => MessageState::Delivered,
        Some(_) => MessageState::Queued,
    };
    Ok(Message {
        id: uuid(row.get(0)?).unwrap_or_default(),
        conversation: talk.ends.peer,
        from: talk.author(stream),
        mine,
        text: text::multiline(row.get_ref(3)?.as_str()?),
        sent_at: Timestamp::from_millis(row.get(4)?),
        reply_to: row.get::<_, Option<Vec<u8>>>(5)?.and_then(uuid),
        seq: seq.unwrap_or_default(),
        state: mine.then_some(state),
        edited_at: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_millis),
        deleted: row.get(7)?,
        reactions: Vec::new(),
        call: row.get::<_, Option<Vec<u8>>>(8)?.and_then(uuid),
    })
}

/// A message that was stored just now, without asking the database for it.
pub(super) fn fresh(talk: &Talk, stream: i64, entry: &Entry) -> Message {
    let mine = stream == talk.mine;
    let (said, reply_to, call) = match &entry.content {
        Content::Text {
            text,
            reply_to,
            call,
        } => (text::multiline(text), *reply_to, *call),
        _ => Default::default(),
    };
    Message {
        id: entry.id,
        conversation: talk.ends.peer,
        from: talk.author(stream),
        mine,
        text: said,
        sent_at: entry.sent_at,
        reply_to,
        seq: entry.seq,
        state: mine.then_some(MessageState::Queued),
        edited_at: None,
        deleted: false,
        reactions: Vec::new(),
        call,
    }
}

pub(super) fn add_reactions(db: &Connection, messages: &mut [Message]) -> Result<()> {
    let mut query = db
        .prepare_cached("SELECT author, emoji FROM reactions WHERE message = ?1 ORDER BY author")?;
    for message in messages {
        let mut rows = query.query([message.id.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let emoji = text::line(row.get_ref(1)?.as_str()?);
            if let Some(from) = peer_id(row.get(0)?) {
                message.reactions.push(Reaction { from, emoji });
            }
        }
    }
    Ok(())
}
