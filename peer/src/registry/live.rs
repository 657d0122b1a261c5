//! The live channel of a session: presence that is pushed, knocks, notices
//! and the lobby, over one WebSocket that is opened again when it breaks.
//!
//! It is a convenience beside the session: without it contacts are looked up
//! now and then, and everything else of a registry works.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use twocan_proto::api::{Lookup, Username};
use twocan_proto::live::{
    Ask, Event, LiveEnd, LiveHello, LobbyAsk, LobbyEvent, LobbyUser, Notice, WATCH_AT_ONCE,
};
use twocan_proto::registry_url::RegistryUrl;

use super::channel::{Broken, Channel};
use super::session::{BACK_OFF, SessionEvent, Unwanted};
use crate::api::{Error, ErrorCode, RegistryState};

/// For the answer to something said in the lobby.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest that a registry may ask to stay away while it stops.
const AWAY: Duration = Duration::from_secs(300);
/// Requests about the lobby that wait for their answers.
const WAITING: usize = 32;

/// Where the answer to a lobby request goes.
pub(crate) type LobbyReply = oneshot::Sender<Result<Vec<LobbyUser>, Error>>;

/// What is asked of the channel.
#[derive(Debug)]
pub(crate) enum LiveAsk {
    /// Tell somebody that we cannot reach them.
    Knock(Lookup),
    Lobby(LobbyAsk, LobbyReply),
}

impl LiveAsk {
    fn refuse(self, error: &Error) {
        if let Self::Lobby(_, reply) = self {
            let _nobody_waits = reply.send(Err(error.clone()));
        }
    }
}

/// What the channel shares with the session.
pub(super) struct Live {
    pub(super) url: RegistryUrl,
    pub(super) token: twocan_proto::api::Secret,
    /// The session stands.
    pub(super) up: watch::Receiver<bool>,
    /// Whom to tell that the registry has ended it.
    pub(super) ended: Arc<Notify>,
    pub(super) visible: watch::Receiver<bool>,
    pub(super) watched: watch::Receiver<Vec<Lookup>>,
    /// How many of those watched, from the first, are told of by the channel;
    /// said again whenever it is opened, or cannot be, or breaks.
    pub(super) pushed: watch::Sender<usize>,
    pub(super) asks: mpsc::Receiver<LiveAsk>,
    pub(super) events: mpsc::Sender<SessionEvent>,
}

/// What outlives a channel.
#[derive(Default)]
struct Memory {
    failures: u32,
    in_lobby: bool,
    /// The registry stops, and said when it is worth coming back.
    away: Option<Duration>,
}

/// A lobby request that waits.
struct Waiting {
    ask: LobbyAsk,
    reply: LobbyReply,
    until: Instant,
}

impl Live {
    pub(super) async fn run(mut self) {
        let mut memory = Memory::default();
        while self.once(&mut memory).await.is_ok() {}
        self.pushed.send_replace(0);
    }

    /// One life of the channel, and the wait after it.
    async fn once(&mut self, memory: &mut Memory) -> Result<(), Unwanted> {
        self.until_wanted().await?;
        let broken = match Channel::open(&self.url, &self.token).await {
            Ok((channel, hello)) => {
                memory.failures = 0;
                self.talk(channel, &hello, memory).await
            }
            Err(broken) => Ok(broken),
        };
        // The session looks whether the registry is there at all.
        self.pushed.send_replace(0);
        let broken = broken?;
        match broken {
            // A registry that has no such channel.
            Broken::Refused(error) if error.code == ErrorCode::NotFound => Err(Unwanted),
            Broken::Closed(Some(end)) if !end.is_worth_a_retry() => {
                self.ended.notify_one();
                self.until_up_again().await
            }
            Broken::Refused(error) => self.wait(memory, error.retry_after).await,
            Broken::Closed(_) => {
                let away = memory.away.take();
                self.wait(memory, away).await
            }
        }
    }

    /// Waits while there is nothing to open a channel for.
    async fn until_wanted(&mut self) -> Result<(), Unwanted> {
        while !(*self.up.borrow_and_update() && *self.visible.borrow_and_update()) {
            self.something_changes().await?;
        }
        Ok(())
    }

