//! Whoever proves a key and then says what she may not: nothing of it is heard.

use std::net::{Ipv4Addr, UdpSocket};

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio_rustls::TlsAcceptor;
use twocan_proto::body::file::{FileOffer, FileRef, FileSeen, FileState, Standing};
use twocan_proto::body::{
    CallRef, Candidate, Hangup, Presence, Profile, Resend, SessionDescription, Typing, Welcome,
};

use super::*;
use crate::api::{ContactChange, Trust};
use crate::discovery::{Announcement, Discovery, Heard, Plan, Reach};

/// One of each that only contacts may say.
fn for_contacts() -> Vec<Body> {
    let (id, at) = (Uuid::from_u128(7), Timestamp::from_millis(1));
    let described = || SessionDescription {
        call: id,
        sdp: "v=0\r\n".to_owned(),
        round: 0,
    };
    vec![
        Body::Entry(entry(1, at, "let me in".to_owned())),
        Body::Delivered(Upto { upto: 1 }),
        Body::Read(Upto { upto: 1 }),
        Body::Resend(Resend { from: 1 }),
        Body::Typing(Typing { on: true }),
        Body::Profile(Profile {
            name: "a friend".to_owned(),
            presence: Presence::Available,
            ..Profile::default()
        }),
        Body::FileOffer(FileOffer {
            transfer: id,
            name: "gift.exe".to_owned(),
            size: 1,
            files: 1,
            folder: false,
            at,
        }),
        Body::FileState(FileState {
            transfer: id,
            state: Standing::Accepted,
            text: String::new(),
            done: 0,
            blake3: None,
        }),
        Body::FileSeen(FileSeen {
            transfer: id,
            state: Standing::Offered,
        }),
        Body::FileWant(FileRef { transfer: id }),
        Body::Offer(described()),
        Body::Ringing(CallRef { call: id }),
        Body::Answer(described()),
        Body::Candidate(Candidate {
            call: id,
            candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host".to_owned(),
        }),
        Body::Hangup(Hangup {
            call: id,
            code: 200,
            text: String::new(),
        }),
    ]
}

/// What the user was told, without what is told of the program itself.
fn told(events: &mut Receiver<Event>) -> Vec<Event> {
    let mut told = Vec::new();
    loop {
        match events.try_recv() {
            Ok(Event::Listening(_)) => {}
            Ok(event) => told.push(event),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return told,
        }
    }
}

async fn nothing_of(engine: &Engine) {
    assert_eq!(engine.transfers().await.unwrap(), []);
    assert_eq!(engine.calls().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_contacts_is_not_heard_from_a_stranger() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut events, at) =
        host_that(folder.path(), |config| config.auto_accept = false).await;
    let mut stranger = Visitor::arrive(client(0), &at, Uuid::from_u128(1)).await;
    stranger.hear(|said| matches!(said, Said::Up(_))).await;
    // That we are her contact makes her none of ours.
    let welcome = Welcome {
        name: "a friend".to_owned(),
    };
    stranger.say(&Body::Welcome(welcome)).await;
    for body in for_contacts() {
        assert!(body.is_for_contacts(), "{body:?}");
        let kind = body.kind().bits();
        stranger.say(&body).await;
        let refused =
            stranger.hear(|said| matches!(said, Said::Body(Body::Error(no)) if no.kind == kind));
        let refused = timeout(PATIENCE, refused).await;
        assert!(refused.is_ok(), "taken: {body:?}");
    }
    let (name, note) = ("stranger".to_owned(), String::new());
    stranger.say(&Body::Knock(Knock { name, note })).await;
    let first = timeout(PATIENCE, async {
        loop {
            match events.recv().await.expect("the engine runs") {
                Event::Listening(_) => {}
                event => return event,
            }
        }
    });
    // Her request is the first that the user hears of her, and all.
    let first = first.await.expect("a request");
    assert!(matches!(first, Event::Request(_)), "{first:?}");
    assert_eq!(engine.contacts().await.unwrap(), []);
    nothing_of(&engine).await;
    let said = engine
        .history(identity(0).peer_id(), Page::Newest, 10)
        .await;
    assert_eq!(said.unwrap_or_default(), []);
    assert_eq!(told(&mut events), []);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_blocked_and_talks_at_once_is_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut events, at) = host(folder.path()).await;
    introduce(client(0), at.clone(), 0).await;
    let peer = identity(0).peer_id();
    let block = ContactChange {
        blocked: Some(true),
        ..ContactChange::default()
    };
    engine.contact_set(peer, block).await.unwrap();
    drop(told(&mut events));

    // She does not wait for an answer to her hello.
    let mut blocked = Visitor::arrive(client(0), &at, Uuid::from_u128(2)).await;
    blocked.flush().await;
    for body in for_contacts() {
        blocked.shout(&body).await;
    }
    let (name, note) = ("again".to_owned(), String::new());
    blocked.shout(&Body::Knock(Knock { name, note })).await;
    blocked
        .shout(&Body::Welcome(Welcome {
            name: "x".to_owned(),
        }))
        .await;
    let ended = timeout(PATIENCE, blocked.end()).await.expect("an end");
    assert!(
        ended.is_none_or(|why| why == ByeReason::Refused),
        "{ended:?}"
    );

    assert_eq!(engine.history(peer, Page::Newest, 10).await.unwrap(), []);
    nothing_of(&engine).await;
    let contacts = engine.contacts().await.unwrap();
    assert!(
        contacts
            .iter()
            .all(|contact| contact.blocked && !contact.online)
    );
    let told = told(&mut events);
    let heard = |event: &Event| !matches!(event, Event::Contact(_));
    assert!(!told.iter().any(heard), "{told:?}");
    engine.shutdown().await;
}

