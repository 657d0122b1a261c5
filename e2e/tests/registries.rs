//! Several registries at once, and accounts there, from a client's side.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twocan_e2e::headless::{Headless, PATIENCE, Profile, text};
use twocan_e2e::pair::folder;
use twocan_e2e::process::{Must, wait_until};
use twocan_e2e::registry::Registry;

const PASSWORD: &str = "correct horse battery";
/// Far less than a request to a registry that hangs would take.
const PROMPT: Duration = Duration::from_secs(6);

fn sign_up(client: &mut Headless, registry: &str, username: &str) {
    client.must(
        "sign_in",
        json!({"registry": registry, "username": username, "password": PASSWORD, "register": true}),
    );
}

/// Takes connections at `address` and never says a word.
fn hanging(address: &str) {
    let listener = TcpListener::bind(address).must("listen where a registry was");
    std::thread::spawn(move || {
        let held: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect();
        drop(held);
    });
}

fn contact(client: &mut Headless, alias: &str) -> Value {
    let all = client.must("contacts", json!({}));
    let all = all["contacts"].as_array().must("read the contacts");
    let found = all.iter().find(|contact| contact["alias"] == alias);
    found.must("find the contact").clone()
}

fn says(contact: &Value, address: &str) -> Value {
    let seen = contact["seen_at"].as_array().must("read what is said");
    let of = |said: &&Value| text(said, "registry").contains(address);
    seen.iter()
        .find(of)
        .map_or(Value::Null, |said| said["online"].clone())
}

