//! Our side: a profile as large as years make it, and three peers that are
//! linked to it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;
use twocan_e2e::bench::raw::Raw;
use twocan_e2e::process::{Must, twocan};
use twocan_e2e::registry::Registry;
use twocan_e2e::terminal::{Launch, Terminal, keys};
use twocan_proto::identity::Identity;

use super::SIZE;

const MESSAGES: usize = 100_000;
/// Of these, in the conversation with the first peer.
const WITH_BOB: usize = 50_000;
const CONTACTS: usize = 200;
const PEERS: [&str; 3] = ["bob", "carol", "dave"];

/// The profile, its registry, and who is linked to it.
pub(super) struct Ours {
    data: PathBuf,
    registry: Registry,
    pub(super) peers: Vec<Raw>,
    pub(super) id: String,
}

impl Ours {
    pub(super) fn new(folder: &Path) -> Self {
        let registry = Registry::start(&folder.join("registry"));
        let data = folder.join("alice");
        let mut peers: Vec<Raw> = PEERS
            .iter()
            .map(|name| Raw::start(&folder.join(name), name))
            .collect();
        for (peer, name) in peers.iter_mut().zip(PEERS) {
            sign_in(peer, &registry, name);
        }
        let mut alice = Raw::start(&data, "alice");
        sign_in(&mut alice, &registry, "alice");
        for peer in &peers {
            alice.ask("connect", json!({"to": peer.ready("listen")}));
        }
        let id = alice.ready("peer_id");
        let strangers: Vec<String> = (PEERS.len()..CONTACTS)
            .map(|n| stranger(n).to_string())
            .collect();
        let file = folder.join("history.json");
        write_history(&file, &id, &peers[0].ready("peer_id"), &strangers);
        alice.ask("import", json!({"path": file}));
        alice.quit();
        add_contacts(&data.join("twocan.db"));
        Self {
            data,
            registry,
            peers,
            id,
        }
    }

    /// The interface on this profile.
    pub(super) fn launch(&self, home: &Path) -> Launch {
        let (columns, rows) = SIZE;
        let data = self.data.display().to_string();
        Launch::new(&twocan(), home)
            .args(&["--data", &data, "--registry", self.registry.url()])
            .args(&["--listen", "127.0.0.1:0", "--no-lan", "--no-passphrase"])
            .args(&["--audio-in", "tone:440", "--audio-out", "null"])
            .size(columns, rows)
    }
}

/// Opens the conversation with the first peer and waits until all are linked.
pub(super) fn settle(terminal: &Terminal, bob: &mut Raw, alice: &str) {
    // The first frame comes before the contacts.
    terminal.wait_for(PEERS[0]);
    terminal.press("\x14");
    terminal.press(PEERS[0]);
    terminal.press(keys::ENTER);
    terminal.wait_for("online");
    bob.post("send", json!({"to": alice, "text": "hello there"}));
    bob.flush();
    terminal.wait_for("hello there");
}

fn sign_in(client: &mut Raw, registry: &Registry, name: &str) {
    client.ask(
        "sign_in",
        json!({"registry": registry.url(), "username": name,
               "password": "correct horse battery", "register": true}),
    );
}

/// Somebody who is in the list and never comes.
fn stranger(number: usize) -> twocan_proto::identity::PeerId {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Identity::from_seed(&seed).peer_id()
}

/// Contacts that once said no: they fill the list, and nobody dials them, so
/// that what is measured at rest are the three peers.
fn add_contacts(database: &Path) {
    let mut connection = Connection::open(database).must("open a profile");
    let all = connection.transaction().must("begin");
    for number in PEERS.len()..CONTACTS {
        all.execute(
            "INSERT INTO contacts (peer, alias, name, trust, relation, added_at)
             VALUES (?1, ?2, ?2, 'known', 'rejected', 1700000000000)",
            (stranger(number).as_bytes(), format!("contact {number}")),
        )
        .must("write a contact");
    }
    all.commit().must("commit");
}

/// An export as twocan writes them.
fn write_history(path: &Path, me: &str, bob: &str, strangers: &[String]) {
    let mut out = BufWriter::new(File::create(path).must("make a file"));
    let each = (MESSAGES - WITH_BOB) / strangers.len();
    let mut talks = vec![(bob, WITH_BOB)];
    talks.extend(strangers.iter().map(|id| (id.as_str(), each)));
    let me = json!(me);
    write!(
        out,
        r#"{{"format": "twocan conversations", "version": 1, "me": {me}, "conversations": ["#
    )
    .must("write a file");
    let mut number = 0;
    for (at, (peer, count)) in talks.into_iter().enumerate() {
        let (comma, peer) = (if at == 0 { "" } else { "," }, json!(peer));
        writeln!(out, r#"{comma}{{"peer": {peer}, "messages": ["#).must("write a file");
        for n in 0..count {
            number += 1;
            let (comma, mine) = (if n == 0 { "" } else { "," }, n % 2 == 0);
            let text = super::line(number);
            writeln!(
                out,
                r#"{comma}{{"id": "00000000-0000-7000-8000-{number:012x}", "mine": {mine}, "text": "{text}", "sent_at": "2024-01-01T00:00:00Z"}}"#
            )
            .must("write a file");
        }
        out.write_all(b"]}").must("write a file");
    }
    out.write_all(b"]}").must("write a file");
    out.flush().must("write a file");
}
