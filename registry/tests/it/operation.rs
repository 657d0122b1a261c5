//! What operators rely on: numbers, tokens, signals, logs, files.

use crate::{
    common::{Fixture, error, start, start_with},
    orders::{token_file, with_token},
    process::{Running, program, until},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::Path;
use twocan_registry::config::Reach;

#[tokio::test]
async fn metrics_count_and_are_not_for_strangers() {
    let registry = start().await;
    registry.sign_in("ada").await;
    registry.get("/nothing").await;
    let text = registry.get("/metrics").await.text().await.unwrap();
    for line in [
        "twocan_registry_accounts 1",
        "twocan_registry_sessions 1",
        "twocan_registry_online 1",
        "twocan_registry_requests_total{status=\"404\"} 1",
        "twocan_registry_requests_total{status=\"201\"} 1",
        "twocan_registry_connections 1",
        // The one for this.
        "twocan_registry_requests_in_progress 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(!text.contains("ada") && !text.contains("127.0.0"), "{text}");
    registry.server.stop().await.unwrap();

    let secrets = tempfile::tempdir().unwrap();
    let file = token_file(&secrets, "token", "let-me-count\n");
    let registry = start_with(|config| {
        config.operation.metrics = Reach::Anywhere;
        config.operation.metrics_token_file = Some(file);
    })
    .await;
    let answer = registry.get("/metrics").await;
    assert_eq!(error(answer, "").await, (401, "unauthorized".into()));
    for (token, status) in [("wrong", 401), ("let-me-count", 200)] {
        let answer = with_token(&registry, Method::GET, "/metrics", token).await;
        assert_eq!(answer, status, "{token}");
    }
    registry.server.stop().await.unwrap();
    let registry = start_with(|config| config.operation.metrics = Reach::Off).await;
    assert_eq!(
        registry.get("/metrics").await.status(),
        StatusCode::NOT_FOUND
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_hangup_reads_certificate_and_settings_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let shown = |name: &str| path(name).display().to_string();
    let make = |name: &str| {
        let listen = "127.0.0.1".parse().unwrap();
        let identity =
            twocan_registry::tls::ServerIdentity::read_or_make(&path(name), listen).unwrap();
        let (cert, key) = twocan_registry::tls::self_made_files(&path(name));
        std::fs::copy(cert, path("cert.pem")).unwrap();
        std::fs::copy(key, path("key.pem")).unwrap();
        identity.fingerprint()
    };
    let configure = |more: &str| {
        let text = format!(
            "cert = '{}'\nkey = '{}'\n{more}",
            shown("cert.pem"),
            shown("key.pem")
        );
        std::fs::write(path("registry.toml"), text).unwrap();
    };
    let first = make("one");
    configure("registration = 'open'\n");
    let config = shown("registry.toml");
    let registry = Running::start_with(&path("data"), &["--config", &config]);
    assert_eq!(registry.url.pin(), Some(first));
    let kept = registry.client();
    let register = async |client: &reqwest::Client, name: &str| {
        let body = json!({"username": name, "password": "pw", "host": "192.0.2.7"});
        let sent = client.post(registry.path("/register")).json(&body).send();
        sent.await.unwrap().status()
    };
    assert_eq!(register(&kept, "ada").await, StatusCode::CREATED);

    // A mistake changes nothing.
    let second = make("two");
    configure("registration = 'perhaps'\n");
    registry.signal("HUP");
    configure("registration = 'closed'\nheartbeat_ms = 1000\nworkers = 3\n");
    registry.signal("HUP");
    let fresh = twocan_registry::ping::client(Some(second)).unwrap();
    until("the new certificate is shown", async || {
        let answer = fresh.get(registry.path("/healthz")).send().await;
        answer.ok().map(drop)
    })
    .await;
    let answer = until("registration closes", async || {
        let status = register(&fresh, "bob").await;
        (status != StatusCode::CREATED && status != StatusCode::CONFLICT).then_some(status)
    })
    .await;
    assert_eq!(answer, StatusCode::FORBIDDEN);
    // A connection from before goes on under the new settings.
    assert_eq!(register(&kept, "carl").await, StatusCode::FORBIDDEN);
    let log = registry.stop();
    for part in ["were read again", "key=\"heartbeat_ms\"", "key=\"workers\""] {
        assert!(log.contains(part), "{part} in\n{log}");
    }
}

#[tokio::test]
async fn a_stop_finishes_what_was_begun_and_waits_for_nobody_for_long() {
    use tokio::io::AsyncWriteExt;
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&["serve", "--data", folder.path().to_str().unwrap()]);
    command.args(["--listen", "127.0.0.1:0"]);
    // Slow enough to be in the middle of it.
    command
        .env("TWOCAN_REGISTRY_BCRYPT_COST", "12")
        .env("TWOCAN_REGISTRY_DRAIN_SECONDS", "2");
    let registry = Running::of(command, folder.path());
    let client = registry.client();
    // Somebody who connects and says nothing.
    let address = registry.url.base().replace("https://", "");
    let mut silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    silent.write_all(b"\x16").await.unwrap();
    let begun = std::time::Instant::now();
    let body = json!({"username": "ada", "password": "pw", "host": "192.0.2.7"});
    let slow = client.post(registry.path("/register")).json(&body).send();
    let stop = async {
        // The metrics count the request for them, too.
        until("the request is in", async || {
            let text = client.get(registry.path("/metrics")).send().await.unwrap();
            text.text()
                .await
                .unwrap()
                .contains("requests_in_progress 2")
                .then_some(())
        })
        .await;
        registry.signal("TERM");
    };
    let (answer, ()) = tokio::join!(slow, stop);
    assert_eq!(answer.unwrap().status(), StatusCode::CREATED);
    let (status, log) = registry.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begun.elapsed().as_secs() < 20);
    assert!(log.contains("stopping"));
}

#[tokio::test]
async fn static_files_are_served_and_nothing_else() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("hello.txt"), "hello").unwrap();
    std::fs::write(site.path().join("big.bin"), vec![7; 300_000]).unwrap();
    let folder = site.path().to_owned();
    let registry = start_with(|config| config.operation.static_dir = Some(folder)).await;
    let answer = registry.get("/static/hello.txt").await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let tag = answer.headers()["etag"].clone();
    assert_eq!(answer.text().await.unwrap(), "hello");
    let again = registry
        .request(Method::GET, "/static/hello.txt")
        .header("if-none-match", tag);
    assert_eq!(
        again.send().await.unwrap().status(),
        StatusCode::NOT_MODIFIED
    );
    let big = registry.get("/static/big.bin").await.bytes().await.unwrap();
    assert_eq!(big.len(), 300_000);
    let head = registry
        .request(Method::HEAD, "/static/big.bin")
        .send()
        .await
        .unwrap();
    assert_eq!(head.headers()["content-length"], "300000");
    // As bytes on the wire: clients tidy paths up before they send them.
    for path in [
        "/static/../Cargo.toml",
        "/static/..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/hello.txt/..",
        "/static",
        "/static/none",
    ] {
        let status = raw_get(&registry, path).await;
        assert!(status.starts_with("HTTP/1.1 404"), "{path}: {status}");
    }
    registry.server.stop().await.unwrap();
    let registry = start().await;
    assert_eq!(
        registry.get("/static/hello.txt").await.status(),
        StatusCode::NOT_FOUND
    );
    registry.server.stop().await.unwrap();
}

