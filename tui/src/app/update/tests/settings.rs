//! The list of settings.

use super::*;
use crate::app::overlay::Overlay;
use crate::app::settings::{Held, Settings};

/// A value that the user has chosen.
fn chosen(text: &str) -> Held {
    Held {
        text: text.to_owned(),
        chosen: true,
    }
}

/// The list with two values that were read.
fn list() -> State {
    let mut state = busy();
    let out = enter(&mut state, "/set");
    assert!(has(&out, |e| matches!(e, Effect::LoadSettings)));
    let values = [("call.ring_timeout_s", "45"), ("call.tones", "false")];
    let values = values.map(|(key, value)| (key.to_owned(), chosen(value)));
    outcome(&mut state, Outcome::Settings(values.into()));
    state
}

fn shown(state: &State) -> &Settings {
    match &state.overlay {
        Some(Overlay::Settings(list)) => list,
        other => panic!("{other:?}"),
    }
}

fn saves(effects: &[Effect], key: &str, value: &str) -> bool {
    has(
        effects,
        |e| matches!(e, Effect::SaveSetting { key: k, value: v } if k == key && v == value),
    )
}

#[test]
fn a_setting_is_found_and_written_anew() {
    let mut state = list();
    write(&mut state, "seconds ring");
    press(&mut state, "Enter Backspace");
    let out = press(&mut state, "0 Enter");
    assert!(saves(&out, "call.ring_timeout_s", "40"), "{out:?}");
    let key = "call.ring_timeout_s".to_owned();
    let value = Ok(chosen("40"));
    outcome(&mut state, Outcome::Setting { key, value });
    let shown = shown(&state).value("call.ring_timeout_s");
    assert_eq!(shown, Some(&chosen("40")));
}

#[test]
fn a_switch_is_switched_by_enter() {
    let mut state = list();
    write(&mut state, "call.tones");
    assert!(saves(&press(&mut state, "Enter"), "call.tones", "true"));
    press(&mut state, "Ctrl+U");
    write(&mut state, "noise");
    let out = press(&mut state, "Enter");
    assert!(saves(&out, "call.noise_suppression", "false"));
}

#[test]
fn what_the_list_switches_holds_at_once() {
    let mut state = list();
    for (key, reads) in [("motion", true), ("theme", true), ("lan", false)] {
        let (key, value) = (key.to_owned(), Ok(chosen("false")));
        let out = outcome(&mut state, Outcome::Setting { key, value });
        assert_eq!(has(&out, |e| matches!(e, Effect::LoadPreferences)), reads);
    }
}

#[test]
fn what_contacts_learn_is_switched_by_commands() {
    let mut state = busy();
    let out = enter(&mut state, "/receipts off");
    assert!(saves(&out, "chat.receipts", "false"));
    assert!(saves(
        &enter(&mut state, "/typing on"),
        "chat.typing",
        "true"
    ));
    assert!(enter(&mut state, "/typing perhaps").is_empty());
    assert!(said(&state).contains("/typing on|off"), "{}", said(&state));
}

#[test]
fn a_theme_there_is_not_stays_in_the_field() {
    let mut state = list();
    write(&mut state, "theme");
    press(&mut state, "Enter Ctrl+U");
    write(&mut state, "drak");
    assert!(press(&mut state, "Enter").is_empty());
    let list = shown(&state);
    assert!(list.editing.is_some());
    assert!(list.error.as_ref().is_some_and(|e| e.contains("drak")));
}

#[test]
fn a_mistake_is_said_in_the_list_and_esc_goes_back_by_steps() {
    let mut state = list();
    write(&mut state, "activation");
    press(&mut state, "Enter Tab");
    let out = press(&mut state, "x Enter");
    assert!(saves(&out, "call.activation", "continuousx"), "{out:?}");
    let key = "call.activation".to_owned();
    let value = Err(Error::new(ErrorCode::BadRequest, "no such way"));
    outcome(&mut state, Outcome::Setting { key, value });
    assert!(
        shown(&state)
            .error
            .as_ref()
            .unwrap()
            .contains("no such way")
    );
    press(&mut state, "Enter Esc");
    assert!(shown(&state).editing.is_none());
    press(&mut state, "Esc");
    assert!(state.overlay.is_none());
}
