//! Messages, and how far they have come.
//!
//! Each author numbers the messages of a conversation from 1 without gaps.
//! Whoever reads keeps the number up to which all are stored; that number is
//! the acknowledgement, the resume point of the next link, and what makes a
//! message sent twice appear once.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use twocan_proto::body::{ChatMessage, Resume};
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use crate::api::{Draft, Message, MessageState, Page};

/// Both ends of a conversation, as every query needs them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) me: PeerId,
    pub(crate) peer: PeerId,
}

/// What came of messages that a link brought.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Appended {
    /// Those that are new here.
    pub(crate) new: Vec<Message>,
    /// The number up to which all are stored now.
    pub(crate) stored: u64,
    /// One came whose predecessor is missing: ask for those after `stored`.
    pub(crate) gap: bool,
}

/// The row number of the conversation with `peer`, made if it is new.
fn conversation(db: &Connection, peer: PeerId) -> Result<i64> {
    let found = db
        .prepare_cached("SELECT id FROM conversations WHERE peer = ?1")?
        .query_row([peer.as_bytes()], |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => Ok(id),
        None => db
            .prepare_cached("INSERT INTO conversations (peer) VALUES (?1) RETURNING id")?
            .query_row([peer.as_bytes()], |row| row.get(0)),
    }
}

/// A number as SQLite keeps it. No stream ever comes near the upper half of
/// 64 bits; a peer that claims so is taken at the highest number there is.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn stream(db: &Connection, conversation: i64, author: PeerId) -> Result<(u64, u64)> {
    let found = db
        .prepare_cached("SELECT stored, seen FROM streams WHERE conversation = ?1 AND author = ?2")?
        .query_row(params![conversation, author.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found.unwrap_or((0, 0)))
}

fn set_stored(db: &Connection, conversation: i64, author: PeerId, stored: u64) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO streams (conversation, author, stored) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET stored = ?3",
    )?
    .execute(params![conversation, author.as_bytes(), sql(stored)])?;
    Ok(())
}

fn receipts(db: &Connection, conversation: i64, reader: PeerId) -> Result<(u64, u64)> {
    let found = db
        .prepare_cached(
            "SELECT delivered, seen FROM receipts WHERE conversation = ?1 AND reader = ?2",
        )?
        .query_row(params![conversation, reader.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found.unwrap_or((0, 0)))
}

/// Puts a message of ours into the conversation and thereby into the outbox.
/// With a `client_id` that was used before, gives the message of then and
/// `false`.
pub(crate) fn append_own(
    db: &Connection,
    ends: Ends,
    draft: &Draft,
    id: Uuid,
    now: Timestamp,
) -> Result<(Message, bool)> {
    if let Some(client_id) = &draft.client_id {
        let earlier = db
            .prepare_cached("SELECT id FROM messages WHERE client_id = ?1")?
            .query_row([client_id], |row| row.get::<_, Vec<u8>>(0))
            .optional()?;
        if let Some(message) = earlier
            .and_then(uuid)
            .map(|id| find(db, ends, id))
            .transpose()?
            .flatten()
        {
            return Ok((message, false));
        }
    }
    let conversation = conversation(db, ends.peer)?;
    let (stored, _) = stream(db, conversation, ends.me)?;
    let message = ChatMessage {
        id,
        seq: stored + 1,
        after: None,
        text: draft.text.clone(),
        sent_at: now,
        reply_to: draft.reply_to,
    };
    insert(
        db,
        conversation,
        ends.me,
        &message,
        now,
        draft.client_id.as_deref(),
    )?;
    set_stored(db, conversation, ends.me, message.seq)?;
    Ok((
        shown(ends, ends.me, message, Some(MessageState::Queued)),
        true,
    ))
}

/// Stores messages of `ends.peer` that came in this order.
pub(crate) fn append_theirs(
    db: &Connection,
    ends: Ends,
    messages: &[ChatMessage],
    now: Timestamp,
) -> Result<Appended> {
    let conversation = conversation(db, ends.peer)?;
    let (before, _) = stream(db, conversation, ends.peer)?;
    let mut appended = Appended {
        stored: before,
        ..Appended::default()
    };
    for message in messages {
        if message.seq <= appended.stored {
            continue;
        }
        if message.after.unwrap_or(message.seq - 1) > appended.stored {
            appended.gap = true;
            break;
        }
        appended.stored = message.seq;
        // An id that is here already under another number is the same message,
        // numbered again by an author whose profile was set back.
        if insert(db, conversation, ends.peer, message, now, None)? {
            appended
                .new
                .push(shown(ends, ends.peer, message.clone(), None));
        }
    }
    if appended.stored != before {
        set_stored(db, conversation, ends.peer, appended.stored)?;
    }
    Ok(appended)
}

fn insert(
    db: &Connection,
    conversation: i64,
    author: PeerId,
    message: &ChatMessage,
    now: Timestamp,
    client_id: Option<&str>,
) -> Result<bool> {
    let rows = db
        .prepare_cached(
            "INSERT INTO messages (id, conversation, author, seq, text, sent_at, stored_at, reply_to, client_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            message.id.as_bytes(),
            conversation,
            author.as_bytes(),
            sql(message.seq),
            message.text,
            message.sent_at.as_millis(),
            now.as_millis(),
            message.reply_to.as_ref().map(Uuid::as_bytes),
            client_id,
        ])?;
    Ok(rows == 1)
}

