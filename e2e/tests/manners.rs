//! How the program behaves towards the terminal, the shell and the files of
//! its user: it gives the terminal back whole whenever it lends or leaves it,
//! and keeps what was typed whatever ends it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use twocan_e2e::pair::folder;
use twocan_e2e::person::{MICROPHONE, arguments, enter, first_run, free_port, launch, meet, open};
use twocan_e2e::process::{Must, signal, twocan, wait_until};
use twocan_e2e::terminal::{Launch, Terminal, keys};

/// How long the profile may take to hold a draft, and a program to end.
const SOON: Duration = Duration::from_secs(20);

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The line that starts the program in a shell.
fn command(home: &Path) -> String {
    let words = arguments(home, free_port(), MICROPHONE).into_iter();
    let quoted = words.map(|word| format!(" '{word}'"));
    twocan().display().to_string() + &quoted.collect::<String>()
}

/// A shell that runs a script, in a home of its own.
fn shell(home: &Path, script: &str) -> Launch {
    Launch::new(Path::new("/bin/bash"), home)
        .args(&["-c", script])
        .size(100, 30)
}

/// A profile that has done its first run.
fn settled(folder: &Path) -> PathBuf {
    let terminal = open(folder, "alice", free_port());
    first_run(&terminal, "alice");
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());
    folder.join("alice")
}

#[test]
fn signals_end_it_in_a_conversation_too() {
    let folder = folder();
    settled(folder.path());
    for name in ["TERM", "HUP", "INT"] {
        let terminal = open(folder.path(), "alice", free_port());
        terminal.wait_for("alice");
        terminal.press("half a line");
        terminal.wait_for("half a line");
        signal(terminal.pid(), name);
        terminal.ended_tidily();
        let terminal = open(folder.path(), "alice", free_port());
        terminal.wait_for("half a line");
        terminal.press(keys::CTRL_C);
        terminal.wait_gone("half a line");
        enter(&terminal, "/quit");
        assert!(terminal.ended_tidily().success());
    }
}

#[test]
fn a_signal_is_heard_however_fast_keys_come() {
    let folder = folder();
    settled(folder.path());
    let terminal = open(folder.path(), "alice", free_port());
    terminal.wait_for("alice");
    terminal.flood("again and ");
    terminal.wait_for("again and again and again");
    signal(terminal.pid(), "TERM");
    terminal.ended_tidily();
}

#[test]
fn ctrl_z_gives_the_shell_its_terminal_and_fg_takes_it_back() {
    let folder = folder();
    let home = settled(folder.path());
    let script = format!(
        "set -m; {}; echo at the shell; read -r line; echo \"heard $line\"; read -r line; fg; echo gone",
        command(&home)
    );
    let terminal = shell(&home, &script).start();
    terminal.wait_for("alice");
    terminal.press("before the stop");
    terminal.wait_for("before the stop");
    terminal.press(keys::CTRL_Z);
    terminal.wait_for("at the shell");
    terminal.lent_tidily();
    terminal.press("words for it\r");
    terminal.wait_for("heard words for it");
    terminal.press("\r");
    terminal.wait_for("before the stop");
    terminal.press(keys::CTRL_C);
    terminal.wait_gone("before the stop");
    enter(&terminal, "/quit");
    terminal.wait_for("gone");
    assert!(terminal.ended_tidily().success());
}

#[test]
fn answers_that_come_late_are_nobodys_input() {
    let folder = folder();
    let home = settled(folder.path());
    // What is left in the line is what a shell would take for typed.
    let script = format!(
        "{}; stty -icanon -echo min 0 time 5; printf 'left [%s]\\n' \"$(od -An -c)\"; stty sane",
        command(&home)
    );
    let terminal = shell(&home, &script)
        .environment(&[variable("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")])
        .late()
        .start();
    terminal.wait_for("alice");
    terminal.press("/quit");
    terminal.wait_for("/quit");
    terminal.press(keys::ENTER);
    terminal.answer();
    terminal.wait_for("left [");
    let screen = terminal.screen();
    assert!(screen.contains("left []"), "{screen}");
    assert!(!screen.contains("62;22"), "{screen}");
}

/// Not by [`Terminal`]: its thread that reads would keep the line open.
#[test]
fn a_terminal_that_is_gone_ends_it() {
    let folder = folder();
    let home = settled(folder.path());
    let size = PtySize {
        rows: 30,
        cols: 100,
        ..PtySize::default()
    };
    let pair = native_pty_system().openpty(size).must("open a terminal");
    let mut command = CommandBuilder::new(twocan());
    command.args(arguments(&home, free_port(), MICROPHONE));
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).must("start twocan");
    drop(pair.slave);
    let mut output = pair.master.try_clone_reader().must("read a terminal");
    let mut display = vt100::Parser::default();
    let mut buffer = [0; 4096];
    while !display.screen().contents().contains("alice") {
        let length = output.read(&mut buffer).must("read the screen");
        assert!(length > 0, "it ended by itself");
        display.process(&buffer[..length]);
    }
    drop(output);
    drop(pair.master);
    let mut ended = None;
    wait_until("end without a terminal", SOON, || {
        ended = child.try_wait().must("look after twocan");
        ended.is_some()
    });
    // No lock is left behind: the profile opens again.
    let terminal = open(folder.path(), "alice", free_port());
    terminal.wait_for("alice");
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());
}

