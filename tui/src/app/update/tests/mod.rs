//! What keys, events and outcomes lead to, as tables; `any_order` has what no
//! order of them may do.

mod any_order;
mod calls;
mod files;
mod keys;
mod look;
mod messages;
mod people;
mod search;
mod settings;
mod writing;

use twocan_peer::api::{
    Activation, CallHint, CallState, Contact, Error, ErrorCode, Event, MessageState, MicTest,
    MicTestPhase, NoticeLevel, Page, Relation,
};

use super::super::conversation::Scroll;
use super::super::effect::{Effect, Outcome};
use super::super::msg::{Mouse, MouseAct, Msg};
use super::super::sample::{self, BOB, DANA, MEI, at};
use super::{start, update};
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
        (
            "/me waves",
            |e| matches!(e, Effect::Send { text, .. } if text == "* alice waves"),
        ),
        (
            "/notify none",
            |e| matches!(e, Effect::ChangeContact { change, .. } if change.muted == Some(true)),
        ),
        (
            "/copy",
            |e| matches!(e, Effect::Clipboard(text) if text.ends_with("\u{4f60}\u{597d}")),
        ),
        (
            "/export ~/bob.txt",
            |e| matches!(e, Effect::Export { with, path } if *with == sample::id(BOB) && path == "~/bob.txt"),
        ),
        (
            "/goto 2026-11-18",
            |e| matches!(e, Effect::FindDay { day, .. } if day.as_millis() == 1_794_960_000_000),
        ),
        (
            "/goto today",
            |e| matches!(e, Effect::FindDay { day, .. } if day.as_millis() == 1_795_132_800_000),
        ),
        ("/doctor", |e| matches!(e, Effect::Doctor)),
        ("/reload", |e| matches!(e, Effect::ReadUserFiles)),
        ("/quit", |e| matches!(e, Effect::Quit)),
    ];
    for (line, wanted) in table {
        let out = enter(&mut busy(), line);
        assert!(has(&out, wanted), "{line}: {out:?}");
    }
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
    press(&mut state, "Ctrl+R Enter");
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
    let answered = |state: &mut State| {
        let with = sample::id(BOB);
        outcome(
            state,
            Outcome::MarkedRead {
                with,
                result: Ok(()),
            },
        )
    };
    let mut state = busy();
    assert!(read(&event(&mut state, incoming(20))));
    answered(&mut state);
    update(&mut state, at(1_000), Msg::Focus(false));
    let out = event(&mut state, incoming(21));
    assert!(!read(&out) && has(&out, |e| matches!(e, Effect::Alert(_))));
    assert!(read(&update(&mut state, at(2_000), Msg::Focus(true))));
    answered(&mut state);
    state.now = at(3_000);
    press(&mut state, "F1");
    assert!(!read(&event(&mut state, incoming(22))));
    assert!(read(&press(&mut state, "Esc")));
    answered(&mut state);
    // What comes while an editor has the terminal is read when it is back.
    state.now = at(4_000);
    press(&mut state, "Ctrl+G");
    assert!(!read(&event(&mut state, incoming(23))));
    let back = Msg::Written(Box::new(Err("the editor failed".to_owned())));
    assert!(read(&update(&mut state, at(5_000), back)));
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
    start(&mut state, true);
    press(&mut state, "Enter");
    assert!(state.first_run.as_ref().unwrap().error.is_some());
    let out = enter(&mut state, "nora");
    assert!(has(
        &out,
        |e| matches!(e, Effect::SetName(n) if n == "nora")
    ));
    outcome(&mut state, Outcome::Named(Ok("nora".into())));
    // What is opened at once is filled in with it.
    assert_eq!(state.me.as_ref().map(|me| me.name.as_str()), Some("nora"));
    for _ in 0..3 {
        press(&mut state, "Enter");
    }
    assert!(state.first_run.is_none());
}

#[test]
fn a_flood_of_messages_is_no_flood_of_reports() {
    let mut state = busy();
    let reports = |out: &[Effect]| {
        let report = |e: &&Effect| matches!(e, Effect::MarkRead { .. });
        out.iter().filter(report).count()
    };
    let mut sent = 0;
    for n in 20..320 {
        let message = sample::message(n, false, "flood");
        sent += reports(&event(&mut state, Event::Message(message)));
    }
    assert_eq!(sent, 1);
    let marked = || Outcome::MarkedRead {
        with: sample::id(BOB),
        result: Ok(()),
    };
    assert_eq!(reports(&outcome(&mut state, marked())), 0);
    // The newest of them is reported a moment later.
    let of = |out: &[Effect], newest| {
        has(
            out,
            |e| matches!(e, Effect::MarkRead { upto, .. } if *upto == sample::uuid(newest)),
        )
    };
    let due = state.next_deadline();
    assert!(due.as_millis() - state.now.as_millis() <= 200);
    assert!(of(&update(&mut state, due, Msg::Tick), 319));
    outcome(&mut state, marked());
    // And at once when nobody looks any more.
    let message = sample::message(320, false, "flood");
    assert_eq!(reports(&event(&mut state, Event::Message(message))), 0);
    assert!(of(&update(&mut state, due, Msg::Focus(false)), 320));
    assert_eq!(state.unreported, None);
}

#[test]
fn what_is_seen_as_it_comes_is_not_unread() {
    let mut state = busy();
    let mut bob = sample::contact(BOB, "Bob Ortega");
    bob.unread = 3;
    let told = |bob: &Contact| Event::Contact(Box::new(bob.clone()));
    event(&mut state, told(&bob));
    assert_eq!(state.contacts[&sample::id(BOB)].unread, 0);
    let now = state.now;
    update(&mut state, now, Msg::Focus(false));
    event(&mut state, told(&bob));
    assert_eq!(state.contacts[&sample::id(BOB)].unread, 3);
}
