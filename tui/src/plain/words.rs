//! One thing in one line of words: a message, a notice, the measurements of a
//! call.

use twocan_peer::api::{CallStats, Contact, Message, NoticeLevel, Relation, Trust};

use crate::app::calls::{CallView, Quality, duration};
use crate::app::{Notice, State, reaction};
use crate::view::draw::time;

/// Most characters of a quoted message.
const QUOTED: usize = 60;

/// The first lines.
pub(super) fn welcome() -> Vec<String> {
    vec![format!(
        "twocan {}, in plain lines. /help lists the commands, /quit ends.",
        env!("CARGO_PKG_VERSION")
    )]
}

/// What stands before what is typed: to whom it goes.
pub(super) fn prompt(state: &State) -> String {
    match state.open {
        Some(id) => format!("{}>", state.name_of(id)),
        None => ">".to_owned(),
    }
}

/// A message, with the time and who said it.
pub(super) fn message(state: &State, message: &Message) -> String {
    let at = time(message.sent_at, &state.zone, "%H:%M");
    let with = state.name_of(message.conversation);
    let who = if message.mine {
        "you".to_owned()
    } else {
        with.clone()
    };
    if message.call.is_some() {
        return match message.mine {
            true => format!("{at} you called {with} in vain"),
            false => format!("{at} missed call from {with}"),
        };
    }
    if message.deleted {
        return format!("{at} {who}: (deleted)");
    }
    let quoted = message
        .reply_to
        .and_then(|id| state.conversations.get(&message.conversation)?.message(id));
    let about = quoted.map_or_else(String::new, |m| {
        format!(", answering \"{}\"", beginning(&m.text))
    });
    let changed = if message.edited_at.is_some() {
        " (changed)"
    } else {
        ""
    };
    let text = message.text.replace('\n', "\n  ");
    format!("{at} {who}{about}: {text}{changed}")
}

/// The beginning of a text, in one line.
pub(super) fn beginning(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

/// A reaction by name where it has one.
pub(super) fn emoji(emoji: &str) -> &str {
    reaction::name(emoji).unwrap_or(emoji)
}

/// A notice, with what it is if it is no good news.
pub(super) fn notice(notice: &Notice) -> String {
    let text = &notice.text;
    match notice.level {
        NoticeLevel::Info => text.clone(),
        NoticeLevel::Warning => format!("[warning] {text}"),
        NoticeLevel::Error => format!("[error] {text}"),
    }
}

/// How a contact stands to us and where she is.
pub(super) fn contact(contact: &Contact) -> String {
    let there = match (contact.relation, contact.online) {
        _ if contact.blocked => "blocked",
        (Relation::Asked, _) => "asked, has not answered",
        (Relation::Rejected, _) => "said no",
        (Relation::Mutual, true) => "online",
        (Relation::Mutual, false) => "offline",
    };
    let key = match contact.trust {
        Trust::Verified => "verified",
        Trust::Known => "not verified",
        Trust::Changed => "shows another key: /verify",
    };
    let mut words = vec![there.to_owned(), key.to_owned()];
    if contact.unread > 0 {
        words.push(format!("{} unread", contact.unread));
    }
    if contact.waiting > 0 {
        words.push(format!("{} waiting to be sent", contact.waiting));
    }
    if contact.favourite {
        words.push("favourite".to_owned());
    }
    if contact.muted {
        words.push("silenced".to_owned());
    }
    if !contact.status.is_empty() {
        words.push(contact.status.clone());
    }
    format!("{}: {}", contact.alias, words.join(", "))
}

/// The measurements of a call.
pub(super) fn stats(state: &State, call: &CallView) -> Vec<String> {
    let name = state.name_of(call.call.contact);
    let mut lines = vec![format!(
        "call with {name}: {}, {}, {}",
        call.state_word(),
        duration(call.seconds(state.now)),
        call.mic_word().to_lowercase()
    )];
    if let Some(stats) = &call.stats {
        lines.push(levels(call, stats));
        lines.push(network(stats));
    }
    lines.extend(
        call.alarms()
            .into_iter()
            .map(|alarm| format!("[warning] {alarm}")),
    );
    lines
}

fn levels(call: &CallView, stats: &CallStats) -> String {
    format!(
        "microphone {:.0} decibel, {}; heard {:.0} decibel, {}; volume {} percent",
        stats.level_in_db,
        call.mic.word().to_lowercase(),
        stats.level_out_db,
        call.speaker.word().to_lowercase(),
        call.volume()
    )
}

fn network(stats: &CallStats) -> String {
    let quality = Quality::of(stats.quality).word().to_lowercase();
    let round_trip = stats.rtt_ms.map_or_else(String::new, |ms| {
        format!(", round trip {ms:.0} milliseconds")
    });
    format!(
        "quality {quality}, loss {:.1} percent, jitter {:.0} milliseconds{round_trip}, {:.0} kilobits a second",
        stats.loss * 100.0,
        stats.jitter_ms,
        stats.received_kbps
    )
}
