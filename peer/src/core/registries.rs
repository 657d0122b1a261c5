//! Registries: our sessions there, look-ups, and what they say of contacts.
//!
//! Every registry has a task of its own, so one that hangs holds nothing up.
//! What they say is believed as far as it goes: addresses are tried, presence
//! is shown, and a key is remembered when first seen and checked ever after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::timeout;
use twocan_proto::address::{Address, Host as AddressHost, REGISTRY_PORT};
use twocan_proto::api::{ClientInfo, Host, Secret, SessionGrant, Username};
use twocan_proto::identity::PeerId;
use twocan_proto::link::Place;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::text;

use super::command::answer;
use super::contacts::NewContact;
use super::{Core, Reply, Report};
use crate::api::{
    Contact, DirectoryEntry, DirectoryQuery, Error, ErrorCode, Event, RegistryInfo, RegistryState,
    SignIn, SignedIn, Trust,
};
use crate::clock;
use crate::registry::{Announcement, ListQuery, RegistryClient, SessionEvent, SessionTask};
use crate::store::contacts::{self as table, RegistryName};
use crate::store::settings::{self, SavedRegistry};

/// Events of a session waiting for the core.
const EVENTS: usize = 32;
/// Rows of a directory when the asker names no number.
const ROWS: usize = 100;
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

/// Somebody who is being looked up.
#[derive(Debug)]
pub(crate) struct Wanted {
    username: Username,
    key: Option<PeerId>,
    note: String,
}

#[derive(Debug)]
struct Registry {
    client: Result<RegistryClient, Error>,
    username: Option<Username>,
    state: RegistryState,
    session: Option<SessionTask>,
}

/// All registries known.
#[derive(Debug, Default)]
pub(super) struct Registries {
    known: BTreeMap<RegistryUrl, Registry>,
}

