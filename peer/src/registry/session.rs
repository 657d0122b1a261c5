//! The session at one registry: resumed, kept alive by heartbeats, resumed
//! again when it breaks, until it is dropped or the registry ends it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use twocan_proto::address::Host;
use twocan_proto::api::{ClientInfo, LOOKUPS_MAX, Lookup, SessionGrant, Username};
use twocan_proto::heartbeat::{Alive, HeartbeatKey, Seen, SessionId};
use twocan_proto::live::{LobbyEvent, Notice};
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

use super::live::{Live, LiveAsk};
use super::{Announcement, ListQuery, RegistryClient};
use crate::api::{Error, ErrorCode, RegistryState};

/// How often contacts are looked up while the registry has no way to tell of
/// changes by itself.
const LOOK: Duration = Duration::from_secs(20);
/// Heartbeats without an answer after which the session counts as broken.
const MISSED: u32 = 3;
/// Requests to the live channel that wait.
const ASKS: usize = 32;
/// Longest pause before a heartbeat without an answer is followed by another.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// For the answer to a heartbeat.
const ANSWER: Duration = Duration::from_secs(3);
/// First and longest wait before a broken session is resumed.
pub(super) const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Heartbeat intervals that a registry may ask for.
const BEAT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(120));
/// Longest datagram of a registry, with room to see that it is too long.
const DATAGRAM_BYTES: usize = 256;

/// What a session tells the core.
#[derive(Debug)]
pub(crate) enum SessionEvent {
    /// How the registry stands, and why.
    State(RegistryState, Option<String>),
    /// What it says of a name: `None` when it knows nobody of that name.
    Client(Username, Option<ClientInfo>),
    /// Somebody there cannot reach us.
    Knock(ClientInfo),
    /// Something that the user should know.
    Notice(Notice),
    /// Something happened in the public room.
    Lobby(LobbyEvent),
}

/// A session that is kept up for as long as this exists.
#[derive(Debug)]
pub(crate) struct SessionTask {
    _task: JoinSet<()>,
    watched: watch::Sender<Vec<Lookup>>,
    asks: mpsc::Sender<LiveAsk>,
}

impl SessionTask {
    /// Keeps up the session of `client`'s token at `url`, beginning with what
    /// was `granted` just now, if it was. While not `visible` the registry is
    /// asked about others and told nothing of us.
    pub(crate) fn start(
        url: &RegistryUrl,
        client: RegistryClient,
        announcement: Announcement,
        (watched, visible): (Vec<Lookup>, watch::Receiver<bool>),
        granted: Option<SessionGrant>,
        events: mpsc::Sender<SessionEvent>,
    ) -> Self {
        let (watched_tx, watched_rx) = watch::channel(watched);
        let (asks, asked) = mpsc::channel(ASKS);
        let (up, is_up) = watch::channel(false);
        let ended = Arc::new(Notify::new());
        let (pushed, is_pushed) = watch::channel(0);
        let live = client.token().map(|token| Live {
            url: url.clone(),
            token,
            up: is_up,
            ended: Arc::clone(&ended),
            visible: visible.clone(),
            watched: watched_rx.clone(),
            pushed,
            asks: asked,
            events: events.clone(),
        });
        let keeper = Keeper {
            host: url.address().host.clone(),
            client,
            announcement,
            watched: watched_rx,
            visible,
            events,
            granted,
            failures: 0,
            up,
            ended,
            pushed: is_pushed,
        };
        let mut task = JoinSet::new();
        task.spawn(keeper.run());
        if let Some(live) = live {
            task.spawn(live.run());
        }
        Self {
            _task: task,
            watched: watched_tx,
            asks,
        }
    }

    /// Asks something of the live channel; gives it back when too much waits
    /// there, or there is no such channel.
    pub(crate) fn ask(&self, ask: LiveAsk) -> Result<(), LiveAsk> {
        self.asks.try_send(ask).map_err(|full| full.into_inner())
    }

    /// Looks up those of interest now, and not only when it is time.
    pub(crate) fn look_now(&self) {
        self.watched.send_modify(|_| {});
    }

    /// Whose presence is of interest.
    pub(crate) fn watch(&self, names: Vec<Lookup>) {
        self.watched.send_if_modified(|watched| {
            let changed = *watched != names;
            *watched = names;
            changed
        });
    }
}

struct Keeper {
    host: Host,
    client: RegistryClient,
    announcement: Announcement,
    watched: watch::Receiver<Vec<Lookup>>,
    visible: watch::Receiver<bool>,
    events: mpsc::Sender<SessionEvent>,
    /// What signing in has just granted.
    granted: Option<SessionGrant>,
    failures: u32,
    /// Whether the session stands, for the live channel.
    up: watch::Sender<bool>,
    /// The live channel was told that the session has ended.
    ended: Arc<Notify>,
    /// How many of those watched the live channel tells of.
    pushed: watch::Receiver<usize>,
}

