//! The files of the profile folder that people write by hand. What they hold
//! comes as text, at the start and whenever one changes; a mistake in one is
//! told, and what stood before goes on.

use crate::input::keys_file;

/// A file of the profile folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserFile {
    /// Styles by name.
    Theme,
    /// Keys for actions.
    Keys,
}

impl UserFile {
    pub(crate) const ALL: [Self; 2] = [Self::Theme, Self::Keys];

    /// Its name in the folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Theme => "theme.toml",
            Self::Keys => keys_file::FILE,
        }
    }
}

/// What was found where a file should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Text(String),
    /// There is none: the defaults hold.
    Absent,
    /// There is one that cannot be read, and why.
    Unreadable(String),
}
