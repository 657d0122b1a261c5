//! One account in memory, in three parts: what never changes, where and whether
//! it is there, and what its owner said.

use crate::{attempts::Subject, later, limits};
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use subtle::ConstantTimeEq as _;
use twocan_proto::{
    api::{ClientInfo, Email, Host, Phone, Profile, Role, Username, Visibility},
    identity::PeerId,
    time::Timestamp,
};

/// One account.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: i64,
    pub(crate) username: Username,
    pub(crate) created_at: Timestamp,
    place: Mutex<Place>,
    owner: Mutex<Owner>,
}

/// What a look-up reads.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) host: Host,
    pub(crate) key: Option<PeerId>,
    /// Where its sign-in or last heartbeat came from.
    pub(crate) observed: Option<IpAddr>,
    pub(crate) last_seen: Option<Timestamp>,
    pub(crate) visibility: Visibility,
    pub(crate) role: Role,
    pub(crate) card: Option<Arc<Card>>,
    /// Online before this moment.
    pub(super) online_until: Timestamp,
    /// Whether `last_seen` is newer than on disk.
    pub(super) unsaved: bool,
    /// The identity that is signing in just now, and until when it may.
    claim: Option<(PeerId, Timestamp)>,
}

/// What presence is compared by: whether it is there, and a hash of all else
/// that a look-up shows and that changes seldom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance {
    online: bool,
    look: u64,
}

/// What the registry needs to know its owner, and shows to nobody else.
#[derive(Clone)]
pub(crate) struct Owner {
    /// Empty for a guest.
    pub(crate) password_hash: String,
    pub(crate) email: Option<Email>,
    pub(crate) phone: Option<Phone>,
    /// Where it was signed in from, the last one at the end.
    pub(crate) known: Vec<Subject>,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner").finish_non_exhaustive()
    }
}

/// A profile, ready to be searched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) profile: Profile,
    pub(super) haystack: String,
}

impl Card {
    /// `None` for a profile that says nothing.
    pub(crate) fn new(profile: Profile) -> Option<Arc<Self>> {
        let haystack = profile.haystack();
        (!profile.is_empty()).then(|| Arc::new(Self { profile, haystack }))
    }
}

impl Place {
    pub(crate) fn new(host: Host, key: Option<PeerId>, observed: Option<IpAddr>) -> Self {
        let long_ago = Timestamp::from_millis(0);
        Self {
            host,
            key,
            observed,
            last_seen: None,
            visibility: Visibility::Listed,
            role: Role::User,
            card: None,
            online_until: long_ago,
            unsaved: false,
            claim: None,
        }
    }

    /// Whether an asker finds it who names `key`.
    pub(super) fn is_found_by(&self, key: Option<&PeerId>) -> bool {
        self.visibility == Visibility::Listed || self.is_known_by(key)
    }

    /// Whether an asker who names `key` counts as a contact.
    fn is_known_by(&self, key: Option<&PeerId>) -> bool {
        // In constant time, so that the answer's time says nothing of the key.
        let both = self.key.as_ref().zip(key);
        both.is_some_and(|(own, named)| own.as_bytes().ct_eq(named.as_bytes()).into())
    }
}

impl Member {
    pub(crate) fn new(
        (id, username): (i64, Username),
        created_at: Timestamp,
        place: Place,
        owner: Owner,
    ) -> Self {
        Self {
            id,
            username,
            created_at,
            place: Mutex::new(place),
            owner: Mutex::new(owner),
        }
    }

    pub(crate) fn place(&self) -> MutexGuard<'_, Place> {
        // A panic under this lock cannot leave a half-made place behind.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owner(&self) -> MutexGuard<'_, Owner> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What may be known of this account by whoever finds it.
    pub(crate) fn info(&self, now: Timestamp) -> ClientInfo {
        let place = self.place();
        ClientInfo {
            username: self.username.clone(),
            host: place.host.shown(place.observed),
            key: place.key,
            online: now < place.online_until,
            last_seen: place.last_seen,
            guest: place.role == Role::Guest,
        }
    }

    /// Whether an asker finds it who names `key`.
    pub(crate) fn is_found_by(&self, key: Option<&PeerId>) -> bool {
        self.place().is_found_by(key)
    }

    /// What a change of can be told by, without what costs memory.
    pub(crate) fn glance(&self, now: Timestamp) -> Glance {
        let place = self.place();
        let mut look = DefaultHasher::new();
        self.id.hash(&mut look);
        place.host.hash(&mut look);
        if place.host.is_observed() {
            place.observed.hash(&mut look);
        }
        place.key.hash(&mut look);
        place.visibility.hash(&mut look);
        (place.role == Role::Guest).hash(&mut look);
        Glance {
            online: now < place.online_until,
            look: look.finish(),
        }
    }

    /// The profile as an asker who names `key` sees it.
    pub(crate) fn profile(&self, key: Option<&PeerId>) -> Profile {
        let place = self.place();
        let Some(card) = &place.card else {
            return Profile::default();
        };
        if place.is_known_by(key) {
            card.profile.clone()
        } else {
            card.profile.public()
        }
    }

    pub(crate) fn role(&self) -> Role {
        self.place().role
    }

    /// The hash to check a password with; a guest has none.
    pub(crate) fn password_hash(&self) -> Option<String> {
        let owner = self.owner();
        (!owner.password_hash.is_empty()).then(|| owner.password_hash.clone())
    }

    pub(crate) fn is_known_at(&self, place: Subject) -> bool {
        self.owner().known.contains(&place)
    }

    /// Remembers a place from which it was signed in.
    pub(super) fn remember(&self, place: Subject) {
        let known = &mut self.owner().known;
        known.retain(|other| *other != place);
        known.push(place);
        let surplus = known.len().saturating_sub(limits::PLACES_PER_ACCOUNT);
        known.drain(..surplus);
    }

    pub(super) fn is_online(&self, now: Timestamp) -> bool {
        now < self.place().online_until
    }

    /// Notes a sign of life, and where it came from if that is where it is now.
    pub(super) fn seen(&self, from: Option<IpAddr>, now: Timestamp, online_until: Timestamp) {
        let mut place = self.place();
        if let Some(from) = from {
            place.observed = Some(from.to_canonical());
        }
        place.last_seen = Some(now);
        place.online_until = online_until;
        place.unsaved = true;
    }

    /// Keeps the name for the sign-in of `key`; false when another identity is
    /// signing in at this moment.
    pub(super) fn claim(&self, key: PeerId, now: Timestamp) -> bool {
        let mut place = self.place();
        if place
            .claim
            .is_some_and(|(other, until)| other != key && now < until)
        {
            return false;
        }
        place.claim = Some((key, later(now, limits::CLAIM_MS)));
        true
    }

    /// The sign-in is done, or will not be.
    pub(crate) fn release(&self, key: PeerId) {
        let mut place = self.place();
        if place.claim.is_some_and(|(claimed, _)| claimed == key) {
            place.claim = None;
        }
    }
}
