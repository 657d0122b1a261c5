//! Registries: our sessions there, and what their tasks report.
//!
//! Every registry has a task of its own, so one that hangs holds nothing up.
//! What they say is believed as far as it goes: addresses are tried, presence
//! is shown, and a key is remembered when first seen and checked ever after.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use twocan_proto::address::{Address, Host as AddressHost, REGISTRY_PORT};
use twocan_proto::api::{ClientInfo, Host, Lookup, Secret, SessionGrant, Username};
use twocan_proto::link::Place;
use twocan_proto::registry_url::RegistryUrl;

use super::accounts::AccountChanged;
use super::asking::{Asked, Said};
use super::command::answer;
use super::lookups::Wanted;
use super::{Core, Reply, Report};
use crate::api::{
    AccountAnswer, Contact, Error, ErrorCode, Event, RegistryInfo, RegistryState, SignedIn,
};
use crate::registry::{Announcement, RegistryClient, SessionEvent, SessionTask};
use crate::store::settings::{self, SavedRegistry};

/// Events of a session waiting for the core.
const EVENTS: usize = 32;

/// What tasks about registries report.
#[derive(Debug)]
pub(crate) enum RegistryReport {
    /// Of the session with this number.
    Session(RegistryUrl, u64, SessionEvent),
    SignedIn {
        registry: RegistryUrl,
        result: Result<SessionGrant, Error>,
        reply: Reply<SignedIn>,
    },
    LookedUp {
        wanted: Wanted,
        said: Vec<Said<ClientInfo>>,
        reply: Reply<Contact>,
    },
    Account {
        registry: RegistryUrl,
        result: Box<Result<AccountChanged, Error>>,
        reply: Reply<AccountAnswer>,
    },
}

#[derive(Debug)]
struct Registry {
    client: Result<RegistryClient, Error>,
    username: Option<Username>,
    state: RegistryState,
    /// Why, if there is something to say.
    reason: Option<String>,
    session: Option<SessionTask>,
    /// Which session that is.
    number: u64,
}

/// All registries known.
#[derive(Debug)]
pub(super) struct Registries {
    known: BTreeMap<RegistryUrl, Registry>,
    /// Whether they are to be told that we are there.
    visible: watch::Sender<bool>,
    /// Sessions begun so far: what an earlier one still says is passed over.
    begun: u64,
}

impl Default for Registries {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            visible: watch::Sender::new(true),
            begun: 0,
        }
    }
}

impl Registries {
    /// Tells registries whether we are there.
    pub(super) fn be_visible(&self, visible: bool) {
        self.visible
            .send_if_modified(|is| std::mem::replace(is, visible) != visible);
    }

    /// Ends every session here, and tells their registries that we are not
    /// there any more.
    pub(super) fn leave(&mut self) -> JoinSet<()> {
        let mut farewells = JoinSet::new();
        for registry in self.known.values_mut() {
            let was_shown = registry.state == RegistryState::SignedIn && *self.visible.borrow();
            if registry.session.take().is_some()
                && was_shown
                && let Ok(client) = &registry.client
            {
                let client = client.clone();
                farewells.spawn(async move { client.leave().await });
            }
        }
        farewells
    }

    fn add(&mut self, url: &RegistryUrl) -> &mut Registry {
        self.known.entry(url.clone()).or_insert_with(|| Registry {
            client: RegistryClient::new(url),
            username: None,
            state: RegistryState::SignedOut,
            reason: None,
            session: None,
            number: 0,
        })
    }

    /// A client of the registry at `url`, signed in there if we are.
    pub(super) fn client(&mut self, url: &RegistryUrl) -> Result<RegistryClient, Error> {
        self.add(url).client.clone()
    }

    /// Whether that is the number of the session there is.
    fn is_current(&self, url: &RegistryUrl, number: u64) -> bool {
        let registry = self.known.get(url);
        registry.is_some_and(|known| known.session.is_some() && known.number == number)
    }

    pub(super) fn session(&self, url: &RegistryUrl) -> Option<&SessionTask> {
        self.known.get(url)?.session.as_ref()
    }

    pub(super) fn has_session(&self, url: &RegistryUrl) -> bool {
        let registry = self.known.get(url);
        registry.is_some_and(|registry| registry.session.is_some())
    }

    /// Our name there, while we are signed in.
    pub(super) fn username(&self, url: &RegistryUrl) -> Option<Username> {
        let registry = self.known.get(url)?;
        registry.session.as_ref()?;
        registry.username.clone()
    }

