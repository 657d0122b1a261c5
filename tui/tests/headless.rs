//! The headless interface as scripts meet it: real processes on loopback,
//! driven by the lines of their standard input and output.

#![expect(
    clippy::unwrap_used,
    reason = "what is not there fails the test; clippy.toml covers only the test functions themselves"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Whatever a process is asked, it does within this time.
const PATIENCE: Duration = Duration::from_secs(30);

fn headless(data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twocan"));
    command.arg("headless").arg("--data").arg(data);
    command.args(["--listen", "127.0.0.1:0", "--no-lan", "--no-passphrase"]);
    command.args(more);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A running process and the lines that it has written so far.
struct Client {
    process: Child,
    input: ChildStdin,
    lines: Receiver<Value>,
    seen: Vec<Value>,
    asked: u64,
}

impl Client {
    fn start(data: &Path, more: &[&str]) -> Self {
        let mut process = headless(data, more).spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = sync_channel(10_000);
        std::thread::spawn(move || {
            for line in output.lines() {
                let value = serde_json::from_str(&line.unwrap()).unwrap();
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let mut client = Self {
            process,
            input,
            lines,
            seen: Vec::new(),
            asked: 0,
        };
        client.until(|line| line["event"] == "ready");
        assert_eq!(client.seen.len(), 1, "ready is the first line");
        client
    }

    fn ready(&self, field: &str) -> String {
        self.seen[0][field].as_str().unwrap().to_owned()
    }

    /// The first line, written before or after now, for which this holds.
    #[track_caller]
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        if let Some(line) = self.seen.iter().find(|line| wanted(line)) {
            return line.clone();
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if wanted(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("not written: {:#?}", self.seen)
                }
            }
        }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    #[track_caller]
    fn ask(&mut self, verb: &str, mut request: Value) -> Value {
        self.asked += 1;
        let id = json!(self.asked);
        request["id"] = id.clone();
        request["do"] = json!(verb);
        self.write(&request.to_string());
        self.until(|line| line["id"] == id)
    }

    #[track_caller]
    fn must(&mut self, verb: &str, request: Value) -> Value {
        let answer = self.ask(verb, request);
        assert!(answer.get("ok").is_some(), "{verb}: {answer}");
        answer["ok"].clone()
    }

    /// Asks until a contact goes by her own name: she has said yes.
    #[track_caller]
    fn knows(&mut self, alias: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.must("contacts", json!({}));
            let contacts = answer["contacts"].as_array().unwrap();
            if contacts.iter().any(|contact| contact["alias"] == alias) {
                return;
            }
            assert!(Instant::now() < deadline, "{answer}");
        }
    }

    #[track_caller]
    fn quit(mut self) {
        self.must("quit", json!({}));
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Already gone after `quit`.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Runs a process with this input to its end.
fn fed(data: &Path, input: &str) -> (Output, Vec<Value>) {
    let mut process = headless(data, &[]).spawn().unwrap();
    let mut pipe = process.stdin.take().unwrap();
    pipe.write_all(input.as_bytes()).unwrap();
    drop(pipe);
    let output = process.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let values = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let values = values.collect();
    (output, values)
}

fn loudest(path: &Path) -> u16 {
    const HEADER: usize = 44;
    let bytes = std::fs::read(path).unwrap();
    let samples = bytes[HEADER..].chunks_exact(2);
    samples
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs())
        .max()
        .unwrap()
}

#[test]
fn two_processes_talk_and_call() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard.wav");
    let into_file = format!("file:{}", heard.display());
    let sound = ["--audio-in", "silence", "--audio-out", &into_file];
    let consent = ["--name", "bob", "--auto-accept", "--auto-answer"];
    let mut bob = Client::start(&folder.path().join("bob"), &[&sound[..], &consent].concat());
    let tone = [
        "--name",
        "alice",
        "--audio-in",
        "tone:440",
        "--audio-out",
        "null",
    ];
    let mut alice = Client::start(&folder.path().join("alice"), &tone);

    let linked = alice.must("connect", json!({"to": bob.ready("listen")}));
    assert_eq!(linked["peer_id"], bob.ready("peer_id"));
    let asked = bob.until(|line| line["event"] == "request");
    assert_eq!(asked["from"], "alice");
    alice.knows("bob");

    let sent = alice.must("send", json!({"to": "bob", "text": "hello"}));
    let got = bob.until(|line| line["event"] == "message");
    assert_eq!((&got["id"], &got["text"]), (&sent["id"], &json!("hello")));
    alice.until(|line| {
        line["event"] == "message_state" && line["id"] == sent["id"] && line["state"] == "delivered"
    });

    let call = alice.must("call", json!({"to": "bob"}));
    let loud = |line: &Value| {
        line["event"] == "call_stats" && line["level_out_db"].as_f64().unwrap() > -30.0
    };
    bob.until(loud);
    alice.must("hangup", json!({"call": call["call"]}));
    bob.until(|line| line["event"] == "call" && line["state"] == "ended");
    alice.quit();
    bob.quit();
    // The tone has -12 dBFS: a quarter of full scale.
    assert!(loudest(&heard) > 4_000, "no tone was heard");
}

#[test]
fn messages_keep_the_order_of_their_lines_and_the_end_of_input_waits_for_them() {
    const MESSAGES: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let bob = Client::start(
        &folder.path().join("bob"),
        &["--name", "bob", "--auto-accept"],
    );
    let data = folder.path().join("alice");
    let mut alice = Client::start(&data, &[]);
    alice.must("connect", json!({"to": bob.ready("listen")}));
    alice.knows("bob");
    alice.quit();

    let lines: String = (0..MESSAGES)
        .map(|n| {
            format!(
                "{}\n",
                json!({"id": n, "do": "send", "to": "bob", "text": format!("{n}")})
            )
        })
        .collect();
    let (output, answers) = fed(&data, &lines);
    assert!(output.status.success());
    for n in 0..MESSAGES {
        let answer = answers.iter().find(|line| line["id"] == n);
        assert!(answer.unwrap()["ok"]["id"].is_string(), "{answer:?}");
    }

    let mut alice = Client::start(&data, &[]);
    let page = alice.must("history", json!({"with": "bob"}));
    let texts: Vec<_> = page["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["text"])
        .collect();
    let expected: Vec<_> = (0..MESSAGES).map(|n| json!(n.to_string())).collect();
    assert_eq!(texts, expected.iter().collect::<Vec<_>>());
    alice.quit();
}

#[test]
fn people_tell_who_they_are_and_compare_keys() {
    let folder = tempfile::tempdir().unwrap();
    let consent = ["--name", "bob", "--auto-accept"];
    let mut bob = Client::start(&folder.path().join("bob"), &consent);
    let mut alice = Client::start(&folder.path().join("alice"), &["--name", "alice"]);
    alice.must("connect", json!({"to": bob.ready("listen")}));
    alice.knows("bob");

    let told = json!({"status": "at sea", "presence": "away", "fields": {"mail": "a@b.org"}});
    let ours = alice.must("profile_set", told);
    assert_eq!(
        (&ours["name"], &ours["presence"]),
        (&json!("alice"), &json!("away"))
    );
    let seen = bob.until(|line| line["event"] == "presence" && line["presence"] == "away");
    assert_eq!(seen["status"], "at sea");
    let hers = bob.must("profile", json!({"contact": "alice"}));
    assert_eq!(
        (&hers["status"], &hers["fields"]["mail"]),
        (&json!("at sea"), &json!("a@b.org"))
    );

    let words = alice.must("safety", json!({"contact": "bob"}));
    assert_eq!(words, bob.must("safety", json!({"contact": "alice"})));
    assert_eq!(words["words"].as_array().unwrap().len(), 16);
    let set = json!({"contact": "bob", "group": "climbing", "favourite": true, "muted": true, "verified": true});
    let bob_there = alice.must("contact_set", set);
    assert_eq!(
        (&bob_there["group"], &bob_there["favourite"]),
        (&json!("climbing"), &json!(true))
    );
    assert_eq!(
        (&bob_there["muted"], &bob_there["trust"]),
        (&json!(true), &json!("verified"))
    );
    assert_eq!(bob_there["new_key"], Value::Null);
    let refused = alice.ask("contact_key", json!({"contact": "bob", "decision": "keep"}));
    assert_eq!(refused["error"]["code"], "not_found");
    assert_eq!(alice.must("nearby", json!({})), json!({"nearby": []}));

    alice.must("profile_set", json!({"presence": "invisible"}));
    bob.until(|line| {
        line["event"] == "presence" && line["online"] == false && line["status"] == "at sea"
    });
    alice.quit();
    bob.quit();
}

#[test]
fn a_bad_line_is_answered_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = Client::start(&folder.path().join("data"), &[]);
    client.write("this is not JSON");
    let refused = client.until(|line| line.get("id") == Some(&Value::Null));
    assert_eq!(refused["error"]["code"], "bad_request");
    let refused = client.ask("contact_set", json!({"contact": "x", "group": "friends"}));
    assert_eq!(refused["error"]["code"], "not_found");
    let me = client.must("whoami", json!({}));
    assert_eq!(me["listen"], client.ready("listen"));
    client.quit();
}

#[test]
fn wrong_starts_end_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _running = Client::start(&data, &[]);
    for (more, code, named) in [
        (&["--listn", "x"][..], 2, "--listen"),
        (&["--passphrase-file", "x"], 2, "--passphrase-file"),
        (
            &["--config", "/nowhere/twocan.toml"],
            2,
            "/nowhere/twocan.toml",
        ),
        (&[], 1, "--data"),
    ] {
        let mut command = headless(&data, more);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{more:?}: {told}");
        assert!(
            told.contains(named) && told.trim().lines().count() == 1,
            "{told}"
        );
        assert!(output.stdout.is_empty());
    }
}

/// `twocan ctl` for a profile.
fn control(data: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twocan"));
    command.arg("ctl").arg("--data").arg(data);
    command.args(words.split(' ')).stdout(Stdio::piped());
    command
}

#[test]
fn a_shortcut_of_the_desktop_controls_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("alice"), folder.path().join("bob"));
    let consent = ["--name", "bob", "--auto-accept", "--audio-in", "silence"];
    let mut bob = Client::start(&theirs, &[&consent[..], &["--audio-out", "null"]].concat());
    let tone = [
        "--name",
        "alice",
        "--audio-in",
        "tone:440",
        "--audio-out",
        "null",
    ];
    let mut alice = Client::start(&ours, &tone);
    alice.must("connect", json!({"to": bob.ready("listen")}));
    alice.knows("bob");
    alice.must(
        "set",
        json!({"key": "call.activation", "value": "push_to_talk"}),
    );

    let did = |data: &Path, words| control(data, words).output().unwrap();
    assert_eq!(did(&ours, "ptt on").status.code(), Some(1), "no call");
    assert_eq!(did(&ours, "ptt on off").status.code(), Some(2));
    alice.must("call", json!({"to": "bob"}));
    bob.until(|line| line["state"] == "incoming");
    assert!(did(&theirs, "answer").status.success());
    bob.until(|line| line["event"] == "call" && line["state"] == "connected");
    alice.until(|line| line["event"] == "call_stats");
    assert_eq!(
        did(&theirs, "ptt on").status.code(),
        Some(1),
        "no push to talk there"
    );

    let mut holding = control(&ours, "ptt hold").spawn().unwrap();
    alice.until(|line| line["event"] == "call" && line["talking"] == true);
    bob.until(|line| {
        line["event"] == "call_stats" && line["level_out_db"].as_f64().unwrap() > -30.0
    });
    // However the client leaves, the key is let go.
    holding.kill().unwrap();
    holding.wait().unwrap();
    alice.seen.clear();
    alice.until(|line| line["event"] == "call" && line["talking"] == false);

    assert!(did(&theirs, "deafen").status.success());
    bob.until(|line| line["deafened"] == true && line["muted"] == true);
    let status: Value = serde_json::from_slice(&did(&theirs, "status").stdout).unwrap();
    assert_eq!(status["calls"][0]["deafened"], true);
    assert!(did(&theirs, "hangup").status.success());
    alice.until(|line| line["event"] == "call" && line["state"] == "ended");
    alice.quit();
    bob.quit();
    assert_eq!(did(&ours, "status").status.code(), Some(1), "nothing runs");
}
