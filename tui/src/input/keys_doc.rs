//! The keys as text: a keys.toml to begin with, and the page in docs. Both are
//! made from the table, so they are as true as it is.

use super::action::{Group, Info, info};
use super::keymap::{Context, Keymap, Preset};
use super::keys_file::FILE;
use super::table::{TABLE, VI};

const HEAD: &str = r#"# The keys of twocan. Put this file into the folder of your profile and change
# what you like; twocan takes it up when you save it. What you leave out stays
# as it is here. A key is written like "Ctrl+X", "Alt+Enter", "F1" or "a", a
# sequence with blanks between its keys. "none" lets a key do nothing. A
# mistake is told in the interface with its line, and costs only that line.

# "vi" gives the composer modes; its keys stand at the end.
preset = "default"
"#;

const VI_HEAD: &str = r#"
# The keys that preset = "vi" adds. Change them here after you have set it.
# [normal]
"#;

/// A complete keys.toml.
pub(crate) fn dump() -> String {
    let mut text = HEAD.to_owned();
    let keymap = Keymap::preset(Preset::Default);
    for context in [
        Context::Global,
        Context::Composer,
        Context::Browse,
        Context::List,
    ] {
        text.push_str(&format!("\n# {}\n", place(context)));
        text.push_str(&format!("[{}]\n", context.name()));
        for info in TABLE {
            let keys = keymap.places(info.action).filter(|(at, _)| *at == context);
            for (_, keys) in keys {
                // What a preset changes is left to it.
                let changed = VI.iter().any(|(at, k, _)| *at == context && *k == keys);
                let mark = if changed { "# " } else { "" };
                let line = format!("{mark}{} = \"{}\"", quoted(&keys), info.action.name());
                text.push_str(&format!("{line:<40} # {}\n", info.title));
            }
        }
    }
    text.push_str("\n# Without a key of their own:\n");
    let mut none = TABLE.iter().filter(|i| i.keys.is_empty() && !is_vi(i));
    for info in &mut none {
        let name = info.action.name();
        text.push_str(&format!("#   {name:<20} {}\n", info.title));
    }
    text.push_str(VI_HEAD);
    for (_, keys, action) in VI.iter().filter(|(at, _, _)| *at == Context::Normal) {
        let line = format!("{} = \"{}\"", quoted(keys), action.name());
        let title = info(*action).map_or("", |i| i.title);
        text.push_str(&format!("# {line:<38} # {title}\n"));
    }
    text
}

/// The page docs/keys.md.
pub(crate) fn markdown() -> String {
    let mut text = format!(
        "# Keys and commands\n\n\
         This page is made by `twocan keys --markdown` from the table that the program itself uses.\n\n\
         Press F1 inside twocan for the same with a filter, F2 for all commands, Ctrl+X to see what may follow it. \
         Bindings can be changed in `{FILE}` in the folder of the profile: `twocan keys --dump` prints a complete one with comments. \
         It is taken up when it is saved, or by `/reload`; a mistake in it is told with its line and costs only that line.\n\n\
         The column *place* says where a key works: {}.\n",
        Context::ALL
            .map(|c| format!("`{}` {}", c.name(), place(c)))
            .join(", "),
    );
    let keymap = Keymap::preset(Preset::Default);
    for group in Group::ALL {
        text.push_str(&format!("\n## {}\n\n", heading(group)));
        text.push_str("| action | what it does | keys | place | command | example |\n");
        text.push_str("|---|---|---|---|---|---|\n");
        for info in TABLE.iter().filter(|i| i.group == group && !is_vi(i)) {
            row(&mut text, &keymap, info);
        }
    }
    text.push_str("\n## The preset vi\n\n`preset = \"vi\"` gives the composer modes. It begins in insert mode; the status line shows which one it is in.\n\n");
    text.push_str("| keys | action | what it does | place |\n|---|---|---|---|\n");
    for (context, keys, action) in VI {
        let title = info(*action).map_or("", |i| i.title);
        let (keys, name, at) = (code(keys), action.name(), context.name());
        text.push_str(&format!("| {keys} | `{name}` | {title} | {at} |\n"));
    }
    text
}

fn row(text: &mut String, keymap: &Keymap, info: &Info) {
    let places: Vec<_> = keymap.places(info.action).collect();
    let keys: Vec<_> = places.iter().map(|(_, keys)| code(keys)).collect();
    let mut at: Vec<_> = places.iter().map(|(at, _)| at.name()).collect();
    at.dedup();
    let command = info.command.map(|c| format!("/{} {}", c.name, c.usage));
    let command = command.map_or_else(String::new, |c| code(c.trim()));
    let example = info.command.map_or_else(String::new, |c| code(c.example));
    text.push_str(&format!(
        "| `{}` | {} | {} | {} | {command} | {example} |\n",
        info.action.name(),
        info.title,
        keys.join(" "),
        at.join(" "),
    ));
}

/// Actions that only the preset vi has keys for.
fn is_vi(info: &Info) -> bool {
    let has = VI.iter().any(|(_, _, action)| *action == info.action);
    has && info.keys.is_empty() && info.command.is_none()
}

fn place(context: Context) -> &'static str {
    match context {
        Context::Global => "everywhere",
        Context::Composer => "while a message is written",
        Context::Normal => "in the normal mode of the preset vi",
        Context::Browse => "while a message is chosen (Esc)",
        Context::List => "in the list of contacts (F3)",
    }
}

fn heading(group: Group) -> String {
    let title = group.title().to_lowercase().replace("(esc)", "(Esc)");
    let mut chars = title.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// A key of a TOML table.
fn quoted(keys: &str) -> String {
    toml::Value::from(keys).to_string()
}

/// Text as code in a table of Markdown.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::super::keys_file::read;
    use super::*;

    #[test]
    fn the_page_in_docs_is_true() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/keys.md");
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            there == markdown(),
            "docs/keys.md is stale; renew it: cargo run -p twocan -- keys --markdown > docs/keys.md"
        );
    }

    #[test]
    fn the_complete_file_changes_nothing() {
        let file = read(&dump());
        assert_eq!(file.mistakes, [""; 0]);
        let before = Keymap::preset(Preset::Default);
        for info in TABLE {
            let keys = |map: &Keymap| map.all(info.action);
            assert_eq!(keys(&file.keymap), keys(&before), "{:?}", info.action);
        }
    }

    #[test]
    fn the_keys_of_vi_are_taken_as_they_are_printed() {
        let dump = dump().replace("\"default\"", "\"vi\"");
        let (head, vi) = dump.split_once("# [normal]").unwrap();
        let file = read(&format!("{head}[normal]{}", vi.replace("\n# \"", "\n\"")));
        assert_eq!(file.mistakes, [""; 0]);
        assert!(file.keymap.modal());
        let vi = Keymap::preset(Preset::Vi);
        for (_, _, action) in VI {
            assert_eq!(file.keymap.all(*action), vi.all(*action));
        }
    }
}
