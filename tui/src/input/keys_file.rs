//! The file with a person's own keys. Each mistake in it is told with its
//! line, and all other lines hold.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::action::{self, Action};
use super::chord::{Chord, sequence};
use super::command::nearest;
use super::keymap::{Context, Keymap, Preset};

/// What the file is called, in the folder of the profile.
pub(crate) const FILE: &str = "keys.toml";
/// What a sequence is set to that is to do nothing.
const NOTHING: &str = "none";

/// The bindings that a file asks for, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct KeysFile {
    pub(crate) keymap: Keymap,
    /// With their lines, from the top.
    pub(crate) mistakes: Vec<String>,
}

/// Reads the text of a file.
pub(crate) fn read(text: &str) -> KeysFile {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        text,
        mistakes: Vec::new(),
    };
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.wrong(at, error.message());
    }
    let root = root.get_ref();
    let mut keymap = Keymap::preset(reader.preset(root));
    let lines = reader.lines(root);
    // What is let go is let go first, so that its keys are free.
    for (_, line) in lines.iter().filter(|(_, line)| line.action.is_none()) {
        keymap.unbind(line.context, &line.chords);
    }
    for (at, line) in lines {
        let Some(action) = line.action else { continue };
        if let Err(why) = keymap.bind(line.context, line.chords, action) {
            reader.wrong(at, &format!("{} cannot be bound: {why}", line.keys));
        }
    }
    reader.mistakes.sort_by_key(|(line, _)| *line);
    let told = |(line, what): (usize, String)| format!("{FILE} line {line}: {what}");
    KeysFile {
        keymap,
        mistakes: reader.mistakes.into_iter().map(told).collect(),
    }
}

/// One line that makes sense.
struct Line {
    context: Context,
    /// As written.
    keys: String,
    chords: Vec<Chord>,
    /// `None` lets the keys do nothing.
    action: Option<Action>,
}

struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn wrong(&mut self, at: usize, what: &str) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        self.mistakes.push((line, what.to_owned()));
    }

    fn preset(&mut self, root: &DeTable<'_>) -> Preset {
        let Some(value) = root.get("preset") else {
            return Preset::Default;
        };
        match value.get_ref().as_str() {
            Some("default") => Preset::Default,
            Some("vi") => Preset::Vi,
            _ => {
                self.wrong(value.span().start, "preset is \"default\" or \"vi\"");
                Preset::Default
            }
        }
    }

    /// All lines that make sense, in the order of the file.
    fn lines(&mut self, root: &DeTable<'_>) -> Vec<(usize, Line)> {
        let mut lines = Vec::new();
        for (name, value) in root {
            let at = name.span().start;
            if name.get_ref() == "preset" {
                continue;
            }
            let context = Context::ALL
                .into_iter()
                .find(|c| c.name() == name.get_ref());
            match (context, value.get_ref()) {
                (Some(context), DeValue::Table(table)) => {
                    let found = table.iter().filter_map(|(keys, value)| {
                        let line = self.line(context, keys, value)?;
                        Some((keys.span().start, line))
                    });
                    lines.extend(found);
                }
                _ => {
                    let names = Context::ALL.map(|c| format!("[{}]", c.name())).join(", ");
                    let what = format!(
                        "\"{}\" is no place for keys; there are: {names}",
                        name.get_ref()
                    );
                    self.wrong(at, &what);
                }
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        lines
    }

    fn line(
        &mut self,
        context: Context,
        keys: &Spanned<toml::de::DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Line> {
        let written = keys.get_ref().to_string();
        let chords = match sequence(&written) {
            Ok(chords) => chords,
            Err(why) => {
                self.wrong(keys.span().start, &why.to_string());
                return None;
            }
        };
        let Some(name) = value.get_ref().as_str() else {
            let what = format!("{written} takes the name of an action in quotes");
            self.wrong(value.span().start, &what);
            return None;
        };
        let action = action::named(name);
        if action.is_none() && name != NOTHING {
            let all = action::names();
            let near = nearest(name, all.iter().map(String::as_str)).join(", ");
            let what = format!("no action is called \"{name}\"; near it: {near}");
            self.wrong(value.span().start, &what);
            return None;
        }
        Some(Line {
            context,
            keys: written,
            chords,
            action,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::keymap::Match;
    use super::*;
    use proptest::prelude::*;

    fn found(file: &KeysFile, context: Context, keys: &str) -> Match {
        file.keymap.find(context, &sequence(keys).unwrap())
    }

    #[test]
    fn keys_are_rebound_and_let_go() {
        let file = read(
            "[global]\n\"Ctrl+X c\" = \"none\"\n\"ctrl+o\" = \"call\"\n[browse]\nz = \"reply\"\n",
        );
        assert_eq!(file.mistakes, [""; 0]);
        let global = Context::Global;
        assert_eq!(found(&file, global, "Ctrl+X c"), Match::None);
        assert_eq!(found(&file, global, "Ctrl+O"), Match::Action(Action::Call));
        assert_eq!(file.keymap.first(Action::Call), "Ctrl+O");
        assert_eq!(
            found(&file, Context::Browse, "z"),
            Match::Action(Action::Reply)
        );
    }

    #[test]
    fn a_leader_can_be_moved_by_letting_its_sequences_go() {
        let file = read("[global]\n\"F9\" = \"none\"\n\"F9 F9\" = \"mute\"\n");
        assert_eq!(file.mistakes, [""; 0]);
        assert_eq!(found(&file, Context::Global, "F9"), Match::Prefix);
    }

    #[test]
    fn each_mistake_is_told_with_its_line_and_the_rest_holds() {
        let file = read(
            "preset = \"emacs\"\n\n[global]\n\"Hyper+q\" = \"quit\"\n\"Ctrl+O\" = \"cal\"\n\
             \"Ctrl+X\" = \"quit\"\n\"F12\" = 3\n\"F11\" = \"quit\"\n[nowhere]\na = \"quit\"\n",
        );
        let told = file.mistakes.join("\n");
        for (line, what) in [
            (1, "\"vi\""),
            (4, "Hyper+q"),
            (5, "call"),
            (6, "longer sequences"),
            (7, "in quotes"),
            (9, "[global]"),
        ] {
            let start = format!("keys.toml line {line}: ");
            let found = file.mistakes.iter().find(|m| m.starts_with(&start));
            assert!(found.is_some_and(|m| m.contains(what)), "{line}: {told}");
        }
        assert_eq!(
            found(&file, Context::Global, "F11"),
            Match::Action(Action::Quit)
        );
    }

    #[test]
    fn a_line_that_is_no_toml_costs_itself_alone() {
        let file = read("[global]\n\"F11\" = \"quit\"\n\"F12\" = \n[list]\nz = \"quit\"\n");
        assert!(
            file.mistakes[0].starts_with("keys.toml line 3: "),
            "{:?}",
            file.mistakes
        );
        assert_eq!(
            found(&file, Context::Global, "F11"),
            Match::Action(Action::Quit)
        );
        assert_eq!(
            found(&file, Context::List, "z"),
            Match::Action(Action::Quit)
        );
    }

    proptest! {
        #[test]
        fn any_file_is_read(text in "([a-z\"= \\[\\]\n+.'#{}]|Ctrl\\+|none|global){0,60}") {
            let _read = read(&text);
        }
    }
}
