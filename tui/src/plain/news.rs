//! What has changed, in lines: of events as they come, of the state after them.

use std::collections::{BTreeMap, HashSet, VecDeque};

use twocan_peer::api::{
    CallId, Change, DeleteFor, Event, LobbyEvent, Message, MessageState, MicTestPhase, Relation,
};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::words;
use crate::app::State;
use crate::app::conversation::Scroll;
use crate::app::effect::Outcome;
use crate::app::lobby::Lobby;
use crate::app::msg::Msg;
use crate::view::draw::time;

/// Messages shown of a conversation that is opened.
const SHOWN: usize = 10;
/// Messages shown on each side of one that is gone to.
const AROUND: usize = 3;
/// Messages remembered as printed, so that none is printed twice when a
/// conversation is opened while messages come.
const PRINTED: usize = 1000;

/// What was said already.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Notices said so far.
    noticed: u64,
    /// Whose conversation is open.
    open: Option<PeerId>,
    /// Its messages are still being read.
    opening: bool,
    printed: VecDeque<Uuid>,
    /// The message that was gone to.
    at: Option<Uuid>,
    /// Who was there.
    online: BTreeMap<PeerId, bool>,
    call: Option<(CallId, String)>,
    test: Option<MicTestPhase>,
    /// Messages of ours that the other does not have yet.
    under_way: BTreeMap<Uuid, PeerId>,
    /// Those who were said to be away while messages wait for them.
    waits: HashSet<PeerId>,
}

