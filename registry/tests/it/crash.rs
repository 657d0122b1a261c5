//! The program killed, and its disk full: what was confirmed is there afterwards.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};
use tokio::task::JoinSet;
use twocan_proto::registry_url::RegistryUrl;
use twocan_registry::ping;

/// A registry in a process of its own.
struct Running {
    child: Child,
    base: String,
    http: reqwest::Client,
}

/// Starts it with a shell line in front, which may set limits.
fn serve(data: &Path, before: &str) -> Running {
    let program = env!("CARGO_BIN_EXE_twocan-registry");
    let line = format!("{before} exec \"$0\" serve --data \"$1\" --listen 127.0.0.1:0");
    let mut child = Command::new("bash")
        .args(["-c", &line, program])
        .arg(data)
        .env("TWOCAN_REGISTRY_BCRYPT_COST", "4")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.as_mut().unwrap());
    out.read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening ").unwrap();
    let url: RegistryUrl = url.parse().unwrap();
    Running {
        child,
        base: url.base(),
        http: ping::client(url.pin()).unwrap(),
    }
}

impl Running {
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn register(&self, name: &str) -> impl Future<Output = Option<(StatusCode, Value)>> + use<> {
        let body = json!({"username": name, "password": "pw", "host": "192.0.2.7:7777",
                          "email": format!("{name}@mail.example")});
        let request = self
            .http
            .post(format!("{}/register", self.base))
            .json(&body);
        async move {
            let answer = request.send().await.ok()?;
            Some((answer.status(), answer.json().await.ok()?))
        }
    }

    async fn get(&self, path: &str) -> StatusCode {
        let request = self
            .http
            .request(Method::GET, format!("{}{path}", self.base));
        request.send().await.unwrap().status()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone unless the test failed half-way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn check_database(data: &Path) {
    let connection = rusqlite::Connection::open(data.join("registry.db")).unwrap();
    let verdict: String = connection
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let confirmed = Arc::new(Mutex::new(Vec::new()));
    for round in 0..3 {
        let registry = Arc::new(serve(folder.path(), ""));
        let mut clients = JoinSet::new();
        for client in 0..4 {
            let (registry, confirmed) = (Arc::clone(&registry), Arc::clone(&confirmed));
            clients.spawn(async move {
                for n in 0..10_000 {
                    let name = format!("u{round}-{client}-{n}");
                    match registry.register(&name).await {
                        Some((StatusCode::CREATED, _)) => confirmed.lock().unwrap().push(name),
                        Some((StatusCode::TOO_MANY_REQUESTS, _)) => {}
                        Some(other) => panic!("{other:?}"),
                        // Killed.
                        None => return,
                    }
                }
            });
        }
        let enough = (round + 1) * 40;
        let begun = std::time::Instant::now();
        while confirmed.lock().unwrap().len() < enough {
            assert!(begun.elapsed() < crate::common::BOUND, "too slow");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        // In the middle of the work, which then fails.
        let id = registry.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-9", &id])
                .status()
                .unwrap()
                .success()
        );
        while clients.join_next().await.transpose().unwrap().is_some() {}
    }
    check_database(folder.path());
    let registry = serve(folder.path(), "");
    let confirmed = std::mem::take(&mut *confirmed.lock().unwrap());
    for name in confirmed {
        assert_eq!(
            registry.get(&format!("/clients/{name}")).await,
            StatusCode::OK,
            "{name}"
        );
    }
    registry.kill();
}

#[tokio::test]
async fn a_full_disk_is_told_and_look_ups_go_on() {
    let folder = tempfile::tempdir().unwrap();
    // No file may grow beyond 256 KiB; writing on is an error, not a signal.
    let registry = serve(folder.path(), "trap '' XFSZ; ulimit -f 256;");
    let mut confirmed = Vec::new();
    let refusal = loop {
        let name = format!("u{}", confirmed.len());
        let (status, body) = registry.register(&name).await.unwrap();
        if status != StatusCode::CREATED {
            break (status, body);
        }
        confirmed.push(name);
        assert!(confirmed.len() < 20_000, "the disk was never full");
    };
    assert_eq!(refusal.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refusal.1["error"]["code"], "io");
    assert_eq!(registry.get("/clients/u0").await, StatusCode::OK);
    let refused = format!("/clients/u{}", confirmed.len());
    assert_eq!(registry.get(&refused).await, StatusCode::NOT_FOUND);
    registry.kill();
    check_database(folder.path());

    let registry = serve(folder.path(), "");
    for name in &confirmed {
        assert_eq!(
            registry.get(&format!("/clients/{name}")).await,
            StatusCode::OK,
            "{name}"
        );
    }
    let (status, _) = registry.register("after").await.unwrap();
    assert_eq!(status, StatusCode::CREATED);
    registry.kill();
}
