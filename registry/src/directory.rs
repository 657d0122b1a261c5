//! Accounts, sessions and presence in memory. Every look-up is answered from
//! here; accounts and sessions change only through the writer thread of
//! [`crate::store`], after the commit. Time is an argument.

mod member;
mod names;
mod operator;
mod select;
mod session;

pub(crate) use member::{Card, Glance, Member, Owner, Place};
pub(crate) use select::Selection;
pub(crate) use session::{Arrival, Session, SessionRow};

use crate::{bans::Bans, later, limits, metrics::Metrics};
use names::Names;
use session::Sessions;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use twocan_proto::{
    api::{Email, Role, Username, Visibility},
    heartbeat::{Alive, SEEN_LEN, Seen, SessionId},
    identity::PeerId,
    time::Timestamp,
};

/// BLAKE3 of a bearer token: what is kept of it.
pub(crate) type TokenHash = [u8; 32];

/// Everything the registry knows, ready to be looked up.
#[derive(Debug)]
pub(crate) struct Directory {
    members: Names,
    sessions: Sessions,
    /// Links for a new password that have not been used.
    resets: Mutex<HashMap<TokenHash, Reset>>,
    /// The guests, so that those who left are found without asking everybody.
    guests: Mutex<HashMap<i64, Arc<Member>>>,
    /// See [`Directory::revision`].
    revision: AtomicU64,
    started_at: Timestamp,
    heartbeat_ms: u64,
    pub(crate) bans: Bans,
    pub(crate) metrics: Metrics,
}

/// A link for a new password.
#[derive(Debug, Clone)]
pub(crate) struct Reset {
    pub(crate) member: Arc<Member>,
    pub(crate) expires_at: Timestamp,
}

impl Directory {
    pub(crate) fn new(heartbeat_ms: u64, started_at: Timestamp) -> Self {
        Self {
            members: Names::default(),
            sessions: Sessions::default(),
            resets: Mutex::default(),
            guests: Mutex::default(),
            revision: AtomicU64::new(1),
            started_at,
            heartbeat_ms,
            bans: Bans::default(),
            metrics: Metrics::default(),
        }
    }

    /// Changes whenever a name may belong to another account than before.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    fn names_changed(&self) {
        self.revision.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn member(&self, name: &Username) -> Option<Arc<Member>> {
        self.members.get(name.fold_into(&mut [0; Username::MAX]))
    }

    /// The account of that name, for an asker who names `key`. Who may not find
    /// it gets what an unknown name gets, on the same way.
    pub(crate) fn find(&self, name: &Username, key: Option<&PeerId>) -> Option<Arc<Member>> {
        let member = self.member(name);
        member.filter(|member| member.is_found_by(key))
    }

    fn resets(&self) -> MutexGuard<'_, HashMap<TokenHash, Reset>> {
        self.resets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guests(&self) -> MutexGuard<'_, HashMap<i64, Arc<Member>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account whose password a link may set.
    pub(crate) fn reset(&self, token: &TokenHash, now: Timestamp) -> Option<Arc<Member>> {
        let resets = self.resets();
        let reset = resets.get(token).filter(|reset| now < reset.expires_at);
        reset.map(|reset| Arc::clone(&reset.member))
    }

    /// How many guests there are.
    pub(crate) fn guest_count(&self) -> usize {
        self.guests().len()
    }

    /// Guests of whom nothing is heard any more.
    pub(crate) fn departed_guests(&self, now: Timestamp) -> Vec<Arc<Member>> {
        // After a start, each gets the time to be heard from.
        if now < self.lapse(self.started_at) {
            return Vec::new();
        }
        let guests = self.guests();
        let departed = guests.values().filter(|guest| !guest.is_online(now));
        departed.cloned().collect()
    }

    /// Keeps the name for one identity while it signs in; false when another one
    /// is there, or signing in.
    pub(crate) fn claim(&self, member: &Member, key: PeerId, now: Timestamp) -> bool {
        let elsewhere = self.sessions.of(member.id).iter().any(|session| {
            let other = session.identity.is_some_and(|identity| identity != key);
            other && session.is_alive(now)
        });
        !elsewhere && member.claim(key, now)
    }

    /// The live session that a token opens.
    pub(crate) fn session(&self, token: &TokenHash, now: Timestamp) -> Option<Arc<Session>> {
        let session = self.sessions.with_token(token);
        session.filter(|session| now < session.expires_at)
    }

