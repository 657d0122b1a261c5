//! Transfers of files, and the files of those that are not over.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use twocan_proto::body::file::{FileHash, Standing};
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use crate::transfer::state::Sides;

/// A transfer as it is remembered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SavedTransfer {
    pub(crate) id: Uuid,
    pub(crate) peer: PeerId,
    pub(crate) sides: Sides,
    /// As the sender named it.
    pub(crate) name: String,
    pub(crate) folder: bool,
    pub(crate) files: u64,
    pub(crate) size: u64,
    pub(crate) at: Timestamp,
    pub(crate) reason: Option<String>,
    /// The peer has seen how it stands here.
    pub(crate) told: bool,
    /// Outgoing: what is sent. Incoming: the folder it goes to.
    pub(crate) root: PathBuf,
    /// Incoming: where it lies, or is about to.
    pub(crate) path: Option<PathBuf>,
    pub(crate) done: u64,
    pub(crate) blake3: Option<FileHash>,
}

/// One file of a transfer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SavedFile {
    /// Outgoing: the path inside the set. Incoming: its place here. Empty for
    /// the one file of a transfer that is no folder.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Outgoing: nanoseconds since 1970 when it was last written.
    pub(crate) modified: Option<i64>,
    /// Incoming: it is whole and checked.
    pub(crate) blake3: Option<FileHash>,
}

const COLUMNS: &str = "id, peer, outgoing, name, folder, files, size, at, mine, theirs, reason, told, root, path, done, blake3";

/// Remembers a transfer, new or changed. One that is over forgets its files.
pub(crate) fn save(db: &Connection, transfer: &SavedTransfer) -> Result<()> {
    let SavedTransfer { sides, .. } = transfer;
    db.prepare_cached(&format!(
        "INSERT INTO transfers ({COLUMNS}, over)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (id) DO UPDATE SET mine = ?9, theirs = ?10, reason = ?11, told = ?12,
             root = ?13, path = ?14, done = ?15, blake3 = ?16, over = ?17"
    ))?
    .execute(params![
        transfer.id.as_bytes(),
        transfer.peer.as_bytes(),
        sides.outgoing,
        transfer.name,
        transfer.folder,
        transfer.files,
        transfer.size,
        transfer.at.as_millis(),
        word(sides.mine),
        word(sides.theirs),
        transfer.reason,
        transfer.told,
        transfer.root.to_string_lossy(),
        transfer.path.as_ref().map(|path| path.to_string_lossy()),
        transfer.done,
        transfer.blake3.map(|hash| hash.0),
        sides.is_over(),
    ])?;
    if sides.is_over() {
        clear_files(db, transfer.id)?;
    }
    Ok(())
}

/// Those that are not over, or whose end the peer does not know, oldest first.
pub(crate) fn open(db: &Connection) -> Result<Vec<SavedTransfer>> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM transfers WHERE over = 0 OR told = 0 ORDER BY id"
    ))?;
    query.query_map([], read)?.collect()
}

/// The newest, oldest first.
pub(crate) fn newest(db: &Connection, limit: usize) -> Result<Vec<SavedTransfer>> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM transfers ORDER BY id DESC LIMIT ?1"
    ))?;
    let mut found: Vec<_> = query.query_map([limit], read)?.collect::<Result<_>>()?;
    found.reverse();
    Ok(found)
}

pub(crate) fn find(db: &Connection, id: Uuid) -> Result<Option<SavedTransfer>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM transfers WHERE id = ?1"))?
        .query_row([id.as_bytes()], read)
        .optional()
}

fn read(row: &Row<'_>) -> Result<SavedTransfer> {
    let peer: [u8; 32] = row.get(1)?;
    Ok(SavedTransfer {
        id: Uuid::from_bytes(row.get(0)?),
        peer: PeerId::from_bytes(peer).map_err(|_| rusqlite::Error::InvalidQuery)?,
        sides: Sides {
            outgoing: row.get(2)?,
            mine: standing(&row.get::<_, String>(8)?),
            theirs: standing(&row.get::<_, String>(9)?),
        },
        name: row.get(3)?,
        folder: row.get(4)?,
        files: row.get(5)?,
        size: row.get(6)?,
        at: Timestamp::from_millis(row.get(7)?),
        reason: row.get(10)?,
        told: row.get(11)?,
        root: row.get::<_, String>(12)?.into(),
        path: row.get::<_, Option<String>>(13)?.map(PathBuf::from),
        done: row.get(14)?,
        blake3: row.get::<_, Option<[u8; 32]>>(15)?.map(FileHash),
    })
}

