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
    assert!(has(&out, |e| matches!(e, Effect::Alert(_))));
    assert!(has(
        &out,
        |e| matches!(e, Effect::Title(t) if t == "CALL Dana")
    ));
    let later = update(&mut state, at(5_000), Msg::Tick);
    assert!(has(&later, |e| matches!(e, Effect::Alert(_))));
    event(&mut state, Event::Call(sample::call(CallState::Ended)));
    assert!(said(&state).contains("missed call from Dana"));
    assert!(!has(
        &update(&mut state, at(15_000), Msg::Tick),
        |e| matches!(e, Effect::Alert(_))
    ));
}

/// A call with push to talk in which the engine follows at once.
struct Talking(State);

impl Talking {
    fn new(holds: bool) -> Self {
        let mut state = sample::in_call((120, 36), Look::default());
        state.talk_key.holds = holds;
        let mut talking = Self(state);
        let out = enter(&mut talking.0, "/ptt on");
        assert!(has(
            &out,
            |e| matches!(e, Effect::SaveSetting { key, value }
            if key == "call.activation" && value == "push_to_talk")
        ));
        talking.follow(&out);
        talking
    }

    /// Takes a message at a moment; returns whether we talk then.
    fn take(&mut self, ms: i64, msg: Msg) -> bool {
        let out = update(&mut self.0, at(ms), msg);
        self.follow(&out);
        self.0.calls.active().unwrap().mic_live()
    }

    fn follow(&mut self, effects: &[Effect]) {
        for effect in effects {
            let Effect::ChangeCall { change, .. } = effect else {
                continue;
            };
            let mut call = self.0.calls.active().unwrap().call.clone();
            call.talking = change.talking.unwrap_or(call.talking);
            call.muted = change.muted.unwrap_or(call.muted);
            call.activation = change.activation.unwrap_or(call.activation);
            event(&mut self.0, Event::Call(call));
        }
    }
}

fn f8() -> Chord {
    Chord::plain(Key::F(8))
}

#[test]
fn a_held_key_talks_until_it_is_let_go() {
    let mut call = Talking::new(true);
    assert!(!call.take(0, Msg::Tick));
    assert!(call.take(10, Msg::Key(f8())));
    // Other keys that are let go are not it.
    assert!(call.take(20, Msg::KeyUp(Chord::plain(Key::Char('a')))));
    assert!(!call.take(900, Msg::KeyUp(f8())));
    assert!(call.take(1_000, Msg::Key(f8())));
    assert!(!call.take(1_100, Msg::Focus(false)), "let go elsewhere");
    // Works over everything that covers the conversation.
    call.take(1_200, Msg::Key(Chord::plain(Key::F(1))));
    assert!(call.take(1_300, Msg::Key(f8())));
}

#[test]
fn a_terminal_that_never_lets_go_is_found_out() {
    let mut call = Talking::new(true);
    assert!(call.take(10, Msg::Key(f8())));
    assert!(!call.take(500, Msg::Key(f8())));
    assert!(said(&call.0).contains("each press switches"));
    assert!(call.take(2_000, Msg::Key(f8())));
    assert!(!call.take(3_000, Msg::Key(f8())));
}

#[test]
fn elsewhere_each_press_switches_and_repeats_do_not() {
    let mut call = Talking::new(false);
    assert!(call.take(0, Msg::Key(f8())));
    for ms in [30, 60, 90] {
        assert!(call.take(ms, Msg::Key(f8())));
    }
    assert!(!call.take(700, Msg::Key(f8())));
    press(&mut call.0, "Ctrl+X");
    assert!(call.take(800, Msg::Key(Chord::plain(Key::Char('t')))));
}

#[test]
fn the_talk_key_does_nothing_while_muted_or_without_push_to_talk() {
    let mut call = Talking::new(true);
    call.take(0, Msg::Key(Chord::plain(Key::F(9))));
    assert!(!call.take(10, Msg::Key(f8())));
    assert!(said(&call.0).contains("F9"));
    let mut state = sample::in_call((120, 36), Look::default());
    assert!(!has(&press(&mut state, "F8"), |e| matches!(
        e,
        Effect::ChangeCall { .. }
    )));
    assert!(said(&state).contains("/ptt on"));
}

#[test]
fn keys_are_watched_only_while_that_helps() {
    let mut state = sample::in_call((120, 36), Look::default());
    state.talk_key.holds = true;
    let mut call = sample::call(CallState::Connected);
    call.activation = Activation::PushToTalk;
    let out = event(&mut state, Event::Call(call));
    assert!(has(&out, |e| matches!(e, Effect::WatchKeys(true))));
    let out = event(&mut state, Event::Call(sample::call(CallState::Ended)));
    assert!(has(&out, |e| matches!(e, Effect::WatchKeys(false))));
}

#[test]
fn meters_are_read_while_somebody_looks_at_a_call() {
    let mut state = sample::in_call((120, 36), Look::default());
    let out = update(&mut state, at(0), Msg::Tick);
    assert!(has(&out, |e| matches!(e, Effect::ReadMeters)));
    update(&mut state, at(0), Msg::Meters(sample::levels()));
    assert!(!has(&update(&mut state, at(50), Msg::Tick), |e| matches!(
        e,
        Effect::ReadMeters
    )));
    assert_eq!(state.next_deadline(), at(100));
    update(&mut state, at(60), Msg::Focus(false));
    assert!(state.next_deadline() > at(100));
    let mut idle = busy();
    assert!(!has(&update(&mut idle, at(0), Msg::Tick), |e| matches!(
        e,
        Effect::ReadMeters
    )));
    assert!(idle.next_deadline() > at(1_000));
}

