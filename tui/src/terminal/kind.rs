//! What the environment says of the terminal: only what it understands is
//! sent to it.

use crate::app::Glyphs;

/// A terminal, and what stands between us and it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Kind {
    pub(super) tmux: bool,
    /// GNU screen, which passes on little.
    pub(super) screen: bool,
    /// The console of Linux: no titles, no links, few signs, nothing to ask.
    pub(super) console: bool,
    pub(super) mosh: bool,
    /// Whoever looks is at another machine.
    pub(super) remote: bool,
    /// An xterm, which has Shift+Enter told only when asked in its own way.
    pub(super) xterm: bool,
    /// There is a desktop here that shows notifications.
    pub(super) session_bus: bool,
    /// The background as `COLORFGBG` tells it.
    pub(super) light: Option<bool>,
}

impl Kind {
    /// As the variables of this process tell.
    pub(super) fn here() -> Self {
        Self::of(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let term = variable("TERM").unwrap_or_default();
        // Of one within the other the inner counts. Only screen's name for
        // itself tells: the variables of both are there.
        let inner_screen = term.starts_with("screen.");
        let tmux = !inner_screen && (variable("TMUX").is_some() || term.starts_with("tmux"));
        let remote = ["SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION"];
        Self {
            tmux,
            screen: !tmux && (variable("STY").is_some() || term.starts_with("screen")),
            console: term == "linux",
            mosh: variable("MOSH_CONNECTION").is_some(),
            remote: remote.into_iter().any(|name| variable(name).is_some()),
            xterm: variable("XTERM_VERSION").is_some(),
            session_bus: variable("DBUS_SESSION_BUS_ADDRESS").is_some(),
            light: variable("COLORFGBG").and_then(|colours| light(&colours)),
        }
    }

    /// Whether it understands what is not part of the oldest terminals:
    /// titles, notifications, the clipboard.
    pub(super) fn has_extras(self) -> bool {
        !self.console
    }

    /// The signs that it has, where the user is not content with `ascii`.
    pub(super) fn glyphs(self, ascii: bool) -> Glyphs {
        match (ascii, self.console) {
            (true, _) => Glyphs::Ascii,
            (false, true) => Glyphs::Console,
            (false, false) => Glyphs::Unicode,
        }
    }

    /// Whether it takes links within the text.
    pub(super) fn has_links(self) -> bool {
        !self.console && !self.screen && !self.mosh
    }

    /// Whether it reports the mouse and is none the worse for it: GNU screen
    /// then keeps Escape back until another key is pressed.
    pub(super) fn has_mouse(self) -> bool {
        !self.screen
    }

    /// Whether Shift+Enter and its like are told by modifyOtherKeys.
    pub(super) fn has_other_keys(self) -> bool {
        self.tmux || self.xterm
    }

    /// Whether notifications go to the desktop of this machine.
    pub(super) fn has_desktop(self) -> bool {
        cfg!(target_os = "linux") && self.session_bus && !self.remote
    }

    /// What is asked at the start; the last question is one that every
    /// terminal answers, so that its answer ends the others.
    pub(super) fn questions(self) -> String {
        const KEYBOARD: &str = "\x1b[?u";
        const BACKGROUND: &str = "\x1b]11;?\x1b\\";
        const ATTRIBUTES: &str = "\x1b[c";
        match self.console || self.screen {
            true => ATTRIBUTES.to_owned(),
            false => [KEYBOARD, BACKGROUND, ATTRIBUTES].concat(),
        }
    }

    /// A sequence for the terminal itself, through what stands before it.
    pub(super) fn through(self, sequence: &str) -> String {
        if self.tmux {
            return format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"));
        }
        match self.screen {
            true => through_screen(sequence),
            false => sequence.to_owned(),
        }
    }
}

/// GNU screen hands on what is in a string of its own, but only so much of it in
/// one (the rest it would show), and no character beyond Latin-1.
fn through_screen(sequence: &str) -> String {
    const PIECE: usize = 200;
    // Its strings have the end that some sequences have, too.
    let sequence = sequence.replace("\x1b\\", "\x07");
    let known = sequence.chars().map(|c| if c > '\u{ff}' { '?' } else { c });
    let known: Vec<char> = known.collect();
    let pieces = known.chunks(PIECE);
    pieces
        .map(|piece| format!("\x1bP{}\x1b\\", String::from_iter(piece)))
        .collect()
}

/// `foreground;background`, by the numbers of the sixteen colours.
fn light(colours: &str) -> Option<bool> {
    let background: u8 = colours.rsplit(';').next()?.parse().ok()?;
    Some(matches!(background, 7 | 9..=15))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(variables: &[(&str, &str)]) -> Kind {
        Kind::of(|name| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_terminal_gets_what_it_understands() {
        let plain = kind(&[("TERM", "xterm-256color")]);
        assert!(plain.has_extras() && plain.has_links() && !plain.has_other_keys());
        assert!(plain.questions().ends_with("\x1b[c") && plain.questions().contains("11;?"));
        let console = kind(&[("TERM", "linux")]);
        assert!(!console.has_extras() && !console.has_links());
        assert_eq!(console.questions(), "\x1b[c");
        assert_eq!(console.glyphs(false), Glyphs::Console);
        assert_eq!(console.glyphs(true), Glyphs::Ascii);
        assert_eq!(plain.glyphs(false), Glyphs::Unicode);
        let screen = kind(&[("TERM", "screen.xterm-256color"), ("STY", "1.pts")]);
        assert!(screen.screen && !screen.has_links() && screen.questions() == "\x1b[c");
        assert!(!screen.has_mouse() && plain.has_mouse());
        let both = [("STY", "1.pts"), ("TMUX", "/tmp/x,1,0")];
        let inner = |term| kind(&[both[0], both[1], ("TERM", term)]);
        assert!(inner("screen.tmux-256color").screen && !inner("screen.tmux-256color").tmux);
        assert!(inner("screen-256color").tmux && !inner("screen-256color").screen);
        let tmux = kind(&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux,1,0")]);
        assert!(tmux.tmux && !tmux.screen && tmux.has_other_keys());
        assert_eq!(
            tmux.through("\x1b]9;x\x07"),
            "\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\"
        );
        assert_eq!(plain.through("\x1b]9;x\x07"), "\x1b]9;x\x07");
        assert_eq!(
            screen.through("\x1b]9;\u{e4}\u{4f60}\x1b\\"),
            "\x1bP\x1b]9;\u{e4}?\x07\x1b\\"
        );
        let long = screen.through(&format!("\x1b]52;c;{}\x07", "x".repeat(500)));
        let pieces: Vec<&str> = long.split("\x1b\\").collect();
        assert_eq!(pieces.len(), 4, "{pieces:?}");
        assert!(pieces.iter().all(|piece| piece.len() <= 202));
    }

    #[test]
    fn the_desktop_is_where_the_user_sits() {
        let bus = ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus");
        assert!(kind(&[bus]).has_desktop());
        assert!(!kind(&[bus, ("SSH_CONNECTION", "a b")]).has_desktop());
        assert!(!kind(&[]).has_desktop());
    }

    #[test]
    fn the_background_by_its_number() {
        for (text, expected) in [
            ("0;15", Some(true)),
            ("15;0", Some(false)),
            ("0;default;7", Some(true)),
            ("x", None),
        ] {
            assert_eq!(kind(&[("COLORFGBG", text)]).light, expected, "{text}");
        }
    }
}