/// The word that the protocol has for it, so that both tell the same.
fn word(standing: Standing) -> String {
    serde_json::to_value(standing)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn standing(word: &str) -> Standing {
    serde_json::from_value(word.into()).unwrap_or(Standing::Other)
}

/// The files of a transfer, in their order.
pub(crate) fn files(db: &Connection, id: Uuid) -> Result<Vec<SavedFile>> {
    let mut query = db.prepare_cached(
        "SELECT path, size, modified, blake3 FROM transfer_files WHERE transfer = ?1 ORDER BY number",
    )?;
    let rows = query.query_map([id.as_bytes()], |row| {
        Ok(SavedFile {
            path: row.get(0)?,
            size: row.get(1)?,
            modified: row.get(2)?,
            blake3: row.get::<_, Option<[u8; 32]>>(3)?.map(FileHash),
        })
    })?;
    rows.collect()
}

/// Adds files to a transfer, numbered from `first`.
pub(crate) fn add_files(db: &Connection, id: Uuid, first: u64, files: &[SavedFile]) -> Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO transfer_files (transfer, number, path, size, modified) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (number, file) in (first..).zip(files) {
        insert.execute(params![
            id.as_bytes(),
            number,
            file.path,
            file.size,
            file.modified
        ])?;
    }
    Ok(())
}

pub(crate) fn clear_files(db: &Connection, id: Uuid) -> Result<()> {
    db.prepare_cached("DELETE FROM transfer_files WHERE transfer = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// Files that are whole and checked.
pub(crate) fn complete_files(db: &Connection, id: Uuid, whole: &[(u64, FileHash)]) -> Result<()> {
    let mut update = db.prepare_cached(
        "UPDATE transfer_files SET blake3 = ?3 WHERE transfer = ?1 AND number = ?2",
    )?;
    for (number, hash) in whole {
        update.execute(params![id.as_bytes(), number, hash.0])?;
    }
    Ok(())
}

/// Remembers where a transfer is about to be put, before it is.
pub(crate) fn set_path(db: &Connection, id: Uuid, path: &str, blake3: FileHash) -> Result<()> {
    db.prepare_cached("UPDATE transfers SET path = ?2, blake3 = ?3 WHERE id = ?1")?
        .execute(params![id.as_bytes(), path, blake3.0])?;
    Ok(())
}

/// Remembers how far a transfer has come.
pub(crate) fn set_done(db: &Connection, id: Uuid, done: u64) -> Result<()> {
    db.prepare_cached("UPDATE transfers SET done = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), done])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_proto::identity::Identity;

    fn transfer(id: u128) -> SavedTransfer {
        SavedTransfer {
            id: Uuid::from_u128(id),
            peer: Identity::from_seed(&[2; 32]).peer_id(),
            sides: Sides::offered(true),
            name: "notes".into(),
            folder: true,
            files: 2,
            size: 30,
            at: Timestamp::from_millis(5),
            reason: None,
            told: false,
            root: "/home/a/notes".into(),
            path: None,
            done: 0,
            blake3: None,
        }
    }

    fn file(path: &str, size: u64) -> SavedFile {
        SavedFile {
            path: path.into(),
            size,
            modified: Some(7),
            blake3: None,
        }
    }

    #[test]
    fn a_transfer_is_remembered_with_its_files_until_it_is_over() {
        let db = crate::store::in_memory();
        let mut saved = transfer(1);
        save(&db, &saved).unwrap();
        add_files(&db, saved.id, 0, &[file("a", 10)]).unwrap();
        add_files(&db, saved.id, 1, &[file("b/c", 20)]).unwrap();
        let hash = FileHash([9; 32]);
        complete_files(&db, saved.id, &[(1, hash)]).unwrap();
        let whole = SavedFile {
            blake3: Some(hash),
            ..file("b/c", 20)
        };
        assert_eq!(files(&db, saved.id).unwrap(), [file("a", 10), whole]);
        assert_eq!(open(&db).unwrap(), std::slice::from_ref(&saved));

        saved.sides.end(Standing::Cancelled).unwrap();
        saved.reason = Some("no".into());
        save(&db, &saved).unwrap();
        assert_eq!(files(&db, saved.id).unwrap(), []);
        assert_eq!(
            open(&db).unwrap(),
            std::slice::from_ref(&saved),
            "not told yet"
        );
        saved.told = true;
        save(&db, &saved).unwrap();
        assert_eq!(open(&db).unwrap(), []);
        assert_eq!(find(&db, saved.id).unwrap(), Some(saved));
    }

    #[test]
    fn the_newest_are_given_in_order() {
        let db = crate::store::in_memory();
        for id in 1..=5 {
            save(&db, &transfer(id)).unwrap();
        }
        let ids: Vec<_> = newest(&db, 3)
            .unwrap()
            .iter()
            .map(|t| t.id.as_u128())
            .collect();
        assert_eq!(ids, [3, 4, 5]);
    }
}
