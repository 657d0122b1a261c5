//! The core: one task that owns who we know, who is linked, who is called.
//!
//! Its state is plain data and every input meets in one `select!`. It waits
//! for the database (milliseconds, bounded) and for nothing else: not for
//! links, not for the interface, not for the network.
//!
//! | part | what it decides |
//! |---|---|
//! | [`contacts`] | who is a contact, what is shown of her |
//! | [`requests`] | strangers |
//! | [`links`] | who is dialled when, which of two links stays |
//! | [`chat`] | messages on their way between the handle, the database and links |
//! | [`calls`] | calls and their media |
//! | [`registries`] | our sessions at registries |
//! | [`lookups`] | what registries know of others |

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use futures_util::stream::{FuturesOrdered, StreamExt};
use serde_json::Value;
use std::pin::Pin;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::link::{ContactLink, Place};
use uuid::Uuid;

use crate::api::{Config, Error, ErrorCode, Event, SETTINGS, WhoAmI};
use crate::link::listen::{self, Accepted};
use crate::link::task::{LinkEvent, LinkId};
use crate::link::tls::LinkTls;
use crate::profile::Profile;
use crate::store::{Store, StoreError, settings};

mod addresses;
mod calls;
mod chat;
mod command;
mod contacts;
mod links;
mod lookups;
mod registries;
mod requests;

pub(crate) use addresses::path_to;
pub(crate) use command::{Command, Reply};

/// Things that tasks of ours report, waiting for the core.
const REPORTS: usize = 256;
/// Events held back for an interface that does not take them, before the
/// oldest are dropped.
const EVENTS_HELD: usize = 10_000;
/// Messages on their way to the disk, beyond which no command is taken.
const SAVING: usize = 512;

const SETTING_NAME: &str = "name";

/// What a task of ours reports.
#[derive(Debug)]
pub(crate) enum Report {
    Dialled(Box<links::Dialled>),
    Registry(registries::RegistryReport),
    Call(calls::CallReport),
}

/// A message on its way to the disk.
type Saving = Pin<Box<dyn Future<Output = chat::Saved> + Send + Sync>>;

pub(crate) struct Core {
    me: PeerId,
    name: String,
    /// Drawn at every start, told in hellos.
    instance: Uuid,
    config: Config,
    profile: Profile,
    listen: Vec<SocketAddr>,
    /// Bound to all addresses, not to a chosen one.
    listens_everywhere: bool,
    store: Store,
    tls: LinkTls,
    contacts: contacts::Book,
    links: links::Links,
    registries: registries::Registries,
    calls: calls::Calls,
    saving: FuturesOrdered<Saving>,
    reports: mpsc::Sender<Report>,
    link_events: mpsc::Sender<(LinkId, LinkEvent)>,
    events: VecDeque<Event>,
    events_lost: u64,
    stopping: Option<oneshot::Sender<()>>,
}

/// Starts the engine; see [`crate::Engine::start`].
pub(crate) async fn start(
    config: Config,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) -> Result<(), Error> {
    let (profile, (store, store_thread)) = open(&config).await?;
    let tls = LinkTls::new(&profile.identity)
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    let listener = listen::bind(config.listen).await?;
    let bound = listener
        .local_addr()
        .map_err(|error| Error::new(ErrorCode::Io, error.to_string()))?;

    let (accepted_tx, accepted) = mpsc::channel::<Accepted>(16);
    tokio::spawn(listen::serve(
        listener,
        Arc::clone(&tls.server),
        accepted_tx,
    ));
    let (link_events, from_links) = mpsc::channel(REPORTS);
    let (reports, from_tasks) = mpsc::channel(REPORTS);

    let saved = store.run(|db| settings::get(db, SETTING_NAME)).await?;
    let saved = saved
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let given = config.name.clone();
    let mut core = Core {
        me: profile.identity.peer_id(),
        name: saved,
        instance: Uuid::from_u128(rand::random()),
        listen: addresses::reachable(bound),
        listens_everywhere: bound.ip().is_unspecified(),
        profile,
        store,
        tls,
        contacts: contacts::Book::default(),
        links: links::Links::default(),
        registries: registries::Registries::default(),
        calls: calls::Calls::default(),
        saving: FuturesOrdered::new(),
        reports,
        link_events,
        events: VecDeque::new(),
        events_lost: 0,
        stopping: None,
        config,
    };
    if let Some(name) = given {
        core.set_name(&name).await?;
    }
    core.load_contacts().await?;
    core.load_registries().await?;
    let inputs = Inputs {
        commands,
        accepted,
        from_links,
        from_tasks,
        events,
    };
    tokio::spawn(async move {
        core.run(inputs).await;
        // The database's thread ends with the last handle; a blocking place
        // waits for it so that the runtime may not end before.
        drop(core);
        let _joined = tokio::task::spawn_blocking(move || store_thread.join()).await;
    });
    Ok(())
}

/// Opens profile and database where waiting for a passphrase's cost, or for a
/// keyring, holds nothing else up.
async fn open(config: &Config) -> Result<(Profile, (Store, JoinHandle<()>)), Error> {
    let (folder, protection) = (config.data.clone(), config.protection.clone());
    tokio::task::spawn_blocking(move || {
        let profile = Profile::open(&folder, &protection)?;
        let store = profile.open_store()?;
        Ok((profile, store))
    })
    .await
    .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?
}

