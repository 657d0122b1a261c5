//! Messages between two real clients: by address, by name, both ways, with
//! the states that the sender sees.

use serde_json::{Value, json};
use twocan_e2e::headless::{Headless, Profile, text};
use twocan_e2e::pair::{Pair, folder};
use twocan_e2e::registry::Registry;

/// Sends a text and checks that it arrives, and that the sender sees it go
/// through its states in order.
fn say(from: &mut Headless, to: &mut Headless, what: &str) {
    let (from_id, to_id) = (from.peer_id().to_owned(), to.peer_id().to_owned());
    let sent = from.must("send", json!({"to": to_id, "text": what}));
    let id = text(&sent, "id").to_owned();
    let got = to.event("message", |event| event["id"] == id.as_str());
    assert_eq!(text(&got, "text"), what);
    state(from, &id, "delivered");
    to.must("mark_read", json!({"with": from_id, "upto": id}));
    state(from, &id, "read");
    let states: Vec<String> = from
        .seen("message_state")
        .iter()
        .filter(|event| event["id"] == id.as_str())
        .map(|event| text(event, "state").to_owned())
        .collect();
    let order = ["queued", "sent", "delivered", "read"];
    let ranks: Vec<_> = states
        .iter()
        .map(|state| order.iter().position(|known| known == state))
        .collect();
    assert!(
        ranks.is_sorted_by(|a, b| a < b) && ranks.iter().all(Option::is_some),
        "states out of order: {states:?}"
    );
}

fn state(client: &Headless, id: &str, wanted: &str) {
    client.event("message_state", |event| {
        event["id"] == id && event["state"] == wanted
    });
}

fn texts(history: &[Value]) -> Vec<&str> {
    history
        .iter()
        .map(|message| text(message, "text"))
        .collect()
}

/// A stranger connects to an address, is accepted, and both talk.
fn by_address(listen: &str, dial: impl Fn(&str) -> String) {
    let folder = folder();
    let mut bob_profile = Profile::new(folder.path(), "bob");
    bob_profile.listen = listen.to_owned();
    let mut bob = bob_profile.start();
    let mut alice = Profile::new(folder.path(), "alice").start();

    let port = bob.listen().rsplit(':').next().expect("a port").to_owned();
    let answer = alice.must("connect", json!({"to": dial(&port)}));
    assert_eq!(text(&answer, "peer_id"), bob.peer_id());

    let request = bob.event("request", |_| true);
    assert_eq!(text(&request, "peer_id"), alice.peer_id());
    assert_eq!(text(&request, "from"), "alice");
    bob.must("accept", json!({"request": request["request"]}));

    say(&mut alice, &mut bob, "can you hear me?");
    say(
        &mut bob,
        &mut alice,
        "yes: \u{e9}\u{4e2d}\u{1f642}\nand on a second line",
    );
    assert!(alice.quit().success());
    assert!(bob.quit().success());
}

#[test]
fn by_ipv4_address() {
    by_address("127.0.0.1:0", |port| format!("127.0.0.1:{port}"));
}

#[test]
fn by_ipv6_address() {
    by_address("[::1]:0", |port| format!("[::1]:{port}"));
}

#[test]
fn by_host_name() {
    by_address("127.0.0.1:0", |port| format!("localhost:{port}"));
}

#[test]
fn by_name_through_a_registry() {
    let folder = folder();
    let registry = Registry::start(&folder.path().join("registry"));
    let mut clients: Vec<Headless> = ["alice", "bob"]
        .into_iter()
        .map(|name| {
            let mut client =
                Profile::new(folder.path(), name).registry(registry.url()).accepting().start();
            let answer = client.must(
                "sign_in",
                json!({"registry": registry.url(), "username": name, "password": "correct horse", "register": true, "visibility": "listed"}),
            );
            assert_eq!((text(&answer, "username"), &answer["created"]), (name, &json!(true)));
            client.event("registry", |event| event["state"] == "signed_in");
            client
        })
        .collect();
    let mut bob = clients.pop().expect("two clients");
    let mut alice = clients.pop().expect("two clients");

    let listed = alice.must(
        "clients",
        json!({"registry": registry.url(), "prefix": "bo"}),
    );
    let names: Vec<&str> = listed["clients"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| text(row, "username"))
        .collect();
    assert_eq!(names, ["bob"]);

    alice.must(
        "contact_add",
        json!({"who": "bob", "note": "from the ferry"}),
    );
    let request = bob.event("request", |_| true);
    assert_eq!(text(&request, "note"), "from the ferry");
    say(&mut alice, &mut bob, "found you");
    say(&mut bob, &mut alice, "and I you");

    let refusal = alice
        .ask("contact_add", json!({"who": "nobody-of-this-name"}))
        .expect_err("an unknown name");
    assert_eq!(refusal.code, "not_found", "{refusal}");
}

