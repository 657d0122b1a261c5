//! A real registry on ports of its own, and a client that pins its certificate.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use twocan_proto::{
    api::SessionGrant,
    heartbeat::{Alive, HeartbeatKey, SEEN_LEN, Seen, SessionId},
    time::Timestamp,
};
use twocan_registry::{Config, Server, config::Typed, ping};

/// How long anything may take before a test fails.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) http: reqwest::Client,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn config(folder: &tempfile::TempDir) -> Config {
    let typed = Typed {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        data: Some(folder.path().join("data")),
        bcrypt_cost: Some(4),
        workers: Some(2),
        ..Typed::default()
    };
    typed.resolve().unwrap()
}

pub(crate) async fn start() -> Fixture {
    start_with(|_| {}).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    change(&mut config);
    let server = Server::start(config).await.unwrap();
    let http = ping::client(server.url().pin()).unwrap();
    Fixture {
        server,
        http,
        folder,
    }
}

impl Fixture {
    /// Gives a command over the local socket, as `admin` does.
    pub(crate) async fn order(&self, command: Value) -> Value {
        let path = self.folder.path().join("data/admin.sock");
        let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
        let line = format!("{command}\n");
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// The same registry after a stop and a start, on other ports.
    pub(crate) async fn restarted(self) -> Self {
        self.restarted_with(|_| {}).await
    }

    pub(crate) async fn restarted_with(self, change: impl FnOnce(&mut Config)) -> Self {
        self.server.stop().await.unwrap();
        let mut config = config(&self.folder);
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        let http = ping::client(server.url().pin()).unwrap();
        Self {
            server,
            http,
            folder: self.folder,
        }
    }

    /// A request in the name of a session.
    pub(crate) fn as_owner(
        &self,
        grant: &SessionGrant,
        method: Method,
        path: &str,
    ) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(grant.token.expose())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.server.url().base()))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path)
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn register(&self, name: &str) {
        let answer = self.post("/register", account(name)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }

    pub(crate) async fn sign_in(&self, name: &str) -> SessionGrant {
        let body = json!({"username": name, "password": "pw", "register": true,
                          "host": "0.0.0.0:7777"});
        let answer = self.post("/sessions", body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.unwrap()
    }

    pub(crate) async fn client(&self, name: &str) -> Value {
        self.get(&format!("/clients/{name}"))
            .await
            .json()
            .await
            .unwrap()
    }

    /// Waits until `name` is (or is not) online.
    pub(crate) async fn until_online(&self, name: &str, online: bool) {
        let begun = Instant::now();
        while self.client(name).await["online"] != online {
            assert!(
                begun.elapsed() < BOUND,
                "{name} did not become online={online}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(crate) fn account(name: &str) -> Value {
    json!({"username": name, "password": "pw", "host": "192.0.2.7:7777"})
}

/// Status and error word of an answer; the message must hold `part`.
pub(crate) async fn error(answer: Response, part: &str) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains(part), "{message:?} lacks {part:?}");
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

/// A client's side of heartbeats, one datagram at a time.
pub(crate) struct Heart {
    pub(crate) socket: tokio::net::UdpSocket,
    pub(crate) session: SessionId,
    pub(crate) key: HeartbeatKey,
    pub(crate) server_time: Timestamp,
}

impl Heart {
    pub(crate) async fn new(fixture: &Fixture, grant: &SessionGrant) -> Self {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(fixture.server.udp_address().port(), grant.heartbeat_port);
        socket.connect(fixture.server.udp_address()).await.unwrap();
        Self {
            socket,
            session: SessionId::from_hex(&grant.session_id).unwrap(),
            key: HeartbeatKey::from_text(grant.heartbeat_key.expose()).unwrap(),
            server_time: grant.server_time,
        }
    }

    pub(crate) fn datagram(&self, counter: u64) -> Vec<u8> {
        let alive = Alive {
            session: self.session,
            sent_at: self.server_time,
            counter,
        };
        alive.encode(&self.key).to_vec()
    }

    /// The next answer to any of our datagrams.
    pub(crate) async fn answer(&self) -> Seen {
        let mut buffer = [0; SEEN_LEN + 1];
        let length = tokio::time::timeout(BOUND, self.socket.recv(&mut buffer)).await;
        Seen::decode(&buffer[..length.unwrap().unwrap()], &self.key).unwrap()
    }
}
