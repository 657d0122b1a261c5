//! Registries that are full already: accounts and sessions written into the
//! database while nobody serves it.

use std::path::Path;

use rusqlite::Connection;
use serde_json::json;
use twocan_e2e::process::Must;
use twocan_e2e::registry::Registry;

/// One worker, as it has one core; and nobody waits for an hour's registrations.
pub(super) const SETTINGS: [(&str, &str); 2] = [("workers", "1"), ("password_threads", "1")];

/// A registry that serves `bench` and the users u1 to u`count`, each with a
/// session whose id is its number and whose heartbeat key is [`KEY`]; and the
/// token of a session of `bench`.
pub(super) fn full(folder: &Path, count: usize) -> (Registry, String) {
    let registry = Registry::start_with(folder, &SETTINGS);
    let account =
        json!({"username": "bench", "password": "correct horse battery", "host": "192.0.2.7"});
    let made = registry.client().request("POST", "/register", &account);
    assert_eq!(made.status, 201, "the registry refuses an account");
    assert!(registry.stop().success(), "the registry does not stop");
    fill(&folder.join("registry.db"), count);
    let registry = Registry::start_with(folder, &SETTINGS);
    let session = registry.client().request("POST", "/sessions", &account);
    let token = session.json()["token"].as_str().map(str::to_owned);
    (registry, token.must("sign in"))
}

/// The key of every written session.
pub(super) const KEY: [u8; 32] = [7; 32];

/// The id of the session of user `number`.
pub(super) fn session_id(number: usize) -> [u8; 16] {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&(number as u64).to_be_bytes());
    id
}

/// The token of the session of user `number`.
pub(super) fn token(number: usize) -> String {
    format!("token-of-u{number}")
}

fn fill(database: &Path, count: usize) {
    let mut connection = Connection::open(database).must("open the database");
    let all = connection.transaction().must("begin");
    all.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO accounts (name, username, password_hash, host, created_at, last_seen)
         SELECT 'u' || i, 'u' || i, password_hash, '192.0.2.7:4433', created_at, created_at
         FROM n, accounts WHERE name = 'bench'",
        [count],
    )
    .must("write accounts");
    let mut insert = all
        .prepare(
            "INSERT INTO sessions (id, account, token_hash, heartbeat_key, expires_at)
             SELECT ?1, id, ?4, ?2, 4102444800000 FROM accounts WHERE name = ?3",
        )
        .must("prepare");
    for number in 1..=count {
        insert
            .execute((
                session_id(number),
                KEY,
                format!("u{number}"),
                blake3::hash(token(number).as_bytes()).as_bytes(),
            ))
            .must("write a session");
    }
    drop(insert);
    all.commit().must("commit");
}
