//! Engines in this process, over real sockets on loopback.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use twocan_peer::Engine;
use twocan_peer::api::{CallState, Config, Contact, Draft, Event, Lan, Page, Relation};
use twocan_peer::vault::Protection;
use twocan_proto::identity::PeerId;
use twocan_voice::{InputSpec, OutputSpec};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One engine with its events, and the folder of its profile.
pub(crate) struct Side {
    pub(crate) engine: Engine,
    pub(crate) events: Receiver<Event>,
    pub(crate) id: PeerId,
    pub(crate) address: String,
    pub(crate) folder: Option<tempfile::TempDir>,
}

pub(crate) fn config(folder: &std::path::Path, name: &str) -> Config {
    Config {
        data: folder.to_owned(),
        protection: Protection::None,
        listen: Some("127.0.0.1:0".parse().unwrap()),
        name: Some(name.to_owned()),
        registries: Vec::new(),
        audio_in: Some(InputSpec::Tone(440.0)),
        audio_out: Some(OutputSpec::Null),
        auto_accept: false,
        auto_answer: false,
        echo: false,
        tones: false,
        lan: Lan::Auto,
    }
}

impl Side {
    pub(crate) async fn start(config: Config, folder: Option<tempfile::TempDir>) -> Self {
        let (engine, events) = Engine::start(config).await.unwrap();
        let me = engine.whoami().await.unwrap();
        let address = me.listen[0].to_string();
        Self {
            engine,
            events,
            id: me.peer_id,
            address,
            folder,
        }
    }

    pub(crate) async fn new(name: &str) -> Self {
        Self::with(name, |_| {}).await
    }

    pub(crate) async fn with(name: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), name);
        change(&mut config);
        Self::start(config, Some(folder)).await
    }

    /// The first event that `wanted` takes something from.
    pub(crate) async fn wait<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Event) -> Option<T>,
    ) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the engine runs");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found)
            .await
            .unwrap_or_else(|_| panic!("never came: {what}"))
    }

    pub(crate) async fn call_state(&mut self, state: CallState) -> Option<u16> {
        self.wait(&format!("{state:?}"), |event| match event {
            Event::Call(call) if call.state == state => Some(call.code),
            _ => None,
        })
        .await
    }

    pub(crate) async fn friend(&mut self, wanted: impl Fn(&Contact) -> bool) {
        self.wait("contact", |event| match event {
            Event::Contact(contact) if wanted(contact) => Some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn say(&self, to: PeerId, text: &str) -> uuid::Uuid {
        self.engine
            .send(
                to,
                Draft {
                    text: text.into(),
                    ..Draft::default()
                },
            )
            .await
            .unwrap()
    }

    pub(crate) async fn texts(&self, with: PeerId) -> Vec<String> {
        let page = self.engine.history(with, Page::Newest, 100).await.unwrap();
        page.into_iter().map(|m| m.text).collect()
    }
}

/// Two who know each other and are linked.
pub(crate) async fn friends() -> (Side, Side) {
    friends_with(|_| {}).await
}

/// The same, started in another way.
pub(crate) async fn friends_with(change: impl Fn(&mut Config)) -> (Side, Side) {
    let mut a = Side::with("anna", &change).await;
    let mut b = Side::with("bert", |config| {
        change(config);
        config.auto_accept = true;
    })
    .await;
    let connected = a.engine.connect(&b.address).await.unwrap();
    assert_eq!(connected.peer_id, b.id);
    a.friend(|contact| contact.relation == Relation::Mutual)
        .await;
    b.friend(|contact| contact.relation == Relation::Mutual && contact.online)
        .await;
    (a, b)
}