/// What is to be sent to `ends.peer` after number `after`, in order.
pub(crate) fn outbox(
    db: &Connection,
    ends: Ends,
    after: u64,
    limit: usize,
) -> Result<Vec<ChatMessage>> {
    let conversation = conversation(db, ends.peer)?;
    let mut query = db.prepare_cached(
        "SELECT id, seq, text, sent_at, reply_to FROM messages
         WHERE conversation = ?1 AND author = ?2 AND seq > max(?3, coalesce(
            (SELECT base FROM receipts WHERE conversation = ?1 AND reader = ?5), 0))
         ORDER BY seq LIMIT ?4",
    )?;
    let rows = query.query_map(
        params![
            conversation,
            ends.me.as_bytes(),
            sql(after),
            sql(limit as u64),
            ends.peer.as_bytes(),
        ],
        |row| {
            Ok(ChatMessage {
                id: uuid(row.get(0)?).unwrap_or_default(),
                seq: row.get(1)?,
                after: None,
                text: row.get(2)?,
                sent_at: Timestamp::from_millis(row.get(3)?),
                reply_to: row.get::<_, Option<Vec<u8>>>(4)?.and_then(uuid),
            })
        },
    )?;
    let mut messages: Vec<ChatMessage> = rows.collect::<Result<_>>()?;
    let mut before = after;
    for message in &mut messages {
        message.after = (message.seq != before + 1).then_some(before);
        before = message.seq;
    }
    Ok(messages)
}

/// Where the conversation stands here, for our hello.
pub(crate) fn resume(db: &Connection, ends: Ends) -> Result<Resume> {
    let conversation = conversation(db, ends.peer)?;
    let (stored, read) = stream(db, conversation, ends.peer)?;
    Ok(Resume { stored, read })
}

/// Takes the peer's word on what it has of ours, at the start of a link.
/// Gives the number after which to send.
///
/// A peer that has more than we ever numbered knew us before our profile was
/// set back: what it does not have yet is numbered after what it has.
pub(crate) fn resume_sending(db: &Connection, ends: Ends, theirs: Resume) -> Result<u64> {
    let conversation = conversation(db, ends.peer)?;
    let (stored, _) = stream(db, conversation, ends.me)?;
    let (delivered, _) = receipts(db, conversation, ends.peer)?;
    if theirs.stored > stored {
        // Downwards, so that no two have the same number on the way.
        db.prepare_cached(
            "UPDATE messages SET seq = -(seq + ?1) WHERE conversation = ?2 AND author = ?3 AND seq > ?4",
        )?
        .execute(params![sql(theirs.stored - delivered), conversation, ends.me.as_bytes(), sql(delivered)])?;
        db.prepare_cached(
            "UPDATE messages SET seq = -seq WHERE conversation = ?1 AND author = ?2 AND seq < 0",
        )?
        .execute(params![conversation, ends.me.as_bytes()])?;
        set_stored(
            db,
            conversation,
            ends.me,
            theirs.stored + (stored - delivered),
        )?;
        set_receipts(db, conversation, ends.peer, theirs.stored, theirs.read)?;
        return Ok(theirs.stored);
    }
    Ok(theirs.stored)
}

