//! What reaches somebody who looks elsewhere: only when the window has not the
//! focus, never of those who are silenced, and not too often.

use twocan_proto::identity::PeerId;

use super::super::effect::{Alert, Effect};
use super::Effects;
use crate::app::State;

/// Messages are told at most this often, in milliseconds.
const EVERY_MS: i64 = 3_000;

/// What there is to tell.
pub(super) enum News<'a> {
    Message(PeerId, &'a str),
    File(PeerId, &'a str),
    Request(&'a str),
    Missed(PeerId),
}

/// Tells news to somebody who does not look.
pub(super) fn news(state: &mut State, news: &News<'_>, out: &mut Effects) {
    let from = match news {
        News::Message(id, _) | News::File(id, _) | News::Missed(id) => Some(*id),
        News::Request(_) => None,
    };
    let may = from.map_or(!state.do_not_disturb(), |id| state.may_ring(id));
    let recent =
        |at: twocan_proto::time::Timestamp| state.now.as_millis() - at.as_millis() < EVERY_MS;
    if state.focused || !may || state.alerted_at.is_some_and(recent) {
        return;
    }
    state.alerted_at = Some(state.now);
    let name = |id: &PeerId| state.name_of(*id);
    let (title, body) = match news {
        News::Message(id, text) => (name(id), (*text).to_owned()),
        News::File(id, text) => (name(id), (*text).to_owned()),
        News::Request(from) => ("Contact request".to_owned(), (*from).to_owned()),
        News::Missed(id) => ("Missed call".to_owned(), name(id)),
    };
    let hidden = match news {
        News::Message(..) => "a new message",
        News::File(..) => "news of a file",
        News::Request(_) => "a contact request",
        News::Missed(_) => "a missed call",
    };
    let told = told(state, (title, body), hidden, false);
    out.push(told);
}

/// Tells of a call that rings: whoever looks hears the bell, whoever does not
/// is told who it is. Again and again, as long as it rings.
pub(super) fn rings(state: &State, from: PeerId, out: &mut Effects) {
    if !state.may_ring(from) {
        return;
    }
    let text = (
        "Call".to_owned(),
        format!("{} is calling", state.name_of(from)),
    );
    let mut effect = told(state, text, "somebody is calling", true);
    if let (true, Effect::Alert(alert)) = (state.focused, &mut effect) {
        (alert.ways.terminal, alert.ways.desktop) = (false, false);
    }
    out.push(effect);
}

fn told(state: &State, (title, body): (String, String), hidden: &str, urgent: bool) -> Effect {
    let (title, body) = match state.preferences.content {
        true => (title, body),
        false => ("twocan".to_owned(), hidden.to_owned()),
    };
    Effect::Alert(Alert {
        title,
        body,
        urgent,
        ways: state.preferences.ways,
    })
}
