//! Calls on machines that move: an address is taken away and another given, an
//! interface goes down and up, the chat link is cut, the other side dies.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twocan_e2e::headless::{Headless, Profile, text};
use twocan_e2e::netns::{Networks, Side};
use twocan_e2e::pair::{Pair, connect, folder};
use twocan_e2e::process::wait_until;
use twocan_e2e::wire::{Cut, Weather, Wire};

/// Within which a call has to be as it was.
const BACK: Duration = Duration::from_secs(20);

/// Two clients on two machines, in a call.
struct Scene {
    networks: Networks,
    alice: Headless,
    bob: Headless,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// `None`, and a line that says so, where there can be no such machines.
    fn new() -> Option<Self> {
        let networks = match Networks::new() {
            Ok(networks) => networks,
            Err(why) => {
                eprintln!("skipped: no network namespaces here ({why})");
                return None;
            }
        };
        let folder = folder();
        let client = |name: &str, side: Side| {
            let mut profile = Profile::new(folder.path(), name)
                .sound("tone:440", "null")
                .accepting()
                .answering();
            profile.under = networks.on(side);
            profile.listen = format!("{}:7777", side.address());
            profile
        };
        let mut alice_profile = client("alice", Side::Alice);
        // Her address will be another one.
        "0.0.0.0:7777".clone_into(&mut alice_profile.listen);
        let mut alice = alice_profile.start();
        let bob = client("bob", Side::Bob).start();
        connect(&mut alice, &bob);
        alice.must("call", json!({"to": bob.peer_id()}));
        alice.call_state("connected");
        bob.call_state("connected");
        let scene = Self {
            networks,
            alice,
            bob,
            _folder: folder,
        };
        scene.both_hear("in the first network");
        Some(scene)
    }

    /// Both hear the other now: a whole second of what either says.
    fn both_hear(&self, when: &str) {
        let begun = Instant::now();
        for (name, client) in [("alice", &self.alice), ("bob", &self.bob)] {
            let before = client.seen("call_stats").len();
            wait_until(&format!("{name} hears the other {when}"), BACK, || {
                client.seen("call_stats")[before..].iter().any(hears)
            });
        }
        eprintln!("both hear {when} after {:?}", begun.elapsed());
    }

    fn over(client: &Headless) -> bool {
        let events = client.seen("call");
        events.iter().any(|event| event["state"] == "ended")
    }

    fn check_still_one_call(&self) {
        assert!(!Self::over(&self.alice), "{}", self.alice.report());
        assert!(!Self::over(&self.bob), "{}", self.bob.report());
    }
}

/// Nearly a second of sound came in a second.
fn hears(stats: &Value) -> bool {
    stats["received_kbps"]
        .as_f64()
        .is_some_and(|rate| rate > 5.0)
        && stats["level_out_db"]
            .as_f64()
            .is_some_and(|level| level > -40.0)
}

#[test]
fn an_address_is_taken_away_and_another_given() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    scene.networks.lose(Side::Alice, 2).unwrap();
    scene.networks.take(Side::Alice, 12).unwrap();
    scene.both_hear("at another address");
    scene.check_still_one_call();
    // And both can say it as well.
    let bob = scene.bob.peer_id().to_owned();
    let sent = scene
        .alice
        .must("send", json!({"to": bob, "text": "still there"}));
    scene
        .bob
        .event("message", |message| message["id"] == sent["id"]);
}

#[test]
fn the_called_side_moves_and_has_been_nowhere_for_a_while() {
    let Some(scene) = Scene::new() else { return };
    scene.networks.lose(Side::Bob, 2).unwrap();
    scene.alice.call_state("reconnecting");
    scene.bob.call_state("reconnecting");
    scene.networks.take(Side::Bob, 12).unwrap();
    scene.both_hear("at another address of bob's");
    scene.alice.call_state("connected");
    scene.bob.call_state("connected");
    scene.check_still_one_call();
}

