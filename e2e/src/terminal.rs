//! A terminal for the interface: a pseudo-terminal of any size, what it shows,
//! and the keys of a person.

mod display;
pub mod keys;
mod launch;

pub use launch::Launch;

use std::io::Write;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, ExitStatus, MasterPty, PtySize};
use vt100::{Cell, Color, Screen};

use self::display::{Display, Input, Shared, assert_given_back, cells, lock};
use crate::process::Must;

/// How long a screen may take to show what is awaited.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the program may take to end.
const ENDING: Duration = Duration::from_secs(20);

/// A program in a terminal.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    display: Shared,
    input: Input,
    /// The line discipline before the program changed it.
    modes_before: String,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal")
            .field("screen", &self.screen())
            .finish_non_exhaustive()
    }
}

/// Flag of the kitty keyboard protocol: keys are told when they come up.
pub const RELEASES: u16 = 2;

impl Terminal {
    /// What is on the screen, row by row.
    #[must_use]
    pub fn screen(&self) -> String {
        lock(&self.display.0).parser.screen().contents()
    }

    /// The same with how it looks.
    #[must_use]
    pub fn shown(&self) -> Screen {
        lock(&self.display.0).parser.screen().clone()
    }

    /// Whether any character on the screen has a colour of its own.
    #[must_use]
    pub fn has_colours(&self) -> bool {
        self.any_cell(|cell| cell.fgcolor() != Color::Default || cell.bgcolor() != Color::Default)
    }

    /// Whether any character on the screen is bold or reversed.
    #[must_use]
    pub fn has_emphasis(&self) -> bool {
        self.any_cell(|cell| cell.bold() || cell.inverse())
    }

    fn any_cell(&self, condition: impl Fn(&Cell) -> bool) -> bool {
        let display = lock(&self.display.0);
        let screen = display.parser.screen();
        let (rows, columns) = screen.size();
        (0..rows.get()).any(|row| {
            (0..columns.get()).any(|column| screen.cell(row, column).is_some_and(&condition))
        })
    }

    /// Gives the answers that a late terminal owes; from now on it is quick.
    ///
    /// # Panics
    /// If it owes none, or the program is gone.
    #[track_caller]
    pub fn answer(&self) {
        let mut display = lock(&self.display.0);
        let answers = display.parser.callbacks_mut();
        answers.late = false;
        let pending = std::mem::take(&mut answers.pending);
        drop(display);
        assert!(!pending.is_empty(), "nothing was asked");
        let mut input = lock(&self.input);
        input
            .write_all(&pending)
            .and_then(|()| input.flush())
            .must("answer the program");
    }

    /// Waits until flags of the kitty keyboard protocol are in force, or no
    /// longer.
    ///
    /// # Panics
    /// If that does not come in time.
    #[track_caller]
    pub fn wait_for_key_flags(&self, flags: u16, on: bool) {
        let what = format!("key flags {flags} {on}");
        self.wait(&what, |display| {
            (display.parser.callbacks().key_flags() & flags == flags) == on
        });
    }

