//! Who is a contact, and what is shown of her.
//!
//! The book is a copy of the database's contacts with what is only known at
//! run time: links, presence, what is under way. The database is written
//! first, then the book, then the interface is told.

use twocan_proto::address::Address;
use twocan_proto::body::Presence;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::text;

use super::Core;
use super::book::Entry;
use crate::api::{Contact, ContactChange, Error, ErrorCode, Event, Relation, SeenAt, Trust};
use crate::clock;
use crate::store::cache;
use crate::store::chat::{self, Summary};
use crate::store::contacts::{self as table, RegistryName, SavedContact};
use crate::store::keys;

impl Core {
    pub(super) async fn load_contacts(&mut self) -> Result<(), Error> {
        let me = self.me;
        let (saved, names, refused) = self
            .store
            .run(move |db| {
                let all = cache::in_passing(db, |db| {
                    let known = table::all(db)?.into_iter();
                    let looked_at = known.map(|contact| {
                        let peer = contact.peer;
                        Ok((contact, chat::summary(db, chat::Ends { me, peer })?))
                    });
                    looked_at.collect::<rusqlite::Result<Vec<_>>>()
                })?;
                Ok((all, table::registry_names(db)?, keys::refused(db)?))
            })
            .await?;
        for (contact, summary) in saved {
            let names = names
                .iter()
                .filter(|name| name.peer == contact.peer)
                .cloned()
                .collect();
            let peer = contact.peer;
            let refused = refused.iter().filter(|(of, _)| *of == peer);
            let refused = refused.map(|(_, key)| *key).collect();
            self.insert_entry(contact, summary, names, refused);
            if let Some(entry) = self.contacts.get_mut(peer) {
                entry.was_online = Some(false);
            }
            self.hurry(peer);
        }
        Ok(())
    }

    pub(super) fn insert_entry(
        &mut self,
        saved: SavedContact,
        summary: Summary,
        names: Vec<RegistryName>,
        refused: Vec<PeerId>,
    ) {
        let peer = saved.peer;
        let entry = Entry::new(saved, summary, names, refused);
        self.contacts.entries.insert(peer, entry);
    }

    pub(super) fn list_contacts(&self) -> Vec<Contact> {
        let mut all: Vec<Contact> = self
            .contacts
            .entries
            .values()
            .map(|entry| self.shown(entry))
            .collect();
        all.sort_by_cached_key(|contact| contact.alias.to_lowercase());
        all
    }

    fn shown(&self, entry: &Entry) -> Contact {
        let saved = &entry.saved;
        // A changed key shows no presence: whoever is there is not she. And
        // whoever is invisible is shown as she asks.
        let hidden = saved.trust == Trust::Changed
            || saved.blocked
            || entry.chosen == Some(Presence::Invisible);
        let path = self.links.path(saved.peer).filter(|_| !hidden);
        let says_online = entry.presence.values().any(|online| *online);
        let online = !hidden && (path.is_some() || says_online);
        let registry_host = |url: &RegistryUrl| url.address().host.to_string();
        Contact {
            peer_id: saved.peer,
            alias: saved.alias.clone(),
            name: saved.name.clone(),
            trust: saved.trust,
            new_key: saved.new_key,
            relation: saved.relation,
            online,
            path,
            unread: entry.summary.unread,
            waiting: entry.summary.waiting,
            last_seen: saved.last_seen,
            last_message_at: entry.summary.last_message_at,
            blocked: saved.blocked,
            group: saved.group.clone(),
            favourite: saved.favourite,
            muted: saved.muted,
            presence: entry.chosen.filter(|_| path.is_some()),
            status: saved.status.clone(),
            fields: saved.fields.clone(),
            registry_names: entry
                .names
                .iter()
                .map(|n| format!("{}@{}", n.username, registry_host(&n.registry)))
                .collect(),
            seen_at: self.seen_at(entry),
            read_upto: entry.summary.read_upto,
        }
    }

    /// What the registries say of her, each for itself.
    fn seen_at(&self, entry: &Entry) -> Vec<SeenAt> {
        let says = |name: &RegistryName| {
            let base = name.registry.base();
            let mut presence = entry.presence.iter();
            let said = presence.find(|(url, _)| url.base() == base);
            SeenAt {
                registry: name.registry.clone(),
                username: name.username.clone(),
                online: said.map(|(_, online)| *online),
            }
        };
        entry.names.iter().map(says).collect()
    }

