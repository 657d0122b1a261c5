//! Two people at two terminals: the first run, finding each other by address,
//! writing, calling, leaving. Only what a person sees is looked at.

use twocan_e2e::pair::folder;
use twocan_e2e::person::{call, enter, first_run, free_port, launch, meet, open};
use twocan_e2e::process::signal;
use twocan_e2e::terminal::{RELEASES, keys};

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
    alice.wait_gone("LIVE");
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
