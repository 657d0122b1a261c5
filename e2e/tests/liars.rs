//! A registry that lies about where somebody is, or that she knocks: the
//! address that it names belongs to somebody else, who learns nothing by it.

use std::time::Duration;

use serde_json::{Value, json};
use twocan_e2e::headless::{Headless, Profile, text};
use twocan_e2e::pair::folder;
use twocan_e2e::process::wait_until;
use twocan_e2e::registry::Registry;
use twocan_e2e::wire::Wire;

const PASSWORD: &str = "correct horse battery";
/// For an attempt to reach whom the registry named.
const TRIED: Duration = Duration::from_secs(20);

#[test]
fn a_registry_that_names_another_address_leads_to_nobody() {
    let folder = folder();
    let registry = Registry::start(&folder.path().join("registry"));
    let mut mallory = Profile::new(folder.path(), "mallory").accepting().start();
    let bob = Profile::new(folder.path(), "bob").start();
    let line = Wire::to(mallory.listen());
    let account = json!({"username": "bob", "password": PASSWORD,
                         "host": line.address(), "key": bob.peer_id()});
    let answer = registry.client().request("POST", "/register", &account);
    assert_eq!(answer.status, 201, "{}", answer.json());

    let mut alice = Profile::new(folder.path(), "alice").start();
    alice.must(
        "sign_in",
        json!({"registry": registry.url(), "username": "alice", "password": PASSWORD,
               "register": true}),
    );
    // Whether it is refused or waits for him: it does not go to another.
    drop(alice.ask(
        "contact_add",
        json!({"who": "bob", "note": "for bob alone"}),
    ));
    wait_until("the wrong address is tried", TRIED, || line.carried() > 0);
    drop(alice.ask(
        "send",
        json!({"to": bob.peer_id(), "text": "for bob alone"}),
    ));
    knows_nobody(&mut mallory);
    assert_eq!(linked(&mut alice), Vec::<String>::new());
}

/// An account whose owner lies stands for a registry that does.
#[test]
fn a_knock_in_the_name_of_a_contact_leads_to_nobody() {
    let folder = folder();
    let registry = Registry::start(&folder.path().join("registry"));
    let mut mallory = Profile::new(folder.path(), "mallory").accepting().start();
    let bob = Profile::new(folder.path(), "bob").accepting().start();
    let key = bob.peer_id().to_owned();
    let account = json!({"username": "bob", "password": PASSWORD, "register": true,
                         "host": bob.listen(), "key": key});
    let mut client = registry.client();
    let answer = client.request("POST", "/sessions", &account);
    assert_eq!(answer.status, 201, "{}", answer.json());
    client.authorize(text(&answer.json(), "token"));

    let mut alice = Profile::new(folder.path(), "alice").start();
    alice.must(
        "sign_in",
        json!({"registry": registry.url(), "username": "alice", "password": PASSWORD,
               "register": true}),
    );
    alice.must("contact_add", json!({"who": "bob", "note": ""}));
    let link = |event: &Value| event["contact"] == key && !event["path"].is_null();
    alice.event("presence", link);
    assert!(bob.quit().success());
    alice.event("presence", |event| {
        event["contact"] == key && event["path"].is_null()
    });

    let line = Wire::to(mallory.listen());
    let elsewhere = json!({"host": line.address(), "key": key});
    let answer = client.request("PUT", "/sessions/current", &elsewhere);
    assert_eq!(answer.status, 200, "{}", answer.json());
    client.open_live();
    client.say_live(&json!({"type": "knock", "username": "alice"}));
    assert_eq!(client.hear_live("knocked")["delivered"], true);
    wait_until("the place of the knock is tried", TRIED, || {
        line.carried() > 0
    });
    alice.must("send", json!({"to": key, "text": "for bob alone"}));
    knows_nobody(&mut mallory);
    assert_eq!(linked(&mut alice), Vec::<String>::new());
}

/// Who is there for her to see is told in the answer to what comes after.
fn knows_nobody(mallory: &mut Headless) {
    for verb in ["contacts", "requests"] {
        let answer = mallory.must(verb, json!({}));
        assert_eq!(answer[verb], json!([]), "{answer}");
    }
    assert!(mallory.seen("message").is_empty() && mallory.seen("request").is_empty());
}

/// The contacts to whom there is a link.
fn linked(of: &mut Headless) -> Vec<String> {
    let answer = of.must("contacts", json!({}));
    let there = answer["contacts"].as_array().into_iter().flatten();
    there
        .filter(|contact| !contact["path"].is_null())
        .map(|contact| text(contact, "alias").to_owned())
        .collect()
}
