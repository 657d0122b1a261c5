//! The interface in plain lines: two people at dumb terminals, and one whose
//! lines come from a file. Only what is printed is looked at.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use twocan_e2e::pair::folder;
use twocan_e2e::person::{self, free_port};
use twocan_e2e::process::{Must, signal, twocan, wait_until};
use twocan_e2e::registry::Registry;
use twocan_e2e::terminal::{Launch, Terminal};

/// How long the first measurements of a call may take.
const MEASURED: Duration = Duration::from_secs(30);

fn arguments(home: &Path, port: u16) -> Vec<String> {
    std::fs::create_dir_all(home).must("make a home");
    let mut words = person::arguments(home, port, person::MICROPHONE);
    words.insert(0, "--plain".to_owned());
    words
}

/// Plain lines in a terminal high enough for all that is said.
fn open(folder: &Path, name: &str, port: u16) -> Terminal {
    let home = folder.join(name);
    let arguments = arguments(&home, port);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Launch::new(&twocan(), &home)
        .args(&arguments)
        .environment(&[("TERM".to_owned(), "dumb".to_owned())])
        .size(200, 200)
        .start()
}

fn enter(terminal: &Terminal, line: &str) {
    terminal.press(&format!("{line}\r"));
}

/// Goes through the first steps without a registry.
fn first_run(terminal: &Terminal, name: &str) {
    terminal.wait_for("your name:");
    enter(terminal, name);
    terminal.wait_for("Enter goes on:");
    enter(terminal, "");
    terminal.wait_for("1, 2 or 3:");
    enter(terminal, "2");
    terminal.wait_for("Enter ends the first steps:");
    enter(terminal, "");
    terminal.wait_for("\n>");
}

/// Two who have become contacts.
fn pair(folder: &Path) -> (Terminal, Terminal) {
    let (alice_port, bob_port) = (free_port(), free_port());
    let alice = open(folder, "alice", alice_port);
    let bob = open(folder, "bob", bob_port);
    first_run(&alice, "alice");
    first_run(&bob, "bob");
    enter(&alice, &format!("/connect 127.0.0.1:{bob_port}"));
    bob.wait_for("contact request from alice: /accept or /reject");
    enter(&bob, "/accept");
    bob.wait_for("[conversation] alice: online");
    alice.wait_for("[presence] bob is online");
    (alice, bob)
}

fn quit(terminal: Terminal) {
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());
}

#[test]
fn two_people_meet_write_search_call_and_leave() {
    let folder = folder();
    let (alice, bob) = pair(folder.path());

    enter(&alice, "/open bob");
    alice.wait_for("bob>");
    enter(&alice, "the string is tight");
    bob.wait_for("alice: the string is tight");
    enter(&bob, "I hear you");
    alice.wait_for("bob: I hear you");
    enter(&alice, "/react heart");
    bob.wait_for("[reaction] alice: heart to \"I hear you\"");

    enter(&alice, "/search tight");
    alice.wait_for("1. ");
    alice.wait_for("number to go there");
    enter(&alice, "");

    enter(&alice, "/call");
    bob.wait_for("[call] incoming from alice. type /answer or /decline");
    enter(&bob, "/answer");
    alice.wait_for("[call] connected with bob, mic live");
    bob.wait_for("[call] connected with alice, mic live");
    enter(&alice, "/mute");
    alice.wait_for("[call] connected with bob, mic muted");
    // Measured once a second.
    wait_until("measurements in words", MEASURED, || {
        enter(&alice, "/stats");
        alice.screen().contains(" percent, jitter ")
    });
    // In a call nothing ends without a yes.
    enter(&alice, "/quit");
    alice.wait_for("yes: hang up and quit, no:");
    enter(&alice, "no");
    enter(&alice, "/hangup");
    // Whoever quits before that is asked about the call.
    alice.wait_for("call with bob: call ended");
    bob.wait_for("call with alice:");

    for terminal in [&alice, &bob] {
        let screen = terminal.screen();
        let drawn = ('\u{2500}'..='\u{28ff}').collect::<Vec<_>>();
        assert!(!screen.contains(drawn.as_slice()), "{}", terminal.framed());
    }
    quit(alice);
    quit(bob);
}

#[test]
fn a_file_is_offered_taken_and_there() {
    let folder = folder();
    let (alice, bob) = pair(folder.path());
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "what we said").must("write a file");
    enter(&alice, "/open bob");
    alice.wait_for("bob>");
    enter(&alice, &format!("/file {}", path.display()));
    bob.wait_for("alice offers notes.txt, 12 B: /get takes it, /refuse does not");
    enter(&bob, "/get");
    bob.wait_for("notes.txt is here: ");
    alice.wait_for("bob has notes.txt");
    quit(alice);
    quit(bob);
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let folder = folder();
    let registry = Registry::start(&folder.path().join("registry"));
    let alice = open(folder.path(), "alice", free_port());
    first_run(&alice, "alice");
    enter(&alice, &format!("/signin {}", registry.url()));
    // Where and as whom is known: what is missing is asked for.
    alice.wait_for("sign in: an empty line keeps");
    alice.wait_for("Password:");
    enter(&alice, "correct horse battery");
    alice.wait_for("E-mail:");
    enter(&alice, "");
    alice.wait_for("account made, you are alice");
    assert!(!alice.screen().contains("horse"), "{}", alice.framed());
    enter(&alice, "/registries");
    alice.wait_for("signed in");
    quit(alice);
}

#[test]
fn the_echo_comes_back_when_it_ends_at_a_password() {
    let folder = folder();
    let registry = Registry::start(&folder.path().join("registry"));
    let alice = open(folder.path(), "alice", free_port());
    first_run(&alice, "alice");
    enter(&alice, &format!("/signin {}", registry.url()));
    alice.wait_for("Password:");
    signal(alice.pid(), "TERM");
    // It looks at the modes of the line.
    assert!(alice.ended_tidily().success());
}

/// Runs with lines from a pipe, to their end.
fn piped(home: &Path, port: u16, lines: &str) -> Output {
    let mut child = Command::new(twocan())
        .args(arguments(home, port))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .must("start a client");
    let mut input = child.stdin.take().must("write to a client");
    input.write_all(lines.as_bytes()).must("write to a client");
    drop(input);
    child.wait_with_output().must("wait for a client")
}

#[test]
fn lines_of_a_file_are_done_one_after_another() {
    let folder = folder();
    let bob_port = free_port();
    let bob = open(folder.path(), "bob", bob_port);
    first_run(&bob, "bob");
    let home = folder.path().join("alice");
    let port = free_port();
    let steps = "alice\n\n3\n";
    let asked = piped(
        &home,
        port,
        &format!("{steps}/connect 127.0.0.1:{bob_port}\n"),
    );
    assert!(asked.status.success(), "{asked:?}");
    bob.wait_for("contact request from alice");
    enter(&bob, "/accept");
    bob.wait_for("[conversation] alice");

    let said = piped(
        &home,
        port,
        &format!("/connect 127.0.0.1:{bob_port}\none\ntwo\n/help volume\n"),
    );
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{text}");
    assert!(
        text.contains("you: one\n") && text.contains("/volume 120"),
        "{text}"
    );
    bob.wait_for("alice: two");
    quit(bob);

    // Nobody is there: what is left is said, and remembered.
    let said = piped(&home, port, "/open bob\nthree\n");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(3), "{text}");
    assert!(text.contains("[not sent] 1 message to bob"), "{text}");
}
