//! Files: offering, taking, stopping.

use twocan_peer::api::{Transfer, TransferState};

use super::*;
use crate::app::effect::FileVerb;
use crate::app::overlay::Overlay;

fn moved(state: &mut State, n: u64, to: TransferState) -> Vec<Effect> {
    let transfer = Transfer {
        state: to,
        ..sample::transfer(n, "budget.ods", false)
    };
    event(state, Event::Transfer(Box::new(transfer)))
}

fn verb(effects: &[Effect]) -> Option<(u64, FileVerb)> {
    effects.iter().find_map(|e| match e {
        Effect::File { transfer, verb } => {
            let n = (1..9).find(|n| sample::uuid(8_000 + n) == *transfer)?;
            Some((n, *verb))
        }
        _ => None,
    })
}

#[test]
fn an_offer_is_told_and_taken() {
    let mut state = busy();
    state.focused = false;
    let out = moved(&mut state, 1, TransferState::Offered);
    assert!(has(&out, |e| matches!(e, Effect::Alert(_))));
    assert!(said(&state).contains("/get"), "{}", said(&state));
    assert_eq!(verb(&enter(&mut state, "/pause")), None);
    let out = enter(&mut state, "/get");
    assert_eq!(verb(&out), Some((1, FileVerb::Accept)));
    moved(&mut state, 1, TransferState::Running);
    assert_eq!(verb(&enter(&mut state, "/get")), None);
    let out = enter(&mut state, "/pause budget");
    assert_eq!(verb(&out), Some((1, FileVerb::Pause)));
}

#[test]
fn of_two_offers_one_must_be_named() {
    let mut state = busy();
    moved(&mut state, 1, TransferState::Offered);
    let other = sample::transfer(2, "trip.mp4", false);
    event(&mut state, Event::Transfer(Box::new(other)));
    assert_eq!(verb(&enter(&mut state, "/get")), None);
    assert!(said(&state).contains("which one"));
    let out = enter(&mut state, "/refuse trip");
    assert_eq!(verb(&out), Some((2, FileVerb::Decline)));
}

#[test]
fn the_list_takes_keys_that_suit_the_state() {
    let mut state = busy();
    moved(&mut state, 1, TransferState::Running);
    press(&mut state, "Ctrl+X f");
    assert_eq!(verb(&press(&mut state, "a d")), None);
    let out = press(&mut state, "p");
    assert_eq!(verb(&out), Some((1, FileVerb::Pause)));
    moved(&mut state, 1, TransferState::Paused);
    let out = press(&mut state, "p");
    assert_eq!(verb(&out), Some((1, FileVerb::Resume)));
    // What has come already is not thrown away by one key.
    assert_eq!(verb(&press(&mut state, "x")), None);
    assert!(matches!(state.overlay, Some(Overlay::Confirm(_))));
    let out = press(&mut state, "y");
    assert_eq!(verb(&out), Some((1, FileVerb::Cancel)));
}

#[test]
fn a_path_is_completed_and_sent() {
    let mut state = busy();
    write(&mut state, "/file ~/bu");
    let out = press(&mut state, "Tab");
    assert!(has(
        &out,
        |e| matches!(e, Effect::CompletePath(typed) if typed == "~/bu")
    ));
    let paths = |typed: &str| Outcome::Paths {
        typed: typed.into(),
        choices: vec!["~/budget one.ods".into(), "~/bus/".into()],
    };
    // What was typed since makes an answer void.
    outcome(&mut state, paths("~/b"));
    assert_eq!(state.draft().text(), "/file ~/bu");
    outcome(&mut state, paths("~/bu"));
    assert_eq!(state.draft().text(), "/file ~/budget one.ods");
    press(&mut state, "Tab");
    assert_eq!(state.draft().text(), "/file ~/bus/");
    press(&mut state, "Shift+Tab");
    let out = press(&mut state, "Enter");
    assert!(has(
        &out,
        |e| matches!(e, Effect::SendFile { path, .. } if path == "~/budget one.ods")
    ));
}