#[test]
fn messages_wait_for_a_peer_that_is_away() {
    let folder = folder();
    let Pair {
        mut alice,
        bob,
        alice_profile: _,
        mut bob_profile,
    } = Pair::new(folder.path());
    let bob_id = bob.peer_id().to_owned();
    assert!(bob.quit().success());
    alice.event("presence", |event| event["online"] == false);

    let sent: Vec<String> = (0..5)
        .map(|n| {
            let answer = alice.must(
                "send",
                json!({"to": bob_id, "text": format!("while you were out {n}")}),
            );
            text(&answer, "id").to_owned()
        })
        .collect();
    let mut bob = bob_profile.start();
    for id in &sent {
        bob.event("message", |event| event["id"] == id.as_str());
        state(&alice, id, "delivered");
    }
    let history = bob.history_with(alice.peer_id());
    assert_eq!(
        texts(&history),
        (0..5)
            .map(|n| format!("while you were out {n}"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn one_client_id_sends_once() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = Pair::new(folder.path());
    let to = bob.peer_id().to_owned();
    let first = alice.must(
        "send",
        json!({"to": to, "text": "once", "client_id": "c-1"}),
    );
    let second = alice.must(
        "send",
        json!({"to": to, "text": "once", "client_id": "c-1"}),
    );
    assert_eq!(first["id"], second["id"]);
    say(&mut alice, &mut bob, "after it");
    let history = bob.history_with(alice.peer_id());
    assert_eq!(texts(&history), ["once", "after it"]);
}

#[test]
fn a_rejected_stranger_says_nothing() {
    let folder = folder();
    let mut bob = Profile::new(folder.path(), "bob").start();
    let mut alice = Profile::new(folder.path(), "alice").start();
    alice.must("connect", json!({"to": bob.listen()}));
    let request = bob.event("request", |_| true);
    // Before the answer: a message of a stranger is not shown.
    let bob_id = bob.peer_id().to_owned();
    drop(alice.ask("send", json!({"to": bob_id, "text": "unwanted"})));
    bob.must("reject", json!({"request": request["request"]}));
    let contacts = bob.must("contacts", Value::Null);
    assert_eq!(
        contacts["contacts"],
        json!([]),
        "a rejected stranger is no contact"
    );
    assert!(
        bob.seen("message").is_empty(),
        "a stranger's message was shown"
    );
}

#[test]
fn bad_requests_are_answered_and_change_nothing() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = Pair::new(folder.path());
    for (verb, fields, code) in [
        ("no_such_verb", json!({}), "bad_request"),
        ("send", json!({"to": "bob"}), "bad_request"),
        (
            "send",
            json!({"to": bob.peer_id(), "text": "x", "txet": "y"}),
            "bad_request",
        ),
        ("send", json!({"to": "nobody", "text": "x"}), "not_found"),
        ("connect", json!({"to": "127.0.0.1:1"}), "unreachable"),
        ("connect", json!({"to": "not an address"}), "bad_request"),
        ("call", json!({"to": "nobody"}), "not_found"),
        ("answer", json!({"call": "no-such-call"}), "not_found"),
    ] {
        let refusal = alice.ask(verb, fields.clone()).expect_err("a bad request");
        assert_eq!(refusal.code, code, "{verb} {fields}: {refusal}");
    }
    alice.post_line("this is not JSON");
    alice.null_answer("bad_request");
    say(&mut alice, &mut bob, "still here");
}

#[test]
fn one_profile_runs_once() {
    let folder = folder();
    let mut profile = Profile::new(folder.path(), "alice");
    let first = profile.start();
    let status = profile.second_start();
    assert_eq!(status.0, Some(1), "{}", status.1);
    assert_eq!(
        status.1.trim().lines().count(),
        1,
        "one line that says what to do: {}",
        status.1
    );
    assert!(first.terminate().success(), "SIGTERM ends it politely");
}
