//! The engine's settings as the interface shows them: a list with values, of
//! which one can be changed. Names and meanings are the engine's own.

use std::collections::BTreeMap;

use serde_json::Value;
use twocan_peer::api::{Activation, SETTINGS};
use twocan_proto::limits;

use super::editor::Editor;
use super::preferences;
use crate::view::theme::palette;

/// Not for people: what the interface remembers for itself.
const OWN: &str = "ui";

/// Behind a value that nobody has chosen.
const AS_IT_COMES: &str = " (as it comes)";

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

/// A setting's value as a person reads it; of one that was never set, what holds
/// then, and that it is so.
pub(crate) fn in_words(key: &str, value: &Value) -> String {
    match value {
        Value::Null => unset(key) + AS_IT_COMES,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What is edited of a value in words.
pub(crate) fn plain(words: &str) -> &str {
    words.strip_suffix(AS_IT_COMES).unwrap_or(words)
}

/// What holds while a setting was never set.
fn unset(key: &str) -> String {
    match key {
        "call.activation" => Activation::default().name().to_owned(),
        "call.ring_timeout_s" => limits::RING_TIME.as_secs().to_string(),
        "files.folder" => "null".to_owned(),
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
            let words = in_words(name, &Value::Null);
            let holds = plain(&words);
            assert!(!holds.is_empty() && holds.len() < words.len(), "{name}");
            let takes = values(name);
            assert!(
                takes.is_empty() || takes.contains(&holds),
                "{name}: {holds}"
            );
        }
        assert_eq!(in_words("call.tones", &Value::Bool(false)), "false");
        assert_eq!(in_words(preferences::THEME, &Value::from("dark")), "dark");
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
