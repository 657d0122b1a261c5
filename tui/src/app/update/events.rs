//! What the engine tells by itself.

use twocan_peer::api::{
    Call, CallState, Contact, Event, Message, NoticeLevel, RegistryInfo, RegistryState, Relation,
};
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

use super::super::calls::duration;
use super::super::conversation::Scroll;
use super::super::effect::Effect;
use super::alerts::News;
use super::{Effects, alerts, audio, call_log, calls, files, lobby, receipts};
use crate::app::{Notice, State, registry_word};

/// "is typing" goes away by itself after this time.
const TYPING_MS: i64 = 10_000;
/// Requests held at most; the engine keeps no more either.
const REQUESTS: usize = twocan_proto::limits::REQUESTS;

/// People nearby that are listed at most.
const NEARBY: usize = 256;

/// Takes an event.
pub(super) fn event(state: &mut State, event: Event, out: &mut Effects) {
    match event {
        Event::Registry {
            registry,
            state: to,
            reason,
        } => registry_moved(state, &registry, to, reason, out),
        Event::Contact(contact) => contact_moved(state, *contact),
        Event::ContactRemoved(id) => forget(state, id),
        Event::Request(request) => {
            let text = format!("contact request from {}: /accept or /reject", request.from);
            alerts::news(state, &News::Request(&request.from), out);
            state.requests.retain(|r| r.request != request.request);
            if state.requests.len() < REQUESTS {
                state.requests.push(request);
            }
            state.info(text);
        }
        Event::RequestGone(id) => state.requests.retain(|r| r.request != id),
        Event::Message(message) => message_came(state, message, out),
        Event::MessageChanged {
            conversation,
            change,
        } => {
            if let Some(conversation) = state.conversations.get_mut(&conversation) {
                conversation.take_change(change);
            }
        }
        Event::MessageState {
            id,
            conversation,
            state: to,
            reason,
        } => {
            if let Some(conversation) = state.conversations.get_mut(&conversation) {
                conversation.take_state(id, to, reason);
            }
        }
        Event::Typing { contact, on } => {
            let until = Timestamp::from_millis(state.now.as_millis() + TYPING_MS);
            let conversation = state.conversations.entry(contact).or_default();
            conversation.typing_until = on.then_some(until);
        }
        Event::Call(call) => call_moved(state, call, out),
        Event::CallStats(stats) => {
            if let Some(call) = state.calls.get_mut(stats.call) {
                call.take_stats(stats);
            }
        }
        Event::CallHint { call, hint, on } => calls::hinted(state, call, hint, on),
        Event::MicTest(test) => audio::tested(state, test),
        Event::Sound { .. } => {}
        Event::Transfer(transfer) => files::moved(state, *transfer, out),
        Event::KeyChanged { contact, new, .. } => {
            let name = state.name_of(contact);
            state.error(format!(
                "{name} now shows another key ({}). Nothing goes out until you decide: /verify shows both keys",
                new.short()
            ));
        }
        Event::Nearby(near) => {
            state.nearby.retain(|n| n.peer_id != near.peer_id);
            if state.nearby.len() < NEARBY {
                state.nearby.push(near);
            }
        }
        Event::NearbyGone(id) => state.nearby.retain(|n| n.peer_id != id),
        Event::Lobby { registry, event } => lobby::heard(state, registry, event),
        Event::Notice { level, text } => state.notify(level, text),
        Event::Listening(addresses) => {
            if let Some(me) = &mut state.me {
                me.listen = addresses;
            }
        }
    }
}

