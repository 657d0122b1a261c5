//! A person at a terminal with twocan: what she does most often. The screen is
//! looked at between any two things, as a person does.

use std::net::TcpListener;
use std::path::Path;

use crate::process::{Must, twocan};
use crate::terminal::{Launch, Terminal, keys};

/// A microphone that needs no device.
pub const MICROPHONE: &str = "tone:440";

/// A port that was free a moment ago.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").must("find a free port");
    listener.local_addr().must("read a port").port()
}

/// Opens the interface with a profile of this name that has no devices.
#[must_use]
pub fn open(folder: &Path, name: &str, port: u16) -> Terminal {
    launch(folder, name, port).start()
}

/// The same, not yet started.
#[must_use]
pub fn launch(folder: &Path, name: &str, port: u16) -> Launch {
    launch_with(folder, name, port, MICROPHONE)
}

/// The same with a microphone as `--audio-in` takes it.
///
/// # Panics
/// If its home cannot be made.
#[must_use]
pub fn launch_with(folder: &Path, name: &str, port: u16, microphone: &str) -> Launch {
    let home = folder.join(name);
    std::fs::create_dir_all(&home).must("make a home");
    let arguments = arguments(&home, port, microphone);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Launch::new(&twocan(), &home).args(&arguments).size(100, 30)
}

/// What the program is started with for a profile in this home that has no
/// devices.
#[must_use]
pub fn arguments(home: &Path, port: u16, microphone: &str) -> Vec<String> {
    let data = home.join("data").display().to_string();
    let listen = format!("127.0.0.1:{port}");
    let words = [
        "--data",
        &data,
        "--listen",
        &listen,
        "--no-lan",
        "--no-passphrase",
        "--audio-in",
        microphone,
        "--audio-out",
        "null",
    ];
    words.map(str::to_owned).to_vec()
}

/// Goes through the first run: a name, and the offered answer to the rest.
///
/// # Panics
/// If it does not come to its end.
#[track_caller]
pub fn first_run(terminal: &Terminal, name: &str) {
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
#[track_caller]
pub fn enter(terminal: &Terminal, line: &str) {
    terminal.press(line);
    terminal.wait_for(line);
    terminal.press(keys::ENTER);
}

/// Goes through the first runs of alice and bob, who become contacts.
#[track_caller]
pub fn meet(alice: &Terminal, bob: &Terminal, bob_port: u16) {
    first_run(alice, "alice");
    first_run(bob, "bob");
    enter(alice, &format!("/connect 127.0.0.1:{bob_port}"));
    bob.wait_for("alice asks");
    enter(bob, "/accept");
    alice.wait_for("bob");
    bob.wait_for("alice");
}

/// Alice calls, bob answers, and both hear each other.
#[track_caller]
pub fn call(alice: &Terminal, bob: &Terminal) {
    enter(alice, "/call bob");
    bob.wait_for("Ctrl+X a");
    bob.press(keys::CTRL_X);
    bob.press("a");
    alice.wait_for("LIVE");
    bob.wait_for("LIVE");
}