impl News {
    /// What is worth a line about a message before the state takes it. What a
    /// person has `typed` stands on the terminal already.
    pub(super) fn heard(&mut self, state: &State, msg: &Msg, typed: bool) -> Vec<String> {
        match msg {
            Msg::Engine(event) => self.event(state, event, typed),
            Msg::Outcome(outcome) => match &**outcome {
                Outcome::NotSent { text, .. } => vec![format!("[not sent] {text}")],
                Outcome::NotEdited { text, .. } => vec![format!("[not changed] {text}")],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn event(&mut self, state: &State, event: &Event, typed: bool) -> Vec<String> {
        match event {
            Event::Message(message) => self.message(state, message, typed),
            Event::MessageState {
                id,
                conversation,
                state: to,
                reason,
            } => self.message_state(state, (*id, *conversation), *to, reason.as_deref()),
            Event::MessageChanged {
                conversation,
                change,
            } => changed(state, *conversation, change),
            Event::Lobby { registry, event } => {
                let at = registry.address();
                let lines = said(event, state);
                lines.map(|line| format!("[lobby {at}] {line}")).collect()
            }
            _ => Vec::new(),
        }
    }

    fn message(&mut self, state: &State, message: &Message, typed: bool) -> Vec<String> {
        let with = message.conversation;
        if self.is_printed(message.id) {
            return Vec::new();
        }
        let mut lines = Vec::new();
        if !message.mine || !typed {
            lines.push(words::message(state, message));
        }
        let waiting = matches!(
            message.state,
            Some(MessageState::Queued | MessageState::Sent)
        );
        if message.mine && waiting {
            self.under_way.insert(message.id, with);
            lines.extend(self.wait_for(state, with));
        }
        lines
    }

    /// Once: that a message waits, and for what.
    fn wait_for(&mut self, state: &State, with: PeerId) -> Option<String> {
        let contact = state.contacts.get(&with)?;
        let why = match contact.relation {
            _ if contact.online => return None,
            Relation::Mutual => "is offline: it goes out when both are there",
            _ => "has not said yes: it goes out after that",
        };
        let first = self.waits.insert(with);
        first.then(|| format!("[waiting] {} {why}", contact.alias))
    }

    fn message_state(
        &mut self,
        state: &State,
        (id, with): (Uuid, PeerId),
        to: MessageState,
        reason: Option<&str>,
    ) -> Vec<String> {
        let name = state.name_of(with);
        let text = state.conversations.get(&with).and_then(|c| c.message(id));
        let text = text.map_or_else(String::new, |m| format!(" ({})", words::beginning(&m.text)));
        match to {
            MessageState::Queued | MessageState::Sent => Vec::new(),
            MessageState::Delivered | MessageState::Read => {
                let known = self.under_way.remove(&id).is_some();
                let more = self.under_way.values().any(|to| *to == with);
                if known && !more && self.waits.remove(&with) {
                    return vec![format!("[delivered] {name} has what was waiting")];
                }
                Vec::new()
            }
            MessageState::Failed => {
                self.under_way.remove(&id);
                let why = reason.unwrap_or("no reason was told");
                vec![format!(
                    "[failed] a message to {name}{text} will not arrive: {why}"
                )]
            }
        }
    }

    fn is_printed(&mut self, id: Uuid) -> bool {
        if self.printed.contains(&id) {
            return true;
        }
        if self.printed.len() == PRINTED {
            self.printed.pop_front();
        }
        self.printed.push_back(id);
        false
    }

    /// What is worth a line now that the state has changed.
    pub(super) fn changed(&mut self, state: &State) -> Vec<String> {
        let mut lines = Vec::new();
        let new = usize::try_from(state.noticed - self.noticed).unwrap_or(usize::MAX);
        self.noticed = state.noticed;
        let from = state.log.len().saturating_sub(new);
        lines.extend(state.log.range(from..).map(words::notice));
        self.conversation(state, &mut lines);
        self.place(state, &mut lines);
        self.presence(state, &mut lines);
        self.calls(state, &mut lines);
        self.mic_test(state, &mut lines);
        lines
    }

    fn conversation(&mut self, state: &State, lines: &mut Vec<String>) {
        if state.open != self.open {
            self.open = state.open;
            self.opening = state.open.is_some();
        }
        let Some(conversation) = state.conversation().filter(|_| self.opening) else {
            return;
        };
        if !conversation.newest_loaded || conversation.loading.is_some() {
            return;
        }
        self.opening = false;
        if let Some(contact) = state.open_contact() {
            lines.push(format!("[conversation] {}", words::contact(contact)));
        }
        let messages = conversation.messages();
        let from = messages.len().saturating_sub(SHOWN);
        for message in &messages[from..] {
            self.is_printed(message.id);
            lines.push(words::message(state, message));
        }
        if !conversation.draft.is_empty() {
            lines.push(format!("[draft] {}", conversation.draft.text()));
        }
    }

    /// What is around a message that somebody went to.
    fn place(&mut self, state: &State, lines: &mut Vec<String>) {
        let conversation = state.conversation();
        let at = conversation.and_then(|c| match c.scroll {
            Scroll::At { message, .. } => Some((message, c)),
            Scroll::Bottom => None,
        });
        if at.map(|(id, _)| id) == self.at {
            return;
        }
        self.at = at.map(|(id, _)| id);
        let Some((conversation, place)) = at.and_then(|(id, c)| Some((c, c.position(id)?))) else {
            return;
        };
        let around = conversation.messages().iter();
        let around = around
            .skip(place.saturating_sub(AROUND))
            .take(2 * AROUND + 1);
        for message in around {
            let day = time(message.sent_at, &state.zone, "%Y-%m-%d");
            lines.push(format!(
                "[earlier] {day} {}",
                words::message(state, message)
            ));
        }
    }

    fn presence(&mut self, state: &State, lines: &mut Vec<String>) {
        for contact in state.contacts.values() {
            let mutual = contact.relation == Relation::Mutual;
            let now = contact.online && mutual && !contact.blocked;
            let before = self.online.insert(contact.peer_id, now);
            let word = match (before, now) {
                (Some(false) | None, true) => "online",
                (Some(true), false) => "offline",
                _ => continue,
            };
            lines.push(format!("[presence] {} is {word}", contact.alias));
        }
    }

    fn calls(&mut self, state: &State, lines: &mut Vec<String>) {
        let call = state.calls.incoming().or_else(|| state.calls.active());
        let now = call.map(|call| {
            let name = state.name_of(call.call.contact);
            let words = match call.state_word() {
                "incoming" => format!("incoming from {name}. type /answer or /decline"),
                word if call.has_sound() => {
                    format!("{word} with {name}, {}", call.mic_word().to_lowercase())
                }
                word => format!("{name}: {word}"),
            };
            (call.call.call, words)
        });
        if now != self.call {
            lines.extend(now.iter().map(|(_, words)| format!("[call] {words}")));
            self.call = now;
        }
    }

    fn mic_test(&mut self, state: &State, lines: &mut Vec<String>) {
        let Some(test) = &state.mic_test.now else {
            return;
        };
        if self.test.replace(test.phase) == Some(test.phase) {
            return;
        }
        lines.push(match test.phase {
            MicTestPhase::Recording => "[test] speak now; it is recorded".to_owned(),
            MicTestPhase::Playing => format!(
                "[test] this is how others hear you: {}",
                state.mic_test.meter.word().to_lowercase()
            ),
            MicTestPhase::Done => "[test] over".to_owned(),
        });
    }

    /// What is not with the others yet, by person.
    pub(super) fn unsent(&self, state: &State) -> Vec<String> {
        let mut counts: BTreeMap<PeerId, usize> = BTreeMap::new();
        for to in self.under_way.values() {
            *counts.entry(*to).or_default() += 1;
        }
        counts
            .into_iter()
            .map(|(to, count)| {
                let name = state.name_of(to);
                let messages = if count == 1 { "message" } else { "messages" };
                format!("[not sent] {count} {messages} to {name}: out the next time twocan runs")
            })
            .collect()
    }
}

/// What became of a message that was said earlier.
fn changed(state: &State, with: PeerId, change: &Change) -> Vec<String> {
    let me = state.me.as_ref().map(|me| me.peer_id);
    let name = |who: PeerId| match me == Some(who) {
        true => "you".to_owned(),
        false => state.name_of(who),
    };
    let about = |id: &Uuid| {
        let known = state.conversations.get(&with).and_then(|c| c.message(*id));
        known.map_or_else(
            || "an older message".to_owned(),
            |m| format!("\"{}\"", words::beginning(&m.text)),
        )
    };
    match change {
        Change::New(message) => vec![words::message(state, message)],
        Change::Edited(message) => {
            let who = name(message.from);
            vec![format!(
                "[changed] {who}: {}",
                message.text.replace('\n', "\n  ")
            )]
        }
        Change::Deleted {
            id,
            scope: DeleteFor::Me,
            ..
        } => vec![format!("[deleted] {} here", about(id))],
        Change::Deleted { id, .. } => vec![format!("[deleted] {}", about(id))],
        Change::Reacted { id, by, emoji } if emoji.is_empty() => {
            vec![format!(
                "[reaction] {} took it back from {}",
                name(*by),
                about(id)
            )]
        }
        Change::Reacted { id, by, emoji } => {
            let emoji = words::emoji(emoji);
            vec![format!(
                "[reaction] {}: {emoji} to {}",
                name(*by),
                about(id)
            )]
        }
    }
}

/// What happened in a lobby, as the room itself has it.
fn said(event: &LobbyEvent, state: &State) -> impl Iterator<Item = String> + use<> {
    let mut room = Lobby::default();
    room.take(event.clone(), state.now);
    let users: Vec<&str> = room
        .users
        .iter()
        .map(|user| user.username.as_str())
        .collect();
    let who = matches!(event, LobbyEvent::Who { .. });
    let here = who.then(|| format!("here: {}", users.join(", ")));
    let lines: Vec<String> = room
        .lines
        .into_iter()
        .map(|line| match line.user {
            Some(user) => format!("{user}: {}", line.text),
            None => line.text,
        })
        .collect();
    lines.into_iter().chain(here)
}
