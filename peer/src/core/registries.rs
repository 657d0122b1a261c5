//! Registries: our sessions there, and what their tasks report.
//!
//! Every registry has a task of its own, so one that hangs holds nothing up.
//! What they say is believed as far as it goes: addresses are tried, presence
//! is shown, and a key is remembered when first seen and checked ever after.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use twocan_proto::address::{Address, Host as AddressHost, REGISTRY_PORT};
use twocan_proto::api::{ClientInfo, Host, Secret, SessionGrant, Username};
use twocan_proto::link::Place;
use twocan_proto::registry_url::RegistryUrl;

use super::command::answer;
use super::lookups::Wanted;
use super::{Core, Reply, Report};
use crate::api::{Contact, Error, ErrorCode, Event, RegistryInfo, RegistryState, SignIn, SignedIn};
use crate::registry::{Announcement, RegistryClient, SessionEvent, SessionTask};
use crate::store::settings::{self, SavedRegistry};

/// Events of a session waiting for the core.
const EVENTS: usize = 32;
/// For saying goodbye to a registry when the user signs out.
const GOODBYE: Duration = Duration::from_secs(3);

/// What tasks about registries report.
#[derive(Debug)]
pub(crate) enum RegistryReport {
    Session(RegistryUrl, SessionEvent),
    SignedIn {
        registry: RegistryUrl,
        result: Result<SessionGrant, Error>,
        reply: Reply<SignedIn>,
    },
    LookedUp {
        wanted: Wanted,
        found: Vec<(RegistryUrl, ClientInfo)>,
        error: Option<Error>,
        reply: Reply<Contact>,
    },
}

#[derive(Debug)]
struct Registry {
    client: Result<RegistryClient, Error>,
    username: Option<Username>,
    state: RegistryState,
    session: Option<SessionTask>,
}

/// All registries known.
#[derive(Debug)]
pub(super) struct Registries {
    known: BTreeMap<RegistryUrl, Registry>,
    /// Whether they are to be told that we are there.
    visible: watch::Sender<bool>,
}

impl Default for Registries {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            visible: watch::Sender::new(true),
        }
    }
}

impl Registries {
    /// Tells registries that we are there, or lets that lapse.
    pub(super) fn be_visible(&self, visible: bool) {
        self.visible
            .send_if_modified(|is| std::mem::replace(is, visible) != visible);
    }

    fn add(&mut self, url: &RegistryUrl) -> &mut Registry {
        self.known.entry(url.clone()).or_insert_with(|| Registry {
            client: RegistryClient::new(url),
            username: None,
            state: RegistryState::SignedOut,
            session: None,
        })
    }

