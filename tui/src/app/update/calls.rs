//! Calls: what the user does in them. The microphone goes live through
//! `answer` and `call` alone, and both need a chord, a command or a click.

use twocan_peer::api::CallChange;

use super::super::effect::Effect;
use super::Effects;
use super::actions::{show, usage};
use crate::app::State;
use crate::input::action::Action;
use crate::input::command::first_word;

/// Does one of the actions of this file.
pub(super) fn run(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    match action {
        Action::Call => call(state, args, out),
        Action::Answer => answer(state, out),
        Action::Decline => decline(state, out),
        Action::HangUp => match state.calls.active() {
            Some(call) => out.push(Effect::HangUp(call.call.call)),
            None => decline(state, out),
        },
        Action::Mute => mute(state, out),
        Action::Deafen => deafen(state, out),
        Action::Volume => volume(state, args, out),
        Action::Audio => audio(state, args, out),
        _ => {
            let lines = crate::view::call_in_words(state);
            show(state, "CALL", lines);
        }
    }
}

fn call(state: &mut State, args: &str, out: &mut Effects) {
    if let Some(active) = state.calls.active() {
        let name = state.name_of(active.call.contact);
        return state.error(format!("you are in a call with {name}: Ctrl+X h hangs up"));
    }
    let who = match state.contact_named(args) {
        Ok(who) => who,
        Err(why) => return state.error(why),
    };
    if state
        .calls
        .incoming()
        .is_some_and(|c| c.call.contact == who)
    {
        return state.info("they are calling you: Ctrl+X a answers");
    }
    out.push(Effect::Call(who));
}

fn answer(state: &mut State, out: &mut Effects) {
    let Some(incoming) = state.calls.incoming() else {
        return state.info("nobody is calling");
    };
    let incoming = incoming.call.call;
    // One call at a time: answering leaves the other one.
    if let Some(active) = state.calls.active() {
        out.push(Effect::HangUp(active.call.call));
    }
    out.push(Effect::Answer(incoming));
}

fn decline(state: &mut State, out: &mut Effects) {
    match state.calls.incoming() {
        Some(incoming) => out.push(Effect::Decline(incoming.call.call)),
        None => state.info("there is no call"),
    }
}

fn mute(state: &mut State, out: &mut Effects) {
    let Some(call) = state.calls.active_mut() else {
        return state.info("not in a call");
    };
    let muted = !call.call.muted;
    let mut change = CallChange {
        muted: Some(muted),
        ..CallChange::default()
    };
    // A microphone that is on while nothing is heard would surprise.
    if !muted && call.call.deafened {
        change.deafened = Some(false);
    }
    out.push(Effect::ChangeCall {
        call: call.call.call,
        change,
    });
}

/// Deafening also mutes; undeafening restores what was before.
fn deafen(state: &mut State, out: &mut Effects) {
    let Some(call) = state.calls.active_mut() else {
        return state.info("not in a call");
    };
    let deafened = !call.call.deafened;
    let muted = if deafened {
        call.muted_before_deafen = call.call.muted;
        true
    } else {
        call.muted_before_deafen
    };
    let change = CallChange {
        muted: Some(muted),
        deafened: Some(deafened),
        ..CallChange::default()
    };
    out.push(Effect::ChangeCall {
        call: call.call.call,
        change,
    });
}

fn volume(state: &mut State, args: &str, out: &mut Effects) {
    let percent = args.trim().trim_end_matches('%').trim_end().parse::<u16>();
    let Some(percent) = percent.ok().filter(|p| *p <= 200) else {
        return usage(state, "volume");
    };
    let Some(call) = state.calls.active_mut() else {
        return state.info("not in a call");
    };
    call.volume = percent;
    let change = CallChange {
        volume: Some(f32::from(percent) / 100.0),
        ..CallChange::default()
    };
    out.push(Effect::ChangeCall {
        call: call.call.call,
        change,
    });
    state.info(format!("volume {percent} %"));
}

/// Changes a device of the call under way.
fn audio(state: &mut State, args: &str, out: &mut Effects) {
    let (which, spec) = first_word(args);
    let change = match which {
        _ if spec.is_empty() => return usage(state, "audio"),
        "in" => spec.parse().map(|input| CallChange {
            audio_in: Some(input),
            ..CallChange::default()
        }),
        "out" => spec.parse().map(|output| CallChange {
            audio_out: Some(output),
            ..CallChange::default()
        }),
        _ => return usage(state, "audio"),
    };
    let change = match change {
        Ok(change) => change,
        Err(why) => return state.error(why.to_string()),
    };
    let Some(call) = state.calls.active() else {
        let option = if which == "in" {
            "--audio-in"
        } else {
            "--audio-out"
        };
        return state.info(format!(
            "not in a call; twocan {option} {spec} chooses it at the start"
        ));
    };
    out.push(Effect::ChangeCall {
        call: call.call.call,
        change,
    });
}
