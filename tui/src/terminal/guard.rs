//! The modes of the terminal: what is switched on at the start is switched off
//! by every way out. Exit, panic, signals and suspension all use the one
//! [`restore`].

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use crossterm::cursor::{MoveTo, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::queue;
use crossterm::style::{Print, ResetColor};
use crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use tokio::sync::mpsc;

use super::kind::Kind;

/// Clicks and the wheel, in the SGR form. Not crossterm's own, which also
/// reports every move of the mouse and so wakes an idle program.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
/// The window's title is put on the terminal's stack, and taken back from it.
const TITLE_SAVE: &str = "\x1b[22;2t";
const TITLE_BACK: &str = "\x1b[23;2t";
/// Keys such as Shift+Enter are told apart (modifyOtherKeys of xterm): all that
/// tmux passes on of it.
const OTHER_KEYS_ON: &str = "\x1b[>4;2m";
const OTHER_KEYS_OFF: &str = "\x1b[>4;0m";

/// Whether our modes are on.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// What is wanted of the terminal, beside what every one gets.
static EXTRAS: AtomicBool = AtomicBool::new(false);
static OTHER_KEYS: AtomicBool = AtomicBool::new(false);
/// It has said that it understands the kitty keyboard protocol.
static KITTY: AtomicBool = AtomicBool::new(false);
/// It says when keys are let go, beside what it always says.
static WATCHED: AtomicBool = AtomicBool::new(false);
/// It reports the mouse, and so keeps its own selecting of text to Shift.
static MOUSE: AtomicBool = AtomicBool::new(true);

/// The modes that are wanted.
#[derive(Debug, Clone, Copy)]
struct Modes {
    extras: bool,
    other_keys: bool,
    kitty: bool,
    watched: bool,
    mouse: bool,
}

impl Modes {
    fn now() -> Self {
        let of = |flag: &AtomicBool| flag.load(Ordering::Acquire);
        Self {
            extras: of(&EXTRAS),
            other_keys: of(&OTHER_KEYS),
            kitty: of(&KITTY),
            watched: of(&WATCHED),
            mouse: of(&MOUSE),
        }
    }
}

/// Holds the terminal in our modes; dropping it restores the terminal.
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// Switches our modes on.
    ///
    /// # Errors
    /// When standard input or output is no terminal.
    pub(super) fn enter(kind: Kind) -> io::Result<Self> {
        EXTRAS.store(kind.has_extras(), Ordering::Release);
        OTHER_KEYS.store(kind.has_other_keys(), Ordering::Release);
        MOUSE.store(kind.has_mouse(), Ordering::Release);
        enable_raw_mode()?;
        let guard = Self(());
        enter()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes note that the terminal understands the kitty keyboard protocol, and
/// has it used.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn use_kitty() -> io::Result<()> {
    if KITTY.swap(true, Ordering::AcqRel) || !ACTIVE.load(Ordering::Acquire) {
        return Ok(());
    }
    written(|out| write_kitty(out, true))
}

/// Has the terminal say when keys are let go, or no longer. Only for as long
/// as it is needed: some terminals do it badly.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn watch_keys(on: bool) -> io::Result<()> {
    let can = KITTY.load(Ordering::Acquire);
    if !can || WATCHED.swap(on, Ordering::AcqRel) == on {
        return Ok(());
    }
    // While another program has the terminal, `enter` does it afterwards.
    if !ACTIVE.load(Ordering::Acquire) {
        return Ok(());
    }
    written(|out| write_watch(out, on))
}

/// Has the mouse reported, or leaves it to the terminal.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn report_mouse(on: bool) -> io::Result<()> {
    if MOUSE.swap(on, Ordering::AcqRel) == on {
        return Ok(());
    }
    written(|out| queue!(out, Print(if on { MOUSE_ON } else { MOUSE_OFF })))
}

fn written(write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write(&mut out)?;
    out.flush()
}

/// Switches our modes on, as at the start and after a suspension.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    ACTIVE.store(true, Ordering::Release);
    written(|out| write_enter(out, Modes::now()))
}

/// Gives the terminal back as it was. May be called at any time, any number
/// of times; what cannot be written has nobody to read it.
pub(super) fn restore() {
    if ACTIVE.swap(false, Ordering::AcqRel) {
        let _gone = written(|out| write_restore(out, Modes::now()));
    }
    let _gone = disable_raw_mode();
}

/// Writes what switches our modes on.
fn write_enter(out: &mut impl Write, modes: Modes) -> io::Result<()> {
    if modes.extras {
        queue!(out, Print(TITLE_SAVE))?;
    }
    // Where there is no second screen what stands on the only one is drawn over.
    queue!(
        out,
        EnterAlternateScreen,
        Clear(ClearType::All),
        EnableBracketedPaste,
        EnableFocusChange
    )?;
    if modes.mouse {
        queue!(out, Print(MOUSE_ON))?;
    }
    if modes.other_keys {
        queue!(out, Print(OTHER_KEYS_ON))?;
    }
    if modes.kitty {
        write_kitty(out, true)?;
    }
    match modes.watched {
        true => write_watch(out, true),
        false => Ok(()),
    }
}

