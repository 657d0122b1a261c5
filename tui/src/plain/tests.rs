//! Lines that are printed, and answers that become keys.

use twocan_peer::api::{CallState, Event, MessageState};

use super::ask::{self, Wants};
use super::news::News;
use super::out::Out;
use super::{lists, words};
use crate::app::form::Form;
use crate::app::msg::Msg;
use crate::app::overlay::Overlay;
use crate::app::update::update;
use crate::app::{Look, State, sample};

fn state() -> State {
    sample::busy((80, 24), Look::default())
}

/// Does what was asked, and says what is new.
fn done(state: &mut State, news: &mut News, msg: Msg) -> Vec<String> {
    let mut lines = news.heard(state, &msg, true);
    update(state, sample::at(1000), msg);
    lines.extend(news.changed(state));
    lines
}

/// Everything so far counts as said.
fn quiet(state: &State) -> News {
    let mut news = News::default();
    news.changed(state);
    news
}

fn line(text: &str) -> Msg {
    Msg::Line(text.to_owned())
}

fn answered(state: &mut State, text: &str) {
    for msg in ask::answer(state, text) {
        update(state, sample::at(1000), msg);
    }
}

fn event(event: Event) -> Msg {
    Msg::Engine(Box::new(event))
}

#[test]
fn a_message_is_one_line_with_its_time_and_name() {
    let mut state = state();
    let mut news = quiet(&state);
    let message = sample::message(50, false, "call in five?\nor ten");
    let lines = done(
        &mut state,
        &mut news,
        event(Event::Message(message.clone())),
    );
    assert_eq!(lines, ["13:52 Bob Ortega: call in five?\n  or ten"]);
    let again = done(&mut state, &mut news, event(Event::Message(message)));
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn what_was_typed_is_not_said_again_but_that_it_waits_is() {
    let mut state = state();
    let bob = sample::id(sample::BOB);
    if let Some(contact) = state.contacts.get_mut(&bob) {
        contact.online = false;
    }
    let mut news = quiet(&state);
    let mut message = sample::message(51, true, "are you there");
    message.state = Some(MessageState::Queued);
    let lines = done(
        &mut state,
        &mut news,
        event(Event::Message(message.clone())),
    );
    assert_eq!(
        lines,
        ["[waiting] Bob Ortega is offline: it goes out when both are there"]
    );
    assert_eq!(news.unsent(&state).len(), 1);
    let delivered = Event::MessageState {
        id: message.id,
        conversation: bob,
        state: MessageState::Delivered,
        reason: None,
    };
    let lines = done(&mut state, &mut news, event(delivered));
    assert_eq!(lines, ["[delivered] Bob Ortega has what was waiting"]);
    assert!(news.unsent(&state).is_empty());
}

#[test]
fn a_call_says_what_to_type() {
    let mut state = state();
    let mut news = quiet(&state);
    let call = sample::call(CallState::Incoming);
    let lines = done(&mut state, &mut news, event(Event::Call(call)));
    assert_eq!(
        lines,
        ["[call] incoming from Dana. type /answer or /decline"]
    );
    let call = sample::call(CallState::Connected);
    let lines = done(&mut state, &mut news, event(Event::Call(call)));
    assert_eq!(lines, ["[call] connected with Dana, mic live"]);
}

#[test]
fn who_comes_and_goes_is_said() {
    let mut state = state();
    let mut news = quiet(&state);
    let mut contact = state.contacts[&sample::id(sample::BOB)].clone();
    contact.online = false;
    let lines = done(
        &mut state,
        &mut news,
        event(Event::Contact(Box::new(contact))),
    );
    assert_eq!(lines, ["[presence] Bob Ortega is offline"]);
}

#[test]
fn notices_name_commands_and_no_keys() {
    let mut state = state();
    state.in_lines = true;
    let mut news = quiet(&state);
    done(
        &mut state,
        &mut news,
        event(Event::Call(sample::call(CallState::Connected))),
    );
    let mut said = |line: &str| done(&mut state, &mut news, Msg::Line(line.to_owned())).join("\n");
    assert!(said("/call bob").contains(": /hangup hangs up"));
    for line in [
        "/call bob",
        "/copy",
        "/reply",
        "/edit",
        "/plain",
        "/contacts",
        "/file x",
        "/unread",
    ] {
        let said = said(line);
        let key = ["Ctrl+", "Alt+", "Esc", "F1", "F2"]
            .into_iter()
            .find(|key| said.contains(key));
        assert_eq!(key, None, "{said}");
    }
}

#[test]
fn help_names_every_command_with_an_example() {
    let all = lists::help("").join("\n");
    for (command, _) in crate::input::action::commands() {
        assert!(all.contains(command.example), "{}", command.name);
    }
    let one = lists::help("volume");
    assert!(
        one.iter().any(|line| line.contains("/volume 120")),
        "{one:?}"
    );
    assert!(one.len() < 8, "{one:?}");
}

#[test]
fn a_form_is_asked_line_by_line() {
    let mut state = state();
    let form = Form::sign_in("https://r.example.org:7443", "alice");
    state.overlay = Some(Overlay::Form(Form { focus: 0, ..form }));
    let prompts = |state: &State| {
        let ask = ask::ask(state).unwrap();
        (ask.prompt, ask.wants)
    };
    assert_eq!(
        prompts(&state),
        ("Registry (https://r.example.org:7443):".into(), Wants::Line)
    );
    answered(&mut state, "");
    assert_eq!(prompts(&state), ("Username (alice):".into(), Wants::Line));
    answered(&mut state, "bob");
    assert_eq!(prompts(&state), ("Password:".into(), Wants::Secret));
    answered(&mut state, " /ab c ");
    answered(&mut state, "");
    let Some(Overlay::Form(form)) = &state.overlay else {
        panic!("the form is gone")
    };
    let texts: Vec<&str> = form.fields.iter().map(|f| f.editor.text()).collect();
    assert_eq!(texts, ["https://r.example.org:7443", "bob", " /ab c ", ""]);
    assert!(form.busy);
    assert_eq!(prompts(&state).1, Wants::Nothing);
}

#[test]
fn a_question_is_done_by_yes_alone() {
    for (answer, goes) in [
        ("yes", true),
        ("y", true),
        ("", false),
        ("no", false),
        ("hello", false),
    ] {
        let mut state = state();
        update(&mut state, sample::at(0), line("/remove"));
        assert!(matches!(state.overlay, Some(Overlay::Confirm(_))));
        let asked = ask::ask(&state).unwrap();
        assert_eq!(asked.wants, Wants::Line);
        let effects: usize = ask::answer(&state, answer)
            .into_iter()
            .map(|msg| update(&mut state, sample::at(1), msg))
            .map(|effects| {
                let removes = |e: &&crate::app::effect::Effect| {
                    matches!(e, crate::app::effect::Effect::RemoveContact(_))
                };
                effects.iter().filter(removes).count()
            })
            .sum();
        assert_eq!(effects, usize::from(goes), "{answer}");
        assert!(state.overlay.is_none());
    }
}

#[test]
fn a_call_can_be_taken_from_any_question() {
    assert!(ask::is_for_call("/answer"));
    assert!(ask::is_for_call("/hangup"));
    assert!(!ask::is_for_call("/quit"));
    assert!(!ask::is_for_call("answer"));
}

#[test]
fn a_line_leaves_the_draft_alone() {
    let mut state = state();
    state.draft_mut().replace("half a thought");
    let mut news = quiet(&state);
    update(&mut state, sample::at(0), line("hello"));
    assert_eq!(state.draft().text(), "half a thought");
    let lines = done(&mut state, &mut news, line("/hlep"));
    assert!(
        lines[0].starts_with("[error] no command /hlep"),
        "{lines:?}"
    );
    assert_eq!(state.draft().text(), "half a thought");
}

#[test]
fn what_is_typed_stays_above_what_comes() {
    let mut bytes = Vec::new();
    let mut out = Out::to(&mut bytes, true);
    out.prompt("bob>").unwrap();
    out.prompt("bob>").unwrap();
    out.say(&["14:01 bob: hi".to_owned()]).unwrap();
    out.prompt("bob>").unwrap();
    out.line_came(false);
    out.say(&["14:02 bob: ho".to_owned()]).unwrap();
    drop(out);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text, "bob> \n14:01 bob: hi\nbob> 14:02 bob: ho\n");
}

#[test]
fn nothing_but_text_is_printed() {
    let mut state = state();
    update(
        &mut state,
        sample::at(0),
        event(Event::Call(sample::call(CallState::Connected))),
    );
    update(
        &mut state,
        sample::at(0),
        event(Event::CallStats(sample::stats(3))),
    );
    let call = state.calls.active().unwrap();
    let mut all = words::stats(&state, call);
    assert!(all[1].contains("microphone -17 decibel"), "{all:?}");
    assert!(all[2].contains("loss 0.2 percent"), "{all:?}");
    all.extend(lists::contacts(&state));
    all.extend(lists::files(&state));
    all.extend(lists::calls(&state));
    all.extend(lists::registries(&state));
    all.extend(lists::sound(&state));
    all.extend(lists::log(&state));
    for line in all {
        let drawn = |c: char| c.is_control() || ('\u{2500}'..='\u{28ff}').contains(&c);
        assert!(!line.contains(drawn), "{line:?}");
    }
}