fn set_receipts(
    db: &Connection,
    conversation: i64,
    reader: PeerId,
    delivered: u64,
    seen: u64,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO receipts (conversation, reader, delivered, seen) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET delivered = max(delivered, ?3), seen = max(seen, ?4)",
    )?
    .execute(params![
        conversation,
        reader.as_bytes(),
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
    let conversation = conversation(db, ends.peer)?;
    let (stored, _) = stream(db, conversation, ends.me)?;
    let (was_delivered, was_seen) = receipts(db, conversation, ends.peer)?;
    // Nobody can have what was never sent; and what is read was delivered.
    let seen = seen.min(stored).max(was_seen);
    let delivered = delivered.min(stored).max(was_delivered).max(seen);
    if (delivered, seen) == (was_delivered, was_seen) {
        return Ok(Vec::new());
    }
    set_receipts(db, conversation, ends.peer, delivered, seen)?;
    let mut query = db.prepare_cached(
        "SELECT id, seq FROM messages WHERE conversation = ?1 AND author = ?2 AND seq > ?3 AND seq <= ?4 ORDER BY seq",
    )?;
    let rows = query.query_map(
        params![
            conversation,
            ends.me.as_bytes(),
            sql(was_delivered.min(was_seen)),
            sql(delivered)
        ],
        |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, u64>(1)?)),
    )?;
    let mut changed = Vec::new();
    for row in rows {
        let (id, seq) = row?;
        let state = |delivered, seen| match () {
            () if seq <= seen => MessageState::Read,
            () if seq <= delivered => MessageState::Delivered,
            () => MessageState::Queued,
        };
        let now = state(delivered, seen);
        if now != state(was_delivered, was_seen) {
            changed.extend(uuid(id).map(|id| (id, now)));
        }
    }
    Ok(changed)
}

/// Marks everything of the peer up to message `upto` as read here, and gives
/// the number to tell the peer; `None` when that is nothing new.
pub(crate) fn mark_seen(db: &Connection, ends: Ends, upto: Uuid) -> Result<Option<u64>> {
    let conversation = conversation(db, ends.peer)?;
    let Some(pos) = position(db, conversation, upto)? else {
        return Ok(None);
    };
    let last: Option<u64> = db
        .prepare_cached(
            "SELECT max(seq) FROM messages WHERE conversation = ?1 AND author = ?2 AND pos <= ?3",
        )?
        .query_row(params![conversation, ends.peer.as_bytes(), pos], |row| {
            row.get(0)
        })?;
    let (_, seen) = stream(db, conversation, ends.peer)?;
    let Some(last) = last.filter(|last| *last > seen) else {
        return Ok(None);
    };
    db.prepare_cached("UPDATE streams SET seen = ?3 WHERE conversation = ?1 AND author = ?2")?
        .execute(params![conversation, ends.peer.as_bytes(), sql(last)])?;
    Ok(Some(last))
}

fn position(db: &Connection, conversation: i64, id: Uuid) -> Result<Option<i64>> {
    db.prepare_cached("SELECT pos FROM messages WHERE id = ?1 AND conversation = ?2")?
        .query_row(params![id.as_bytes(), conversation], |row| row.get(0))
        .optional()
}

/// Whether a message of that id is in the conversation.
pub(crate) fn contains(db: &Connection, ends: Ends, id: Uuid) -> Result<bool> {
    let conversation = conversation(db, ends.peer)?;
    Ok(position(db, conversation, id)?.is_some())
}

const COLUMNS: &str = "id, author, seq, text, sent_at, reply_to";

