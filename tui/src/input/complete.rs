//! What Tab offers at the place of the cursor, and the hint beside a command.

use std::ops::Range;

use twocan_peer::api::SETTINGS;

use super::action::{Command, Takes, commands};
use crate::app::settings;

/// Things known by name, for completion.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) contacts: Vec<String>,
    pub(crate) requests: Vec<String>,
    pub(crate) registries: Vec<String>,
}

/// One thing that could be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What is put into the text.
    pub(crate) text: String,
    /// What it is called: the text, if that says it.
    pub(crate) name: String,
    /// What it means, in a few words; may be empty.
    pub(crate) note: &'static str,
}

impl Choice {
    /// A choice that says by itself what it is.
    pub(crate) fn plain(text: String) -> Self {
        Self {
            name: text.trim().to_owned(),
            text,
            note: "",
        }
    }

    fn explained(name: &str, note: &'static str) -> Self {
        Self {
            note,
            ..Self::plain(format!("{name} "))
        }
    }
}

/// What could stand in place of a part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The bytes that would be replaced.
    pub(crate) part: Range<usize>,
    /// What could stand there, best first; never empty.
    pub(crate) choices: Vec<Choice>,
}

/// Most choices offered at once.
const CHOICES: usize = 50;
/// Letters of a short code before emoji are offered: a colon alone is a colon.
const EMOJI_LETTERS: usize = 2;

/// What fits at byte `cursor` of `text`.
pub(crate) fn offer(text: &str, cursor: usize, names: &Names) -> Option<Offer> {
    let before = text.get(..cursor)?;
    in_command(before, names)
        .filter(|offer| !offer.choices.is_empty())
        .or_else(|| in_words(before, names))
        .filter(|offer| !offer.choices.is_empty())
}

/// Commands, and what they take.
fn in_command(before: &str, names: &Names) -> Option<Offer> {
    let cursor = before.len();
    let line = command_line(before)?;
    Some(match line.split_once(' ') {
        None => Offer {
            part: 1..cursor,
            choices: command_names(line),
        },
        Some((name, typed)) => {
            let (typed, choices) = arguments(name, typed, names);
            let part = cursor - typed.len()..cursor;
            Offer { part, choices }
        }
    })
}

/// Names and emoji, anywhere in a text.
fn in_words(before: &str, names: &Names) -> Option<Offer> {
    let cursor = before.len();
    let word = before.rsplit([' ', '\n', '\t']).next()?;
    if let Some(typed) = word.strip_prefix('@') {
        let found = starting_with(names.contacts.iter().map(String::as_str), typed);
        let choices = found.into_iter().map(|n| Choice::plain(format!("@{n} ")));
        let part = cursor - word.len()..cursor;
        let choices = choices.collect();
        return Some(Offer { part, choices });
    }
    let (at, code) = short_code(before)?;
    (code.len() >= EMOJI_LETTERS).then(|| Offer {
        part: at..cursor,
        choices: emoji(code),
    })
}

/// The letters after a colon that could begin a short code, and where the
/// colon stands: not behind a letter, as in a time or a path of Rust.
fn short_code(before: &str) -> Option<(usize, &str)> {
    let at = before.rfind(':')?;
    let code = &before[at + 1..];
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_+-".contains(c);
    let free = before[..at]
        .chars()
        .next_back()
        .is_none_or(|c| !c.is_alphanumeric() && c != ':');
    (free && code.chars().all(fits)).then_some((at, code))
}

/// Emoji whose short codes begin with `code`, the shortest first, then those
/// that have it somewhere.
fn emoji(code: &str) -> Vec<Choice> {
    let all = emojis::iter().flat_map(|e| e.shortcodes().map(move |name| (e, name)));
    let mut found: Vec<_> = all
        .filter(|(_, name)| name.contains(code))
        .map(|(e, name)| (!name.starts_with(code), name.len(), name, e))
        .collect();
    found.sort_unstable_by_key(|(later, len, name, _)| (*later, *len, *name));
    let choices = found
        .into_iter()
        .take(CHOICES)
        .map(|(_, _, name, e)| Choice {
            text: e.as_str().to_owned(),
            name: format!(":{name}:"),
            note: e.name(),
        });
    choices.collect()
}

/// The emoji that stands closed before the cursor as a short code, with the
/// bytes of that.
pub(crate) fn closed_emoji(text: &str, cursor: usize) -> Option<(Range<usize>, &'static str)> {
    let (at, code) = short_code(text.get(..cursor)?.strip_suffix(':')?)?;
    let emoji = emojis::get_by_shortcode(code)?;
    Some((at..cursor, emoji.as_str()))
}

/// The path being typed after a command that takes one, and where it begins.
pub(crate) fn typed_path(text: &str, cursor: usize) -> Option<(usize, &str)> {
    let (name, path) = command_line(text.get(..cursor)?)?.split_once(' ')?;
    let takes = command_named(name)?.takes;
    (takes == Takes::Path).then_some((cursor - path.len(), path))
}

/// The text after the slash, if this is a command on one line.
fn command_line(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('/')?;
    (!rest.starts_with('/') && !rest.contains('\n')).then_some(rest)
}

fn command_names(typed: &str) -> Vec<Choice> {
    explained(commands().map(|(c, info)| (c.name, info.title)), typed)
}

