//! Contacts, profiles, changed keys and requests, between real engines and a
//! real registry.
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot go on without has failed it"
)]

#[path = "people/nearby.rs"]
mod nearby;
mod support;

use support::{Side, config, friends};
use twocan_peer::api::{
    Contact, ContactChange, Draft, ErrorCode, Event, KeyDecision, MessageState, Presence, Profile,
    Relation, SignIn, Trust,
};
use twocan_proto::identity::PeerId;
use twocan_registry::Server;

impl Side {
    /// The next contact event of `peer` that is `wanted`.
    async fn shows(&mut self, peer: PeerId, what: &str, wanted: impl Fn(&Contact) -> bool) {
        self.wait(what, |event| match event {
            Event::Contact(contact) if contact.peer_id == peer && wanted(contact) => Some(()),
            _ => None,
        })
        .await;
    }

    async fn notice(&mut self, part: &str) {
        self.wait(part, |event| match event {
            Event::Notice { text, .. } if text.contains(part) => Some(()),
            _ => None,
        })
        .await;
    }

    async fn key_change(&mut self) -> (PeerId, PeerId) {
        self.wait("a key change", |event| match event {
            Event::KeyChanged { old, new, .. } => Some((*old, *new)),
            _ => None,
        })
        .await
    }

    async fn delivered(&mut self, message: uuid::Uuid) {
        self.wait("delivered", |event| match event {
            Event::MessageState {
                id,
                state: MessageState::Delivered,
                ..
            } if *id == message => Some(()),
            _ => None,
        })
        .await;
    }

    async fn contact(&self, peer: PeerId) -> Contact {
        let all = self.engine.contacts().await.unwrap();
        all.into_iter().find(|c| c.peer_id == peer).unwrap()
    }

    async fn sign_in(&self, server: &Server, username: &str) {
        let sign_in = SignIn {
            register: true,
            ..SignIn::new(server.url().clone(), username, "pw")
        };
        self.engine.sign_in(sign_in).await.unwrap();
    }

    async fn refusal(&self, to: PeerId) -> ErrorCode {
        let draft = Draft {
            text: "x".into(),
            ..Draft::default()
        };
        self.engine.send(to, draft).await.unwrap_err().code
    }
}

async fn registry(folder: &std::path::Path) -> Server {
    let typed = twocan_registry::config::Typed {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        data: Some(folder.to_owned()),
        bcrypt_cost: Some(4),
        heartbeat_ms: Some(200),
        ..Default::default()
    };
    Server::start(typed.resolve().unwrap()).await.unwrap()
}

