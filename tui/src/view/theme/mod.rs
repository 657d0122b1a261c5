//! Styles by what they mean, and signs. The styles come from a palette: one of
//! ours, changed by what the user wrote in `theme.toml`. Without colours every
//! difference still shows as bold, reverse or a sign: the cells then hold no
//! colour at all, which also keeps crossterm 0.29 from undoing reverse under
//! NO_COLOR.

pub(crate) mod doc;
pub(crate) mod file;
pub(crate) mod palette;
mod signs;

use ratatui::style::{Modifier, Style};
use twocan_proto::identity::PeerId;

use self::palette::Palette;
use self::signs::Signs;
use crate::app::{Glyphs, Look, reaction};
use crate::view::marks::Mark;

/// How the screen is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    palette: Palette,
    pub(crate) glyphs: Glyphs,
    /// Nothing moves by itself.
    pub(crate) still: bool,
    pub(crate) signs: &'static Signs,
}

impl Theme {
    pub(crate) fn of(look: Look) -> Self {
        let palette = match look.mono {
            true => palette::MONO,
            false => look.palette,
        };
        Self {
            palette,
            glyphs: look.glyphs,
            still: look.still,
            signs: match look.glyphs {
                Glyphs::Unicode => &signs::UNICODE,
                Glyphs::Console => &signs::CONSOLE,
                Glyphs::Ascii => &signs::ASCII,
            },
        }
    }

    /// Ordinary text.
    pub(crate) fn text(self) -> Style {
        self.palette.text
    }

    /// What matters less: times, rules, hints.
    pub(crate) fn dim(self) -> Style {
        self.palette.dim
    }

    pub(crate) fn heading(self) -> Style {
        self.palette.heading
    }

    /// The names of keys in hints: a click on one presses it.
    pub(crate) fn key(self) -> Style {
        Mark::Key.on(self.palette.key)
    }

    /// What stands out as the names of keys do, and is none: prompts, the sign of
    /// what is chosen.
    pub(crate) fn accent(self) -> Style {
        self.palette.key
    }

    pub(crate) fn good(self) -> Style {
        self.palette.good
    }

    pub(crate) fn warn(self) -> Style {
        self.palette.warn
    }

    pub(crate) fn bad(self) -> Style {
        self.palette.bad
    }

    /// The chosen line.
    pub(crate) fn chosen(self) -> Style {
        self.palette.chosen
    }

    /// What must not be missed: a ringing call, a live microphone.
    pub(crate) fn alert(self) -> Style {
        self.palette.alert
    }

    /// Unread counts and the like.
    pub(crate) fn count(self) -> Style {
        self.palette.count
    }

    /// A message the other has read.
    pub(crate) fn read(self) -> Style {
        self.palette.read
    }

    /// A QR code: dark on light whatever the terminal's theme, as cameras
    /// want it.
    pub(crate) fn qr(self) -> Style {
        self.palette.qr
    }

    /// A cell of a QR code that is all dark.
    pub(crate) fn qr_dark(self) -> Style {
        let light = self.palette.qr;
        match (light.fg, light.bg) {
            (Some(dark), Some(light)) => Style::new().fg(light).bg(dark),
            // Reversed, where there are no colours.
            _ => Style::new(),
        }
    }

    /// An emoji as this screen shows it: by its name where the font has none and
    /// it has one.
    pub(crate) fn emoji(self, emoji: &str) -> String {
        let named = reaction::name(emoji).filter(|_| !self.glyphs.has_emoji());
        named.unwrap_or(emoji).to_owned()
    }

    /// Code within a message.
    pub(crate) fn snippet(self) -> Style {
        self.palette.code
    }

    /// An address of the web within a message.
    pub(crate) fn link(self) -> Style {
        self.palette.link
    }

    /// The name of a person: always the same colour for the same key.
    pub(crate) fn name(self, id: PeerId) -> Style {
        let sum: usize = id.as_bytes().iter().map(|b| usize::from(*b)).sum();
        let names = self.palette.names();
        let style = names.get(sum % names.len().max(1)).copied();
        style.unwrap_or_default().add_modifier(Modifier::BOLD)
    }

    /// Our own name.
    pub(crate) fn me(self) -> Style {
        self.palette.me
    }
}
