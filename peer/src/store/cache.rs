//! How much memory pages of the database may take. They stay in it as long as
//! nothing else needs the room, and so as long as the program runs.

use rusqlite::{Connection, Result};

/// In KiB: what is worked with, indexes of a large history included.
const USUAL: u32 = 16 * 1024;
/// In KiB: the upper pages of indexes, which every look begins with.
const PASSING: u32 = 512;

/// Lets pages take what is usual.
pub(super) fn install(db: &Connection) -> Result<()> {
    limit(db, USUAL)
}

/// Does `work` that looks once at much of the database: its pages make room for
/// one another.
///
/// # Errors
/// Those of `work`, and when SQLite does not take the limit.
pub(crate) fn in_passing<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    limit(db, PASSING)?;
    let result = work(db);
    limit(db, USUAL)?;
    result
}

fn limit(db: &Connection, kib: u32) -> Result<()> {
    // SQLite takes positive numbers for pages.
    db.execute_batch(&format!("PRAGMA cache_size = -{kib}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(db: &Connection) -> Result<i64> {
        db.query_row("PRAGMA cache_size", [], |row| row.get(0))
    }

    #[test]
    fn only_what_is_looked_at_in_passing_has_less_room() {
        let db = super::super::in_memory();
        assert_eq!(limit_of(&db).unwrap(), -i64::from(USUAL));
        assert_eq!(in_passing(&db, limit_of).unwrap(), -i64::from(PASSING));
        assert_eq!(limit_of(&db).unwrap(), -i64::from(USUAL));
        let failed = in_passing(&db, |_| Err::<(), _>(rusqlite::Error::InvalidQuery));
        assert!(failed.is_err());
        assert_eq!(limit_of(&db).unwrap(), -i64::from(USUAL));
    }
}
