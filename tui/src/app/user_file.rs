//! The files of the profile folder that people write by hand. What they hold
//! comes as text, at the start and whenever one changes; a mistake in one is
//! told, and what stood before goes on.

use std::fmt;

/// A file of the profile folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserFile {
    /// Styles by name.
    Theme,
}

impl UserFile {
    pub(crate) const ALL: [Self; 1] = [Self::Theme];

    /// Its name in the folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Theme => "theme.toml",
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

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Where, the first line being 1; `None` if it is the file as a whole.
    pub(crate) line: Option<usize>,
    pub(crate) problem: String,
}

impl Mistake {
    /// A file that is no TOML.
    pub(crate) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        Self {
            line: error.span().map(|span| line_of(text, span.start)),
            problem: error.message().to_owned(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.problem)
    }
}

/// The line that byte `at` of `text` stands in, the first being 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}
