//! Going to what was said on a day.

use jiff::ToSpan;
use jiff::civil::Date;
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::super::effect::Effect;
use super::{Effects, actions, messages};
use crate::app::State;

/// Looks for the first message of a day as it was typed.
pub(super) fn go_to(state: &mut State, typed: &str, out: &mut Effects) {
    let Some(day) = start_of_day(state, typed.trim()) else {
        return actions::usage(state, "goto");
    };
    let Some(with) = state.open else {
        return state.error("open a conversation first");
    };
    out.push(Effect::FindDay { with, day });
}

/// When the day begins that is meant, where we are.
fn start_of_day(state: &State, typed: &str) -> Option<Timestamp> {
    let now = jiff::Timestamp::from_millisecond(state.now.as_millis()).ok()?;
    let today = now.to_zoned(state.zone.clone()).date();
    let date = match typed {
        "today" => today,
        "yesterday" => today.checked_sub(1.day()).ok()?,
        date => date.parse::<Date>().ok()?,
    };
    let start = date.to_zoned(state.zone.clone()).ok()?;
    Some(Timestamp::from_millis(start.timestamp().as_millisecond()))
}

/// The message was found, or there is none so late.
pub(super) fn found(state: &mut State, with: PeerId, id: Option<Uuid>, out: &mut Effects) {
    match id {
        _ if state.open != Some(with) => {}
        Some(id) => messages::go_to(state, with, id, out),
        None => state.info("nothing was said on that day or later"),
    }
}
