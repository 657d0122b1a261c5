//! The book: all contacts, with what is only known at run time.
//!
//! Plain data and questions about it; what happens is in [`super::contacts`].

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use twocan_proto::body::Presence;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::text;

use super::dialling::Dial;
use super::rate::Window;
use crate::api::{Error, ErrorCode, Trust};
use crate::clock;
use crate::store::chat::Summary;
use crate::store::contacts::{RegistryName, SavedContact};

/// Messages that are counted in a moment.
const COUNTED_SOON: u64 = 1000;

/// A contact with all that is known at run time.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) saved: SavedContact,
    pub(super) summary: Summary,
    pub(super) names: Vec<RegistryName>,
    /// What registries say, those that say anything.
    pub(super) presence: BTreeMap<RegistryUrl, bool>,
    /// Up to which number messages were written to a link that is up.
    sent: u64,
    pub(super) dial: Dial,
    /// Keys that were shown for her and that the user has refused.
    pub(super) refused: Vec<PeerId>,
    /// How she wants to be found, as she says on the link that is up.
    pub(super) chosen: Option<Presence>,
    /// Profiles taken on the link that is up.
    pub(super) profiles: Window,
    /// Whether she was shown as online; `None` before she was shown at all.
    pub(super) was_online: Option<bool>,
    /// Why her link ended, if it is worth a word.
    pub(super) farewell: Option<&'static str>,
    /// When she was last told, through a registry, that we cannot reach her.
    pub(super) knocked_at: Option<Instant>,
}

impl Entry {
    pub(super) fn new(
        saved: SavedContact,
        summary: Summary,
        names: Vec<RegistryName>,
        refused: Vec<PeerId>,
    ) -> Self {
        Self {
            saved,
            summary,
            names,
            presence: BTreeMap::new(),
            sent: 0,
            dial: Dial::resting(),
            refused,
            chosen: None,
            profiles: Window::default(),
            was_online: None,
            farewell: None,
            knocked_at: None,
        }
    }

    /// Remembers that `key` is not hers.
    pub(super) fn refuse(&mut self, key: PeerId) {
        self.refused.retain(|known| *known != key);
        self.refused.push(key);
        let surplus = self.refused.len().saturating_sub(limits::REFUSED_KEYS);
        self.refused.drain(..surplus);
    }

    /// A new link knows nothing of the one before.
    pub(super) fn begin_link(&mut self, chosen: Option<Presence>) {
        self.chosen = chosen;
        self.profiles = Window::default();
        self.farewell = None;
    }
}

/// All contacts.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) entries: HashMap<PeerId, Entry>,
}

impl Book {
    pub(super) fn get(&self, peer: PeerId) -> Option<&Entry> {
        self.entries.get(&peer)
    }

    pub(super) fn get_mut(&mut self, peer: PeerId) -> Option<&mut Entry> {
        self.entries.get_mut(&peer)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The contact, or the error that says there is none.
    pub(super) fn known(&self, peer: PeerId) -> Result<&Entry, Error> {
        self.get(peer).ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("{} is no contact of yours: add her first", peer.short()),
            )
        })
    }

    /// The contact, if anything may be sent to her at all.
    pub(super) fn reachable(&self, peer: PeerId) -> Result<&Entry, Error> {
        let entry = self.known(peer)?;
        let alias = &entry.saved.alias;
        if entry.saved.blocked {
            return Err(Error::new(
                ErrorCode::Blocked,
                format!("{alias} is blocked: unblock first"),
            ));
        }
        if entry.saved.trust == Trust::Changed {
            return Err(Error::new(
                ErrorCode::KeyChanged,
                format!(
                    "{alias} shows another key than before: compare keys by another way, then decide"
                ),
            ));
        }
        Ok(entry)
    }

    /// Whether the peer's messages and calls are taken.
    pub(super) fn welcomes(&self, peer: PeerId) -> bool {
        self.get(peer)
            .is_some_and(|entry| !entry.saved.blocked && entry.saved.trust != Trust::Changed)
    }

    pub(super) fn on_own_message(&mut self, peer: PeerId) {
        if let Some(entry) = self.get_mut(peer) {
            entry.summary.waiting += 1;
            entry.summary.last_message_at = Some(clock::now());
        }
    }

    /// The peer has so many more of ours.
    pub(super) fn on_delivered(&mut self, peer: PeerId, count: u64) {
        if let Some(entry) = self.get_mut(peer) {
            entry.summary.waiting = entry.summary.waiting.saturating_sub(count);
        }
    }

    /// Whether what is unread and what waits is soon counted.
    pub(super) fn counts_few(&self, peer: PeerId) -> bool {
        let summary = self.get(peer).map(|entry| entry.summary);
        summary.is_none_or(|counted| counted.unread + counted.waiting <= COUNTED_SOON)
    }

    pub(super) fn on_their_messages(&mut self, peer: PeerId, count: u64) {
        if let Some(entry) = self.get_mut(peer) {
            entry.summary.unread += count;
            entry.summary.last_message_at = Some(clock::now());
        }
    }

    pub(super) fn on_sent(&mut self, peer: PeerId, upto: u64) {
        if let Some(entry) = self.get_mut(peer) {
            entry.sent = entry.sent.max(upto);
        }
    }

    /// Without a link nothing is under way.
    pub(super) fn nothing_sent(&mut self, peer: PeerId) {
        if let Some(entry) = self.get_mut(peer) {
            entry.sent = 0;
        }
    }

    pub(super) fn sent(&self, peer: PeerId) -> u64 {
        self.get(peer).map_or(0, |entry| entry.sent)
    }

    /// Who is meant: alias, `name@registry-host`, unique plain name, peer id.
    pub(super) fn resolve(&self, who: &str) -> Result<PeerId, Error> {
        let wanted = who.trim().to_lowercase();
        if let Ok(peer) = wanted.parse::<PeerId>() {
            return self.known(peer).map(|entry| entry.saved.peer);
        }
        let all = || self.entries.values();
        if let Some(entry) = all().find(|entry| entry.saved.alias.to_lowercase() == wanted) {
            return Ok(entry.saved.peer);
        }
        let full = |name: &RegistryName| {
            format!("{}@{}", name.username, name.registry.address().host).to_lowercase()
        };
        if let Some(entry) = all().find(|entry| entry.names.iter().any(|name| full(name) == wanted))
        {
            return Ok(entry.saved.peer);
        }
        let named: Vec<PeerId> = all()
            .filter(|entry| {
                entry.saved.name.to_lowercase() == wanted
                    || entry
                        .names
                        .iter()
                        .any(|name| name.username.to_lowercase() == wanted)
            })
            .map(|entry| entry.saved.peer)
            .collect();
        match named[..] {
            [peer] => Ok(peer),
            [] => Err(Error::new(
                ErrorCode::NotFound,
                format!("no contact is called {}: add her first", text::line(who)),
            )),
            _ => Err(Error::new(
                ErrorCode::NotFound,
                format!(
                    "{} contacts are called {}: use the alias or the peer id",
                    named.len(),
                    text::line(who)
                ),
            )),
        }
    }
}
