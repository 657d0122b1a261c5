//! Sign-ins in memory, found by id, by token and by account.

use super::{Member, TokenHash};
use crate::attempts::Subject;
use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};
use twocan_proto::{
    api::Host,
    heartbeat::{HeartbeatKey, ReplayGuard, SessionId},
    identity::PeerId,
    time::Timestamp,
};

/// One sign-in of an account.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) member: Arc<Member>,
    pub(crate) token: TokenHash,
    pub(crate) expires_at: Timestamp,
    /// The identity that signed in; a plain contact-list client has none.
    pub(crate) identity: Option<PeerId>,
    pub(super) key: HeartbeatKey,
    pub(super) guard: Mutex<ReplayGuard>,
    /// There before this moment, in milliseconds since 1970.
    alive_until: AtomicI64,
}

impl Session {
    /// A session whose heartbeats count when sent at `since` or later.
    pub(crate) fn new(row: SessionRow, member: Arc<Member>, since: Timestamp) -> Self {
        let guard = Mutex::new(ReplayGuard::new(since));
        let SessionRow {
            id,
            token,
            key,
            expires_at,
            identity,
            ..
        } = row;
        Self {
            id,
            member,
            token,
            expires_at,
            identity,
            key,
            guard,
            alive_until: AtomicI64::new(0),
        }
    }

    pub(super) fn live(&self, until: Timestamp) {
        self.alive_until.store(until.as_millis(), Ordering::Relaxed);
    }

    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        now.as_millis() < self.alive_until.load(Ordering::Relaxed)
    }
}

/// A session as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) account: i64,
    pub(crate) token: TokenHash,
    pub(crate) key: HeartbeatKey,
    pub(crate) expires_at: Timestamp,
    pub(crate) identity: Option<PeerId>,
}

/// What a sign-in says about its client.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) host: Host,
    pub(crate) key: Option<PeerId>,
    pub(crate) from: IpAddr,
    /// The name at that address.
    pub(crate) place: Subject,
    pub(crate) now: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) by_id: HashMap<SessionId, Arc<Session>>,
    pub(super) by_token: HashMap<TokenHash, Arc<Session>>,
    pub(super) by_account: HashMap<i64, Vec<Arc<Session>>>,
}

impl Sessions {
    pub(super) fn of(&self, account: i64) -> &[Arc<Session>] {
        self.by_account.get(&account).map_or(&[], Vec::as_slice)
    }

    /// Puts a session in, in the place of the one with the same token.
    pub(super) fn put(&mut self, session: Arc<Session>) {
        let before = self.by_token.insert(session.token, Arc::clone(&session));
        if let Some(before) = before {
            self.unlist(&before);
        }
        self.by_id.insert(session.id, Arc::clone(&session));
        let own = self.by_account.entry(session.member.id).or_default();
        own.push(session);
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Arc<Session>> {
        let session = self.by_id.get(&id).cloned()?;
        self.unlist(&session);
        self.by_token.remove(&session.token);
        Some(session)
    }

    /// Takes all of an account's sessions out.
    pub(super) fn remove_all(&mut self, account: i64) {
        for session in self.by_account.remove(&account).unwrap_or_default() {
            self.by_id.remove(&session.id);
            self.by_token.remove(&session.token);
        }
    }

    /// Out of everything but the tokens.
    fn unlist(&mut self, session: &Session) {
        self.by_id.remove(&session.id);
        if let Entry::Occupied(mut own) = self.by_account.entry(session.member.id) {
            own.get_mut().retain(|other| other.id != session.id);
            if own.get().is_empty() {
                own.remove();
            }
        }
    }
}
