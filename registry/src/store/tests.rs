//! The store over real files: what survives, what is refused, what goes.

use super::*;
use crate::attempts::Kind;
use crate::directory::Selection;
use twocan_proto::{heartbeat::HeartbeatKey, identity::Identity};

fn account(name: &str) -> NewAccount {
    NewAccount {
        username: name.parse().unwrap(),
        password_hash: "hash".to_owned(),
        host: "192.0.2.7:7777".parse().unwrap(),
        key: None,
        email: Some("ada@mail.example".parse().unwrap()),
        phone: None,
        role: Role::User,
        visibility: Visibility::Listed,
        observed: "192.0.2.8".parse().unwrap(),
        place: Subject::of_text(Kind::Place, "home"),
        created_at: now(),
    }
}

fn open(path: &Path) -> (Store, Arc<Directory>) {
    let directory = Arc::new(Directory::new(25_000, now()));
    let (store, _) = Store::open(path, Arc::clone(&directory)).unwrap();
    (store, directory)
}

fn row(id: u8, account: i64) -> SessionRow {
    SessionRow {
        id: SessionId([id; 16]),
        account,
        token: [id; 32],
        key: HeartbeatKey::new([id; 32]),
        expires_at: crate::later(now(), 60_000),
        identity: None,
    }
}

