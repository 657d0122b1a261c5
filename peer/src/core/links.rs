//! The links there are, and which of two between the same two stays.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use twocan_proto::address::{Address, Host};
use twocan_proto::body::{Body, ByeReason, Entry, Hello, Presence, Resume};
use twocan_proto::identity::PeerId;
use twocan_proto::session::{Ended, Side};
use uuid::Uuid;

use super::command::answer;
use super::{Core, Waiting, addresses};
use crate::api::{Connected, Error, ErrorCode, Event, NoticeLevel, Path, Relation};
use crate::clock;
use crate::link::Stream;
use crate::link::handover::Handover;
use crate::link::listen::Accepted;
use crate::link::task::{self, Command as LinkCommand, LinkEvent, LinkHandle, LinkId, Setup};
use crate::store::contacts as table;

/// What this program calls itself in hellos.
const CLIENT: &str = concat!("twocan/", env!("CARGO_PKG_VERSION"));
/// Commands waiting for one link. A link that leaves more than this waiting
/// does not work and is given up.
const COMMANDS: usize = 256;
/// Links to people who are no contacts, held at most: the oldest goes.
const STRANGERS: usize = 32;
/// Contacts dialled side by side; the others wait.
const DIALS: usize = 8;
/// For all links together to say their byes when the program ends.
const FAREWELL: Duration = Duration::from_secs(3);
/// A link older than this was not dialled at the same time as one that comes
/// up now.
const SETTLED: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Link {
    peer: PeerId,
    handle: LinkHandle,
    hello: Option<Hello>,
    since: Instant,
}

/// All links there are.
#[derive(Debug)]
pub(super) struct Links {
    all: HashMap<LinkId, Link>,
    current: HashMap<PeerId, LinkId>,
    last_id: LinkId,
    pub(super) connecting: Waiting<Connected>,
    pub(super) dials: Arc<Semaphore>,
    /// People whose link we left behind at an address that we no longer have.
    moved: HashSet<PeerId>,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            all: HashMap::new(),
            current: HashMap::new(),
            last_id: 0,
            connecting: HashMap::new(),
            dials: Arc::new(Semaphore::new(DIALS)),
            moved: HashSet::new(),
        }
    }
}

impl Links {
    fn current(&self, peer: PeerId) -> Option<&Link> {
        self.current.get(&peer).and_then(|id| self.all.get(id))
    }

    /// The link in use to `peer`.
    pub(super) fn get(&self, peer: PeerId) -> Option<&LinkHandle> {
        self.current(peer).map(|link| &link.handle)
    }

    /// The running program at the other end of the link to `peer`.
    pub(super) fn instance(&self, peer: PeerId) -> Option<Uuid> {
        self.current(peer)?
            .hello
            .as_ref()
            .map(|hello| hello.instance)
    }

    pub(super) fn path(&self, peer: PeerId) -> Option<Path> {
        self.get(peer).map(|handle| addresses::path_to(handle.at))
    }

    /// Where `peer` takes connections, as far as her link shows it.
    pub(super) fn dial_back(&self, peer: PeerId) -> Option<Address> {
        let link = self.current(peer)?;
        if link.handle.dialled {
            return Some(link.handle.at.into());
        }
        let port = link.hello.as_ref()?.port?;
        Some(Address {
            host: Host::Ip(link.handle.at.ip().to_canonical()),
            port: Some(port),
        })
    }

    /// Whether the link that has just come up is the one to keep.
    ///
    /// Both sides see the same two links and must choose the same one: the
    /// newer, if the peer's program started anew or one side dialled twice;
    /// otherwise the one that the smaller id dialled. A peer that moved to
    /// another address has left every link behind that was there before.
    fn prefers(&self, me: PeerId, peer: PeerId, dialled: bool, hello: &Hello) -> bool {
        let Some(old) = self.current(peer) else {
            return true;
        };
        if hello.moved && old.since.elapsed() > SETTLED {
            return true;
        }
        let same_program = old
            .hello
            .as_ref()
            .is_some_and(|known| known.instance == hello.instance);
        !same_program || old.handle.dialled == dialled || dialled == (me < peer)
    }
}