    /// Another channel cannot help before the session has been broken and
    /// resumed.
    async fn until_up_again(&mut self) -> Result<(), Unwanted> {
        loop {
            tokio::select! {
                changed = self.up.changed() => return changed.map_err(|_| Unwanted),
                Some(ask) = self.asks.recv() => ask.refuse(&unheard()),
                () = self.events.closed() => return Err(Unwanted),
            }
        }
    }

    async fn something_changes(&mut self) -> Result<(), Unwanted> {
        tokio::select! {
            changed = self.up.changed() => changed.map_err(|_| Unwanted),
            changed = self.visible.changed() => changed.map_err(|_| Unwanted),
            Some(ask) = self.asks.recv() => {
                ask.refuse(&unheard());
                Ok(())
            }
            () = self.events.closed() => Err(Unwanted),
        }
    }

    async fn wait(&mut self, memory: &mut Memory, asked: Option<Duration>) -> Result<(), Unwanted> {
        let (first, longest) = BACK_OFF;
        let backed_off = first.saturating_mul(1 << memory.failures.min(10));
        memory.failures += 1;
        let wait = asked.map_or_else(|| backed_off.min(longest), |asked| asked.clamp(first, AWAY));
        // Spread out, so that a registry that comes back is not stormed.
        let over = sleep(wait.mul_f64(rand::rng().random_range(0.75..1.25)));
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Ok(()),
                Some(ask) = self.asks.recv() => ask.refuse(&unheard()),
                () = self.events.closed() => return Err(Unwanted),
            }
        }
    }

    /// Uses a channel until it breaks.
    async fn talk(
        &mut self,
        mut channel: Channel,
        hello: &LiveHello,
        memory: &mut Memory,
    ) -> Result<Broken, Unwanted> {
        self.tell(SessionEvent::State(RegistryState::SignedIn, None))
            .await?;
        let mut waiting = VecDeque::new();
        let mut opening = self.watch(hello);
        if memory.in_lobby {
            opening.push(Ask::Lobby(LobbyAsk::Join));
        }
        for ask in opening {
            if let Err(broken) = channel.say(&ask).await {
                return Ok(broken);
            }
        }
        loop {
            let due = waiting.front().map(|first: &Waiting| first.until);
            let said = tokio::select! {
                event = channel.next() => {
                    match event {
                        Ok(event) => self.on_event(event, hello, memory, &mut waiting).await?,
                        Err(broken) => return Ok(broken),
                    }
                    continue;
                }
                changed = self.watched.changed() => {
                    changed.map_err(|_| Unwanted)?;
                    self.watch(hello)
                }
                changed = self.visible.changed() => {
                    changed.map_err(|_| Unwanted)?;
                    channel.close().await;
                    return Ok(Broken::Closed(Some(LiveEnd::Normal)));
                }
                Some(ask) = self.asks.recv() => asked(ask, &mut waiting),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some(late) = waiting.pop_front() {
                        let text = "the registry has not answered in time";
                        let error = Error::new(ErrorCode::Unreachable, text);
                        let _nobody_waits = late.reply.send(Err(error));
                    }
                    continue;
                }
                () = self.events.closed() => {
                    channel.close().await;
                    return Err(Unwanted);
                }
            };
            for ask in said {
                if let Err(broken) = channel.say(&ask).await {
                    return Ok(broken);
                }
            }
        }
    }

    /// What tells the registry whose presence is of interest.
    fn watch(&mut self, hello: &LiveHello) -> Vec<Ask> {
        let watched = self.watched.borrow_and_update();
        let most = watched.len().min(hello.watch_max);
        let mut asks: Vec<Ask> = watched[..most]
            .chunks(WATCH_AT_ONCE)
            .enumerate()
            .map(|(at, some)| Ask::Watch {
                clients: some.to_vec(),
                add: at > 0,
            })
            .collect();
        if asks.is_empty() {
            asks.push(Ask::Watch {
                clients: Vec::new(),
                add: false,
            });
        }
        self.pushed.send_replace(most);
        asks
    }

    async fn tell(&self, event: SessionEvent) -> Result<(), Unwanted> {
        self.events.send(event).await.map_err(|_| Unwanted)
    }

    async fn on_event(
        &self,
        event: Event,
        hello: &LiveHello,
        memory: &mut Memory,
        waiting: &mut VecDeque<Waiting>,
    ) -> Result<(), Unwanted> {
        match event {
            Event::Presence { clients, unknown } => {
                for info in clients {
                    let name = info.username.clone();
                    self.tell(SessionEvent::Client(name, Some(info))).await?;
                }
                for name in unknown {
                    self.tell(SessionEvent::Client(name, None)).await?;
                }
            }
            Event::Knock { from } => self.tell(SessionEvent::Knock(from)).await?,
            Event::Notice(notice) => {
                if let Notice::Shutdown { back_after_s } = &notice {
                    memory.away = Some(Duration::from_secs(*back_after_s));
                }
                self.tell(SessionEvent::Notice(notice)).await?;
            }
            Event::Lobby(event) => {
                remember_place(&event, &hello.username, memory);
                let answered = waiting
                    .iter()
                    .position(|waits| is_answer(&waits.ask, &event, &hello.username));
                if let Some(answered) = answered.and_then(|at| waiting.remove(at)) {
                    let users = match &event {
                        LobbyEvent::Who { users, .. } => users.clone(),
                        _ => Vec::new(),
                    };
                    let _nobody_waits = answered.reply.send(Ok(users));
                }
                self.tell(SessionEvent::Lobby(event)).await?;
            }
            Event::Error { about, error } if about == "lobby" => {
                let mut refused = Error::new(error.code, error.message);
                refused.retry_after = error.retry_after_s.map(Duration::from_secs);
                if let Some(first) = waiting.pop_front() {
                    let _nobody_waits = first.reply.send(Err(refused));
                }
            }
            Event::Error { about, error } => {
                tracing::debug!(%about, code = %error.code, "the live channel refused something");
            }
            Event::Hello(_) | Event::Knocked { .. } | Event::Unknown => {}
        }
        Ok(())
    }
}

