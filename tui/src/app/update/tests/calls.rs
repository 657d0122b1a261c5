//! Calls: who may answer, hang up and leave.

use super::*;

#[test]
fn only_a_chord_answers_a_call() {
    let mut state = sample::ringing((120, 36), Look::default());
    for keys in ["a", "Enter", "y", "Esc", "a", "Enter", "F3", "a", "Enter"] {
        let out = press(&mut state, keys);
        assert!(
            !has(&out, |e| matches!(e, Effect::Answer(_))),
            "{keys} answered"
        );
    }
    let out = press(&mut state, "Ctrl+X a");
    assert!(has(
        &out,
        |e| matches!(e, Effect::Answer(id) if *id == sample::call_id())
    ));
}

#[test]
fn a_call_is_answered_through_any_overlay() {
    for opened in ["F1", "F2", "Ctrl+T"] {
        let mut state = sample::ringing((80, 24), Look::default());
        press(&mut state, opened);
        assert!(state.overlay.is_some());
        let out = press(&mut state, "Ctrl+X a");
        assert!(
            has(&out, |e| matches!(e, Effect::Answer(_))),
            "not through {opened}"
        );
    }
}

#[test]
fn muting_waits_for_the_engine_to_say_so() {
    let mut state = sample::in_call((120, 36), Look::default());
    let out = press(&mut state, "F9");
    assert!(has(
        &out,
        |e| matches!(e, Effect::ChangeCall { change, .. } if change.muted == Some(true))
    ));
    assert_eq!(state.calls.active().unwrap().mic_word(), "MIC LIVE");
    let mut call = sample::call(CallState::Connected);
    call.muted = true;
    event(&mut state, Event::Call(call));
    assert_eq!(state.calls.active().unwrap().mic_word(), "MIC MUTED");
}

#[test]
fn nobody_leaves_a_call_by_accident() {
    let mut state = sample::in_call((120, 36), Look::default());
    let out = enter(&mut state, "/quit");
    assert!(!has(&out, |e| matches!(e, Effect::Quit)));
    let out = press(&mut state, "y");
    assert!(
        has(&out, |e| matches!(e, Effect::HangUp(_))) && has(&out, |e| matches!(e, Effect::Quit))
    );
}

#[test]
fn a_call_rings_until_it_is_over() {
    let mut state = busy();
    let out = event(&mut state, Event::Call(sample::call(CallState::Incoming)));
    assert!(has(&out, |e| matches!(e, Effect::Bell)));
    assert!(has(
        &out,
        |e| matches!(e, Effect::Title(t) if t == "CALL Dana")
    ));
    let later = update(&mut state, at(5_000), Msg::Tick);
    assert!(has(&later, |e| matches!(e, Effect::Bell)));
    event(&mut state, Event::Call(sample::call(CallState::Ended)));
    assert!(said(&state).contains("missed call from Dana"));
    assert!(!has(
        &update(&mut state, at(15_000), Msg::Tick),
        |e| matches!(e, Effect::Bell)
    ));
}