impl Core {
    pub(super) fn on_accepted(&mut self, accepted: Accepted) {
        let Accepted {
            stream,
            peer,
            from,
            for_files,
        } = accepted;
        if peer == self.me {
            tracing::info!("we dialled ourselves; that link is dropped");
            return;
        }
        if for_files {
            return self.on_file_connection(stream, peer);
        }
        self.start_link(stream, peer, from, false);
    }

    pub(super) fn start_link(
        &mut self,
        stream: Stream,
        peer: PeerId,
        at: SocketAddr,
        dialled: bool,
    ) -> LinkId {
        self.links.last_id += 1;
        let id = self.links.last_id;
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let handover = Arc::new(Handover::default());
        let near = stream
            .get_ref()
            .0
            .local_addr()
            .map_or_else(|_| at.ip(), |near| near.ip());
        let hello = Hello {
            client: CLIENT.to_owned(),
            capabilities: Vec::new(),
            instance: self.instance,
            port: self.listen.first().map(SocketAddr::port),
            welcome: self.contacts.welcomes(peer),
            // Strangers are told nothing of us.
            invisible: self.contacts.welcomes(peer) && !self.is_seen(),
            moved: self.links.moved.contains(&peer),
            resume: Resume::default(),
        };
        let setup = Setup {
            id,
            stream,
            ends: self.ends(peer),
            hello,
            store: self.store.clone(),
            commands: inbox,
            handover: Arc::clone(&handover),
            events: self.link_events.clone(),
        };
        tokio::spawn(task::run(setup));
        let handle = LinkHandle {
            dialled,
            at,
            near,
            commands,
            handover,
        };
        self.links.all.insert(
            id,
            Link {
                peer,
                handle,
                hello: None,
                since: Instant::now(),
            },
        );
        id
    }

    pub(super) async fn on_link_event(&mut self, id: LinkId, event: LinkEvent) {
        let Some(peer) = self.links.all.get(&id).map(|link| link.peer) else {
            return;
        };
        match event {
            LinkEvent::Up(hello) => self.on_up(id, peer, *hello).await,
            LinkEvent::Body(body) => self.on_body(peer, body).await,
            LinkEvent::Received(messages) => self.on_received(peer, messages).await,
            LinkEvent::States(changed) => self.on_states(peer, changed),
            LinkEvent::Sent(ids, upto) => self.on_sent(peer, ids, upto),
            LinkEvent::Ended(ended) => self.on_ended(id, &ended).await,
        }
    }

    async fn on_body(&mut self, peer: PeerId, body: Body) {
        match body {
            Body::Knock(knock) => self.on_knock(peer, knock).await,
            Body::Welcome(welcome) => {
                let name =
                    twocan_proto::text::name(&welcome.name, twocan_proto::limits::NAME_BYTES);
                self.both_agree(peer, &name).await;
                self.on_call_linked(peer, true);
                self.on_files_allowed(peer);
            }
            Body::Reject => self.on_rejected(peer).await,
            Body::Profile(profile) => self.on_profile(peer, profile).await,
            Body::Typing(typing) => self.emit(Event::Typing {
                contact: peer,
                on: typing.on,
            }),
            Body::FileOffer(offer) => self.on_file_offer(peer, offer).await,
            Body::FileState(state) => self.on_file_state(peer, state).await,
            Body::FileSeen(seen) => self.on_file_seen(peer, seen).await,
            Body::FileWant(wanted) => self.on_file_want(peer, wanted.transfer),
            body => self.on_call_body(peer, body),
        }
    }

    async fn on_up(&mut self, id: LinkId, peer: PeerId, hello: Hello) {
        let Some(dialled) = self.links.all.get(&id).map(|link| link.handle.dialled) else {
            return;
        };
        if self.contacts.get(peer).is_some() && !self.contacts.welcomes(peer) {
            self.tell(id, LinkCommand::Close(ByeReason::Refused, ""));
            return;
        }
        if !self.links.prefers(self.me, peer, dialled, &hello) {
            // The old one may be dead without knowing it yet.
            self.tell_link(peer, LinkCommand::Probe);
            self.tell(id, LinkCommand::Close(ByeReason::Replaced, ""));
            self.answer_connecting(id, Ok(peer));
            return;
        }
        self.links.moved.remove(&peer);
        if let Some(old) = self.links.current.insert(peer, id) {
            self.tell(old, LinkCommand::Close(ByeReason::Replaced, ""));
        }
        let welcome = hello.welcome;
        let hides = (welcome && hello.invisible).then_some(Presence::Invisible);
        if let Some(entry) = self.contacts.get_mut(peer) {
            entry.begin_link(hides);
        }
        if let Some(link) = self.links.all.get_mut(&id) {
            link.hello = Some(hello);
        }
        self.contacts.nothing_sent(peer);
        self.tell(
            id,
            LinkCommand::Open {
                welcome: self.contacts.welcomes(peer),
            },
        );
        self.greet(peer, welcome).await;
        self.answer_connecting(id, Ok(peer));
        self.limit_strangers(peer);
        self.on_call_linked(peer, welcome);
        if welcome {
            self.on_files_allowed(peer);
        }
    }