#[test]
fn a_registry_that_hangs_holds_nothing_up_and_presence_is_merged() {
    let folder = folder();
    let start =
        |name: &str| Registry::start_with(&folder.path().join(name), &[("heartbeat_ms", "500")]);
    let (one, two, dead) = (start("one"), start("two"), start("dead"));
    let mut profile = Profile::new(folder.path(), "alice");
    let mut alice = profile.start();
    let mut bob = Profile::new(folder.path(), "bob").accepting().start();
    for registry in [&one, &two] {
        sign_up(&mut bob, registry.url(), "bob");
    }
    for registry in [&dead, &one, &two] {
        sign_up(&mut alice, registry.url(), "alice");
    }
    assert!(alice.quit().success());
    let silent = dead.address().to_owned();
    assert!(dead.stop().success());
    hanging(&silent);

    let begun = Instant::now();
    let mut alice = profile.start();
    let signed_in = |registry: &str| {
        let of = |event: &Value| event["registry"] == registry && event["state"] == "signed_in";
        alice.event("registry", of);
    };
    signed_in(one.url());
    signed_in(two.url());
    let listed = alice.must("clients", json!({"prefix": "bo"}));
    let rows = listed["clients"].as_array().must("read the list");
    let at: Vec<&str> = rows.iter().map(|row| text(row, "registry")).collect();
    assert!(
        at.contains(&one.url()) && at.contains(&two.url()),
        "{listed}"
    );
    let missing = listed["silent"].as_array().must("read who is silent");
    assert_eq!(missing.len(), 1, "{listed}");
    assert!(text(&missing[0], "registry").contains(&silent), "{listed}");
    let named = format!("bob@{}", two.address());
    alice.must("contact_add", json!({"who": "bob"}));
    alice.must("contact_add", json!({"who": named}));
    let took = begun.elapsed();
    assert!(took < PROMPT, "one that hangs held the others up: {took:?}");

    // Both say that Bob is there; when one is gone, the other still says so.
    let until = Instant::now() + PATIENCE;
    let both = |contact: &Value| {
        says(contact, one.address()) == true && says(contact, two.address()) == true
    };
    while !both(&contact(&mut alice, "bob")) {
        assert!(Instant::now() < until, "{}", contact(&mut alice, "bob"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let gone = one.address().to_owned();
    assert!(one.stop().success());
    while says(&contact(&mut alice, "bob"), &gone) != Value::Null {
        assert!(Instant::now() < until, "{}", contact(&mut alice, "bob"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let bob_now = contact(&mut alice, "bob");
    assert_eq!(
        (&bob_now["online"], says(&bob_now, two.address())),
        (&json!(true), json!(true))
    );
    assert!(alice.quit().success());
}

#[test]
fn an_account_is_hidden_changed_and_deleted() {
    let folder = folder();
    let registry = Registry::start_with(&folder.path().join("registry"), &[("guests", "true")]);
    let url = registry.url();
    let mut alice = Profile::new(folder.path(), "alice").start();
    let mut bob = Profile::new(folder.path(), "bob").start();
    sign_up(&mut alice, url, "alice");
    bob.must(
        "sign_in",
        json!({"registry": url, "username": "bob", "password": PASSWORD, "register": true,
            "visibility": "contacts", "email": "bob@example.org"}),
    );
    let refused = alice
        .ask("contact_add", json!({"who": "bob"}))
        .err()
        .must("be told no");
    assert_eq!(refused.code, "not_found", "{refused}");
    let link = bob.must("whoami", json!({}))["link"].clone();
    let added = alice.must("contact_add", json!({"who": link}));
    assert_eq!(text(&added, "contact"), bob.peer_id());
    alice.event("presence", |event| {
        event["contact"] == bob.peer_id() && event["online"] == true
    });

    let account = |action: &str, more: Value| {
        let mut fields = json!({"registry": url, "action": action});
        for (name, value) in more.as_object().into_iter().flatten() {
            fields[name] = value.clone();
        }
        fields
    };
    let shown = bob.must("account", account("show", Value::Null));
    assert_eq!(
        (
            text(&shown, "visibility"),
            text(&shown, "email"),
            text(&shown, "role")
        ),
        ("contacts", "bob@example.org", "user")
    );
    let changed = bob.must(
        "account",
        account("change_visibility", json!({"visibility": "listed"})),
    );
    assert_eq!(text(&changed, "visibility"), "listed");
    let card = json!({"status": "here", "fields": [{"name": "web", "value": "example.org", "public": true}]});
    let changed = bob.must("account", account("change_profile", card));
    assert_eq!(text(&changed["profile"], "status"), "here");
    let email = json!({"password": PASSWORD, "email": null});
    assert_eq!(
        bob.must("account", account("change_email", email))["email"],
        Value::Null
    );
    let wrong = json!({"password": "no", "new_password": "another one"});
    let refused = bob
        .ask("account", account("change_password", wrong))
        .err()
        .must("be told no");
    assert_eq!(refused.code, "unauthorized", "{refused}");
    let right = json!({"password": PASSWORD, "new_password": "another one"});
    bob.must("account", account("change_password", right));
    bob.must("account", account("show", Value::Null));
    let refused = bob
        .ask("account", account("show", json!({"password": PASSWORD})))
        .err()
        .must("be told no");
    assert_eq!(
        refused.code, "bad_request",
        "a field of another action: {refused}"
    );
    bob.must(
        "account",
        account("delete", json!({"password": "another one"})),
    );
    let refused = bob
        .ask("account", account("show", Value::Null))
        .err()
        .must("be told no");
    assert_eq!(refused.code, "not_found", "{refused}");
    let clients = alice.must("clients", json!({"prefix": "bob"}));
    assert_eq!(clients["clients"], json!([]));

    bob.must(
        "sign_in",
        json!({"registry": url, "username": "visitor", "guest": true}),
    );
    let clients = alice.must("clients", json!({"prefix": "visi"}));
    assert_eq!(clients["clients"][0]["guest"], true, "{clients}");
    bob.must("sign_out", json!({"registry": url}));
    // Bob does not wait for the registry to hear of it.
    wait_until("a guest who leaves is gone", PATIENCE, || {
        alice.must("clients", json!({"prefix": "visi"}))["clients"] == json!([])
    });
}

/// Takes messages as an HTTP gateway for codes does; gives their bodies.
fn gateway() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").must("listen");
    let url = format!("http://{}/", listener.local_addr().must("know where"));
    let (sender, bodies) = sync_channel(4);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_ascii_lowercase();
                if let Some(told) = lower.strip_prefix("content-length:") {
                    length = told.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            drop(reader.get_mut().write_all(answer.as_bytes()));
            let body = String::from_utf8_lossy(&body).into_owned();
            if sender.send(body).is_err() {
                return;
            }
        }
    });
    (url, bodies)
}

#[test]
fn a_code_that_a_registry_wants_is_said_so_and_taken() {
    let folder = folder();
    let (gateway_url, bodies) = gateway();
    let settings = [
        ("registration_code", "gateway"),
        ("gateway_url", &gateway_url),
    ];
    let registry = Registry::start_with(&folder.path().join("registry"), &settings);
    let mut alice = Profile::new(folder.path(), "alice").start();
    let mut fields = json!({"registry": registry.url(), "username": "alice", "password": PASSWORD,
        "register": true, "phone": "+44 20 7946 0018"});
    let refused = alice
        .ask("sign_in", fields.clone())
        .err()
        .must("be asked for a code");
    assert_eq!(
        (refused.code.as_str(), refused.needs.as_str()),
        ("refused", "code"),
        "{refused}"
    );
    let body = bodies.recv_timeout(PATIENCE).must("get the message");
    let digits: Vec<&str> = body.split(|c: char| !c.is_ascii_digit()).collect();
    let code = digits.iter().find(|run| run.len() == 6).must("find a code");
    fields["code"] = json!(code);
    assert_eq!(alice.must("sign_in", fields)["created"], true);
}
