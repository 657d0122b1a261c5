//! The core: one task that owns who we know, who is linked, who is called.
//!
//! Its state is plain data and every input meets in one `select!`. It waits
//! for the database (milliseconds, bounded) and for nothing else: not for
//! links, not for the interface, not for the network.
//!
//! | part | what it decides |
//! |---|---|
//! | [`book`], [`contacts`] | who is a contact, what is shown of her |
//! | [`adding`] | what people type to add somebody |
//! | [`trust`] | keys that change |
//! | [`persona`] | profiles and presence, ours and theirs |
//! | [`requests`] | strangers |
//! | [`nearby`] | who is in the local network |
//! | [`dialling`] | who is dialled when |
//! | [`links`] | the links there are, which of two stays |
//! | [`chat`], [`saving`] | messages on their way between the handle, the database and links |
//! | [`preferences`] | what the user has set |
//! | [`archive`] | exports, imports, and letting old messages go |
//! | [`calls`] | calls and their media |
//! | [`transfers`], [`file_words`], [`file_runs`] | files: what is decided, what is said of it, and when their contents flow |
//! | [`registries`] | our sessions at registries |
//! | [`accounts`] | signing in, and what becomes of our accounts there |
//! | [`lobbies`] | what registries tell by themselves: knocks, notices, public rooms |
//! | [`lookups`], [`asking`] | what registries know of others, asked side by side |

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::link::{ContactLink, Place};
use twocan_voice::LevelReader;
use uuid::Uuid;

use crate::api::{Config, Error, ErrorCode, Event, WhoAmI};
use crate::discovery::Heard;
use crate::link::listen::{self, Accepted};
use crate::link::task::{LinkEvent, LinkId};
use crate::link::tls::LinkTls;
use crate::profile::Profile;
use crate::store::{Store, settings};

mod accounts;
mod adding;
mod addresses;
mod archive;
mod asking;
mod book;
mod calls;
mod chat;
mod command;
mod contacts;
mod dialling;
mod file_runs;
mod file_words;
mod links;
mod lobbies;
mod lookups;
mod nearby;
mod persona;
mod preferences;
mod rate;
mod registries;
mod requests;
mod saving;
mod sound;
mod transfers;
mod trust;

pub(crate) use addresses::path_to;
pub(crate) use command::{Command, Reply};
pub(crate) use file_runs::TransferReport;

/// Things that tasks of ours report, waiting for the core.
const REPORTS: usize = 256;
/// Events held back for an interface that does not take them, before the
/// oldest are dropped.
const EVENTS_HELD: usize = 10_000;
/// Events held back beyond which the interface is given time.
const EVENTS_BEHIND: usize = 2_000;
/// How long an interface may take no event before nothing waits for it.
const INTERFACE_WAIT: Duration = Duration::from_secs(2);
/// How long a change of a contact may go untold while much is under way.
const TOUCHED_AT_MOST: Duration = Duration::from_millis(100);

const SETTING_NAME: &str = "name";

/// What a task of ours reports.
#[derive(Debug)]
pub(crate) enum Report {
    Dialled(Box<dialling::Dialled>),
    Registry(registries::RegistryReport),
    Call(calls::CallReport),
    Transfer(TransferReport),
    Heard(Heard),
    MicTest(sound::MicTestReport),
}

/// Contacts about whom something changed, not yet told.
#[derive(Debug, Default)]
struct Touched {
    peers: BTreeMap<PeerId, Stale>,
    since: Option<Instant>,
}

