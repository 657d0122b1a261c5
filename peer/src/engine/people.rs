//! Who we know and how they are reached: contacts, their keys, requests of
//! strangers.

use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::Engine;
use crate::api::{
    Connected, Contact, ContactChange, ContactRequest, Error, KeyDecision, Nearby, Profile, Safety,
};
use crate::core::Command;

impl Engine {
    /// All contacts, by alias.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn contacts(&self) -> Result<Vec<Contact>, Error> {
        self.ask(Command::Contacts).await
    }

    /// Who is meant by an alias, `name@registry-host`, a unique plain name, or
    /// a peer id.
    ///
    /// # Errors
    /// `not_found` when nobody, or more than one, is meant.
    pub async fn resolve(&self, who: &str) -> Result<PeerId, Error> {
        let who = who.to_owned();
        self.ask(|reply| Command::Resolve(who, reply)).await
    }

    /// Adds a contact by name, contact link or address, and asks her with
    /// `note`.
    ///
    /// # Errors
    /// `not_found` for an unknown name, `unreachable` for an address where
    /// nobody answers, `bad_request` for something that is none of them.
    pub async fn contact_add(&self, who: &str, note: &str) -> Result<Contact, Error> {
        let (who, note) = (who.to_owned(), note.to_owned());
        self.ask(|reply| Command::ContactAdd { who, note, reply })
            .await
    }

    /// Changes a contact.
    ///
    /// # Errors
    /// `not_found`, or `taken` for an alias that another contact has.
    pub async fn contact_set(
        &self,
        contact: PeerId,
        change: ContactChange,
    ) -> Result<Contact, Error> {
        self.ask(|reply| Command::ContactSet {
            contact,
            change,
            reply,
        })
        .await
    }

    /// Forgets a contact. The messages stay on disk, and are there again when
    /// she is added again.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn contact_remove(&self, contact: PeerId) -> Result<(), Error> {
        self.ask(|reply| Command::ContactRemove(contact, reply))
            .await
    }

    /// Decides what becomes of a contact who shows another key. With
    /// [`KeyDecision::Accept`] the answer has another `peer_id`: the events
    /// tell that the old one is gone and the new one is there.
    ///
    /// # Errors
    /// `not_found` when she shows the known key, `conflict` when the new key
    /// is that of another contact.
    pub async fn decide_key(
        &self,
        contact: PeerId,
        decision: KeyDecision,
    ) -> Result<Contact, Error> {
        self.ask(|reply| Command::DecideKey {
            contact,
            decision,
            reply,
        })
        .await
    }

    /// What to compare with a contact to know each other's keys; once done,
    /// mark her as verified with [`Self::contact_set`]. Takes about 50 ms.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn safety(&self, contact: PeerId) -> Result<Safety, Error> {
        self.ask(|reply| Command::Safety(contact, reply)).await
    }

    /// What we tell our contacts of ourselves.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn profile(&self) -> Result<Profile, Error> {
        self.ask(Command::Profile).await
    }

    /// Changes what we tell our contacts of ourselves, and tells them.
    ///
    /// # Errors
    /// `bad_request` or `too_large` for a part that is wrong.
    pub async fn set_profile(&self, profile: Profile) -> Result<(), Error> {
        self.ask(|reply| Command::SetProfile(profile, reply)).await
    }

    /// Who is found in the local network, by name.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn nearby(&self) -> Result<Vec<Nearby>, Error> {
        self.ask(Command::Nearby).await
    }

    /// Strangers who ask to become contacts.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn requests(&self) -> Result<Vec<ContactRequest>, Error> {
        self.ask(Command::Requests).await
    }

    /// Makes the stranger a contact.
    ///
    /// # Errors
    /// `not_found` when the request is gone.
    pub async fn accept(&self, request: Uuid) -> Result<Contact, Error> {
        self.ask(|reply| Command::Accept(request, reply)).await
    }

    /// Tells the stranger no.
    ///
    /// # Errors
    /// `not_found` when the request is gone.
    pub async fn reject(&self, request: Uuid) -> Result<(), Error> {
        self.ask(|reply| Command::Reject(request, reply)).await
    }

    /// Connects to `HOST[:PORT]`, makes whoever answers a contact and asks
    /// her. Answers once the link is up.
    ///
    /// # Errors
    /// `bad_request` for no address, `unreachable`, `refused`, `key_mismatch`.
    pub async fn connect(&self, to: &str) -> Result<Connected, Error> {
        let to = to.to_owned();
        self.ask(|reply| Command::Connect(to, reply)).await
    }

    /// Ends the link to a contact until one side connects again.
    ///
    /// # Errors
    /// `not_found`, or `offline` when there is no link.
    pub async fn disconnect(&self, contact: PeerId) -> Result<(), Error> {
        self.ask(|reply| Command::Disconnect(contact, reply)).await
    }
}