fn unheard() -> Error {
    Error::new(
        ErrorCode::Offline,
        "the registry cannot be heard just now: try again in a moment",
    )
}

/// Takes a request; gives what is to be said.
fn asked(ask: LiveAsk, waiting: &mut VecDeque<Waiting>) -> Vec<Ask> {
    match ask {
        LiveAsk::Knock(Lookup { username, key }) => vec![Ask::Knock { username, key }],
        LiveAsk::Lobby(..) if waiting.len() >= WAITING => {
            ask.refuse(&Error::new(ErrorCode::Busy, "too much is waiting already"));
            Vec::new()
        }
        LiveAsk::Lobby(LobbyAsk::Typing, reply) => {
            // Nobody answers that, and nobody needs to.
            let _nobody_waits = reply.send(Ok(Vec::new()));
            vec![Ask::Lobby(LobbyAsk::Typing)]
        }
        LiveAsk::Lobby(ask, reply) => {
            waiting.push_back(Waiting {
                ask: ask.clone(),
                reply,
                until: Instant::now() + ANSWER,
            });
            vec![Ask::Lobby(ask)]
        }
    }
}

/// Whether `event` says that what we, `me`, asked for has happened.
fn is_answer(ask: &LobbyAsk, event: &LobbyEvent, me: &Username) -> bool {
    match (ask, event) {
        (LobbyAsk::Join | LobbyAsk::Who { .. }, LobbyEvent::Who { .. }) => true,
        (LobbyAsk::Leave, LobbyEvent::Left { user })
        | (LobbyAsk::Say { .. }, LobbyEvent::Said { user, .. }) => user == me,
        (LobbyAsk::Mute { user, .. }, LobbyEvent::Muted { user: told, .. })
        | (LobbyAsk::Kick { user, .. }, LobbyEvent::Kicked { user: told, .. }) => {
            user.folded() == told.folded()
        }
        _ => false,
    }
}

/// Whoever loses the channel wants the place back.
fn remember_place(event: &LobbyEvent, me: &Username, memory: &mut Memory) {
    match event {
        LobbyEvent::Who { users, .. } if users.iter().any(|user| user.username == *me) => {
            memory.in_lobby = true;
        }
        LobbyEvent::Left { user } | LobbyEvent::Kicked { user, .. } if user == me => {
            memory.in_lobby = false;
        }
        _ => {}
    }
}
