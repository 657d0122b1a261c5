//! Keys that a person has changed, and the composer with modes.

use super::*;
use crate::app::effect::Elsewhere;
use crate::app::overlay::Overlay;
use crate::app::user_file::{Content, UserFile};

fn keys_file(state: &mut State, text: &str) {
    let content = Content::Text(text.to_owned());
    update(state, state.now, Msg::UserFile(UserFile::Keys, content));
}

fn vi() -> State {
    let mut state = busy();
    keys_file(&mut state, "preset = \"vi\"");
    state
}

#[test]
fn new_keys_hold_at_once_and_mistakes_are_told() {
    let mut state = busy();
    keys_file(
        &mut state,
        "[global]\n\"F12\" = \"log\"\n\"F11\" = \"lag\"\n\"Q+\" = \"log\"",
    );
    assert!(said(&state).contains("line 3"), "{}", said(&state));
    assert!(said(&state).contains("1 more"), "{}", said(&state));
    press(&mut state, "F12");
    assert!(matches!(state.overlay, Some(Overlay::Log { .. })));
    press(&mut state, "Esc");
    keys_file(&mut state, "");
    press(&mut state, "F12");
    assert!(state.overlay.is_none());
}

#[test]
fn modes_type_and_move() {
    let mut state = vi();
    write(&mut state, "one two");
    press(&mut state, "Esc");
    assert!(state.normal_mode);
    press(&mut state, "b d w u 0 x A");
    assert!(!state.normal_mode);
    write(&mut state, "!");
    assert_eq!(state.draft().text(), "ne two!");
    press(&mut state, "Esc 0 c w");
    write(&mut state, "a");
    assert_eq!(state.draft().text(), "a two!");
    press(&mut state, "Esc o");
    write(&mut state, "next");
    press(&mut state, "Esc d d");
    assert_eq!(state.draft().text(), "a two!");
    press(&mut state, "g g D");
    assert_eq!(state.draft().text(), "");
    press(&mut state, ":");
    assert_eq!((state.draft().text(), state.normal_mode), ("/", false));
}

#[test]
fn letters_type_nothing_in_normal_mode_and_enter_still_sends() {
    let mut state = vi();
    write(&mut state, "hi");
    press(&mut state, "Esc z q");
    assert_eq!(state.draft().text(), "hi");
    assert!(has(&press(&mut state, "Enter"), |e| matches!(
        e,
        Effect::Send { .. }
    )));
    assert!(!state.normal_mode);
    press(&mut state, "Esc Esc");
    assert_eq!(state.focus, Focus::Browse);
    press(&mut state, "Esc Esc");
    keys_file(&mut state, "");
    assert!(!state.normal_mode);
}

#[test]
fn modes_are_only_where_they_were_asked_for() {
    let mut state = busy();
    press(&mut state, "Esc");
    assert_eq!((state.focus, state.normal_mode), (Focus::Browse, false));
}

#[test]
fn a_draft_goes_to_the_editor_and_comes_back() {
    let mut state = busy();
    write(&mut state, "half");
    let out = press(&mut state, "Ctrl+G");
    let about = out.iter().find_map(|e| match e {
        Effect::WriteElsewhere(about) => Some(about.clone()),
        _ => None,
    });
    let about = about.unwrap();
    assert_eq!(
        about,
        Elsewhere {
            whom: Some(sample::id(BOB)),
            text: "half".into()
        }
    );
    let failed = Err("the editor failed (exit status: 1)".to_owned());
    update(&mut state, at(1), Msg::Written(Box::new(failed)));
    assert_eq!(state.draft().text(), "half");
    assert!(said(&state).contains("as it was"));
    let text = "whole\u{1b}[31m\n\tthing".to_owned();
    let written = Ok(Elsewhere { text, ..about });
    update(&mut state, at(2), Msg::Written(Box::new(written)));
    assert_eq!(state.draft().text(), "whole[31m\n\tthing");
    press(&mut state, "Ctrl+_");
    assert_eq!(state.draft().text(), "half");
}

#[test]
fn esc_and_a_digit_go_to_a_conversation() {
    let mut state = busy();
    let before = state.open;
    press(&mut state, "Esc 2");
    let second = state.contacts_in_order()[1];
    assert_eq!(state.open, Some(second));
    assert_ne!(state.open, before);
}