/// A page of the conversation, in its order; `None` when the message that the
/// page hangs on is not there.
pub(crate) fn history(
    db: &Connection,
    ends: Ends,
    page: Page,
    limit: usize,
) -> Result<Option<Vec<Message>>> {
    let conversation = conversation(db, ends.peer)?;
    let (edge, forwards) = match page {
        Page::Newest => (Some(i64::MAX), false),
        Page::Before(id) => (position(db, conversation, id)?, false),
        Page::After(id) => (position(db, conversation, id)?, true),
    };
    let Some(edge) = edge else { return Ok(None) };
    let (comparison, order) = if forwards {
        (">", "ASC")
    } else {
        ("<", "DESC")
    };
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM messages WHERE conversation = ?1 AND pos {comparison} ?2 ORDER BY pos {order} LIMIT ?3"
    ))?;
    let receipts = receipts(db, conversation, ends.peer)?;
    let rows = query.query_map(params![conversation, edge, sql(limit as u64)], |row| {
        read_row(row, ends, receipts)
    })?;
    let mut messages: Vec<Message> = rows.collect::<Result<_>>()?;
    if !forwards {
        messages.reverse();
    }
    Ok(Some(messages))
}

fn find(db: &Connection, ends: Ends, id: Uuid) -> Result<Option<Message>> {
    let conversation = conversation(db, ends.peer)?;
    let receipts = receipts(db, conversation, ends.peer)?;
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM messages WHERE id = ?1 AND conversation = ?2"
    ))?
    .query_row(params![id.as_bytes(), conversation], |row| {
        read_row(row, ends, receipts)
    })
    .optional()
}

fn read_row(row: &Row<'_>, ends: Ends, (delivered, seen): (u64, u64)) -> Result<Message> {
    let mine = row.get_ref(1)?.as_bytes()? == ends.me.as_bytes();
    let message = ChatMessage {
        id: uuid(row.get(0)?).unwrap_or_default(),
        seq: row.get(2)?,
        after: None,
        text: row.get(3)?,
        sent_at: Timestamp::from_millis(row.get(4)?),
        reply_to: row.get::<_, Option<Vec<u8>>>(5)?.and_then(uuid),
    };
    let state = match message.seq {
        seq if seq <= seen => MessageState::Read,
        seq if seq <= delivered => MessageState::Delivered,
        _ => MessageState::Queued,
    };
    let author = if mine { ends.me } else { ends.peer };
    Ok(shown(ends, author, message, mine.then_some(state)))
}

/// A message as the interface may show it.
fn shown(ends: Ends, author: PeerId, message: ChatMessage, state: Option<MessageState>) -> Message {
    Message {
        id: message.id,
        conversation: ends.peer,
        from: author,
        mine: author == ends.me,
        text: twocan_proto::text::multiline(&message.text),
        sent_at: message.sent_at,
        reply_to: message.reply_to,
        seq: message.seq,
        state,
    }
}

fn uuid(bytes: Vec<u8>) -> Option<Uuid> {
    Uuid::from_slice(&bytes).ok()
}

/// What a contact list shows of a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Summary {
    /// Messages of the peer not read here.
    pub(crate) unread: u64,
    /// Messages of ours that the peer does not have.
    pub(crate) waiting: u64,
    /// When the newest message was stored.
    pub(crate) last_message_at: Option<Timestamp>,
    /// The newest message of the peer that was read here.
    pub(crate) read_upto: Option<Uuid>,
}

pub(crate) fn summary(db: &Connection, ends: Ends) -> Result<Summary> {
    let conversation = conversation(db, ends.peer)?;
    let (theirs, seen) = stream(db, conversation, ends.peer)?;
    let (ours, _) = stream(db, conversation, ends.me)?;
    let (delivered, _) = receipts(db, conversation, ends.peer)?;
    let last: Option<i64> = db
        .prepare_cached(
            "SELECT stored_at FROM messages WHERE conversation = ?1 ORDER BY pos DESC LIMIT 1",
        )?
        .query_row([conversation], |row| row.get(0))
        .optional()?;
    let read_upto: Option<Vec<u8>> = db
        .prepare_cached(
            "SELECT id FROM messages WHERE conversation = ?1 AND author = ?2 AND seq = ?3",
        )?
        .query_row(
            params![conversation, ends.peer.as_bytes(), sql(seen)],
            |row| row.get(0),
        )
        .optional()?;
    Ok(Summary {
        unread: theirs - seen.min(theirs),
        waiting: ours - delivered.min(ours),
        last_message_at: last.map(Timestamp::from_millis),
        read_upto: read_upto.and_then(uuid),
    })
}

#[cfg(test)]
mod tests;
