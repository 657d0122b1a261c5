//! Two people at two terminals, after they have met: files, searching,
//! verification, coming back after a loss, and windows that shrink in the
//! middle of it. Only what a person sees is looked at.

use twocan_e2e::pair::folder;
use twocan_e2e::person::{call, enter, first_run, free_port, meet, open};
use twocan_e2e::process::{Must, signal};
use twocan_e2e::registry::Registry;
use twocan_e2e::terminal::{Terminal, keys};

/// What stands beside a contact whose key was compared.
const VERIFIED: &str = "\u{25c6}";

/// Two who are contacts and look at each other's conversation.
fn pair(folder: &std::path::Path) -> (Terminal, Terminal) {
    let (alice_port, bob_port) = (free_port(), free_port());
    let alice = open(folder, "alice", alice_port);
    let bob = open(folder, "bob", bob_port);
    meet(&alice, &bob, bob_port);
    enter(&alice, "/msg bob the string is tight");
    bob.wait_for("the string is tight");
    (alice, bob)
}

fn quit(terminals: [Terminal; 2]) {
    for terminal in &terminals {
        enter(terminal, "/quit");
    }
    for terminal in terminals {
        assert!(terminal.ended_tidily().success());
    }
}

#[test]
fn a_file_comes_while_the_window_shrinks() {
    let folder = folder();
    let (alice, bob) = pair(folder.path());
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "what we said").must("write a file");
    alice.press(&format!("/file {}", path.display()));
    alice.wait_for("notes.txt");
    alice.press(keys::ENTER);
    bob.wait_for("alice offers notes.txt");
    bob.resize(40, 15);
    bob.wait_for("notes.txt");
    enter(&bob, "/get");
    bob.wait_for("notes.txt is here");
    alice.wait_for("bob has notes.txt");
    bob.resize(100, 30);
    quit([alice, bob]);
}

#[test]
fn words_are_found_and_gone_to() {
    let folder = folder();
    let (alice, bob) = pair(folder.path());
    enter(&bob, "/msg alice and the can is red");
    alice.wait_for("the can is red");
    alice.press("\x13");
    alice.wait_for("SEARCH");
    alice.press("tight");
    alice.wait_for("1 result");
    alice.resize(40, 15);
    alice.wait_for("tight");
    alice.press(keys::ENTER);
    alice.wait_gone("SEARCH");
    alice.wait_for("the string is");
    alice.resize(100, 30);
    alice.wait_for("the can is red");
    // The hit is chosen, as in browsing: back to typing.
    alice.press("i");
    quit([alice, bob]);
}

#[test]
fn both_compare_the_same_number_and_mark_it() {
    let folder = folder();
    let (alice, bob) = pair(folder.path());
    let digits = |terminal: &Terminal| {
        enter(terminal, "/verify");
        terminal.wait_until("digits to compare", |screen| digits_in(screen).len() == 60);
        digits_in(&terminal.screen())
    };
    assert_eq!(digits(&alice), digits(&bob));
    alice.press("y");
    alice.wait_for(VERIFIED);
    bob.press(keys::ESC);
    bob.wait_gone("VERIFY");
    assert!(!bob.screen().contains(VERIFIED), "{}", bob.framed());
    quit([alice, bob]);
}

/// The digits of the groups of five on the screen.
fn digits_in(screen: &str) -> String {
    let is_group = |word: &&str| word.len() == 5 && word.bytes().all(|b| b.is_ascii_digit());
    screen.split_whitespace().filter(is_group).collect()
}

#[test]
fn a_peer_that_dies_is_seen_and_met_again() {
    let folder = folder();
    let (alice_port, bob_port) = (free_port(), free_port());
    let alice = open(folder.path(), "alice", alice_port);
    let bob = open(folder.path(), "bob", bob_port);
    meet(&alice, &bob, bob_port);
    enter(&alice, "/msg bob before");
    bob.wait_for("before");

    signal(bob.pid(), "KILL");
    alice.wait_for("offline");
    enter(&alice, "while you were away");
    alice.wait_for("while you were away");

    // Its lock goes with the last of it, a moment after its sockets.
    drop(bob);
    let bob = open(folder.path(), "bob", bob_port);
    bob.wait_for("alice");
    enter(&bob, "/msg alice I am back");
    alice.wait_for("I am back");
    bob.wait_for("while you were away");
    alice.wait_gone("offline");
    quit([alice, bob]);
}

#[test]
fn a_registry_that_dies_is_seen_and_found_again() {
    let folder = folder();
    let data = folder.path().join("registry");
    let registry = Registry::start(&data);
    let alice = open(folder.path(), "alice", free_port());
    first_run(&alice, "alice");
    alice.press(&format!("/signin {}", registry.url()));
    alice.wait_for("/signin");
    alice.press(keys::ENTER);
    alice.wait_for("SIGN IN");
    // The password is what is missing; the field after it may stay empty.
    alice.press("correct horse battery");
    alice.press(keys::ENTER);
    alice.press(keys::ENTER);
    alice.wait_for("you are alice");
    alice.wait_for("registry up");
    // Whoever is in the lobby has a live channel, which tells of the end; who
    // has none yet learns it by signs of life that fail, much later.
    enter(&alice, "/lobby");
    alice.wait_for("1 here");
    alice.press(keys::ESC);
    // Back at once, nobody might have seen it gone.
    let registry = registry.restart_after(|| alice.wait_gone("registry up"));
    alice.wait_for("registry up");
    enter(&alice, "/quit");
    assert!(alice.ended_tidily().success());
    drop(registry);
}

#[test]
fn a_call_goes_on_in_the_smallest_windows() {
    let folder = folder();
    let (alice, bob) = pair(folder.path());
    call(&alice, &bob);
    for (columns, rows) in [(40, 15), (20, 5), (100, 30)] {
        alice.resize(columns, rows);
        alice.wait_for("LIVE");
    }
    alice.resize(20, 5);
    alice.wait_for("LIVE");
    alice.press(keys::F9);
    alice.wait_for("MUTED");
    alice.press(keys::CTRL_X);
    alice.press("h");
    alice.wait_gone("MUTED");
    bob.wait_gone("LIVE");
    alice.resize(100, 30);
    quit([alice, bob]);
}
