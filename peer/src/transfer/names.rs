//! Names of others on our disk: what a peer calls a file becomes a name that
//! any common file system takes, that hides nothing, and that stays inside
//! its folder.
//!
//! After [`twocan_proto::text::name`] has taken out what must not be shown,
//! these rules hold for every part of a path: no separator of any system, no
//! leading dot (hidden files, `..`), no trailing dot or blank and none of the
//! device names of Windows, and a length that leaves room for a number.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use twocan_proto::{limits, text};

/// Longest name made here, in bytes: 255 is what file systems take, and
/// ` (9999)` must fit behind it.
const NAME_BYTES: usize = 240;
/// What counts as an extension, kept when a name is cut or numbered.
const EXTENSION_BYTES: usize = 16;
/// For a name of which nothing is left.
const NAMELESS: &str = "file";
/// Device names, with or without an extension (Windows, "Naming Files").
const RESERVED: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];
/// The same with one digit behind.
const NUMBERED: &[&str] = &["com", "lpt"];

/// A name for `given` that is safe as one part of a path.
pub(crate) fn safe(given: &str) -> String {
    let shown = text::name(given, limits::FILE_NAME_BYTES);
    let plain: String = shown
        .chars()
        .map(|c| if is_separator(c) { '_' } else { c })
        .collect();
    let trimmed = plain.trim_end_matches(['.', ' ']).trim_start();
    let mut name = match trimmed.strip_prefix('.') {
        // Not hidden, and never `.` or `..`.
        Some(rest) => format!("_{rest}"),
        None => trimmed.to_owned(),
    };
    if name.is_empty() {
        name = NAMELESS.to_owned();
    }
    if is_device(&name) {
        name.insert(0, '_');
    }
    let (stem, extension) = split(&name);
    if stem.len() + extension.len() <= NAME_BYTES {
        return name;
    }
    // Cutting may lay a blank or a dot bare.
    let short = text::cut(stem, NAME_BYTES - extension.len()).trim_end_matches(['.', ' ']);
    match short.is_empty() {
        true => format!("{NAMELESS}{extension}"),
        false => format!("{short}{extension}"),
    }
}

/// What separates parts of a path, or means something to a file system or a
/// shell, on any common system.
fn is_separator(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        // Look like separators: `/` as fraction, division, fullwidth.
        || matches!(c, '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}' | '\u{ff3c}')
}

fn is_device(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or(name)
        .trim_end()
        .to_lowercase();
    let mut chars = stem.chars();
    let digit = chars.next_back();
    RESERVED.contains(&stem.as_str())
        || NUMBERED.contains(&chars.as_str())
            && digit
                .is_some_and(|c| c.is_ascii_digit() || matches!(c, '\u{b9}' | '\u{b2}' | '\u{b3}'))
}

/// A name as stem and extension (with its dot; empty if there is none).
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= EXTENSION_BYTES => name.split_at(dot),
        _ => (name, ""),
    }
}

/// The `number`th name to try for `name`, from 1: `a.txt`, `a (2).txt`, ...
pub(crate) fn numbered(name: &str, number: u32) -> String {
    if number <= 1 {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    format!("{stem} ({number}){extension}")
}

/// Gives the files of a set their places below one folder: each path of the
/// peer one of ours, no two the same, not even where case does not count.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Files and folders of the peer, and where they are here.
    known: HashMap<String, (PathBuf, Sort)>,
    taken: HashSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    File,
    Folder,
}

