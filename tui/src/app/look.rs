//! How the screen looks, as far as the user or the terminal decides.

use crate::view::theme::file::Custom;
use crate::view::theme::palette::{self, Palette};

/// The signs that a terminal has in its font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyphs {
    /// What every font of today has.
    Unicode,
    /// What the fonts of the Linux console have, of 256 or 512 signs: lines and
    /// blocks, but hardly any symbol.
    Console,
    /// ASCII alone.
    Ascii,
}

impl Glyphs {
    /// All there are.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Unicode, Self::Console, Self::Ascii];

    /// Whether emoji are seen as what they are.
    pub(crate) fn has_emoji(self) -> bool {
        self == Self::Unicode
    }

    /// Whether a cell can be filled by halves.
    pub(crate) fn has_half_blocks(self) -> bool {
        self == Self::Unicode
    }
}

/// How the screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) glyphs: Glyphs,
    /// No colours; bold, reverse and underline stay.
    pub(crate) mono: bool,
    pub(crate) palette: Palette,
    /// Meters are numbers.
    pub(crate) still: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            glyphs: Glyphs::Unicode,
            mono: false,
            palette: palette::ANSI16,
            still: false,
        }
    }
}

/// What the palette is made from.
#[derive(Debug, Default)]
pub(crate) struct Themes {
    /// What the command line asks for, until another is chosen.
    pub(crate) asked: Option<String>,
    /// What was chosen by name, and is kept.
    pub(crate) chosen: Option<String>,
    /// What `theme.toml` says.
    pub(crate) custom: Custom,
    /// The terminal's background is light; unknown until it says so.
    pub(crate) light: Option<bool>,
}

impl Themes {
    /// The palette that comes of it all.
    pub(crate) fn palette(&self) -> Palette {
        let name = self.asked.as_ref().or(self.chosen.as_ref());
        let name = name.or(self.custom.base.as_ref());
        let named = palette::named(name.map_or("auto", String::as_str), self.light);
        self.custom.over(named.unwrap_or(palette::ANSI16))
    }
}
