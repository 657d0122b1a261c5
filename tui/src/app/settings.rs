//! The engine's settings as the interface shows them: a list with values, of
//! which one can be changed. Names and meanings are the engine's own.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use twocan_peer::api::{Activation, SETTINGS};
use twocan_proto::limits;

use super::editor::Editor;
use super::preferences;
use crate::view::theme::palette;

/// Not for people: what the interface remembers for itself.
const OWN: &str = "ui";

/// The list.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// What is typed to find one.
    pub(crate) filter: Editor,
    pub(crate) selected: usize,
    /// As they were read; none before.
    pub(crate) values: BTreeMap<String, Held>,
    /// A new value that is being written.
    pub(crate) editing: Option<Editor>,
    /// Why the last one was not taken.
    pub(crate) error: Option<String>,
}

impl Settings {
    /// Those that have all words of the filter in name or meaning.
    pub(crate) fn found(&self) -> Vec<(&'static str, &'static str)> {
        let typed = self.filter.text().to_lowercase();
        let words: Vec<_> = typed.split_whitespace().collect();
        all()
            .filter(|(name, meaning)| {
                let text = format!("{name} {meaning}").to_lowercase();
                words.iter().all(|word| text.contains(word))
            })
            .collect()
    }

    /// The name of the chosen one.
    pub(crate) fn chosen(&self) -> Option<&'static str> {
        let found = self.found();
        let last = found.len().checked_sub(1)?;
        Some(found[self.selected.min(last)].0)
    }

    /// The value of a setting; none before it was read.
    pub(crate) fn value(&self, key: &str) -> Option<&Held> {
        self.values.get(key)
    }
}

/// The value of a setting, whoever chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// As a person reads and writes it.
    pub(crate) text: String,
    /// The user's choice; otherwise what holds while there is none.
    pub(crate) chosen: bool,
}

impl Held {
    /// What the engine has stored, null if nothing, for a person.
    pub(crate) fn of(key: &str, stored: &Value) -> Self {
        let text = match stored {
            Value::Null => unset(key),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self {
            text,
            chosen: !stored.is_null(),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.chosen { "" } else { " (as it comes)" })
    }
}

/// The settings that people may want to change.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    SETTINGS.iter().copied().filter(|(name, _)| *name != OWN)
}

/// The values that a setting takes, where they are few.
pub(crate) fn values(key: &str) -> &'static [&'static str] {
    match key {
        "call.activation" => &["continuous", "push_to_talk", "voice"],
        "call.echo_cancellation"
        | "call.gain_control"
        | "call.joined_sound"
        | "call.mute_sound"
        | "call.noise_suppression"
        | "call.tones"
        | "chat.receipts"
        | "chat.typing"
        | "lan"
        | "lan.name" => &["false", "true"],
        preferences::THEME => &palette::NAMED,
        key if preferences::is_one(key) => &["false", "true"],
        "audio.input" | "audio.output" => &["default"],
        _ => &[],
    }
}

/// What holds while a setting was never set.
fn unset(key: &str) -> String {
    match key {
        "call.activation" => Activation::default().name().to_owned(),
        "call.ring_timeout_s" => limits::RING_TIME.as_secs().to_string(),
        "files.folder" => "default".to_owned(),
        "history.keep_days" => "0".to_owned(),
        preferences::THEME => "auto".to_owned(),
        key => match values(key) {
            [only] => (*only).to_owned(),
            _ => "true".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_by_what_they_mean() {
        let mut settings = Settings::default();
        assert!(settings.found().iter().all(|(name, _)| *name != OWN));
        settings.filter.insert("NOISE taken");
        assert_eq!(settings.chosen(), Some("call.noise_suppression"));
        settings.filter.insert("zzz");
        assert_eq!(settings.chosen(), None);
    }

    #[test]
    fn what_was_never_set_shows_what_holds() {
        for (name, _) in all() {
            let held = Held::of(name, &Value::Null);
            assert!(!held.chosen && !held.text.is_empty(), "{name}");
            let takes = values(name);
            assert!(
                takes.is_empty() || takes.contains(&held.text.as_str()),
                "{name}: {held}"
            );
        }
        let tones = Held::of("call.tones", &Value::Bool(false));
        assert_eq!((tones.text.as_str(), tones.chosen), ("false", true));
        let theme = Held::of(preferences::THEME, &Value::from("dark"));
        assert_eq!(theme.to_string(), "dark");
    }

    #[test]
    fn values_are_those_of_settings_there_are() {
        let known = |key: &&str| all().any(|(name, _)| name == *key);
        let keys = [
            "call.activation",
            "chat.typing",
            "lan",
            "audio.input",
            "theme",
            "motion",
        ];
        assert!(keys.iter().all(|key| known(key) && !values(key).is_empty()));
    }
}
