//! A registry that lies about where somebody is: the address that it names
//! belongs to somebody else, who learns nothing by it.

use std::time::Duration;

use serde_json::json;
use twocan_e2e::headless::Profile;
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
    // Who is there for her to see is told in the answer to what comes after.
    for verb in ["contacts", "requests"] {
        let answer = mallory.must(verb, json!({}));
        assert_eq!(answer[verb], json!([]), "{answer}");
    }
    assert!(mallory.seen("message").is_empty() && mallory.seen("request").is_empty());
    let contacts = alice.must("contacts", json!({}));
    let online = contacts["contacts"]
        .as_array()
        .is_some_and(|all| all.iter().any(|contact| contact["online"] == true));
    assert!(!online, "{contacts}");
}
