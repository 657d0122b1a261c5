//! Sign-ins in memory, found by id, by token and by account.

use super::{Member, TokenHash};
use crate::attempts::Subject;
use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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

    /// Not there any more. Heartbeats count again when the session was resumed,
    /// so that one still under way brings nobody back.
    pub(super) fn leave(&self) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        *guard = ReplayGuard::new(self.expires_at);
        self.alive_until.store(0, Ordering::Relaxed);
    }

    /// There before this moment.
    pub(super) fn alive_until(&self) -> Timestamp {
        Timestamp::from_millis(self.alive_until.load(Ordering::Relaxed))
    }

    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        now < self.alive_until()
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

/// Every session. Who looks one up takes no lock, and waits for nobody who opens
/// or closes one; only the writer thread of [`crate::store`] does that.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: papaya::HashMap<SessionId, Arc<Session>>,
    by_token: papaya::HashMap<TokenHash, Arc<Session>>,
    by_account: Mutex<HashMap<i64, Vec<Arc<Session>>>>,
}

impl Sessions {
    /// The session of that name, good or expired.
    pub(super) fn with_id(&self, id: SessionId) -> Option<Arc<Session>> {
        self.by_id.pin().get(&id).cloned()
    }

    /// The session that a token opens, good or expired.
    pub(super) fn with_token(&self, token: &TokenHash) -> Option<Arc<Session>> {
        self.by_token.pin().get(token).cloned()
    }

    pub(super) fn of(&self, account: i64) -> Vec<Arc<Session>> {
        let by_account = self.by_account();
        by_account.get(&account).cloned().unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The names of those that have expired.
    pub(super) fn expired(&self, now: Timestamp) -> Vec<SessionId> {
        let sessions = self.by_id.pin();
        let expired = sessions
            .values()
            .filter(|session| session.expires_at <= now);
        expired.map(|session| session.id).collect()
    }

    fn by_account(&self) -> MutexGuard<'_, HashMap<i64, Vec<Arc<Session>>>> {
        self.by_account
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes, made by the writer thread alone.
impl Sessions {
    /// Puts a session in, in the place of the one with the same token.
    pub(super) fn put(&self, session: Arc<Session>) {
        self.by_id.pin().insert(session.id, Arc::clone(&session));
        let tokens = self.by_token.pin();
        let before = tokens.insert(session.token, Arc::clone(&session)).cloned();
        if let Some(before) = before.filter(|before| before.id != session.id) {
            self.unlist(&before);
        }
        let mut by_account = self.by_account();
        let own = by_account.entry(session.member.id).or_default();
        own.retain(|other| other.id != session.id);
        own.push(session);
    }

    pub(super) fn remove(&self, id: SessionId) -> Option<Arc<Session>> {
        let session = self.with_id(id)?;
        self.unlist(&session);
        self.by_token.pin().remove(&session.token);
        Some(session)
    }

    /// Takes all of an account's sessions out.
    pub(super) fn remove_all(&self, account: i64) {
        let own = self.by_account().remove(&account);
        for session in own.unwrap_or_default() {
            self.by_id.pin().remove(&session.id);
            self.by_token.pin().remove(&session.token);
        }
    }

    /// Takes over those of `other`, and drops all that it has not.
    pub(super) fn replace_with(&self, other: Self) {
        let theirs = other.by_id.pin();
        for id in self.by_id.pin().keys() {
            if !theirs.contains_key(id) {
                self.remove(*id);
            }
        }
        self.by_account().clear();
        for session in theirs.values() {
            self.put(Arc::clone(session));
        }
    }

    /// Out of everything but the tokens.
    fn unlist(&self, session: &Session) {
        self.by_id.pin().remove(&session.id);
        if let Entry::Occupied(mut own) = self.by_account().entry(session.member.id) {
            own.get_mut().retain(|other| other.id != session.id);
            if own.get().is_empty() {
                own.remove();
            }
        }
    }
}
