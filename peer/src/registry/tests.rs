//! The client against a real registry, and against one that lies.

mod liar;

use super::*;

use std::path::Path;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use twocan_proto::api::Joining;
use twocan_proto::registry_url::Fingerprint;
use twocan_registry::config::Typed;
use twocan_registry::{Config, Server};

use crate::api::RegistryState;

/// How long anything may take before a test fails.
const BOUND: Duration = Duration::from_secs(20);

#[test]
fn queries_are_escaped() {
    let fields = [
        ("prefix".to_owned(), "a b&\u{fc}".to_owned()),
        ("limit".to_owned(), "5".to_owned()),
    ];
    assert_eq!(query_string(&fields), "prefix=a%20b%26%C3%BC&limit=5");
}

#[test]
fn a_registrys_no_is_passed_on_and_made_safe() {
    let body = br#"{"error":{"code":"limited","message":"wait\u001b[2J","retry_after_s":7}}"#;
    let error = refusal(StatusCode::TOO_MANY_REQUESTS, body);
    assert_eq!(error.code, ErrorCode::Limited);
    assert_eq!(error.message, "wait[2J");
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(
        refusal(StatusCode::BAD_GATEWAY, b"<html>").code,
        ErrorCode::Refused
    );
}

fn config(data: &Path) -> Config {
    let typed = Typed {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        data: Some(data.to_owned()),
        bcrypt_cost: Some(4),
        heartbeat_ms: Some(200),
        ..Typed::default()
    };
    typed.resolve().unwrap()
}

/// The key of RFC 8032 section 7.1, test 1.
const KEY: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

fn announcement() -> Announcement {
    Announcement {
        host: "0.0.0.0:7777".parse().unwrap(),
        key: PeerId::from_bytes(KEY).unwrap(),
    }
}

async fn sign_in(client: &RegistryClient, name: &str) -> Result<SessionGrant, Error> {
    client.sign_in(&request(name, "pw")).await
}

fn request(name: &str, password: &str) -> SessionRequest {
    let announcement = announcement();
    SessionRequest {
        username: name.parse().unwrap(),
        password: Some(Secret::from(password)),
        host: Some(announcement.host),
        key: Some(announcement.key),
        register: true,
        guest: false,
        proof: None,
        joining: Joining::default(),
    }
}

fn lookup(name: &str) -> Lookup {
    Lookup {
        username: name.parse().unwrap(),
        key: None,
    }
}

#[tokio::test]
async fn signs_in_looks_up_comes_back_and_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(folder.path())).await.unwrap();
    let client = RegistryClient::new(server.url()).unwrap();
    for name in ["ada", "bob", "Anna"] {
        assert!(sign_in(&client, name).await.unwrap().created);
    }
    let grant = sign_in(&client, "ada").await.unwrap();
    assert!(!grant.created);

    let ada = client.client(&grant.username, None).await.unwrap();
    assert_eq!(ada.key, Some(announcement().key));
    assert_eq!(ada.host, "127.0.0.1:7777");
    let query = ListQuery {
        prefix: Some("A".to_owned()),
        online: Some(true),
        limit: 1,
        after: None,
    };
    let page = client.clients(&query).await.unwrap();
    assert_eq!(page.clients, [ada]);
    let rest = ListQuery {
        after: page.next,
        ..query
    };
    let page = client.clients(&rest).await.unwrap();
    assert_eq!(page.clients[0].username.as_str(), "Anna");
    assert_eq!(page.next, None);

    let signed_in = client.with_token(grant.token.clone());
    let fresh = signed_in.resume(announcement()).await.unwrap();
    assert_ne!(fresh.session_id, grant.session_id);
    signed_in.sign_out().await;
    let error = signed_in.resume(announcement()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unauthorized);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_registrys_no_and_its_silence_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(folder.path())).await.unwrap();
    let url = server.url().clone();
    let client = RegistryClient::new(&url).unwrap();
    let nobody = client.client(&"nobody".parse().unwrap(), None).await;
    assert_eq!(nobody.unwrap_err().code, ErrorCode::NotFound);
    sign_in(&client, "ada").await.unwrap();
    let refused = client.sign_in(&request("ada", "no")).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Unauthorized);

    let other = RegistryUrl::new(url.address(), Some(Fingerprint([7; 32])));
    let error = sign_in(&RegistryClient::new(&other).unwrap(), "ada")
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Refused);
    assert!(error.message.contains("another certificate"), "{error}");
    let unpinned = RegistryUrl::new(url.address(), None);
    let error = sign_in(&RegistryClient::new(&unpinned).unwrap(), "ada")
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Refused);

    server.stop().await.unwrap();
    let error = sign_in(&client, "ada").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unreachable);
}

/// Waits for a state, and forgets what came before it.
async fn until(events: &mut mpsc::Receiver<SessionEvent>, wanted: RegistryState) {
    let reached = async {
        while let Some(event) = events.recv().await {
            if matches!(event, SessionEvent::State(state, _) if state == wanted) {
                return;
            }
        }
        panic!("the session ended before it was {wanted:?}");
    };
    timeout(BOUND, reached).await.unwrap();
}

