//! The schema, as numbered steps that are only ever added to. Each runs in
//! one transaction; a database of a later version is refused, never changed.

use rusqlite::Connection;

use super::StoreError;

/// The steps; the version of a database is the number of those it has seen.
const STEPS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

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

    /// Databases as earlier versions wrote them: a conversation of Anna with
    /// Bert of eleven messages, the last one not delivered yet.
    const FIXTURES: &[&[u8]] = &[include_bytes!("fixtures/version_1.db")];

    #[test]
    fn every_earlier_version_is_taken_over_whole() {
        use crate::api::{MessageState, Page, SearchQuery};
        use crate::store::chat::{Ends, delivery, history, search, summary};

        for (version, bytes) in (1..).zip(FIXTURES) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("twocan.db");
            std::fs::write(&path, bytes).unwrap();
            let mut db = Connection::open(&path).unwrap();
            let found: i64 = db
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .unwrap();
            assert_eq!(found, version);
            super::super::prepare(&mut db).unwrap();
            let contact = &crate::store::contacts::all(&db).unwrap()[0];
            assert_eq!(contact.alias, "Bert");
            let peer = contact.peer;
            let me: Vec<u8> = db
                .query_row(
                    "SELECT author FROM streams WHERE author <> ?1",
                    [peer.as_bytes()],
                    |row| row.get(0),
                )
                .unwrap();
            let me = twocan_proto::identity::PeerId::from_bytes(me.try_into().unwrap()).unwrap();
            let ends = Ends { me, peer };
            let page = history::page(&db, ends, Page::Newest, 100)
                .unwrap()
                .unwrap();
            assert_eq!(page.len(), 11);
            assert!(page.iter().any(|m| m.text == "Grüße aus Köln"));
            let last = page.last().unwrap();
            assert_eq!(
                (last.text.as_str(), last.state),
                ("waiting for you", Some(MessageState::Queued))
            );
            assert!(last.reply_to.is_some());
            assert_eq!(delivery::outbox(&db, ends, 5, 10).unwrap().len(), 1);
            let summary = summary(&db, ends).unwrap();
            assert_eq!((summary.waiting, summary.unread), (1, 1));
            let query = SearchQuery {
                text: "koln".into(),
                limit: 9,
                ..SearchQuery::default()
            };
            assert_eq!(search::search(&db, me, &query).unwrap().len(), 1);
            assert_eq!(
                crate::store::settings::get(&db, "call.ring_timeout_s").unwrap(),
                Some(serde_json::json!(42))
            );
        }
    }

    #[test]
    fn migrating_again_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::store::chat::search::install(&connection).unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
    }
}