/// The first line of the answer to a request whose path is sent as it is.
async fn raw_get(registry: &Fixture, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = registry.server.address();
    let mut child = tokio::process::Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-verify_quiet",
            "-connect",
            &address.to_string(),
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(request.as_bytes())
        .await
        .unwrap();
    let mut answer = vec![0; 512];
    let read = child.stdout.as_mut().unwrap().read(&mut answer);
    let length = tokio::time::timeout(crate::common::BOUND, read)
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer[..length])
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Keeps a registry busy with all that has names, addresses and secrets in it.
async fn busy(registry: &Running, folder: &Path) {
    let client = registry.client();
    let post = async |path: &str, body: Value| {
        client
            .post(registry.path(path))
            .json(&body)
            .send()
            .await
            .unwrap()
    };
    let body = json!({"username": "melusine", "password": "opensesame", "register": true,
                      "host": "198.51.100.77:7777"});
    let grant = post("/sessions", body.clone()).await;
    let grant: twocan_proto::api::SessionGrant = grant.json().await.unwrap();
    post(
        "/register",
        json!({"username": "melusine", "password": "hunter22",
        "host": "198.51.100.77", "email": "melusine@example.org"}),
    )
    .await;
    post(
        "/sessions",
        json!({"username": "melusine", "password": "wrongguess"}),
    )
    .await;
    post(
        "/sessions",
        json!({"username": "melusine/../x", "password": "\u{0}"}),
    )
    .await;
    let get = client.get(registry.path("/clients/melusine?token=querysecret"));
    get.bearer_auth(grant.token.expose()).send().await.unwrap();
    client
        .get(registry.path("/static/melusine"))
        .send()
        .await
        .unwrap();
    client
        .get(registry.path("/clients"))
        .bearer_auth("madeuptoken")
        .send()
        .await
        .unwrap();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = registry.url.base().replace("https://", "");
    socket.send_to(&[1; 50], &address).await.unwrap();
    registry.admin(&["ban", "user", "melusine", "--reason", "whisperedreason"]);
    registry.admin(&["ban", "address", "198.51.100.99"]);
    registry.admin(&["announce", "spokenword"]);
    post("/sessions", body).await;
    registry.admin(&["delete", "melusine"]);
    let file = folder.join("copy.db");
    crate::process::said(&[
        "backup",
        "--data",
        registry.data.to_str().unwrap(),
        file.to_str().unwrap(),
    ]);
    crate::process::said(&[
        "restore",
        "--data",
        registry.data.to_str().unwrap(),
        file.to_str().unwrap(),
    ]);
    // Not TLS at all.
    let mut plain = tokio::net::TcpStream::connect(&address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    registry.signal("HUP");
}

#[tokio::test]
async fn the_log_names_nobody_and_holds_no_secret() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut command = program(&["serve", "--data", data.to_str().unwrap()]);
        command.args(["--listen", "127.0.0.1:0"]);
        command.env("TWOCAN_REGISTRY_LOG_FORMAT", format);
        let registry = Running::of(command, &data);
        busy(&registry, folder.path()).await;
        let log = registry.stop();
        let lower = log.to_lowercase();
        for secret in [
            "melusine",
            "opensesame",
            "hunter22",
            "wrongguess",
            "querysecret",
            "madeuptoken",
            "198.51.100",
            "127.0.0.1",
            "whisperedreason",
            "spokenword",
            "example.org",
            "$2b$",
        ] {
            assert!(!lower.contains(secret), "{secret} in\n{log}");
        }
        assert!(
            log.contains("directory loaded") && log.contains("done for an operator"),
            "{log}"
        );
        if format == "json" {
            for line in log.lines() {
                let value: Value = serde_json::from_str(line).unwrap();
                assert!(
                    value["timestamp"].is_string() && value["message"].is_string(),
                    "{line}"
                );
            }
        }
    }
}

#[tokio::test]
async fn one_that_listens_everywhere_says_where_others_reach_it() {
    let near = start().await;
    assert_eq!(near.server.url_elsewhere(), None);
    near.server.stop().await.unwrap();
    for all in ["0.0.0.0:0", "[::]:0"] {
        let registry = start_with(|config| config.listen = all.parse().unwrap()).await;
        // A machine without a network has no such place.
        if let Some(url) = registry.server.url_elsewhere() {
            assert_ne!(url.base(), registry.server.url().base());
            assert_eq!(url.pin(), registry.server.url().pin());
            twocan_registry::ping::ping(&url).await.unwrap();
        }
        registry.server.stop().await.unwrap();
    }
}
