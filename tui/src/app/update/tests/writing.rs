//! The composer: drafts that are kept, earlier input, completion.

use serde_json::{Value, json};

use super::*;
use crate::app::overlay::Overlay;
use crate::app::roster::Contacts;

/// The drafts that are to be remembered by these effects.
fn remembered(effects: &[Effect]) -> Option<&Value> {
    effects.iter().find_map(|e| match e {
        Effect::Remember(all) => Some(&all["drafts"]),
        _ => None,
    })
}

fn loaded(state: &mut State, all: Value) {
    outcome(state, Outcome::Remembered(all));
}

#[test]
fn a_draft_is_kept_soon_after_it_was_begun() {
    let mut state = busy();
    loaded(&mut state, Value::Null);
    let out = write(&mut state, "half");
    assert_eq!(remembered(&out), None, "not with every key");
    let due = state.next_deadline();
    assert!(due <= at(1_000));
    let out = update(&mut state, due, Msg::Tick);
    let bob = sample::id(BOB).to_string();
    assert_eq!(remembered(&out), Some(&json!({ bob: "half" })));
    assert!(
        state.next_deadline() > at(3_000),
        "then it wakes for other things alone"
    );
}

#[test]
fn a_draft_that_was_sent_is_forgotten_at_once() {
    let mut state = busy();
    let bob = sample::id(BOB).to_string();
    loaded(&mut state, json!({"drafts": { bob: "hello" }}));
    assert_eq!(state.draft().text(), "hello");
    let out = press(&mut state, "Enter");
    assert_eq!(remembered(&out), Some(&json!({})));
}

#[test]
fn the_end_keeps_drafts_first() {
    let mut state = busy();
    loaded(&mut state, Value::Null);
    write(&mut state, "half");
    let out = update(&mut state, at(1), Msg::Terminate);
    assert!(matches!(out[..], [Effect::Remember(_), Effect::Quit]));
}

#[test]
fn an_edit_of_a_message_is_no_draft() {
    let mut state = busy();
    loaded(&mut state, Value::Null);
    press(&mut state, "Up");
    assert!(state.conversation().unwrap().editing.is_some());
    let out = update(&mut state, at(1), Msg::Terminate);
    assert_eq!(remembered(&out), None);
}

#[test]
fn what_was_written_before_the_drafts_came_stays() {
    let mut state = busy();
    write(&mut state, "quick");
    let bob = sample::id(BOB).to_string();
    loaded(&mut state, json!({"drafts": { bob: "older", "": "loose" }}));
    assert_eq!(state.draft().text(), "quick");
    assert_eq!(state.history().newest_first().next(), Some("older"));
    assert_eq!(state.loose_draft.text(), "loose");
}

#[test]
fn earlier_input_is_looked_for_while_typing() {
    let mut state = busy();
    for line in ["first apple", "second pear", "third apple"] {
        enter(&mut state, line);
    }
    write(&mut state, "kept");
    press(&mut state, "Ctrl+R");
    write(&mut state, "apple");
    press(&mut state, "Ctrl+R Enter");
    assert_eq!(state.draft().text(), "first apple");
    press(&mut state, "Ctrl+_");
    assert_eq!(state.draft().text(), "kept");
    press(&mut state, "Ctrl+R Esc");
    assert_eq!(state.draft().text(), "kept");
}

#[test]
fn each_conversation_has_its_own_earlier_input() {
    let mut state = busy();
    enter(&mut state, "to Bob");
    press(&mut state, "Ctrl+N Up");
    assert_eq!(state.draft().text(), "");
    press(&mut state, "Ctrl+P");
    assert!(state.history().newest_first().any(|line| line == "to Bob"));
}

#[test]
fn what_was_cut_can_be_put_into_another_conversation() {
    let mut state = busy();
    write(&mut state, "wrong window");
    press(&mut state, "Ctrl+U Ctrl+N Ctrl+Y");
    assert_eq!(state.draft().text(), "wrong window");
    assert_ne!(state.open, Some(sample::id(BOB)));
}

#[test]
fn cutting_nothing_jumps() {
    let mut state = busy();
    write(&mut state, "text");
    press(&mut state, "Ctrl+K");
    assert!(state.overlay.is_none());
    press(&mut state, "Ctrl+U Ctrl+K");
    assert!(matches!(state.overlay, Some(Overlay::Jump { .. })));
}

#[test]
fn a_jump_waits_for_the_contacts() {
    let mut state = busy();
    let contacts: Vec<_> = state.contacts.values().cloned().collect();
    (state.contacts, state.contacts_loaded, state.open) = (Contacts::default(), false, None);
    press(&mut state, "Ctrl+T");
    write(&mut state, "Mei");
    press(&mut state, "Enter");
    write(&mut state, "hello");
    assert!(matches!(state.overlay, Some(Overlay::Jump { .. })));
    outcome(&mut state, Outcome::Contacts(contacts));
    assert_eq!(state.open, Some(sample::id(MEI)));
    assert_eq!(state.draft().text(), "hello");
}

#[test]
fn a_jump_to_somebody_who_may_come_can_be_left() {
    let mut state = busy();
    state.contacts_loaded = false;
    press(&mut state, "Ctrl+T");
    press(&mut state, "Enter");
    press(&mut state, "Esc");
    assert!(state.overlay.is_none() && state.type_ahead.is_empty());
}

#[test]
fn tab_goes_through_the_choices_and_back() {
    let mut state = busy();
    write(&mut state, "/un");
    press(&mut state, "Tab");
    assert_eq!(state.draft().text(), "/unblock ");
    press(&mut state, "Ctrl+U");
    write(&mut state, "/si");
    press(&mut state, "Tab Tab");
    assert_eq!(state.draft().text(), "/signout ");
    press(&mut state, "Tab Tab");
    assert_eq!(state.draft().text(), "/signin ");
    press(&mut state, "Shift+Tab");
    assert_eq!(state.draft().text(), "/silence ");
}

#[test]
fn a_short_code_becomes_its_emoji_and_can_be_taken_back() {
    let mut state = busy();
    write(&mut state, "look :crab:");
    assert_eq!(state.draft().text(), "look \u{1f980}");
    press(&mut state, "Ctrl+_");
    assert_eq!(state.draft().text(), "look :crab:");
    write(&mut state, " 10:30:");
    assert_eq!(state.draft().text(), "look :crab: 10:30:");
}

#[test]
fn a_slipped_command_asks_first() {
    let mut state = busy();
    let out = enter(&mut state, " /quit");
    assert!(!has(&out, |e| matches!(
        e,
        Effect::Quit | Effect::Send { .. }
    )));
    assert!(matches!(state.overlay, Some(Overlay::Confirm(_))));
    assert_eq!(state.draft().text(), " /quit");
}

#[test]
fn a_draft_stays_in_the_lobby_that_is_left() {
    let mut state = sample::with_registries((120, 36), Look::default());
    let me = state.me.as_ref().unwrap();
    let lobby = format!("/lobby {}", me.registries[0].registry);
    enter(&mut state, &lobby);
    write(&mut state, "wait :crab:");
    press(&mut state, "Esc");
    assert!(state.overlay.is_none());
    enter(&mut state, &lobby);
    match &state.overlay {
        Some(Overlay::Lobby { draft, .. }) => assert_eq!(draft.text(), "wait \u{1f980}"),
        other => panic!("{other:?}"),
    }
}
