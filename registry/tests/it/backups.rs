//! Copies made and brought back while the registry works, and a disk without
//! room that gets some again.

use crate::process::{Running, admin, program, refused, said, until};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

fn account(name: &str) -> Value {
    json!({"username": name, "password": "pw", "host": "192.0.2.7:7777"})
}

async fn register(client: &Client, registry: &Running, name: &str) -> StatusCode {
    let sent = client
        .post(registry.path("/register"))
        .json(&account(name))
        .send();
    sent.await.unwrap().status()
}

async fn signs_in(client: &Client, registry: &Running, name: &str) -> bool {
    let body = json!({"username": name, "password": "pw"});
    let sent = client.post(registry.path("/sessions")).json(&body).send();
    sent.await.unwrap().status() == StatusCode::CREATED
}

async fn knows(client: &Client, registry: &Running, name: &str) -> bool {
    let sent = client
        .get(registry.path(&format!("/clients/{name}")))
        .send();
    sent.await.unwrap().status() == StatusCode::OK
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What SQLite says of a database, and how many accounts are in it.
fn examined(database: &Path) -> (String, usize) {
    let connection = rusqlite::Connection::open(database).unwrap();
    let verdict = connection
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    let count = connection.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0));
    (verdict, count.unwrap())
}

#[tokio::test]
async fn a_backup_of_a_working_registry_is_whole_and_comes_back_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    let registry = Running::start(&data);
    let client = registry.client();
    for name in ["ada", "bob"] {
        assert_eq!(
            register(&client, &registry, name).await,
            StatusCode::CREATED
        );
    }
    registry.admin(&["ban", "user", "eve", "--reason", "spam"]);
    // Accounts are made all the while.
    let storm = async {
        for n in 0..40 {
            let made = register(&client, &registry, &format!("u{n}")).await;
            assert_eq!(made, StatusCode::CREATED);
        }
    };
    let arguments = ["backup", "--data", text(&data), text(&file)].map(str::to_owned);
    let copying =
        tokio::task::spawn_blocking(move || said(&arguments.each_ref().map(String::as_str)));
    let (copied, ()) = tokio::join!(copying, storm);
    let copied = copied.unwrap();
    assert!(
        copied.contains("verified") && copied.contains("bans 1"),
        "{copied}"
    );
    let (verdict, accounts) = examined(&file);
    assert_eq!(verdict, "ok");
    assert!((2..=42).contains(&accounts) && copied.contains(&format!("accounts {accounts}")));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds what the database holds");

    assert_eq!(
        register(&client, &registry, "late").await,
        StatusCode::CREATED
    );
    registry.admin(&["delete", "ada"]);
    registry.admin(&["unban", "user", "eve"]);
    assert!(knows(&client, &registry, "late").await && !knows(&client, &registry, "ada").await);
    let back = said(&["restore", "--data", text(&data), text(&file)]);
    assert!(
        back.contains(&format!("restored {accounts} accounts")),
        "{back}"
    );
    assert!(knows(&client, &registry, "ada").await && !knows(&client, &registry, "late").await);
    assert!(signs_in(&client, &registry, "ada").await);
    assert_eq!(registry.admin(&["bans"])["bans"][0]["subject"], "eve");
    // It goes on working, and a restart finds the same.
    assert_eq!(
        register(&client, &registry, "new").await,
        StatusCode::CREATED
    );
    registry.stop();
    let registry = Running::start(&data);
    let client = registry.client();
    for (name, known) in [("ada", true), ("new", true), ("late", false)] {
        assert_eq!(knows(&client, &registry, name).await, known, "{name}");
    }
    registry.stop();
    assert!(!data.join("restoring.db").exists());
    // What was there before the restore can be had back.
    said(&[
        "restore",
        "--data",
        text(&data),
        text(&data.join("before-restore.db")),
    ]);
    let found = admin(&data, &["show", "late"]);
    assert_eq!(found["username"], "late");
}

#[tokio::test]
async fn a_stopped_registry_is_brought_back_even_from_a_database_in_ruins() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    let registry = Running::start(&data);
    let client = registry.client();
    register(&client, &registry, "ada").await;
    registry.stop();
    said(&["backup", "--data", text(&data), text(&file)]);
    std::fs::write(data.join("registry.db"), "ruins".repeat(1000)).unwrap();
    let line = refused(&["admin", "--data", text(&data), "list"]);
    assert!(line.contains("database"), "{line}");
    said(&["restore", "--data", text(&data), text(&file)]);
    assert_eq!(admin(&data, &["list"])["accounts"][0]["username"], "ada");
    let kept = std::fs::read_dir(&data).unwrap();
    let kept = kept.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("damaged-")
    });
    assert_eq!(kept.count(), 1, "the ruins are kept");
}