fn sign_in(member: &Arc<Member>, id: u8, end: Vec<SessionId>) -> Change {
    let arrival = Arrival {
        host: "198.51.100.1:9".parse().unwrap(),
        key: member.place().key,
        from: "::ffff:192.0.2.8".parse().unwrap(),
        place: Subject::of_text(Kind::Place, "office"),
        now: now(),
    };
    Change::Open {
        member: Arc::clone(member),
        row: row(id, member.id),
        arrival,
        opener: Opener::Password("hash".to_owned()),
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
    let describe = Change::Describe {
        member: Arc::clone(&ada),
        visibility: Visibility::Listed,
        profile: Profile {
            status: Some("telling secrets".to_owned()),
            ..Profile::default()
        },
    };
    store.change(describe).await.unwrap();
    let link = Change::Link {
        token: *b"a link of thirty-two bytes, more",
        reset: Reset {
            member: Arc::clone(&ada),
            expires_at: crate::later(now(), 60_000),
        },
    };
    store.change(link).await.unwrap();
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
    for trace in [
        &b"ada@mail.example"[..],
        b"telling secrets",
        b"a link of",
        b"198.51.100.1",
    ] {
        let left = bytes.windows(trace.len()).any(|window| window == trace);
        assert!(!left, "{}", String::from_utf8_lossy(trace));
    }
    let connection = Connection::open(&path).unwrap();
    for table in ["accounts", "sessions", "known_places", "resets"] {
        let count = format!("SELECT count(*) FROM {table}");
        let rows: i64 = connection.query_row(&count, (), |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
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
    let all = Selection {
        limit: 9,
        ..Selection::default()
    };
    let (_, page) = directory.select(&all, now());
    assert_eq!(page[0].info(now()).last_seen, Some(later));
    store.close();
}

#[tokio::test]
async fn everything_about_an_account_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let name = "ada".parse().unwrap();
    let (store, directory) = open(&path);
    let key = Identity::from_seed(&[1; 32]).peer_id();
    let hidden = NewAccount {
        key: Some(key),
        phone: Some("+442079460018".parse().unwrap()),
        visibility: Visibility::Contacts,
        ..account("ada")
    };
    store.change(Change::Register(hidden)).await.unwrap();
    let ada = directory.member(&name).unwrap();
    let profile = Profile {
        status: Some("here".to_owned()),
        ..Profile::default()
    };
    let member = || Arc::clone(&ada);
    let reset = Reset {
        member: member(),
        expires_at: crate::later(now(), 60_000),
    };
    for change in [
        Change::Describe {
            member: member(),
            visibility: Visibility::Contacts,
            profile: profile.clone(),
        },
        Change::Role {
            member: member(),
            role: Role::Admin,
        },
        sign_in(&ada, 1, vec![]),
        Change::Link {
            token: [7; 32],
            reset,
        },
    ] {
        store.change(change).await.unwrap();
    }
    store.close();

    let (store, directory) = open(&path);
    assert!(directory.find(&name, None).is_none());
    let ada = directory.find(&name, Some(&key)).unwrap();
    assert_eq!((ada.role(), ada.profile(None)), (Role::Admin, profile));
    assert_eq!(
        ada.owner().phone.as_ref().unwrap().as_str(),
        "+442079460018"
    );
    assert_eq!(
        ada.owner().email.as_ref().unwrap().as_str(),
        "ada@mail.example"
    );
    for place in ["home", "office"] {
        assert!(
            ada.is_known_at(Subject::of_text(Kind::Place, place)),
            "{place}"
        );
    }
    assert!(directory.reset(&[7; 32], now()).is_some());
    store.close();
}

#[tokio::test]
async fn a_link_sets_one_password_and_closes_what_the_old_one_opened() {
    let folder = tempfile::tempdir().unwrap();
    let (store, directory) = open(&folder.path().join("registry.db"));
    store
        .change(Change::Register(account("ada")))
        .await
        .unwrap();
    let ada = directory.member(&"ada".parse().unwrap()).unwrap();
    store.change(sign_in(&ada, 1, vec![])).await.unwrap();
    let expires_at = crate::later(now(), 60_000);
    let link = |token| Change::Link {
        token,
        reset: Reset {
            member: Arc::clone(&ada),
            expires_at,
        },
    };
    store.change(link([7; 32])).await.unwrap();
    store.change(link([8; 32])).await.unwrap();
    let set = |hash: &str, token| Change::Password {
        member: Arc::clone(&ada),
        hash: hash.to_owned(),
        link: Some(token),
        now: now(),
    };
    // Both at once: one of them counts.
    let both = [
        store.change(set("one", [7; 32])),
        store.change(set("two", [7; 32])),
    ];
    let outcomes = futures_util::future::join_all(both).await;
    assert!(outcomes[0].is_ok() && matches!(outcomes[1], Err(StoreError::Gone)));
    let other = store.change(set("three", [8; 32])).await;
    assert!(
        matches!(other, Err(StoreError::Gone)),
        "the other link is bad, too"
    );
    assert_eq!(ada.password_hash().as_deref(), Some("one"));
    assert!(directory.session(&[1; 32], now()).is_none());
    // A sign-in that was proved with the old password comes too late, and so does
    // a resumed session.
    let late = store.change(sign_in(&ada, 2, vec![])).await;
    assert!(matches!(late, Err(StoreError::Gone)));
    let Change::Open {
        member,
        row,
        arrival,
        end,
        ..
    } = sign_in(&ada, 1, vec![])
    else {
        unreachable!("that is what sign_in makes");
    };
    let opener = Opener::Token;
    let late = store
        .change(Change::Open {
            member,
            row,
            arrival,
            opener,
            end,
        })
        .await;
    assert!(matches!(late, Err(StoreError::Gone)));
    assert_eq!(directory.counts(), (1, 0));
    store.close();
}

#[tokio::test]
async fn attempts_survive_until_they_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let strikes = |name: &str, forgotten_at| Strikes {
        subject: Subject::of_text(Kind::Name, name),
        count: 9,
        at: now(),
        forgotten_at,
    };
    let kept = strikes("ada", crate::later(now(), 60_000));
    let (store, _) = open(&path);
    store.note(Change::Attempts(vec![kept, strikes("bob", now())]));
    store.close();
    let directory = Arc::new(Directory::new(25_000, now()));
    let (store, attempts) = Store::open(&path, directory).unwrap();
    assert_eq!(attempts, [kept]);
    store.close();
}

#[tokio::test]
async fn a_full_disk_refuses_changes_and_breaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (store, directory) = open(&path);
    store
        .change(Change::Register(account("first")))
        .await
        .unwrap();
    store.close();
    assert_eq!(directory.counts().0, 1);
    let directory = Arc::new(Directory::new(25_000, now()));
    let mut connection = connect(&path).unwrap();
    load::directory(&connection, &directory, now()).unwrap();
    let pages: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    connection
        .pragma_update(None, "max_page_count", pages)
        .unwrap();
    let job = |n: usize| Job {
        change: Change::Register(account(&format!("u{n}"))),
        reply: None,
    };
    // Somewhere on the way no page is left; then the batch as a whole is refused.
    let outcomes = (0..400).map(|n| writer::commit(&mut connection, &[job(n)], &directory));
    let made = outcomes
        .take_while(|outcome| outcome.as_ref().is_ok_and(|made| made[0].is_ok()))
        .count();
    assert!(made < 400, "the disk was never full");
    drop(connection);
    let (store, directory) = open(&path);
    assert_eq!(
        directory.counts().0,
        made + 1,
        "what was answered is there, and no more"
    );
    store
        .change(Change::Register(account("after")))
        .await
        .unwrap();
    store.close();
}

#[test]
fn a_newer_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let error = Store::open(&path, Arc::new(Directory::new(1, now()))).unwrap_err();
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