/// Nobody wants to know about this session any more.
pub(super) struct Unwanted;

/// Why a session is not kept up as it was.
enum Over {
    /// It broke.
    Broken(Error),
    /// It is to be resumed: whether we are to be seen has changed, or the live
    /// channel has heard that it ended, and resuming tells why.
    Again,
}

impl Keeper {
    async fn run(mut self) {
        // Ends when the core is gone, or the registry ends the session.
        while self.once().await.is_ok() {}
    }

    /// One life of the session, from resuming to breaking, and the wait after.
    async fn once(&mut self) -> Result<(), Unwanted> {
        let visible = *self.visible.borrow_and_update();
        let granted = match (visible, self.granted.take()) {
            (true, Some(grant)) => Ok(Some(grant)),
            (true, None) => {
                self.tell_connecting().await?;
                let resumed = self.client.resume(self.announcement.clone()).await;
                resumed.map(Some)
            }
            // Resuming would show us; asking shows that we may ask.
            (false, _) => {
                self.tell_connecting().await?;
                let one = ListQuery {
                    limit: 1,
                    ..ListQuery::default()
                };
                self.client.clients(&one).await.map(|_| None)
            }
        };
        let over = match granted {
            Ok(grant) => {
                self.failures = 0;
                self.tell(RegistryState::SignedIn, None).await?;
                self.up.send_replace(true);
                let over = self.keep_alive(grant.as_ref()).await;
                self.up.send_replace(false);
                over?
            }
            Err(error) => Over::Broken(error),
        };
        let Over::Broken(error) = over else {
            return Ok(());
        };
        match error.code {
            ErrorCode::Unauthorized => {
                self.tell(
                    RegistryState::SignedOut,
                    Some("the session has ended: sign in again".to_owned()),
                )
                .await?;
                Err(Unwanted)
            }
            ErrorCode::Outdated => {
                self.tell(RegistryState::Outdated, Some(error.message))
                    .await?;
                Err(Unwanted)
            }
            // A ban may end by itself.
            ErrorCode::Banned => {
                self.tell(RegistryState::Banned, Some(error.message))
                    .await?;
                self.wait(error.retry_after).await
            }
            ErrorCode::Refused | ErrorCode::Conflict => {
                self.tell(RegistryState::Refused, Some(error.message))
                    .await?;
                self.wait(error.retry_after).await
            }
            _ => {
                self.tell(RegistryState::Unreachable, Some(error.message))
                    .await?;
                self.wait(error.retry_after).await
            }
        }
    }

    async fn wait(&mut self, asked: Option<Duration>) -> Result<(), Unwanted> {
        let (first, longest) = BACK_OFF;
        let backed_off = first
            .saturating_mul(1 << self.failures.min(10))
            .min(longest);
        self.failures += 1;
        // Spread out, so that a registry that comes back is not stormed.
        let wait = asked
            .unwrap_or(backed_off)
            .mul_f64(rand::rng().random_range(0.75..1.25));
        tokio::select! {
            () = sleep(wait) => Ok(()),
            () = self.events.closed() => Err(Unwanted),
        }
    }

    /// A registry that did not answer stays so until it does.
    async fn tell_connecting(&self) -> Result<(), Unwanted> {
        match self.failures {
            0 => self.tell(RegistryState::Connecting, None).await,
            _ => Ok(()),
        }
    }

    async fn tell(&self, state: RegistryState, why: Option<String>) -> Result<(), Unwanted> {
        self.events
            .send(SessionEvent::State(state, why))
            .await
            .map_err(|_| Unwanted)
    }

