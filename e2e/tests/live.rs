//! The live channel from a client's side: presence that is pushed, strangers who
//! knock, notices, and the lobby, through a restart of the registry.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use twocan_e2e::headless::{Headless, Profile, Refusal, text};
use twocan_e2e::pair::folder;
use twocan_e2e::process::Must;
use twocan_e2e::registry::Registry;

/// Far less than contacts are looked up without a live channel.
const PUSHED: Duration = Duration::from_secs(8);

fn sign_up(client: &mut Headless, registry: &Registry, username: &str) {
    client.must(
        "sign_in",
        json!({"registry": registry.url(), "username": username,
            "password": "correct horse battery", "register": true}),
    );
}

/// A registry, and two who are signed in there.
fn two(folder: &Path) -> (Registry, Headless, Headless) {
    let registry = Registry::start(&folder.join("registry"));
    let mut alice = Profile::new(folder, "alice").start();
    let mut bob = Profile::new(folder, "bob").start();
    sign_up(&mut alice, &registry, "alice");
    sign_up(&mut bob, &registry, "bob");
    (registry, alice, bob)
}

/// Comes into the lobby, once the channel has opened beside the sign-in.
fn join(client: &mut Headless, registry: &Registry) -> Result<Value, Refusal> {
    for _ in 0..100 {
        let ask = json!({"registry": registry.url(), "action": "join"});
        match client.ask("lobby", ask) {
            Err(refused) if refused.code == "offline" => {
                std::thread::sleep(Duration::from_millis(50));
            }
            answer => return answer,
        }
    }
    panic!("the live channel does not open")
}

#[test]
fn presence_is_pushed() {
    let folder = folder();
    let (registry, mut alice, mut bob) = two(folder.path());
    alice.must("contact_add", json!({"who": "bob"}));
    let is_bob = |event: &Value, online: bool| {
        event["contact"] == bob.peer_id() && event["online"] == online
    };
    alice.event("presence", |event| is_bob(event, true));
    // He does not accept, so the registry alone tells of him.
    let peer = bob.peer_id().to_owned();
    bob.must("sign_out", json!({"registry": registry.url()}));
    alice.event_within(PUSHED, "presence", |event| {
        event["contact"] == peer.as_str() && event["online"] == false
    });
    sign_up(&mut bob, &registry, "bob");
    alice.event_within(PUSHED, "presence", |event| {
        event["contact"] == peer.as_str() && event["online"] == true
    });
}

#[test]
fn the_lobby_is_heard_by_all_who_are_in_it() {
    let folder = folder();
    let (registry, mut alice, mut bob) = two(folder.path());
    let url = registry.url().to_owned();
    let ask = |action: &str| json!({"registry": url, "action": action});
    let say = |text: &str| json!({"registry": url, "action": "say", "text": text});
    join(&mut alice, &registry).must("come in");
    let there = join(&mut bob, &registry).must("come in");
    let names: Vec<&str> = there["users"].as_array().map_or_else(Vec::new, |users| {
        users.iter().map(|user| text(user, "username")).collect()
    });
    assert_eq!(names, ["alice", "bob"]);
    let lobby =
        |event: &Value, kind: &str, user: &str| event["kind"] == kind && event["user"] == user;
    alice.event("lobby", |event| lobby(event, "joined", "bob"));
    bob.must("lobby", say("hello \u{202e}all"));
    let heard = alice.event("lobby", |event| lobby(event, "said", "bob"));
    assert_eq!(text(&heard, "text"), "hello all");
    bob.must("lobby", ask("typing"));
    alice.event("lobby", |event| lobby(event, "typing", "bob"));
    bob.must("lobby", ask("leave"));
    alice.event("lobby", |event| lobby(event, "left", "bob"));
    assert!(bob.ask("lobby", say("still there?")).is_err());

    // A registry that stops says so; the client comes back by itself.
    let registry = registry.restart();
    let of = |event: &Value, state: &str| event["registry"] == url && event["state"] == state;
    alice.event("registry", |event| of(event, "shutting_down"));
    alice.event("registry", |event| of(event, "signed_in"));
    drop(registry);
}

#[test]
fn a_stranger_from_a_registry_knocks_and_is_shown() {
    let folder = folder();
    let (_registry, mut alice, mut bob) = two(folder.path());
    alice.must(
        "contact_add",
        json!({"who": "bob", "note": "from the choir"}),
    );
    let request = bob.event("request", |_| true);
    assert_eq!(
        (
            text(&request, "peer_id"),
            text(&request, "from"),
            text(&request, "note")
        ),
        (alice.peer_id(), "alice", "from the choir")
    );
    let waiting = bob.must("requests", json!({}));
    assert_eq!(
        waiting["requests"].as_array().map(Vec::len),
        Some(1),
        "{waiting}"
    );
    assert!(
        bob.seen("presence").is_empty() && bob.seen("message").is_empty(),
        "a stranger is no contact"
    );
    bob.must("accept", json!({"request": request["request"]}));
    bob.event("presence", |event| {
        event["contact"] == alice.peer_id() && event["online"] == true
    });
    alice.must("send", json!({"to": "bob", "text": "thank you"}));
    bob.event("message", |event| event["text"] == "thank you");
}

#[test]
fn who_is_too_old_is_told_so_while_signed_in_and_at_the_next_sign_in() {
    let folder = folder();
    let (registry, mut alice, mut bob) = two(folder.path());
    for client in [&mut alice, &mut bob] {
        join(client, &registry).must("have a live channel");
    }
    registry.reload("min_client = '99.1.0'\n");
    for client in [&alice, &bob] {
        // In the words for the notice, not for a request that is refused.
        let told = client.event("registry", |event| {
            event["state"] == "outdated" && text(event, "reason").starts_with("it takes twocan")
        });
        assert_eq!(text(&told, "registry"), registry.url());
        assert!(text(&told, "reason").contains("99.1.0"), "{told}");
    }
    let again = json!({"registry": registry.url(), "username": "bob",
                       "password": "correct horse battery"});
    let refused = bob.ask("sign_in", again).err().must("be refused");
    assert_eq!(refused.code, "outdated", "{refused}");
    assert!(refused.message.contains("99.1.0"), "{refused}");
}

#[test]
fn a_registry_without_a_lobby_says_so() {
    let folder = folder();
    let (registry, mut alice, mut bob) = two(folder.path());
    join(&mut alice, &registry).must("come in");
    registry.reload("lobby = false\n");
    alice.event("lobby", |event| {
        event["kind"] == "left" && event["user"] == "alice"
    });
    let refused = join(&mut bob, &registry).err().must("be refused");
    assert_eq!(refused.code, "refused", "{refused}");
    assert!(refused.message.contains("has no lobby"), "{refused}");
}
