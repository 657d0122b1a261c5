//! What keys, events and outcomes lead to, as tables; and what no order of
//! them may do.

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use twocan_peer::api::{
    CallState, Error, ErrorCode, Event, MessageState, NoticeLevel, Page, Relation,
};

use super::super::conversation::Scroll;
use super::super::effect::{Effect, Outcome};
use super::super::msg::{Mouse, MouseAct, Msg};
use super::super::sample::{self, BOB, DANA, MEI, at};
use super::update;
use crate::app::{Focus, Look, State};
use crate::input::chord::{Chord, Key, sequence};

fn busy() -> State {
    sample::busy((120, 36), Look::default())
}

/// Presses keys as the table of actions writes them.
fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let chords = sequence(keys).unwrap();
    let taken = chords
        .into_iter()
        .map(|chord| update(state, state.now, Msg::Key(chord)));
    taken.flatten().collect()
}

fn write(state: &mut State, text: &str) -> Vec<Effect> {
    let typed = |c| match c {
        '\n' => Chord {
            alt: true,
            ..Chord::plain(Key::Enter)
        },
        c => Chord::plain(Key::Char(c)),
    };
    let taken = text
        .chars()
        .map(|c| update(state, state.now, Msg::Key(typed(c))));
    taken.flatten().collect()
}

fn enter(state: &mut State, line: &str) -> Vec<Effect> {
    write(state, line);
    press(state, "Enter")
}

fn event(state: &mut State, event: Event) -> Vec<Effect> {
    update(state, state.now, Msg::Engine(Box::new(event)))
}

fn outcome(state: &mut State, outcome: Outcome) -> Vec<Effect> {
    update(state, state.now, Msg::Outcome(Box::new(outcome)))
}

fn has(effects: &[Effect], wanted: impl Fn(&Effect) -> bool) -> bool {
    effects.iter().any(wanted)
}

fn said(state: &State) -> &str {
    state.toast.as_ref().map_or("", |t| &t.text)
}

#[test]
fn a_line_is_sent_and_the_composer_emptied() {
    let mut state = busy();
    let out = enter(&mut state, "one\ntwo");
    assert!(has(
        &out,
        |e| matches!(e, Effect::Send { to, text, reply_to: None }
        if *to == sample::id(BOB) && text == "one\ntwo")
    ));
    assert!(state.draft().is_empty());
}

#[test]
fn a_reply_names_its_message_once() {
    let mut state = busy();
    press(&mut state, "Esc");
    assert_eq!(state.focus, Focus::Browse);
    press(&mut state, "k");
    press(&mut state, "r");
    assert_eq!(state.focus, Focus::Composer);
    let out = enter(&mut state, "yes");
    assert!(has(
        &out,
        |e| matches!(e, Effect::Send { reply_to: Some(id), .. } if *id == sample::uuid(9))
    ));
    let out = enter(&mut state, "and this");
    assert!(has(&out, |e| matches!(
        e,
        Effect::Send { reply_to: None, .. }
    )));
}

#[test]
fn what_was_not_stored_comes_back() {
    let mut state = busy();
    enter(&mut state, "precious");
    let error = Error::new(ErrorCode::Io, "the disk is full");
    let to = sample::id(BOB);
    outcome(
        &mut state,
        Outcome::NotSent {
            to,
            text: "precious".into(),
            error,
        },
    );
    assert_eq!(state.draft().text(), "precious");
    assert!(said(&state).contains("the disk is full"));
}

#[test]
fn each_conversation_keeps_its_own_draft() {
    let mut state = busy();
    write(&mut state, "for Bob");
    press(&mut state, "Ctrl+N");
    assert_ne!(state.open, Some(sample::id(BOB)));
    assert_eq!(state.draft().text(), "");
    write(&mut state, "for another");
    press(&mut state, "Ctrl+P");
    assert_eq!(state.draft().text(), "for Bob");
}