    /// Look-ups, and heartbeats if there is something to keep alive, until
    /// something breaks or changes; gives what.
    async fn keep_alive(&mut self, grant: Option<&SessionGrant>) -> Result<Over, Unwanted> {
        let mut heart = match grant {
            Some(grant) => match Heart::new(&self.host, grant).await {
                Ok(heart) => Some(heart),
                Err(error) => return Ok(Over::Broken(error)),
            },
            None => None,
        };
        let mut beat_at = Instant::now();
        let mut look_at = Instant::now();
        let mut missed = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(beat_at.into()), if heart.is_some() => {
                    let Some(heart) = &mut heart else { continue };
                    missed = if heart.beat().await.is_some() { 0 } else { missed + 1 };
                    if missed >= MISSED {
                        let error = Error::new(ErrorCode::Unreachable, "the registry does not answer our signs of life");
                        return Ok(Over::Broken(error));
                    }
                    let usual = heart.interval;
                    beat_at = Instant::now() + if missed == 0 { usual } else { (usual / 4).min(ASK_AGAIN) };
                }
                changed = self.visible.changed() => return match changed {
                    Ok(()) => {
                        if heart.take().is_some() {
                            self.client.leave().await;
                        }
                        Ok(Over::Again)
                    }
                    Err(_) => Err(Unwanted),
                },
                () = self.ended.notified() => {
                    // A registry that grants what it ends is not asked all the time.
                    return self.wait(None).await.map(|()| Over::Again);
                }
                () = tokio::time::sleep_until(look_at.into()) => {
                    if let Some(error) = self.look().await? {
                        return Ok(Over::Broken(error));
                    }
                    look_at = Instant::now() + LOOK;
                }
                // Those that the channel told of until now are looked up again,
                // and a channel that breaks may have lost its registry.
                Ok(()) = self.pushed.changed() => {
                    look_at = Instant::now();
                    beat_at = look_at;
                }
                changed = self.watched.changed() => match changed {
                    Ok(()) => look_at = Instant::now(),
                    Err(_) => return Err(Unwanted),
                },
                () = self.events.closed() => return Err(Unwanted),
            }
        }
    }

    /// Looks up everybody who is watched and whom the live channel does not
    /// tell of; gives what went wrong.
    async fn look(&mut self) -> Result<Option<Error>, Unwanted> {
        let watched = self.watched.borrow_and_update().clone();
        let pushed = *self.pushed.borrow_and_update();
        for some in watched[pushed.min(watched.len())..].chunks(LOOKUPS_MAX) {
            let found = match self.client.lookups(some.to_vec()).await {
                Ok(found) => found,
                Err(error) if error.code == ErrorCode::Limited => return Ok(None),
                Err(error) => return Ok(Some(error)),
            };
            let mut found: HashMap<String, ClientInfo> = found
                .into_iter()
                .map(|info| (info.username.folded(), info))
                .collect();
            for Lookup { username, .. } in some {
                let info = found.remove(&username.folded());
                self.events
                    .send(SessionEvent::Client(username.clone(), info))
                    .await
                    .map_err(|_| Unwanted)?;
            }
        }
        Ok(None)
    }
}

/// The heartbeats of one session.
pub(super) struct Heart {
    pub(super) socket: UdpSocket,
    session: SessionId,
    key: HeartbeatKey,
    interval: Duration,
    counter: u64,
    /// The registry's clock when we got to know it, and our own then.
    clock: (Timestamp, Instant),
}

impl Heart {
    pub(super) async fn new(host: &Host, grant: &SessionGrant) -> Result<Self, Error> {
        let nonsense = || Error::new(ErrorCode::Refused, "the registry's session makes no sense");
        let session = SessionId::from_hex(&grant.session_id).ok_or_else(nonsense)?;
        let key = HeartbeatKey::from_text(grant.heartbeat_key.expose()).ok_or_else(nonsense)?;
        let (shortest, longest) = BEAT;
        let silent = |error: std::io::Error| {
            Error::new(
                ErrorCode::Unreachable,
                format!("no heartbeat can be sent to the registry: {error}"),
            )
        };
        let at = resolve(host, grant.heartbeat_port).await.map_err(silent)?;
        let any: SocketAddr = if at.is_ipv4() {
            ([0; 4], 0).into()
        } else {
            ([0; 16], 0).into()
        };
        let socket = UdpSocket::bind(any).await.map_err(silent)?;
        socket.connect(at).await.map_err(silent)?;
        Ok(Self {
            socket,
            session,
            key,
            interval: Duration::from_millis(grant.heartbeat_ms).clamp(shortest, longest),
            counter: 0,
            clock: (grant.server_time, Instant::now()),
        })
    }

    /// One heartbeat, and what is answered.
    pub(super) async fn beat(&mut self) -> Option<Seen> {
        self.counter += 1;
        let (then, at) = self.clock;
        let since = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let sent_at = Timestamp::from_millis(then.as_millis().saturating_add(since));
        let alive = Alive {
            session: self.session,
            sent_at,
            counter: self.counter,
        };
        self.socket.send(&alive.encode(&self.key)).await.ok()?;
        timeout(ANSWER, self.answer()).await.ok().flatten()
    }

    /// Waits for the answer to the last heartbeat, past anything else; none
    /// when the host says that nobody listens there.
    async fn answer(&self) -> Option<Seen> {
        let mut datagram = [0; DATAGRAM_BYTES];
        while let Ok(length) = self.socket.recv(&mut datagram).await {
            let seen = Seen::decode(&datagram[..length], &self.key);
            let ours =
                seen.filter(|seen| seen.session == self.session && seen.counter == self.counter);
            if ours.is_some() {
                return ours;
            }
        }
        None
    }
}

async fn resolve(host: &Host, port: u16) -> std::io::Result<SocketAddr> {
    match host {
        Host::Ip(ip) => Ok(SocketAddr::new(*ip, port)),
        Host::Name(name) => {
            let mut found = tokio::net::lookup_host((name.as_str(), port)).await?;
            found
                .next()
                .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
        }
    }
}
