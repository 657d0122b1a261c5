//! Who is a contact, and what is shown of her.
//!
//! The book is a copy of the database's contacts with what is only known at
//! run time: links, presence, what is under way. The database is written
//! first, then the book, then the interface is told.

use std::collections::{BTreeMap, HashMap};

use twocan_proto::address::Address;
use twocan_proto::api::Username;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::link::{ContactLink, Place};
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::text;

use super::command::answer;
use super::links::{Dial, Purpose};
use super::{Core, Reply};
use crate::api::{Contact, ContactChange, Error, ErrorCode, Event, Relation, Trust};
use crate::clock;
use crate::store::chat::{self, Summary};
use crate::store::contacts::{self as table, RegistryName, SavedContact};

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
}

/// All contacts.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: HashMap<PeerId, Entry>,
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
}

impl Core {
    pub(super) async fn load_contacts(&mut self) -> Result<(), Error> {
        let me = self.me;
        let (saved, names) = self
            .store
            .run(move |db| {
                let mut all = Vec::new();
                for contact in table::all(db)? {
                    let summary = chat::summary(
                        db,
                        chat::Ends {
                            me,
                            peer: contact.peer,
                        },
                    )?;
                    all.push((contact, summary));
                }
                Ok((all, table::registry_names(db)?))
            })
            .await?;
        for (contact, summary) in saved {
            let names = names
                .iter()
                .filter(|name| name.peer == contact.peer)
                .cloned()
                .collect();
            let peer = contact.peer;
            self.insert_entry(contact, summary, names);
            self.hurry(peer);
        }
        Ok(())
    }

    fn insert_entry(&mut self, saved: SavedContact, summary: Summary, names: Vec<RegistryName>) {
        let peer = saved.peer;
        let dial = Dial::resting();
        let entry = Entry {
            saved,
            summary,
            names,
            presence: BTreeMap::new(),
            sent: 0,
            dial,
        };
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
        let path = self.links.path(saved.peer);
        // A changed key shows no presence: whoever is there is not she.
        let says_online = entry.presence.values().any(|online| *online);
        let online =
            saved.trust != Trust::Changed && !saved.blocked && (path.is_some() || says_online);
        let registry_host = |url: &RegistryUrl| url.address().host.to_string();
        Contact {
            peer_id: saved.peer,
            alias: saved.alias.clone(),
            name: saved.name.clone(),
            trust: saved.trust,
            relation: saved.relation,
            online,
            path,
            unread: entry.summary.unread,
            waiting: entry.summary.waiting,
            last_seen: saved.last_seen,
            last_message_at: entry.summary.last_message_at,
            blocked: saved.blocked,
            registry_names: entry
                .names
                .iter()
                .map(|n| format!("{}@{}", n.username, registry_host(&n.registry)))
                .collect(),
            read_upto: entry.summary.read_upto,
        }
    }