    pub(super) fn emit_contact(&mut self, peer: PeerId) {
        if let Some(entry) = self.contacts.get(peer) {
            let contact = self.shown(entry);
            let online = contact.online;
            self.emit(Event::Contact(Box::new(contact)));
            self.tell_coming(peer, online);
        }
    }

    /// The contact as it stands now.
    pub(super) fn contact(&self, peer: PeerId) -> Result<Contact, Error> {
        self.contacts.known(peer).map(|entry| self.shown(entry))
    }

    /// Reads anew how the conversation stands.
    pub(super) async fn refresh_summary(&mut self, peer: PeerId) {
        let ends = self.ends(peer);
        match self.store.run(move |db| chat::summary(db, ends)).await {
            Ok(summary) => {
                if let Some(entry) = self.contacts.get_mut(peer) {
                    entry.summary = summary;
                }
            }
            Err(error) => tracing::error!(%error, "the state of a conversation could not be read"),
        }
    }

    /// Changes what is stored of a contact, in the database and in the book.
    pub(super) async fn change_contact(
        &mut self,
        peer: PeerId,
        change: impl FnOnce(&mut SavedContact),
    ) -> Result<(), Error> {
        let Some(entry) = self.contacts.get(peer) else {
            return Ok(());
        };
        let mut saved = entry.saved.clone();
        change(&mut saved);
        if saved == entry.saved {
            return Ok(());
        }
        let row = saved.clone();
        self.store.run(move |db| table::save(db, &row)).await?;
        if let Some(entry) = self.contacts.get_mut(peer) {
            entry.saved = saved;
        }
        self.emit_contact(peer);
        Ok(())
    }

    /// Makes a contact, or gives the one that is there a better standing.
    pub(super) async fn make_contact(&mut self, new: NewContact) -> Result<Contact, Error> {
        let NewContact {
            peer,
            wanted_alias,
            name,
            trust,
            relation,
            note,
            addresses,
            registry_names,
        } = new;
        if peer == self.me {
            return Err(Error::new(ErrorCode::BadRequest, "that is yourself"));
        }
        if trust == Trust::Verified
            && let Some(entry) = self.contacts.get(peer)
            && let Some(shown) = entry.saved.new_key
        {
            // A link that carries the known key says that it is right.
            self.keep_key(peer, shown, true).await?;
        }
        let now = clock::now();
        let known = self.contacts.get(peer).map(|entry| entry.saved.clone());
        let is_new = known.is_none();
        let names = registry_names.clone();
        let ends = self.ends(peer);
        let (saved, summary) = self
            .store
            .run(move |db| {
                let saved = match known {
                    Some(known) => SavedContact {
                        trust: if trust == Trust::Verified {
                            trust
                        } else {
                            known.trust
                        },
                        relation: better(known.relation, relation),
                        name: if name.is_empty() {
                            known.name.clone()
                        } else {
                            name
                        },
                        note,
                        ..known
                    },
                    None => SavedContact {
                        name,
                        trust,
                        relation,
                        note,
                        ..SavedContact::new(peer, table::free_alias(db, &wanted_alias, peer)?, now)
                    },
                };
                table::save(db, &saved)?;
                for address in &addresses {
                    table::save_address(db, peer, address, now)?;
                }
                for name in &names {
                    table::save_registry_name(db, name)?;
                }
                Ok((saved, chat::summary(db, ends)?))
            })
            .await?;
        if is_new {
            self.insert_entry(saved, summary, registry_names, Vec::new());
        } else if let Some(entry) = self.contacts.get_mut(peer) {
            entry.saved = saved;
            for name in registry_names {
                if !entry.names.contains(&name) {
                    entry.names.push(name);
                }
            }
        }
        // Asking somebody who has asked us is saying yes.
        if let Some(request) = self
            .store
            .run(move |db| table::take_request_of(db, peer))
            .await?
        {
            self.emit(Event::RequestGone(request.request));
        }
        self.emit_contact(peer);
        self.contact(peer)
    }