#[test]
fn an_unknown_command_stays_and_names_its_neighbours() {
    let mut state = busy();
    let out = enter(&mut state, "/cal");
    assert!(!has(&out, |e| matches!(
        e,
        Effect::Call(_) | Effect::Send { .. }
    )));
    assert_eq!(state.draft().text(), "/cal");
    assert!(said(&state).contains("/call"), "{}", said(&state));
}

#[test]
fn commands_lead_to_their_effects() {
    type Wanted = fn(&Effect) -> bool;
    let table: &[(&str, Wanted)] = &[
        (
            "/call Dana",
            |e| matches!(e, Effect::Call(id) if *id == sample::id(DANA)),
        ),
        (
            "/connect 127.0.0.1:7777",
            |e| matches!(e, Effect::Connect(to) if to == "127.0.0.1:7777"),
        ),
        (
            "/add eve hello there",
            |e| matches!(e, Effect::AddContact { who, note } if who == "eve" && note == "hello there"),
        ),
        (
            "/accept Zoe",
            |e| matches!(e, Effect::Accept(id) if *id == sample::uuid(7_000)),
        ),
        (
            "/reject",
            |e| matches!(e, Effect::Reject(id) if *id == sample::uuid(7_000)),
        ),
        (
            "/msg Dana see you",
            |e| matches!(e, Effect::Send { to, text, .. } if *to == sample::id(DANA) && text == "see you"),
        ),
        (
            "/nick Alice B",
            |e| matches!(e, Effect::SetName(name) if name == "Alice B"),
        ),
        (
            "/clients bo",
            |e| matches!(e, Effect::Directory { prefix: Some(p) } if p == "bo"),
        ),
        (
            "/set call.ring_timeout_s 45",
            |e| matches!(e, Effect::SaveSetting { value, .. } if value == "45"),
        ),
        ("/quit", |e| matches!(e, Effect::Quit)),
    ];
    for (line, wanted) in table {
        let out = enter(&mut busy(), line);
        assert!(has(&out, wanted), "{line}: {out:?}");
    }
}

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
fn quitting_by_ctrl_c_takes_two_and_clears_first() {
    let mut state = busy();
    write(&mut state, "half a thought");
    assert!(!has(&press(&mut state, "Ctrl+C"), |e| matches!(
        e,
        Effect::Quit
    )));
    assert!(state.draft().is_empty());
    press(&mut state, "Up");
    assert_eq!(state.draft().text(), "half a thought");
    press(&mut state, "Ctrl+C");
    assert!(!has(&press(&mut state, "Ctrl+C"), |e| matches!(
        e,
        Effect::Quit
    )));
    assert!(has(&press(&mut state, "Ctrl+C"), |e| matches!(
        e,
        Effect::Quit
    )));
}

#[test]
fn messages_are_read_only_when_somebody_looks() {
    let incoming = |n| Event::Message(sample::message(n, false, "new"));
    let read = |out: &[Effect]| has(out, |e| matches!(e, Effect::MarkRead { .. }));
    let mut state = busy();
    assert!(read(&event(&mut state, incoming(20))));
    update(&mut state, at(1), Msg::Focus(false));
    let out = event(&mut state, incoming(21));
    assert!(!read(&out) && has(&out, |e| matches!(e, Effect::Bell)));
    assert!(read(&update(&mut state, at(2), Msg::Focus(true))));
    press(&mut state, "F1");
    assert!(!read(&event(&mut state, incoming(22))));
    assert!(read(&press(&mut state, "Esc")));
}

#[test]
fn the_reader_of_old_messages_stays_where_he_is() {
    let mut state = sample::busy((80, 15), Look::default());
    press(&mut state, "PgUp");
    let before = state.conversation().unwrap().scroll;
    assert_ne!(before, Scroll::Bottom);
    event(
        &mut state,
        Event::Message(sample::message(30, false, "below")),
    );
    assert_eq!(state.conversation().unwrap().scroll, before);
    press(&mut state, "Alt+End");
    assert_eq!(state.conversation().unwrap().scroll, Scroll::Bottom);
}

