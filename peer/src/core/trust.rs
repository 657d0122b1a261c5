//! Keys that change: nothing goes out until the user has decided, and there
//! are two ways to go on.
//!
//! ```text
//!                 another key is shown                 Keep
//!  known, verified --------------------> changed ----------------> as before, the new key refused
//!                                           |        Accept
//!                                           +----------------> known, under the new key
//! ```
//!
//! Another key is shown when a registry gives it for a name under which the
//! contact was found, or when it is proven at an address of a contact who has
//! no such name. What the local network says is never enough.

use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::safety;

use super::Core;
use super::command::answer;
use crate::api::{Contact, Error, ErrorCode, Event, KeyDecision, Safety, Trust};
use crate::clock;
use crate::store::contacts::{self as table, RegistryName};
use crate::store::keys;

impl Core {
    /// Somebody's name or address shows another key: nothing goes out until
    /// the user has decided. A key that was refused before is nothing new.
    pub(super) async fn key_changed(&mut self, peer: PeerId, new: PeerId) {
        let Some(entry) = self.contacts.get(peer) else {
            return;
        };
        if entry.refused.contains(&new) || entry.saved.new_key == Some(new) {
            return;
        }
        let changed = self
            .change_contact(peer, |saved| {
                if saved.trust != Trust::Changed {
                    saved.was_verified = saved.trust == Trust::Verified;
                }
                saved.trust = Trust::Changed;
                saved.new_key = Some(new);
            })
            .await;
        if let Err(error) = changed {
            tracing::error!(%error, "a changed key could not be kept");
        }
        self.drop_call_with(peer);
        self.close_link(peer);
        self.emit(Event::KeyChanged {
            contact: peer,
            old: peer,
            new,
        });
        self.emit_contact(peer);
    }

    /// Another key than `peer`'s was proven at an address where she was dialled.
    /// Gives whether that makes her key a changed one.
    ///
    /// Addresses go from one machine to another, so this says something only
    /// of contacts who can be found by nothing else, and nothing if whoever
    /// answers there is another contact.
    pub(super) async fn key_shown_at(&mut self, peer: PeerId, new: PeerId) -> bool {
        let has_names = self
            .contacts
            .get(peer)
            .is_none_or(|entry| !entry.names.is_empty());
        let is_known = new == self.me || self.contacts.get(new).is_some();
        if has_names || is_known {
            return false;
        }
        self.key_changed(peer, new).await;
        true
    }

    /// A name that was somebody else's when it was first seen is a key change.
    pub(super) async fn check_remembered(
        &mut self,
        url: &RegistryUrl,
        name: &str,
        peer: PeerId,
    ) -> Result<(), Error> {
        let is_it = |known: &&RegistryName| {
            known.registry.base() == url.base()
                && known.username.eq_ignore_ascii_case(name)
                && known.peer != peer
        };
        let old = self
            .contacts
            .iter()
            .flat_map(|entry| &entry.names)
            .find(is_it)
            .map(|known| known.peer);
        let Some(old) = old else { return Ok(()) };
        self.key_changed(old, peer).await;
        Err(Error::new(
            ErrorCode::KeyChanged,
            format!(
                "{name} shows another key than before: compare keys by another way, then decide"
            ),
        ))
    }

    pub(super) async fn decide_key(
        &mut self,
        peer: PeerId,
        decision: KeyDecision,
    ) -> Result<Contact, Error> {
        let saved = &self.contacts.known(peer)?.saved;
        let (Trust::Changed, Some(new)) = (saved.trust, saved.new_key) else {
            let text = format!("{} shows the key that you know", saved.alias);
            return Err(Error::new(ErrorCode::NotFound, text));
        };
        match decision {
            KeyDecision::Keep => self.keep_key(peer, new, false).await,
            KeyDecision::Accept => self.accept_key(peer, new).await,
        }
    }

    /// The known key is right, and `new` is not hers.
    pub(super) async fn keep_key(
        &mut self,
        peer: PeerId,
        new: PeerId,
        compared: bool,
    ) -> Result<Contact, Error> {
        let now = clock::now();
        self.store
            .run(move |db| keys::refuse(db, peer, new, now))
            .await?;
        if let Some(entry) = self.contacts.get_mut(peer) {
            entry.refuse(new);
            // Whatever was said of her was said of the other key.
            entry.presence.clear();
        }
        self.change_contact(peer, |saved| {
            saved.trust = match saved.was_verified || compared {
                true => Trust::Verified,
                false => Trust::Known,
            };
            saved.new_key = None;
            saved.was_verified = false;
        })
        .await?;
        self.hurry(peer);
        self.contact(peer)
    }

    /// The new key is hers: contact and conversation move on to it.
    async fn accept_key(&mut self, old: PeerId, new: PeerId) -> Result<Contact, Error> {
        if let Some(other) = self.contacts.get(new) {
            let text = format!(
                "the new key is that of {}, another contact of yours: remove one of the two",
                other.saved.alias
            );
            return Err(Error::new(ErrorCode::Conflict, text));
        }
        let mut saved = self.contacts.known(old)?.saved.clone();
        saved.peer = new;
        saved.trust = Trust::Known;
        saved.new_key = None;
        saved.was_verified = false;
        let (row, ends) = (saved.clone(), self.ends(new));
        let (request, summary) = self
            .store
            .run(move |db| {
                keys::rekey(db, old, new)?;
                table::save(db, &row)?;
                let request = table::take_request_of(db, new)?;
                Ok((request, crate::store::chat::summary(db, ends)?))
            })
            .await?;
        let names = self.contacts.entries.remove(&old).map(|entry| entry.names);
        let mut names = names.unwrap_or_default();
        for name in &mut names {
            name.peer = new;
        }
        self.emit(Event::ContactRemoved(old));
        if let Some(request) = request {
            self.emit(Event::RequestGone(request.request));
        }
        self.insert_entry(saved, summary, names, Vec::new());
        self.emit_contact(new);
        // Where the old key was says nothing of where the new one is.
        self.look_now();
        self.take_in(new);
        self.contact(new)
    }

    /// Computes what two people compare; it takes a while, and is done where
    /// that holds nothing up.
    pub(super) fn safety(&self, peer: PeerId, reply: super::Reply<Safety>) {
        if let Err(error) = self.contacts.known(peer) {
            return answer(reply, Err(error));
        }
        let me = self.me;
        tokio::task::spawn_blocking(move || answer(reply, Ok(safety::safety(me, peer))));
    }
}
