//! The registry under load, on one core with the load on another, beside nginx
//! that serves the same bytes from files over TLS.

mod beats;
mod seed;
mod soak;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twocan_e2e::bench::load::{self, SERVER_CORE, cpu_seconds, memory_kib, pin, wrk};
use twocan_e2e::bench::{Nginx, Row, median, quantile};
use twocan_e2e::https::Client;
use twocan_e2e::pair::folder;
use twocan_e2e::process::Must;
use twocan_e2e::registry::Registry;

pub(super) use soak::soak;

/// Users of the registry that look-ups go to.
const USERS: usize = 10_000;
/// Users of the registry whose list is read.
const LISTED: usize = 100_000;
/// Users of the registry whose start is timed.
const MANY: usize = 1_000_000;
/// Turns of ours and theirs, so that what else runs meets both.
const TURNS: usize = 3;
/// Connections held at once.
const IDLE: usize = 5_000;
/// New connections that are timed.
const NEW: usize = 2_000;
/// Look-ups a second while registrations run, and for how long.
const PACE: u64 = 200;
const PACED: Duration = Duration::from_secs(6);

pub(super) fn speed() -> Vec<Row> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    pin(std::process::id(), load::load_core());
    let mut rows = under_load();
    rows.push(channels());
    rows.extend(listed());
    rows.extend(start());
    let all = format!("0-{}", cores - 1);
    let own = std::process::id().to_string();
    drop(
        std::process::Command::new("taskset")
            .args(["-a", "-c", "-p", &all, &own])
            .output(),
    );
    rows
}

fn under_load() -> Vec<Row> {
    let folder = folder();
    let (registry, token) = seed::full(&folder.path().join("registry"), USERS);
    pin(registry.pid(), SERVER_CORE);
    let nginx = beside(folder.path(), &registry, &token);
    let mut rows = look_ups(folder.path(), &registry, &token, nginx.as_ref());
    rows.extend(new_connections(&registry, nginx.as_ref()));
    rows.extend(storm(&registry, &token));
    let good = beats::good(&registry, USERS);
    let forged = beats::forged(&registry, USERS);
    rows.push(Row::new(
        "heartbeats a core-second",
        good.per_cpu_second,
        "/s",
    ));
    rows.push(Row::new("a heartbeat, processor time", good.cpu_us, "us"));
    rows.push(
        Row::new("a forged heartbeat, processor time", forged.cpu_us, "us")
            .beside("a good one", Some(good.cpu_us)),
    );
    rows.extend(idle(&registry, &token, nginx.as_ref()));
    rows
}

/// nginx with each user's answer in a file.
fn beside(folder: &Path, registry: &Registry, token: &str) -> Option<Nginx> {
    let mut client = registry.client();
    client.authorize(token);
    let answer = client.request("GET", "/clients/u1", &Value::Null).body;
    let nginx = Nginx::start(&folder.join("nginx"), &answer)?;
    let clients = nginx.files().join("clients");
    std::fs::create_dir_all(&clients).must("make a folder");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    for number in 1..=USERS {
        let name = format!("u{number}");
        let body = answer.replace("\"u1\"", &format!("\"{name}\""));
        std::fs::write(clients.join(&name), body).must("write an answer");
    }
    pin(nginx.pid(), SERVER_CORE);
    Some(nginx)
}

fn bare(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

fn look_ups(folder: &Path, registry: &Registry, token: &str, nginx: Option<&Nginx>) -> Vec<Row> {
    let script = folder.join("look-ups.lua");
    load::write_look_ups(&script, USERS, token);
    let script = script.display().to_string();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let url = bare(registry.url());
        let Some(requests) = wrk(url, registry.pid(), 16, &["-s", &script]) else {
            return vec![Row::new("look-ups with 16 connections", 0.0, "/s").beside("wrk", None)];
        };
        ours.push(requests);
        if let Some(nginx) = nginx {
            theirs.extend(wrk(bare(nginx.url()), nginx.pid(), 16, &["-s", &script]));
        }
    }
    let middle = |of: &[load::Requests], value: fn(&load::Requests) -> f64| {
        let mut values: Vec<f64> = of.iter().map(value).collect();
        (!values.is_empty()).then(|| median(&mut values))
    };
    let files = "nginx, files";
    let rate: fn(&load::Requests) -> f64 = |requests| requests.rate;
    let cpu: fn(&load::Requests) -> f64 = |requests| requests.cpu_us;
    vec![
        Row::new(
            "look-ups, 16 kept connections",
            middle(&ours, rate).unwrap_or(0.0),
            "/s",
        )
        .beside(files, middle(&theirs, rate)),
        Row::new(
            "a look-up, processor time",
            middle(&ours, cpu).unwrap_or(0.0),
            "us",
        )
        .beside(files, middle(&theirs, cpu)),
    ]
}

/// Connections with a full handshake, one request each.
fn new_connections(registry: &Registry, nginx: Option<&Nginx>) -> Vec<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(connection_us(registry.url(), registry.pid(), "/healthz"));
        if let Some(nginx) = nginx {
            theirs.push(connection_us(nginx.url(), nginx.pid(), "/answer.json"));
        }
    }
    let theirs = nginx.map(|_| median(&mut theirs));
    vec![Row::of("a new connection, processor time", &mut ours, "us").beside("nginx", theirs)]
}

