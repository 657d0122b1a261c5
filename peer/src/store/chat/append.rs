//! Taking entries in: ours from the interface, theirs from a link.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Result, params};
use twocan_proto::body::{Content, Entry};
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::{Ends, Talk, amend, history, set_stored, sql, uuid};
use crate::api::{Change, Draft, Message};
use crate::store::{StoreError, calls};

/// What came of entries that a link brought.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Appended {
    /// What is new here, in its order.
    pub(crate) changes: Vec<Change>,
    /// The number up to which all are stored now.
    pub(crate) stored: u64,
    /// One came whose predecessor is missing: ask for those after `stored`.
    pub(crate) gap: bool,
}

/// A message of ours that is to be put into a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) id: Uuid,
    pub(crate) sent_at: Timestamp,
    pub(crate) draft: Draft,
}

/// What became of a message of ours: how it is shown, and what goes out.
pub(crate) type Written = std::result::Result<(Message, Option<Entry>), StoreError>;

/// Puts messages of ours into the conversation and thereby into the outbox.
/// One with a `client_id` that was used before gives the message of then and
/// no entry; one that cannot be kept, such as with the `client_id` of another
/// conversation, leaves nothing and takes no number.
///
/// # Errors
/// What concerns all of them: then none is there.
pub(crate) fn append_own(db: &Connection, ends: Ends, messages: &[Own]) -> Result<Vec<Written>> {
    let talk = Talk::open(db, ends)?;
    let mut last = talk.my_last;
    let mut written = Vec::with_capacity(messages.len());
    for message in messages {
        written.push(match append_one(db, &talk, message, last + 1) {
            Ok(new) => {
                last += u64::from(new.1.is_some());
                Ok(new)
            }
            Err(error) if is_of_one_row(&error) => Err(error.into()),
            Err(error) => return Err(error),
        });
    }
    if last != talk.my_last {
        set_stored(db, talk.mine, last)?;
    }
    Ok(written)
}

fn append_one(
    db: &Connection,
    talk: &Talk,
    message: &Own,
    seq: u64,
) -> Result<(Message, Option<Entry>)> {
    let Own { id, sent_at, draft } = message;
    let client_id = draft.client_id.as_deref();
    if let Some(client_id) = client_id
        && let Some(earlier) = sent_as(db, talk.ends, client_id)?
    {
        return Ok((earlier, None));
    }
    let entry = Entry {
        id: *id,
        seq,
        after: None,
        sent_at: *sent_at,
        content: Content::Text {
            text: draft.text.clone(),
            reply_to: draft.reply_to,
            call: None,
        },
    };
    insert(db, talk, talk.mine, &entry, *sent_at, client_id)?;
    Ok((history::fresh(talk, talk.mine, &entry), Some(entry)))
}

/// The message of this conversation that was sent with a `client_id`.
fn sent_as(db: &Connection, ends: Ends, client_id: &str) -> Result<Option<Message>> {
    let id = db
        .prepare_cached("SELECT id FROM entries WHERE client_id = ?1")?
        .query_row([client_id], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    match id.and_then(uuid) {
        Some(id) => history::find(db, ends, id),
        None => Ok(None),
    }
}

/// The row was refused and nothing else was touched (SQLite takes back what a
/// statement did that breaks a constraint).
fn is_of_one_row(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// Puts the trace of a call of ours that nobody took into the conversation,
/// and thereby into the outbox.
pub(crate) fn append_call_note(
    db: &Connection,
    ends: Ends,
    call: Uuid,
    text: &str,
    now: Timestamp,
) -> Result<(Message, Entry)> {
    let talk = Talk::open(db, ends)?;
    let entry = Entry {
        id: Uuid::now_v7(),
        seq: talk.my_last + 1,
        after: None,
        sent_at: now,
        content: Content::Text {
            text: text.to_owned(),
            reply_to: None,
            call: Some(call),
        },
    };
    insert(db, &talk, talk.mine, &entry, now, None)?;
    set_stored(db, talk.mine, entry.seq)?;
    Ok((history::fresh(&talk, talk.mine, &entry), entry))
}

/// Stores entries of `ends.peer` that came in this order.
pub(crate) fn append_theirs(
    db: &Connection,
    ends: Ends,
    entries: &[Entry],
    now: Timestamp,
) -> Result<Appended> {
    let talk = Talk::open(db, ends)?;
    let mut appended = Appended {
        stored: talk.stored,
        ..Appended::default()
    };
    for entry in entries {
        if entry.seq <= appended.stored {
            continue;
        }
        if entry.after.unwrap_or(entry.seq - 1) > appended.stored {
            appended.gap = true;
            break;
        }
        appended.stored = entry.seq;
        appended.changes.extend(take(db, &talk, entry, now)?);
    }
    if appended.stored != talk.stored {
        set_stored(db, talk.theirs, appended.stored)?;
    }
    Ok(appended)
}

/// Stores one entry of the peer and gives what it changed here.
fn take(db: &Connection, talk: &Talk, entry: &Entry, now: Timestamp) -> Result<Option<Change>> {
    if entry.content.target().is_some() {
        return amend::take_theirs(db, talk, entry, now);
    }
    // An id that is here already under another number is the same message,
    // numbered again by an author whose profile was set back.
    if !insert(db, talk, talk.theirs, entry, now, None)? {
        return Ok(None);
    }
    if let Content::Text {
        call: Some(call), ..
    } = entry.content
    {
        calls::note_missed(db, call, talk.ends.peer, entry.sent_at)?;
    }
    if amend::apply_waiting(db, talk, entry.id, now)? {
        return Ok(history::find(db, talk.ends, entry.id)?.map(Change::New));
    }
    Ok(Some(Change::New(history::fresh(talk, talk.theirs, entry))))
}

/// Writes the row of an entry, unless its id is there already.
pub(super) fn insert(
    db: &Connection,
    talk: &Talk,
    stream: i64,
    entry: &Entry,
    now: Timestamp,
    client_id: Option<&str>,
) -> Result<bool> {
    let (kind, text) = match &entry.content {
        Content::Text { text, .. } => ("text", text.as_str()),
        Content::Edit { text, .. } => ("edit", text.as_str()),
        Content::Delete { .. } => ("delete", ""),
        Content::Reaction { emoji, .. } => ("reaction", emoji.as_str()),
    };
    let (reply_to, call) = match &entry.content {
        Content::Text { reply_to, call, .. } => (*reply_to, *call),
        _ => (None, None),
    };
    let target = entry.content.target();
    let rows = db
        .prepare_cached(
            "INSERT INTO entries (id, conversation, stream, seq, kind, target, text, sent_at, stored_at, reply_to, client_id, call)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            entry.id.as_bytes(),
            talk.id,
            stream,
            sql(entry.seq),
            kind,
            target.as_ref().map(Uuid::as_bytes),
            text,
            entry.sent_at.as_millis(),
            now.as_millis(),
            reply_to.as_ref().map(Uuid::as_bytes),
            client_id,
            call.as_ref().map(Uuid::as_bytes),
        ])?;
    Ok(rows == 1)
}