fn write_kitty(out: &mut impl Write, on: bool) -> io::Result<()> {
    if !on {
        return queue!(out, PopKeyboardEnhancementFlags);
    }
    let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
    queue!(out, PushKeyboardEnhancementFlags(flags))
}

/// Writes what has keys reported when they are let go, on top of
/// [`write_kitty`], or takes that back.
fn write_watch(out: &mut impl Write, on: bool) -> io::Result<()> {
    if !on {
        return queue!(out, PopKeyboardEnhancementFlags);
    }
    let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES
        | KeyboardEnhancementFlags::REPORT_EVENT_TYPES;
    queue!(out, PushKeyboardEnhancementFlags(flags))
}

/// Writes what switches them off, in the opposite order.
fn write_restore(out: &mut impl Write, modes: Modes) -> io::Result<()> {
    // A frame that was cut short must not leave the terminal waiting for more.
    queue!(out, EndSynchronizedUpdate)?;
    if modes.watched {
        write_watch(out, false)?;
    }
    if modes.kitty {
        write_kitty(out, false)?;
    }
    if modes.other_keys {
        queue!(out, Print(OTHER_KEYS_OFF))?;
    }
    queue!(
        out,
        Print(MOUSE_OFF),
        DisableFocusChange,
        DisableBracketedPaste,
        ResetColor,
        Show,
        // For terminals without another screen (GNU screen as it comes, old
        // consoles): what was said does not stay, nor a prompt in its midst.
        Clear(ClearType::All),
        MoveTo(0, 0),
        LeaveAlternateScreen
    )?;
    if modes.extras {
        queue!(out, Print(TITLE_BACK))?;
    }
    Ok(())
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

    const ALL: Modes = Modes {
        extras: true,
        other_keys: true,
        kitty: true,
        watched: true,
        mouse: true,
    };
    const FEWEST: Modes = Modes {
        extras: false,
        other_keys: false,
        kitty: false,
        watched: false,
        mouse: false,
    };

    /// The modes a terminal is in after some bytes.
    fn modes(bytes: &[u8]) -> vt100::Parser {
        let mut parser = vt100::Parser::default();
        parser.process(bytes);
        parser
    }

    #[test]
    fn restoring_takes_back_every_mode() {
        let mut bytes = Vec::new();
        write_enter(&mut bytes, ALL).unwrap();
        let on = modes(&bytes);
        assert!(on.screen().alternate_screen() && on.screen().bracketed_paste());
        assert!(on.screen().mouse_protocol_mode() != vt100::MouseProtocolMode::None);
        let entered = String::from_utf8(bytes.clone()).unwrap();
        write_restore(&mut bytes, ALL).unwrap();
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
        assert!(entered.contains("\x1b[>1u\x1b[>3u"), "{entered:?}");
        assert_eq!(left.matches("\x1b[<1u").count(), 2, "{left:?}");
        assert!(entered.contains(TITLE_SAVE) && left.contains(TITLE_BACK));
        assert!(entered.contains(OTHER_KEYS_ON) && left.contains(OTHER_KEYS_OFF));
    }

    #[test]
    fn where_there_is_no_other_screen_nothing_stays() {
        // What a terminal without one makes of it.
        let seen = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            modes(text.replace("\x1b[?1049", "\x1b[?9999").as_bytes())
        };
        let mut bytes = b"what the shell wrote".to_vec();
        write_enter(&mut bytes, FEWEST).unwrap();
        assert_eq!(seen(&bytes).screen().contents(), "");
        bytes.extend(b"what was said");
        write_restore(&mut bytes, FEWEST).unwrap();
        let left = seen(&bytes);
        assert_eq!(left.screen().contents(), "");
        assert_eq!(left.screen().cursor_position(), (0, 0));
        // Elsewhere the shell's is back.
        assert_eq!(modes(&bytes).screen().contents(), "what the shell wrote");
    }

    #[test]
    fn a_plain_terminal_hears_nothing_of_what_it_does_not_know() {
        let mut bytes = Vec::new();
        write_enter(&mut bytes, FEWEST).unwrap();
        write_restore(&mut bytes, FEWEST).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        for unknown in [
            "\x1b[>1u",
            "\x1b[<1u",
            TITLE_SAVE,
            TITLE_BACK,
            OTHER_KEYS_ON,
            MOUSE_ON,
        ] {
            assert!(!text.contains(unknown), "{unknown:?}");
        }
    }
}