#[tokio::test]
async fn what_is_no_good_backup_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    let registry = Running::start(&data);
    let client = registry.client();
    for n in 0..30 {
        register(&client, &registry, &format!("user{n}")).await;
    }
    let restore = |file: &Path| refused(&["restore", "--data", text(&data), text(file)]);
    let other = folder.path().join("other.db");
    assert!(restore(&other).contains("other.db"));
    std::fs::write(&other, "a song").unwrap();
    assert!(restore(&other).contains("no backup"), "{}", restore(&other));
    // A database, and not one of ours.
    std::fs::remove_file(&other).unwrap();
    let song = rusqlite::Connection::open(&other).unwrap();
    song.execute_batch("CREATE TABLE song (line TEXT)").unwrap();
    drop(song);
    assert!(restore(&other).contains("no backup"), "{}", restore(&other));

    said(&["backup", "--data", text(&data), text(&file)]);
    let good = std::fs::read(&file).unwrap();
    // One digit of one address, which SQLite does not notice.
    let mut changed = good.clone();
    let place = good
        .windows(14)
        .rposition(|bytes| bytes == b"192.0.2.7:7777");
    changed[place.unwrap() + 8] = b'8';
    std::fs::write(&file, &changed).unwrap();
    let line = restore(&file);
    assert!(line.contains("checksum"), "{line}");
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    let line = restore(&file);
    assert!(line.contains("damaged"), "{line}");
    // From the future.
    std::fs::write(&file, &good).unwrap();
    let future = rusqlite::Connection::open(&file).unwrap();
    future.pragma_update(None, "user_version", 9999).unwrap();
    drop(future);
    let line = restore(&file);
    assert!(line.contains("newer"), "{line}");

    assert!(knows(&client, &registry, "user29").await);
    assert!(!data.join("restoring.db").exists() && !data.join("before-restore.db").exists());
    // Nor is a backup written over the database itself, or from nowhere.
    let own = data.join("registry.db");
    let line = refused(&["backup", "--data", text(&data), text(&own)]);
    assert!(line.contains("own database"), "{line}");
    let line = refused(&["backup", "--data", text(folder.path()), text(&file)]);
    assert!(line.contains("no registry here"), "{line}");
    let nowhere = folder.path().join("none/copy.db");
    let line = refused(&["backup", "--data", text(&data), text(&nowhere)]);
    assert!(line.contains("none/copy.db"), "{line}");
    registry.stop();
}

/// A real file system without room, where this machine lets us make one: it is
/// SQLite's `SQLITE_FULL`, and there is room again while it runs.
#[tokio::test]
async fn a_full_file_system_is_507_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("small");
    std::fs::create_dir(&place).unwrap();
    let mount = format!("mount -t tmpfs -o size=3m tmpfs {}", text(&place));
    let may = Command::new("unshare")
        .args(["-rm", "sh", "-c", &mount])
        .output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("left out: this machine gives no file system of our own (unshare -rm)");
        return;
    }
    let data = place.join("data");
    let serve = program(&["serve", "--data", text(&data), "--listen", "127.0.0.1:0"]);
    let mut shell = Command::new("unshare");
    // Room is taken and given from outside through the process's own view.
    let script = format!("{mount}; exec \"$0\" \"$@\"");
    shell
        .args(["-rm", "sh", "-c", &script])
        .arg(serve.get_program())
        .args(serve.get_args());
    for (name, value) in serve.get_envs() {
        shell.env(name, value.unwrap());
    }
    shell
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let registry = Running::of(shell, &data);
    let client = registry.client();
    assert_eq!(
        register(&client, &registry, "ada").await,
        StatusCode::CREATED
    );
    let inside = format!("/proc/{}/root{}", registry.pid(), text(&place));
    let ballast = Path::new(&inside).join("ballast");
    // Fills what is left; the last write finds no room.
    let filled = std::fs::write(&ballast, vec![7; 4 << 20]);
    assert!(filled.is_err(), "the file system has no end");
    let refusal = until("the disk is full", async || {
        let sent = client.post(registry.path("/sessions"));
        let body = json!({"username": "ada", "password": "pw"});
        let answer = sent.json(&body).send().await.unwrap();
        (answer.status() != StatusCode::CREATED).then_some(answer)
    })
    .await;
    assert_eq!(refusal.status(), StatusCode::INSUFFICIENT_STORAGE);
    let body: Value = refusal.json().await.unwrap();
    assert_eq!(body["error"]["code"], "io");
    assert!(knows(&client, &registry, "ada").await);
    std::fs::remove_file(&ballast).unwrap();
    assert!(
        signs_in(&client, &registry, "ada").await,
        "there is room again"
    );
    registry.stop();
}
