//! The list of settings: reading them, choosing one, changing it.

use std::collections::BTreeMap;

use twocan_peer::api::{Error, NoticeLevel};

use super::super::editor::Editor;
use super::super::effect::Effect;
use super::super::overlay::Overlay;
use super::super::preferences;
use super::super::settings::{self, Held, Settings};
use super::Effects;
use super::overlays::{edit, step};
use crate::app::State;
use crate::input::chord::{Chord, Key};
use crate::input::command::first_word;

/// The command: a list without words after it, else one setting.
pub(super) fn set(state: &mut State, args: &str, out: &mut Effects) {
    match first_word(args) {
        ("", _) => {
            state.overlay = Some(Overlay::Settings(Box::default()));
            out.push(Effect::LoadSettings);
        }
        (key, "") => out.push(Effect::LoadSetting(key.to_owned())),
        (key, value) => match understood(key, value) {
            Ok(value) => out.push(save(key, value)),
            Err(problem) => state.notify(NoticeLevel::Warning, problem),
        },
    }
}

/// A value as it is stored, or why a setting cannot have it. Of switches and
/// themes only: the engine looks at the others itself.
fn understood<'a>(key: &str, value: &'a str) -> Result<&'a str, String> {
    let values = settings::values(key);
    if values.contains(&"true") {
        return match value.to_lowercase().as_str() {
            "true" | "on" | "yes" => Ok("true"),
            "false" | "off" | "no" => Ok("false"),
            _ => Err(format!("{key} is true or false, not {value}")),
        };
    }
    if key == preferences::THEME && !values.contains(&value) {
        let all = values.join(", ");
        return Err(format!(
            "no theme is called {value}; there are: {all}; theme.toml in the profile changes them"
        ));
    }
    Ok(value)
}

fn save(key: &str, value: &str) -> Effect {
    Effect::SaveSetting {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

/// A key for the list.
pub(super) fn key(list: &mut Settings, chord: Chord, out: &mut Effects) {
    let Some(mut editor) = list.editing.take() else {
        return choose(list, chord, out);
    };
    match chord.key {
        Key::Enter => {
            let value = editor.text().trim();
            let Some(key) = list.chosen() else { return };
            match understood(key, value) {
                Ok(value) => out.push(save(key, value)),
                Err(problem) => {
                    list.error = Some(problem);
                    list.editing = Some(editor);
                }
            }
        }
        Key::Tab => {
            next_value(list, &mut editor);
            list.editing = Some(editor);
        }
        _ => {
            edit(&mut editor, chord);
            list.editing = Some(editor);
        }
    }
}

fn choose(list: &mut Settings, chord: Chord, out: &mut Effects) {
    list.error = None;
    if chord.key == Key::Enter {
        begin(list, out);
        return;
    }
    let last = list.found().len().saturating_sub(1);
    if !step(&mut list.selected, chord, last) && edit(&mut list.filter, chord) {
        list.selected = 0;
    }
}

/// Enter on a setting: a switch is switched, any other is written anew.
fn begin(list: &mut Settings, out: &mut Effects) {
    let Some(key) = list.chosen() else { return };
    let now = list.value(key).map_or("", |held| &held.text).to_owned();
    if settings::values(key).contains(&"true") {
        // All switches are on unless they were set to off.
        let next = if now == "false" { "true" } else { "false" };
        out.push(save(key, next));
        return;
    }
    list.editing = Some(Editor::with_text(now));
}

/// Tab: the next of the values that a setting takes.
fn next_value(list: &Settings, editor: &mut Editor) {
    let values = list.chosen().map_or(&[][..], settings::values);
    let at = values.iter().position(|v| *v == editor.text());
    let next = at.map_or(0, |at| at + 1);
    if let Some(value) = values.get(next).or_else(|| values.first()) {
        editor.replace(value);
    }
}

/// The values were read.
pub(super) fn loaded(state: &mut State, values: BTreeMap<String, Held>) {
    if let Some(Overlay::Settings(list)) = &mut state.overlay {
        list.values = values;
    }
}

/// What came of one: `false` if no list shows it.
pub(super) fn changed(state: &mut State, key: &str, value: &Result<Held, Error>) -> bool {
    let Some(Overlay::Settings(list)) = &mut state.overlay else {
        return false;
    };
    match value {
        Ok(value) => {
            list.error = None;
            list.values.insert(key.to_owned(), value.clone());
        }
        Err(error) => list.error = Some(error.to_string()),
    }
    true
}
