//! Opens an address or a file with the program of the desktop that is for it,
//! beside us: nothing it prints reaches the screen.

use std::process::{Command, Stdio};
use std::thread;

/// The program that knows which one is meant.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

/// Has `what` opened.
///
/// # Errors
/// When there is no such program, in words for the user.
pub(super) fn open(what: &str) -> Result<(), String> {
    let started = Command::new(OPENER)
        .arg(what)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let refused = |error| format!("cannot open {what}: {OPENER}: {error}; y copies it");
    let mut opener = started.map_err(refused)?;
    // It ends some time; until somebody asks, it would stay as a zombie.
    let waiting = move || drop(opener.wait());
    let waiter = thread::Builder::new()
        .name("opener".to_owned())
        .spawn(waiting);
    waiter.map(drop).map_err(refused)
}