fn profile(name: &str, presence: Presence) -> Profile {
    Profile {
        name: name.into(),
        status: "at \u{1b}[1msea".into(),
        presence,
        fields: [("mail".to_owned(), "a@b.org".to_owned())].into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_learn_a_profile_and_strangers_get_nothing() {
    let (a, mut b) = friends().await;
    let stranger = Side::new("carl").await;
    stranger.engine.contact_add(&a.address, "").await.unwrap();
    a.engine
        .set_profile(profile("anna berg", Presence::Away))
        .await
        .unwrap();
    b.shows(a.id, "the profile", |anna| anna.status == "at [1msea")
        .await;
    let anna = b.contact(a.id).await;
    assert_eq!(
        (anna.name.as_str(), anna.alias.as_str()),
        ("anna berg", "anna")
    );
    assert_eq!(anna.presence, Some(Presence::Away));
    assert_eq!(anna.fields["mail"], "a@b.org");
    let seen = stranger.contact(a.id).await;
    assert_eq!((seen.name.as_str(), seen.status.as_str()), ("", ""));
    assert_eq!((seen.presence, seen.fields.len()), (None, 0));

    // Kept over a restart of both, and told anew.
    let folder = b.folder.take().unwrap();
    b.engine.shutdown().await;
    let mut b = Side::start(config(folder.path(), "bert"), Some(folder)).await;
    assert_eq!(b.contact(a.id).await.status, "at [1msea");
    b.shows(a.id, "presence", |anna| {
        anna.presence == Some(Presence::Away)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invisible_shows_as_offline_and_messages_still_come() {
    let (mut a, mut b) = friends().await;
    a.engine
        .set_profile(profile("anna", Presence::Invisible))
        .await
        .unwrap();
    b.shows(a.id, "offline", |anna| !anna.online && anna.path.is_none())
        .await;
    let message = b.say(a.id, "are you there?").await;
    b.delivered(message).await;
    // A new link begins hidden: not for a moment is she online.
    let folder = a.folder.take().unwrap();
    a.engine.shutdown().await;
    let a = Side::start(config(folder.path(), "anna"), Some(folder)).await;
    let message = b.say(a.id, "and now?").await;
    let was_online = b.wait("delivered", |event| match event {
        Event::Contact(contact) if contact.online => Some(true),
        Event::MessageState {
            id,
            state: MessageState::Delivered,
            ..
        } if *id == message => Some(false),
        _ => None,
    });
    assert!(!was_online.await, "she was shown as online");
    a.engine
        .set_profile(profile("anna", Presence::Available))
        .await
        .unwrap();
    b.shows(a.id, "online", |anna| anna.online).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_favourites_and_silence_are_kept() {
    let (mut a, b) = friends().await;
    let change = ContactChange {
        group: Some("climbing".into()),
        favourite: Some(true),
        muted: Some(true),
        ..ContactChange::default()
    };
    a.engine.contact_set(b.id, change).await.unwrap();
    let folder = a.folder.take().unwrap();
    a.engine.shutdown().await;
    let a = Side::start(config(folder.path(), "anna"), Some(folder)).await;
    let bert = a.contact(b.id).await;
    assert_eq!(
        (bert.group.as_str(), bert.favourite, bert.muted),
        ("climbing", true, true)
    );
    let group = |group: &str| ContactChange {
        group: Some(group.into()),
        ..ContactChange::default()
    };
    let refused = a.engine.contact_set(b.id, group(&"x".repeat(65))).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::BadRequest);
    assert_eq!(
        a.engine.contact_set(b.id, group("")).await.unwrap().group,
        ""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_contact_leaves_the_conversation_whose_numbers_go_on() {
    let (mut a, mut b) = friends().await;
    let first = a.say(b.id, "one").await;
    a.delivered(first).await;
    a.engine.contact_remove(b.id).await.unwrap();
    assert_eq!(a.refusal(b.id).await, ErrorCode::NotFound);
    assert_eq!(a.texts(b.id).await, ["one"]);
    // Bert does not know, asks again, and is taken back.
    let request = a
        .wait("request", |event| match event {
            Event::Request(request) => Some(request.request),
            _ => None,
        })
        .await;
    a.engine.accept(request).await.unwrap();
    let second = a.say(b.id, "two").await;
    a.delivered(second).await;
    b.wait("two", |event| {
        matches!(event, Event::Message(m) if m.id == second).then_some(())
    })
    .await;
    assert_eq!(b.texts(a.id).await, ["one", "two"]);
    assert_eq!(a.texts(b.id).await, ["one", "two"]);
}

/// Anna and Bert know each other by a registry; Bert's account has another
/// key now, and "waits" is in Anna's outbox.
struct Changed {
    a: Side,
    old: PeerId,
    old_folder: tempfile::TempDir,
    new: Side,
    server: Server,
    _data: tempfile::TempDir,
}

async fn changed_at_registry() -> Changed {
    let data = tempfile::tempdir().unwrap();
    let server = registry(data.path()).await;
    let mut a = Side::new("anna").await;
    let mut b = Side::with("bert", |config| config.auto_accept = true).await;
    a.sign_in(&server, "anna").await;
    b.sign_in(&server, "bert").await;
    let bert = a.engine.contact_add("bert", "").await.unwrap();
    assert_eq!((bert.peer_id, bert.trust), (b.id, Trust::Known));
    a.shows(b.id, "friends", |bert| bert.relation == Relation::Mutual)
        .await;
    let had = a.say(b.id, "had").await;
    a.delivered(had).await;
    let old_folder = b.folder.take().unwrap();
    b.engine.shutdown().await;
    a.say(b.id, "waits").await;
    let new = Side::with("bert", |config| config.auto_accept = true).await;
    new.sign_in(&server, "bert").await;
    let refused = a.engine.contact_add("bert", "").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::KeyChanged);
    assert_eq!(a.key_change().await, (b.id, new.id));
    let bert = a.contact(b.id).await;
    assert_eq!((bert.trust, bert.new_key), (Trust::Changed, Some(new.id)));
    assert!(!bert.online && bert.path.is_none());
    assert_eq!(a.refusal(b.id).await, ErrorCode::KeyChanged);
    assert_eq!(
        a.engine.call(b.id).await.unwrap_err().code,
        ErrorCode::KeyChanged
    );
    Changed {
        a,
        old: b.id,
        old_folder,
        new,
        server,
        _data: data,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_known_key_is_kept_and_the_new_one_goes_on_being_refused() {
    let Changed {
        mut a,
        old,
        old_folder,
        new,
        server,
        _data,
    } = changed_at_registry().await;
    let bert = a.engine.decide_key(old, KeyDecision::Keep).await.unwrap();
    assert_eq!(
        (bert.peer_id, bert.trust, bert.new_key),
        (old, Trust::Known, None)
    );
    // Shown again, it is refused without a word, and it is nobody's presence.
    let again = a.engine.contact_add("bert", "").await.unwrap_err();
    assert_eq!(again.code, ErrorCode::KeyChanged);
    let bert = a.contact(old).await;
    assert_eq!((bert.trust, bert.online), (Trust::Known, false));
    assert_eq!(
        a.engine
            .decide_key(old, KeyDecision::Keep)
            .await
            .unwrap_err()
            .code,
        ErrorCode::NotFound
    );
    assert_eq!(new.texts(a.id).await, Vec::<String>::new());
    // The true Bert gets what waited.
    let mut back = Side::start(config(old_folder.path(), "bert"), Some(old_folder)).await;
    back.wait("waits", |event| {
        matches!(event, Event::Message(m) if m.text == "waits").then_some(())
    })
    .await;
    assert_eq!(back.texts(a.id).await, ["had", "waits"]);
    a.shows(old, "online", |bert| bert.online).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_key_is_accepted_and_gets_what_waited_and_no_more() {
    let Changed {
        mut a,
        old,
        mut new,
        server,
        ..
    } = changed_at_registry().await;
    // Without the decision nothing goes there, even though she asks.
    let asked = new.engine.contact_add("anna", "my new key").await.unwrap();
    assert_eq!(asked.relation, Relation::Asked);
    a.wait("request", |event| {
        matches!(event, Event::Request(r) if r.peer_id == new.id).then_some(())
    })
    .await;
    assert_eq!(new.texts(a.id).await, Vec::<String>::new());

    let bert = a.engine.decide_key(old, KeyDecision::Accept).await.unwrap();
    assert_eq!(
        (bert.peer_id, bert.trust, bert.new_key),
        (new.id, Trust::Known, None)
    );
    assert_eq!((bert.alias.as_str(), bert.waiting), ("bert", 1));
    a.wait("gone", |event| {
        matches!(event, Event::ContactRemoved(peer) if *peer == old).then_some(())
    })
    .await;
    new.wait("waits", |event| {
        matches!(event, Event::Message(m) if m.text == "waits").then_some(())
    })
    .await;
    assert_eq!(new.texts(a.id).await, ["waits"]);
    assert_eq!(a.texts(new.id).await, ["had", "waits"]);
    assert_eq!(a.engine.contacts().await.unwrap().len(), 1);
    assert_eq!(a.engine.requests().await.unwrap(), []);
    let answer = new.say(a.id, "it is me").await;
    new.delivered(answer).await;
    assert_eq!(a.texts(new.id).await, ["had", "waits", "it is me"]);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_at_the_address_of_somebody_without_a_name_is_a_change() {
    let (mut a, b) = friends().await;
    a.engine
        .contact_set(
            b.id,
            ContactChange {
                verified: Some(true),
                ..Default::default()
            },
        )
        .await
        .unwrap();
    let at = b.address.parse().unwrap();
    b.engine.shutdown().await;
    let other = Side::with("bert", |config| config.listen = Some(at)).await;
    a.say(b.id, "for the old key").await;
    assert_eq!(a.key_change().await, (b.id, other.id));
    assert_eq!(a.refusal(b.id).await, ErrorCode::KeyChanged);
    assert_eq!(other.engine.requests().await.unwrap(), []);
    // Comparing the known key is a way to keep it.
    let verified = ContactChange {
        verified: Some(true),
        ..Default::default()
    };
    let bert = a.engine.contact_set(b.id, verified).await.unwrap();
    assert_eq!((bert.trust, bert.new_key), (Trust::Verified, None));
    assert_eq!(bert.waiting, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn comings_and_goings_are_told_in_words() {
    let (mut a, mut b) = friends().await;
    let folder = b.folder.take().unwrap();
    b.engine.shutdown().await;
    a.notice("bert went offline: the program there is shutting down")
        .await;
    let mut b = Side::start(config(folder.path(), "bert"), Some(folder)).await;
    a.notice("bert came online").await;
    b.notice("anna came online").await;
    let block = ContactChange {
        blocked: Some(true),
        ..Default::default()
    };
    a.engine.contact_set(b.id, block).await.unwrap();
    b.notice("you may be blocked there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_asks_again_and_again_rings_once() {
    let stranger = Side::new("carl").await;
    let mut b = Side::new("bert").await;
    for _ in 0..6 {
        stranger.engine.connect(&b.address).await.unwrap();
    }
    stranger
        .engine
        .contact_add(&b.address, "please")
        .await
        .unwrap();
    let last = Side::new("last").await;
    last.engine.connect(&b.address).await.unwrap();
    let mut rings = Vec::new();
    while rings.last() != Some(&last.id) {
        rings.push(
            b.wait("request", |event| match event {
                Event::Request(request) => Some(request.peer_id),
                _ => None,
            })
            .await,
        );
    }
    assert_eq!(rings.iter().filter(|id| **id == stranger.id).count(), 1);
    assert_eq!(b.engine.requests().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_see_the_same_safety_words() {
    let (a, b) = friends().await;
    let ours = a.engine.safety(b.id).await.unwrap();
    assert_eq!(ours, b.engine.safety(a.id).await.unwrap());
    assert_eq!(ours.words.len(), 16);
    assert_eq!(
        a.engine.safety(a.id).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}
