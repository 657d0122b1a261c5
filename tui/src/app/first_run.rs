//! The first steps: a name, where the key is, and where friends are found.

use super::editor::Editor;
use super::form::Form;

/// A step of the first run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// What others see.
    Name,
    /// Where the key is kept, and what that means.
    Key,
    /// Registry, local network, or later.
    Place,
    /// Signing in.
    Registry,
    /// Our own address and link.
    Lan,
}

impl Step {
    /// Its number among the four that a person walks through.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Name => 1,
            Self::Key => 2,
            Self::Place => 3,
            Self::Registry | Self::Lan => 4,
        }
    }
}

/// How many steps a person walks through.
pub(crate) const STEPS: usize = 4;

/// The ways to find friends, in the order of the screen.
pub(crate) const PLACES: [(&str, &str); 3] = [
    (
        "A registry",
        "a small server where people find each other by name",
    ),
    ("No server", "you give friends your address or link"),
    ("Later", "/setup brings these steps back at any time"),
];

/// Where somebody stands in the first run.
#[derive(Debug)]
pub(crate) struct FirstRun {
    pub(crate) step: Step,
    pub(crate) name: Editor,
    /// Which of [`PLACES`] is chosen.
    pub(crate) place: usize,
    pub(crate) form: Form,
    pub(crate) error: Option<String>,
}

impl FirstRun {
    /// Chooses a place, or a field of the form, by its row.
    pub(crate) fn choose(&mut self, at: usize) {
        match self.step {
            Step::Place => self.place = at.min(PLACES.len() - 1),
            Step::Registry => self.form.focus = at.min(self.form.fields.len().saturating_sub(1)),
            Step::Name | Step::Key | Step::Lan => {}
        }
    }

    /// The beginning, with what is known already filled in.
    pub(crate) fn new(name: &str, registry: Option<&str>) -> Self {
        Self {
            step: Step::Name,
            name: Editor::with_text(name),
            // Without a registry at hand, meeting by address needs nothing more.
            place: usize::from(registry.is_none()),
            form: Form::sign_in(registry.unwrap_or_default(), name),
            error: None,
        }
    }
}
