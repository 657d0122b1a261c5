//! Events of the engine as lines.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde::Serialize;
use twocan_peer::api::{
    Call, CallHint, CallId, CallStats, Change, Contact, DeleteFor, Event, LobbyEvent, Message,
    MessageState, MicTest, NoticeLevel, Path, Presence, RegistryState, Transfer,
};
use twocan_proto::api::Username;
use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

/// A line of its own, with the moment it was told.
#[derive(Debug, Serialize)]
pub(super) struct Stamped<T> {
    #[serde(flatten)]
    line: T,
    at: Timestamp,
}

/// Gives a line the present moment.
pub(super) fn stamped<T: Serialize>(line: T) -> Stamped<T> {
    Stamped {
        line,
        at: Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
    }
}

/// An event as scripts read it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    Registry {
        registry: &'a RegistryUrl,
        state: RegistryState,
        reason: Option<&'a str>,
    },
    Presence {
        contact: PeerId,
        alias: &'a str,
        online: bool,
        path: Option<Path>,
        presence: Option<Presence>,
        status: &'a str,
    },
    Request {
        request: Uuid,
        from: &'a str,
        peer_id: PeerId,
        note: &'a str,
    },
    Message(&'a Message),
    MessageState {
        id: Uuid,
        conversation: PeerId,
        state: MessageState,
        reason: Option<&'a str>,
    },
    MessageEdited {
        id: Uuid,
        conversation: PeerId,
        text: &'a str,
        edited_at: Option<Timestamp>,
    },
    MessageDeleted {
        id: Uuid,
        conversation: PeerId,
        from: PeerId,
        #[serde(rename = "for")]
        scope: DeleteFor,
    },
    Reaction {
        id: Uuid,
        conversation: PeerId,
        from: PeerId,
        emoji: &'a str,
    },
    Typing {
        contact: PeerId,
        on: bool,
    },
    Call(&'a Call),
    CallStats(&'a CallStats),
    MicTest(&'a MicTest),
    CallHint {
        call: CallId,
        hint: CallHint,
        on: bool,
        text: &'static str,
    },
    Transfer(&'a Transfer),
    Sound {
        call: CallId,
        mic_at: f64,
        spk_at: f64,
    },
    KeyChanged {
        contact: PeerId,
        old: PeerId,
        new: PeerId,
    },
    Nearby {
        peer_id: PeerId,
        here: bool,
        name: &'a str,
        addresses: &'a [SocketAddr],
        is_contact: bool,
    },
    Lobby(Room<'a>),
    Notice {
        level: NoticeLevel,
        text: &'a str,
    },
}

/// What happened in a registry's public room.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Room<'a> {
    registry: &'a RegistryUrl,
    kind: &'static str,
    user: &'a str,
    /// With `said` what, with `kicked` why.
    text: Option<&'a str>,
    /// With `muted` and `kicked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    /// With `muted`: for how long, 0 for not any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
}

/// Who is there is the answer of the verb, no event.
fn room<'a>(registry: &'a RegistryUrl, event: &'a LobbyEvent) -> Option<Room<'a>> {
    let plain = |kind, user: &'a Username| Room {
        registry,
        kind,
        user: user.as_str(),
        text: None,
        by: None,
        seconds: None,
    };
    Some(match event {
        LobbyEvent::Joined { user } => plain("joined", &user.username),
        LobbyEvent::Left { user } => plain("left", user),
        LobbyEvent::Online { user } => plain("online", user),
        LobbyEvent::Offline { user } => plain("offline", user),
        LobbyEvent::Typing { user } => plain("typing", user),
        LobbyEvent::Said { user, text, .. } => Room {
            text: Some(text),
            ..plain("said", user)
        },
        LobbyEvent::Muted { user, by, seconds } => Room {
            by: Some(by.as_str()),
            seconds: Some(*seconds),
            ..plain("muted", user)
        },
        LobbyEvent::Kicked { user, by, reason } => Room {
            by: Some(by.as_str()),
            text: reason.as_deref(),
            ..plain("kicked", user)
        },
        LobbyEvent::Who { .. } | LobbyEvent::Unknown => return None,
    })
}

/// Turns events into lines; remembers what was told of each contact, as only
/// changes of her presence are told.
#[derive(Debug, Default)]
pub(super) struct Events {
    presence: HashMap<PeerId, (bool, Option<Path>, Option<Presence>, String)>,
}

impl Events {
    /// The line for an event, if it has one.
    pub(super) fn line<'a>(&mut self, event: &'a Event) -> Option<Stamped<Told<'a>>> {
        self.told(event).map(stamped)
    }

    fn told<'a>(&mut self, event: &'a Event) -> Option<Told<'a>> {
        Some(match event {
            Event::Registry {
                registry,
                state,
                reason,
            } => Told::Registry {
                registry,
                state: *state,
                reason: reason.as_deref(),
            },
            Event::Contact(contact) => return self.presence(contact),
            Event::ContactRemoved(peer) => {
                self.presence.remove(peer);
                return None;
            }
            Event::Request(request) => Told::Request {
                request: request.request,
                from: &request.from,
                peer_id: request.peer_id,
                note: &request.note,
            },
            Event::Message(message) => message_line(message),
            Event::MessageChanged {
                conversation,
                change,
            } => change_line(*conversation, change),
            Event::MessageState {
                id,
                conversation,
                state,
                reason,
            } => Told::MessageState {
                id: *id,
                conversation: *conversation,
                state: *state,
                reason: reason.as_deref(),
            },
            Event::Typing { contact, on } => Told::Typing {
                contact: *contact,
                on: *on,
            },
            Event::Call(call) => Told::Call(call),
            Event::CallStats(stats) => Told::CallStats(stats),
            Event::MicTest(test) => Told::MicTest(test),
            Event::CallHint { call, hint, on } => Told::CallHint {
                call: *call,
                hint: *hint,
                on: *on,
                text: hint.text(),
            },
            Event::Transfer(transfer) => Told::Transfer(transfer),
            Event::Sound {
                call,
                mic_at,
                spk_at,
            } => Told::Sound {
                call: *call,
                mic_at: *mic_at,
                spk_at: *spk_at,
            },
            Event::KeyChanged { contact, old, new } => Told::KeyChanged {
                contact: *contact,
                old: *old,
                new: *new,
            },
            Event::Nearby(nearby) => Told::Nearby {
                peer_id: nearby.peer_id,
                here: true,
                name: &nearby.name,
                addresses: &nearby.addresses,
                is_contact: nearby.is_contact,
            },
            Event::NearbyGone(peer_id) => Told::Nearby {
                peer_id: *peer_id,
                here: false,
                name: "",
                addresses: &[],
                is_contact: false,
            },
            Event::Lobby { registry, event } => return room(registry, event).map(Told::Lobby),
            Event::Notice { level, text } => Told::Notice {
                level: *level,
                text,
            },
            // `requests` and `whoami` tell these.
            Event::RequestGone(_) | Event::Listening(_) => return None,
        })
    }

    fn presence<'a>(&mut self, contact: &'a Contact) -> Option<Told<'a>> {
        let now = (
            contact.online,
            contact.path,
            contact.presence,
            contact.status.clone(),
        );
        if self.presence.get(&contact.peer_id) == Some(&now) {
            return None;
        }
        self.presence.insert(contact.peer_id, now);
        Some(Told::Presence {
            contact: contact.peer_id,
            alias: &contact.alias,
            online: contact.online,
            path: contact.path,
            presence: contact.presence,
            status: &contact.status,
        })
    }
}