#[test]
fn an_answer_to_our_request_is_told() {
    let mut state = busy();
    let mut eve = sample::contact(9, "Eve");
    eve.relation = Relation::Asked;
    event(&mut state, Event::Contact(Box::new(eve.clone())));
    assert_eq!(said(&state), "");
    eve.relation = Relation::Mutual;
    event(&mut state, Event::Contact(Box::new(eve)));
    assert!(said(&state).contains("Eve said yes"));
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

#[test]
fn nothing_wakes_an_idle_interface_but_the_clock() {
    let state = busy();
    // 14:02:30, so half a minute is left.
    assert_eq!(state.next_deadline(), at(30_000));
}

#[test]
fn a_toast_goes_away_by_itself() {
    let mut state = busy();
    state.notify(NoticeLevel::Info, "hello");
    let gone = state.next_deadline();
    assert!(gone > at(1_000) && gone < at(30_000));
    update(&mut state, gone, Msg::Tick);
    assert!(state.toast.is_none());
}

#[test]
fn a_long_paste_asks_first() {
    let mut state = busy();
    let text = "line\n".repeat(20);
    update(&mut state, at(0), Msg::Paste(text.clone()));
    assert!(state.draft().is_empty() && state.overlay.is_some());
    press(&mut state, "y");
    assert_eq!(state.draft().text(), text);
}

#[test]
fn the_first_run_walks_by_enter_and_keeps_its_errors_in_sight() {
    let mut state = sample::empty((80, 24), Look::default());
    super::start(&mut state, true);
    press(&mut state, "Enter");
    assert!(state.first_run.as_ref().unwrap().error.is_some());
    let out = enter(&mut state, "alice");
    assert!(has(
        &out,
        |e| matches!(e, Effect::SetName(n) if n == "alice")
    ));
    outcome(&mut state, Outcome::Named(Ok(())));
    for _ in 0..3 {
        press(&mut state, "Enter");
    }
    assert!(state.first_run.is_none());
}

/// Something that can happen.
fn happening() -> impl Strategy<Value = Msg> {
    let key = prop::sample::select(
        [
            "Enter",
            "Esc",
            "Tab",
            "Shift+Tab",
            "Up",
            "Down",
            "Left",
            "Right",
            "Alt+Enter",
            "Backspace",
            "Delete",
            "Home",
            "End",
            "PgUp",
            "PgDn",
            "F1",
            "F2",
            "F3",
            "F4",
            "F6",
            "F7",
            "F9",
            "Ctrl+A",
            "Ctrl+C",
            "Ctrl+K",
            "Ctrl+N",
            "Ctrl+P",
            "Ctrl+T",
            "Ctrl+U",
            "Ctrl+W",
            "Ctrl+X",
            "Ctrl+Y",
            "Ctrl+Z",
            "Ctrl+_",
            "Alt+1",
            "Alt+2",
            "Alt+a",
            "Alt+u",
            "Alt+/",
            "Alt+Home",
            "Alt+End",
            "a",
            "c",
            "d",
            "g",
            "G",
            "h",
            "i",
            "j",
            "k",
            "m",
            "n",
            "q",
            "r",
            "s",
            "v",
            "w",
            "x",
            "y",
            "/",
            "@",
            "?",
            "Space",
            "\u{e9}",
            "\u{4f60}",
        ]
        .as_slice(),
    )
    .prop_map(|keys| Msg::Key(keys.parse().unwrap()));
    const STATES: [CallState; 7] = [
        CallState::Calling,
        CallState::Ringing,
        CallState::Incoming,
        CallState::Connecting,
        CallState::Connected,
        CallState::Reconnecting,
        CallState::Ended,
    ];
    let call = (
        prop::sample::select(STATES.as_slice()),
        any::<(bool, bool, bool)>(),
        0u64..2,
    )
        .prop_map(|(to, (muted, deafened, outgoing), which)| {
            let mut call = sample::call(to);
            call.call = sample::uuid(9_000 + which);
            (call.muted, call.deafened, call.outgoing) = (muted, deafened, outgoing);
            Event::Call(call)
        });
    let message = (20u64..40, any::<bool>(), "\\PC{0,80}")
        .prop_map(|(n, mine, text)| Event::Message(sample::message(n, mine, &text)));
    let known = prop::sample::select([BOB, MEI, DANA].as_slice());
    let others = (known, any::<bool>(), 0u64..40).prop_map(|(who, on, n)| match n % 5 {
        0 => Event::ContactRemoved(sample::id(who)),
        1 => Event::Typing {
            contact: sample::id(who),
            on,
        },
        2 => Event::Contact(Box::new(sample::contact(who, "Bob Ortega"))),
        3 => Event::CallStats(sample::stats(7)),
        _ => Event::MessageState {
            id: sample::uuid(n),
            conversation: sample::id(who),
            state: MessageState::Failed,
            reason: Some("no".into()),
        },
    });
    let page = (0u64..12).prop_map(|n| {
        let found = (0..n)
            .map(|n| sample::message(n, n % 2 == 0, "page"))
            .collect();
        let with = sample::id(BOB);
        Msg::Outcome(Box::new(Outcome::History {
            with,
            page: Page::Newest,
            found: Ok(found),
        }))
    });
    let mouse = (0u16..140, 0u16..50, any::<bool>()).prop_map(|(column, row, up)| {
        let what = if up {
            MouseAct::WheelUp
        } else {
            MouseAct::Click
        };
        Msg::Mouse(Mouse { what, column, row })
    });
    prop_oneof![
        8 => key,
        2 => call.prop_map(|e| Msg::Engine(Box::new(e))),
        2 => message.prop_map(|e| Msg::Engine(Box::new(e))),
        2 => others.prop_map(|e| Msg::Engine(Box::new(e))),
        1 => page,
        1 => mouse,
        1 => "\\PC{0,20}(\n[a-z]{0,9}){0,8}".prop_map(Msg::Paste),
        1 => (0u16..140, 0u16..50).prop_map(|(w, h)| Msg::Resize(w, h)),
        1 => any::<bool>().prop_map(Msg::Focus),
        1 => Just(Msg::Tick),
    ]
}

/// What the state looks like.
fn screen(state: &State) -> String {
    let (width, height) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| crate::view::view(state, frame))
        .unwrap();
    let cells = terminal.backend().buffer().content();
    cells.iter().map(|cell| cell.symbol()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_order_of_things_panics_or_shows_a_live_microphone_wrongly(
        steps in prop::collection::vec((happening(), 0i64..8_000), 1..60),
    ) {
        let mut state = busy();
        let mut now = 0;
        for (msg, passed) in steps {
            now += passed;
            update(&mut state, at(now), msg);
            let live = state.calls.active().is_some_and(|c| {
                matches!(c.call.state, CallState::Connected | CallState::Reconnecting) && !c.call.muted
            });
            prop_assert!(live || !screen(&state).contains("MIC LIVE"), "{}", screen(&state));
            prop_assert!(state.next_deadline() > state.now);
        }
    }

    #[test]
    fn a_draft_outlives_everything_but_its_own_keys(
        steps in prop::collection::vec((happening(), 0i64..8_000), 1..60),
    ) {
        const DRAFT: &str = "a thought\nnot yet sent";
        let keeps = [
            "Esc", "F1", "F2", "F3", "F4", "F6", "F7", "F9", "PgUp", "PgDn", "Ctrl+N", "Ctrl+P", "Ctrl+T",
            "Alt+1", "Alt+2", "Alt+a", "Alt+u", "Alt+/", "Alt+Home", "Alt+End",
        ];
        let mut state = busy();
        state.draft_mut().replace(DRAFT);
        let mut now = 0;
        for (msg, passed) in steps {
            now += passed;
            match &msg {
                Msg::Key(chord) if !keeps.contains(&chord.to_string().as_str()) => continue,
                Msg::Paste(_) => continue,
                Msg::Engine(event) if matches!(**event, Event::ContactRemoved(_)) => continue,
                _ => {}
            }
            update(&mut state, at(now), msg);
            let draft = &state.conversations[&sample::id(BOB)].draft;
            prop_assert_eq!(draft.text(), DRAFT);
        }
    }
}
