//! Everything at once for a while: memory has to stay where it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twocan_e2e::bench::Row;
use twocan_e2e::bench::load::memory_kib;
use twocan_e2e::https::Client;
use twocan_e2e::pair::folder;
use twocan_e2e::registry::Registry;

use super::{beats, seed};

/// Users there from the start, who beat.
const USERS: usize = 1_000;
/// How much memory may grow from the first quarter to the end: what is counted
/// and remembered for a time (attempts, free lists) settles later than that.
const GROWTH_MAX: f64 = 1.10;

pub(crate) fn soak() -> Vec<Row> {
    let folder = folder();
    let (registry, token) = seed::full(folder.path(), USERS);
    let over = AtomicBool::new(false);
    let (early, late) = thread::scope(|scope| {
        for load in [come_and_go, look_up, connect, listen, misbehave, beat] {
            let (registry, token, over) = (&registry, &token, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    load(registry, token);
                }
            });
        }
        let begun = Instant::now();
        let whole = crate::length(crate::soak::SECONDS);
        let early = most_until(&registry, begun, whole / 4);
        let late = most_until(&registry, begun, whole);
        over.store(true, Ordering::Relaxed);
        (early, late)
    });
    assert!(
        late < early * GROWTH_MAX,
        "memory grew from {early} to {late} KiB"
    );
    vec![
        Row::new("memory at the end of the soak", late / 1024.0, "MiB")
            .beside("its first quarter", Some(early / 1024.0)),
    ]
}

/// The most memory from now until `part` of the time is over.
fn most_until(registry: &Registry, begun: Instant, part: Duration) -> f64 {
    let mut most = 0.0_f64;
    while begun.elapsed() < part {
        most = most.max(memory_kib(registry.pid()));
        thread::sleep(Duration::from_secs(1).min(part));
    }
    most
}

/// An account, its session, and the end of both.
fn come_and_go(registry: &Registry, _: &str) {
    let mut client = registry.client();
    let account = json!({"username": "guest-of-an-hour", "password": "correct horse battery",
                         "host": "192.0.2.7", "register": true});
    client.request("POST", "/sessions", &account);
    client.request("DELETE", "/clients/guest-of-an-hour", &account);
}

fn look_up(registry: &Registry, token: &str) {
    let mut client = registry.client();
    client.authorize(token);
    for number in 1..=500 {
        let path = format!("/clients/u{number}");
        assert_eq!(
            client.request("GET", &path, &Value::Null).status,
            200,
            "{path}"
        );
        if number % 50 == 0 {
            client.request("GET", "/clients?limit=1000", &Value::Null);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn connect(registry: &Registry, _: &str) {
    let held: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = registry.client();
            client.request("GET", "/healthz", &Value::Null);
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    drop(held);
}

/// Live channels that come, watch somebody, talk in the lobby without listening,
/// and go without a word.
fn listen(registry: &Registry, _: &str) {
    let held: Vec<Client> = (1..=50)
        .map(|number| {
            let mut client = registry.client();
            client.authorize(&seed::token(number));
            client.open_live();
            for ask in [
                json!({"type": "watch", "clients": [{"username": "u1"}]}),
                json!({"type": "lobby", "action": "join"}),
                json!({"type": "lobby", "action": "say", "text": "is anybody here?"}),
            ] {
                client.say_live(&ask);
            }
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    drop(held);
}

/// What is refused: wrong tokens, wrong bodies, unknown names and paths.
fn misbehave(registry: &Registry, _: &str) {
    let mut client = registry.client();
    client.authorize("not-a-token");
    for (method, path) in [
        ("GET", "/clients/u1"),
        ("GET", "/nothing"),
        ("PUT", "/clients"),
        ("POST", "/lookups"),
        ("GET", "/clients?limit=x"),
    ] {
        let answer = client.request(method, path, &json!({"x": "y"}));
        assert!((400..500).contains(&answer.status), "{method} {path}");
    }
    thread::sleep(Duration::from_millis(5));
}

fn beat(registry: &Registry, _: &str) {
    beats::good(registry, USERS);
    beats::forged(registry, USERS);
    thread::sleep(Duration::from_millis(500));
}