#[test]
fn alarms_are_said_once_and_stand_until_they_are_over() {
    let mut state = sample::in_call((120, 36), Look::default());
    let hint = |on| Event::CallHint {
        call: sample::call_id(),
        hint: CallHint::NothingArrives,
        on,
    };
    event(&mut state, hint(true));
    assert!(said(&state).contains("no sound arrives"));
    state.toast = None;
    event(&mut state, hint(true));
    assert_eq!(said(&state), "");
    assert_eq!(state.calls.active().unwrap().hints.len(), 1);
    event(&mut state, hint(false));
    assert_eq!(state.calls.active().unwrap().hints.len(), 0);
}

fn saved(effects: &[Effect]) -> Vec<(&str, &str)> {
    let saved = effects.iter().filter_map(|effect| match effect {
        Effect::SaveSetting { key, value } => Some((key.as_str(), value.as_str())),
        _ => None,
    });
    saved.collect()
}

#[test]
fn devices_are_looked_for_when_they_matter() {
    let loads = |out: &[Effect]| has(out, |e| matches!(e, Effect::LoadSound));
    let mut state = busy();
    assert!(!loads(&start(&mut state, false)));
    let calling = sample::call(CallState::Calling);
    assert!(loads(&event(&mut state, Event::Call(calling.clone()))));
    let mut state = busy();
    let out = enter(&mut state, "/audio in built-in");
    assert!(loads(&out) && !has(&out, |e| matches!(e, Effect::SaveSetting { .. })));
    let found = Outcome::Sound(Ok(Box::new(sample::sound())));
    let out = outcome(&mut state, found);
    assert!(has(
        &out,
        |e| matches!(e, Effect::SaveSetting { key, .. } if key == "audio.input")
    ));
    assert!(!loads(&event(&mut state, Event::Call(calling))));
}

#[test]
fn devices_are_chosen_by_name_and_from_the_list() {
    let mut state = busy();
    state.sound = Some(sample::sound());
    let out = enter(&mut state, "/audio in built-in");
    assert_eq!(saved(&out), [("audio.input", "device:pci-0")]);
    let out = enter(&mut state, "/audio out null");
    assert_eq!(saved(&out), [("audio.output", "null")]);
    assert_eq!(saved(&enter(&mut state, "/audio in webcam")), []);
    assert!(said(&state).contains("webcam"));

    let out = press(&mut state, "Ctrl+X g");
    assert!(has(&out, |e| matches!(e, Effect::LoadSound)));
    let out = press(&mut state, "Down Down Enter");
    assert_eq!(saved(&out), [("audio.input", "device:pci-0")]);
    let out = press(&mut state, "Tab Enter");
    assert_eq!(saved(&out), [("audio.output", "default")]);
    let out = press(&mut state, "e g a");
    let expected = [
        ("call.echo_cancellation", "false"),
        ("call.gain_control", "true"),
        ("call.activation", "voice"),
    ];
    assert_eq!(saved(&out), expected);
}

#[test]
fn a_microphone_that_nobody_looks_at_is_let_go() {
    let mut state = busy();
    state.sound = Some(sample::sound());
    let out = enter(&mut state, "/mictest");
    assert!(has(&out, |e| matches!(e, Effect::MicTest(true))));
    let test = |phase| {
        Event::MicTest(MicTest {
            phase,
            level_db: -20.0,
            peak_db: -12.0,
            at_ms: 0,
            length_ms: 5_000,
            problem: None,
        })
    };
    event(&mut state, test(MicTestPhase::Recording));
    let out = press(&mut state, "t");
    assert!(has(&out, |e| matches!(e, Effect::MicTest(false))));
    let out = press(&mut state, "Esc");
    assert!(has(&out, |e| matches!(e, Effect::MicTest(false))));
    event(&mut state, test(MicTestPhase::Done));
    let out = press(&mut state, "Ctrl+X g Esc");
    assert!(!has(&out, |e| matches!(e, Effect::MicTest(_))));
}

#[test]
fn a_call_is_declined_with_a_word() {
    let mut state = sample::ringing((120, 36), Look::default());
    let out = enter(&mut state, "/decline back at four");
    assert!(has(
        &out,
        |e| matches!(e, Effect::Decline { text, .. } if text == "back at four")
    ));
}

#[test]
fn calls_that_were_missed_are_told_once_and_seen_in_the_log() {
    let mut state = busy();
    let page = |n| Outcome::Calls {
        before: None,
        found: Ok(vec![sample::logged(n, false)]),
    };
    outcome(&mut state, page(7));
    assert!(said(&state).contains("missed call from Dana"));
    state.toast = None;
    outcome(&mut state, page(9));
    assert_eq!(said(&state), "", "told as it happened");
    let out = press(&mut state, "Ctrl+X j");
    assert!(has(&out, |e| matches!(e, Effect::CallsSeen)));
    let out = press(&mut state, "Enter");
    assert!(!has(&out, |e| matches!(e, Effect::Call(_))));
    assert_eq!(state.open, Some(sample::id(DANA)));
}

#[test]
fn a_held_key_is_let_go_before_the_program_sleeps() {
    let mut call = Talking::new(true);
    assert!(call.take(0, Msg::Key(f8())));
    let out = press(&mut call.0, "Ctrl+Z s");
    let at = |wanted: fn(&Effect) -> bool| out.iter().position(wanted);
    let let_go =
        at(|e| matches!(e, Effect::ChangeCall { change, .. } if change.talking == Some(false)));
    assert!(let_go.is_some() && let_go < at(|e| matches!(e, Effect::Suspend)));
}
