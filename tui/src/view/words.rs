//! Signs, words and styles that several parts of the screen share: how a contact
//! stands, how grave a notice is, how a key is called.

use ratatui::style::Style;
use twocan_peer::api::{Contact, NoticeLevel, Path, Presence, Relation, Trust};

use super::theme::Theme;

/// Presence as a sign.
pub(crate) fn presence(contact: &Contact, theme: Theme) -> (&'static str, Style) {
    if contact.blocked {
        (theme.signs.failed, theme.dim())
    } else if !contact.online {
        (theme.signs.offline, theme.dim())
    } else {
        match contact.presence {
            Some(Presence::Away) => (theme.signs.away, theme.warn()),
            Some(Presence::DoNotDisturb) => (theme.signs.busy, theme.bad()),
            _ => (theme.signs.online, theme.good()),
        }
    }
}

/// Presence in words.
pub(crate) fn presence_word(contact: &Contact) -> &'static str {
    match contact.presence {
        _ if !contact.online => "offline",
        Some(Presence::Away) => "away",
        Some(Presence::DoNotDisturb) => "do not disturb",
        _ => "online",
    }
}

/// Trust as a sign.
pub(crate) fn trust(trust: Trust, theme: Theme) -> (&'static str, Style) {
    match trust {
        Trust::Verified => (theme.signs.verified, theme.good()),
        Trust::Known => (theme.signs.known, theme.dim()),
        Trust::Changed => (theme.signs.changed, theme.bad()),
    }
}

pub(crate) fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Verified => "verified",
        Trust::Known => "not verified",
        Trust::Changed => "KEY CHANGED",
    }
}

pub(crate) fn path_word(path: Path) -> &'static str {
    match path {
        Path::Lan => "lan",
        Path::Direct => "direct",
        Path::Relay => "relay",
    }
}

/// What stands between us, if not both have said yes.
pub(crate) fn relation_word(contact: &Contact) -> Option<&'static str> {
    if contact.blocked {
        return Some("blocked");
    }
    match contact.relation {
        Relation::Asked => Some("asked, no answer yet"),
        Relation::Mutual => None,
        Relation::Rejected => Some("said no"),
    }
}

/// How grave a notice is, as a style.
pub(crate) fn level_style(level: NoticeLevel, theme: Theme) -> Style {
    match level {
        NoticeLevel::Info => theme.good(),
        NoticeLevel::Warning => theme.warn(),
        NoticeLevel::Error => theme.bad(),
    }
}

/// Long key names give way on small screens.
pub(crate) fn short(keys: &str, width: u16) -> String {
    if width < 60 {
        keys.replace("Ctrl+X ", "^X").replace("Ctrl+", "^")
    } else {
        keys.to_owned()
    }
}

/// The names that [`short`] has shortened.
pub(crate) fn long(keys: &str) -> String {
    keys.replace("^X", "Ctrl+X ").replace('^', "Ctrl+")
}