/// Whether the loopback interface takes multicast, by which people find each
/// other.
fn has_multicast() -> bool {
    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
    let heard = || -> std::io::Result<bool> {
        let ear = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        ear.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)?;
        ear.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mouth = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        mouth.send_to(b"?", (GROUP, ear.local_addr()?.port()))?;
        Ok(ear.recv(&mut [0; 1])? == 1)
    };
    heard().unwrap_or(false)
}

async fn until(events: &mut Receiver<Event>, what: &str, wanted: impl Fn(&Event) -> bool) {
    let found = async { while !wanted(&events.recv().await.expect("the engine runs")) {} };
    let found = timeout(PATIENCE, found).await;
    assert!(found.is_ok(), "never came: {what}");
}

/// When a claim is made to be somebody.
enum Claimed {
    WhileSheIsThere,
    WhenSheHadLeft,
}

/// Somebody in the local network claims to be a contact, and takes it back once
/// she is dialled: the key that she shows then is nobody's new key, and the user
/// is warned. Tests that run side by side hear each other, so that each claims
/// to be another one, the `n`th.
#[allow(clippy::print_stderr, reason = "a test that cannot be made says so")]
async fn claim_and_take_it_back(n: usize, claimed: Claimed) {
    if !has_multicast() {
        eprintln!("NOT TESTED: this machine's loopback interface takes no multicast");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let on_loopback = |config: &mut Config| config.lan = Lan::Interface("lo".to_owned());
    let (engine, mut events, at) = host_that(folder.path(), on_loopback).await;
    let peer = identity(n).peer_id();
    let mut contact = Some(introduce(client(n), at, n).await);
    if let Claimed::WhenSheHadLeft = claimed {
        contact = None;
        until(
            &mut events,
            "her leaving",
            |event| matches!(event, Event::Contact(contact) if !contact.online),
        )
        .await;
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let claim = Announcement {
        me: peer,
        port: listener.local_addr().unwrap().port(),
        name: None,
    };
    let plan = Plan {
        reach: Reach::Interface("lo".to_owned(), Some(Ipv4Addr::LOCALHOST.into())),
        announce: Some(claim),
    };
    let mut claims = Discovery::start::<Heard>(plan, mpsc::channel(64).0).unwrap();
    let heard = |event: &Event| matches!(event, Event::Nearby(nearby) if nearby.peer_id == peer);
    until(&mut events, "the claim", heard).await;
    drop(contact);
    let (stream, _) = timeout(PATIENCE, listener.accept())
        .await
        .expect("to be dialled")
        .unwrap();
    claims.announce(None).unwrap();
    let gone = |event: &Event| *event == Event::NearbyGone(peer);
    until(&mut events, "the end of the claim", gone).await;
    let other = LinkTls::new(&identity(n + 1)).unwrap().server;
    // The other side ends it as soon as it knows the key.
    let _shown = TlsAcceptor::from(other).accept(stream).await;
    until(&mut events, "a warning", |event| {
        matches!(event, Event::Notice { text, .. } if text.contains("somebody else answers"))
    })
    .await;
    let contact = engine.contacts().await.unwrap().remove(0);
    assert_eq!((contact.trust, contact.new_key), (Trust::Known, None));
    assert!(
        !told(&mut events)
            .iter()
            .any(|event| matches!(event, Event::KeyChanged { .. }))
    );
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_taken_back_changes_no_key() {
    claim_and_take_it_back(10, Claimed::WhenSheHadLeft).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_to_be_one_who_is_there_is_warned_of_once_she_left() {
    claim_and_take_it_back(20, Claimed::WhileSheIsThere).await;
}
