//! Orders of an operator: over HTTPS with a token, and on the command line.

use crate::{
    common::{Fixture, error, start_with},
    process::{Running, program, run},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;
use twocan_registry::config::Reach;

pub(crate) fn token_file(folder: &tempfile::TempDir, name: &str, token: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, token).unwrap();
    path
}

pub(crate) async fn with_token(
    registry: &Fixture,
    method: Method,
    path: &str,
    token: &str,
) -> StatusCode {
    let request = registry.request(method, path).bearer_auth(token);
    let request = request.json(&json!({"do": "status"}));
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn orders_over_https_need_the_token() {
    let secrets = tempfile::tempdir().unwrap();
    let file = token_file(&secrets, "token", "let-me-rule");
    let registry =
        start_with(|config| config.operation.admin_token_file = Some(file.clone())).await;
    let ada = registry.sign_in("ada").await;
    let answer = registry.post("/admin", json!({"do": "status"})).await;
    assert_eq!(error(answer, "").await, (401, "unauthorized".into()));
    for (token, status) in [
        ("wrong", 401),
        (ada.token.expose(), 403),
        ("let-me-rule", 200),
    ] {
        let answer = with_token(&registry, Method::POST, "/admin", token).await;
        assert_eq!(answer, status);
    }
    let order = async |command: Value| {
        let request = registry
            .request(Method::POST, "/admin")
            .bearer_auth("let-me-rule");
        request.json(&command).send().await.unwrap()
    };
    let answer = order(json!({"do": "show", "username": "bob"})).await;
    assert_eq!(error(answer, "bob").await, (404, "not_found".into()));
    let answer = order(json!({"do": "restore", "file": "/etc/passwd"})).await;
    assert_eq!(error(answer, "own machine").await, (403, "refused".into()));
    let answer = order(json!({"do": "nonsense"})).await;
    assert_eq!(error(answer, "nonsense").await, (400, "bad_request".into()));
    let url = registry.server.url().to_string();
    let path = file.to_str().unwrap().to_owned();
    let listed = tokio::task::spawn_blocking(move || {
        run(&["admin", "--registry", &url, "--token-file", &path, "list"])
    });
    let listed = String::from_utf8(listed.await.unwrap().stdout).unwrap();
    assert!(
        listed.starts_with("USERNAME") || listed.contains("ada"),
        "{listed}"
    );
    registry.server.stop().await.unwrap();
    let registry = start_with(|config| config.operation.admin = Reach::Off).await;
    let answer = registry.post("/admin", json!({"do": "status"})).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn orders_work_on_a_running_and_on_a_stopped_registry() {
    // A path far longer than the system takes for a socket.
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("long".repeat(30)).join("data");
    let registry = Running::start(&data);
    let client = registry.client();
    for name in ["ada", "Bob"] {
        let body = json!({"username": name, "password": "pw", "host": "192.0.2.7"});
        let made = client.post(registry.path("/register")).json(&body).send();
        assert_eq!(made.await.unwrap().status(), StatusCode::CREATED);
    }
    let found = registry.admin(&["search", "B"]);
    assert_eq!(found["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(found["accounts"][0]["username"], "Bob");
    let page = registry.admin(&["list", "--limit", "1"]);
    assert_eq!(page["next"], "ada");
    let page = registry.admin(&["list", "--after", "ada"]);
    assert_eq!(
        (&page["accounts"][0]["username"], &page["next"]),
        (&json!("Bob"), &Value::Null)
    );
    assert_eq!(registry.admin(&["show", "ada"])["host"], "192.0.2.7");
    assert_eq!(registry.admin(&["announce", "hello"])["announced"], "hello");
    let ban = registry.admin(&[
        "ban",
        "address",
        "192.0.2.9",
        "--for",
        "7d",
        "--reason",
        "x",
    ]);
    assert!(ban["until"].is_string(), "{ban}");
    registry.admin(&["delete", "BOB"]);
    let gone = client
        .get(registry.path("/clients/bob"))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    registry.stop();
    let there = crate::process::admin;
    assert_eq!(there(&data, &["status"])["accounts"], 1);
    assert_eq!(
        there(&data, &["bans"])["bans"][0]["subject"],
        "192.0.2.9/32"
    );
    there(&data, &["unban", "address", "192.0.2.9"]);
    there(&data, &["ban", "user", "ada"]);
    let nowhere = folder.path().join("typo");
    let line = crate::process::refused(&["admin", "--data", nowhere.to_str().unwrap(), "list"]);
    assert!(
        line.contains("no registry here") && !nowhere.exists(),
        "{line}"
    );
    let registry = Running::start(&data);
    let body = json!({"username": "ada", "password": "pw"});
    let sent = registry
        .client()
        .post(registry.path("/sessions"))
        .json(&body)
        .send();
    assert_eq!(
        error(sent.await.unwrap(), "banned").await,
        (403, "banned".into())
    );
    registry.stop();
}

#[tokio::test]
async fn the_first_administrator_comes_from_the_command_line_and_rules_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Before the first start, and where nobody may register.
    let order = crate::process::admin;
    let made = order(&data, &["create", "root", "--role", "admin"]);
    let password = made["password"].as_str().unwrap();
    assert!(password.len() >= 16, "{made}");
    assert_eq!(made["role"], "admin");
    let own = folder.path().join("password");
    std::fs::write(&own, "open sesame\n").unwrap();
    let made = order(
        &data,
        &["create", "bob", "--password-file", own.to_str().unwrap()],
    );
    assert_eq!(made["password"], Value::Null);

    let mut command = program(&["serve", "--data", data.to_str().unwrap()]);
    command.args(["--listen", "127.0.0.1:0"]);
    command.env("TWOCAN_REGISTRY_REGISTRATION", "closed");
    let registry = Running::of(command, &data);
    let client = registry.client();
    let sign_in = async |name: &str, password: &str| {
        let body = json!({"username": name, "password": password});
        let sent = client.post(registry.path("/sessions")).json(&body).send();
        let answer = sent.await.unwrap();
        let status = answer.status();
        let token = answer.json::<Value>().await.unwrap()["token"].clone();
        (status, token.as_str().unwrap_or_default().to_owned())
    };
    let rule = async |token: &str, command: Value| {
        let request = client.post(registry.path("/admin")).bearer_auth(token);
        request.json(&command).send().await.unwrap()
    };
    let (_, root) = sign_in("root", password).await;
    let (_, bob) = sign_in("bob", "open sesame").await;
    let answer = rule(&bob, json!({"do": "status"})).await;
    assert_eq!(
        error(answer, "administrators").await,
        (403, "refused".into())
    );
    let answer: Value = rule(&root, json!({"do": "show", "username": "bob"}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&answer["ok"]["role"], &answer["ok"]["sessions"]),
        (&json!("user"), &json!(1))
    );

    // A role holds for the sessions that are open.
    registry.admin(&["promote", "bob"]);
    assert_eq!(
        rule(&bob, json!({"do": "status"})).await.status(),
        StatusCode::OK
    );
    registry.admin(&["demote", "bob"]);
    assert_eq!(
        rule(&bob, json!({"do": "status"})).await.status(),
        StatusCode::FORBIDDEN
    );

    // A new password ends them.
    let reset = registry.admin(&["reset", "bob"]);
    assert_eq!(
        rule(&bob, json!({"do": "status"})).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        sign_in("bob", "open sesame").await.0,
        StatusCode::UNAUTHORIZED
    );
    let fresh = reset["password"].as_str().unwrap();
    assert_eq!(sign_in("bob", fresh).await.0, StatusCode::CREATED);

    for (arguments, part) in [
        (&["create", "BOB"][..], "taken"),
        (&["create", "eve", "--role", "guest"], "guest"),
        (&["promote", "nobody"], "no account nobody"),
        (&["reset", "nobody"], "no account nobody"),
    ] {
        let mut all = vec!["admin", "--data", data.to_str().unwrap()];
        all.extend(arguments);
        let line = crate::process::refused(&all);
        assert!(line.contains(part), "{line:?} lacks {part:?}");
    }
    registry.stop();
    order(&data, &["promote", "bob"]);
    assert_eq!(order(&data, &["show", "bob"])["role"], "admin");
}
