//! Who is dialled when, and what comes of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use twocan_proto::address::Address;
use twocan_proto::body::ByeReason;
use twocan_proto::identity::PeerId;

use super::command::answer;
use super::contacts::NewContact;
use super::{Core, Reply, Report};
use crate::api::{Connected, Contact, Error, ErrorCode, Event, NoticeLevel, Relation};
use crate::link::dial;
use crate::link::task::{Command as LinkCommand, LinkId};
use crate::store::contacts as table;

/// First and longest wait before a contact is dialled again.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// When a contact is dialled next.
#[derive(Debug)]
pub(super) struct Dial {
    due: Option<Instant>,
    pub(super) failures: u32,
    /// The user knows that somebody else answers in her place.
    is_warned: bool,
    /// Since when she is being dialled.
    busy: Option<Instant>,
}

impl Dial {
    /// Nobody is dialled before there is a reason.
    pub(super) fn resting() -> Self {
        Self {
            due: None,
            failures: 0,
            is_warned: false,
            busy: None,
        }
    }

    /// She was reached, or has reached us.
    pub(super) fn linked(&mut self) {
        self.failures = 0;
        self.is_warned = false;
        self.rest();
    }

    /// Not before somebody asks for it.
    pub(super) fn rest(&mut self) {
        self.due = None;
    }

    /// Nobody was reached. Without an address to try it rests until there is a
    /// reason again, unless one came up while it was busy.
    fn failed(&mut self, since: Option<Instant>, is_nowhere: bool) {
        if !is_nowhere {
            self.again_later();
        } else if self.due <= since {
            self.rest();
        }
    }

    pub(super) fn again_later(&mut self) {
        let (first, longest) = BACK_OFF;
        let wait = first
            .saturating_mul(1 << self.failures.min(16))
            .min(longest);
        self.failures += 1;
        // So that two who lost each other do not always dial at once.
        self.due = Some(Instant::now() + wait.mul_f64(rand::rng().random_range(0.75..1.25)));
    }

    /// There is a reason to dial.
    pub(super) fn is_wanted(&self) -> bool {
        self.due.is_some()
    }

    /// Again after `wait` at the latest.
    pub(super) fn within(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        self.due = Some(self.due.map_or(until, |due| due.min(until)));
    }

    /// Somebody else answers in her place: whether to tell the user, which is
    /// done once, however often she was not reached before.
    fn warns(&mut self) -> bool {
        !std::mem::replace(&mut self.is_warned, true)
    }

    pub(super) fn soon(&mut self) {
        self.failures = 0;
        self.is_warned = false;
        self.due = Some(Instant::now());
    }
}

/// Why an address is dialled, and who waits for it.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A contact, by ourselves.
    Contact {
        peer: PeerId,
        /// Where the local network said that she is, when we began.
        rumoured: Vec<SocketAddr>,
    },
    /// The user typed an address to connect to.
    Connect(Reply<Connected>),
    /// The user typed an address to add somebody.
    Add { note: String, reply: Reply<Contact> },
}

/// What came of dialling.
#[derive(Debug)]
pub(crate) struct Dialled {
    purpose: Purpose,
    result: Result<dial::Dialled, dial::Failed>,
}

impl Core {
    pub(super) fn links_deadline(&self) -> Option<Instant> {
        self.contacts
            .iter()
            .filter(|entry| entry.dial.busy.is_none())
            .filter_map(|entry| entry.dial.due)
            .min()
    }

    pub(super) fn dial_those_due(&mut self, now: Instant) {
        let due: Vec<PeerId> = self
            .contacts
            .iter()
            .filter(|entry| entry.dial.busy.is_none())
            .filter(|entry| entry.dial.due.is_some_and(|due| due <= now))
            .map(|entry| entry.saved.peer)
            .collect();
        for peer in due {
            let linked = self.links.get(peer).is_some();
            let welcome = self.contacts.welcomes(peer);
            let Some(entry) = self.contacts.get_mut(peer) else {
                continue;
            };
            if linked || !welcome || entry.saved.relation == Relation::Rejected {
                entry.dial.rest();
            } else {
                entry.dial.busy = Some(now);
                self.dial_contact(peer);
            }
        }
    }

    /// There is a reason to have a link to `peer` now.
    pub(super) fn hurry(&mut self, peer: PeerId) {
        if self.links.get(peer).is_none()
            && let Some(entry) = self.contacts.get_mut(peer)
        {
            entry.dial.soon();
        }
    }

    fn dial_contact(&self, peer: PeerId) {
        let (store, tls) = (self.store.clone(), Arc::clone(&self.tls.client));
        let (dials, reports) = (Arc::clone(&self.links.dials), self.reports.clone());
        // Those of the local network first: they are the quickest if they are true.
        let rumoured = self.nearby.addresses(peer).to_vec();
        let mut addresses: Vec<Address> = rumoured.iter().copied().map(Address::from).collect();
        tokio::spawn(async move {
            let Ok(_place) = dials.acquire().await else {
                return;
            };
            let result = match store.run(move |db| table::addresses(db, peer)).await {
                Ok(known) => {
                    addresses.extend(known);
                    dial::dial(tls, addresses, Some(peer)).await
                }
                Err(error) => Err(Error::from(error).into()),
            };
            // Only a core that has ended takes no report.
            let _ended = reports
                .send(Report::Dialled(Box::new(Dialled {
                    purpose: Purpose::Contact { peer, rumoured },
                    result,
                })))
                .await;
        });
    }