    /// The clients to ask: of the registry at `at`, or of all that we are
    /// signed in to.
    pub(super) fn clients(&self, at: Option<&Address>) -> Vec<(RegistryUrl, RegistryClient)> {
        let at = at.map(|address| address.with_default_port(REGISTRY_PORT));
        let chosen = |(url, registry): &(&RegistryUrl, &Registry)| match &at {
            Some(address) => url.address() == address,
            None => registry.username.is_some(),
        };
        let known = self.known.iter().filter(chosen);
        known
            .filter_map(|(url, registry)| {
                Some((url.clone(), registry.client.as_ref().ok()?.clone()))
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
    fn announcement(&self, registry: &RegistryUrl) -> Announcement {
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

    pub(super) fn sign_in(&mut self, sign_in: SignIn, reply: Reply<SignedIn>) {
        let SignIn {
            registry,
            username,
            password,
            register,
        } = sign_in;
        let username: Username = match username.trim().parse() {
            Ok(username) => username,
            Err(error) => {
                let error: twocan_proto::api::UsernameError = error;
                return answer(
                    reply,
                    Err(Error::new(ErrorCode::BadRequest, error.to_string())),
                );
            }
        };
        let announcement = self.announcement(&registry);
        let client = match self.registries.add(&registry).client.clone() {
            Ok(client) => client,
            Err(error) => return answer(reply, Err(error)),
        };
        self.set_registry_state(&registry, RegistryState::Connecting, None);
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = client
                .sign_in(username, Secret::new(password), register, announcement)
                .await;
            let report = RegistryReport::SignedIn {
                registry,
                result,
                reply,
            };
            let _ended = reports.send(Report::Registry(report)).await;
        });
    }

    async fn on_signed_in(
        &mut self,
        url: RegistryUrl,
        result: Result<SessionGrant, Error>,
    ) -> Result<SignedIn, Error> {
        let grant = match result {
            Ok(grant) => grant,
            Err(error) => {
                let state = match error.code {
                    ErrorCode::Unreachable => RegistryState::Unreachable,
                    ErrorCode::Outdated => RegistryState::Outdated,
                    ErrorCode::Banned => RegistryState::Banned,
                    _ => RegistryState::Refused,
                };
                // A session of before goes on; only the new sign-in failed.
                if self.registries.add(&url).session.is_none() {
                    self.set_registry_state(&url, state, Some(error.message.clone()));
                }
                return Err(error);
            }
        };
        let signed_in = SignedIn {
            username: grant.username.as_str().to_owned(),
            created: grant.created,
        };
        let saved = SavedRegistry {
            url: url.clone(),
            username: Some(signed_in.username.clone()),
            session: serde_json::to_value(&grant.token).ok(),
        };
        self.store
            .run(move |db| settings::save_registry(db, &saved))
            .await?;
        self.registries.add(&url).username = Some(grant.username.clone());
        self.set_registry_state(&url, RegistryState::SignedIn, None);
        self.start_session(&url, grant.token.clone(), Some(grant));
        Ok(signed_in)
    }

    fn start_session(&mut self, url: &RegistryUrl, token: Secret, granted: Option<SessionGrant>) {
        let announcement = self.announcement(url);
        let watched = self.watched_names(url);
        let reports = self.reports.clone();
        let visible = self.registries.visible.subscribe();
        let registry = self.registries.add(url);
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
                let report = Report::Registry(RegistryReport::Session(url.clone(), event));
                if reports.send(report).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Names at `url` whose presence is of interest.
    fn watched_names(&self, url: &RegistryUrl) -> Vec<Username> {
        let names = self.contacts.iter().flat_map(|entry| &entry.names);
        let mut names: Vec<Username> = names
            .filter(|name| name.registry.base() == url.base())
            .filter_map(|name| name.username.parse().ok())
            .collect();
        names.sort_by_key(Username::folded);
        names
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
        registry.session = None;
        let username = registry.username.take();
        if let Ok(client) = &registry.client {
            let goodbye = client.clone();
            // The session is forgotten here whether or not the registry hears of it.
            tokio::spawn(async move { timeout(GOODBYE, goodbye.sign_out()).await });
        }
        registry.client = RegistryClient::new(url);
        let username = username.map(|name| name.as_str().to_owned());
        let saved = SavedRegistry {
            url: url.clone(),
            username,
            session: None,
        };
        self.store
            .run(move |db| settings::save_registry(db, &saved))
            .await?;
        for entry in self.contacts.iter_mut() {
            entry.presence.remove(url);
        }
        self.set_registry_state(url, RegistryState::SignedOut, None);
        Ok(())
    }

    fn set_registry_state(
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
        self.emit(Event::Registry {
            registry: url.clone(),
            state,
            reason,
        });
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
                found,
                error,
                reply,
            } => {
                let result = self.on_looked_up(wanted, found, error).await;
                answer(reply, result);
            }
            RegistryReport::Session(url, event) if self.registries.add(&url).session.is_some() => {
                match event {
                    SessionEvent::State(state, reason) => {
                        self.set_registry_state(&url, state, reason)
                    }
                    SessionEvent::Client(name, info) => {
                        self.on_client_info(&url, &name, info).await
                    }
                }
            }
            // A last word of a session that was signed out.
            RegistryReport::Session(..) => {}
        }
    }

    /// Sessions stay for the next start; presence lapses by itself.
    pub(super) fn stop_registries(&mut self) {
        self.registries.known.clear();
    }
}
