//! What is read as a whole: contacts, commands, files, calls, registries.

use twocan_peer::api::{LoggedCall, Transfer, TransferState};

use super::words;
use crate::app::calls::duration;
use crate::app::settings;
use crate::app::transfers::{bytes, percent};
use crate::app::{State, registry_word};
use crate::input::action::{Group, commands};
use crate::view::draw::time;

/// Calls listed at most.
const CALLS: usize = 20;

/// Contacts in the order of the list, and who asks to become one.
pub(super) fn contacts(state: &State) -> Vec<String> {
    let mut lines: Vec<String> = state
        .contacts_in_order()
        .into_iter()
        .filter_map(|id| state.contacts.get(&id))
        .map(words::contact)
        .collect();
    for request in &state.requests {
        lines.push(format!(
            "{} asks to become a contact: /accept {} or /reject {}",
            request.from, request.from, request.from
        ));
    }
    if lines.is_empty() {
        lines.push("No contacts yet. /invite shows your link, /add asks somebody.".to_owned());
    } else {
        lines.push("/open NAME goes to a conversation.".to_owned());
    }
    lines
}

/// All commands whose name or explanation holds `filter`, with an example each.
pub(super) fn help(filter: &str) -> Vec<String> {
    let wanted = filter.trim().to_lowercase();
    let mut lines = Vec::new();
    for group in Group::ALL {
        let of_group = commands().filter(|(command, info)| {
            let title = info.title.to_lowercase();
            info.group == group && (command.name.contains(&wanted) || title.contains(&wanted))
        });
        let of_group: Vec<String> = of_group
            .map(|(command, info)| {
                let usage = format!("/{} {}", command.name, command.usage);
                let example = match command.usage {
                    "" => String::new(),
                    _ => format!(" Example: {}", command.example),
                };
                format!("{}: {}.{example}", usage.trim_end(), info.title)
            })
            .collect();
        if !of_group.is_empty() {
            lines.push(format!("{}:", group.title().to_lowercase()));
            lines.extend(of_group);
        }
    }
    if lines.is_empty() {
        lines.push(format!("No command fits {wanted}. /help lists all."));
    } else {
        lines.push("Everything else that you type goes to the open conversation.".to_owned());
    }
    lines
}

/// The settings there are.
pub(super) fn settings() -> Vec<String> {
    let all = settings::all().map(|(name, meaning)| format!("{name}: {meaning}."));
    let how = "/set NAME says how one is set, /set NAME VALUE changes it.".to_owned();
    all.chain([how]).collect()
}

/// Files, the newest last.
pub(super) fn files(state: &State) -> Vec<String> {
    let mut lines: Vec<String> = state
        .transfers
        .newest_first()
        .map(|transfer| file(state, transfer))
        .collect();
    lines.reverse();
    if lines.is_empty() {
        lines.push("No files yet. /file PATH offers one to the open conversation.".to_owned());
    }
    lines
}

fn file(state: &State, transfer: &Transfer) -> String {
    let who = state.name_of(transfer.contact);
    let way = if transfer.outgoing { "to" } else { "from" };
    let size = bytes(transfer.size);
    let now = match transfer.state {
        TransferState::Offered if transfer.outgoing => "offered".to_owned(),
        TransferState::Offered => "offered: /get takes it, /refuse does not".to_owned(),
        TransferState::Accepted => "waits for the other".to_owned(),
        TransferState::Running => format!("{} percent", percent(transfer)),
        TransferState::Paused => format!("paused at {} percent", percent(transfer)),
        TransferState::Done => "done".to_owned(),
        TransferState::Rejected => "refused".to_owned(),
        TransferState::Failed => "failed".to_owned(),
        TransferState::Cancelled => "ended".to_owned(),
    };
    let why = transfer.reason.as_deref().unwrap_or_default();
    let place = match transfer.state {
        TransferState::Done if !transfer.outgoing => transfer.path.as_deref().unwrap_or_default(),
        _ => "",
    };
    let rest: Vec<&str> = [why, place].into_iter().filter(|s| !s.is_empty()).collect();
    let rest = match rest.is_empty() {
        true => String::new(),
        false => format!(", {}", rest.join(", ")),
    };
    format!("{} {way} {who}, {size}: {now}{rest}", transfer.name)
}

/// The last calls, the newest last.
pub(super) fn calls(state: &State) -> Vec<String> {
    let mut lines: Vec<String> = state
        .call_log
        .calls()
        .iter()
        .take(CALLS)
        .map(|call| logged(state, call))
        .collect();
    lines.reverse();
    if lines.is_empty() {
        lines.push("No calls yet. /call NAME calls somebody.".to_owned());
    }
    lines
}

fn logged(state: &State, call: &LoggedCall) -> String {
    let at = time(call.started, &state.zone, "%d %b %Y %H:%M");
    let who = state.name_of(call.contact);
    let way = if call.outgoing { "to" } else { "from" };
    let became = match (call.answered, call.ended) {
        (_, None) => "goes on".to_owned(),
        (Some(from), Some(to)) => {
            let seconds = (to.as_millis() - from.as_millis()) / 1000;
            duration(u64::try_from(seconds).unwrap_or(0))
        }
        (None, Some(_)) => {
            let reason = call.reason.clone();
            reason.unwrap_or_else(|| "not answered".to_owned())
        }
    };
    format!("{at} {way} {who}: {became}")
}

/// Registries and how they stand.
pub(super) fn registries(state: &State) -> Vec<String> {
    let known = state.me.as_ref().map_or(&[][..], |me| &me.registries);
    let mut lines: Vec<String> = known
        .iter()
        .map(|known| {
            let who = match &known.username {
                Some(name) => format!("{name}@{}", known.registry.address()),
                None => known.registry.address().to_string(),
            };
            format!("{who}: {}", registry_word(known.state))
        })
        .collect();
    lines.push("/signin signs in, /account shows your account, /signout signs out.".to_owned());
    lines
}

/// Microphones and loudspeakers.
pub(super) fn sound(state: &State) -> Vec<String> {
    use crate::app::audio::{SWITCHES, Side};
    let Some(setup) = &state.sound else {
        return vec!["The devices are still being looked for; try again in a moment.".to_owned()];
    };
    let mut lines = Vec::new();
    for side in [Side::Microphone, Side::Loudspeaker] {
        for choice in setup.choices(side) {
            let used = if choice.chosen { ", in use" } else { "" };
            let word = side.word().to_lowercase();
            lines.push(format!("{word}: {}{used}", choice.name));
        }
    }
    for (switch, on) in SWITCHES.iter().zip(setup.switches) {
        let on = if on { "on" } else { "off" };
        lines.push(format!("{}: {on}, /set {}", switch.word, switch.setting));
    }
    lines.push(
        "/audio in NAME and /audio out NAME choose, /mictest lets you hear yourself.".to_owned(),
    );
    lines
}

/// Notices so far.
pub(super) fn log(state: &State) -> Vec<String> {
    let line = |notice: &crate::app::Notice| {
        let at = time(notice.at, &state.zone, "%H:%M");
        format!("{at} {}", words::notice(notice))
    };
    state.log.iter().map(line).collect()
}
