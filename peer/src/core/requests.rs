//! Strangers: they may knock, and nothing else, until the user says yes.

use std::net::IpAddr;
use std::time::Instant;

use twocan_proto::body::{Body, Knock, Welcome};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::text;
use uuid::Uuid;

use super::Core;
use super::contacts::NewContact;
use super::rate::Windows;
use crate::api::{Contact, ContactRequest, Error, ErrorCode, Event, NoticeLevel, Relation};
use crate::clock;
use crate::link::task::Command as LinkCommand;
use crate::store::contacts as table;

/// Whose knocks are counted.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Knocker {
    /// An address, or the network that one customer has of IPv6.
    At(IpAddr),
    Key(PeerId),
}

/// How often who has knocked.
#[derive(Debug)]
pub(super) struct Knocks(Windows<Knocker>);

impl Default for Knocks {
    fn default() -> Self {
        Self(Windows::new(limits::KNOCKERS, limits::KNOCK_WINDOW))
    }
}

impl Knocks {
    /// Whether a knock of `key` from `at` is taken.
    fn admit(&mut self, key: PeerId, at: Option<IpAddr>, now: Instant) -> bool {
        if !self.0.admit(Knocker::Key(key), now, limits::KNOCKS_OF_KEY) {
            return false;
        }
        // Programs of this very machine are no crowd of strangers.
        let Some(at) = at.map(household).filter(|at| !at.is_loopback()) else {
            return true;
        };
        self.0
            .admit(Knocker::At(at), now, limits::KNOCKS_OF_ADDRESS)
    }
}

/// The address, or of an IPv6 address the first 64 bits: whoever has one has
/// all that begin with them (RFC 4291 section 2.5.4).
fn household(at: IpAddr) -> IpAddr {
    match at.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            let prefix = u128::from(ip) & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
        other => other,
    }
}

impl Core {
    pub(super) async fn list_requests(&self) -> Result<Vec<ContactRequest>, Error> {
        Ok(self.store.run(table::requests).await?)
    }

    /// A stranger whose name can be taken for that of a contact may want that.
    fn warn_of_double(&mut self, request: &ContactRequest) {
        let contacts = self.list_contacts();
        let asked = text::skeleton(&request.from);
        let double = contacts.iter().find(|contact| {
            let named_otherwise = contact.name != contact.alias;
            text::skeleton(&contact.alias) == asked
                || named_otherwise && text::skeleton(&contact.name) == asked
        });
        if let Some(known) = double {
            let text = format!(
                "{} ({}) asks to be a contact: the name looks like that of your contact {} ({}), the key is another",
                request.from,
                request.peer_id.short(),
                known.alias,
                known.peer_id.short()
            );
            self.emit(Event::Notice {
                level: NoticeLevel::Warning,
                text,
            });
        }
    }

    /// Somebody asks to be a contact.
    pub(super) async fn on_knock(&mut self, peer: PeerId, knock: Knock) {
        let name = text::name(&knock.name, limits::NAME_BYTES);
        if let Some(entry) = self.contacts.get(peer) {
            // We asked her too, or already said yes: both agree.
            if !entry.saved.blocked {
                self.both_agree(peer, &name).await;
                self.welcome(peer);
            }
            return;
        }
        let at = self.links.get(peer).map(|link| link.at.ip());
        if !self.knocks.admit(peer, at, Instant::now()) {
            // Not answered: what she asked before may still be listed, and a
            // no would take that away from her.
            tracing::info!("a stranger knocks too often and is not heard");
            return;
        }
        let request = ContactRequest {
            request: Uuid::now_v7(),
            from: if name.is_empty() { peer.short() } else { name },
            peer_id: peer,
            note: text::line(&knock.note),
            at: clock::now(),
        };
        let row = request.clone();
        match self
            .store
            .run(move |db| table::save_request(db, &row))
            .await
        {
            Ok(Some((kept, is_news))) => {
                let request = kept.request;
                // Somebody who comes back and asks the same rings no bell.
                if is_news {
                    self.warn_of_double(&kept);
                    self.emit(Event::Request(kept));
                }
                if self.config.auto_accept
                    && let Err(error) = self.accept_request(request).await
                {
                    tracing::error!(%error, "a request could not be accepted");
                }
            }
            Ok(None) => {
                tracing::info!("a stranger's request is turned away, as too many wait already");
                self.say(peer, Body::Reject);
            }
            Err(error) => tracing::error!(%error, "a request could not be kept"),
        }
    }