    pub(super) async fn contact_set(
        &mut self,
        peer: PeerId,
        change: ContactChange,
    ) -> Result<Contact, Error> {
        let shown = self.contacts.known(peer)?.saved.new_key;
        let group = change.group.as_deref().map(checked_group).transpose()?;
        let alias = change.alias.as_deref().map(checked_alias).transpose()?;
        if let Some(alias) = &alias {
            let wanted = alias.to_lowercase();
            if self
                .contacts
                .iter()
                .any(|e| e.saved.peer != peer && e.saved.alias.to_lowercase() == wanted)
            {
                return Err(Error::new(
                    ErrorCode::Taken,
                    format!("another contact is called {alias}"),
                ));
            }
        }
        if let (Some(true), Some(shown)) = (change.verified, shown) {
            self.keep_key(peer, shown, true).await?;
        }
        self.change_contact(peer, |saved| {
            saved.alias = alias.unwrap_or_else(|| saved.alias.clone());
            saved.group = group.unwrap_or_else(|| saved.group.clone());
            saved.favourite = change.favourite.unwrap_or(saved.favourite);
            saved.muted = change.muted.unwrap_or(saved.muted);
            saved.blocked = change.blocked.unwrap_or(saved.blocked);
            saved.trust = match change.verified {
                Some(true) => Trust::Verified,
                Some(false) if saved.trust == Trust::Verified => Trust::Known,
                _ => saved.trust,
            };
        })
        .await?;
        if change.blocked == Some(true) {
            self.drop_call_with(peer);
            self.close_link(peer);
        }
        if change.blocked == Some(false) || change.verified == Some(true) {
            self.hurry(peer);
        }
        self.contact(peer)
    }

    /// Forgets a contact: alias, trust, group, addresses, names, refused keys.
    /// The conversation stays, and is there again when she is added again; its
    /// numbers go on, so that nothing of it is doubled.
    pub(super) async fn contact_remove(&mut self, peer: PeerId) -> Result<(), Error> {
        self.contacts.known(peer)?;
        self.store.run(move |db| table::remove(db, peer)).await?;
        self.contacts.entries.remove(&peer);
        self.drop_call_with(peer);
        self.drop_transfers_with(peer).await;
        self.close_link(peer);
        self.emit(Event::ContactRemoved(peer));
        Ok(())
    }
}

/// A contact about to be made.
#[derive(Debug)]
pub(super) struct NewContact {
    pub(super) peer: PeerId,
    pub(super) wanted_alias: String,
    pub(super) name: String,
    pub(super) trust: Trust,
    pub(super) relation: Relation,
    pub(super) note: String,
    pub(super) addresses: Vec<Address>,
    /// What registries call it.
    pub(super) registry_names: Vec<RegistryName>,
}

impl NewContact {
    /// Somebody we ask, of whom nothing but the key is known.
    pub(super) fn asked(peer: PeerId) -> Self {
        Self {
            peer,
            wanted_alias: peer.short(),
            name: String::new(),
            trust: Trust::Known,
            relation: Relation::Asked,
            note: String::new(),
            addresses: Vec::new(),
            registry_names: Vec::new(),
        }
    }
}

/// Asking somebody again who is a contact on both sides changes nothing.
fn better(known: Relation, new: Relation) -> Relation {
    if known == Relation::Mutual {
        known
    } else {
        new
    }
}

fn checked_alias(alias: &str) -> Result<String, Error> {
    let shown = text::name(alias, limits::NAME_BYTES);
    if shown.is_empty() || shown.len() < text::line(alias).len() {
        let most = limits::NAME_BYTES;
        return Err(Error::new(
            ErrorCode::BadRequest,
            format!("an alias has 1 to {most} bytes of plain text"),
        ));
    }
    Ok(shown)
}

/// A group's name, safe to show; empty for none.
fn checked_group(group: &str) -> Result<String, Error> {
    let most = limits::GROUP_BYTES;
    let shown = text::name(group, most);
    if shown.len() < text::line(group).len() {
        return Err(Error::new(
            ErrorCode::BadRequest,
            format!("a group's name has at most {most} bytes of plain text"),
        ));
    }
    Ok(shown)
}