    /// The sessions of an account that must go to make room for one more.
    pub(crate) fn surplus_sessions(&self, account: i64) -> Vec<SessionId> {
        let mut own = self.sessions.of(account);
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
        let session = self.sessions.with_id(unproven.session())?;
        let alive = unproven.prove(&session.key)?;
        if now >= session.expires_at {
            return None;
        }
        let name = &session.member.username;
        if self
            .bans
            .user(name, session.identity.as_ref(), || now)
            .is_some()
        {
            self.metrics.banned.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let mut guard = session.guard.lock().unwrap_or_else(PoisonError::into_inner);
        guard.admit(&alive, now).ok()?;
        // One that was overtaken proves life, and says nothing of where it is now.
        let newest = guard.highest() == alive.counter;
        drop(guard);
        let until = self.lapse(now);
        session.live(until);
        session.member.seen(newest.then(|| from.ip()), now, until);
        let seen = Seen {
            session: session.id,
            at: now,
            counter: alive.counter,
            observed: from,
        };
        Some(seen.encode(&session.key))
    }

    /// Whoever holds a session goes, and keeps it for coming back.
    pub(crate) fn leave(&self, session: &Session) {
        session.leave();
        let own = self.sessions.of(session.member.id);
        let until = own.iter().map(|other| other.alive_until()).max();
        session.member.place().online_until = until.unwrap_or_else(|| Timestamp::from_millis(0));
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
        let members = self.members.ordered();
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
        (self.members.len(), self.sessions.len())
    }
}

/// Changes, made by the writer thread alone.
impl Directory {
    pub(crate) fn add_member(&self, member: Member) {
        let member = Arc::new(member);
        if member.role() == Role::Guest {
            self.guests().insert(member.id, Arc::clone(&member));
        }
        self.members.insert(member);
        self.names_changed();
    }

    /// Takes an account out, with its sessions and links.
    pub(crate) fn remove_member(&self, name: &Username, account: i64) {
        // The name may belong to a newer account by now.
        self.members.remove(&name.folded(), account);
        self.names_changed();
        self.guests().remove(&account);
        self.resets().retain(|_, reset| reset.member.id != account);
        self.sessions.remove_all(account);
    }

    /// Puts a session in, in the place of the one with the same token.
    pub(crate) fn put_session(&self, session: Session) {
        self.sessions.put(Arc::new(session));
    }

    /// Puts a fresh session in and its owner online. A session of an identity is
    /// the only one of any identity.
    pub(crate) fn open_session(&self, row: SessionRow, member: &Arc<Member>, arrival: Arrival) {
        let Arrival {
            host,
            key,
            from,
            place: known,
            now,
        } = arrival;
        let mut place = member.place();
        place.host = host;
        place.key = key;
        drop(place);
        member.remember(known);
        let until = self.lapse(now);
        member.seen(Some(from), now, until);
        let session = Arc::new(Session::new(row, Arc::clone(member), now));
        session.live(until);
        self.sessions.put(Arc::clone(&session));
        if let Some(identity) = session.identity {
            let others = self.sessions.of(member.id).into_iter();
            for other in others.filter(|other| other.identity.is_some() && other.id != session.id) {
                self.sessions.remove(other.id);
            }
            member.release(identity);
        }
    }

    /// Takes a session out; its owner goes offline with the last one.
    pub(crate) fn remove_session(&self, id: SessionId) {
        let Some(session) = self.sessions.remove(id) else {
            return;
        };
        if self.sessions.of(session.member.id).is_empty() {
            session.member.place().online_until = Timestamp::from_millis(0);
        }
    }

    /// Takes out the sessions and links that have expired.
    pub(crate) fn remove_expired(&self, now: Timestamp) {
        self.resets().retain(|_, reset| now < reset.expires_at);
        for id in self.sessions.expired(now) {
            self.remove_session(id);
        }
    }

    /// A new password ends everything that the old one opened.
    pub(crate) fn set_password(&self, member: &Member, hash: String) {
        member.owner().password_hash = hash;
        self.resets()
            .retain(|_, reset| reset.member.id != member.id);
        self.sessions.remove_all(member.id);
        member.place().online_until = Timestamp::from_millis(0);
    }

    /// Makes a link good, and as many of the account's older ones bad as there
    /// are too many.
    pub(crate) fn add_reset(&self, token: TokenHash, reset: Reset) {
        let mut resets = self.resets();
        let mut own: Vec<_> = resets
            .iter()
            .filter(|(_, other)| other.member.id == reset.member.id)
            .map(|(token, other)| (other.expires_at, *token))
            .collect();
        own.sort_unstable();
        let surplus = (own.len() + 1).saturating_sub(limits::RESETS_PER_ACCOUNT);
        for (_, token) in own.into_iter().take(surplus) {
            resets.remove(&token);
        }
        resets.insert(token, reset);
    }

    /// A new address ends the links that went to the old one.
    pub(crate) fn set_email(&self, member: &Member, email: Option<Email>) {
        member.owner().email = email;
        self.resets()
            .retain(|_, reset| reset.member.id != member.id);
    }

    pub(crate) fn describe(
        &self,
        member: &Member,
        visibility: Visibility,
        card: Option<Arc<Card>>,
    ) {
        let mut place = member.place();
        place.visibility = visibility;
        place.card = card;
    }

    pub(crate) fn set_role(&self, member: &Member, role: Role) {
        member.place().role = role;
    }
}

#[cfg(test)]
#[path = "directory/tests.rs"]
mod tests;
