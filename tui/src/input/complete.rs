//! What Tab offers at the place of the cursor, and the hint beside a command.

use std::ops::Range;

use twocan_peer::api::SETTINGS;

use super::action::{Command, Takes, commands};

/// Things known by name, for completion.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) contacts: Vec<String>,
    pub(crate) requests: Vec<String>,
    pub(crate) registries: Vec<String>,
}

/// What could stand in place of a part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The bytes that would be replaced.
    pub(crate) part: Range<usize>,
    /// What could stand there, best first; never empty.
    pub(crate) choices: Vec<String>,
}

/// Most choices offered at once.
const CHOICES: usize = 50;

/// What fits at byte `cursor` of `text`.
pub(crate) fn offer(text: &str, cursor: usize, names: &Names) -> Option<Offer> {
    let before = text.get(..cursor)?;
    let (part, choices) = if let Some(line) = command_line(before) {
        match line.split_once(' ') {
            None => (1..cursor, command_names(line)),
            Some((name, typed)) => {
                let start = cursor - typed.len();
                (start..cursor, arguments(name, typed, names))
            }
        }
    } else {
        let word = before.rsplit([' ', '\n']).next()?;
        let typed = word.strip_prefix('@')?;
        let start = cursor - word.len();
        let found = starting_with(names.contacts.iter().map(String::as_str), typed);
        (
            start..cursor,
            found.into_iter().map(|n| format!("@{n} ")).collect(),
        )
    };
    (!choices.is_empty()).then_some(Offer { part, choices })
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

fn command_names(typed: &str) -> Vec<String> {
    let names = commands().map(|(c, _)| c.name);
    starting_with(names, typed)
        .into_iter()
        .map(|n| format!("{n} "))
        .collect()
}

fn arguments(name: &str, typed: &str, names: &Names) -> Vec<String> {
    let Some(command) = command_named(name) else {
        return Vec::new();
    };
    let plain = typed.trim_start_matches('"');
    let found = match command.takes {
        // Paths are looked up outside, as nothing here reads a disk.
        Takes::Nothing | Takes::Text | Takes::Path => Vec::new(),
        Takes::Contact => starting_with(names.contacts.iter().map(String::as_str), plain),
        Takes::Request => starting_with(names.requests.iter().map(String::as_str), plain),
        Takes::Registry => starting_with(names.registries.iter().map(String::as_str), plain),
        Takes::Command => starting_with(commands().map(|(c, _)| c.name), plain),
        Takes::Setting => starting_with(SETTINGS.iter().map(|(name, _)| *name), plain),
        Takes::Words(words) => starting_with(words.iter().copied(), plain),
    };
    found.into_iter().map(|n| quoted(&n)).collect()
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
    let names: Vec<_> = found.iter().map(|n| format!("/{}", n.trim_end())).collect();
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
            .map(|o| o.choices)
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
    fn hints_explain() {
        assert!(hint("/volume 1").unwrap().contains("PERCENT"));
        assert!(hint("/nope").unwrap().contains("no command"));
        assert_eq!(hint("hello"), None);
        assert_eq!(hint("//hello"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "/?[a-z@\" é]{0,12}", at in 0usize..20) {
            let found = offer(&text, at, &names());
            if let Some(found) = found {
                prop_assert!(text.get(found.part).is_some());
            }
            let _hint = hint(&text);
        }
    }
}