    /// Presses keys, given as what the terminal sends for them.
    ///
    /// # Panics
    /// If the program is gone.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let mut input = lock(&self.input);
        let sent = input
            .write_all(keys.as_bytes())
            .and_then(|()| input.flush());
        drop(input);
        if let Err(error) = sent {
            panic!("cannot press {keys:?}: {error}\n{}", self.framed());
        }
    }

    /// Presses keys from now on, as fast as the program takes them.
    pub fn flood(&self, keys: &str) {
        let (input, keys) = (Arc::clone(&self.input), keys.to_owned());
        // Nobody waits for its end: once nothing is taken any more it waits
        // with the line, or is told that there is none.
        thread::spawn(move || while lock(&input).write_all(keys.as_bytes()).is_ok() {});
    }

    /// Bytes that the program has written to the terminal so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        lock(&self.display.0).written
    }

    /// Presses keys, and says how long it took until the program wrote
    /// anything.
    ///
    /// # Panics
    /// If it writes nothing in time.
    #[track_caller]
    pub fn echo(&self, keys: &str) -> Duration {
        lock(&self.display.0).heard = None;
        let pressed = Instant::now();
        self.press(keys);
        self.wait("answer to a key", |display| display.heard.is_some());
        let heard = lock(&self.display.0).heard;
        heard.map_or(Duration::ZERO, |at| at.saturating_duration_since(pressed))
    }

    /// Waits until a text is on the screen.
    ///
    /// # Panics
    /// If it is not there in time; shows the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("'{text}' on the screen"), |screen| {
            screen.contains(text)
        });
    }

    /// Waits until a text is no longer on the screen.
    ///
    /// # Panics
    /// If it is still there when the time is over; shows the screen.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        self.wait_until(&format!("a screen without '{text}'"), |screen| {
            !screen.contains(text)
        });
    }

    /// Waits until the screen satisfies a condition.
    ///
    /// # Panics
    /// If it does not in time; shows the screen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl Fn(&str) -> bool) {
        self.wait(what, |display| {
            condition(&display.parser.screen().contents())
        });
    }

    #[track_caller]
    fn wait(&self, what: &str, condition: impl Fn(&Display) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let (mutex, changed) = &*self.display;
        let mut display = lock(mutex);
        while !condition(&display) {
            let left = deadline.saturating_duration_since(Instant::now());
            if display.ended || left.is_zero() {
                let why = if display.ended {
                    "the program ended"
                } else {
                    "the time is over"
                };
                drop(display);
                panic!("no {what}: {why}\n{}", self.framed());
            }
            display = changed
                .wait_timeout(display, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Changes the size, columns by rows, as a window does.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut display = lock(&self.display.0);
        let (row_count, column_count) = cells(rows, columns);
        display.parser.set_size(row_count, column_count);
        drop(display);
        self.master
            .resize(PtySize {
                rows,
                cols: columns,
                ..PtySize::default()
            })
            .must("resize a terminal");
    }

    /// Number of the program's process.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child
            .process_id()
            .must("find the process in a terminal")
    }

    /// Waits for the program's end and checks that it left the terminal as a
    /// shell needs it.
    ///
    /// # Panics
    /// If it does not end in time, or leaves the terminal changed.
    #[track_caller]
    pub fn ended_tidily(mut self) -> ExitStatus {
        let status = self.wait_for_end();
        let (mutex, changed) = &*self.display;
        let mut display = lock(mutex);
        // The modes of the line are the terminal's; the rest came as output,
        // which is complete when the last holder of the terminal is gone.
        let deadline = Instant::now() + ENDING;
        while !display.ended && Instant::now() < deadline {
            display = changed
                .wait_timeout(display, Duration::from_millis(50))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        assert_given_back(&display);
        drop(display);
        let modes_after = modes(self.master.as_ref());
        assert_eq!(
            modes_after, self.modes_before,
            "the modes of the line have changed"
        );
        status
    }

    /// Checks that somebody else can use the terminal meanwhile: a shell that
    /// the program went to the background of, or an editor that it started.
    ///
    /// # Panics
    /// If the terminal is not as it was before the program started.
    #[track_caller]
    pub fn lent_tidily(&self) {
        assert_given_back(&lock(&self.display.0));
        let modes_now = modes(self.master.as_ref());
        assert_eq!(
            modes_now, self.modes_before,
            "the modes of the line have changed"
        );
    }

    #[track_caller]
    fn wait_for_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + ENDING;
        loop {
            if let Some(status) = self
                .child
                .try_wait()
                .must("look after a program in a terminal")
            {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the program did not end\n{}",
                self.framed()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The screen with a rule above and below, for the report of a failure.
    #[must_use]
    pub fn framed(&self) -> String {
        format!("--- the screen:\n{}\n---", self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.framed());
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nothing more can be done about a process that cannot be ended.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The modes of the line, in words that can be compared.
fn modes(master: &(dyn MasterPty + Send)) -> String {
    master
        .get_termios()
        .map(|modes| format!("{modes:?}"))
        .must("read the modes of a terminal")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn shell(script: &str) -> Terminal {
        let home = std::env::temp_dir();
        Launch::new(Path::new("/bin/sh"), &home)
            .args(&["-c", script])
            .start()
    }

    #[test]
    fn a_program_is_seen_fed_and_outlived() {
        let terminal = shell("printf 'name? '; read name; printf 'hello %s\\n' \"$name\"; exit 3");
        terminal.wait_for("name?");
        terminal.press("can\r");
        terminal.wait_for("hello can");
        assert_eq!(terminal.ended_tidily().exit_code(), 3);
    }

    #[test]
    fn a_resize_is_felt() {
        let terminal = shell("trap 'stty size' WINCH; echo ready; read line; read line");
        terminal.wait_for("ready");
        terminal.resize(40, 15);
        terminal.wait_for("15 40");
    }

    #[test]
    #[should_panic(expected = "cursor is still hidden")]
    fn a_hidden_cursor_is_noticed() {
        shell("printf '\\033[?25l'").ended_tidily();
    }

    #[test]
    #[should_panic(expected = "modes of the line")]
    fn a_raw_line_is_noticed() {
        shell("stty raw -echo").ended_tidily();
    }
}
