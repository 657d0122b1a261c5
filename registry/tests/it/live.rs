//! The live channel over real sockets: who gets one, presence, knocks, notices,
//! and every way in which it ends.

use crate::common::{BOUND, Fixture, Heart, account, error, start, start_with};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Bytes, Message, protocol::Role},
};
use twocan_proto::{
    api::{ErrorCode, Format, SessionGrant},
    identity::Identity,
    live::{Ask, Event, LIVE_VERSION, LiveEnd, LiveHello, Notice, WATCH_MAX},
};

/// How soon a change of presence must have been told.
const SOON: Duration = Duration::from_secs(1);

/// A client's side of a live channel.
pub(crate) struct Channel {
    socket: WebSocketStream<reqwest::Upgraded>,
    format: Format,
}

fn knocking(
    registry: &Fixture,
    token: Option<&str>,
    protocol: &str,
    agent: &str,
) -> reqwest::RequestBuilder {
    let builder = twocan_registry::ping::client_builder(registry.server.url().pin()).unwrap();
    let client = builder.http1_only().build().unwrap();
    let request = client
        .get(format!("{}/live", registry.server.url().base()))
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
        .header(header::SEC_WEBSOCKET_PROTOCOL, protocol)
        .header(header::USER_AGENT, agent);
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

impl Channel {
    /// A channel on which nothing has been said.
    pub(crate) async fn silent(registry: &Fixture, grant: &SessionGrant, format: Format) -> Self {
        let request = knocking(
            registry,
            Some(grant.token.expose()),
            format.subprotocol(),
            "x",
        );
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
        let headers = answer.headers();
        assert_eq!(headers["sec-websocket-protocol"], format.subprotocol());
        // The example of RFC 6455 section 1.3.
        assert_eq!(
            headers["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        let stream = answer.upgrade().await.unwrap();
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        Self { socket, format }
    }

    /// A channel after both hellos.
    pub(crate) async fn open(registry: &Fixture, grant: &SessionGrant) -> Self {
        let mut channel = Self::silent(registry, grant, Format::Json).await;
        channel.hello().await;
        channel
    }

    pub(crate) async fn hello(&mut self) -> LiveHello {
        self.ask(&Ask::Hello {
            version: LIVE_VERSION,
            client: "test/1.0.0".to_owned(),
        })
        .await;
        match self.event().await {
            Event::Hello(hello) => hello,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ask(&mut self, ask: &Ask) {
        let bytes = ask.write(self.format).unwrap();
        self.send(bytes).await;
    }

    async fn send(&mut self, bytes: Vec<u8>) {
        let message = match self.format {
            Format::Json => Message::text(String::from_utf8(bytes).unwrap()),
            Format::MessagePack => Message::binary(bytes),
        };
        self.socket.send(message).await.unwrap();
    }

    /// What came next, or why it ended; code 0 is a connection that broke.
    pub(crate) async fn next(&mut self) -> Result<Event, (u16, String)> {
        loop {
            let next = tokio::time::timeout(BOUND, self.socket.next()).await;
            let body = match next.expect("nothing came") {
                Some(Ok(Message::Text(text))) => Bytes::from(text),
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Err((0, String::new())),
            };
            return Ok(Event::read(self.format, &body).unwrap());
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        self.next().await.unwrap()
    }

    /// Whether there is nothing to hear: what a knock at nobody answers comes next.
    pub(crate) async fn assert_quiet(&mut self) {
        self.knock("nobody-of-that-name").await;
        let event = self.event().await;
        assert!(matches!(event, Event::Knocked { .. }), "{event:?}");
    }

    async fn knock(&mut self, user: &str) {
        let username = user.parse().unwrap();
        self.ask(&Ask::Knock {
            username,
            key: None,
        })
        .await;
    }

    /// All until it ends, and why it ended.
    async fn rest(&mut self) -> (Vec<Event>, LiveEnd) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Ok(event) => events.push(event),
                Err((code, reason)) => {
                    let end = LiveEnd::of_code(code).expect("a code of ours");
                    assert_eq!(reason, end.reason());
                    return (events, end);
                }
            }
        }
    }

    async fn presence(&mut self) -> (Vec<(String, bool)>, Vec<String>) {
        match self.event().await {
            Event::Presence { clients, unknown } => (
                clients
                    .iter()
                    .map(|client| (client.username.to_string(), client.online))
                    .collect(),
                unknown.iter().map(ToString::to_string).collect(),
            ),
            other => panic!("{other:?}"),
        }
    }
}

fn watch(value: Value) -> Ask {
    let ask = json!({"type": "watch", "clients": value});
    Ask::read(Format::Json, ask.to_string().as_bytes()).unwrap()
}

/// Gives a command as `admin` does, which has to be taken.
pub(crate) async fn order(registry: &Fixture, command: Value) {
    let answer = registry.order(command).await;
    assert!(answer["ok"].is_object(), "{answer}");
}

#[tokio::test]
async fn a_channel_needs_a_session_a_websocket_and_a_sub_protocol() {
    let registry = start_with(|config| config.min_client = "0.2.0".parse().ok()).await;
    let grant = registry.sign_in("ada").await;
    let token = Some(grant.token.expose());
    let json = Format::Json.subprotocol();
    for wrong in [None, Some("wrong")] {
        let answer = knocking(&registry, wrong, json, "x").send().await.unwrap();
        assert_eq!(error(answer, "session").await.0, 401);
    }
    let answer = knocking(&registry, token, "chat, twocan.live.v2.json", "x");
    let answer = answer.send().await.unwrap();
    let listed = answer.headers()["sec-websocket-protocol"].clone();
    assert_eq!(listed, "twocan.live.v1.json, twocan.live.v1.msgpack");
    assert_eq!(error(answer, "twocan.live.v1.msgpack").await.0, 400);
    let plain = registry.as_owner(&grant, Method::GET, "/live");
    let answer = plain.send().await.unwrap();
    assert_eq!(answer.headers()["upgrade"], "websocket");
    assert_eq!(error(answer, "WebSocket").await.0, 426);
    let old = knocking(&registry, token, json, "twocan/0.1.0");
    let answer = old.send().await.unwrap();
    assert_eq!(error(answer, "0.2.0").await, (403, "outdated".to_owned()));
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn both_notations_say_hello_and_pass_a_knock_on() {
    let registry = start().await;
    let (ada, bob) = (registry.sign_in("ada").await, registry.sign_in("bob").await);
    let mut ada = Channel::silent(&registry, &ada, Format::MessagePack).await;
    let hello = ada.hello().await;
    assert_eq!((hello.version, hello.watch_max), (1, WATCH_MAX));
    assert_eq!(hello.username.as_str(), "ada");
    let mut bob = Channel::open(&registry, &bob).await;
    bob.knock("ADA").await;
    let Event::Knocked { delivered, .. } = bob.event().await else {
        panic!("not answered");
    };
    assert!(delivered);
    let Event::Knock { from } = ada.event().await else {
        panic!("not told");
    };
    assert_eq!(
        (from.username.as_str(), from.host.as_str()),
        ("bob", "127.0.0.1:7777")
    );
    // Whatever a later version says is answered, and the channel goes on.
    let odd = Format::MessagePack
        .encode(&json!({"type": "dance"}))
        .unwrap();
    ada.send(odd).await;
    let odd = Format::MessagePack
        .encode(&json!({"type": "knock"}))
        .unwrap();
    ada.send(odd).await;
    for about in ["unknown", "unknown"] {
        let Event::Error { about: word, error } = ada.event().await else {
            panic!("not answered");
        };
        assert_eq!((word.as_str(), error.code), (about, ErrorCode::BadRequest));
    }
    ada.assert_quiet().await;
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn knocks_are_limited_and_tell_nothing_of_who_is_hidden() {
    let registry = start().await;
    let key = Identity::from_seed(&[7; 32]).peer_id();
    let mut hidden = account("bob");
    hidden["visibility"] = json!("contacts");
    hidden["key"] = json!(key);
    registry.post("/register", hidden).await;
    let bob = registry.sign_in("bob").await;
    let _bob = Channel::open(&registry, &bob).await;
    let ada = registry.sign_in("ada").await;
    let mut ada = Channel::open(&registry, &ada).await;
    let mut answers = Vec::new();
    for (user, key) in [("bob", None), ("nobody", None), ("bob", Some(key))] {
        let username = user.parse().unwrap();
        ada.ask(&Ask::Knock { username, key }).await;
        let Event::Knocked { delivered, .. } = ada.event().await else {
            panic!("not answered");
        };
        answers.push(delivered);
    }
    assert_eq!(answers, [false, false, true]);
    for _ in 0..20 {
        ada.knock("nobody").await;
    }
    let limited = loop {
        match ada.event().await {
            Event::Knocked {
                delivered: false, ..
            } => {}
            Event::Error { error, .. } => break error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(limited.code, ErrorCode::Limited);
    assert!(limited.retry_after_s.is_some_and(|wait| wait > 0));
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn presence_is_told_within_a_second_and_to_who_may_know() {
    let registry = start_with(|config| config.heartbeat_ms = 300).await;
    let (right, wrong) = (
        Identity::from_seed(&[7; 32]).peer_id(),
        Identity::from_seed(&[8; 32]).peer_id(),
    );
    registry.register("bob").await;
    let mut hidden = account("eve");
    hidden["visibility"] = json!("contacts");
    hidden["key"] = json!(right);
    registry.post("/register", hidden).await;
    let ada = registry.sign_in("ada").await;
    let mut knows = Channel::open(&registry, &ada).await;
    let zoe = registry.sign_in("zoe").await;
    let mut guesses = Channel::open(&registry, &zoe).await;
    let eve = |key| json!([{"username": "eve", "key": key}]);
    knows.ask(&watch(eve(right))).await;
    guesses.ask(&watch(eve(wrong))).await;
    assert_eq!(knows.presence().await.0, [("eve".to_owned(), false)]);
    assert_eq!(guesses.presence().await.1, ["eve"]);
    let begun = Instant::now();
    let grant = registry.sign_in("eve").await;
    assert_eq!(knows.presence().await.0, [("eve".to_owned(), true)]);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // Gone without a word: presence lapses after three heartbeats.
    let heart = Heart::new(&registry, &grant).await;
    heart.socket.send(&heart.datagram(1)).await.unwrap();
    heart.answer().await;
    let begun = Instant::now();
    assert_eq!(knows.presence().await.0, [("eve".to_owned(), false)]);
    assert!(begun.elapsed() < Duration::from_millis(900) + SOON);
    guesses.assert_quiet().await;
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn the_operator_speaks_and_a_stop_is_told_and_ends_it() {
    let registry = start().await;
    let ada = registry.sign_in("ada").await;
    let mut channel = Channel::open(&registry, &ada).await;
    order(&registry, json!({"do": "announce", "text": "tea at five"})).await;
    let text = "tea at five".to_owned();
    let said = Event::Notice(Notice::Announcement { text });
    assert_eq!(channel.event().await, said);
    let begun = Instant::now();
    let (stopped, rest) = tokio::join!(registry.server.stop(), channel.rest());
    stopped.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited for us");
    let (events, end) = rest;
    let notice = |event: &Event| matches!(event, Event::Notice(Notice::Shutdown { back_after_s }) if *back_after_s > 0);
    assert!(events.iter().any(notice), "{events:?}");
    assert_eq!(end, LiveEnd::Stopping);
}

#[tokio::test]
async fn a_ban_a_sign_out_and_the_end_of_the_account_end_it_with_the_reason() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let mut channel = Channel::open(&registry, &grant).await;
    registry
        .as_owner(&grant, Method::DELETE, "/sessions")
        .send()
        .await
        .unwrap();
    assert_eq!(channel.rest().await, (vec![], LiveEnd::SessionEnded));
    let grant = registry.sign_in("ada").await;
    let mut channel = Channel::open(&registry, &grant).await;
    order(&registry, json!({"do": "delete", "username": "ada"})).await;
    assert_eq!(channel.rest().await, (vec![], LiveEnd::Deleted));
    let grant = registry.sign_in("bob").await;
    let mut channel = Channel::open(&registry, &grant).await;
    let ban = json!({"do": "ban", "target": {"user": "bob"}, "reason": "too loud"});
    order(&registry, ban).await;
    let (events, end) = channel.rest().await;
    assert_eq!(end, LiveEnd::Banned);
    let [Event::Notice(Notice::Banned { reason })] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(reason.contains("too loud"), "{reason}");
    let json = Format::Json.subprotocol();
    let again = knocking(&registry, Some(grant.token.expose()), json, "x");
    let answer = again.send().await.unwrap();
    assert_eq!(error(answer, "too loud").await, (403, "banned".to_owned()));
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn the_same_identity_has_one_channel() {
    let registry = start().await;
    let key = Identity::from_seed(&[7; 32]).peer_id();
    let body = json!({"username": "ada", "password": "pw", "register": true, "key": key,
                      "host": "0.0.0.0:7777"});
    let answer = registry.post("/sessions", body).await;
    let grant: SessionGrant = answer.json().await.unwrap();
    let mut before = Channel::open(&registry, &grant).await;
    // Coming back with the token gives another session behind the same token.
    registry
        .as_owner(&grant, Method::PUT, "/sessions/current")
        .send()
        .await
        .unwrap();
    let mut channel = Channel::open(&registry, &grant).await;
    assert_eq!(before.rest().await, (vec![], LiveEnd::Replaced));
    channel.assert_quiet().await;
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_message_ends_it() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let early = br#"{"type":"knock","username":"bob"}"#.to_vec();
    let huge = format!("\"{}\"", "x".repeat(20_000)).into_bytes();
    for (bytes, end) in [
        (early, LiveEnd::Protocol),
        (b"hello?".to_vec(), LiveEnd::Protocol),
        (huge, LiveEnd::TooLarge),
        (
            br#"{"type":"hello","version":0,"client":"x"}"#.to_vec(),
            LiveEnd::Outdated,
        ),
    ] {
        let mut channel = Channel::silent(&registry, &grant, Format::Json).await;
        channel.send(bytes).await;
        assert_eq!(channel.rest().await, (vec![], end));
    }
    let mut channel = Channel::open(&registry, &grant).await;
    for _ in 0..300 {
        let text = br#"{"type":"unwatch","clients":[]}"#.to_vec();
        let message = Message::text(String::from_utf8(text).unwrap());
        if channel.socket.feed(message).await.is_err() {
            break;
        }
    }
    drop(channel.socket.flush().await);
    assert_eq!(channel.rest().await.1, LiveEnd::Flood);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn who_does_not_read_is_dropped_and_comes_back_to_the_state() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let mut channel = Channel::open(&registry, &grant).await;
    let text = "x".repeat(500);
    for _ in 0..400 {
        order(&registry, json!({"do": "announce", "text": text})).await;
    }
    // What was on its way when we stopped reading, and then the end.
    let (events, end) = channel.rest().await;
    assert_eq!(end, LiveEnd::Slow);
    assert!(events.len() < 60, "{}", events.len());
    let mut channel = Channel::open(&registry, &grant).await;
    channel.assert_quiet().await;
    channel.ask(&watch(json!([{"username": "ada"}]))).await;
    assert_eq!(channel.presence().await.0, [("ada".to_owned(), true)]);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_without_a_word_leaves_nothing() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let count = async || {
        let text = registry.get("/metrics").await.text().await.unwrap();
        let line = text.lines().find_map(|line| {
            let count = line.strip_prefix("twocan_registry_live_channels ")?;
            Some(count.to_owned())
        });
        line.expect("the metric is there")
    };
    let channel = Channel::open(&registry, &grant).await;
    assert_eq!(count().await, "1");
    drop(channel);
    let begun = Instant::now();
    while count().await != "0" {
        assert!(begun.elapsed() < BOUND, "it is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    registry.server.stop().await.unwrap();
}
