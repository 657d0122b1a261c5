//! The registry as a plain HTTPS client sees it: the four calls of a
//! contact-list server, sessions, and what a restart keeps.

use std::process::Command;

use serde_json::{Value, json};
use twocan_e2e::https::Client;
use twocan_e2e::pair::folder;
use twocan_e2e::process::{Must, twocan_registry};
use twocan_e2e::registry::Registry;

const PASSWORD: &str = "correct horse battery";

fn register(client: &mut Client, username: &str, host: &str) -> u16 {
    client
        .request(
            "POST",
            "/register",
            &json!({"username": username, "password": PASSWORD, "host": host}),
        )
        .status
}

fn sign_in(client: &mut Client, username: &str) {
    let answer = client.request(
        "POST",
        "/sessions",
        &json!({"username": username, "password": PASSWORD}),
    );
    assert_eq!(answer.status / 100, 2, "{}", answer.json());
    let token = answer.json()["token"]
        .as_str()
        .must("read a token")
        .to_owned();
    client.authorize(&token);
}

fn usernames(answer: &Value) -> Vec<String> {
    let rows = answer["clients"]
        .as_array()
        .must("read the list of clients");
    rows.iter()
        .map(|row| row["username"].as_str().must("read a name").to_owned())
        .collect()
}

#[test]
fn the_four_plain_calls() {
    let folder = folder();
    let registry = Registry::start(folder.path());
    let mut client = registry.client();

    assert_eq!(register(&mut client, "alice", "192.0.2.7"), 201);
    assert_eq!(register(&mut client, "bob", "192.0.2.8:9000"), 201);
    assert_eq!(
        register(&mut client, "alice", "192.0.2.9"),
        409,
        "a name is taken once"
    );
    sign_in(&mut client, "alice");

    let list = client.request("GET", "/clients", &Value::Null);
    assert_eq!(list.status, 200);
    assert_eq!(usernames(&list.json()), ["alice", "bob"]);

    let bob = client.request("GET", "/clients/bob", &Value::Null);
    assert_eq!(bob.status, 200);
    let bob = bob.json();
    assert_eq!(
        (&bob["username"], &bob["host"]),
        (&json!("bob"), &json!("192.0.2.8:9000")),
        "{bob}"
    );
    assert_eq!(
        bob["online"], false,
        "who only registered is not online: {bob}"
    );
    assert_eq!(
        client.request("GET", "/clients/carol", &Value::Null).status,
        404
    );

    // With the password alone, as a client does that knows no sessions.
    let mut plain = registry.client();
    let wrong = plain.request("DELETE", "/clients/bob", &json!({"password": "not his"}));
    assert!([401, 403].contains(&wrong.status), "{}", wrong.status);
    let right = plain.request("DELETE", "/clients/bob", &json!({"password": PASSWORD}));
    assert_eq!(right.status / 100, 2, "{}", right.json());
    assert_eq!(
        client.request("GET", "/clients/bob", &Value::Null).status,
        404
    );
    assert_eq!(
        register(&mut client, "bob", "192.0.2.8"),
        201,
        "the name is free again"
    );
}

#[test]
fn bad_input_is_named() {
    let folder = folder();
    let registry = Registry::start(folder.path());
    let mut client = registry.client();
    let good = json!({"username": "alice", "password": PASSWORD, "host": "192.0.2.7"});
    for (field, value) in [
        ("username", Value::Null),
        ("username", json!("")),
        ("username", json!("a\u{202e}b")),
        ("username", json!("x".repeat(5_000))),
        ("password", Value::Null),
        ("host", json!("not a host!")),
        ("host", json!("192.0.2.7:99999")),
    ] {
        let mut body = good.clone();
        match value {
            Value::Null => drop(body.as_object_mut().must("an object").remove(field)),
            _ => body[field] = value.clone(),
        }
        let answer = client.request("POST", "/register", &body);
        let message = answer.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(answer.status, 400, "{field} {value}: {message}");
        assert!(
            message.contains(field),
            "the message names {field}: {message}"
        );
    }
}

#[test]
fn reading_needs_a_session_that_can_be_ended() {
    let folder = folder();
    let registry = Registry::start_with(folder.path(), &[("directory", "members")]);
    let mut client = registry.client();
    assert_eq!(register(&mut client, "alice", "192.0.2.7"), 201);
    assert_eq!(client.request("GET", "/clients", &Value::Null).status, 401);
    let wrong = client.request(
        "POST",
        "/sessions",
        &json!({"username": "alice", "password": "wrong"}),
    );
    let unknown = client.request(
        "POST",
        "/sessions",
        &json!({"username": "zoe", "password": "wrong"}),
    );
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_eq!(
        wrong.json(),
        unknown.json(),
        "a wrong password and an unknown name look alike"
    );

    sign_in(&mut client, "alice");
    assert_eq!(client.request("GET", "/clients", &Value::Null).status, 200);
    assert_eq!(
        client.request("DELETE", "/sessions", &Value::Null).status / 100,
        2
    );
    assert_eq!(client.request("GET", "/clients", &Value::Null).status, 401);
}

#[test]
fn a_restart_and_a_crash_keep_the_directory() {
    let folder = folder();
    let registry = Registry::start(folder.path());
    let url = registry.url().to_owned();
    assert_eq!(register(&mut registry.client(), "alice", "192.0.2.7"), 201);

    let registry = registry.restart();
    assert_eq!(registry.url(), url, "the certificate and the port stay");
    assert_eq!(register(&mut registry.client(), "bob", "192.0.2.8"), 201);

    let registry = registry.crash_and_restart();
    let mut client = registry.client();
    sign_in(&mut client, "bob");
    assert_eq!(
        usernames(&client.request("GET", "/clients", &Value::Null).json()),
        ["alice", "bob"]
    );
    assert!(registry.stop().success());
}

#[test]
fn ping_and_health() {
    let folder = folder();
    let registry = Registry::start(folder.path());
    assert_eq!(
        registry
            .client()
            .request("GET", "/healthz", &Value::Null)
            .status,
        200
    );
    let ping = |url: &str| {
        Command::new(twocan_registry())
            .args(["ping", "--registry", url])
            .output()
    };

    let output = ping(registry.url()).must("run ping");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "pong");

    let url = registry.url().to_owned();
    assert!(registry.stop().success());
    let output = ping(&url).must("run ping");
    assert_eq!(output.status.code(), Some(1));
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(
        String::from_utf8_lossy(&said).trim().lines().count(),
        1,
        "one line says why"
    );
}