impl Registries {
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
    fn clients(&self, at: Option<&Address>) -> Vec<(RegistryUrl, RegistryClient)> {
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
        let registry = self.registries.add(url);
        let Ok(client) = &registry.client else { return };
        let client = client.with_token(token);
        registry.client = Ok(client.clone());
        let (events, mut inbox) = mpsc::channel(EVENTS);
        registry.session = Some(SessionTask::start(
            url,
            client,
            announcement,
            watched,
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

    fn watch_anew(&self) {
        for (url, registry) in &self.registries.known {
            if let Some(session) = &registry.session {
                session.watch(self.watched_names(url));
            }
        }
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

    /// What a registry says of somebody whom we know by that name.
    async fn on_client_info(
        &mut self,
        url: &RegistryUrl,
        name: &Username,
        info: Option<ClientInfo>,
    ) {
        let named = |known: &RegistryName| {
            known.registry.base() == url.base()
                && known.username.eq_ignore_ascii_case(name.as_str())
        };
        let Some(entry) = self
            .contacts
            .iter_mut()
            .find(|entry| entry.names.iter().any(named))
        else {
            return;
        };
        let peer = entry.saved.peer;
        let shown_key = info.as_ref().and_then(|info| info.key);
        if let Some(new) = shown_key.filter(|key| *key != peer) {
            return self.key_changed(peer, new).await;
        }
        let online = info.as_ref().is_some_and(|info| info.online);
        let before = entry.presence.insert(url.clone(), online);
        let Some(info) = info.filter(|info| info.online) else {
            return if before == Some(true) {
                self.emit_contact(peer)
            };
        };
        if let Ok(address) = info.host.parse::<Address>() {
            let now = clock::now();
            if let Err(error) = self
                .store
                .run(move |db| table::save_address(db, peer, &address, now))
                .await
            {
                tracing::warn!(%error, "an address could not be kept");
            }
        }
        if before != Some(true) {
            self.emit_contact(peer);
            self.hurry(peer);
        }
    }

    /// Somebody's name shows another key: nothing goes out until the user has
    /// decided.
    async fn key_changed(&mut self, peer: PeerId, new: PeerId) {
        if self
            .contacts
            .get(peer)
            .is_some_and(|entry| entry.saved.trust == Trust::Changed)
        {
            return;
        }
        if let Err(error) = self
            .change_contact(peer, |saved| saved.trust = Trust::Changed)
            .await
        {
            tracing::error!(%error, "a changed key could not be kept");
        }
        self.drop_call_with(peer);
        self.close_link(peer);
        self.emit(Event::KeyChanged {
            contact: peer,
            old: peer,
            new,
        });
        self.emit_contact(peer);
    }

    /// Looks somebody up to add her: at one registry, or at all side by side.
    pub(super) fn look_up(
        &self,
        username: &Username,
        at: Option<&Address>,
        key: Option<PeerId>,
        note: String,
        reply: Reply<Contact>,
    ) {
        let mut clients = self.registries.clients(at);
        if let (true, Some(address)) = (clients.is_empty(), at) {
            // One that we have no account at may answer all the same.
            let url = RegistryUrl::new(address, None);
            match RegistryClient::new(&url) {
                Ok(client) => clients.push((url, client)),
                Err(error) => return answer(reply, Err(error)),
            }
        }
        if clients.is_empty() {
            let name = username.as_str();
            return answer(
                reply,
                Err(Error::new(
                    ErrorCode::NotFound,
                    format!(
                        "you are signed in to no registry that could know {name}: sign in, or give an address as HOST:PORT"
                    ),
                )),
            );
        }
        let wanted = Wanted {
            username: username.clone(),
            key,
            note,
        };
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let wanted = Arc::new(wanted);
            let asked = clients.into_iter().map(|(url, client)| {
                let wanted = Arc::clone(&wanted);
                async move { (url, client.client(&wanted.username).await) }
            });
            let mut found = Vec::new();
            let mut error = None;
            for (url, result) in join_all(asked).await {
                match result {
                    Ok(info) => found.push((url, info)),
                    Err(refused) if refused.code != ErrorCode::NotFound => error = Some(refused),
                    Err(_) => {}
                }
            }
            let Some(wanted) = Arc::into_inner(wanted) else {
                return;
            };
            let report = RegistryReport::LookedUp {
                wanted,
                found,
                error,
                reply,
            };
            let _ended = reports.send(Report::Registry(report)).await;
        });
    }

    async fn on_looked_up(
        &mut self,
        wanted: Wanted,
        found: Vec<(RegistryUrl, ClientInfo)>,
        error: Option<Error>,
    ) -> Result<Contact, Error> {
        let name = wanted.username.as_str();
        let (url, info, peer) = choose(name, found, wanted.key, error)?;
        if peer == self.me {
            return Err(Error::new(ErrorCode::BadRequest, "that is yourself"));
        }
        self.check_remembered(&url, name, peer).await?;
        let address = info.host.parse::<Address>().ok();
        let new = NewContact {
            wanted_alias: info.username.as_str().to_owned(),
            trust: if wanted.key.is_some() {
                Trust::Verified
            } else {
                Trust::Known
            },
            note: wanted.note,
            addresses: address.into_iter().collect(),
            registry_name: Some(RegistryName {
                registry: url.clone(),
                username: info.username.as_str().to_owned(),
                peer,
            }),
            ..NewContact::asked(peer)
        };
        self.make_contact(new).await?;
        if let Some(entry) = self.contacts.get_mut(peer) {
            entry.presence.insert(url, info.online);
        }
        self.watch_anew();
        self.emit_contact(peer);
        self.ask_again(peer);
        let all = self.list_contacts();
        all.into_iter()
            .find(|contact| contact.peer_id == peer)
            .ok_or_else(Error::stopped)
    }

    /// A name that was somebody else's when it was first seen is a key change.
    async fn check_remembered(
        &mut self,
        url: &RegistryUrl,
        name: &str,
        peer: PeerId,
    ) -> Result<(), Error> {
        let is_it = |known: &&RegistryName| {
            known.registry.base() == url.base()
                && known.username.eq_ignore_ascii_case(name)
                && known.peer != peer
        };
        let old = self
            .contacts
            .iter()
            .flat_map(|entry| &entry.names)
            .find(is_it)
            .map(|known| known.peer);
        let Some(old) = old else { return Ok(()) };
        self.key_changed(old, peer).await;
        Err(Error::new(
            ErrorCode::KeyChanged,
            format!(
                "{name} shows another key than before: compare keys by another way, then decide"
            ),
        ))
    }

    /// Asks the registries side by side and gives what they say together.
    pub(super) fn directory(&self, query: &DirectoryQuery, reply: Reply<Vec<DirectoryEntry>>) {
        let clients = self
            .registries
            .clients(query.registry.as_ref().map(RegistryUrl::address));
        if clients.is_empty() {
            return answer(
                reply,
                Err(Error::new(
                    ErrorCode::NotFound,
                    "you are signed in to no registry: sign in first",
                )),
            );
        }
        let list = ListQuery {
            prefix: query.prefix.clone(),
            online: query.online,
            limit: if query.limit == 0 { ROWS } else { query.limit },
            after: query.after.clone(),
        };
        tokio::spawn(async move {
            let asked = clients.into_iter().map(|(url, client)| {
                let list = list.clone();
                async move { client.clients(&list).await.map(|page| (url, page)) }
            });
            let answers = join_all(asked).await;
            let failed = answers
                .iter()
                .find_map(|answer| answer.as_ref().err())
                .cloned();
            let mut rows: Vec<DirectoryEntry> = answers
                .into_iter()
                .flatten()
                .flat_map(|(url, page)| page.clients.into_iter().map(move |info| row(&url, info)))
                .collect();
            rows.sort_by_key(|row| row.username.to_lowercase());
            let result = match failed {
                Some(error) if rows.is_empty() => Err(error),
                _ => Ok(rows),
            };
            answer(reply, result);
        });
    }

    /// Sessions stay for the next start; presence lapses by itself.
    pub(super) fn stop_registries(&mut self) {
        self.registries.known.clear();
    }
}

fn row(url: &RegistryUrl, info: ClientInfo) -> DirectoryEntry {
    DirectoryEntry {
        username: info.username.as_str().to_owned(),
        registry: url.clone(),
        online: info.online,
        last_seen: info.last_seen,
        key: info.key,
    }
}

/// Who of those found is meant.
fn choose(
    name: &str,
    found: Vec<(RegistryUrl, ClientInfo)>,
    key: Option<PeerId>,
    error: Option<Error>,
) -> Result<(RegistryUrl, ClientInfo, PeerId), Error> {
    let nobody = || {
        Error::new(
            ErrorCode::NotFound,
            format!("no registry knows {name}: check the spelling"),
        )
    };
    let mut with_keys = found
        .into_iter()
        .filter_map(|(url, info)| info.key.map(|peer| (url, info, peer)));
    if let Some(key) = key {
        let mut others = false;
        let right = with_keys.find(|(_, _, peer)| {
            others |= *peer != key;
            *peer == key
        });
        let mismatch = || {
            Error::new(
                ErrorCode::KeyMismatch,
                format!(
                    "the registry knows another {name} than the link means: ask for a new link by another way"
                ),
            )
        };
        return right.ok_or_else(|| {
            if others {
                mismatch()
            } else {
                error.unwrap_or_else(nobody)
            }
        });
    }
    let first = with_keys
        .next()
        .ok_or_else(|| error.unwrap_or_else(nobody))?;
    if let Some((other, ..)) = with_keys.find(|(_, _, peer)| *peer != first.2) {
        let (one, two) = (&first.0.address().host, &other.address().host);
        return Err(Error::new(
            ErrorCode::Conflict,
            text::line(&format!(
                "several people are called {name}: add {name}@{one} or {name}@{two}"
            )),
        ));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_proto::identity::Identity;

    fn found(registry: &str, seed: Option<u8>) -> (RegistryUrl, ClientInfo) {
        let info = ClientInfo {
            username: "anna".parse().unwrap(),
            host: "10.0.0.1:7777".into(),
            key: seed.map(|seed| Identity::from_seed(&[seed; 32]).peer_id()),
            online: true,
            last_seen: None,
        };
        (registry.parse().unwrap(), info)
    }

    fn code(result: Result<(RegistryUrl, ClientInfo, PeerId), Error>) -> ErrorCode {
        result.unwrap_err().code
    }

    #[test]
    fn one_person_at_two_registries_is_one_person() {
        let both = vec![found("https://a:1", Some(1)), found("https://b:1", Some(1))];
        assert_eq!(
            choose("anna", both, None, None).unwrap().0.base(),
            "https://a:1"
        );
    }

    #[test]
    fn two_people_of_one_name_are_not_guessed_between() {
        let both = || vec![found("https://a:1", Some(1)), found("https://b:1", Some(2))];
        assert_eq!(
            code(choose("anna", both(), None, None)),
            ErrorCode::Conflict
        );
        let second = Identity::from_seed(&[2; 32]).peer_id();
        assert_eq!(
            choose("anna", both(), Some(second), None).unwrap().0.base(),
            "https://b:1"
        );
        let third = Identity::from_seed(&[3; 32]).peer_id();
        assert_eq!(
            code(choose("anna", both(), Some(third), None)),
            ErrorCode::KeyMismatch
        );
    }

    #[test]
    fn nobody_is_told_from_silence() {
        assert_eq!(
            code(choose("anna", vec![], None, None)),
            ErrorCode::NotFound
        );
        assert_eq!(
            code(choose("anna", vec![found("https://a:1", None)], None, None)),
            ErrorCode::NotFound
        );
        let silence = Error::new(ErrorCode::Unreachable, "silence");
        assert_eq!(
            code(choose("anna", vec![], None, Some(silence))),
            ErrorCode::Unreachable
        );
    }
}