    pub(super) fn emit_contact(&mut self, peer: PeerId) {
        if let Some(entry) = self.contacts.get(peer) {
            let contact = self.shown(entry);
            self.emit(Event::Contact(Box::new(contact)));
        }
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
            registry_name,
        } = new;
        if peer == self.me {
            return Err(Error::new(ErrorCode::BadRequest, "that is yourself"));
        }
        let now = clock::now();
        let known = self.contacts.get(peer).map(|entry| entry.saved.clone());
        let is_new = known.is_none();
        let names = registry_name.clone();
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
                        peer,
                        alias: table::free_alias(db, &wanted_alias, peer)?,
                        name,
                        trust,
                        relation,
                        note,
                        blocked: false,
                        added_at: now,
                        last_seen: None,
                    },
                };
                table::save(db, &saved)?;
                for address in &addresses {
                    table::save_address(db, peer, address, now)?;
                }
                if let Some(name) = &names {
                    table::save_registry_name(db, name)?;
                }
                Ok((saved, chat::summary(db, ends)?))
            })
            .await?;
        if is_new {
            self.insert_entry(saved, summary, registry_name.into_iter().collect());
        } else if let Some(entry) = self.contacts.get_mut(peer) {
            entry.saved = saved;
            entry.names.extend(registry_name);
            entry.names.dedup();
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
        let entry = self.contacts.known(peer)?;
        Ok(self.shown(entry))
    }

    /// Adds whoever is meant: a link, `name@registry`, an address or a name.
    pub(super) async fn contact_add(&mut self, who: &str, note: &str, reply: Reply<Contact>) {
        let note = text::line(note);
        if note.len() > limits::NOTE_BYTES {
            let most = limits::NOTE_BYTES;
            return answer(
                reply,
                Err(Error::new(
                    ErrorCode::TooLarge,
                    format!("a note has at most {most} bytes"),
                )),
            );
        }
        match Who::parse(who) {
            Ok(Who::Link(link)) => match link.place {
                Place::Direct(address) => {
                    let result = self.add_direct(link.key, address, note).await;
                    answer(reply, result);
                }
                Place::Registry { username, registry } => {
                    self.look_up(&username, Some(&registry), Some(link.key), note, reply);
                }
            },
            Ok(Who::AtRegistry { username, registry }) => {
                self.look_up(&username, Some(&registry), None, note, reply)
            }
            Ok(Who::Name(username)) => self.look_up(&username, None, None, note, reply),
            Ok(Who::At(address)) => self.dial_stranger(address, Purpose::Add { note, reply }),
            Err(error) => answer(reply, Err(error)),
        }
    }

    async fn add_direct(
        &mut self,
        peer: PeerId,
        address: Address,
        note: String,
    ) -> Result<Contact, Error> {
        let contact = NewContact {
            wanted_alias: peer.short(),
            trust: Trust::Verified,
            note,
            addresses: vec![address],
            ..NewContact::asked(peer)
        };
        let contact = self.make_contact(contact).await?;
        self.ask_again(peer);
        Ok(contact)
    }

    pub(super) async fn contact_set(
        &mut self,
        peer: PeerId,
        change: ContactChange,
    ) -> Result<Contact, Error> {
        self.contacts.known(peer)?;
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
        self.change_contact(peer, |saved| {
            saved.alias = alias.unwrap_or_else(|| saved.alias.clone());
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
        let entry = self.contacts.known(peer)?;
        Ok(self.shown(entry))
    }

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

    /// Who is meant: alias, `name@registry-host`, unique plain name, peer id.
    pub(super) fn resolve(&self, who: &str) -> Result<PeerId, Error> {
        let wanted = who.trim().to_lowercase();
        if let Ok(peer) = wanted.parse::<PeerId>() {
            return self.contacts.known(peer).map(|entry| entry.saved.peer);
        }
        let all = || self.contacts.entries.values();
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
    pub(super) registry_name: Option<RegistryName>,
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
            registry_name: None,
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

/// What a user may type to say who is to be added.
#[derive(Debug, PartialEq)]
enum Who {
    Link(ContactLink),
    AtRegistry {
        username: Username,
        registry: Address,
    },
    At(Address),
    Name(Username),
}

impl Who {
    fn parse(who: &str) -> Result<Self, Error> {
        let who = who.trim();
        let bad = |error: String| Error::new(ErrorCode::BadRequest, error);
        if who.starts_with("twocan:") {
            return who
                .parse()
                .map(Self::Link)
                .map_err(|error: twocan_proto::link::LinkError| bad(error.to_string()));
        }
        if let Some((username, registry)) = who.split_once('@') {
            let username = username
                .parse()
                .map_err(|error| bad(format!("before the @ comes a name: {error}")))?;
            let registry = registry
                .parse()
                .map_err(|error| bad(format!("after the @ comes a registry: {error}")))?;
            return Ok(Self::AtRegistry { username, registry });
        }
        if !who.contains([':', '.'])
            && let Ok(name) = who.parse()
        {
            return Ok(Self::Name(name));
        }
        who.parse().map(Self::At).map_err(|error| {
            bad(format!(
                "type a name, name@registry, a contact link or HOST:PORT ({error})"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_to_add_somebody() {
        assert_eq!(
            Who::parse("anna").unwrap(),
            Who::Name("anna".parse().unwrap())
        );
        assert_eq!(
            Who::parse("10.0.0.7").unwrap(),
            Who::At("10.0.0.7".parse().unwrap())
        );
        assert_eq!(
            Who::parse("anna:7777").unwrap(),
            Who::At("anna:7777".parse().unwrap())
        );
        assert_eq!(
            Who::parse("anna.local").unwrap(),
            Who::At("anna.local".parse().unwrap())
        );
        assert_eq!(Who::parse("::1").unwrap(), Who::At("::1".parse().unwrap()));
        let at = Who::AtRegistry {
            username: "anna".parse().unwrap(),
            registry: "r.org".parse().unwrap(),
        };
        assert_eq!(Who::parse("anna@r.org").unwrap(), at);
        for wrong in ["", "a b", "twocan:x", "@r.org", "anna@", "h:99999"] {
            assert_eq!(
                Who::parse(wrong).unwrap_err().code,
                ErrorCode::BadRequest,
                "{wrong}"
            );
        }
    }
}
