//! What the fuzzer may reach of the private parts: here only while it builds,
//! and nobody's interface. Each function panics when something does not hold
//! that has to hold for any input.

use std::ops::Range;

use serde_json::Value;

use crate::app::links;
use crate::cli;
use crate::control::words;
use crate::headless;
use crate::input::chord::{self, Chord};
use crate::input::command::{self, Line};
use crate::input::complete::{self, Names};
use crate::input::keymap::Context;
use crate::input::keys_file;
use crate::terminal::decode::{Decoder, Seen};
use crate::view::markup;
use crate::view::theme::{file, palette};
use crate::view::wrap;

/// `keys.toml`: each mistake has a line of the file, and what keys are called is
/// read as those keys.
///
/// # Panics
/// See the module.
pub fn keys_file(text: &str) {
    let read = keys_file::read(text);
    for mistake in &read.mistakes {
        let line = mistake
            .strip_prefix("keys.toml line ")
            .and_then(|rest| rest.split_once(": "))
            .and_then(|(line, _)| line.parse().ok());
        assert!(line.is_some_and(|line| is_line(text, line)), "{mistake}");
    }
    for word in text.split(['"', '\n']) {
        if let Ok(chords) = chord::sequence(word) {
            for context in Context::ALL {
                read.keymap.find(context, &chords);
            }
            let names: Vec<String> = chords.iter().map(Chord::to_string).collect();
            assert_eq!(chord::sequence(&names.join(" ")).ok(), Some(chords));
        }
    }
}

/// A file of options: it is understood, or refused in one line.
///
/// # Panics
/// See the module.
pub fn options_file(text: &str) {
    if let Err(problem) = cli::options_file(text) {
        assert!(
            !problem.is_empty() && !problem.contains('\n'),
            "{problem:?}"
        );
    }
}

/// `theme.toml`: each mistake has a line of the file, and the rest holds.
///
/// # Panics
/// See the module.
pub fn theme_file(text: &str) {
    let (custom, mistakes) = file::parse(text);
    for mistake in &mistakes {
        assert!(mistake.line.is_none_or(|line| is_line(text, line)));
    }
    let _changed = custom.over(palette::ANSI16);
}

fn is_line(text: &str, line: usize) -> bool {
    (1..=text.matches('\n').count() + 1).contains(&line)
}

/// Bytes of a terminal: what they mean does not depend on where the pieces end
/// in which they come, pastes have one kind of line end, and nothing is kept
/// that decides about what is typed a while later.
///
/// # Panics
/// See the module.
pub fn terminal_input(bytes: &[u8], pieces: &[u8]) {
    let whole = seen([bytes].into_iter());
    let mut rest = bytes;
    let cut = pieces.iter().map_while(|length| {
        let (piece, after) = rest.split_at_checked(usize::from(*length))?;
        rest = after;
        Some(piece)
    });
    let mut cut: Vec<&[u8]> = cut.collect();
    cut.push(rest);
    assert_eq!(seen(cut.into_iter()), whole);
    for seen in whole {
        match seen {
            Seen::Paste(text) => assert!(!text.contains('\r')),
            Seen::Key(chord) | Seen::KeyUp(chord) => {
                assert!(chord.typed().is_none_or(|c| !c.is_control()));
            }
            Seen::Mouse(_) | Seen::Focus(_) | Seen::Answer(_) => {}
        }
    }
}

fn seen<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::default();
    let mut seen: Vec<Seen> = pieces.flat_map(|piece| decoder.take(piece)).collect();
    seen.extend(decoder.flush());
    assert!(!decoder.waits());
    seen
}

/// A line of the headless interface: a request has an id that it is answered
/// under, and a refusal says why.
///
/// # Panics
/// See the module.
pub fn headless_line(bytes: &[u8]) {
    match headless::parse(bytes) {
        Ok(id) => assert!(matches!(id, Value::Number(_) | Value::String(_))),
        Err(error) => assert!(!error.message.is_empty()),
    }
}

/// A line of the control socket.
pub fn control_line(line: &str) {
    let _either = words::parse(line);
}

/// What is typed into the composer, with the cursor after so many bytes: what is
/// offered can be put into the text.
///
/// # Panics
/// See the module.
pub fn typed_line(text: &str, cursor: usize) {
    if let Line::Command { args, .. } = command::read(text) {
        let (word, rest) = command::first_word(&args);
        assert!(word.len() + rest.len() <= args.len());
    }
    command::looks_like_command(text);
    complete::hint(text);
    let names = Names {
        contacts: vec!["anna".to_owned(), "Bob Ortega".to_owned()],
        requests: vec!["cleo".to_owned()],
        registries: vec!["r.example:7443".to_owned()],
    };
    if let Some(offer) = complete::offer(text, cursor, &names) {
        assert!(!offer.choices.is_empty());
        assert!(text.get(offer.part).is_some());
    }
    if let Some((part, _)) = complete::closed_emoji(text, cursor) {
        assert!(text.get(part).is_some());
    }
    if let Some((at, path)) = complete::typed_path(text, cursor) {
        assert!(text[at..].starts_with(path));
    }
}

/// A message as another wrote it, drawn in rows of so many cells: all of its
/// text is in them, none is wider, and what is marked in it is part of it.
///
/// # Panics
/// See the module.
pub fn message(text: &str, cells: usize) {
    let text = twocan_proto::text::multiline(text);
    apart(&text, links::find(&text).into_iter());
    apart(
        &text,
        markup::parts(&text).into_iter().map(|(range, _)| range),
    );
    let rows = wrap::rows(&text, cells);
    let together: String = rows.iter().map(|row| &text[row.clone()]).collect();
    assert_eq!(together, text.replace('\n', ""));
    for row in rows {
        // A character wider than the row is the only exception; the widest, a
        // Khmer one (U+17D8), takes three cells.
        let drawn = text[row].trim_end_matches([' ', '\t']);
        assert!(wrap::width(drawn) <= cells.max(3));
    }
    assert_eq!(wrap::width(&wrap::fit(&text, cells, "")), cells);
    assert!(!wrap::display(&text).chars().any(char::is_control));
}

/// Ranges are parts of the text, in order and apart.
fn apart(text: &str, ranges: impl Iterator<Item = Range<usize>>) {
    let mut last = 0;
    for range in ranges {
        assert!(range.start >= last && text.get(range.clone()).is_some());
        last = range.end;
    }
}
