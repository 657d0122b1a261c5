//! What the user prefers of looks and notifications. Kept with the settings of
//! the profile, under these names.

/// Settings that are on unless they are set to false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// Meters move; else they are numbers that change once a second.
    pub(crate) motion: bool,
    /// Notifications say who it was and what was written.
    pub(crate) content: bool,
    pub(crate) ways: Ways,
}

/// The ways a notification may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ways {
    /// The terminal's bell.
    pub(crate) bell: bool,
    /// By the terminal (OSC 9 and OSC 777).
    pub(crate) terminal: bool,
    /// By the desktop of this machine.
    pub(crate) desktop: bool,
}

/// The setting that names the theme.
pub(crate) const THEME: &str = "theme";

type Switch = fn(&mut Preferences) -> &mut bool;

/// The settings that are switches, by their names.
pub(crate) const SWITCHES: [(&str, Switch); 5] = [
    ("motion", |p| &mut p.motion),
    ("notify.bell", |p| &mut p.ways.bell),
    ("notify.content", |p| &mut p.content),
    ("notify.desktop", |p| &mut p.ways.desktop),
    ("notify.terminal", |p| &mut p.ways.terminal),
];

/// Whether a setting is one of these.
pub(crate) fn is_one(key: &str) -> bool {
    key == THEME || SWITCHES.iter().any(|(name, _)| *name == key)
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            motion: true,
            content: true,
            ways: Ways {
                bell: true,
                terminal: true,
                desktop: true,
            },
        }
    }
}
