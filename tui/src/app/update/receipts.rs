//! What was read: a message that has been on a screen that somebody looks at.
//! While one comes after another, several are reported at once.

use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::super::conversation::Scroll;
use super::super::effect::Effect;
use super::{Effects, moving};
use crate::app::State;

/// Reports of one conversation are at least this far apart, in milliseconds:
/// each is a write to the disk of both sides.
const REPORT_EVERY_MS: i64 = 200;

/// Something that was read and is not reported yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreported {
    pub(crate) due: Timestamp,
    with: PeerId,
    upto: Uuid,
}

/// Whose newest messages are on a screen that somebody looks at.
pub(super) fn watched(state: &State) -> Option<PeerId> {
    let looking = state.focused && !state.elsewhere && !state.covered();
    let conversation = state.conversation()?;
    let there = conversation.scroll == Scroll::Bottom && conversation.seeking.is_none();
    conversation.newest().filter(|_| looking && there)?;
    // Last, as the screen has to be divided for it.
    moving::message_rows(state).and(state.open)
}

/// Reports what was read, at the latest when it is not looked at any more.
pub(super) fn mark_read(state: &mut State, out: &mut Effects) {
    let waiting = state.unreported.take();
    let news = state.open.and_then(|with| unknown(state, with));
    if waiting.is_none() && news.is_none() {
        return;
    }
    let watched = watched(state);
    if let Some(Unreported { with, upto, .. }) = waiting.filter(|w| watched != Some(w.with)) {
        report(state, with, upto, out);
    }
    let (Some(with), Some(upto)) = (watched, news) else {
        return;
    };
    let conversation = state.conversations.get(&with);
    let last = conversation.and_then(|c| c.reported_at);
    let due = last.map_or(0, |at| at.as_millis() + REPORT_EVERY_MS);
    if state.now.as_millis() < due {
        let due = Timestamp::from_millis(due);
        state.unreported = Some(Unreported { due, with, upto });
    } else {
        report(state, with, upto, out);
    }
}

/// The newest message of `with`, if it is not known to be read.
fn unknown(state: &State, with: PeerId) -> Option<Uuid> {
    let conversation = state.conversations.get(&with)?;
    let upto = conversation.messages().iter().rfind(|m| !m.mine)?.id;
    let contact = state.contacts.get(&with);
    let known = contact.is_some_and(|c| c.unread == 0 && c.read_upto == Some(upto));
    let reported = conversation.reporting || conversation.reported_read == Some(upto);
    (!known && !reported).then_some(upto)
}

fn report(state: &mut State, with: PeerId, upto: Uuid, out: &mut Effects) {
    let Some(conversation) = state.conversations.get_mut(&with) else {
        return;
    };
    conversation.reported_read = Some(upto);
    conversation.reported_at = Some(state.now);
    conversation.reporting = true;
    out.push(Effect::MarkRead { with, upto });
}
