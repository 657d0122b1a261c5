//! Two people at two terminals: the first run, finding each other by address,
//! writing, calling, leaving. Only what a person sees is looked at.

use std::net::TcpListener;
use std::path::Path;

use twocan_e2e::pair::folder;
use twocan_e2e::process::{Must, signal, twocan};
use twocan_e2e::terminal::{Launch, RELEASES, Terminal, keys};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").must("find a free port");
    listener.local_addr().must("read a port").port()
}

/// Opens the interface with a new profile that has no devices.
fn open(folder: &Path, name: &str, port: u16) -> Terminal {
    launch(folder, name, port).start()
}

fn launch(folder: &Path, name: &str, port: u16) -> Launch {
    let home = folder.join(name);
    std::fs::create_dir_all(&home).must("make a home");
    let data = home.join("data").display().to_string();
    let listen = format!("127.0.0.1:{port}");
    Launch::new(&twocan(), &home)
        .args(&[
            "--data",
            &data,
            "--listen",
            &listen,
            "--no-lan",
            "--no-passphrase",
        ])
        .args(&["--audio-in", "tone:440", "--audio-out", "null"])
        .size(100, 30)
}

/// Goes through the first run: a name, and the offered answer to the rest.
fn first_run(terminal: &Terminal, name: &str) {
    const STEPS: usize = 8;
    terminal.wait_for("first run");
    terminal.press(name);
    terminal.wait_for(name);
    for _ in 0..STEPS {
        let before = terminal.screen();
        if !before.contains("first run") {
            return;
        }
        terminal.press(keys::ENTER);
        terminal.wait_until("another step", |screen| screen != before);
    }
    assert!(
        !terminal.screen().contains("first run"),
        "{}",
        terminal.framed()
    );
}

/// Types a line and sends it.
fn enter(terminal: &Terminal, line: &str) {
    terminal.press(line);
    terminal.wait_for(line);
    terminal.press(keys::ENTER);
}

/// Goes through the first runs of alice and bob, who become contacts.
fn meet(alice: &Terminal, bob: &Terminal, bob_port: u16) {
    first_run(alice, "alice");
    first_run(bob, "bob");
    enter(alice, &format!("/connect 127.0.0.1:{bob_port}"));
    bob.wait_for("alice asks");
    enter(bob, "/accept");
    alice.wait_for("bob");
    bob.wait_for("alice");
}

/// Alice calls, bob answers, and both hear each other.
fn call(alice: &Terminal, bob: &Terminal) {
    enter(alice, "/call bob");
    bob.wait_for("Ctrl+X a");
    bob.press(keys::CTRL_X);
    bob.press("a");
    alice.wait_for("LIVE");
    bob.wait_for("LIVE");
}

#[test]
fn two_people_meet_write_call_and_leave() {
    let folder = folder();
    let (alice_port, bob_port) = (free_port(), free_port());
    let alice = open(folder.path(), "alice", alice_port);
    let bob = open(folder.path(), "bob", bob_port);
    meet(&alice, &bob, bob_port);

    enter(&alice, "/msg bob the string is tight");
    bob.wait_for("the string is tight");
    enter(&bob, "/msg alice I hear you");
    alice.wait_for("I hear you");

    for (columns, rows) in [(40, 15), (80, 24), (120, 36)] {
        alice.resize(columns, rows);
        alice.wait_for("I hear you");
    }

    call(&alice, &bob);
    alice.press(keys::F9);
    alice.wait_for("MUTED");
    alice.press(keys::F9);
    alice.wait_for("LIVE");
    alice.press(keys::CTRL_X);
    alice.press("h");
    alice.wait_gone("LIVE");
    bob.wait_gone("LIVE");

    for terminal in [&alice, &bob] {
        enter(terminal, "/quit");
    }
    assert!(alice.ended_tidily().success());
    assert!(bob.ended_tidily().success());
}

#[test]
fn a_key_talks_while_it_is_held_where_the_terminal_tells() {
    let folder = folder();
    let (alice_port, bob_port) = (free_port(), free_port());
    let alice = launch(folder.path(), "alice", alice_port).kitty().start();
    let bob = open(folder.path(), "bob", bob_port);
    meet(&alice, &bob, bob_port);
    enter(&alice, "/msg bob soon on the line");
    bob.wait_for("soon on the line");
    call(&alice, &bob);

    // Only for as long as it is needed is the terminal asked for releases.
    alice.wait_for_key_flags(RELEASES, false);
    enter(&alice, "/ptt on");
    alice.wait_for("PTT OFF");
    alice.wait_for_key_flags(RELEASES, true);
    for _ in 0..2 {
        alice.press(keys::F8_DOWN);
        alice.wait_for("TALKING");
        alice.press(keys::F8_AGAIN);
        alice.press(keys::F8_UP);
        alice.wait_for("PTT OFF");
    }
    enter(&alice, "/ptt off");
    alice.wait_for("LIVE");
    alice.wait_for_key_flags(RELEASES, false);

    alice.press(keys::CTRL_X);
    alice.press("h");
    bob.wait_gone("LIVE");
    for terminal in [&alice, &bob] {
        enter(terminal, "/quit");
    }
    assert!(alice.ended_tidily().success());
    assert!(bob.ended_tidily().success());
}

#[test]
fn the_terminal_is_restored_after_signals_too() {
    let folder = folder();
    for name in ["TERM", "HUP", "INT"] {
        let terminal = open(folder.path(), name, free_port());
        terminal.wait_for("first run");
        signal(terminal.pid(), name);
        terminal.ended_tidily();
    }
}

#[test]
fn the_second_start_goes_straight_to_the_conversations() {
    let folder = folder();
    let port = free_port();
    let terminal = open(folder.path(), "alice", port);
    first_run(&terminal, "alice");
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());

    let terminal = open(folder.path(), "alice", port);
    terminal.wait_for("alice");
    assert!(
        !terminal.screen().contains("first run"),
        "{}",
        terminal.framed()
    );
    terminal.press(keys::F1);
    // Help alone names this one; the empty main view names others.
    terminal.wait_for("/disconnect");
    terminal.press(keys::ESC);
    // Escape and a letter in one go would be Alt and the letter.
    terminal.wait_gone("/disconnect");
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());
}