/// An editor that says what it was given, and does what it is told to.
fn editor(folder: &Path) -> PathBuf {
    let path = folder.join("editor");
    let script = "#!/bin/sh\n\
        printf 'EDITING [%s]\\n' \"$(cat \"$1\")\"\n\
        read -r answer\n\
        [ \"$answer\" = fail ] && exit 3\n\
        printf '%s\\n' \"$answer\" > \"$1\"\n";
    fs::write(&path, script).must("write an editor");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).must("make it a program");
    path
}

#[test]
fn an_editor_has_the_terminal_and_gives_the_draft_back() {
    let folder = folder();
    let (alice_port, bob_port) = (free_port(), free_port());
    let editor = editor(folder.path()).display().to_string();
    let alice = launch(folder.path(), "alice", alice_port)
        .environment(&[variable("EDITOR", &editor)])
        .start();
    let bob = open(folder.path(), "bob", bob_port);
    meet(&alice, &bob, bob_port);
    enter(&alice, "/msg bob the string is tight");
    bob.wait_for("the string is tight");

    edit(&alice, "by hand", "fail");
    alice.wait_for("the editor failed");
    alice.wait_for("by hand");

    // Another draft: what the first editor wrote comes back as soon as the
    // screen of the program is left, before the line is given back.
    alice.press(" again");
    alice.wait_for("by hand again");
    alice.press(keys::CTRL_G);
    alice.wait_for("EDITING [by hand again]");
    alice.lent_tidily();
    // The engine goes on meanwhile, and nothing of it is drawn here.
    enter(&bob, "/msg alice while you were writing");
    bob.wait_for("\u{2713}\u{2713}");
    assert!(
        !alice.screen().contains("while you were"),
        "{}",
        alice.framed()
    );
    alice.press("with care\r");
    alice.wait_for("while you were writing");
    alice.wait_for("with care");
    alice.press(keys::ENTER);
    bob.wait_for("with care");
    for terminal in [&alice, &bob] {
        enter(terminal, "/quit");
    }
    assert!(alice.ended_tidily().success());
    assert!(bob.ended_tidily().success());
}

/// Types a draft, opens the editor on it and answers that.
fn edit(terminal: &Terminal, draft: &str, answer: &str) {
    terminal.press(draft);
    terminal.wait_for(draft);
    terminal.press(keys::CTRL_G);
    terminal.wait_for(&format!("EDITING [{draft}]"));
    terminal.lent_tidily();
    terminal.press(answer);
    terminal.press(keys::ENTER);
    terminal.wait_gone("EDITING");
}

#[test]
fn a_draft_is_there_again_after_the_program_was_killed() {
    let folder = folder();
    let home = settled(folder.path());
    let terminal = open(folder.path(), "alice", free_port());
    terminal.wait_for("alice");
    terminal.press("not yet sent");
    terminal.wait_for("not yet sent");
    let data = home.join("data");
    wait_until("a draft in the profile", SOON, || {
        holds(&data, b"not yet sent")
    });
    signal(terminal.pid(), "KILL");
    drop(terminal);

    let terminal = open(folder.path(), "alice", free_port());
    terminal.wait_for("not yet sent");
    terminal.press(keys::CTRL_C);
    terminal.wait_gone("not yet sent");
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());
}

/// Whether a file of a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let files = fs::read_dir(folder).must("list a profile").flatten();
    let mut contents = files.filter_map(|file| fs::read(file.path()).ok());
    contents.any(|content| content.windows(bytes.len()).any(|found| found == bytes))
}

#[test]
fn keys_and_theme_are_read_again_when_they_change() {
    let folder = folder();
    let home = settled(folder.path());
    let terminal = open(folder.path(), "alice", free_port());
    terminal.wait_for("alice");
    let write = |name: &str, text: &str| {
        fs::write(home.join("data").join(name), text).must("write a file of the profile");
    };

    // The mistake is told when the file was taken, with what is right in it.
    write(
        "keys.toml",
        "[global]\n\"Ctrl+X z\" = \"version\"\n\"Ctrl+X y\" = \"versoin\"\n",
    );
    terminal.wait_for("keys.toml line 3");
    terminal.press(keys::CTRL_X);
    terminal.press("z");
    terminal.wait_for(concat!("twocan ", env!("CARGO_PKG_VERSION")));
    write("theme.toml", "heading = \"bold octarine\"\n");
    terminal.wait_for("theme.toml");
    terminal.wait_for("octarine");

    assert!(terminal.has_colours(), "{}", terminal.framed());
    write("theme.toml", "base = \"mono\"\n");
    wait_until("a screen without colours", SOON, || !terminal.has_colours());
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());
}

#[test]
fn no_color_leaves_emphasis_alone() {
    let folder = folder();
    let terminal = launch(folder.path(), "alice", free_port())
        .environment(&[variable("NO_COLOR", "1")])
        .start();
    first_run(&terminal, "alice");
    terminal.press(keys::F1);
    terminal.wait_for("/disconnect");
    assert!(!terminal.has_colours(), "{}", terminal.framed());
    assert!(terminal.has_emphasis(), "{}", terminal.framed());
    terminal.press(keys::ESC);
    terminal.wait_gone("/disconnect");
    enter(&terminal, "/quit");
    assert!(terminal.ended_tidily().success());
}

#[test]
fn a_dumb_terminal_gets_lines_and_nothing_else() {
    let folder = folder();
    let terminal = launch(folder.path(), "alice", free_port())
        .environment(&[variable("TERM", "dumb")])
        .start();
    terminal.wait_for("your name:");
    assert!(!terminal.has_colours() && !terminal.has_emphasis());
    terminal.lent_tidily();
    signal(terminal.pid(), "TERM");
    terminal.ended_tidily();
}
