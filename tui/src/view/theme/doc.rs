//! The colours as text: a theme.toml to begin with, and the page in docs. Both
//! are made from the palettes themselves, so they are as true as those.

use ratatui::style::{Color, Style};

use super::file::MODIFIERS;
use super::palette::{NAMED, Palette, ROLES, named};
use crate::app::user_file::UserFile;

const HEAD: &str = r##"# The colours of twocan. Put this file into the folder of your profile and
# change what you like; twocan takes it up when you save it. What you leave out
# stays as it is here. A style is any of bold, underline, reverse and italic, a
# colour, and "on" with the colour behind it: "bold #88c0d0", "black on 110".
# A colour is a name such as red or lightblue, a number of the 256, #rrggbb, or
# default, which is the terminal's own. A mistake is told in the interface with
# its line, and costs only that line.

"##;

/// A complete theme.toml that changes nothing of the theme `base`; none when no
/// theme has that name.
pub(crate) fn dump(base: &str) -> Option<String> {
    let mut palette = named(base, None)?;
    let mut text = HEAD.to_owned();
    text.push_str(&format!("base = \"{base}\"\n\n"));
    for (name, meaning, role) in ROLES {
        let line = format!("{name} = \"{}\"", written(*role(&mut palette)));
        text.push_str(&format!("{line:<36} # {meaning}\n"));
    }
    let names: Vec<_> = names(&palette).map(|style| format!("{style:?}")).collect();
    text.push_str("\n# People, each always in the same one of these.\n");
    text.push_str(&format!("names = [{}]\n", names.join(", ")));
    Some(text)
}

/// The page docs/themes.md.
pub(crate) fn markdown() -> String {
    /// Those that differ by more than what they are chosen by.
    const SHOWN: [&str; 5] = ["ansi16", "dark", "light", "contrast", "mono"];
    let file = UserFile::Theme.name();
    let mut text = format!(
        "# Themes\n\n\
         This page is made by `twocan theme --markdown` from the palettes that the program itself uses.\n\n\
         `/theme` chooses: {}. `auto` is `light` on a terminal that says that its background is light, else `ansi16`, the sixteen colours of the terminal's own theme. `--no-color`, or the variable `NO_COLOR`, leaves out every colour: what matters is then bold, underlined or reversed, as in `mono`.\n\n\
         Styles can be changed in `{file}` in the folder of the profile: `twocan theme --dump` prints a complete one with comments, `twocan theme --dump dark` one that begins with another theme. It is taken up when it is saved, or by `/reload`; a mistake in it is told with its line and costs only that line.\n\n\
         | style | of what | {} |\n|---|---|{}\n",
        NAMED.map(|name| format!("`{name}`")).join(", "),
        SHOWN.join(" | "),
        "---|".repeat(SHOWN.len())
    );
    let mut palettes: Vec<_> = SHOWN.iter().filter_map(|name| named(name, None)).collect();
    for (name, meaning, role) in ROLES {
        let styles = palettes.iter_mut().map(|p| written(*role(p)));
        row(&mut text, name, meaning, styles);
    }
    let styles = palettes
        .iter()
        .map(|p| names(p).collect::<Vec<_>>().join(", "));
    row(
        &mut text,
        "names",
        "people, each always in the same one of these",
        styles,
    );
    text
}

fn row(text: &mut String, name: &str, meaning: &str, styles: impl Iterator<Item = String>) {
    let styles: Vec<_> = styles.map(|style| format!("`{style}`")).collect();
    text.push_str(&format!(
        "| `{name}` | {meaning} | {} |\n",
        styles.join(" | ")
    ));
}

fn names(palette: &Palette) -> impl Iterator<Item = String> {
    palette.names().iter().copied().map(written)
}

/// A style as a file has it.
fn written(style: Style) -> String {
    let modifiers = MODIFIERS
        .iter()
        .filter(|(_, m)| style.add_modifier.contains(*m));
    let mut words: Vec<_> = modifiers.map(|(word, _)| (*word).to_owned()).collect();
    words.extend(style.fg.map(colour));
    if let Some(ground) = style.bg {
        words.extend(["on".to_owned(), colour(ground)]);
    }
    match words.is_empty() {
        true => "default".to_owned(),
        false => words.join(" "),
    }
}

fn colour(colour: Color) -> String {
    match colour {
        Color::Reset => "default".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::super::file::parse;
    use super::*;

    #[test]
    fn the_page_in_docs_is_true() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/themes.md");
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            there == markdown(),
            "docs/themes.md is stale; renew it: cargo run -p twocan -- theme --markdown > docs/themes.md"
        );
    }

    #[test]
    fn a_complete_file_changes_nothing_that_is_seen() {
        for base in NAMED {
            let (custom, mistakes) = parse(&dump(base).unwrap());
            assert_eq!(mistakes, [], "{base}");
            assert_eq!(custom.base.as_deref(), Some(base));
            let mut before = named(base, None).unwrap();
            // Over another theme, so that nothing is right by having been there.
            let mut after = custom.over(named("contrast", None).unwrap());
            for (name, _, role) in ROLES {
                let [before, after] = [&mut before, &mut after].map(|p| seen(*role(p)));
                assert_eq!(before, after, "{base}: {name}");
            }
            let [before, after] = [before, after].map(|p| p.names().to_vec());
            assert_eq!(before.len(), after.len(), "{base}");
            for (before, after) in before.into_iter().zip(after) {
                assert_eq!(seen(before), seen(after), "{base}");
            }
        }
        assert_eq!(dump("nope"), None);
    }

    /// No colour of its own is the terminal's.
    fn seen(style: Style) -> (Color, Color, Modifier) {
        let [fg, bg] = [style.fg, style.bg].map(Option::unwrap_or_default);
        (fg, bg, style.add_modifier)
    }
}
