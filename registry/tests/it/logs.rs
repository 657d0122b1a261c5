//! The log, at its most talkative, holds no secret, and at its default level no
//! address and no recipient.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};
use twocan_proto::registry_url::RegistryUrl;
use twocan_registry::ping;

/// Everything that is logged at `level` while an account is made, guessed at,
/// recovered, changed and deleted; and the secrets that were on the way.
async fn logged(folder: &Path, level: &str) -> (String, Vec<String>) {
    let log = folder.join("log");
    // Nobody takes mails there, so that sending fails and says so.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mail_server = closed.local_addr().unwrap().to_string();
    drop(closed);
    let mut child = Command::new(env!("CARGO_BIN_EXE_twocan-registry"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.join("data"))
        .env("TWOCAN_REGISTRY_BCRYPT_COST", "4")
        .env("TWOCAN_REGISTRY_LOG", level)
        .env("TWOCAN_REGISTRY_MAIL_SERVER", mail_server)
        .env("TWOCAN_REGISTRY_MAIL_TLS", "none")
        .env("TWOCAN_REGISTRY_MAIL_FROM", "registry@mail.example")
        .env("TWOCAN_REGISTRY_PUBLIC_URL", "https://registry.example")
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url: RegistryUrl = line
        .trim_end()
        .strip_prefix("listening ")
        .unwrap()
        .parse()
        .unwrap();
    let http = ping::client(url.pin()).unwrap();
    let ask = async |method: Method, path: &str, token: &str, body: Value| {
        let request = http.request(method, format!("{}{path}", url.base()));
        let request = request.bearer_auth(token).json(&body);
        request.send().await.unwrap()
    };
    let mut account = json!({"username": "ada", "password": "first-secret", "host": "192.0.2.7",
                             "email": "ada@mail.example", "phone": "+442079460018"});
    let made = ask(Method::POST, "/register", "", account.clone()).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    account["password"] = json!("wrong-secret");
    ask(Method::POST, "/sessions", "", account.clone()).await;
    account["password"] = json!("first-secret");
    let grant: Value = ask(Method::POST, "/sessions", "", account)
        .await
        .json()
        .await
        .unwrap();
    let token = grant["token"].as_str().unwrap().to_owned();
    let change = json!({"password": "first-secret", "new_password": "second-secret"});
    let changed = ask(Method::PUT, "/account/password", &token, change).await;
    let fresh: Value = changed.json().await.unwrap();
    ask(
        Method::POST,
        "/password-reset",
        "",
        json!({"username": "ada"}),
    )
    .await;
    http.get(format!("{}/reset?token=link-secret", url.base()))
        .send()
        .await
        .unwrap();
    let fresh_token = fresh["token"].as_str().unwrap().to_owned();
    let deleted = ask(Method::DELETE, "/clients/ada", &fresh_token, json!({})).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let mut secrets = [
        "first-secret",
        "wrong-secret",
        "second-secret",
        "link-secret",
        "$2b$",
    ]
    .map(str::to_owned)
    .to_vec();
    secrets.extend([token, fresh_token]);
    secrets.push(grant["heartbeat_key"].as_str().unwrap().to_owned());
    (std::fs::read_to_string(log).unwrap(), secrets)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_any_level() {
    let folder = tempfile::tempdir().unwrap();
    let (log, secrets) = logged(folder.path(), "trace").await;
    assert!(log.lines().count() > 20, "{log}");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_and_no_recipient_is_logged_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let (log, secrets) = logged(folder.path(), "info").await;
    assert!(log.contains("stopping"), "{log}");
    let private = ["192.0.2.7", "127.0.0.1", "mail.example", "+4420", "ada"].map(str::to_owned);
    for word in secrets.into_iter().chain(private) {
        let line = log.lines().find(|line| line.contains(&word));
        assert_eq!(line, None, "{word}");
    }
}
