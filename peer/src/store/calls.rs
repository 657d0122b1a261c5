//! The log of calls.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use twocan_proto::call::{code, reason};
use twocan_proto::identity::PeerId;
use twocan_proto::text;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::chat::{peer_id, uuid};
use crate::api::{CallId, LoggedCall, Path};

const COLUMNS: &str =
    "id, peer, outgoing, started, answered, ended, code, reason, seen, path, quality";

/// Writes down a call, new or changed.
pub(crate) fn save(db: &Connection, call: &LoggedCall) -> Result<()> {
    db.prepare_cached(&format!(
        "INSERT INTO calls ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET answered = ?5, ended = ?6, code = ?7, reason = ?8,
             seen = min(seen, ?9), path = ?10, quality = ?11"
    ))?
    .execute(params![
        call.call.as_bytes(),
        call.contact.as_bytes(),
        call.outgoing,
        call.started.as_millis(),
        call.answered.map(Timestamp::as_millis),
        call.ended.map(Timestamp::as_millis),
        call.code,
        call.reason,
        call.seen,
        call.path.map(word),
        call.quality,
    ])?;
    Ok(())
}

/// A call that we know of from the caller's note alone, as it never came.
pub(crate) fn note_missed(db: &Connection, call: Uuid, peer: PeerId, at: Timestamp) -> Result<()> {
    db.prepare_cached(&format!(
        "INSERT INTO calls ({COLUMNS}) VALUES (?1, ?2, 0, ?3, NULL, ?3, ?4, ?5, 0, NULL, NULL)
         ON CONFLICT (id) DO NOTHING"
    ))?
    .execute(params![
        call.as_bytes(),
        peer.as_bytes(),
        at.as_millis(),
        code::UNAVAILABLE,
        reason(code::UNAVAILABLE),
    ])?;
    Ok(())
}

/// Takes a call out of the log that was none: both called at once, and the
/// other call was taken.
pub(crate) fn remove(db: &Connection, call: CallId) -> Result<()> {
    db.prepare_cached("DELETE FROM calls WHERE id = ?1")?
        .execute([call.as_bytes()])?;
    Ok(())
}

/// Calls, newest first; `None` when `before` is not in the log.
pub(crate) fn page(
    db: &Connection,
    before: Option<CallId>,
    limit: usize,
) -> Result<Option<Vec<LoggedCall>>> {
    let edge: Option<i64> = match before {
        None => Some(i64::MAX),
        Some(id) => db
            .prepare_cached("SELECT started FROM calls WHERE id = ?1")?
            .query_row([id.as_bytes()], |row| row.get(0))
            .optional()?,
    };
    let Some(edge) = edge else { return Ok(None) };
    // Two calls of the same millisecond are told apart by their ids.
    let id = before.unwrap_or(Uuid::max());
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM calls WHERE (started, id) < (?1, ?2)
         ORDER BY started DESC, id DESC LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![edge, id.as_bytes(), limit], read)?;
    rows.collect::<Result<_>>().map(Some)
}

/// The user knows of missed calls, of `peer` or of everybody.
pub(crate) fn mark_seen(db: &Connection, peer: Option<PeerId>) -> Result<()> {
    match peer {
        Some(peer) => db
            .prepare_cached("UPDATE calls SET seen = 1 WHERE seen = 0 AND peer = ?1")?
            .execute([peer.as_bytes()])?,
        None => db
            .prepare_cached("UPDATE calls SET seen = 1 WHERE seen = 0")?
            .execute([])?,
    };
    Ok(())
}

/// Calls during which the program ended: they are over since then.
pub(crate) fn close_open(db: &Connection) -> Result<()> {
    db.execute(
        "UPDATE calls SET ended = coalesce(answered, started), code = ?1, reason = ?2 WHERE ended IS NULL",
        params![code::UNAVAILABLE, "twocan ended before the call did"],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<LoggedCall> {
    let at = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    let path: Option<String> = row.get(9)?;
    Ok(LoggedCall {
        call: uuid(row.get(0)?).unwrap_or_default(),
        contact: peer_id(row.get(1)?).ok_or(rusqlite::Error::InvalidQuery)?,
        outgoing: row.get(2)?,
        started: Timestamp::from_millis(row.get(3)?),
        answered: at(row.get(4)?),
        ended: at(row.get(5)?),
        code: row.get(6)?,
        reason: row
            .get::<_, Option<String>>(7)?
            .map(|words| text::line(&words)),
        seen: row.get(8)?,
        path: path.as_deref().and_then(path_of),
        quality: row.get(10)?,
    })
}

fn word(path: Path) -> &'static str {
    match path {
        Path::Lan => "lan",
        Path::Direct => "direct",
        Path::Relay => "relay",
    }
}

fn path_of(word: &str) -> Option<Path> {
    [Path::Lan, Path::Direct, Path::Relay]
        .into_iter()
        .find(|path| self::word(*path) == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_proto::identity::Identity;

    fn call(number: u128, started: i64) -> LoggedCall {
        LoggedCall {
            call: Uuid::from_u128(number),
            contact: Identity::from_seed(&[7; 32]).peer_id(),
            outgoing: false,
            started: Timestamp::from_millis(started),
            answered: None,
            ended: None,
            code: None,
            reason: None,
            seen: true,
            path: None,
            quality: None,
        }
    }

    fn ids(calls: &[LoggedCall]) -> Vec<u128> {
        calls.iter().map(|call| call.call.as_u128()).collect()
    }

    #[test]
    fn the_log_is_read_in_pages_newest_first() {
        let db = super::super::in_memory();
        for (number, started) in [(1, 10), (2, 20), (3, 20), (4, 30)] {
            save(&db, &call(number, started)).unwrap();
        }
        let first = page(&db, None, 2).unwrap().unwrap();
        assert_eq!(ids(&first), [4, 3]);
        let rest = page(&db, Some(Uuid::from_u128(3)), 9).unwrap().unwrap();
        assert_eq!(ids(&rest), [2, 1]);
        assert_eq!(page(&db, Some(Uuid::from_u128(9)), 9).unwrap(), None);
    }

    #[test]
    fn a_call_is_written_when_it_begins_and_when_it_ends() {
        let db = super::super::in_memory();
        save(&db, &call(1, 10)).unwrap();
        let over = LoggedCall {
            ended: Some(Timestamp::from_millis(50)),
            code: Some(code::NO_ANSWER),
            reason: Some("no answer".into()),
            seen: false,
            path: Some(Path::Direct),
            quality: Some(4.25),
            ..call(1, 10)
        };
        save(&db, &over).unwrap();
        assert_eq!(
            page(&db, None, 9).unwrap().unwrap(),
            std::slice::from_ref(&over)
        );
        // The caller's note about the same call is nothing new.
        note_missed(&db, over.call, over.contact, Timestamp::from_millis(60)).unwrap();
        assert_eq!(
            page(&db, None, 9).unwrap().unwrap(),
            std::slice::from_ref(&over)
        );
        mark_seen(&db, Some(over.contact)).unwrap();
        assert!(page(&db, None, 9).unwrap().unwrap()[0].seen);
    }

    #[test]
    fn what_a_crash_left_open_is_over() {
        let db = super::super::in_memory();
        save(&db, &call(1, 10)).unwrap();
        close_open(&db).unwrap();
        let log = page(&db, None, 9).unwrap().unwrap();
        assert_eq!(log[0].ended, Some(Timestamp::from_millis(10)));
        assert_eq!(log[0].code, Some(code::UNAVAILABLE));
    }
}