    pub(super) fn set_username(&mut self, url: &RegistryUrl, username: Username) {
        self.add(url).username = Some(username);
    }

    /// Those to ask: the registry at `at`, or all that we are signed in to.
    pub(super) fn to_ask(&self, at: Option<&Address>) -> Vec<Asked> {
        let at = at.map(|address| address.with_default_port(REGISTRY_PORT));
        let chosen = |(url, registry): &(&RegistryUrl, &Registry)| match &at {
            Some(address) => url.address() == address,
            None => registry.username.is_some(),
        };
        let known = self.known.iter().filter(chosen);
        known
            .filter_map(|(url, registry)| {
                Some(Asked {
                    url: url.clone(),
                    client: registry.client.as_ref().ok()?.clone(),
                    is_down: registry.state == RegistryState::Unreachable,
                })
            })
            .collect()
    }
}

impl Core {
    pub(super) async fn load_registries(&mut self) -> Result<(), Error> {
        for url in self.config.registries.clone() {
            self.registries.add(&url);
        }
        for saved in self.store.run(settings::registries).await? {
            let registry = self.registries.add(&saved.url);
            registry.username = saved.username.and_then(|name| name.parse().ok());
            let token = saved
                .session
                .and_then(|session| serde_json::from_value::<Secret>(session).ok());
            if let Some(token) = token {
                self.start_session(&saved.url, token, None);
            }
        }
        Ok(())
    }

    pub(super) fn list_registries(&self) -> Vec<RegistryInfo> {
        let shown = |(url, registry): (&RegistryUrl, &Registry)| RegistryInfo {
            registry: url.clone(),
            username: registry
                .username
                .as_ref()
                .map(|name| name.as_str().to_owned()),
            state: registry.state,
            reason: registry.reason.clone(),
        };
        self.registries.known.iter().map(shown).collect()
    }

    /// Our name at the first registry where we have one.
    pub(super) fn registry_place(&self) -> Option<Place> {
        self.registries.known.iter().find_map(|(url, registry)| {
            let username = registry.username.clone()?;
            registry.session.as_ref()?;
            Some(Place::Registry {
                username,
                registry: url.address().clone(),
            })
        })
    }

    /// What we tell `registry` about ourselves.
    pub(super) fn announcement(&self, registry: &RegistryUrl) -> Announcement {
        let first = self.listen.first().copied();
        let port = first.map(|at| at.port());
        let is_here = matches!(&registry.address().host, AddressHost::Ip(ip) if ip.is_loopback());
        let host = match first {
            // A registry on this very machine would see us come from
            // 127.0.0.1, which is of no use to anybody else.
            Some(at) if !self.listens_everywhere || is_here => {
                Address::from(at).to_string().parse().ok()
            }
            _ => None,
        };
        Announcement {
            host: host.unwrap_or_else(|| Host::observed(port)),
            key: self.me,
        }
    }

    /// A sign-in is under way; a session that stands says more.
    pub(super) fn begin_sign_in(&mut self, url: &RegistryUrl) {
        if !self.registries.has_session(url) {
            self.set_registry_state(url, RegistryState::Connecting, None);
        }
    }

