//! The log of calls: read at the start, after each call, and page by page.

use twocan_peer::api::{CallId, Error, LoggedCall};

use super::super::effect::Effect;
use super::super::overlay::Overlay;
use super::{Effects, overlays};
use crate::app::State;
use crate::input::chord::{Chord, Key};
use twocan_proto::identity::PeerId;

/// Shows the log; what was missed is seen with that.
pub(super) fn open(state: &mut State, out: &mut Effects) {
    refresh(state, out);
    if state.call_log.missed().next().is_some() {
        state.call_log.seen();
        out.push(Effect::CallsSeen);
    }
    state.overlay = Some(Overlay::CallLog { selected: 0 });
}

/// Reads the newest calls.
pub(super) fn refresh(state: &mut State, out: &mut Effects) {
    state.call_log.refresh();
    out.push(Effect::LoadCalls { before: None });
}

/// Takes a page. The first tells who called in vain.
pub(super) fn loaded(
    state: &mut State,
    before: Option<CallId>,
    found: Result<Vec<LoggedCall>, Error>,
    out: &mut Effects,
) {
    let page = match found {
        Ok(page) => page,
        Err(error) => {
            state.call_log.failed();
            return state.error(format!("reading the calls: {}", error.message));
        }
    };
    state.call_log.take(before, page);
    if matches!(state.overlay, Some(Overlay::CallLog { .. })) {
        if state.call_log.missed().next().is_some() {
            state.call_log.seen();
            out.push(Effect::CallsSeen);
        }
        return;
    }
    let missed = state.call_log.missed().count();
    let last = state.call_log.missed().next().map(|c| c.contact);
    if let Some(last) = last.filter(|_| !state.missed_told) {
        let name = state.name_of(last);
        state.info(match missed {
            1 => format!("missed call from {name}: /calls"),
            n => format!("{n} missed calls, the last from {name}: /calls"),
        });
    }
    // What is missed from now on is told as it happens.
    state.missed_told = true;
}

/// A key in the log: up, down, and Enter, which opens the conversation.
pub(super) fn key(
    state: &mut State,
    selected: &mut usize,
    chord: Chord,
    out: &mut Effects,
) -> Option<PeerId> {
    let calls = state.call_log.calls();
    if chord.key == Key::Enter {
        return calls.get(*selected).map(|c| c.contact);
    }
    overlays::step(selected, chord, calls.len().saturating_sub(1));
    if let Some(before) = state.call_log.next_page(*selected) {
        out.push(Effect::LoadCalls {
            before: Some(before),
        });
    }
    None
}