    /// What a link that came up means for the contact at its other end.
    async fn greet(&mut self, peer: PeerId, welcome: bool) {
        let Some(entry) = self.contacts.get_mut(peer) else {
            return;
        };
        entry.dial.linked();
        let relation = entry.saved.relation;
        let address = self.links.dial_back(peer);
        let now = clock::now();
        let kept = self
            .store
            .run(move |db| {
                address
                    .iter()
                    .try_for_each(|address| table::save_address(db, peer, address, now))
            })
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "an address could not be kept");
        }
        let standing = match (welcome, relation) {
            (true, _) => Relation::Mutual,
            // She has forgotten us: ask again.
            (false, Relation::Mutual) => Relation::Asked,
            (false, other) => other,
        };
        let changed = self
            .change_contact(peer, |saved| {
                saved.last_seen = Some(now);
                saved.relation = standing;
            })
            .await;
        if let Err(error) = changed {
            tracing::error!(%error, "a contact's standing could not be kept");
        }
        match standing {
            Relation::Asked => self.knock(peer),
            // Tells our name as well, which may have changed.
            Relation::Mutual => {
                self.welcome(peer);
                self.tell_profile(peer);
            }
            Relation::Rejected => {}
        }
    }

    fn limit_strangers(&mut self, newest: PeerId) {
        if self.contacts.get(newest).is_some() {
            return;
        }
        let strangers = self
            .links
            .current
            .iter()
            .filter(|(peer, _)| self.contacts.get(**peer).is_none());
        let ids: Vec<LinkId> = strangers.map(|(_, id)| *id).collect();
        if ids.len() > STRANGERS
            && let Some(oldest) = ids.into_iter().min()
        {
            self.tell(
                oldest,
                LinkCommand::Close(ByeReason::Refused, "too many strangers at once"),
            );
        }
    }

    async fn on_ended(&mut self, id: LinkId, ended: &Ended) {
        let Some(link) = self.links.all.remove(&id) else {
            return;
        };
        let peer = link.peer;
        tracing::info!(peer = %peer.short(), by = ?ended.by, reason = ?ended.reason, text = %ended.text, "a link ended");
        self.answer_connecting(
            id,
            Err(Error::new(
                ErrorCode::Refused,
                format!("the link ended at once: {}", ended.text),
            )),
        );
        if self.links.current.get(&peer) != Some(&id) {
            return;
        }
        self.links.current.remove(&peer);
        self.contacts.nothing_sent(peer);
        self.on_link_lost(peer);
        self.on_files_link_lost(peer);
        self.tell_ending(peer, ended);
        if let Some(entry) = self.contacts.get_mut(peer) {
            match (ended.by, ended.reason) {
                (Side::Us, ByeReason::Disconnected | ByeReason::Refused) => entry.dial.rest(),
                (Side::Them, ByeReason::Disconnected) => entry.dial.rest(),
                _ => entry.dial.again_later(),
            }
        }
        self.relink_call(peer);
        let now = clock::now();
        if let Err(error) = self
            .change_contact(peer, |saved| saved.last_seen = Some(now))
            .await
        {
            tracing::error!(%error, "when a contact was last seen could not be kept");
        }
        self.emit_contact(peer);
    }

    /// This machine has these addresses and no others: links at one that it
    /// had before are dead, which TCP would notice only after minutes.
    pub(super) async fn leave_addresses(&mut self, present: &[IpAddr]) {
        let is_left = |link: &Link| {
            let near = link.handle.near.to_canonical();
            !near.is_loopback() && !present.contains(&near)
        };
        let left = self.links.all.iter().filter(|(_, link)| is_left(link));
        let left: Vec<(LinkId, PeerId)> = left.map(|(id, link)| (*id, link.peer)).collect();
        for (id, peer) in left {
            if self.links.current.get(&peer) == Some(&id) {
                self.links.moved.insert(peer);
            }
            let ended = Ended {
                by: Side::Us,
                reason: ByeReason::Timeout,
                text: "this machine is in another network now".to_owned(),
            };
            self.on_ended(id, &ended).await;
        }
    }

    /// Why a link ended, in words, if the user should know.
    fn tell_ending(&mut self, peer: PeerId, ended: &Ended) {
        let who = self.called(peer);
        // Told once, and not again with every try to reach her.
        let is_first = self
            .contacts
            .get(peer)
            .is_some_and(|entry| entry.dial.failures == 0);
        let text = match (ended.by, ended.reason) {
            (_, ByeReason::Outdated) => {
                format!("{who}: one of you needs a newer twocan ({})", ended.text)
            }
            (Side::Them, ByeReason::Refused) if is_first => {
                format!("{who} does not take your connection: you may be blocked there")
            }
            _ => {
                let farewell = match (ended.by, ended.reason) {
                    (Side::Them, ByeReason::Shutdown) => "the program there is shutting down",
                    (Side::Them, ByeReason::Disconnected) => "disconnected there",
                    (Side::Us, ByeReason::Timeout) => "nothing came for too long",
                    _ => return,
                };
                if let Some(entry) = self.contacts.get_mut(peer) {
                    entry.farewell = Some(farewell);
                }
                return;
            }
        };
        self.emit(Event::Notice {
            level: NoticeLevel::Warning,
            text,
        });
    }

    /// What the user calls somebody.
    pub(super) fn called(&self, peer: PeerId) -> String {
        self.contacts
            .get(peer)
            .map_or_else(|| peer.short(), |entry| entry.saved.alias.clone())
    }

    fn answer_connecting(&mut self, id: LinkId, result: Result<PeerId, Error>) {
        for reply in self.links.connecting.remove(&id).unwrap_or_default() {
            let connected = result.clone().and_then(|peer_id| {
                let path = self.links.path(peer_id).ok_or_else(Error::stopped)?;
                Ok(Connected { peer_id, path })
            });
            answer(reply, connected);
        }
    }

    /// Says something to a contact who is there; to others nothing is said.
    pub(super) fn say(&mut self, peer: PeerId, body: Body) {
        self.tell_link(peer, LinkCommand::Send(Box::new(body)));
    }

    /// An entry for `peer` is on disk: it goes out now if she is there, and
    /// otherwise as soon as she is.
    pub(super) fn hand_over(&mut self, peer: PeerId, entry: Entry) {
        match self.links.get(peer) {
            Some(link) => link.handover.put(entry),
            None => self.hurry(peer),
        }
    }

    pub(super) fn tell_link(&mut self, peer: PeerId, command: LinkCommand) {
        if let Some(id) = self.links.current.get(&peer) {
            self.tell(*id, command);
        }
    }

    /// Ends the link to somebody we want nothing to do with now.
    pub(super) fn close_link(&mut self, peer: PeerId) {
        self.tell_link(peer, LinkCommand::Close(ByeReason::Refused, ""));
    }

    fn tell(&mut self, id: LinkId, command: LinkCommand) {
        let Some(link) = self.links.all.get_mut(&id) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = link.handle.commands.try_send(command) {
            tracing::warn!(peer = %link.peer.short(), "a link does not take its commands and is given up");
            // Without its sender the task ends the link and tells us so.
            link.handle.commands = mpsc::channel(1).0;
        }
    }

    pub(super) async fn stop_links(&mut self, events: &mut mpsc::Receiver<(LinkId, LinkEvent)>) {
        let ids: Vec<LinkId> = self.links.all.keys().copied().collect();
        for id in ids {
            self.tell(id, LinkCommand::Close(ByeReason::Shutdown, ""));
        }
        let all_ended = async {
            while !self.links.all.is_empty() {
                match events.recv().await {
                    Some((id, LinkEvent::Ended(_))) => drop(self.links.all.remove(&id)),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if timeout(FAREWELL, all_ended).await.is_err() {
            tracing::info!("some peers did not take their bye in time");
        }
    }
}
