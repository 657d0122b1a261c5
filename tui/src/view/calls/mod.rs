//! Calls on the screen.
//!
//! | part | what it draws |
//! |---|---|
//! | [`prompt`] | a call that rings |
//! | [`mod@strip`] | the call in a few rows above the conversation |
//! | [`panel`] | the call beside the conversation |
//! | [`stats`] | everything that is measured, over the conversation |
//! | [`meters`] | bars and lines of the last minute |

mod meters;
mod panel;
mod prompt;
mod stats;
mod strip;

use twocan_peer::api::{Activation, CallHint};

use super::theme::Theme;
use super::words::path_word;
use crate::app::State;
use crate::app::calls::{CallView, Quality};

pub(super) use self::meters::meter;
pub(crate) use self::panel::draw as draw_panel;
pub(crate) use self::prompt::{banner, ringing};
pub(crate) use self::stats::draw as draw_stats;
pub(crate) use self::strip::draw as strip;

/// Where the call stands and which way it takes.
fn state_words(call: &CallView, theme: Theme) -> String {
    let path = call.call.path.map_or_else(String::new, |p| {
        format!(" {} {}", theme.signs.between, path_word(p))
    });
    format!("{}{path}", call.state_word())
}

fn quality_word(call: &CallView) -> &'static str {
    call.quality().map_or("", Quality::word)
}

/// What F9 does now.
pub(crate) fn mute_word(call: &CallView) -> &'static str {
    if call.call.muted { "unmute" } else { "mute" }
}

/// What deafening does now.
pub(crate) fn deafen_word(call: &CallView) -> &'static str {
    if call.call.deafened {
        "undeafen"
    } else {
        "deafen"
    }
}

/// What F8 does now, with push to talk.
pub(crate) fn talk_word(state: &State, call: &CallView) -> &'static str {
    match (state.talk_key.holds, call.call.talking) {
        (true, _) => "hold to talk",
        (false, false) => "press to talk",
        (false, true) => "press to stop",
    }
}

/// When the microphone is sent.
pub(super) fn activation_words(activation: Activation) -> &'static str {
    match activation {
        Activation::Continuous => "always on",
        Activation::Voice => "voice-activated",
        Activation::PushToTalk => "push to talk",
    }
}

/// What needs attention, in as few words as a status line has room for.
pub(crate) fn alarm_word(hint: CallHint) -> &'static str {
    match hint {
        CallHint::SpeakingWhileMuted => "YOU ARE MUTED",
        CallHint::NothingArrives => "NO SOUND",
        CallHint::NobodyHears => "NOT HEARD",
    }
}

/// What needs attention most.
pub(crate) fn alarm(call: &CallView) -> Option<CallHint> {
    call.hints.first().copied()
}