    pub(super) fn start_session(
        &mut self,
        url: &RegistryUrl,
        token: Secret,
        granted: Option<SessionGrant>,
    ) {
        let announcement = self.announcement(url);
        let watched = self.watched_names(url);
        let reports = self.reports.clone();
        let visible = self.registries.visible.subscribe();
        self.registries.begun += 1;
        let number = self.registries.begun;
        let registry = self.registries.add(url);
        registry.number = number;
        let Ok(client) = &registry.client else { return };
        let client = client.with_token(token);
        registry.client = Ok(client.clone());
        let (events, mut inbox) = mpsc::channel(EVENTS);
        registry.session = Some(SessionTask::start(
            url,
            client,
            announcement,
            (watched, visible),
            granted,
            events,
        ));
        let url = url.clone();
        tokio::spawn(async move {
            while let Some(event) = inbox.recv().await {
                let report = Report::Registry(RegistryReport::Session(url.clone(), number, event));
                if reports.send(report).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Who at `url` is of interest. Those who are seen by contacts alone are
    /// found by their keys.
    fn watched_names(&self, url: &RegistryUrl) -> Vec<Lookup> {
        let names = self.contacts.iter().flat_map(|entry| {
            let key = Some(entry.saved.peer);
            entry.names.iter().map(move |name| (name, key))
        });
        let mut watched: Vec<Lookup> = names
            .filter(|(name, _)| name.registry.base() == url.base())
            .filter_map(|(name, key)| {
                let username = name.username.parse().ok()?;
                Some(Lookup { username, key })
            })
            .collect();
        watched.sort_by_key(|lookup| lookup.username.folded());
        watched
    }

    pub(super) fn watch_anew(&self) {
        for (url, registry) in &self.registries.known {
            if let Some(session) = &registry.session {
                session.watch(self.watched_names(url));
            }
        }
    }

    /// Asks registries about contacts at once.
    pub(super) fn look_now(&self) {
        let sessions = self.registries.known.values();
        sessions
            .filter_map(|registry| registry.session.as_ref())
            .for_each(SessionTask::look_now);
    }

    pub(super) async fn sign_out(&mut self, url: &RegistryUrl) -> Result<(), Error> {
        let Some(registry) = self
            .registries
            .known
            .get_mut(url)
            .filter(|registry| registry.username.is_some())
        else {
            return Err(Error::new(
                ErrorCode::NotFound,
                "you are not signed in there",
            ));
        };
        let username = registry.username.clone();
        if let Ok(client) = &registry.client {
            let goodbye = client.clone();
            tokio::spawn(async move { goodbye.sign_out().await });
        }
        self.forget_session(url, username).await?;
        self.set_registry_state(url, RegistryState::SignedOut, None);
        Ok(())
    }

    /// Ends the session here; `username` is remembered for the next one.
    pub(super) async fn forget_session(
        &mut self,
        url: &RegistryUrl,
        username: Option<Username>,
    ) -> Result<(), Error> {
        let registry = self.registries.add(url);
        registry.session = None;
        registry.username = None;
        registry.client = RegistryClient::new(url);
        let saved = SavedRegistry {
            url: url.clone(),
            username: username.map(|name| name.as_str().to_owned()),
            session: None,
        };
        self.store
            .run(move |db| settings::save_registry(db, &saved))
            .await?;
        Ok(())
    }

    pub(super) fn set_registry_state(
        &mut self,
        url: &RegistryUrl,
        state: RegistryState,
        reason: Option<String>,
    ) {
        let registry = self.registries.add(url);
        if registry.state == state && reason.is_none() {
            return;
        }
        registry.state = state;
        registry.reason.clone_from(&reason);
        self.emit(Event::Registry {
            registry: url.clone(),
            state,
            reason,
        });
        let goes_on = [RegistryState::SignedIn, RegistryState::Connecting];
        if !goes_on.contains(&state) {
            self.forget_presence(url);
        }
    }

    /// What a registry said of others holds no longer than it can be heard.
    fn forget_presence(&mut self, url: &RegistryUrl) {
        let mut seen = Vec::new();
        for entry in self.contacts.iter_mut() {
            if entry.presence.remove(url) == Some(true) {
                entry.farewell = Some("a registry that saw them can no longer be asked");
                seen.push(entry.saved.peer);
            }
        }
        for peer in seen {
            self.emit_contact(peer);
        }
    }

    pub(super) async fn on_registry_report(&mut self, report: RegistryReport) {
        match report {
            RegistryReport::SignedIn {
                registry,
                result,
                reply,
            } => {
                let result = self.on_signed_in(registry, result).await;
                answer(reply, result);
            }
            RegistryReport::LookedUp {
                wanted,
                said,
                reply,
            } => {
                let result = self.on_looked_up(wanted, said).await;
                answer(reply, result);
            }
            RegistryReport::Account {
                registry,
                result,
                reply,
            } => {
                let result = self.on_account_changed(&registry, *result).await;
                answer(reply, result);
            }
            RegistryReport::Session(url, number, event)
                if self.registries.is_current(&url, number) =>
            {
                match event {
                    SessionEvent::State(state, reason) => {
                        self.set_registry_state(&url, state, reason)
                    }
                    SessionEvent::Knock(from) => self.on_registry_knock(&url, from).await,
                    SessionEvent::Notice(notice) => self.on_registry_notice(&url, notice),
                    SessionEvent::Lobby(event) => self.on_lobby(&url, event),
                    SessionEvent::Client(name, info) => {
                        self.on_client_info(&url, &name, info).await
                    }
                }
            }
            // A last word of a session that was signed out.
            RegistryReport::Session(..) => {}
        }
    }
}
