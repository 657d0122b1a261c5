//! The modes of the terminal: what is switched on at the start is switched off
//! by every way out. Exit, panic, signals and suspension all use the one
//! [`restore`].

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::queue;
use crossterm::style::{Print, ResetColor};
use crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, supports_keyboard_enhancement,
};
use tokio::sync::mpsc;

/// Clicks and the wheel, in the SGR form. Not crossterm's own, which also
/// reports every move of the mouse and so wakes an idle program.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
/// The window's title is put on the terminal's stack, and taken back from it.
const TITLE_SAVE: &str = "\x1b[22;2t";
const TITLE_BACK: &str = "\x1b[23;2t";

/// Whether our modes are on.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// Whether the terminal understands the kitty keyboard protocol.
static KITTY: AtomicBool = AtomicBool::new(false);
/// Whether it says when keys are let go, beside what it always says.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Holds the terminal in our modes; dropping it restores the terminal.
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// Asks the terminal what it can do and switches our modes on. Must come
    /// before anything reads events, as the answer comes among them.
    ///
    /// # Errors
    /// When standard input or output is no terminal.
    pub(super) fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        let guard = Self(());
        // A terminal that does not answer has none of the protocol.
        KITTY.store(
            supports_keyboard_enhancement().unwrap_or(false),
            Ordering::Release,
        );
        enter()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether the terminal can say when keys are let go.
pub(super) fn can_watch_keys() -> bool {
    KITTY.load(Ordering::Acquire)
}

/// Has the terminal say when keys are let go, or no longer. Only for as long
/// as it is needed: some terminals do it badly.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn watch_keys(on: bool) -> io::Result<()> {
    if !can_watch_keys() || WATCHED.swap(on, Ordering::AcqRel) == on {
        return Ok(());
    }
    // While another program has the terminal, `enter` does it afterwards.
    if !ACTIVE.load(Ordering::Acquire) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    write_watch(&mut out, on)?;
    out.flush()
}

/// Switches our modes on, as at the start and after a suspension.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    ACTIVE.store(true, Ordering::Release);
    let mut out = io::stdout().lock();
    write_enter(&mut out, KITTY.load(Ordering::Acquire))?;
    if WATCHED.load(Ordering::Acquire) {
        write_watch(&mut out, true)?;
    }
    out.flush()
}

/// Gives the terminal back as it was. May be called at any time, any number
/// of times; what cannot be written has nobody to read it.
pub(super) fn restore() {
    if ACTIVE.swap(false, Ordering::AcqRel) {
        let mut out = io::stdout().lock();
        if WATCHED.load(Ordering::Acquire) {
            let _gone = write_watch(&mut out, false);
        }
        let _gone = write_restore(&mut out, KITTY.load(Ordering::Acquire));
        let _gone = out.flush();
    }
    let _gone = disable_raw_mode();
}

/// Writes what switches our modes on.
fn write_enter(out: &mut impl Write, kitty: bool) -> io::Result<()> {
    queue!(out, Print(TITLE_SAVE), EnterAlternateScreen)?;
    queue!(
        out,
        EnableBracketedPaste,
        EnableFocusChange,
        Print(MOUSE_ON)
    )?;
    if kitty {
        let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
        queue!(out, PushKeyboardEnhancementFlags(flags))?;
    }
    Ok(())
}

/// Writes what has keys reported when they are let go, on top of
/// [`write_enter`], or takes that back.
fn write_watch(out: &mut impl Write, on: bool) -> io::Result<()> {
    if !on {
        return queue!(out, PopKeyboardEnhancementFlags);
    }
    let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES
        | KeyboardEnhancementFlags::REPORT_EVENT_TYPES;
    queue!(out, PushKeyboardEnhancementFlags(flags))
}

/// Writes what switches them off, in the opposite order.
fn write_restore(out: &mut impl Write, kitty: bool) -> io::Result<()> {
    // A frame that was cut short must not leave the terminal waiting for more.
    queue!(out, EndSynchronizedUpdate)?;
    if kitty {
        queue!(out, PopKeyboardEnhancementFlags)?;
    }
    queue!(
        out,
        Print(MOUSE_OFF),
        DisableFocusChange,
        DisableBracketedPaste
    )?;
    queue!(
        out,
        ResetColor,
        Show,
        LeaveAlternateScreen,
        Print(TITLE_BACK)
    )
}

/// Makes panics readable. One in the interface's own thread restores the
/// terminal before it is told; one in any other thread leaves the screen
/// alone, and `broken` hears of it.
pub(super) fn install_panic_hook(interface: ThreadId, broken: mpsc::Sender<()>) {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !ACTIVE.load(Ordering::Acquire) {
            told(panic);
        } else if thread::current().id() == interface {
            restore();
            told(panic);
        } else {
            tracing::error!("a background thread failed: {panic}");
            // Full means that it is being told already.
            let _told = broken.try_send(());
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modes a terminal is in after some bytes.
    fn modes(bytes: &[u8]) -> vt100::Parser {
        let mut parser = vt100::Parser::default();
        parser.process(bytes);
        parser
    }

    #[test]
    fn restoring_takes_back_every_mode() {
        let mut bytes = Vec::new();
        write_enter(&mut bytes, true).unwrap();
        let on = modes(&bytes);
        assert!(on.screen().alternate_screen() && on.screen().bracketed_paste());
        assert!(on.screen().mouse_protocol_mode() != vt100::MouseProtocolMode::None);
        let entered = String::from_utf8(bytes.clone()).unwrap();
        write_restore(&mut bytes, true).unwrap();
        let off = modes(&bytes);
        assert!(!off.screen().alternate_screen() && !off.screen().bracketed_paste());
        assert!(!off.screen().hide_cursor());
        assert!(off.screen().mouse_protocol_mode() == vt100::MouseProtocolMode::None);

        // What no parser tracks: each private mode set is reset, each push
        // popped.
        let left = String::from_utf8(bytes[entered.len()..].to_vec()).unwrap();
        for set in entered
            .split("\x1b[?")
            .skip(1)
            .filter_map(|rest| rest.split_once('h'))
        {
            let number = set.0;
            assert!(number.parse::<u16>().is_ok(), "{entered:?}");
            assert!(
                left.contains(&format!("\x1b[?{number}l")),
                "{number} stays on: {left:?}"
            );
        }
        assert!(entered.contains("\x1b[>1u") && left.contains("\x1b[<1u"));
        assert!(entered.contains(TITLE_SAVE) && left.contains(TITLE_BACK));
    }

    #[test]
    fn watching_keys_is_taken_back_too() {
        let mut bytes = Vec::new();
        write_watch(&mut bytes, true).unwrap();
        write_watch(&mut bytes, false).unwrap();
        assert_eq!(bytes, b"\x1b[>3u\x1b[<1u");
    }

    #[test]
    fn a_plain_terminal_hears_nothing_of_the_keyboard_protocol() {
        let mut bytes = Vec::new();
        write_enter(&mut bytes, false).unwrap();
        write_restore(&mut bytes, false).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("\x1b[>1u") && !text.contains("\x1b[<1u"));
    }
}