/// A contact as it stands now; an answer to our request is worth a word.
fn contact_moved(state: &mut State, mut contact: Contact) {
    let id = contact.peer_id;
    if receipts::watched(state) == Some(id) {
        // Seen as it came; the engine hears of it in a moment.
        contact.unread = 0;
    }
    let (now, blocked) = (contact.relation, contact.blocked);
    let before = state.contacts.insert(id, contact).map(|c| c.relation);
    let name = state.name_of(id);
    match (before, now) {
        _ if blocked => {}
        (Some(Relation::Asked), Relation::Mutual) => {
            state.info(format!("{name} said yes: you can write and call"));
        }
        (Some(Relation::Asked), Relation::Rejected) => {
            state.notify(NoticeLevel::Warning, format!("{name} said no"));
        }
        _ => {}
    }
}

fn forget(state: &mut State, id: twocan_proto::identity::PeerId) {
    let name = state.name_of(id);
    state.contacts.remove(&id);
    state.conversations.remove(&id);
    state.info(format!("{name} is no contact any more"));
    if state.open == Some(id) {
        state.open = None;
    }
    if state.last_open == Some(id) {
        state.last_open = None;
    }
}

fn message_came(state: &mut State, message: Message, out: &mut Effects) {
    let with = message.conversation;
    let watched = state.open == Some(with) && state.focused;
    let theirs = !message.mine;
    let (id, text) = (message.id, message.text.clone());
    let call = message.call.is_some();
    let conversation = state.conversations.entry(with).or_default();
    let fresh = conversation.take_message(message);
    if !theirs || !fresh {
        return;
    }
    let unseen = !watched || conversation.scroll != Scroll::Bottom;
    if unseen && conversation.first_unread.is_none() {
        conversation.first_unread = Some(id);
    }
    let news = match call {
        true => News::Missed(with),
        false => News::Message(with, &text),
    };
    alerts::news(state, &news, out);
}

fn registry_moved(
    state: &mut State,
    registry: &RegistryUrl,
    to: RegistryState,
    reason: Option<String>,
    out: &mut Effects,
) {
    if let Some(me) = &mut state.me {
        match me.registries.iter_mut().find(|r| r.registry == *registry) {
            Some(known) => {
                known.state = to;
                known.reason.clone_from(&reason);
            }
            None => me.registries.push(RegistryInfo {
                registry: registry.clone(),
                username: None,
                state: to,
                reason: reason.clone(),
            }),
        }
    }
    if to == RegistryState::Connecting {
        return;
    }
    let word = registry_word(to);
    let why = reason.map(|r| format!(": {r}")).unwrap_or_default();
    let text = format!("registry {registry} {word}{why}");
    match to {
        RegistryState::SignedIn | RegistryState::SignedOut => {
            // The name that we have there.
            out.push(Effect::LoadSelf);
            state.remember(Notice {
                at: state.now,
                level: NoticeLevel::Info,
                text,
            });
        }
        RegistryState::Unreachable | RegistryState::ShuttingDown => {
            state.notify(NoticeLevel::Warning, text);
        }
        _ => state.error(text),
    }
}

fn call_moved(state: &mut State, call: Call, out: &mut Effects) {
    let incoming = call.state == CallState::Incoming;
    let (id, with) = (call.call, call.contact);
    let known = state.calls.get_mut(id).is_some();
    let ended = state.calls.take(call, state.now);
    if !known {
        audio::needed(state, out);
    }
    if incoming && !known {
        if let Some(view) = state.calls.get_mut(id) {
            view.rang_at = Some(state.now);
        }
        alerts::rings(state, with, out);
    }
    let Some(ended) = ended else { return };
    call_log::refresh(state, out);
    let name = state.name_of(ended.call.contact);
    let reason = ended.call.reason.as_deref().unwrap_or("ended");
    let text = if ended.connected_at.is_some() {
        let quality = ended.quality().map_or("", |q| q.word());
        format!(
            "call with {name}: {reason}, {} {quality}",
            duration(ended.seconds(state.now))
        )
    } else if ended.call.outgoing {
        format!("call to {name}: {reason}")
    } else {
        alerts::news(state, &News::Missed(ended.call.contact), out);
        format!("missed call from {name}: {reason}")
    };
    state.info(text.trim_end());
}
