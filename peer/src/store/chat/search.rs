//! The full-text index over all messages.
//!
//! Words are what SQLite's `unicode61` makes of a text: case and accents are
//! folded. Scripts that write without blanks between words, and pictures, are
//! cut into single characters first ([`words_of`]), so that any part of a
//! text in them is found as a phrase. The last word of a query may be only
//! begun.
//!
//! Nobody who sends waits for the index: it is brought up to date in steps by
//! the database's thread when it has nothing else to do, and before a search.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension, Result, params};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::history::{COLUMNS, add_reactions, read};
use super::{Ends, Talk, peer_id, sql};
use crate::api::{Message, SearchQuery};

/// Messages indexed in one go: some milliseconds of work.
const STEP: i64 = 256;
/// Words of a query at most; more narrow a search no further.
const QUERY_WORDS: usize = 32;

/// Gives SQL the function that the index and its triggers use.
pub(crate) fn install(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("words_of", 1, flags, |context| {
        let text = context.get_raw(0);
        Ok(words_of(text.as_str().unwrap_or_default()))
    })
}

/// `text` with blanks around every character that is a word by itself.
fn words_of(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if stands_alone(c) {
            out.push(' ');
            out.push(c);
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters of scripts without blanks between words (Thai, Lao, Tibetan,
/// Burmese, Khmer, kana, Chinese) and of pictures.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2600}'..='\u{27bf}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Whether enough messages wait for the index to be worth a step of its own.
pub(crate) fn is_behind(db: &Connection) -> Result<bool> {
    db.prepare_cached(
        "SELECT coalesce((SELECT max(pos) FROM entries), 0) - upto >= ?1 FROM indexed",
    )?
    .query_row([STEP], |row| row.get(0))
}

/// Indexes the next messages that are not; `false` when there are none.
pub(crate) fn step(db: &Connection) -> Result<bool> {
    let upto: Option<i64> = db
        .prepare_cached(
            "SELECT max(pos) FROM
             (SELECT pos FROM entries WHERE pos > (SELECT upto FROM indexed) ORDER BY pos LIMIT ?1)",
        )?
        .query_row([STEP], |row| row.get(0))?;
    let Some(upto) = upto else { return Ok(false) };
    db.prepare_cached(
        "INSERT INTO words (rowid, place, text)
         SELECT pos, 'c' || conversation, words_of(coalesce(edited, text)) FROM entries
         WHERE pos > (SELECT upto FROM indexed) AND pos <= ?1 AND target IS NULL AND deleted_at IS NULL",
    )?
    .execute([upto])?;
    db.prepare_cached("UPDATE indexed SET upto = ?1")?
        .execute([upto])?;
    Ok(true)
}

/// The newest messages that have all the words; see [`SearchQuery`].
pub(crate) fn search(db: &Connection, me: PeerId, query: &SearchQuery) -> Result<Vec<Message>> {
    let Some(words) = expression(&query.text) else {
        return Ok(Vec::new());
    };
    while step(db)? {}
    let before = match query.before {
        Some(id) => place(db, id)?.unwrap_or(i64::MAX),
        None => i64::MAX,
    };
    let expression = match query.with {
        Some(peer) => {
            let talk = Talk::open(db, Ends { me, peer })?;
            format!("place : c{} AND text : ({words})", talk.id)
        }
        None => format!("text : ({words})"),
    };
    let found: Vec<(i64, Vec<u8>)> = db
        .prepare_cached(
            // CROSS JOIN keeps the order: from the index to its messages.
            "SELECT e.pos, c.peer FROM words w CROSS JOIN entries e ON e.pos = w.rowid
             CROSS JOIN conversations c ON c.id = e.conversation
             WHERE words MATCH ?1 AND w.rowid < ?2 AND e.hidden = 0
             ORDER BY w.rowid DESC LIMIT ?3",
        )?
        .query_map(
            params![expression, before, sql(query.limit as u64)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<Result<_>>()?;
    let mut hits = Vec::with_capacity(found.len());
    for (pos, peer) in found {
        if let Some(peer) = peer_id(peer) {
            hits.extend(at(db, Ends { me, peer }, pos)?);
        }
    }
    add_reactions(db, &mut hits)?;
    Ok(hits)
}

fn place(db: &Connection, id: Uuid) -> Result<Option<i64>> {
    db.prepare_cached("SELECT pos FROM entries WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()
}

fn at(db: &Connection, ends: Ends, pos: i64) -> Result<Option<Message>> {
    let talk = Talk::open(db, ends)?;
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE pos = ?1"))?
        .query_row([pos], |row| read(row, &talk))
        .optional()
}

/// A query in the words of FTS5: every word quoted, so that none is taken for
/// an operator, and each the beginning of a word.
fn expression(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split_whitespace()
        .take(QUERY_WORDS)
        .filter(|word| word.chars().any(|c| c.is_alphanumeric() || stands_alone(c)))
        .map(|word| format!("\"{}\" *", words_of(&word.replace(['"', '\0'], " "))))
        .collect();
    (!words.is_empty()).then(|| words.join(" AND "))
}

/// What the fuzzer may reach: see `crate::fuzzing`.
#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    use super::*;

    /// A text that is searched for: it makes an expression that the index takes,
    /// and words of plain letters are found in their own text.
    ///
    /// # Panics
    /// When it does not, or they are not.
    pub fn searched_text(text: &str) {
        thread_local! {
            static INDEX: Connection = index();
        }
        let Some(words) = expression(text) else {
            return;
        };
        INDEX.with(|db| {
            let write = "INSERT INTO words (rowid, text) VALUES (1, words_of(?1))";
            let find = "SELECT count(*) FROM words WHERE words MATCH ?1";
            let found = db.execute(write, [text]).and_then(|_| {
                db.query_row(find, [format!("text : ({words})")], |row| {
                    row.get::<_, i64>(0)
                })
            });
            let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ';
            match found {
                Ok(found) => assert!(found == 1 || !text.chars().all(plain), "{words}"),
                Err(error) => panic!("{words}: {error}"),
            }
            let cleared = db.execute("INSERT INTO words (words) VALUES ('delete-all')", []);
            assert!(cleared.is_ok());
        });
    }

    fn index() -> Connection {
        let table = "CREATE VIRTUAL TABLE words USING fts5 (place, text, content = '',
            columnsize = 0, prefix = '1 2 3 4 5 6',
            tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* Co So'\")";
        let made = Connection::open_in_memory().and_then(|db| {
            install(&db)?;
            db.execute_batch(table)?;
            Ok(db)
        });
        match made {
            Ok(db) => db,
            Err(error) => panic!("{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_cannot_be_operators() {
        assert_eq!(
            expression("NEAR(a) OR \"b"),
            Some("\"NEAR(a)\" * AND \"OR\" * AND \" b\" *".into())
        );
        assert_eq!(expression(" \"*- "), None);
    }
}