    async fn take_request(&self, request: Uuid) -> Result<ContactRequest, Error> {
        let found = self
            .list_requests()
            .await?
            .into_iter()
            .find(|r| r.request == request);
        found.ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                "that request is gone: it was answered already",
            )
        })
    }

    pub(super) async fn accept_request(&mut self, request: Uuid) -> Result<Contact, Error> {
        let request = self.take_request(request).await?;
        let peer = request.peer_id;
        let new = NewContact {
            wanted_alias: request.from.clone(),
            name: request.from.clone(),
            relation: Relation::Mutual,
            addresses: self.links.dial_back(peer).into_iter().collect(),
            ..NewContact::asked(peer)
        };
        let contact = self.make_contact(new).await?;
        self.take_in(peer);
        Ok(contact)
    }

    /// Tells somebody who has just become a contact, or is to be linked.
    pub(super) fn take_in(&mut self, peer: PeerId) {
        self.hurry(peer);
        self.tell_link(peer, LinkCommand::Welcome(true));
        self.welcome(peer);
        self.tell_profile(peer);
    }

    pub(super) async fn reject_request(&mut self, request: Uuid) -> Result<(), Error> {
        let request = self.take_request(request).await?;
        let peer = request.peer_id;
        self.store
            .run(move |db| table::take_request_of(db, peer))
            .await?;
        self.emit(Event::RequestGone(request.request));
        self.say(peer, Body::Reject);
        Ok(())
    }

    /// Tells a contact that she is one.
    pub(super) fn welcome(&mut self, peer: PeerId) {
        let welcome = Welcome {
            name: self.name.clone(),
        };
        self.say(peer, Body::Welcome(welcome));
    }

    /// Asks a contact who has not said yes.
    pub(super) fn knock(&mut self, peer: PeerId) {
        let Some(entry) = self.contacts.get(peer) else {
            return;
        };
        let knock = Knock {
            name: self.name.clone(),
            note: entry.saved.note.clone(),
        };
        self.say(peer, Body::Knock(knock));
    }

    /// The user asks again: whatever the answer was before.
    pub(super) fn ask_again(&mut self, peer: PeerId) {
        if self.links.get(peer).is_some() {
            self.knock(peer);
        } else {
            self.hurry(peer);
        }
    }

    /// The contact said yes.
    pub(super) async fn both_agree(&mut self, peer: PeerId, name: &str) {
        let unnamed = peer.short();
        let alias = match self.contacts.get(peer) {
            // Until now she had no name but her key.
            Some(entry) if entry.saved.alias == unnamed && !name.is_empty() => {
                let wanted = name.to_owned();
                self.store
                    .run(move |db| table::free_alias(db, &wanted, peer))
                    .await
                    .ok()
            }
            _ => None,
        };
        let is_news = self
            .contacts
            .get(peer)
            .is_some_and(|entry| entry.saved.relation != Relation::Mutual);
        let changed = self
            .change_contact(peer, |saved| {
                saved.relation = Relation::Mutual;
                if !name.is_empty() {
                    saved.name = name.to_owned();
                }
                if let Some(alias) = alias {
                    saved.alias = alias;
                }
            })
            .await;
        if let Err(error) = changed {
            tracing::error!(%error, "a contact's answer could not be kept");
        }
        if is_news {
            self.tell_profile(peer);
        }
    }

    /// The contact said no.
    pub(super) async fn on_rejected(&mut self, peer: PeerId) {
        let changed = self
            .change_contact(peer, |saved| saved.relation = Relation::Rejected)
            .await;
        if let Err(error) = changed {
            tracing::error!(%error, "a contact's answer could not be kept");
        }
        self.fail_waiting(peer).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_proto::identity::Identity;

    fn key(n: u32) -> PeerId {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        Identity::from_seed(&seed).peer_id()
    }

    fn taken(knocks: &mut Knocks, at: &str, keys: std::ops::Range<u32>, now: Instant) -> u32 {
        let at: IpAddr = at.parse().unwrap();
        let taken = keys.filter(|n| knocks.admit(key(*n), Some(at), now));
        taken.count() as u32
    }

    #[test]
    fn a_key_knocks_so_often_and_an_address_for_so_many() {
        let now = Instant::now();
        let mut knocks = Knocks::default();
        let mut again = |now| (0..9).filter(|_| knocks.admit(key(0), None, now)).count();
        assert_eq!(again(now), limits::KNOCKS_OF_KEY as usize);
        assert_eq!(again(now), 0);
        assert_eq!(
            again(now + limits::KNOCK_WINDOW),
            limits::KNOCKS_OF_KEY as usize
        );

        let most = limits::KNOCKS_OF_ADDRESS;
        assert_eq!(taken(&mut knocks, "192.0.2.1", 1..99, now), most);
        assert_eq!(taken(&mut knocks, "::ffff:192.0.2.1", 100..199, now), 0);
        assert_eq!(taken(&mut knocks, "192.0.2.2", 100..199, now), most);
    }

    #[test]
    fn an_ipv6_household_is_one_and_this_machine_is_none() {
        let now = Instant::now();
        let mut knocks = Knocks::default();
        let most = limits::KNOCKS_OF_ADDRESS;
        assert_eq!(taken(&mut knocks, "2001:db8::1", 0..99, now), most);
        assert_eq!(taken(&mut knocks, "2001:db8::2:0:0:1", 100..199, now), 0);
        assert_eq!(taken(&mut knocks, "2001:db8:0:1::1", 100..199, now), most);
        for own in ["127.0.0.1", "::1"] {
            assert_eq!(taken(&mut knocks, own, 200..250, now), 50);
            knocks = Knocks::default();
        }
    }
}
