//! The store over real files: what survives, what is refused, what goes.

use super::*;
use crate::directory::Selection;
use twocan_proto::heartbeat::HeartbeatKey;

fn account(name: &str) -> NewAccount {
    NewAccount {
        username: name.parse().unwrap(),
        password_hash: "hash".to_owned(),
        host: "192.0.2.7:7777".parse().unwrap(),
        key: None,
        email: Some("ada@mail.example".to_owned()),
        observed: "192.0.2.8".parse().unwrap(),
        created_at: now(),
    }
}

fn open(path: &Path) -> (Store, Arc<Directory>) {
    let directory = Arc::new(Directory::new(25_000));
    (
        Store::open(path, Arc::clone(&directory)).unwrap(),
        directory,
    )
}

fn row(id: u8, account: i64) -> SessionRow {
    SessionRow {
        id: SessionId([id; 16]),
        account,
        token: [id; 32],
        key: HeartbeatKey::new([id; 32]),
        expires_at: crate::later(now(), 60_000),
    }
}

fn sign_in(member: &Arc<Member>, id: u8, end: Vec<SessionId>) -> Change {
    let arrival = Arrival {
        host: "198.51.100.1:9".parse().unwrap(),
        key: None,
        from: "::ffff:192.0.2.8".parse().unwrap(),
        now: now(),
    };
    Change::Open {
        member: Arc::clone(member),
        row: row(id, member.id),
        arrival,
        end,
    }
}

#[tokio::test]
async fn accounts_and_sessions_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let name = "Ada".parse().unwrap();
    let (store, directory) = open(&path);
    store
        .change(Change::Register(account("Ada")))
        .await
        .unwrap();
    let ada = directory.member(&name).unwrap();
    store.change(sign_in(&ada, 1, vec![])).await.unwrap();
    store
        .change(sign_in(&ada, 2, vec![SessionId([1; 16])]))
        .await
        .unwrap();
    store.close();
    assert!(matches!(
        store.change(Change::Close(SessionId([2; 16]))).await,
        Err(StoreError::Failed)
    ));

    let (store, directory) = open(&path);
    let info = directory.member(&name).unwrap().info(now());
    assert_eq!(
        (info.username.as_str(), info.host.as_str()),
        ("Ada", "198.51.100.1:9")
    );
    assert!(info.last_seen.is_some() && !info.online);
    assert!(directory.session(&[2; 32], now()).is_some());
    assert!(directory.session(&[1; 32], now()).is_none());
    store.close();
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_its_case() {
    let folder = tempfile::tempdir().unwrap();
    let (store, directory) = open(&folder.path().join("registry.db"));
    let names = ["ada", "Ada", "ADA", "bob"];
    let all = names.map(|name| store.change(Change::Register(account(name))));
    let outcomes = futures_util::future::join_all(all).await;
    assert!(outcomes[0].is_ok() && outcomes[3].is_ok());
    assert!(
        outcomes[1..3]
            .iter()
            .all(|o| matches!(o, Err(StoreError::Taken)))
    );
    assert_eq!(directory.counts(), (2, 0));
    store.close();
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (store, directory) = open(&path);
    store
        .change(Change::Register(account("ada")))
        .await
        .unwrap();
    let ada = directory.member(&"ada".parse().unwrap()).unwrap();
    store.change(sign_in(&ada, 1, vec![])).await.unwrap();
    let delete = || Change::Delete {
        username: ada.username.clone(),
        account: ada.id,
    };
    store.change(delete()).await.unwrap();
    assert!(matches!(
        store.change(delete()).await,
        Err(StoreError::Gone)
    ));
    let late = store.change(sign_in(&ada, 2, vec![])).await;
    assert!(matches!(late, Err(StoreError::Gone)));
    assert_eq!(directory.counts(), (0, 0));
    store.close();
    // Closing checkpoints the log, so the one file is all there is.
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(16).any(|w| w == b"ada@mail.example"));
}

#[tokio::test]
async fn a_sweep_saves_last_seen_and_drops_the_expired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (store, directory) = open(&path);
    store
        .change(Change::Register(account("ada")))
        .await
        .unwrap();
    let ada = directory.member(&"ada".parse().unwrap()).unwrap();
    store.change(sign_in(&ada, 1, vec![])).await.unwrap();
    let later = crate::later(now(), 120_000);
    store
        .change(Change::Sweep {
            seen: vec![(ada.id, later)],
            now: later,
        })
        .await
        .unwrap();
    assert_eq!(directory.counts(), (1, 0));
    store.close();
    let (store, directory) = open(&path);
    let (page, _) = directory.list(
        &Selection {
            limit: 9,
            ..Selection::default()
        },
        now(),
    );
    assert_eq!(page[0].last_seen, Some(later));
    store.close();
}

#[test]
fn a_newer_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let error = Store::open(&path, Arc::new(Directory::new(1))).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found: 999, .. }),
        "{error}"
    );
}

#[test]
fn every_earlier_schema_can_be_opened() {
    for version in 0..=migrations::STEPS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        let connection = Connection::open(&path).unwrap();
        for step in &migrations::STEPS[..version] {
            connection.execute_batch(step).unwrap();
        }
        connection
            .pragma_update(None, "user_version", u32::try_from(version).unwrap())
            .unwrap();
        drop(connection);
        open(&path).0.close();
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    open(&path).0.close();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
