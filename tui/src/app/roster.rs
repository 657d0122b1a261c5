//! The order of the list: who has unread messages first, then favourites, then
//! groups by name, then the others, then requests. The same everywhere: list, keys Alt+1..0, next and previous.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use twocan_peer::api::{Contact, ContactRequest};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::{Focus, State};

/// One line of the list that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Contact(PeerId),
    Request(Uuid),
}

/// A part of the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Unread,
    Favourites,
    /// A group of ours, by its name.
    Group(String),
    People,
    Requests,
}

impl Section {
    /// Where a contact stands.
    fn of(contact: &Contact) -> Self {
        if contact.unread > 0 && !contact.blocked {
            Self::Unread
        } else if contact.favourite {
            Self::Favourites
        } else if contact.group.is_empty() {
            Self::People
        } else {
            Self::Group(contact.group.clone())
        }
    }

    pub(crate) fn title(&self) -> &str {
        match self {
            Self::Unread => "UNREAD",
            Self::Favourites => "FAVOURITES",
            Self::Group(name) => name,
            Self::People => "PEOPLE",
            Self::Requests => "REQUESTS",
        }
    }
}

/// Everybody we know, in which order the list shows them, and how much of what
/// they said is unread. Both are found when they are asked for, and kept until
/// somebody changes.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    all: HashMap<PeerId, Contact>,
    order: OnceLock<Vec<(Section, PeerId)>>,
    unread: OnceLock<u64>,
}

impl Contacts {
    /// Messages not read yet, of all who are not blocked.
    pub(crate) fn unread(&self) -> u64 {
        let heard = || self.all.values().filter(|c| !c.blocked);
        *self.unread.get_or_init(|| heard().map(|c| c.unread).sum())
    }

    fn in_order(&self) -> &[(Section, PeerId)] {
        self.order.get_or_init(|| {
            let mut contacts: Vec<&Contact> = self.all.values().collect();
            contacts.sort_by_cached_key(|c| {
                let section = Section::of(c);
                let unread = section == Section::Unread;
                let newest = unread.then_some(c.last_message_at).flatten();
                (
                    section,
                    Reverse(newest),
                    c.blocked,
                    !c.online,
                    c.alias.to_lowercase(),
                    c.peer_id,
                )
            });
            let placed = |c: &Contact| (Section::of(c), c.peer_id);
            contacts.into_iter().map(placed).collect()
        })
    }
}

impl Deref for Contacts {
    type Target = HashMap<PeerId, Contact>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl DerefMut for Contacts {
    /// Whoever can change somebody may change what follows from it.
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.order.take();
        self.unread.take();
        &mut self.all
    }
}

impl FromIterator<Contact> for Contacts {
    fn from_iter<I: IntoIterator<Item = Contact>>(contacts: I) -> Self {
        Self {
            all: contacts.into_iter().map(|c| (c.peer_id, c)).collect(),
            ..Self::default()
        }
    }
}

impl State {
    /// All entries of the list with their sections, in order.
    pub(crate) fn entries(&self) -> Vec<(Section, Entry)> {
        let people = self.contacts.in_order().iter();
        let people = people.map(|(section, id)| (section.clone(), Entry::Contact(*id)));
        let requests = self
            .requests
            .iter()
            .map(|r| (Section::Requests, Entry::Request(r.request)));
        people.chain(requests).collect()
    }

    /// The contacts in the order of the list.
    pub(crate) fn contacts_in_order(&self) -> Vec<PeerId> {
        let order = self.contacts.in_order().iter();
        order.map(|(_, id)| *id).collect()
    }

    /// What we call somebody: the alias, or the beginning of the id.
    pub(crate) fn name_of(&self, id: PeerId) -> String {
        match self.contacts.get(&id) {
            Some(contact) if !contact.alias.is_empty() => contact.alias.clone(),
            _ => id.short(),
        }
    }

    /// The contact that a typed name means: by alias, by own name, by a name
    /// at a registry, or by the beginning of the id. Without a name, the one
    /// chosen in the list if that has the focus, else the one whose
    /// conversation is open.
    ///
    /// # Errors
    /// A sentence that says what to do, when nobody or several people fit.
    pub(crate) fn contact_named(&self, typed: &str) -> Result<PeerId, String> {
        let typed = typed.trim().trim_matches('"').trim_start_matches('@');
        if typed.is_empty() {
            if let (Focus::List, Some(Entry::Contact(id))) = (self.focus, self.chosen) {
                return Ok(id);
            }
            return self
                .open
                .ok_or_else(|| "name somebody, or open a conversation first".to_owned());
        }
        let wanted = typed.to_lowercase();
        let exact = |c: &&Contact| c.alias.to_lowercase() == wanted;
        let loose = |c: &&Contact| {
            c.name.to_lowercase() == wanted
                || c.registry_names.iter().any(|n| n.to_lowercase() == wanted)
                || c.alias.to_lowercase().starts_with(&wanted)
                || (wanted.len() >= 4 && c.peer_id.to_string().starts_with(&wanted))
        };
        let mut found: Vec<_> = self.contacts.values().filter(exact).collect();
        if found.is_empty() {
            found = self.contacts.values().filter(loose).collect();
        }
        match found.as_slice() {
            [one] => Ok(one.peer_id),
            [] => Err(format!(
                "no contact is called {typed}; /add {typed} asks for one"
            )),
            several => {
                let mut names: Vec<_> = several.iter().map(|c| c.alias.as_str()).collect();
                names.sort_unstable();
                Err(format!("{typed} could be {}", names.join(" or ")))
            }
        }
    }

    /// The request that a typed name means; without a name, the only one.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub(crate) fn request_named(&self, typed: &str) -> Result<&ContactRequest, String> {
        let wanted = typed.trim().trim_matches('"').to_lowercase();
        let fits = |r: &&ContactRequest| {
            wanted.is_empty()
                || r.from.to_lowercase() == wanted
                || r.peer_id.to_string().starts_with(&wanted)
        };
        let found: Vec<_> = self.requests.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] if wanted.is_empty() => Err("nobody asks to become a contact".to_owned()),
            [] => Err(format!("no request from {typed}")),
            several => {
                let names: Vec<_> = several.iter().map(|r| r.from.as_str()).collect();
                Err(format!("which one: {}?", names.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::app::Look;
    use crate::app::sample::{self, BOB, MEI, SAM};

    #[test]
    fn the_order_and_what_is_unread_follow_every_change() {
        let mut state = sample::busy((80, 24), Look::default());
        let before = state.contacts.unread();
        let order = state.contacts_in_order();
        assert_eq!(order[..2], [sample::id(BOB), sample::id(MEI)]);
        if let Some(bob) = state.contacts.get_mut(&sample::id(BOB)) {
            bob.unread = 0;
        }
        assert!(state.contacts.unread() < before);
        assert_eq!(state.contacts_in_order()[0], sample::id(MEI));
        state.contacts.remove(&sample::id(MEI));
        assert!(!state.contacts_in_order().contains(&sample::id(MEI)));
        let sam = state.contacts.remove(&sample::id(SAM));
        state.contacts = sam.into_iter().collect();
        assert_eq!(state.contacts_in_order(), [sample::id(SAM)]);
    }
}