fn connection_us(url: &str, pid: u32, path: &str) -> f64 {
    let before = cpu_seconds(pid);
    for _ in 0..NEW {
        let answer = Client::connect(url).request("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "a new connection got no answer");
    }
    (cpu_seconds(pid) - before) / NEW as f64 * 1e6
}

/// Look-ups while the pool for passwords has all that it takes, and without, by
/// turns.
fn storm(registry: &Registry, token: &str) -> Vec<Row> {
    let (mut quiet, mut busy, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..TURNS {
        quiet.push(quantile(&mut paced_us(registry, token), 0.99));
        let (mut times, rate) = stormed_us(registry, token, turn);
        busy.push(quantile(&mut times, 0.99));
        rates.push(rate);
    }
    vec![
        Row::of("registrations meanwhile", &mut rates, "/s"),
        Row::of("look-up p99 while they run", &mut busy, "us")
            .beside("without", Some(median(&mut quiet))),
    ]
}

/// Times of look-ups while eight clients register, and how many a second were.
fn stormed_us(registry: &Registry, token: &str, turn: usize) -> (Vec<f64>, f64) {
    let (over, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let busy = thread::scope(|scope| {
        for thread in 0..8 {
            let (over, made) = (&over, &made);
            scope.spawn(move || {
                let mut client = registry.client();
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let account = json!({"username": format!("storm-{turn}-{thread}-{number}"),
                                         "password": "correct horse battery", "host": "192.0.2.7"});
                    if client.request("POST", "/register", &account).status == 201 {
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let busy = paced_us(registry, token);
        over.store(true, Ordering::Relaxed);
        busy
    });
    let made = made.load(Ordering::Relaxed) as f64 / PACED.as_secs_f64();
    (busy, made)
}

/// Times of look-ups that are due at fixed moments, from these moments on.
fn paced_us(registry: &Registry, token: &str) -> Vec<f64> {
    let mut client = registry.client();
    client.authorize(token);
    let begun = Instant::now();
    let due = (0..).map(|number| begun + Duration::from_micros(number * 1_000_000 / PACE));
    let due = due.take_while(|due| *due < begun + PACED);
    due.map(|due| {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let status = client.request("GET", "/clients/u77", &Value::Null).status;
        assert_eq!(status, 200, "a look-up failed");
        due.elapsed().as_secs_f64() * 1e6
    })
    .collect()
}

/// Memory of the server for each connection that has asked once and is quiet.
fn idle(registry: &Registry, token: &str, nginx: Option<&Nginx>) -> Vec<Row> {
    let ours = idle_kib(registry.url(), registry.pid(), "/clients/u1", Some(token));
    let theirs = nginx.map(|nginx| idle_kib(nginx.url(), nginx.pid(), "/answer.json", None));
    vec![
        Row::new(
            &format!("memory of each of {IDLE} quiet connections"),
            ours,
            "KiB",
        )
        .beside("nginx", theirs),
    ]
}

fn idle_kib(url: &str, pid: u32, path: &str, token: Option<&str>) -> f64 {
    let before = memory_kib(pid);
    let mut held = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        let mut client = Client::connect(url);
        if let Some(token) = token {
            client.authorize(token);
        }
        assert_eq!(
            client.request("GET", path, &Value::Null).status,
            200,
            "no answer"
        );
        held.push(client);
    }
    let each = (memory_kib(pid) - before) / IDLE as f64;
    for client in held.iter_mut().step_by(IDLE / 10) {
        assert_eq!(
            client.request("GET", path, &Value::Null).status,
            200,
            "not held"
        );
    }
    each
}

/// Memory of a fresh server for each live channel on which nothing is said.
fn channels() -> Row {
    let folder = folder();
    let (registry, _) = seed::full(folder.path(), IDLE);
    pin(registry.pid(), SERVER_CORE);
    let before = memory_kib(registry.pid());
    let held: Vec<Client> = (1..=IDLE)
        .map(|number| {
            let mut client = Client::connect(registry.url());
            client.authorize(&seed::token(number));
            let hello = client.open_live();
            assert_eq!(hello["username"], format!("u{number}"));
            client
        })
        .collect();
    let each = (memory_kib(registry.pid()) - before) / held.len() as f64;
    assert_eq!(beats::count(&registry, "live_channels") as usize, IDLE);
    Row::new(
        &format!("memory of each of {IDLE} live channels"),
        each,
        "KiB",
    )
}

/// A page of the list.
fn listed() -> Vec<Row> {
    let folder = folder();
    let (registry, token) = seed::full(folder.path(), LISTED);
    pin(registry.pid(), SERVER_CORE);
    let header = format!("Authorization: Bearer {token}");
    let url = format!("{}/clients?limit=100&after=u5", bare(registry.url()));
    let page = wrk(&url, registry.pid(), 1, &["-H", &header]);
    let page = page.map(|page| {
        Row::new(
            "a page of 100 of 100,000, processor time",
            page.cpu_us,
            "us",
        )
    });
    page.into_iter().collect()
}

/// The start of a registry with very many accounts.
fn start() -> Vec<Row> {
    let folder = folder();
    let small = Registry::start_with(&folder.path().join("empty"), &seed::SETTINGS);
    let empty = memory_kib(small.pid());
    drop(small);
    let data = folder.path().join("many");
    let (registry, _) = seed::full(&data, MANY);
    assert!(registry.stop().success(), "the registry does not stop");
    let begun = Instant::now();
    let registry = Registry::start_with(&data, &seed::SETTINGS);
    let seconds = begun.elapsed().as_secs_f64();
    let each = (memory_kib(registry.pid()) - empty) * 1024.0 / MANY as f64;
    vec![
        Row::new("start with a million accounts", seconds, "s"),
        Row::new("memory of each, with a session", each, "B"),
    ]
}
