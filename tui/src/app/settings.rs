//! The engine's settings as the interface shows them: a list with values, of
//! which one can be changed. Names and meanings are the engine's own.

use std::collections::BTreeMap;

use twocan_peer::api::SETTINGS;

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
    pub(crate) values: BTreeMap<String, String>,
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

    /// The value of a setting as it is shown and edited.
    pub(crate) fn value(&self, key: &str) -> &str {
        self.values.get(key).map_or("", String::as_str)
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
