//! Bare links against a whole engine: sessions over TLS, each with a key of
//! its own and nothing behind it. A thousand fit into one process, and one
//! may say what no honest program says.

mod hostile;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use twocan_proto::body::{Body, ByeReason, Content, Entry, Hello, Knock, Resume, Upto};
use twocan_proto::frame::FrameDecoder;
use twocan_proto::identity::Identity;
use twocan_proto::session::{Event as Said, Session};
use twocan_proto::time::Timestamp;
use twocan_voice::{InputSpec, OutputSpec};
use uuid::Uuid;

use super::tls::{LinkTls, server_name};
use crate::Engine;
use crate::api::{Config, Draft, Event, Lan, Page};
use crate::vault::Protection;

const CROWD: usize = 1_000;
/// For all of them together, each way.
const PATIENCE: Duration = Duration::from_secs(60);
/// The engine answers within this, whatever happens. Both ends of a thousand
/// handshakes share two cores with it.
const ANSWER: Duration = Duration::from_secs(1);
/// What a linked contact may cost, both ends together and TLS included.
const BYTES_EACH: u64 = 256 * 1024;

/// One of the crowd: a link with nothing behind it.
struct Visitor {
    stream: TlsStream<TcpStream>,
    session: Session,
    decoder: FrameDecoder,
}

impl Visitor {
    async fn arrive(tls: Arc<ClientConfig>, at: &str, instance: Uuid) -> Self {
        let tcp = TcpStream::connect(at).await.unwrap();
        let stream = TlsConnector::from(tls)
            .connect(server_name(), tcp)
            .await
            .unwrap();
        let hello = Hello {
            client: "twocan/test".into(),
            capabilities: Vec::new(),
            instance,
            port: None,
            welcome: true,
            invisible: false,
            moved: false,
            resume: Resume::default(),
        };
        Self {
            stream,
            session: Session::new(hello, Instant::now()).unwrap(),
            decoder: FrameDecoder::default(),
        }
    }

    async fn flush(&mut self) {
        let mut out = BytesMut::new();
        while let Some(frame) = self.session.poll_frame() {
            frame.encode(&mut out).unwrap();
        }
        self.stream.write_all(&out).await.unwrap();
    }

    async fn say(&mut self, body: &Body) {
        self.session.send(body).unwrap();
        self.flush().await;
    }

    /// Says something whether or not the session would.
    async fn shout(&mut self, body: &Body) {
        let mut out = BytesMut::new();
        body.to_frame().unwrap().encode(&mut out).unwrap();
        // Who is not wanted here may find the door shut.
        drop(self.stream.write_all(&out).await);
    }

    /// Listens until the link is over; gives the reason, if one was said.
    async fn end(&mut self) -> Option<ByeReason> {
        loop {
            self.decoder.buffer().reserve(4 * 1024);
            match self.stream.read_buf(self.decoder.buffer()).await {
                Ok(read) if read > 0 => {}
                _ => return None,
            }
            while let Some(frame) = self.decoder.next_frame().unwrap() {
                self.session.on_frame(&frame, Instant::now());
            }
            while let Some(said) = self.session.poll_event() {
                if let Said::Ended(ended) = said {
                    return Some(ended.reason);
                }
            }
        }
    }

    /// Lives until the other side says what `wanted` is looking for.
    async fn hear(&mut self, wanted: impl Fn(&Said) -> bool) {
        loop {
            self.flush().await;
            while let Some(said) = self.session.poll_event() {
                if let Said::Ended(ended) = &said {
                    panic!("the link ended: {ended:?}");
                }
                if wanted(&said) {
                    return;
                }
            }
            self.decoder.buffer().reserve(4 * 1024);
            let read = self.stream.read_buf(self.decoder.buffer()).await.unwrap();
            assert!(read > 0, "the link was closed");
            while let Some(frame) = self.decoder.next_frame().unwrap() {
                self.session.on_frame(&frame, Instant::now());
            }
        }
    }
}

/// Becomes a contact, who is there until what is returned is dropped.
async fn introduce(tls: Arc<ClientConfig>, at: String, n: usize) -> Visitor {
    let mut visitor = Visitor::arrive(tls, &at, Uuid::from_u128(n as u128)).await;
    visitor.hear(|said| matches!(said, Said::Up(_))).await;
    let (name, note) = (format!("visitor {n}"), String::new());
    visitor.say(&Body::Knock(Knock { name, note })).await;
    visitor
        .hear(|said| matches!(said, Said::Body(Body::Welcome(_))))
        .await;
    visitor
}

fn entry(seq: u64, sent_at: Timestamp, text: String) -> Entry {
    Entry {
        id: Uuid::now_v7(),
        seq,
        after: None,
        sent_at,
        content: Content::Text {
            text,
            reply_to: None,
            call: None,
        },
    }
}

/// Comes back, says one thing, hears that it has arrived, and stays.
async fn return_and_say(tls: Arc<ClientConfig>, at: String, n: usize) -> Visitor {
    let instance = Uuid::from_u128((CROWD + n) as u128);
    let mut visitor = Visitor::arrive(tls, &at, instance).await;
    visitor.hear(|said| matches!(said, Said::Up(_))).await;
    let text = format!("visitor {n} is here");
    let said = entry(1, Timestamp::from_millis(0), text);
    visitor.say(&Body::Entry(said)).await;
    visitor
        .hear(|said| matches!(said, Said::Body(Body::Delivered(Upto { upto: 1 }))))
        .await;
    visitor
}