/// A message of ours shows as the beginning of its way, so that a bot that
/// answers messages does not answer itself.
fn message_line(message: &Message) -> Told<'_> {
    match message.mine {
        true => Told::MessageState {
            id: message.id,
            conversation: message.conversation,
            state: message.state.unwrap_or(MessageState::Queued),
            reason: None,
        },
        false => Told::Message(message),
    }
}

fn change_line(conversation: PeerId, change: &Change) -> Told<'_> {
    match change {
        Change::New(message) => message_line(message),
        Change::Edited(message) => Told::MessageEdited {
            id: message.id,
            conversation,
            text: &message.text,
            edited_at: message.edited_at,
        },
        Change::Deleted { id, by, scope } => Told::MessageDeleted {
            id: *id,
            conversation,
            from: *by,
            scope: *scope,
        },
        Change::Reacted { id, by, emoji } => Told::Reaction {
            id: *id,
            conversation,
            from: *by,
            emoji,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use twocan_peer::api::{Relation, Trust};
    use twocan_proto::identity::Identity;

    fn contact(online: bool, unread: u64) -> Event {
        Event::Contact(Box::new(Contact {
            peer_id: Identity::from_seed(&[1; 32]).peer_id(),
            alias: "bob".to_owned(),
            name: "bob".to_owned(),
            trust: Trust::Known,
            relation: Relation::Mutual,
            online,
            path: online.then_some(Path::Direct),
            unread,
            waiting: 0,
            last_seen: None,
            last_message_at: None,
            blocked: false,
            registry_names: Vec::new(),
            seen_at: Vec::new(),
            read_upto: None,
            new_key: None,
            group: String::new(),
            favourite: false,
            muted: false,
            presence: None,
            status: String::new(),
            fields: std::collections::BTreeMap::new(),
        }))
    }

    #[test]
    fn presence_is_told_when_it_changes() {
        let mut events = Events::default();
        let mut told = |event: &Event| {
            let line = serde_json::to_value(events.line(event)).unwrap();
            (
                line["event"].clone(),
                line["online"].clone(),
                line["path"].clone(),
            )
        };
        let nothing = (Value::Null, Value::Null, Value::Null);
        assert_eq!(
            told(&contact(false, 0)),
            (json!("presence"), json!(false), Value::Null)
        );
        assert_eq!(told(&contact(false, 1)), nothing);
        assert_eq!(
            told(&contact(true, 1)),
            (json!("presence"), json!(true), json!("direct"))
        );
        assert_eq!(told(&contact(true, 0)), nothing);
    }

    #[test]
    fn only_messages_of_others_are_messages() {
        let peer = Identity::from_seed(&[1; 32]).peer_id();
        let mut message = Message {
            id: Uuid::nil(),
            conversation: peer,
            from: peer,
            mine: false,
            text: "hi".to_owned(),
            sent_at: Timestamp::from_millis(0),
            reply_to: None,
            seq: 1,
            state: None,
            edited_at: None,
            deleted: false,
            reactions: Vec::new(),
            call: None,
        };
        let line = |message: &Message| {
            let event = Event::Message(message.clone());
            serde_json::to_value(Events::default().line(&event)).unwrap()
        };
        let theirs = line(&message);
        assert_eq!(
            (&theirs["event"], &theirs["text"]),
            (&json!("message"), &json!("hi"))
        );
        assert!(theirs["at"].is_string());
        message.mine = true;
        message.state = Some(MessageState::Queued);
        let ours = line(&message);
        assert_eq!(
            (&ours["event"], &ours["state"]),
            (&json!("message_state"), &json!("queued"))
        );
    }
}