    /// Dials an address that the user typed.
    pub(super) fn dial_stranger(&self, address: Address, purpose: Purpose) {
        let (tls, reports) = (Arc::clone(&self.tls.client), self.reports.clone());
        tokio::spawn(async move {
            let result = dial::dial(tls, vec![address], None).await;
            let _ended = reports
                .send(Report::Dialled(Box::new(Dialled { purpose, result })))
                .await;
        });
    }

    pub(super) fn connect(&self, to: &str, reply: Reply<Connected>) {
        match to.parse::<Address>() {
            Ok(address) => self.dial_stranger(address, Purpose::Connect(reply)),
            Err(error) => answer(
                reply,
                Err(Error::new(ErrorCode::BadRequest, error.to_string())),
            ),
        }
    }

    pub(super) fn disconnect(&mut self, peer: PeerId) -> Result<(), Error> {
        self.contacts.known(peer)?;
        if self.links.get(peer).is_none() {
            return Err(Error::new(ErrorCode::Offline, "there is no link to end"));
        }
        self.tell_link(peer, LinkCommand::Close(ByeReason::Disconnected, ""));
        Ok(())
    }

    pub(super) async fn on_dialled(&mut self, dialled: Dialled) {
        match dialled.purpose {
            Purpose::Contact { peer, rumoured } => {
                self.on_contact_dialled(peer, &rumoured, dialled.result)
                    .await;
            }
            Purpose::Connect(reply) => match self.meet(dialled.result, "").await {
                Ok((id, _)) => self.links.connecting.entry(id).or_default().push(reply),
                Err(error) => answer(reply, Err(error)),
            },
            Purpose::Add { note, reply } => {
                let met = self.meet(dialled.result, &note).await;
                answer(reply, met.map(|(_, contact)| contact));
            }
        }
    }

    async fn on_contact_dialled(
        &mut self,
        peer: PeerId,
        rumoured: &[SocketAddr],
        result: Result<dial::Dialled, dial::Failed>,
    ) {
        let Some(entry) = self.contacts.get_mut(peer) else {
            return;
        };
        let since = entry.dial.busy.take();
        match result {
            Ok(dialled) => {
                entry.dial.rest();
                self.start_link(dialled.stream, peer, dialled.at, true);
            }
            Err(dial::Failed {
                error,
                shown,
                is_deserted,
                is_nowhere,
            }) => {
                tracing::debug!(peer = %peer.short(), code = error.code.as_str(), "a contact could not be reached");
                // Where she is said to be there, she is asked to come to us.
                let says_online = entry.presence.values().any(|online| *online);
                entry.dial.failed(since, is_nowhere && !says_online);
                if error.code == ErrorCode::KeyMismatch && entry.dial.warns() {
                    self.warn_of_wrong_key(peer, &error);
                }
                self.knock_at_registries(peer);
                self.on_call_not_reached(peer, is_deserted);
                // What the local network says is never enough, not even if it
                // does not say so any more.
                if let Some((at, key)) = shown
                    && !rumoured.contains(&at)
                {
                    self.key_shown_at(peer, key).await;
                }
            }
        }
    }

    /// At a contact's address answers somebody who is not she; what follows
    /// from that is decided in [`super::trust`].
    fn warn_of_wrong_key(&mut self, peer: PeerId, error: &Error) {
        let who = self.called(peer);
        tracing::warn!(peer = %peer.short(), "somebody else answers at a contact's address");
        let text = format!("{who} was not found: {error}; nothing was sent there");
        self.emit(Event::Notice {
            level: NoticeLevel::Warning,
            text,
        });
    }

    /// Somebody answers at an address that the user typed: she becomes a
    /// contact whom we ask.
    async fn meet(
        &mut self,
        result: Result<dial::Dialled, dial::Failed>,
        note: &str,
    ) -> Result<(LinkId, Contact), Error> {
        let dialled = result?;
        let peer = dialled.peer;
        let new = NewContact {
            note: note.to_owned(),
            addresses: vec![dialled.at.into()],
            ..NewContact::asked(peer)
        };
        let contact = self.make_contact(new).await?;
        self.contacts.reachable(peer)?;
        let id = self.start_link(dialled.stream, peer, dialled.at, true);
        Ok((id, contact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_address_rests_until_there_is_a_reason() {
        let mut dial = Dial::resting();
        dial.soon();
        let since = dial.due;
        dial.failed(since, true);
        assert!(!dial.is_wanted());
        dial.soon();
        assert!(dial.is_wanted());
    }

    #[test]
    fn a_reason_that_came_up_meanwhile_is_not_lost() {
        let mut dial = Dial::resting();
        dial.soon();
        let since = dial.due.map(|due| due - Duration::from_millis(1));
        dial.failed(since, true);
        assert!(dial.is_wanted());
    }

    #[test]
    fn somebody_else_is_warned_of_once_however_long_she_was_not_reached() {
        let mut dial = Dial::resting();
        dial.again_later();
        dial.failed(dial.due, false);
        assert!(dial.warns());
        dial.failed(dial.due, false);
        assert!(!dial.warns());
        dial.linked();
        assert!(dial.warns());
    }

    #[test]
    fn who_did_not_answer_is_tried_again_and_later_each_time() {
        let mut dial = Dial::resting();
        for failures in 1..20 {
            dial.failed(dial.due, false);
            assert_eq!(dial.failures, failures);
            let due = dial.due.unwrap();
            assert!(due <= Instant::now() + BACK_OFF.1.mul_f64(1.25));
        }
    }
}
