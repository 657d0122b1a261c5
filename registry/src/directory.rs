//! Accounts, sessions and presence in memory. Every look-up is answered from
//! here; accounts and sessions change only through the writer thread of
//! [`crate::store`], after the commit. Time is an argument.

mod operator;

use crate::{bans::Bans, later, limits, metrics::Metrics};
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    net::{IpAddr, SocketAddr},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::Ordering},
};
use twocan_proto::{
    api::{ClientInfo, Host, Username},
    heartbeat::{Alive, HeartbeatKey, ReplayGuard, SEEN_LEN, Seen, SessionId},
    identity::PeerId,
    time::Timestamp,
};

/// BLAKE3 of a bearer token: what is kept of it.
pub(crate) type TokenHash = [u8; 32];

/// One account.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: i64,
    pub(crate) username: Username,
    pub(crate) password_hash: String,
    place: Mutex<Place>,
}

/// What changes about an account while it lives.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) host: Host,
    pub(crate) key: Option<PeerId>,
    /// Where its sign-in or last heartbeat came from.
    pub(crate) observed: Option<IpAddr>,
    pub(crate) last_seen: Option<Timestamp>,
    /// Online before this moment.
    online_until: Timestamp,
    /// Whether `last_seen` is newer than on disk.
    unsaved: bool,
}

impl Place {
    pub(crate) fn new(host: Host, key: Option<PeerId>, observed: Option<IpAddr>) -> Self {
        let long_ago = Timestamp::from_millis(0);
        Self {
            host,
            key,
            observed,
            last_seen: None,
            online_until: long_ago,
            unsaved: false,
        }
    }
}

impl Member {
    pub(crate) fn new(id: i64, username: Username, password_hash: String, place: Place) -> Self {
        Self {
            id,
            username,
            password_hash,
            place: Mutex::new(place),
        }
    }

    pub(crate) fn place(&self) -> MutexGuard<'_, Place> {
        // A panic under this lock cannot leave a half-made place behind.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What anybody may know of this account.
    pub(crate) fn info(&self, now: Timestamp) -> ClientInfo {
        let place = self.place();
        ClientInfo {
            username: self.username.clone(),
            host: place.host.shown(place.observed),
            key: place.key,
            online: now < place.online_until,
            last_seen: place.last_seen,
        }
    }

    fn is_online(&self, now: Timestamp) -> bool {
        now < self.place().online_until
    }

    fn seen(&self, from: IpAddr, now: Timestamp, online_until: Timestamp) {
        let mut place = self.place();
        place.observed = Some(from.to_canonical());
        place.last_seen = Some(now);
        place.online_until = online_until;
        place.unsaved = true;
    }
}

/// One sign-in of an account.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) member: Arc<Member>,
    pub(crate) token: TokenHash,
    pub(crate) expires_at: Timestamp,
    key: HeartbeatKey,
    guard: Mutex<ReplayGuard>,
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
            ..
        } = row;
        Self {
            id,
            member,
            token,
            expires_at,
            key,
            guard,
        }
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
}

#[derive(Debug, Default)]
struct Sessions {
    by_id: HashMap<SessionId, Arc<Session>>,
    by_token: HashMap<TokenHash, Arc<Session>>,
    by_account: HashMap<i64, Vec<Arc<Session>>>,
}

/// Everything the registry knows, ready to be looked up.
#[derive(Debug)]
pub(crate) struct Directory {
    members: RwLock<BTreeMap<String, Arc<Member>>>,
    sessions: RwLock<Sessions>,
    heartbeat_ms: u64,
    pub(crate) bans: Bans,
    pub(crate) metrics: Metrics,
}

/// Which part of the directory is asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selection {
    /// Names that begin so, lower case.
    pub(crate) prefix: String,
    /// Names after this one, lower case.
    pub(crate) after: Option<String>,
    pub(crate) online: Option<bool>,
    pub(crate) limit: usize,
}

macro_rules! read {
    ($lock:expr) => {
        $lock.read().unwrap_or_else(PoisonError::into_inner)
    };
}
macro_rules! write {
    ($lock:expr) => {
        $lock.write().unwrap_or_else(PoisonError::into_inner)
    };
}

impl Directory {
    pub(crate) fn new(heartbeat_ms: u64) -> Self {
        Self {
            members: RwLock::default(),
            sessions: RwLock::default(),
            heartbeat_ms,
            bans: Bans::default(),
            metrics: Metrics::default(),
        }
    }

    pub(crate) fn member(&self, name: &Username) -> Option<Arc<Member>> {
        read!(self.members).get(&name.folded()).cloned()
    }