#[tokio::test]
async fn a_session_survives_a_restart_of_its_registry() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let server = Server::start(config.clone()).await.unwrap();
    let url = server.url().clone();
    let client = RegistryClient::new(&url).unwrap();
    let grant = sign_in(&client, "ada").await.unwrap();
    let (sender, mut events) = mpsc::channel(16);
    let signed_in = client.with_token(grant.token);
    let visible = watch::Sender::new(true);
    let told = (vec![], visible.subscribe());
    let task = SessionTask::start(&url, signed_in, announcement(), told, None, sender);
    until(&mut events, RegistryState::SignedIn).await;

    config.listen = server.address();
    server.stop().await.unwrap();
    until(&mut events, RegistryState::Unreachable).await;
    let server = Server::start(config).await.unwrap();
    until(&mut events, RegistryState::SignedIn).await;
    assert!(client.client(&grant.username, None).await.unwrap().online);

    // Nobody beats any more: presence lapses after three intervals.
    drop(task);
    let lapsed = async {
        while client.client(&grant.username, None).await.unwrap().online {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, lapsed).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_registry_that_goes_before_the_live_channel_is_open_is_known_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    // No heartbeat tells in time, and nobody is looked up.
    config.heartbeat_ms = 60_000;
    let server = Server::start(config).await.unwrap();
    let url = server.url().clone();
    let client = RegistryClient::new(&url).unwrap();
    let grant = sign_in(&client, "ada").await.unwrap();
    server.stop().await.unwrap();
    let (sender, mut events) = mpsc::channel(16);
    let signed_in = client.with_token(grant.token.clone());
    let visible = watch::Sender::new(true);
    let told = (vec![], visible.subscribe());
    let granted = Some(grant);
    let _task = SessionTask::start(&url, signed_in, announcement(), told, granted, sender);
    until(&mut events, RegistryState::SignedIn).await;
    until(&mut events, RegistryState::Unreachable).await;
}

#[tokio::test]
async fn heartbeats_keep_a_session_online_and_watched_names_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(folder.path())).await.unwrap();
    let client = RegistryClient::new(server.url()).unwrap();
    sign_in(&client, "bob").await.unwrap();
    let grant = sign_in(&client, "ada").await.unwrap();
    let (sender, mut events) = mpsc::channel(16);
    let signed_in = client.with_token(grant.token);
    let watched = vec![lookup("bob")];
    let visible = watch::Sender::new(true);
    let task = SessionTask::start(
        server.url(),
        signed_in,
        announcement(),
        (watched, visible.subscribe()),
        None,
        sender,
    );
    until(&mut events, RegistryState::SignedIn).await;
    let report = async |events: &mut mpsc::Receiver<SessionEvent>| loop {
        let event = timeout(BOUND, events.recv()).await.unwrap().unwrap();
        if let SessionEvent::Client(name, info) = event {
            return (name, info);
        }
    };
    let (name, info) = report(&mut events).await;
    assert_eq!((name.as_str(), info.is_some()), ("bob", true));
    task.watch(vec![lookup("nobody")]);
    let (name, info) = report(&mut events).await;
    assert_eq!((name.as_str(), info), ("nobody", None));

    // Last seen moves on with every heartbeat, without any other request.
    let seen = async || {
        client
            .client(&grant.username, None)
            .await
            .unwrap()
            .last_seen
    };
    let first = seen().await;
    let moved = async {
        while seen().await == first {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, moved).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(folder.path())).await.unwrap();
    let client = RegistryClient::new(server.url()).unwrap();
    let stale = client.with_token(Secret::from("of another day"));
    let (sender, mut events) = mpsc::channel(16);
    let visible = watch::Sender::new(true);
    let told = (vec![], visible.subscribe());
    let _task = SessionTask::start(server.url(), stale, announcement(), told, None, sender);
    until(&mut events, RegistryState::SignedOut).await;
    assert!(timeout(BOUND, events.recv()).await.unwrap().is_none());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_that_another_place_ends_is_known_to_have_ended_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    // No heartbeat and no look-up tells in time.
    config.heartbeat_ms = 60_000;
    let server = Server::start(config).await.unwrap();
    let client = RegistryClient::new(server.url()).unwrap();
    let grant = sign_in(&client, "ada").await.unwrap();
    let (sender, mut events) = mpsc::channel(16);
    let signed_in = client.with_token(grant.token.clone());
    let visible = watch::Sender::new(true);
    let told = (vec![], visible.subscribe());
    let _task = SessionTask::start(server.url(), signed_in, announcement(), told, None, sender);
    until(&mut events, RegistryState::SignedIn).await;
    // The second time the live channel says so.
    until(&mut events, RegistryState::SignedIn).await;
    client.with_token(grant.token).sign_out().await;
    until(&mut events, RegistryState::SignedOut).await;
    assert!(timeout(BOUND, events.recv()).await.unwrap().is_none());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_hides_is_offline_at_once_still_asks_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(folder.path())).await.unwrap();
    let client = RegistryClient::new(server.url()).unwrap();
    let grant = sign_in(&client, "ada").await.unwrap();
    sign_in(&client, "bob").await.unwrap();
    let (sender, mut events) = mpsc::channel(16);
    let signed_in = client.with_token(grant.token);
    let visible = watch::Sender::new(true);
    let told = (vec![lookup("bob")], visible.subscribe());
    let _task = SessionTask::start(server.url(), signed_in, announcement(), told, None, sender);
    until(&mut events, RegistryState::SignedIn).await;
    for is_visible in [false, true] {
        visible.send_replace(is_visible);
        until(&mut events, RegistryState::SignedIn).await;
        let asked =
            async { while !matches!(events.recv().await, Some(SessionEvent::Client(..))) {} };
        timeout(BOUND, asked).await.unwrap();
        let shown = client.client(&grant.username, None).await.unwrap();
        assert_eq!(shown.online, is_visible);
    }
    server.stop().await.unwrap();
}
