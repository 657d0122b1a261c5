//! Who is in the local network, as far as it says, and what that means for
//! contacts: an address to try at once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use twocan_proto::body::Presence;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;

use super::rate::Window;
use super::{Core, Report};
use crate::api::{Error, Event, Lan, Nearby, NoticeLevel};
use crate::discovery::{Announcement, Discovery, Heard, Plan, Reach};

/// The setting that switches the search off.
pub(super) const LAN_SETTING: &str = "lan";
/// The setting that withholds our name.
pub(super) const LAN_NAME_SETTING: &str = "lan.name";

/// Changes taken of one person in a minute: whoever claims more plays with us.
const CHANGES: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

impl From<Heard> for Report {
    fn from(heard: Heard) -> Self {
        Self::Heard(heard)
    }
}

#[derive(Debug, Default)]
struct Found {
    name: String,
    addresses: Vec<SocketAddr>,
    changes: Window,
}

/// Who was found.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    found: HashMap<PeerId, Found>,
    search: Option<Discovery>,
}

impl Neighbours {
    /// Where `peer` is said to be.
    pub(super) fn addresses(&self, peer: PeerId) -> &[SocketAddr] {
        self.found.get(&peer).map_or(&[], |found| &found.addresses)
    }

    /// Keeps what was heard; gives whether it is news.
    fn keep(
        &mut self,
        peer: PeerId,
        name: String,
        addresses: Vec<SocketAddr>,
        now: Instant,
    ) -> bool {
        if self.found.len() >= limits::NEARBY && !self.found.contains_key(&peer) {
            return false;
        }
        let is_new = !self.found.contains_key(&peer);
        let found = self.found.entry(peer).or_default();
        let same = found.name == name && found.addresses == addresses;
        if !is_new && (same || !found.changes.admit(now, CHANGES, MINUTE)) {
            return false;
        }
        found.name = name;
        found.addresses = addresses;
        true
    }
}

impl Core {
    /// Begins, changes or ends the search, as settings and presence want it.
    pub(super) async fn search_nearby(&mut self) {
        let plan = match self.nearby_plan().await {
            Ok(plan) => plan,
            Err(error) => {
                tracing::error!(%error, "the settings of the local network could not be read");
                return;
            }
        };
        let same = |search: &Discovery| Some(&search.plan) == plan.as_ref();
        if self.nearby.search.as_ref().is_some_and(same) {
            return;
        }
        let Some(plan) = plan else {
            self.nearby.search = None;
            let gone: Vec<PeerId> = self.nearby.found.drain().map(|(peer, _)| peer).collect();
            gone.into_iter()
                .for_each(|peer| self.emit(Event::NearbyGone(peer)));
            return;
        };
        let started = match self.nearby.search.take() {
            // How it reaches out is settled when the program starts.
            Some(mut search) => search.announce(plan.announce).map(|()| search),
            None => Discovery::start(plan, self.reports.clone()),
        };
        match started {
            Ok(search) => self.nearby.search = Some(search),
            Err(error) => {
                tracing::warn!(%error, "the local network cannot be searched");
                let text = "nobody can be found in the local network: this machine does not let \
                            twocan listen there (UDP port 5353); contacts with an address are not \
                            affected";
                self.emit(Event::Notice {
                    level: NoticeLevel::Warning,
                    text: text.to_owned(),
                });
            }
        }
    }

    /// How to take part in the local network; `None` not at all.
    async fn nearby_plan(&self) -> Result<Option<Plan>, Error> {
        let Some(first) = self.listen.first().copied() else {
            return Ok(None);
        };
        let chosen = (!self.listens_everywhere).then_some(first.ip());
        let reach = match (&self.config.lan, chosen) {
            (Lan::Off, _) => return Ok(None),
            (Lan::Interface(name), ip) => Reach::Interface(name.clone(), ip),
            // Nobody could reach us but this machine itself.
            (Lan::Auto, Some(ip)) if ip.is_loopback() => return Ok(None),
            (Lan::Auto, Some(ip)) => Reach::Address(ip),
            (Lan::Auto, None) => Reach::Everywhere,
        };
        if !self.is_on(LAN_SETTING).await? {
            return Ok(None);
        }
        let name = match self.is_on(LAN_NAME_SETTING).await? && !self.name.is_empty() {
            true => Some(self.name.clone()),
            false => None,
        };
        // Who is not to be seen looks without a word.
        let is_seen = self.persona.presence != Presence::Invisible;
        let announce = is_seen.then(|| Announcement {
            me: self.me,
            port: first.port(),
            name,
        });
        Ok(Some(Plan { reach, announce }))
    }

    pub(super) fn on_heard(&mut self, heard: Heard) {
        // What was on its way when the search was switched off.
        if self.nearby.search.is_none() {
            return;
        }
        match heard {
            Heard::Here { peer, .. } if peer == self.me => {}
            Heard::Here {
                peer,
                name,
                addresses,
            } => {
                if !self.nearby.keep(peer, name, addresses, Instant::now()) {
                    return;
                }
                if let Some(nearby) = self.nearby_shown(peer) {
                    self.emit(Event::Nearby(nearby));
                }
                if self.contacts.welcomes(peer) {
                    self.hurry(peer);
                }
            }
            Heard::Gone(peer) => {
                if self.nearby.found.remove(&peer).is_some() {
                    self.emit(Event::NearbyGone(peer));
                }
            }
        }
    }

    fn nearby_shown(&self, peer: PeerId) -> Option<Nearby> {
        let found = self.nearby.found.get(&peer)?;
        Some(Nearby {
            peer_id: peer,
            name: found.name.clone(),
            addresses: found.addresses.clone(),
            is_contact: self.contacts.get(peer).is_some(),
        })
    }

    pub(super) fn list_nearby(&self) -> Vec<Nearby> {
        let peers = self.nearby.found.keys();
        let mut all: Vec<Nearby> = peers.filter_map(|peer| self.nearby_shown(*peer)).collect();
        all.sort_by_cached_key(|one| (one.name.to_lowercase(), one.peer_id));
        all
    }

    pub(super) fn stop_nearby(&mut self) {
        self.nearby.search = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_proto::identity::Identity;

    fn id(n: usize) -> PeerId {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&n.to_le_bytes());
        Identity::from_seed(&seed).peer_id()
    }

    #[test]
    fn a_crowd_is_bounded_and_news_is_told_once() {
        let mut all = Neighbours::default();
        let now = Instant::now();
        let mut keep = |n, name: &str| all.keep(id(n), name.into(), Vec::new(), now);
        for n in 0..limits::NEARBY {
            assert!(keep(n, "a"));
            assert!(!keep(n, "a"));
        }
        assert!(!keep(limits::NEARBY, "a"));
        assert!(keep(0, "b"));
        assert_eq!(all.found.len(), limits::NEARBY);
    }

    #[test]
    fn whoever_changes_all_the_time_is_not_listened_to() {
        let mut all = Neighbours::default();
        let now = Instant::now();
        let mut keep = |n: u32, now| all.keep(id(1), n.to_string(), Vec::new(), now);
        let taken = (0..100).filter(|n| keep(*n, now)).count();
        assert_eq!(taken, 1 + CHANGES as usize);
        assert!(keep(100, now + MINUTE));
    }
}
