//! Lines from standard input, and whether the terminal shows what is typed.

use std::io::{self, BufRead, IsTerminal};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// Lines read ahead.
const AHEAD: usize = 16;

/// Lines of standard input.
#[derive(Debug)]
pub(super) struct Lines {
    lines: mpsc::Receiver<String>,
    typed: bool,
    echo: bool,
}

impl Lines {
    /// Reads in a thread of its own: it stays in the read until a line comes,
    /// and nothing waits for it at the end.
    pub(super) fn start() -> Self {
        let (sender, lines) = mpsc::channel(AHEAD);
        std::thread::spawn(move || {
            let mut input = io::stdin().lock();
            let mut line = Vec::new();
            while input.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line).into_owned();
                if sender.blocking_send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self {
            lines,
            typed: io::stdin().is_terminal(),
            echo: true,
        }
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    /// Whether a person types them.
    pub(super) fn are_typed(&self) -> bool {
        self.typed
    }

    /// Whether the terminal shows what is typed.
    pub(super) fn is_echoed(&self) -> bool {
        self.echo
    }

    /// Has the terminal show what is typed, or not.
    pub(super) fn echo(&mut self, on: bool) {
        if !self.typed || on == self.echo {
            return;
        }
        let input = io::stdin();
        let Ok(mut modes) = tcgetattr(&input) else {
            return;
        };
        modes.local_modes.set(LocalModes::ECHO, on);
        // A terminal that cannot hide it is no reason to stop.
        if tcsetattr(&input, OptionalActions::Now, &modes).is_ok() {
            self.echo = on;
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.echo(true);
    }
}
