//! Bans over real sockets: of users, of addresses, of networks.

use crate::common::{Fixture, Heart, account, error, start, start_with};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn ban(registry: &Fixture, target: Value) {
    let command = json!({"do": "ban", "target": target, "reason": "too loud"});
    let answer = registry.order(command).await;
    assert_eq!(answer["ok"]["reason"], "too loud", "{answer}");
}

/// A client at another address of this machine.
fn client_at(registry: &Fixture, ip: &str) -> impl AsyncFn(&str) -> reqwest::Response + use<> {
    let pin = registry.server.url().pin();
    let builder = twocan_registry::ping::client_builder(pin).unwrap();
    let client = builder
        .local_address(Some(ip.parse().unwrap()))
        .build()
        .unwrap();
    let base = registry.server.url().base();
    async move |path: &str| client.get(format!("{base}{path}")).send().await.unwrap()
}

fn banned() -> (u16, String) {
    (403, "banned".into())
}

#[tokio::test]
async fn an_address_is_told_so_on_kept_and_on_new_connections() {
    let registry = start().await;
    let kept = client_at(&registry, "127.0.0.2");
    assert_eq!(kept("/clients").await.status(), StatusCode::OK);
    ban(&registry, json!({"address": "127.0.0.2"})).await;
    let fresh = client_at(&registry, "127.0.0.2");
    for path in [
        "/clients",
        "/healthz",
        "/metrics",
        "/static/x",
        "/nothing",
        "/sessions",
    ] {
        for client in [&kept, &fresh] {
            let answer = client(path).await;
            assert_eq!(error(answer, "too loud").await, banned(), "{path}");
        }
    }
    assert_eq!(registry.get("/clients").await.status(), StatusCode::OK);
    let other = client_at(&registry, "127.0.0.3");
    assert_eq!(other("/clients").await.status(), StatusCode::OK);
    let lifted = registry
        .order(json!({"do": "unban", "target": {"address": "127.0.0.2"}}))
        .await;
    assert_eq!(lifted["ok"]["subject"], "127.0.0.2/32");
    assert_eq!(kept("/clients").await.status(), StatusCode::OK);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_network_is_refused_every_datagram_and_presence_ends_with_the_ban() {
    let registry = start_with(|config| config.heartbeat_ms = 3_600_000).await;
    let grant = registry.sign_in("ada").await;
    let heart = Heart::new(&registry, &grant).await;
    heart.socket.send(&heart.datagram(1)).await.unwrap();
    assert_eq!(heart.answer().await.counter, 1);
    // From another network, so that the ban does not keep us from looking.
    let outside = client_at(&registry, "127.9.0.1");
    ban(&registry, json!({"network": "127.0.0.0/16"})).await;
    let info: Value = outside("/clients/ada").await.json().await.unwrap();
    assert_eq!(info["online"], false, "the ban ends presence at once");
    heart.socket.send(&heart.datagram(2)).await.unwrap();
    let answer = registry.get("/clients").await;
    assert_eq!(error(answer, "too loud").await, banned());
    let body = json!({"username": "ada", "password": "pw"});
    let answer = registry.post("/sessions", body).await;
    assert_eq!(error(answer, "too loud").await, banned());
    registry
        .order(json!({"do": "unban", "target": {"network": "127.0.0.0/16"}}))
        .await;
    // Datagrams arrive in order here, so an answer to the third says that the
    // second got none.
    heart.socket.send(&heart.datagram(3)).await.unwrap();
    assert_eq!(heart.answer().await.counter, 3);
    registry.until_online("ada", true).await;
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_user_is_kept_out_by_name_by_token_and_by_key() {
    let registry = start().await;
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let key = data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap();
    let key = twocan_proto::identity::PeerId::from_bytes(key.try_into().unwrap()).unwrap();
    let sign_in =
        |name: &str| json!({"username": name, "password": "pw", "register": true, "key": key});
    let answer = registry.post("/sessions", sign_in("Ada")).await;
    let grant: twocan_proto::api::SessionGrant = answer.json().await.unwrap();
    let heart = Heart::new(&registry, &grant).await;
    ban(&registry, json!({"user": "ada"})).await;
    assert_eq!(registry.client("ada").await["online"], false);
    heart.socket.send(&heart.datagram(1)).await.unwrap();

    let answer = registry.post("/sessions", sign_in("ada")).await;
    assert_eq!(error(answer, "too loud").await, banned());
    // Who does not know the password learns nothing of the ban.
    let wrong = json!({"username": "ada", "password": "guess"});
    let answer = registry.post("/sessions", wrong).await;
    assert_eq!(
        error(answer, "unknown name or wrong").await,
        (401, "unauthorized".into())
    );
    let resume = registry.request(Method::PUT, "/sessions/current");
    let answer = resume
        .bearer_auth(grant.token.expose())
        .send()
        .await
        .unwrap();
    assert_eq!(error(answer, "too loud").await, banned());
    let read = registry.request(Method::GET, "/clients");
    let answer = read.bearer_auth(grant.token.expose()).send().await.unwrap();
    assert_eq!(error(answer, "too loud").await, banned());
    // The same person under another name.
    let answer = registry.post("/sessions", sign_in("bob")).await;
    assert_eq!(error(answer, "too loud").await, banned());
    let mut body = account("bob");
    body["key"] = json!(key);
    let answer = registry.post("/register", body).await;
    assert_eq!(error(answer, "too loud").await, banned());
    // An innocent account does not take the key on either.
    registry.register("carl").await;
    let answer = registry.post("/sessions", sign_in("carl")).await;
    assert_eq!(error(answer, "too loud").await, banned());

    // The name stays banned when the account goes, and the key with it.
    registry
        .order(json!({"do": "delete", "username": "ada"}))
        .await;
    let answer = registry.post("/register", account("ADA")).await;
    assert_eq!(error(answer, "too loud").await, banned());
    registry
        .order(json!({"do": "unban", "target": {"user": "ADA"}}))
        .await;
    assert_eq!(
        registry.post("/sessions", sign_in("bob")).await.status(),
        StatusCode::CREATED
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn bans_end_by_themselves_and_outlive_a_restart() {
    let registry = start().await;
    registry.register("ada").await;
    let soon =
        twocan_proto::time::Timestamp::from_millis(jiff::Timestamp::now().as_millisecond() + 300);
    let brief = json!({"do": "ban", "target": {"address": "127.0.0.1"}, "until": soon});
    assert_eq!(registry.order(brief).await["ok"]["kind"], "network");
    ban(&registry, json!({"user": "ada"})).await;
    ban(&registry, json!({"network": "192.0.2.0/24"})).await;
    let answer = registry.get("/clients").await;
    assert_eq!(error(answer, "banned").await, banned());
    crate::process::until("the short ban ends", async || {
        let answer = registry.get("/clients").await;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
    let listed = registry.order(json!({"do": "bans"})).await;
    let subjects: Vec<_> = listed["ok"]["bans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ban| ban["subject"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(subjects, ["ada", "192.0.2.0/24"]);
    let registry = registry.restarted().await;
    let body = json!({"username": "ada", "password": "pw"});
    let answer = registry.post("/sessions", body).await;
    assert_eq!(error(answer, "too loud").await, banned());
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused_by_name() {
    let registry = start().await;
    for (command, code, part) in [
        (json!({"do": "dance"}), "bad_request", "unknown variant"),
        (json!({"do": "bans", "more": 1}), "bad_request", "more"),
        (json!([1]), "bad_request", ""),
        (
            json!({"do": "show", "username": "nobody"}),
            "not_found",
            "nobody",
        ),
        (
            json!({"do": "show", "username": "a b"}),
            "bad_request",
            "a name is made of",
        ),
        (
            json!({"do": "unban", "target": {"user": "nobody"}}),
            "not_found",
            "no ban of nobody",
        ),
        (
            json!({"do": "ban", "target": {"address": "x"}}),
            "bad_request",
            "target: 'x'",
        ),
        (
            json!({"do": "ban", "target": {"network": "0.0.0.0/0"}}),
            "bad_request",
            "everybody",
        ),
        (
            json!({"do": "ban", "target": {"user": "a"}, "reason": "a\nb"}),
            "bad_request",
            "reason:",
        ),
        (
            json!({"do": "ban", "target": {"user": "a"}, "until": "2001-01-01T00:00:00Z"}),
            "bad_request",
            "until: must be in the future",
        ),
        (
            json!({"do": "announce", "text": " "}),
            "bad_request",
            "text:",
        ),
        (
            json!({"do": "restore", "file": "x.db"}),
            "bad_request",
            "absolute",
        ),
    ] {
        let answer = registry.order(command.clone()).await;
        assert_eq!(answer["error"]["code"], code, "{command}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn the_local_socket_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let registry = start().await;
    let path = registry.folder.path().join("data/admin.sock");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    registry.server.stop().await.unwrap();
    assert!(!path.exists());
}