#[test]
fn an_interface_goes_down_for_three_seconds() {
    let Some(scene) = Scene::new() else { return };
    scene.networks.set_up(Side::Alice, false).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    scene.networks.set_up(Side::Alice, true).unwrap();
    scene.both_hear("after three seconds of nothing");
    scene.check_still_one_call();
}

#[test]
fn a_machine_that_vanishes_ends_the_call() {
    let Some(scene) = Scene::new() else { return };
    scene.networks.lose(Side::Bob, 2).unwrap();
    let begun = Instant::now();
    scene.alice.call_state("reconnecting");
    let noticed = begun.elapsed();
    let end = scene
        .alice
        .event_within(Duration::from_secs(40), "call", |event| {
            event["state"] == "ended"
        });
    eprintln!(
        "noticed after {noticed:?}, ended after {:?}",
        begun.elapsed()
    );
    assert!(noticed < Duration::from_secs(6), "{noticed:?}");
    assert_eq!(end["code"], 480, "{end}");
}

/// Two clients on this machine, in a call, with a line between them for
/// everything but the sound.
fn over_a_wire() -> (tempfile::TempDir, Wire, Headless, Headless, Value) {
    let folder = folder();
    let client = |name: &str| {
        Profile::new(folder.path(), name)
            .sound("tone:440", "null")
            .accepting()
            .answering()
    };
    let bob = client("bob").start();
    let mut alice = client("alice").start();
    let wire = Wire::to(bob.listen());
    alice.must("connect", json!({"to": wire.address()}));
    alice.event("presence", |event| event["online"] == true);
    bob.event("presence", |event| event["online"] == true);
    let call = alice.must("call", json!({"to": bob.peer_id()}))["call"].clone();
    alice.call_state("connected");
    bob.call_state("connected");
    (folder, wire, alice, bob, call)
}

#[test]
fn a_call_goes_on_without_its_chat_link() {
    let (_folder, wire, mut alice, mut bob, call) = over_a_wire();
    wire.set(Weather::HALF_OPEN);
    wire.cut(Cut::Rst);
    for client in [&alice, &bob] {
        let before = client.seen("call_stats").len();
        wait_until("three more seconds are heard", BACK, || {
            client.seen("call_stats")[before..]
                .iter()
                .filter(|stats| hears(stats))
                .count()
                >= 3
        });
        let states = client.seen("call");
        assert!(states.iter().all(|event| event["state"] != "reconnecting"));
    }
    // With the link back, what is said goes its way again.
    wire.set(Weather::Clear);
    let sent = bob.must("send", json!({"to": alice.peer_id(), "text": "and now"}));
    alice.event("message", |message| message["id"] == sent["id"]);
    alice.must("hangup", json!({"call": call}));
    assert_eq!(bob.call_state("ended")["code"], 200);
}

#[test]
fn a_hang_up_without_a_link_is_noticed_at_once() {
    let (_folder, wire, mut alice, bob, call) = over_a_wire();
    wire.set(Weather::HALF_OPEN);
    wire.cut(Cut::Rst);
    alice.event("presence", |event| event["online"] == false);
    bob.event("presence", |event| event["online"] == false);
    let begun = Instant::now();
    alice.must("hangup", json!({"call": call}));
    let end = bob.call_state("ended");
    eprintln!("noticed after {:?}", begun.elapsed());
    assert_eq!(text(&end, "reason"), "call ended");
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_side_that_is_killed_is_gone_within_seconds() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = Pair::new(folder.path());
    alice.must("call", json!({"to": bob.peer_id()}));
    let incoming = bob.call_state("incoming");
    bob.must("answer", json!({"call": incoming["call"]}));
    alice.call_state("connected");
    alice.event("call_stats", |stats| {
        stats["received_packets"].as_u64() > Some(0)
    });
    let begun = Instant::now();
    bob.kill9();
    let end = alice.call_state("ended");
    eprintln!("ended after {:?}", begun.elapsed());
    assert_eq!(end["code"], 480, "{end}");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}
