//! What a terminal shows, and what it answers to a program's questions.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use vt100::{Callbacks, MouseProtocolMode, Parser, Screen};

/// What the terminal shows, and what it answers to questions.
pub(super) struct Display {
    pub(super) parser: Parser<Answers>,
    /// Bytes that the program has written so far.
    pub(super) written: u64,
    /// When it wrote first since somebody began to listen.
    pub(super) heard: Option<Instant>,
    pub(super) ended: bool,
}

pub(super) type Shared = Arc<(Mutex<Display>, Condvar)>;
pub(super) type Input = Arc<Mutex<Box<dyn Write + Send>>>;

/// Answers of a plain xterm to what programs ask at their start; or of one
/// that also knows the kitty keyboard protocol.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) pending: Vec<u8>,
    /// The answers wait, as on a line that is slow.
    pub(super) late: bool,
    /// The flags that were asked for, the ones in force last. None if the
    /// terminal does not know the protocol.
    pub(super) kitty: Option<Vec<u16>>,
}

impl Answers {
    pub(super) fn key_flags(&self) -> u16 {
        let stack = self.kitty.as_deref().unwrap_or_default();
        stack.last().copied().unwrap_or(0)
    }

    /// A sequence of the kitty keyboard protocol.
    fn keyboard(&mut self, first: Option<u8>, parameter: u16) {
        let flags = self.key_flags();
        let Some(stack) = &mut self.kitty else { return };
        match first {
            Some(b'?') => self.pending.extend(format!("\x1b[?{flags}u").into_bytes()),
            Some(b'>') => stack.push(parameter),
            Some(b'<') => {
                let left = stack.len().saturating_sub(usize::from(parameter.max(1)));
                stack.truncate(left);
            }
            _ => {}
        }
    }
}

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _second: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        let parameter = params
            .first()
            .and_then(|numbers| numbers.first())
            .copied()
            .unwrap_or(0);
        match (first, last, parameter) {
            (first, 'u', parameter) => self.keyboard(first, parameter),
            // Primary device attributes: a VT220 with colours.
            (None, 'c', 0) => self.pending.extend(b"\x1b[?62;22c"),
            // Device status, and the position of the cursor.
            (None, 'n', 5) => self.pending.extend(b"\x1b[0n"),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                self.pending
                    .extend(format!("\x1b[{};{}R", row + 1, column + 1).into_bytes());
            }
            _ => {}
        }
    }
}

/// Checks what the program has asked of the terminal: nothing is left of it.
#[track_caller]
pub(super) fn assert_given_back(display: &Display) {
    let screen = display.parser.screen();
    assert!(
        !screen.alternate_screen(),
        "the alternate screen is still on"
    );
    assert!(!screen.hide_cursor(), "the cursor is still hidden");
    assert!(!screen.bracketed_paste(), "bracketed paste is still on");
    assert!(
        !screen.application_cursor(),
        "application cursor keys are still on"
    );
    assert!(
        screen.mouse_protocol_mode() == MouseProtocolMode::None,
        "the mouse is still captured"
    );
    let flags = display.parser.callbacks().key_flags();
    assert_eq!(flags, 0, "the keyboard is still in another mode");
}

/// Takes in what the program writes, and answers its questions.
pub(super) fn show(mut output: Box<dyn Read + Send>, display: &Shared, input: &Input) {
    let (mutex, changed) = &**display;
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = output.read(&mut buffer) {
        let now = Instant::now();
        let mut display = lock(mutex);
        display.written += length as u64;
        display.heard.get_or_insert(now);
        display.parser.process(&buffer[..length]);
        let owed = display.parser.callbacks_mut();
        let answers = match owed.late {
            true => Vec::new(),
            false => std::mem::take(&mut owed.pending),
        };
        drop(display);
        changed.notify_all();
        if !answers.is_empty() {
            let mut input = lock(input);
            // A program that is gone needs no answer.
            drop(input.write_all(&answers).and_then(|()| input.flush()));
        }
    }
    lock(mutex).ended = true;
    changed.notify_all();
}

pub(super) fn cells(rows: u16, columns: u16) -> (NonZeroU16, NonZeroU16) {
    let at_least_one = |count| NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN);
    (at_least_one(rows), at_least_one(columns))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