/// Asks the engine again and again; gives the longest wait for an answer.
async fn slowest_answer(engine: Engine, mut over: watch::Receiver<bool>) -> Duration {
    let mut slowest = Duration::ZERO;
    while !*over.borrow_and_update() {
        let asked = Instant::now();
        engine.whoami().await.unwrap();
        slowest = slowest.max(asked.elapsed());
        tokio::task::yield_now().await;
        // Often, and not all the time.
        let _over = timeout(Duration::from_millis(5), over.changed()).await;
    }
    slowest
}

/// Bytes of memory that this process has now, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// An engine that takes whoever knocks, and where it listens.
async fn host(folder: &Path) -> (Engine, Receiver<Event>, String) {
    host_that(folder, |_| {}).await
}

/// The same, with something about it changed.
async fn host_that(
    folder: &Path,
    change: impl FnOnce(&mut Config),
) -> (Engine, Receiver<Event>, String) {
    let mut config = Config {
        data: folder.to_owned(),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        name: Some("host".to_owned()),
        registries: Vec::new(),
        audio_in: Some(InputSpec::Silence),
        audio_out: Some(OutputSpec::Null),
        auto_accept: true,
        auto_answer: false,
        echo: false,
        tones: false,
        lan: Lan::Off,
        protection: Protection::None,
    };
    change(&mut config);
    let (engine, events) = Engine::start(config).await.unwrap();
    let at = engine.whoami().await.unwrap().listen[0].to_string();
    (engine, events, at)
}

fn identity(n: usize) -> Identity {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(n as u64).to_le_bytes());
    Identity::from_seed(&seed)
}

fn client(n: usize) -> Arc<ClientConfig> {
    LinkTls::new(&identity(n)).unwrap().client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_contacts_come_online_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut events, at) = host(folder.path()).await;
    let crowd: Vec<Arc<ClientConfig>> = (0..CROWD).map(client).collect();

    // Strangers come a few at a time: of more, the oldest would be sent away.
    let door = Arc::new(Semaphore::new(16));
    let mut met = JoinSet::new();
    for (n, tls) in crowd.iter().cloned().enumerate() {
        let (door, at) = (Arc::clone(&door), at.clone());
        met.spawn(async move {
            let _place = door.acquire().await.unwrap();
            introduce(tls, at, n).await;
        });
    }
    timeout(PATIENCE, met.join_all())
        .await
        .expect("all to be contacts");
    assert_eq!(engine.contacts().await.unwrap().len(), CROWD);

    let before = memory();
    let (over, watched) = watch::channel(false);
    let asking = tokio::spawn(slowest_answer(engine.clone(), watched));
    let begun = Instant::now();
    let mut arriving = JoinSet::new();
    for (n, tls) in crowd.iter().cloned().enumerate() {
        arriving.spawn(return_and_say(tls, at.clone(), n));
    }
    let mut heard = HashSet::new();
    let hearing = async {
        while heard.len() < CROWD {
            if let Some(Event::Message(message)) = events.recv().await {
                assert!(heard.insert(message.text), "a message came twice");
            }
        }
    };
    timeout(PATIENCE, hearing).await.expect("all to be heard");
    let visitors = timeout(PATIENCE, arriving.join_all())
        .await
        .expect("all to hear that they were heard");
    let took = begun.elapsed();
    over.send(true).unwrap();
    let slowest = asking.await.unwrap();
    let contacts = engine.contacts().await.unwrap();
    assert!(
        contacts.iter().all(|contact| contact.online),
        "all are here"
    );
    assert!(
        slowest < ANSWER,
        "an answer took {slowest:?}, all came within {took:?}"
    );
    if let (Some(before), Some(after)) = (before, memory()) {
        let each = after.saturating_sub(before) / CROWD as u64;
        assert!(each < BYTES_EACH, "{each} bytes for each of them");
    }
    drop(visitors);
    engine.shutdown().await;
}

/// The peer's clock jumps between the ends of time: messages stand where they
/// came, and what is said of the contact goes by our own clock.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_a_peer_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut events, at) = host(folder.path()).await;
    introduce(client(0), at.clone(), 0).await;
    let begun = crate::clock::now();
    let mut visitor = Visitor::arrive(client(0), &at, Uuid::from_u128(1)).await;
    visitor.hear(|said| matches!(said, Said::Up(_))).await;
    let peer = identity(0).peer_id();
    let jumps = [0, i64::MAX, i64::MIN, begun.as_millis(), -1, i64::MAX];
    let mut said = Vec::new();
    for (seq, jump) in (1..).zip(jumps) {
        let theirs = format!("theirs at {jump}");
        let body = Body::Entry(entry(seq, Timestamp::from_millis(jump), theirs.clone()));
        visitor.say(&body).await;
        visitor
            .hear(
                |heard| matches!(heard, Said::Body(Body::Delivered(Upto { upto })) if *upto == seq),
            )
            .await;
        let ours = Draft {
            text: format!("ours after {theirs}"),
            ..Draft::default()
        };
        said.extend([theirs, ours.text.clone()]);
        engine.send(peer, ours).await.unwrap();
    }
    let stored = engine.history(peer, Page::Newest, 100).await.unwrap();
    let texts: Vec<String> = stored.iter().map(|message| message.text.clone()).collect();
    assert_eq!(texts, said);
    let contact = engine.contacts().await.unwrap().remove(0);
    for seen in [contact.last_message_at, contact.last_seen] {
        let seen = seen.expect("something was seen");
        assert!((begun..=crate::clock::now()).contains(&seen), "{seen}");
    }
    // Told in the order of coming as well.
    let mut told = Vec::new();
    while told.len() < said.len() {
        let event = timeout(PATIENCE, events.recv()).await.expect("an event");
        if let Some(Event::Message(message)) = event {
            told.push(message.text);
        }
    }
    assert_eq!(told, said);
    drop(visitor);
    engine.shutdown().await;
}
