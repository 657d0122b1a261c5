//! The schema, as numbered steps that are only ever added to. Each runs in
//! one transaction; a database of a later version is refused, never changed.

use rusqlite::Connection;

use super::StoreError;

/// The steps; the version of a database is the number of those it has seen.
const STEPS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_3.sql")];

pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, step) in (1i64..)
        .zip(STEPS)
        .skip_while(|(version, _)| *version <= found)
    {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        let refused = migrate(&mut connection);
        assert_eq!(
            refused,
            Err(StoreError::Newer {
                found: 999,
                known: STEPS.len() as i64
            })
        );
    }

    #[test]
    fn migrating_again_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
    }
}