    /// The selected clients in order, and whether there are more.
    pub(crate) fn list(&self, selection: &Selection, now: Timestamp) -> (Vec<ClientInfo>, bool) {
        let members = read!(self.members);
        let start = match &selection.after {
            Some(after) if *after >= selection.prefix => Bound::Excluded(after.clone()),
            _ => Bound::Included(selection.prefix.clone()),
        };
        let mut matching = members
            .range((start, Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(&selection.prefix))
            .filter(|(_, member)| {
                selection
                    .online
                    .is_none_or(|on| member.is_online(now) == on)
            });
        let page = matching.by_ref().take(selection.limit);
        let page = page.map(|(_, member)| member.info(now)).collect();
        (page, matching.next().is_some())
    }

    /// The live session that a token opens.
    pub(crate) fn session(&self, token: &TokenHash, now: Timestamp) -> Option<Arc<Session>> {
        let session = read!(self.sessions).by_token.get(token).cloned();
        session.filter(|session| now < session.expires_at)
    }

    /// The sessions of an account that must go to make room for one more.
    pub(crate) fn surplus_sessions(&self, account: i64) -> Vec<SessionId> {
        let sessions = read!(self.sessions);
        let mut own: Vec<_> = sessions
            .by_account
            .get(&account)
            .cloned()
            .unwrap_or_default();
        own.sort_by_key(|session| session.expires_at);
        let surplus = (own.len() + 1).saturating_sub(limits::SESSIONS_PER_ACCOUNT);
        own.iter().take(surplus).map(|session| session.id).collect()
    }

    /// The answer to a datagram that proves life; `None`, and no change, for
    /// every other one.
    pub(crate) fn heartbeat(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        now: Timestamp,
    ) -> Option<[u8; SEEN_LEN]> {
        let unproven = Alive::recognise(datagram)?;
        let session = read!(self.sessions)
            .by_id
            .get(&unproven.session())
            .cloned()?;
        let alive = unproven.prove(&session.key)?;
        if now >= session.expires_at {
            return None;
        }
        let name = &session.member.username;
        if self.bans.user(name, None, || now).is_some() {
            self.metrics.banned.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let mut guard = session.guard.lock().unwrap_or_else(PoisonError::into_inner);
        guard.admit(&alive, now).ok()?;
        drop(guard);
        session.member.seen(from.ip(), now, self.lapse(now));
        let seen = Seen {
            session: session.id,
            at: now,
            counter: alive.counter,
            observed: from,
        };
        Some(seen.encode(&session.key))
    }

    /// When somebody who is heard from now, and never again, goes offline.
    fn lapse(&self, now: Timestamp) -> Timestamp {
        later(
            now,
            self.heartbeat_ms.saturating_mul(limits::HEARTBEATS_MISSED),
        )
    }

    /// Last-seen times that are newer than on disk.
    pub(crate) fn take_unsaved(&self) -> Vec<(i64, Timestamp)> {
        let members = read!(self.members);
        let taken = members.values().filter_map(|member| {
            let mut place = member.place();
            let unsaved = std::mem::take(&mut place.unsaved);
            place
                .last_seen
                .filter(|_| unsaved)
                .map(|at| (member.id, at))
        });
        taken.collect()
    }

    /// Counts of accounts and sessions.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (read!(self.members).len(), read!(self.sessions).by_id.len())
    }
}

/// Changes, made by the writer thread alone.
impl Directory {
    pub(crate) fn add_member(&self, member: Member) {
        write!(self.members).insert(member.username.folded(), Arc::new(member));
    }

    pub(crate) fn load_member(&self, member: Member, last_seen: Option<Timestamp>) {
        member.place().last_seen = last_seen;
        self.add_member(member);
    }

    /// Takes an account and its sessions out.
    pub(crate) fn remove_member(&self, name: &Username, account: i64) {
        // The name may belong to a newer account by now.
        if let std::collections::btree_map::Entry::Occupied(entry) =
            write!(self.members).entry(name.folded())
            && entry.get().id == account
        {
            entry.remove();
        }
        let mut sessions = write!(self.sessions);
        for session in sessions.by_account.remove(&account).unwrap_or_default() {
            sessions.by_id.remove(&session.id);
            sessions.by_token.remove(&session.token);
        }
    }

    /// Puts a session in, in the place of the one with the same token.
    pub(crate) fn put_session(&self, session: Session) {
        let session = Arc::new(session);
        let mut sessions = write!(self.sessions);
        if let Some(before) = sessions
            .by_token
            .insert(session.token, Arc::clone(&session))
        {
            sessions.unlist(&before);
        }
        sessions.by_id.insert(session.id, Arc::clone(&session));
        sessions
            .by_account
            .entry(session.member.id)
            .or_default()
            .push(session);
    }

    /// Puts a fresh session in and its owner online.
    pub(crate) fn open_session(&self, row: SessionRow, member: &Arc<Member>, arrival: Arrival) {
        let Arrival {
            host,
            key,
            from,
            now,
        } = arrival;
        let mut place = member.place();
        place.host = host;
        place.key = key;
        drop(place);
        member.seen(from, now, self.lapse(now));
        self.put_session(Session::new(row, Arc::clone(member), now));
    }

    /// Takes a session out; its owner goes offline with the last one.
    pub(crate) fn remove_session(&self, id: SessionId) {
        let mut sessions = write!(self.sessions);
        let Some(session) = sessions.by_id.get(&id).cloned() else {
            return;
        };
        sessions.unlist(&session);
        sessions.by_token.remove(&session.token);
        if !sessions.by_account.contains_key(&session.member.id) {
            session.member.place().online_until = Timestamp::from_millis(0);
        }
    }

    /// Takes out the sessions that have expired.
    pub(crate) fn remove_expired(&self, now: Timestamp) {
        let sessions = read!(self.sessions);
        let expired = sessions
            .by_id
            .values()
            .filter(|session| session.expires_at <= now);
        let expired: Vec<_> = expired.map(|session| session.id).collect();
        drop(sessions);
        for id in expired {
            self.remove_session(id);
        }
    }
}

impl Sessions {
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

/// What a sign-in says about its client.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) host: Host,
    pub(crate) key: Option<PeerId>,
    pub(crate) from: IpAddr,
    pub(crate) now: Timestamp,
}

#[cfg(test)]
#[path = "directory/tests.rs"]
mod tests;
