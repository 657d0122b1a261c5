//! Files: offering, taking, stopping; and what is said when one moves on.

use twocan_peer::api::{NoticeLevel, Transfer, TransferId, TransferState};

use super::super::effect::{Effect, FileVerb};
use super::super::overlay::{Confirm, Confirmed, Overlay};
use super::super::transfers::bytes;
use super::actions::usage;
use super::alerts::News;
use super::{Effects, alerts, overlays};
use crate::app::State;
use crate::input::action::Action;
use crate::input::chord::Chord;

/// Does one of the actions of this file.
pub(super) fn run(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    let verb = match action {
        Action::File => return offer(state, args, out),
        Action::FileGet => FileVerb::Accept,
        Action::FileRefuse => FileVerb::Decline,
        Action::FilePause => FileVerb::Pause,
        Action::FileResume => FileVerb::Resume,
        Action::FileCancel => FileVerb::Cancel,
        _ => {
            state.overlay = Some(Overlay::Transfers { selected: 0 });
            return;
        }
    };
    let (named, open) = (args.trim().to_lowercase(), state.open);
    let fits = |t: &&Transfer| {
        suits(t, verb)
            && t.name.to_lowercase().starts_with(&named)
            && (!named.is_empty() || open.is_none_or(|id| id == t.contact))
    };
    let found: Vec<&Transfer> = state.transfers.newest_first().filter(fits).collect();
    match found.as_slice() {
        [] => state.info("no file here for that; /files shows all"),
        [one] => out.push(Effect::File {
            transfer: one.transfer,
            verb,
        }),
        several => {
            let names: Vec<_> = several.iter().take(5).map(|t| t.name.as_str()).collect();
            let text = format!("which one: {}? /files shows all", names.join(", "));
            state.info(text);
        }
    }
}

/// Whether `verb` can be done to the transfer as it stands.
fn suits(transfer: &Transfer, verb: FileVerb) -> bool {
    let offered = transfer.state == TransferState::Offered;
    match verb {
        FileVerb::Accept | FileVerb::Decline => offered && !transfer.outgoing,
        FileVerb::Pause => matches!(
            transfer.state,
            TransferState::Running | TransferState::Accepted
        ),
        FileVerb::Resume => transfer.state == TransferState::Paused,
        FileVerb::Cancel => !transfer.state.is_over() && (!offered || transfer.outgoing),
    }
}

fn offer(state: &mut State, args: &str, out: &mut Effects) {
    let path = args.trim().trim_matches('"');
    match state.open {
        _ if path.is_empty() => usage(state, "file"),
        None => {
            let ways = [(Action::Jump, "opens one")];
            state.error(state.with_ways("no conversation is open", &ways));
        }
        Some(to) => {
            state.info(format!("offering {path}"));
            out.push(Effect::SendFile {
                to,
                path: path.to_owned(),
            });
        }
    }
}

/// A key for the list of transfers; what to show in its place, if anything.
pub(super) fn key(
    state: &mut State,
    selected: &mut usize,
    chord: Chord,
    out: &mut Effects,
) -> Option<Overlay> {
    let last = state.transfers.len().saturating_sub(1);
    if overlays::step(selected, chord, last) {
        return None;
    }
    let transfer = state.transfers.newest_first().nth(*selected)?.clone();
    let verb = match chord.typed()? {
        'a' => FileVerb::Accept,
        'd' => FileVerb::Decline,
        'p' if transfer.state == TransferState::Paused => FileVerb::Resume,
        'p' => FileVerb::Pause,
        'x' => FileVerb::Cancel,
        'o' => {
            out.extend(folder(&transfer).map(Effect::OpenOutside));
            return None;
        }
        'c' => {
            if let Some(path) = transfer.path {
                out.push(Effect::Clipboard(path));
                state.info("path copied, if your terminal allows it (OSC 52)");
            }
            return None;
        }
        _ => return None,
    };
    if !suits(&transfer, verb) {
        return None;
    }
    let effect = Effect::File {
        transfer: transfer.transfer,
        verb,
    };
    if verb == FileVerb::Cancel && transfer.done > 0 {
        return Some(Overlay::Confirm(Confirm {
            question: format!("End {} for good? What has come of it goes.", transfer.name),
            yes: "end it",
            then: Confirmed::Effect(effect),
        }));
    }
    out.push(effect);
    None
}

/// The folder that a file of somebody else's has come to.
fn folder(transfer: &Transfer) -> Option<String> {
    let is_here = transfer.state == TransferState::Done && !transfer.outgoing;
    let path = transfer.path.as_deref().filter(|_| is_here)?;
    let folder = std::path::Path::new(path).parent()?;
    Some(folder.display().to_string())
}

/// A transfer as it stands now.
pub(super) fn moved(state: &mut State, transfer: Transfer, out: &mut Effects) {
    let (id, with, now) = (transfer.transfer, transfer.contact, transfer.state);
    let before = state.transfers.take(transfer);
    if before == Some(now) {
        return;
    }
    let Some((level, text)) = news(state, id) else {
        return;
    };
    if now == TransferState::Offered || now == TransferState::Done {
        alerts::news(state, &News::File(with, &text), out);
    }
    state.notify(level, text);
}

/// What is worth a word about a transfer that has moved on.
fn news(state: &State, id: TransferId) -> Option<(NoticeLevel, String)> {
    let t = state.transfers.get(id)?;
    let (name, who) = (&t.name, state.name_of(t.contact));
    let why = t.reason.as_deref().unwrap_or("no reason was told");
    let (info, warning) = (NoticeLevel::Info, NoticeLevel::Warning);
    match (t.state, t.outgoing) {
        (TransferState::Offered, false) => {
            let size = bytes(t.size);
            let text = format!("{who} offers {name}, {size}: /get takes it, /refuse does not");
            Some((info, text))
        }
        (TransferState::Rejected, true) => Some((info, format!("{who} does not want {name}"))),
        (TransferState::Done, true) => Some((info, format!("{who} has {name}"))),
        (TransferState::Done, false) => {
            let path = t.path.as_deref().unwrap_or(name);
            Some((info, format!("{name} is here: {path}")))
        }
        (TransferState::Failed, _) => Some((warning, format!("{name}: {why}"))),
        _ => None,
    }
}
