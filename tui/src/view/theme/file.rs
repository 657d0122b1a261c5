//! `theme.toml`: which theme it begins with, and styles by their names.
//!
//! ```toml
//! base = "dark"
//! heading = "bold #88c0d0"
//! chosen = "black on 110"
//! names = ["cyan", "bold magenta", "#a3be8c"]
//! ```

use std::collections::HashMap;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use toml::{Spanned, Value};

use super::palette::{NAMED, Palette, ROLES};
use crate::app::user_file::{Mistake, line_of};

/// The words of a style beside its colours.
pub(super) const MODIFIERS: [(&str, Modifier); 4] = [
    ("bold", Modifier::BOLD),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
    ("italic", Modifier::ITALIC),
];

/// What the user wants changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Custom {
    /// The theme that is changed, if not the one in force.
    pub(crate) base: Option<String>,
    styles: Vec<(usize, Style)>,
    names: Vec<Style>,
}

impl Custom {
    /// The palette with the changes.
    pub(crate) fn over(&self, mut palette: Palette) -> Palette {
        for (role, style) in &self.styles {
            if let Some((_, _, role)) = ROLES.get(*role) {
                *role(&mut palette) = *style;
            }
        }
        if !self.names.is_empty() {
            palette.set_names(&self.names);
        }
        palette
    }
}

/// Reads the file: what is right holds, and each mistake is told.
pub(crate) fn parse(text: &str) -> (Custom, Vec<Mistake>) {
    let mut custom = Custom::default();
    let table: HashMap<Spanned<String>, Value> = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => return (custom, vec![Mistake::of_toml(text, &error)]),
    };
    let mut mistakes = Vec::new();
    for (key, value) in table {
        if let Err(problem) = take(&mut custom, key.get_ref(), &value) {
            let line = Some(line_of(text, key.span().start));
            mistakes.push(Mistake { line, problem });
        }
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    (custom, mistakes)
}

fn take(custom: &mut Custom, key: &str, value: &Value) -> Result<(), String> {
    match (key, value) {
        ("base", Value::String(name)) if NAMED.contains(&name.as_str()) => {
            custom.base = Some(name.clone());
        }
        ("base", _) => return Err(format!("base is one of {}", NAMED.join(", "))),
        ("names", Value::Array(styles)) => {
            let styles = styles.iter().map(|s| style(s.as_str().unwrap_or_default()));
            custom.names = styles.collect::<Result<_, _>>()?;
        }
        (name, Value::String(text)) => match ROLES.iter().position(|(n, ..)| *n == name) {
            Some(role) => custom.styles.push((role, style(text)?)),
            None => return Err(unknown(name)),
        },
        (name, _) => return Err(format!("{name} takes a style such as \"bold cyan\"")),
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    let names: Vec<_> = ROLES.iter().map(|(name, ..)| *name).collect();
    format!("no style is called {name}; there are: {}", names.join(", "))
}

/// `bold underline COLOUR on COLOUR`, in any part.
fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut ground = false;
    for word in text.split_whitespace() {
        if word == "on" {
            ground = true;
            continue;
        }
        let modifier = MODIFIERS.iter().find(|(name, _)| *name == word);
        match (modifier, ground) {
            (Some((_, modifier)), _) => style = style.add_modifier(*modifier),
            (None, true) => style = style.bg(colour(word)?),
            (None, false) => style = style.fg(colour(word)?),
        }
    }
    Ok(style)
}

fn colour(word: &str) -> Result<Color, String> {
    let plain = word.to_lowercase();
    match plain.as_str() {
        "default" => Ok(Color::Reset),
        // The letters that the parser of colours takes beside these are other names.
        _ => Color::from_str(&plain).map_err(|_| {
            format!("\"{word}\" is no colour: write red, bright-blue, #88c0d0, 0 to 255 or default; beside it bold, underline, reverse, italic")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::palette;
    use proptest::prelude::*;

    fn problems(text: &str) -> String {
        let mistakes = parse(text).1;
        let lines = mistakes.iter().map(ToString::to_string);
        lines.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_written_is_taken() {
        let text = "base = \"dark\"\nheading = \"bold #88c0d0\"\nchosen = \"black on 110\"\nnames = [\"cyan\", \"2\"]";
        let (custom, mistakes) = parse(text);
        assert_eq!(mistakes, []);
        assert_eq!(custom.base.as_deref(), Some("dark"));
        let changed = custom.over(palette::ANSI16);
        let heading = Style::new()
            .fg(Color::Rgb(0x88, 0xc0, 0xd0))
            .add_modifier(Modifier::BOLD);
        assert_eq!(changed.heading, heading);
        assert_eq!(
            changed.chosen,
            Style::new().fg(Color::Black).bg(Color::Indexed(110))
        );
        let names = [
            Style::new().fg(Color::Cyan),
            Style::new().fg(Color::Indexed(2)),
        ];
        assert_eq!(changed.names(), names);
        assert_eq!(changed.dim, palette::ANSI16.dim);
    }

    #[test]
    fn mistakes_are_told_with_their_lines_and_the_rest_holds() {
        let text = "good = \"green\"\nhedding = \"bold\"\nbad = \"rad\"\nbase = 3\ndim = 3";
        let told = problems(text);
        for part in [
            "line 2: no style is called hedding",
            "line 3: \"rad\" is no colour",
            "line 4: base is one of",
            "line 5: dim takes",
        ] {
            assert!(told.contains(part), "{told}");
        }
        let (custom, _) = parse(text);
        assert_eq!(
            custom.over(palette::MONO).good,
            Style::new().fg(Color::Green)
        );
        assert!(
            problems("a = 1\nb =").starts_with("line 2: "),
            "{}",
            problems("a = 1\nb =")
        );
        assert_eq!(problems(""), "");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([a-z]{1,7} = \"?[a-z#0-9 ]{0,9}\"?\n?){0,4}") {
            parse(&text);
        }
    }
}
