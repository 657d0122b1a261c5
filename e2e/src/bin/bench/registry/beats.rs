//! Heartbeats as fast as they go: good ones, and a flood of forged ones.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use twocan_e2e::bench::load::cpu_seconds;
use twocan_e2e::process::Must;
use twocan_e2e::registry::Registry;
use twocan_proto::heartbeat::{ALIVE_LEN, Alive, HeartbeatKey, SessionId};
use twocan_proto::time::Timestamp;

use super::seed;

/// Heartbeats of each session that are written before the clock runs.
const EACH: u64 = 60;

type Datagram = [u8; ALIVE_LEN];

/// What a flood came to.
pub(super) struct Flood {
    /// Looked at a second of the server's processor time.
    pub(super) per_cpu_second: f64,
    /// Processor time for each, in microseconds.
    pub(super) cpu_us: f64,
}

/// Good heartbeats of `sessions` sessions; checks that they counted.
pub(super) fn good(registry: &Registry, sessions: usize) -> Flood {
    flood(
        registry,
        &datagrams(sessions, &seed::KEY),
        "heartbeats_total",
    )
}

/// Heartbeats under the wrong key; checks that none counted.
pub(super) fn forged(registry: &Registry, sessions: usize) -> Flood {
    let counted = count(registry, "heartbeats_total");
    let datagrams = datagrams(sessions, &[8; 32]);
    let flood = flood(registry, &datagrams, "datagrams_dropped_total");
    let after = count(registry, "heartbeats_total");
    assert!(counted == after, "a forged heartbeat counted");
    flood
}

fn datagrams(sessions: usize, key: &[u8; 32]) -> Vec<Datagram> {
    let key = HeartbeatKey::new(*key);
    let since = std::time::UNIX_EPOCH.elapsed().must("read the clock");
    let sent_at = Timestamp::from_millis(since.as_millis() as i64);
    let first = since.as_millis() as u64;
    let rounds = (0..EACH).flat_map(|round| (1..=sessions).map(move |number| (round, number)));
    rounds
        .map(|(round, number)| {
            let alive = Alive {
                session: SessionId(seed::session_id(number)),
                sent_at,
                counter: first + round,
            };
            alive.encode(&key)
        })
        .collect()
}

/// Sends them as fast as they go; answers are left to the socket, as a client
/// that reads none costs the server the same.
fn flood(registry: &Registry, datagrams: &[Datagram], counter: &str) -> Flood {
    let socket = UdpSocket::bind("127.0.0.1:0").must("take a socket");
    socket.connect(registry.address()).must("find the registry");
    let counted = count(registry, counter);
    let cpu = cpu_seconds(registry.pid());
    for datagram in datagrams {
        // What does not fit the server's buffer is lost, as it would be.
        socket.send(datagram).map(drop).unwrap_or_default();
    }
    settle(registry);
    let cpu = cpu_seconds(registry.pid()) - cpu;
    let looked_at = count(registry, counter) - counted;
    assert!(looked_at > 0.0, "no heartbeat arrived");
    Flood {
        per_cpu_second: looked_at / cpu,
        cpu_us: cpu / looked_at * 1e6,
    }
}

/// Waits until the server has nothing left to do.
fn settle(registry: &Registry) {
    let end = Instant::now() + Duration::from_secs(5);
    let mut before = cpu_seconds(registry.pid());
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
        let now = cpu_seconds(registry.pid());
        if now - before < 0.02 {
            return;
        }
        before = now;
    }
}

/// One of the registry's own counters.
pub(super) fn count(registry: &Registry, name: &str) -> f64 {
    let page = registry.client().request("GET", "/metrics", &Value::Null);
    let text = String::from_utf8_lossy(&page.body);
    let value = text.lines().find_map(|line| {
        let rest = line.strip_prefix("twocan_registry_")?.strip_prefix(name)?;
        rest.trim().parse().ok()
    });
    value.must("read a counter of the registry")
}
