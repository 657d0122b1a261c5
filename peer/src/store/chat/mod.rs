//! Conversations: what was said, and how far it has come.
//!
//! Each author numbers the entries of a conversation from 1 without gaps.
//! Whoever reads keeps the number up to which all are stored; that number is
//! the acknowledgement, the resume point of the next link, and what makes an
//! entry sent twice appear once.
//!
//! | part | what it does |
//! |---|---|
//! | [`append`] | takes entries in, ours and theirs |
//! | [`amend`] | edits, deletions and reactions |
//! | [`delivery`] | outbox, resume points, receipts |
//! | [`history`] | pages, single messages, earlier versions |
//! | [`search`] | the full-text index |
//! | [`archive`] | retention, and what was exported |

use rusqlite::{Connection, OptionalExtension, Result, params};
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

pub(crate) mod amend;
pub(crate) mod append;
pub(crate) mod archive;
pub(crate) mod delivery;
pub(crate) mod history;
pub(crate) mod search;

/// Both ends of a conversation, as every query needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) me: PeerId,
    pub(crate) peer: PeerId,
}

/// The row numbers and numbers of entries of a conversation.
#[derive(Debug, Clone, Copy)]
struct Talk {
    ends: Ends,
    id: i64,
    mine: i64,
    theirs: i64,
    /// Our newest entry.
    my_last: u64,
    /// The peer's entries are stored up to this one, and read up to `seen`.
    stored: u64,
    seen: u64,
    /// The peer has ours up to `delivered`, and has read them up to `read`.
    delivered: u64,
    read: u64,
}

impl Talk {
    /// The conversation with `ends.peer`, made if it is new.
    fn open(db: &Connection, ends: Ends) -> Result<Self> {
        if let Some(talk) = Self::find(db, ends)? {
            return Ok(talk);
        }
        db.execute(
            "INSERT INTO conversations (peer) VALUES (?1) ON CONFLICT DO NOTHING",
            [ends.peer.as_bytes()],
        )?;
        for author in [ends.me, ends.peer] {
            db.execute(
                "INSERT INTO streams (conversation, author) SELECT id, ?2 FROM conversations WHERE peer = ?1
                 ON CONFLICT DO NOTHING",
                [ends.peer.as_bytes(), author.as_bytes()],
            )?;
        }
        Self::find(db, ends)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    fn find(db: &Connection, ends: Ends) -> Result<Option<Self>> {
        db.prepare_cached(
            "SELECT c.id, m.id, t.id, m.stored, t.stored, t.seen, coalesce(r.delivered, 0), coalesce(r.seen, 0)
             FROM conversations c
             JOIN streams m ON m.conversation = c.id AND m.author = ?1
             JOIN streams t ON t.conversation = c.id AND t.author = ?2
             LEFT JOIN receipts r ON r.conversation = c.id AND r.reader = ?2
             WHERE c.peer = ?2",
        )?
        .query_row([ends.me.as_bytes(), ends.peer.as_bytes()], |row| {
            Ok(Self {
                ends,
                id: row.get(0)?,
                mine: row.get(1)?,
                theirs: row.get(2)?,
                my_last: row.get(3)?,
                stored: row.get(4)?,
                seen: row.get(5)?,
                delivered: row.get(6)?,
                read: row.get(7)?,
            })
        })
        .optional()
    }

    /// The conversation that entry `id` belongs to.
    fn of(db: &Connection, me: PeerId, id: Uuid) -> Result<Option<Self>> {
        let peer = db
            .prepare_cached(
                "SELECT c.peer FROM entries e JOIN conversations c ON c.id = e.conversation WHERE e.id = ?1",
            )?
            .query_row([id.as_bytes()], |row| row.get::<_, Vec<u8>>(0))
            .optional()?;
        match peer.and_then(peer_id) {
            Some(peer) => Self::find(db, Ends { me, peer }),
            None => Ok(None),
        }
    }

    fn author(&self, stream: i64) -> PeerId {
        if stream == self.mine {
            self.ends.me
        } else {
            self.ends.peer
        }
    }
}

fn set_stored(db: &Connection, stream: i64, stored: u64) -> Result<()> {
    db.prepare_cached("UPDATE streams SET stored = ?2 WHERE id = ?1")?
        .execute(params![stream, sql(stored)])?;
    Ok(())
}

/// A number as SQLite keeps it. No stream ever comes near the upper half of
/// 64 bits; a peer that claims so is taken at the highest number there is.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn uuid(bytes: Vec<u8>) -> Option<Uuid> {
    Uuid::from_slice(&bytes).ok()
}

pub(super) fn peer_id(bytes: Vec<u8>) -> Option<PeerId> {
    PeerId::from_bytes(bytes.as_slice().try_into().ok()?).ok()
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
    let talk = Talk::open(db, ends)?;
    let last: Option<i64> = db
        .prepare_cached(
            "SELECT stored_at FROM entries WHERE conversation = ?1 AND target IS NULL AND hidden = 0
             ORDER BY pos DESC LIMIT 1",
        )?
        .query_row([talk.id], |row| row.get(0))
        .optional()?;
    let read_upto: Option<Vec<u8>> = db
        .prepare_cached(
            "SELECT id FROM entries WHERE stream = ?1 AND seq <= ?2 AND target IS NULL AND hidden = 0
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![talk.theirs, sql(talk.seen)], |row| row.get(0))
        .optional()?;
    Ok(Summary {
        unread: messages_after(db, talk.theirs, talk.seen)?,
        waiting: messages_after(db, talk.mine, talk.delivered)?,
        last_message_at: last.map(Timestamp::from_millis),
        read_upto: read_upto.and_then(uuid),
    })
}

/// How many messages stand in a stream after a number.
fn messages_after(db: &Connection, stream: i64, seq: u64) -> Result<u64> {
    db.prepare_cached(
        "SELECT count(*) FROM entries
         WHERE stream = ?1 AND seq > ?2 AND target IS NULL AND hidden = 0 AND deleted_at IS NULL",
    )?
    .query_row(params![stream, sql(seq)], |row| row.get(0))
}

#[cfg(test)]
mod tests;
