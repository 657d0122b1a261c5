//! Push to talk from the keyboard. Where the terminal says when a key is let
//! go, it talks while held; elsewhere each press switches.

use twocan_peer::api::{Activation, CallChange, NoticeLevel};

use super::super::effect::Effect;
use super::Effects;
use crate::app::State;
use crate::input::action::Action;
use crate::input::chord::Chord;

/// Presses closer to each other than this are one that is held down, in
/// milliseconds: terminals repeat every 30 to 50.
const REPEAT_MS: i64 = 100;

/// The key was pressed; `by` is none when the action was chosen otherwise,
/// and then it switches.
pub(super) fn press(state: &mut State, by: Option<Chord>, out: &mut Effects) {
    let Some(call) = state.calls.active() else {
        return state.info("not in a call");
    };
    if call.call.activation != Activation::PushToTalk {
        return state.info("push to talk is off: /ptt on");
    }
    if call.call.muted {
        return state.info(format!(
            "you are muted: {} unmutes",
            state.key_of(Action::Mute)
        ));
    }
    let talking = call.call.talking;
    let before = state.talk_key.pressed_at.replace(state.now);
    match by {
        Some(chord) if state.talk_key.holds => {
            if state.talk_key.held.replace(chord).is_some() {
                // Pressed twice and never let go: it does not say so after all.
                state.talk_key.holds = false;
                state.talk_key.held = None;
                let text = "this terminal does not say when a key is let go: each press switches";
                state.notify(NoticeLevel::Warning, text);
                return talk(state, false, out);
            }
            talk(state, true, out);
        }
        Some(_) if before.is_some_and(|at| state.now.as_millis() - at.as_millis() < REPEAT_MS) => {}
        _ => talk(state, !talking, out),
    }
}

/// The key was let go, or whichever it was is not heard of any more.
pub(super) fn let_go(state: &mut State, chord: Option<Chord>, out: &mut Effects) {
    let held = state.talk_key.held;
    if held.is_some() && (chord.is_none() || chord == held) {
        state.talk_key.held = None;
        talk(state, false, out);
    }
}

/// Asks the terminal to say when keys are let go, for as long as that helps.
pub(super) fn watch_keys(state: &mut State, out: &mut Effects) {
    let call = state.calls.active();
    let wanted = call.is_some_and(|c| c.call.activation == Activation::PushToTalk);
    if !wanted {
        state.talk_key.held = None;
    }
    if wanted != state.talk_key.watched && (state.talk_key.holds || !wanted) {
        state.talk_key.watched = wanted;
        out.push(Effect::WatchKeys(wanted));
    }
}

fn talk(state: &State, talking: bool, out: &mut Effects) {
    let Some(call) = state.calls.active() else {
        return;
    };
    let change = CallChange {
        talking: Some(talking),
        ..CallChange::default()
    };
    out.push(Effect::ChangeCall {
        call: call.call.call,
        change,
    });
}