/// Whether what is known here of a conversation has to be read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stale {
    No,
    Yes,
}

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
    contacts: book::Book,
    links: links::Links,
    registries: registries::Registries,
    calls: calls::Calls,
    sound: sound::Sound,
    transfers: transfers::Transfers,
    persona: persona::Persona,
    nearby: nearby::Neighbours,
    knocks: requests::Knocks,
    /// Lines about people who come and go.
    comings: rate::Window,
    retention: archive::Retention,
    saving: saving::Saving,
    touched: Touched,
    reports: mpsc::Sender<Report>,
    link_events: mpsc::Sender<(LinkId, LinkEvent)>,
    events: VecDeque<Event>,
    events_lost: u64,
    event_taken_at: Instant,
    /// The meters of the call there is, for whoever holds the handle.
    levels: watch::Sender<Option<LevelReader>>,
    stopping: Option<oneshot::Sender<()>>,
}

/// Starts the engine; see [`crate::Engine::start`].
pub(crate) async fn start(
    config: Config,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    levels: watch::Sender<Option<LevelReader>>,
) -> Result<(), Error> {
    let (profile, (store, store_thread)) = open(&config).await?;
    let tls = LinkTls::new(&profile.identity)
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    listen::allow_many();
    let listener = listen::bind(config.listen).await?;
    let bound = listener
        .local_addr()
        .map_err(|error| Error::new(ErrorCode::Io, error.to_string()))?;

    let (accepted_tx, accepted) = mpsc::channel::<Accepted>(16);
    let listening = tokio::spawn(listen::serve(
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
        contacts: book::Book::default(),
        links: links::Links::default(),
        registries: registries::Registries::default(),
        calls: calls::Calls::default(),
        sound: sound::Sound::default(),
        transfers: transfers::Transfers::default(),
        persona: persona::Persona::default(),
        nearby: nearby::Neighbours::default(),
        knocks: requests::Knocks::default(),
        comings: rate::Window::default(),
        retention: archive::Retention::default(),
        saving: saving::Saving::default(),
        touched: Touched::default(),
        reports,
        link_events,
        events: VecDeque::new(),
        events_lost: 0,
        event_taken_at: Instant::now(),
        levels,
        stopping: None,
        config,
    };
    if let Some(name) = given {
        core.keep_name(&name).await?;
    }
    core.load_persona().await?;
    core.load_contacts().await?;
    core.load_registries().await?;
    core.load_transfers().await?;
    core.search_nearby().await;
    core.load_retention().await?;
    core.load_call_settings().await?;
    core.load_call_log().await?;
    core.load_sound().await?;
    let inputs = Inputs {
        commands,
        accepted,
        from_links,
        from_tasks,
        events,
    };
    tokio::spawn(async move {
        core.run(inputs).await;
        let done = core.stopping.take();
        // The database's thread ends with the last handle; a blocking place
        // waits for it so that the runtime may not end before.
        drop(core);
        let _joined = tokio::task::spawn_blocking(move || store_thread.join()).await;
        listening.abort();
        let _aborted = listening.await;
        // The profile and the port are free: whoever waited for the end may
        // start again with both.
        if let Some(done) = done {
            let _not_waiting = done.send(());
        }
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

impl Inputs {
    fn are_quiet(&self) -> bool {
        self.commands.is_empty() && self.from_links.is_empty()
    }
}

impl Core {
    async fn run(&mut self, mut inputs: Inputs) {
        while self.stopping.is_none() {
            let is_quiet = self.saving.is_empty() && inputs.are_quiet();
            if is_quiet || self.touched_long_ago() {
                self.emit_touched(is_quiet).await;
            }
            if self.has_calls_to_save() {
                self.save_calls().await;
            }
            self.hand_on(&inputs.events);
            let deadline = self.deadline();
            tokio::select! {
                command = inputs.commands.recv(), if !self.saving.is_full() => match command {
                    Some(command) => self.on_command(command).await,
                    None => break,
                },
                Some(saved) = self.saving.next() => self.on_saved(saved),
                Some((id, event)) = inputs.from_links.recv(), if !self.interface_is_behind() => self.on_link_event(id, event).await,
                Some(accepted) = inputs.accepted.recv() => self.on_accepted(accepted),
                Some(report) = inputs.from_tasks.recv() => self.on_report(report).await,
                Ok(place) = inputs.events.reserve(), if !self.events.is_empty() => {
                    if let Some(event) = self.events.pop_front() {
                        place.send(event);
                        self.event_taken_at = Instant::now();
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
            Report::Call(report) => self.on_call_report(report).await,
            Report::Transfer(report) => self.on_transfer_report(report).await,
            Report::Heard(heard) => self.on_heard(heard),
            Report::MicTest(report) => self.on_mic_test(report),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [
            self.links_deadline(),
            self.calls_deadline(),
            self.transfers_deadline(),
            self.retention_deadline(),
            self.interface_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn on_deadline(&mut self, now: Instant) {
        self.dial_those_due(now);
        self.on_calls_deadline(now);
        self.on_transfers_deadline(now);
        self.on_retention_deadline(now);
    }

    /// Ends calls and links with a reason, and what is being saved is saved.
    async fn stop(&mut self, mut inputs: Inputs) {
        self.stop_calls().await;
        self.save_calls().await;
        while let Some(saved) = self.saving.next().await {
            self.on_saved(saved);
        }
        self.stop_transfers(&mut inputs.from_tasks).await;
        let farewells = self.registries.leave();
        self.stop_nearby();
        self.stop_links(&mut inputs.from_links).await;
        farewells.join_all().await;
        while let Some(event) = self.events.pop_front() {
            // An interface that is gone, or does not take it now, never will.
            if inputs.events.try_send(event).is_err() {
                break;
            }
        }
    }

    /// Gives the interface what there is place for, in one go.
    fn hand_on(&mut self, events: &mpsc::Sender<Event>) {
        while !self.events.is_empty()
            && let Ok(place) = events.try_reserve()
            && let Some(event) = self.events.pop_front()
        {
            place.send(event);
            self.event_taken_at = Instant::now();
        }
    }

    /// The interface takes what happens, but more slowly than it happens:
    /// links wait for it, and by TCP so do the peers. One that takes nothing
    /// at all holds nothing up.
    fn interface_is_behind(&self) -> bool {
        self.interface_deadline().is_some()
    }

    fn interface_deadline(&self) -> Option<Instant> {
        let until = self.event_taken_at + INTERFACE_WAIT;
        (self.events.len() >= EVENTS_BEHIND && Instant::now() < until).then_some(until)
    }

    /// Something about a contact changed: she is told as she stands once what
    /// is under way is done, so that many messages are one change of hers.
    fn touch(&mut self, peer: PeerId, stale: Stale) {
        let known = self.touched.peers.entry(peer).or_insert(stale);
        *known = (*known).max(stale);
        self.touched.since.get_or_insert_with(Instant::now);
    }

    fn touched_long_ago(&self) -> bool {
        let since = self.touched.since;
        since.is_some_and(|since| since.elapsed() >= TOUCHED_AT_MOST)
    }

    /// Reads anew what is known of a conversation. One of which there is much
    /// to count waits for that until it `is_quiet`: it costs much, and while
    /// much is under way it is not true for long.
    async fn emit_touched(&mut self, is_quiet: bool) {
        let touched = std::mem::take(&mut self.touched);
        for (peer, stale) in touched.peers {
            match stale {
                Stale::Yes if is_quiet || self.contacts.counts_few(peer) => {
                    self.refresh_summary(peer).await;
                }
                Stale::Yes => self.touch(peer, stale),
                Stale::No => {}
            }
            self.emit_contact(peer);
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
        self.keep_name(name).await?;
        self.tell_all().await;
        Ok(())
    }

    async fn keep_name(&mut self, name: &str) -> Result<(), Error> {
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
}

/// A moment that does not come, for a branch that is switched off.
fn far_away() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// What a reply map is keyed by while a link comes up.
type Waiting<T> = HashMap<LinkId, Vec<Reply<T>>>;