/// What a command takes at this place, and what of it is typed.
fn arguments<'a>(name: &str, typed: &'a str, names: &Names) -> (&'a str, Vec<Choice>) {
    let Some(command) = command_named(name) else {
        return (typed, Vec::new());
    };
    let plain = typed.trim_start_matches('"');
    let found = match command.takes {
        // Paths are looked up outside, as nothing here reads a disk.
        Takes::Nothing | Takes::Text | Takes::Path => Vec::new(),
        Takes::Contact => starting_with(names.contacts.iter().map(String::as_str), plain),
        Takes::Request => starting_with(names.requests.iter().map(String::as_str), plain),
        Takes::Registry => starting_with(names.registries.iter().map(String::as_str), plain),
        Takes::Command => return (typed, command_names(plain)),
        Takes::Setting => return setting(typed),
        Takes::Words(words) => starting_with(words.iter().copied(), plain),
    };
    let choices = found.into_iter().map(|n| Choice::plain(quoted(&n)));
    (typed, choices.collect())
}

/// The name of a setting, then its values.
fn setting(typed: &str) -> (&str, Vec<Choice>) {
    match typed.split_once(' ') {
        None => (typed, explained(SETTINGS.iter().copied(), typed)),
        Some((key, value)) => {
            let found = starting_with(settings::values(key).iter().copied(), value);
            let choices = found.into_iter().map(Choice::plain);
            (value, choices.collect())
        }
    }
}

/// Names with what they mean.
fn explained(all: impl Iterator<Item = (&'static str, &'static str)>, typed: &str) -> Vec<Choice> {
    let typed = typed.to_lowercase();
    let fits = all.filter(|(name, _)| name.starts_with(&typed));
    let mut found: Vec<_> = fits.map(|(n, note)| Choice::explained(n, note)).collect();
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    found
}

/// A name as a command takes it: in quotes if it has blanks.
pub(crate) fn quoted(name: &str) -> String {
    if name.contains(' ') {
        format!("\"{name}\" ")
    } else {
        format!("{name} ")
    }
}

fn starting_with<'a>(all: impl Iterator<Item = &'a str>, typed: &str) -> Vec<String> {
    let typed = typed.to_lowercase();
    let mut found: Vec<_> = all
        .filter(|n| n.to_lowercase().starts_with(&typed))
        .map(str::to_owned)
        .collect();
    found.sort_unstable();
    found.truncate(CHOICES);
    found
}

fn command_named(name: &str) -> Option<&'static Command> {
    commands().map(|(c, _)| c).find(|c| c.name == name)
}

/// The explanation shown beside a command that is being typed.
pub(crate) fn hint(text: &str) -> Option<String> {
    let line = command_line(text)?;
    let name = line.split(' ').next().unwrap_or_default();
    if let Some((command, info)) = commands().find(|(c, _)| c.name == name) {
        return Some(format!(
            "/{} {}  {}",
            command.name, command.usage, info.title
        ));
    }
    let found = command_names(name);
    if found.is_empty() {
        return Some(format!(
            "no command /{name}; F2 shows all, // sends a slash"
        ));
    }
    let names: Vec<_> = found.iter().map(|n| format!("/{}", n.name)).collect();
    Some(format!("Tab: {}", names.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> Names {
        Names {
            contacts: vec!["Bob Ortega".into(), "Dana".into(), "bea".into()],
            requests: vec!["Zoe".into()],
            registries: vec!["https://registry.example.org:7443".into()],
        }
    }

    fn choices(text: &str) -> Vec<String> {
        offer(text, text.len(), &names())
            .map(|o| o.choices.into_iter().map(|c| c.text).collect())
            .unwrap_or_default()
    }

    #[test]
    fn commands_and_their_arguments() {
        assert_eq!(choices("/he"), ["help "]);
        assert_eq!(choices("/call b"), ["\"Bob Ortega\" ", "bea "]);
        assert_eq!(choices("/call \"Bob"), ["\"Bob Ortega\" "]);
        assert_eq!(choices("/accept "), ["Zoe "]);
        assert_eq!(choices("/audio o"), ["out "]);
        assert_eq!(choices("/help inv"), ["invite "]);
        assert!(choices("//he").is_empty());
    }

    #[test]
    fn names_in_a_message() {
        assert_eq!(choices("ask @da"), ["@Dana "]);
        assert!(choices("ask da").is_empty());
        let found = offer("ask @da", 7, &names()).unwrap();
        assert_eq!(found.part, 4..7);
    }

    #[test]
    fn settings_and_their_values() {
        assert_eq!(choices("/set call.act"), ["call.activation "]);
        assert_eq!(choices("/set call.tones "), ["false", "true"]);
        assert_eq!(choices("/set call.activation v"), ["voice"]);
        assert!(choices("/set nope ").is_empty());
    }

    #[test]
    fn emoji_by_their_short_codes_anywhere() {
        assert_eq!(choices("well :tada")[0], "\u{1f389}");
        assert_eq!(choices("/msg bea :crab")[0], "\u{1f980}");
        assert_eq!(choices("/me (:+1")[0], "\u{1f44d}");
        assert!(choices("at 10:30").is_empty() && choices("std::ta").is_empty());
        assert!(choices("a: b").is_empty() && choices(":t").is_empty());
    }

    #[test]
    fn a_closed_short_code_is_its_emoji() {
        let closed = |text: &str| closed_emoji(text, text.len());
        assert_eq!(closed("so :crab:"), Some((3..9, "\u{1f980}")));
        assert_eq!(closed("a :nosuch:"), None);
        assert_eq!(closed("std::crab:"), None);
        assert_eq!(closed("::"), None);
    }

    #[test]
    fn hints_explain() {
        assert!(hint("/volume 1").unwrap().contains("PERCENT"));
        assert!(hint("/nope").unwrap().contains("no command"));
        assert_eq!(hint("hello"), None);
        assert_eq!(hint("//hello"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "/?[a-z@:\" é]{0,12}", at in 0usize..20) {
            let found = offer(&text, at, &names());
            if let Some(found) = found {
                prop_assert!(text.get(found.part).is_some());
            }
            let _hint = hint(&text);
        }
    }
}
