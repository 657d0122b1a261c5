//! Colours and signs. Sixteen ANSI colours, so the terminal's own theme rules;
//! text keeps the terminal's colour. Without colours every difference still
//! shows as bold, reverse or a sign: the cells then hold no colour at all,
//! which also keeps crossterm 0.29 from undoing reverse under NO_COLOR.

use ratatui::style::{Color, Modifier, Style};
use twocan_proto::identity::PeerId;

use crate::app::{Look, reaction};

/// Styles by what they mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    mono: bool,
    ascii: bool,
    pub(crate) signs: &'static Signs,
}

/// Signs that stand for states; none of them has an emoji form.
#[derive(Debug)]
pub(crate) struct Signs {
    pub(crate) online: &'static str,
    pub(crate) offline: &'static str,
    pub(crate) away: &'static str,
    pub(crate) busy: &'static str,
    /// Files to us, and from us.
    pub(crate) coming: &'static str,
    pub(crate) going: &'static str,
    pub(crate) verified: &'static str,
    pub(crate) known: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) chosen: &'static str,
    pub(crate) queued: &'static str,
    pub(crate) sent: &'static str,
    pub(crate) delivered: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) quote: &'static str,
    /// Around what was looked for.
    pub(crate) hit: [&'static str; 2],
    pub(crate) across: &'static str,
    pub(crate) down: &'static str,
    pub(crate) corners: [&'static str; 4],
    pub(crate) cut: &'static str,
    pub(crate) back: &'static str,
    pub(crate) more_below: &'static str,
    pub(crate) open_group: &'static str,
    pub(crate) done: &'static str,
    pub(crate) between: &'static str,
    pub(crate) secret: &'static str,
    /// Edges of a meter.
    pub(crate) meter: [&'static str; 2],
    /// Fillings of a cell, from an eighth to full.
    pub(crate) eighths: &'static [&'static str],
    pub(crate) empty: &'static str,
    pub(crate) peak: &'static str,
    /// Heights of a sparkline.
    pub(crate) spark: &'static [&'static str],
}

static UNICODE: Signs = Signs {
    online: "●",
    offline: "○",
    away: "◐",
    busy: "■",
    coming: "↓",
    going: "↑",
    verified: "◆",
    known: "◇",
    changed: "!",
    chosen: "▸",
    queued: "·",
    sent: "✓",
    delivered: "✓✓",
    failed: "✗",
    quote: "┃",
    hit: ["‹", "›"],
    across: "─",
    down: "│",
    corners: ["┌", "┐", "└", "┘"],
    cut: "…",
    back: "‹",
    more_below: "▼",
    open_group: "▾",
    done: "✓",
    between: "·",
    secret: "•",
    meter: ["▕", "▏"],
    eighths: &["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    empty: "░",
    peak: "│",
    spark: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

static ASCII: Signs = Signs {
    online: "*",
    offline: "-",
    away: "~",
    busy: "#",
    coming: "<",
    going: ">",
    verified: "v",
    known: "?",
    changed: "!",
    chosen: ">",
    queued: ".",
    sent: "+",
    delivered: "++",
    failed: "x",
    quote: "|",
    hit: ["<", ">"],
    across: "-",
    down: "|",
    corners: ["+", "+", "+", "+"],
    cut: "~",
    back: "<",
    more_below: "v",
    open_group: "-",
    done: "+",
    between: "-",
    secret: "*",
    meter: ["[", "]"],
    eighths: &["#"],
    empty: ".",
    peak: "|",
    spark: &["_", ".", "-", "=", "#"],
};

/// Colours of names: readable on light and dark grounds alike.
const NAMES: [Color; 5] = [
    Color::Cyan,
    Color::Magenta,
    Color::Green,
    Color::Red,
    Color::Blue,
];

impl Theme {
    pub(crate) fn of(look: Look) -> Self {
        Self {
            mono: look.mono,
            ascii: look.ascii,
            signs: if look.ascii { &ASCII } else { &UNICODE },
        }
    }

    fn coloured(self, style: Style, color: Color) -> Style {
        if self.mono { style } else { style.fg(color) }
    }

    /// Ordinary text.
    pub(crate) fn text(self) -> Style {
        Style::new()
    }

    /// What matters less: times, rules, hints.
    pub(crate) fn dim(self) -> Style {
        if self.mono {
            Style::new()
        } else {
            Style::new().fg(Color::DarkGray)
        }
    }

    pub(crate) fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Keys in hints.
    pub(crate) fn key(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::BOLD), Color::Cyan)
    }

    pub(crate) fn good(self) -> Style {
        self.coloured(Style::new(), Color::Green)
    }

    pub(crate) fn warn(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::BOLD), Color::Yellow)
    }

    pub(crate) fn bad(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::BOLD), Color::Red)
    }

    /// The chosen line.
    pub(crate) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What must not be missed: a ringing call, a live microphone.
    pub(crate) fn alert(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
        self.coloured(style, Color::Red)
    }

    /// Unread counts and the like.
    pub(crate) fn count(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::BOLD), Color::Yellow)
    }

    /// A message the other has read.
    pub(crate) fn read(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::BOLD), Color::Green)
    }

    /// A QR code: dark on light whatever the terminal's theme, as cameras
    /// want it.
    pub(crate) fn code(self) -> Style {
        if self.mono {
            self.chosen()
        } else {
            Style::new().fg(Color::Black).bg(Color::White)
        }
    }

    /// An emoji as this screen shows it: by its name where only ASCII is wanted
    /// and it has one.
    pub(crate) fn emoji(self, emoji: &str) -> String {
        let named = reaction::name(emoji).filter(|_| self.ascii);
        named.unwrap_or(emoji).to_owned()
    }

    /// Code within a message.
    pub(crate) fn snippet(self) -> Style {
        if self.mono {
            Style::new().add_modifier(Modifier::UNDERLINED)
        } else {
            Style::new().fg(Color::Cyan)
        }
    }

    /// The name of a person: always the same colour for the same key.
    pub(crate) fn name(self, id: PeerId) -> Style {
        let sum: usize = id.as_bytes().iter().map(|b| usize::from(*b)).sum();
        let color = NAMES
            .get(sum % NAMES.len())
            .copied()
            .unwrap_or(Color::Reset);
        self.coloured(Style::new().add_modifier(Modifier::BOLD), color)
    }

    /// Our own name.
    pub(crate) fn me(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}