impl Places {
    /// The place of the peer's file `path`, relative and of safe parts only.
    /// `None` for a path that no honest peer sends: empty parts, `.` or `..`,
    /// too deep, a file twice, or a file that is a folder as well.
    pub(crate) fn place(&mut self, path: &str) -> Option<PathBuf> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() > limits::FILE_PATH_PARTS
            || parts.iter().any(|part| matches!(*part, "" | "." | ".."))
        {
            return None;
        }
        let mut end = 0;
        let mut place = PathBuf::new();
        for (index, part) in parts.iter().enumerate() {
            end += part.len() + usize::from(index > 0);
            let is_last = index + 1 == parts.len();
            place = match self.known.get(&path[..end]) {
                Some((place, Sort::Folder)) if !is_last => place.clone(),
                Some(_) => return None,
                None => {
                    let sort = if is_last { Sort::File } else { Sort::Folder };
                    let place = self.free(&place, &safe(part))?;
                    self.known
                        .insert(path[..end].to_owned(), (place.clone(), sort));
                    place
                }
            };
        }
        Some(place)
    }

    fn free(&mut self, parent: &Path, name: &str) -> Option<PathBuf> {
        // Each number is taken by a file of the set, so there is an end.
        let most = u32::try_from(limits::FILES_IN_SET).unwrap_or(u32::MAX);
        (1..=most)
            .map(|number| parent.join(numbered(name, number)))
            .find(|place| self.taken.insert(place.to_string_lossy().to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    #[test]
    fn what_becomes_of_names() {
        for (given, name) in [
            ("report.pdf", "report.pdf"),
            ("na\u{ef}ve \u{1f600}.txt", "na\u{ef}ve \u{1f600}.txt"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("..", "file"),
            (".", "file"),
            ("", "file"),
            ("...", "file"),
            (" . ", "file"),
            (".bashrc", "_bashrc"),
            ("/etc/passwd", "_etc_passwd"),
            ("C:\\Windows\\x.dll", "C__Windows_x.dll"),
            ("a\u{0}b\nc", "ab c"),
            ("innocent\u{202e}fdp.exe", "innocentfdp.exe"),
            ("name. . .", "name"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("com7.tar.gz", "_com7.tar.gz"),
            ("LPT\u{b9}", "_LPT\u{b9}"),
            ("console", "console"),
            ("a\u{2215}b", "a_b"),
        ] {
            assert_eq!(safe(given), name, "{given:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let long = safe(&format!("{}.tar", "\u{e9}".repeat(300)));
        assert!(
            long.ends_with('\u{e9}') && long.len() <= NAME_BYTES,
            "{long}"
        );
        let long = safe(&format!("{}.tar", "e".repeat(245)));
        assert!(long.ends_with(".tar") && long.len() == NAME_BYTES, "{long}");
    }

    #[test]
    fn numbers_go_before_the_extension() {
        assert_eq!(numbered("a.txt", 1), "a.txt");
        assert_eq!(numbered("a.txt", 2), "a (2).txt");
        assert_eq!(numbered("folder", 3), "folder (3)");
    }

    #[test]
    fn places_of_a_set() {
        let mut places = Places::default();
        let mut place = |path: &str| places.place(path);
        assert_eq!(place("src/main.rs"), Some("src/main.rs".into()));
        assert_eq!(place("src/lib.rs"), Some("src/lib.rs".into()));
        // Two that would meet after being made safe, or where case is lost.
        assert_eq!(place("src/a:b"), Some("src/a_b".into()));
        assert_eq!(place("src/a?b"), Some("src/a_b (2)".into()));
        assert_eq!(place("SRC/main.rs"), Some("SRC (2)/main.rs".into()));
        for wrong in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "./a",
            "../a",
            "a/../../b",
            "a/..",
            "src",
            "src/main.rs",
            "src/main.rs/x",
        ] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
        let deep = "d/".repeat(limits::FILE_PATH_PARTS) + "f";
        assert_eq!(place(&deep), None);
    }

    fn is_safe(name: &str) -> bool {
        let path = Path::new(name);
        path.components().count() == 1
            && matches!(path.components().next(), Some(Component::Normal(part)) if part == name)
            && !name.starts_with('.')
            && !name.ends_with(['.', ' '])
            && !name.contains(['/', '\\', ':', '\0'])
            && name.len() <= NAME_BYTES
    }

    proptest! {
        #[test]
        fn no_name_escapes(given in "([./\\\\: a-c\\PC\u{202e}\u{0}]|\\.\\.|CON|com1){0,40}") {
            let name = safe(&given);
            prop_assert!(is_safe(&name), "{given:?} -> {name:?}");
            let number = numbered(&name, 12);
            prop_assert!(number.len() <= 255 && !number.contains('/'));
        }

        #[test]
        fn any_text_gives_a_safe_name(given: String) {
            prop_assert!(is_safe(&safe(&given)));
        }

        #[test]
        fn no_set_escapes_or_meets_itself(paths in proptest::collection::vec("([./a-cA:]|\\.\\./){1,12}", 1..20)) {
            let mut places = Places::default();
            let mut seen = HashSet::new();
            for path in &paths {
                let Some(place) = places.place(path) else { continue };
                let inside = place.components().all(|part| matches!(part, Component::Normal(_)));
                prop_assert!(inside && place.is_relative(), "{path:?} -> {place:?}");
                prop_assert!(seen.insert(place.to_string_lossy().to_lowercase()), "{path:?} -> {place:?}");
            }
        }
    }
}
