//! A line of the composer: a message, or a slash command.

use super::action::{Action, Command, Info, commands};
use super::synonyms;

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Text to send.
    Text(String),
    /// A command with what follows its name.
    Command { action: Action, args: String },
    /// A slash with a name that nobody has; the nearest ones beside it.
    Unknown {
        name: String,
        nearest: Vec<&'static str>,
    },
}

/// How many near misses an unknown command is answered with.
const NEAREST: usize = 3;
/// So many edits are a slip of the fingers; more are another word.
const SLIPS: usize = 2;
/// Shorter words are in every sentence.
const SHORTEST_WORD: usize = 4;

/// Reads a line as it was sent.
pub(crate) fn read(line: &str) -> Line {
    let Some(rest) = line.strip_prefix('/') else {
        return Line::Text(line.to_owned());
    };
    if rest.starts_with('/') {
        return Line::Text(rest.to_owned());
    }
    let (name, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let wanted = name.to_lowercase();
    match commands().find(|(c, _)| c.name == wanted) {
        Some((_, info)) => Line::Command {
            action: info.action,
            args: args.trim().to_owned(),
        },
        None => Line::Unknown {
            nearest: suggestions(&wanted),
            name: name.to_owned(),
        },
    }
}

/// Whether a line looks like a command that slipped: blanks, then a slash.
pub(crate) fn looks_like_command(line: &str) -> bool {
    line.starts_with([' ', '\t']) && matches!(read(line.trim_start()), Line::Command { .. })
}

/// Commands that somebody may have meant: first what other programs call so,
/// then those with almost that name, then those that say the word of themselves.
fn suggestions(wanted: &str) -> Vec<&'static str> {
    let named = nearest(wanted, commands().map(|(c, _)| c.name));
    let close = |name: &&str| likeness(wanted, name) <= SLIPS;
    let (close, far): (Vec<_>, Vec<_>) = named.into_iter().partition(close);
    let known = commands().filter(|(_, info)| synonyms::of(info).contains(&wanted));
    let meant = commands().filter(|(command, info)| says(command, info, wanted));
    let known = known.map(|(c, _)| c.name);
    let mut found = Vec::with_capacity(NEAREST);
    for name in known
        .chain(close)
        .chain(meant.map(|(c, _)| c.name))
        .chain(far)
    {
        if found.len() < NEAREST && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Whether what is said of a command has this word, in the singular or the plural.
fn says(command: &Command, info: &Info, wanted: &str) -> bool {
    let singular = |word: &str| word.strip_suffix('s').unwrap_or(word).to_lowercase();
    let words = [info.title, command.usage].into_iter();
    words
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .any(|word| word.len() >= SHORTEST_WORD && singular(word) == singular(wanted))
}

/// The names most like `name`: those that begin alike first.
pub(super) fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<_> = all.map(|n| (likeness(name, n), n)).collect();
    ranked.sort_unstable();
    ranked.into_iter().take(NEAREST).map(|(_, n)| n).collect()
}

/// 0 for names of which one begins with the other, else the edits between them.
fn likeness(name: &str, other: &str) -> usize {
    if other.starts_with(name) || name.starts_with(other) {
        return 0;
    }
    distance(name, other)
}

/// Edits from `a` to `b` (Levenshtein), on the first characters of `a` alone:
/// no command is longer.
fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 24;
    let a: Vec<char> = a.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, cb) in b.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, ca) in a.iter().enumerate() {
            let replaced = diagonal + usize::from(*ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The next name of a line of arguments and what follows it. Quotes keep
/// blanks together: `"Bob Ortega" hello`.
pub(crate) fn first_word(args: &str) -> (&str, &str) {
    let args = args.trim_start();
    if let Some(quoted) = args.strip_prefix('"')
        && let Some((word, rest)) = quoted.split_once('"')
    {
        return (word, rest.trim_start());
    }
    match args.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (args, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(action: Action, args: &str) -> Line {
        Line::Command {
            action,
            args: args.to_owned(),
        }
    }

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(read("hello /quit"), Line::Text("hello /quit".into()));
        assert_eq!(read("/call bob"), command(Action::Call, "bob"));
        assert_eq!(read("/CALL"), command(Action::Call, ""));
        assert_eq!(read("//shrug"), Line::Text("/shrug".into()));
        assert_eq!(
            read("/msg bob two\nlines"),
            command(Action::Msg, "bob two\nlines")
        );
    }

    #[test]
    fn an_unknown_command_names_the_nearest() {
        let Line::Unknown { name, nearest } = read("/cal") else {
            panic!("known")
        };
        assert_eq!(name, "cal");
        assert_eq!(nearest[0], "call");
        let Line::Unknown { nearest, .. } = read("/hlep") else {
            panic!("known")
        };
        assert!(nearest.contains(&"help"), "{nearest:?}");
    }

    #[test]
    fn a_word_of_another_program_is_found_in_what_commands_say() {
        for (typed, meant) in [
            ("/settings", "set"),
            ("/requests", "accept"),
            ("/away", "presence"),
            ("/mic", "mictest"),
            ("/loudness", "volume"),
            ("/unmute", "mute"),
            ("/query", "open"),
            ("/exit", "quit"),
            ("/signup", "signin"),
        ] {
            let Line::Unknown { nearest, .. } = read(typed) else {
                panic!("{typed} is known")
            };
            assert!(nearest.contains(&meant), "{typed}: {nearest:?}");
            assert_eq!(nearest.len(), NEAREST, "{nearest:?}");
        }
    }

    #[test]
    fn a_slipped_command_is_noticed() {
        assert!(looks_like_command(" /quit"));
        assert!(!looks_like_command("/quit"));
        assert!(!looks_like_command(" /etc/passwd"));
    }

    #[test]
    fn names_with_blanks_are_quoted() {
        assert_eq!(
            first_word("\"Bob Ortega\" hi there"),
            ("Bob Ortega", "hi there")
        );
        assert_eq!(first_word("bob  hi"), ("bob", "hi"));
        assert_eq!(first_word(""), ("", ""));
    }
}