struct Inputs {
    commands: mpsc::Receiver<Command>,
    accepted: mpsc::Receiver<Accepted>,
    from_links: mpsc::Receiver<(LinkId, LinkEvent)>,
    from_tasks: mpsc::Receiver<Report>,
    events: mpsc::Sender<Event>,
}

impl Core {
    async fn run(&mut self, mut inputs: Inputs) {
        while self.stopping.is_none() {
            let deadline = self.deadline();
            tokio::select! {
                command = inputs.commands.recv(), if self.saving.len() < SAVING => match command {
                    Some(command) => self.on_command(command).await,
                    None => break,
                },
                Some(saved) = self.saving.next() => self.on_saved(saved),
                Some((id, event)) = inputs.from_links.recv() => self.on_link_event(id, event).await,
                Some(accepted) = inputs.accepted.recv() => self.on_accepted(accepted),
                Some(report) = inputs.from_tasks.recv() => self.on_report(report).await,
                Ok(place) = inputs.events.reserve(), if !self.events.is_empty() => {
                    if let Some(event) = self.events.pop_front() {
                        place.send(event);
                    }
                }
                () = sleep_until(deadline.unwrap_or_else(far_away).into()), if deadline.is_some() => {
                    self.on_deadline(Instant::now());
                }
            }
        }
        self.stop(inputs).await;
    }

    async fn on_report(&mut self, report: Report) {
        match report {
            Report::Dialled(dialled) => self.on_dialled(*dialled).await,
            Report::Registry(report) => self.on_registry_report(report).await,
            Report::Call(report) => self.on_call_report(report),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [self.links_deadline(), self.calls_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn on_deadline(&mut self, now: Instant) {
        self.dial_those_due(now);
        self.on_calls_deadline(now);
    }

    /// Ends calls and links with a reason, and what is being saved is saved.
    async fn stop(&mut self, mut inputs: Inputs) {
        self.stop_calls().await;
        while let Some(saved) = self.saving.next().await {
            self.on_saved(saved);
        }
        self.stop_registries();
        self.stop_links(&mut inputs.from_links).await;
        while let Some(event) = self.events.pop_front() {
            // An interface that is gone, or does not take it now, never will.
            if inputs.events.try_send(event).is_err() {
                break;
            }
        }
        if let Some(done) = self.stopping.take() {
            let _not_waiting = done.send(());
        }
    }

    /// Tells the interface, without ever waiting for it.
    fn emit(&mut self, event: Event) {
        if self.events.len() >= EVENTS_HELD {
            self.events.pop_front();
            self.events_lost += 1;
            if self.events_lost.is_power_of_two() {
                tracing::warn!(
                    lost = self.events_lost,
                    "events were not taken and are dropped, oldest first"
                );
            }
        }
        self.events.push_back(event);
    }

    fn whoami(&self) -> WhoAmI {
        WhoAmI {
            peer_id: self.me,
            name: self.name.clone(),
            link: self.contact_link(),
            listen: self.listen.clone(),
            registries: self.list_registries(),
            key_file: self.profile.key_file(),
        }
    }

    /// What to hand to a friend: our name at a registry if we have one, as it
    /// outlives addresses; or an address.
    fn contact_link(&self) -> ContactLink {
        let place = self.registry_place().unwrap_or_else(|| {
            let first = self
                .listen
                .first()
                .copied()
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 7777)));
            Place::Direct(first.into())
        });
        ContactLink {
            place,
            key: self.me,
        }
    }

    async fn set_name(&mut self, name: &str) -> Result<(), Error> {
        let shown = twocan_proto::text::name(name, limits::NAME_BYTES);
        if shown.is_empty() || shown.len() < twocan_proto::text::line(name).len() {
            let most = limits::NAME_BYTES;
            return Err(Error::new(
                ErrorCode::BadRequest,
                format!("a name has 1 to {most} bytes of plain text"),
            ));
        }
        let value = Value::from(shown.clone());
        self.store
            .run(move |db| settings::set(db, SETTING_NAME, &value))
            .await?;
        self.name = shown;
        Ok(())
    }

    async fn set_setting(&mut self, key: &str, value: Value) -> Result<(), Error> {
        known_setting(key)?;
        if key == calls::RING_SETTING {
            self.set_ring_time(&value)?;
        }
        let key = key.to_owned();
        Ok(self
            .store
            .run(move |db| settings::set(db, &key, &value))
            .await?)
    }

    async fn get_setting(&self, key: &str) -> Result<Value, Error> {
        known_setting(key)?;
        let key = key.to_owned();
        let found: Result<_, StoreError> = self.store.run(move |db| settings::get(db, &key)).await;
        Ok(found?.unwrap_or(Value::Null))
    }
}

fn known_setting(key: &str) -> Result<(), Error> {
    if SETTINGS.iter().any(|(name, _)| *name == key) {
        return Ok(());
    }
    let names: Vec<_> = SETTINGS.iter().map(|(name, _)| *name).collect();
    Err(Error::new(
        ErrorCode::NotFound,
        format!(
            "no setting is called {key}; there are: {}",
            names.join(", ")
        ),
    ))
}

/// A moment that does not come, for a branch that is switched off.
fn far_away() -> Instant {
    Instant::now() + std::time::Duration::from_secs(3600)
}

/// What a reply map is keyed by while a link comes up.
type Waiting<T> = HashMap<LinkId, Vec<Reply<T>>>;
