//! Calls: what the user does in them. The microphone goes live through
//! `answer` and `call` alone, and both need a chord, a command or a click.

use twocan_peer::api::{Activation, CallChange, CallHint, CallId, NoticeLevel};

use super::super::calls::{deafen_change, mute_change};
use super::super::effect::Effect;
use super::super::overlay::Overlay;
use super::actions::usage;
use super::{Effects, audio, call_log, talk};
use crate::app::State;
use crate::input::action::Action;

/// Does one of the actions of this file.
pub(super) fn run(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    match action {
        Action::Call => call(state, args, out),
        Action::Answer => answer(state, out),
        Action::Decline => decline(state, args, out),
        Action::HangUp => match state.calls.active() {
            Some(call) => out.push(Effect::HangUp(call.call.call)),
            None => decline(state, "", out),
        },
        Action::Mute => in_call(state, |state| mute(state, out)),
        Action::Deafen => in_call(state, |state| deafen(state, out)),
        Action::Talk => talk::press(state, None, out),
        Action::PushToTalk => push_to_talk(state, args, out),
        Action::Activation => activation(state, args, out),
        Action::Volume => volume(state, args, out),
        Action::Audio => audio::run(state, args, out),
        Action::MicTest => audio::test(state, out),
        Action::CallLog => call_log::open(state, out),
        _ => state.overlay = Some(Overlay::CallStats),
    }
}

/// Does something to the call under way, or says that there is none.
fn in_call(state: &mut State, act: impl FnOnce(&mut State) -> Option<()>) {
    if act(state).is_none() {
        state.info("not in a call");
    }
}

fn call(state: &mut State, args: &str, out: &mut Effects) {
    if let Some(active) = state.calls.active() {
        let name = state.name_of(active.call.contact);
        let text = format!("you are in a call with {name}");
        return state.error(state.with_ways(&text, &[(Action::HangUp, "hangs up")]));
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
        let ways = [(Action::Answer, "answers")];
        return state.info(state.with_ways("they are calling you", &ways));
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

/// Declines the call; `text` is for the caller.
fn decline(state: &mut State, text: &str, out: &mut Effects) {
    match state.calls.incoming() {
        Some(incoming) => out.push(Effect::Decline {
            call: incoming.call.call,
            text: text.to_owned(),
        }),
        None => state.info("there is no call"),
    }
}

fn mute(state: &State, out: &mut Effects) -> Option<()> {
    let call = &state.calls.active()?.call;
    let change = mute_change(call, !call.muted);
    change_call(state, change, out);
    Some(())
}

fn deafen(state: &mut State, out: &mut Effects) -> Option<()> {
    let call = state.calls.active_mut()?;
    let deafened = !call.call.deafened;
    if deafened {
        call.muted_before_deafen = call.call.muted;
    }
    let change = deafen_change(deafened, call.muted_before_deafen);
    change_call(state, change, out);
    Some(())
}

/// Changes the call under way.
fn change_call(state: &State, change: CallChange, out: &mut Effects) {
    if let Some(call) = state.calls.active() {
        let call = call.call.call;
        out.push(Effect::ChangeCall { call, change });
    }
}

/// When the microphone is sent, in this call and in those to come.
fn activation(state: &mut State, name: &str, out: &mut Effects) {
    let wanted = match name.trim() {
        "ptt" => Ok(Activation::PushToTalk),
        other => other.parse(),
    };
    let Ok(activation) = wanted else {
        return usage(state, "activation");
    };
    let change = CallChange {
        activation: Some(activation),
        talking: Some(false),
        ..CallChange::default()
    };
    change_call(state, change, out);
    out.push(Effect::SaveSetting {
        key: "call.activation".to_owned(),
        value: activation.to_string(),
    });
}

fn push_to_talk(state: &mut State, args: &str, out: &mut Effects) {
    match args.trim() {
        "on" => activation(state, "ptt", out),
        "off" => activation(state, "continuous", out),
        _ => usage(state, "ptt"),
    }
}

/// Something about a call needs attention, or no longer does.
pub(super) fn hinted(state: &mut State, call: CallId, hint: CallHint, on: bool) {
    let news = state.calls.get_mut(call).map(|c| c.take_hint(hint, on));
    if news == Some(true) {
        state.notify(NoticeLevel::Warning, hint.text());
    }
}

fn volume(state: &mut State, args: &str, out: &mut Effects) {
    let percent = args.trim().trim_end_matches('%').trim_end().parse::<u16>();
    let Some(percent) = percent.ok().filter(|p| *p <= 200) else {
        return usage(state, "volume");
    };
    if state.calls.active().is_none() {
        return state.info("not in a call");
    }
    let change = CallChange {
        volume: Some(f32::from(percent) / 100.0),
        ..CallChange::default()
    };
    change_call(state, change, out);
    state.info(format!("volume {percent} %, remembered for this contact"));
}
