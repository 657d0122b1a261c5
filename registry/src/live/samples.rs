//! Channels and directories for tests.

use super::channel::{Channel, Next};
use crate::directory::{Arrival, Directory, Member, Owner, Place, Session, SessionRow};
use std::sync::Arc;
use twocan_proto::{
    api::{Format, Host, Role, Username},
    heartbeat::{HeartbeatKey, SessionId},
    identity::PeerId,
    live::Event,
    time::Timestamp,
};

/// A heartbeat every second.
pub(super) const HEARTBEAT_MS: u64 = 1000;

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + ms)
}

pub(super) fn name(text: &str) -> Username {
    text.parse().unwrap()
}

pub(super) fn member(id: u8, text: &str, role: Role, key: Option<PeerId>) -> Member {
    let mut place = Place::new(Host::observed(Some(7777)), key, None);
    place.role = role;
    let owner = Owner {
        password_hash: "x".to_owned(),
        email: None,
        phone: None,
        known: Vec::new(),
    };
    Member::new((i64::from(id), name(text)), at(0), place, owner)
}

fn row(id: u8) -> SessionRow {
    SessionRow {
        id: SessionId([id; 16]),
        account: i64::from(id),
        token: [id; 32],
        key: HeartbeatKey::new([id; 32]),
        expires_at: at(1_000_000_000),
        identity: None,
    }
}

/// A channel that nobody reads but the test.
pub(super) fn channel(id: u8, text: &str, role: Role) -> Arc<Channel> {
    let session = Session::new(row(id), Arc::new(member(id, text, role, None)), at(0));
    let address = [192, 0, 2, id].into();
    let channel = Channel::new(u64::from(id), &session, (address, Format::Json), at(0));
    assert!(channel.greet(None));
    Arc::new(channel)
}

/// Puts an account into the directory.
pub(super) fn add(directory: &Directory, id: u8, text: &str, key: Option<PeerId>) {
    directory.add_member(member(id, text, Role::User, key));
}

/// Signs an account in, which puts it online.
pub(super) fn sign_in(directory: &Directory, id: u8, text: &str, now: Timestamp) {
    let member = directory.member(&name(text)).unwrap();
    let from = [192, 0, 2, id].into();
    let arrival = Arrival {
        host: Host::observed(Some(7777)),
        key: member.place().key,
        from,
        place: crate::attempts::Subject::of_place(&member.username, from),
        now,
    };
    directory.open_session(row(id), &member, arrival);
}

/// What waits for a channel, read at once.
pub(super) fn heard(channel: &Channel) -> Vec<Event> {
    let mut events = Vec::new();
    while let Next::Bytes(bytes) | Next::Last(bytes) = channel.next(at(0)) {
        let mut rest = &bytes[..];
        while let [first, second, tail @ ..] = rest {
            let (length, tail) = match (*second, tail) {
                (126, [a, b, tail @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), tail),
                (length, tail) => (usize::from(length), tail),
            };
            let (body, after) = tail.split_at(length);
            match first & 0xf {
                1 => events.push(Event::read(Format::Json, body).unwrap()),
                9 => channel.pong(body),
                _ => return events,
            }
            rest = after;
        }
    }
    events
}
