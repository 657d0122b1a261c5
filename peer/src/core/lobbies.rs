//! What registries tell by themselves: knocks, notices, and what is said in
//! their public rooms.

use std::time::{Duration, Instant};

use twocan_proto::api::{ClientInfo, Lookup};
use twocan_proto::identity::PeerId;
use twocan_proto::live::{LobbyAsk, LobbyEvent, LobbyUser, Notice};
use twocan_proto::registry_url::RegistryUrl;

use super::command::answer;
use super::{Core, Reply};
use crate::api::{Error, ErrorCode, Event, NoticeLevel, RegistryState};
use crate::registry::LiveAsk;

/// Knocks for one contact come no closer together.
const KNOCK_EVERY: Duration = Duration::from_secs(60);

impl Core {
    /// Asks something of a registry's public room.
    pub(super) fn lobby(
        &self,
        registry: &RegistryUrl,
        ask: LobbyAsk,
        reply: Reply<Vec<LobbyUser>>,
    ) {
        let Some(session) = self.registries.session(registry) else {
            let text = "you are not signed in there: sign in first";
            return answer(reply, Err(Error::new(ErrorCode::NotFound, text)));
        };
        if let Err(LiveAsk::Lobby(_, reply)) = session.ask(LiveAsk::Lobby(ask, reply)) {
            let text = "this registry has no live channel, or too much is waiting for it";
            answer(reply, Err(Error::new(ErrorCode::Offline, text)));
        }
    }

    pub(super) fn on_lobby(&mut self, url: &RegistryUrl, event: LobbyEvent) {
        self.emit(Event::Lobby {
            registry: url.clone(),
            event,
        });
    }

    pub(super) fn on_registry_notice(&mut self, url: &RegistryUrl, notice: Notice) {
        match notice {
            Notice::Announcement { text } => {
                let text = format!("{} says: {text}", url.address());
                self.emit(Event::Notice {
                    level: NoticeLevel::Info,
                    text,
                });
            }
            Notice::Shutdown { back_after_s } => {
                let reason = format!("it may be back in {back_after_s} s; tried by itself");
                self.set_registry_state(url, RegistryState::ShuttingDown, Some(reason));
            }
            Notice::Outdated { needs } => {
                let reason = format!("it takes twocan {needs} or newer");
                self.set_registry_state(url, RegistryState::Outdated, Some(reason));
            }
            Notice::Banned { reason } => {
                self.set_registry_state(url, RegistryState::Banned, Some(reason));
            }
            Notice::Unknown => {}
        }
    }

    /// Somebody cannot reach us. A contact is dialled from here; nobody else
    /// makes us connect to anywhere.
    pub(super) async fn on_registry_knock(&mut self, url: &RegistryUrl, from: ClientInfo) {
        let contact = from.key.and_then(|key| self.contacts.get(key));
        let Some(entry) = contact.filter(|entry| !entry.saved.blocked) else {
            return;
        };
        let peer = entry.saved.peer;
        let name = from.username.clone();
        self.on_client_info(url, &name, Some(from)).await;
        self.hurry(peer);
    }

    /// Lets a contact who cannot be reached, and who is said to be there,
    /// know of it: perhaps she can reach us.
    pub(super) fn knock_at_registries(&mut self, peer: PeerId) {
        let Some(entry) = self.contacts.get_mut(peer) else {
            return;
        };
        let lately = |at: Instant| at.elapsed() < KNOCK_EVERY;
        if entry.knocked_at.is_some_and(lately) || entry.saved.blocked {
            return;
        }
        for name in &entry.names {
            let base = name.registry.base();
            let said = entry.presence.iter().find(|(url, _)| url.base() == base);
            let Some((url, &true)) = said else { continue };
            let (Some(session), Ok(username)) =
                (self.registries.session(url), name.username.parse())
            else {
                continue;
            };
            let key = Some(peer);
            if session
                .ask(LiveAsk::Knock(Lookup { username, key }))
                .is_ok()
            {
                entry.knocked_at = Some(Instant::now());
            }
        }
    }
}
