//! What each message of a client does. All of it is done in memory, at once.

use super::{
    channel::Channel,
    lobby::LobbyError,
    pace::{Deed, Who},
};
use crate::{limits, service::Service};
use std::{sync::Arc, time::Duration};
use twocan_proto::{
    api::{ClientVersion, ErrorCode, ErrorDetail, Lookup, Username},
    identity::PeerId,
    live::{Ask, Event, LIVE_VERSION, LiveEnd, LiveError, LiveHello, LobbyAsk, Notice, WATCH_MAX},
    time::Timestamp,
};

/// Why a message was refused.
#[derive(Debug)]
struct Refusal {
    code: ErrorCode,
    message: String,
    retry_after_s: Option<u64>,
}

impl Refusal {
    fn new(code: ErrorCode, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
            retry_after_s: None,
        }
    }

    fn limited(reason: &str, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self {
            code: ErrorCode::Limited,
            message: format!("{reason}; try again in {seconds} s"),
            retry_after_s: Some(seconds),
        }
    }
}

impl From<LobbyError> for Refusal {
    fn from(error: LobbyError) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            retry_after_s: error.retry_after_s(),
        }
    }
}

impl Service {
    /// A message came over a live channel.
    ///
    /// # Errors
    /// Why the channel has to end. What is merely refused is answered.
    pub(super) fn live_message(
        &self,
        channel: &Arc<Channel>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), LiveEnd> {
        let ask = match Ask::read(channel.format, body) {
            Ok(ask) => ask,
            Err(LiveError::Long(_)) => return Err(LiveEnd::TooLarge),
            // It may be the message of a later version.
            Err(error) if channel.is_greeted() => {
                let refusal = Refusal::new(ErrorCode::BadRequest, error);
                refuse(channel, "unknown", refusal);
                return Ok(());
            }
            Err(_) => return Err(LiveEnd::Protocol),
        };
        let word = ask.word();
        match ask {
            Ask::Hello { version, client } => return self.live_hello(channel, version, &client),
            _ if !channel.is_greeted() => return Err(LiveEnd::Protocol),
            ask => {
                if let Err(refusal) = self.live_ask(channel, ask, now) {
                    refuse(channel, word, refusal);
                }
            }
        }
        Ok(())
    }

    fn live_hello(
        &self,
        channel: &Arc<Channel>,
        version: u16,
        client: &str,
    ) -> Result<(), LiveEnd> {
        if version < LIVE_VERSION {
            return Err(LiveEnd::Outdated);
        }
        let twocan = ClientVersion::of_user_agent(client);
        if !channel.greet(twocan) {
            return Err(LiveEnd::Protocol);
        }
        if let Some(needs) = self.live_too_old(twocan) {
            let needs = needs.to_string();
            channel.tell(Event::Notice(Notice::Outdated { needs }));
            return Err(LiveEnd::Outdated);
        }
        channel.tell(Event::Hello(LiveHello {
            version: LIVE_VERSION,
            server: concat!("twocan-registry/", env!("CARGO_PKG_VERSION")).to_owned(),
            username: channel.member.username.clone(),
            role: channel.member.role(),
            watch_max: WATCH_MAX,
            ping_s: limits::LIVE_PING_AFTER.as_secs(),
        }));
        Ok(())
    }

    /// The version that a client needs, when its own is older.
    pub(super) fn live_too_old(&self, version: Option<ClientVersion>) -> Option<ClientVersion> {
        let least = self.config.get().min_client?;
        version.is_some_and(|have| have < least).then_some(least)
    }

    fn live_ask(&self, channel: &Arc<Channel>, ask: Ask, now: Timestamp) -> Result<(), Refusal> {
        match ask {
            Ask::Watch { clients, add } => self.live_watch(channel, clients, add),
            Ask::Unwatch { clients } => {
                self.live.watches().remove(channel, &clients);
                Ok(())
            }
            Ask::Knock { username, key } => self.live_knock(channel, username, key.as_ref(), now),
            Ask::Lobby(ask) => self.live_lobby(channel, ask, now),
            Ask::Hello { .. } | Ask::Unknown => Err(Refusal::new(
                ErrorCode::BadRequest,
                "this registry does not know that type",
            )),
        }
    }

    fn live_watch(
        &self,
        channel: &Arc<Channel>,
        clients: Vec<Lookup>,
        add: bool,
    ) -> Result<(), Refusal> {
        let mut watches = self.live.watches();
        if !add {
            watches.drop_channel(channel);
        }
        watches
            .add(channel, clients, &self.live.directory)
            .map_err(|error| Refusal::new(ErrorCode::TooLarge, error))
    }

    /// Who is unknown, hidden or away is answered alike.
    fn live_knock(
        &self,
        channel: &Arc<Channel>,
        username: Username,
        key: Option<&PeerId>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let too_many = |wait| Refusal::limited("too many knocks", wait);
        self.live_turn(channel, Deed::Knock, now)
            .map_err(too_many)?;
        let found = self.directory.find(&username, key);
        let found = found.filter(|member| member.id != channel.member.id);
        let channels = found.map_or_else(Vec::new, |member| {
            let mut paces = self.live.paces();
            let taken = paces.take(Deed::Knocked, Who::Account(member.id), now);
            drop(paces);
            taken.map_or_else(|_| Vec::new(), |()| self.live.of(member.id))
        });
        let from = channel.member.info(now);
        let knock = Event::Knock { from }.into();
        channels.iter().for_each(|other| other.say(&knock));
        channel.tell(Event::Knocked {
            username,
            delivered: !channels.is_empty(),
        });
        Ok(())
    }

    fn live_lobby(
        &self,
        channel: &Arc<Channel>,
        ask: LobbyAsk,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let turn = |deed, reason| {
            let taken = self.live_turn(channel, deed, now);
            taken.map_err(|wait| Refusal::limited(reason, wait))
        };
        let is_open = self.config.get().lobby;
        match ask {
            // As often as it is said, it is not worth an answer.
            LobbyAsk::Typing if !is_open => {}
            _ if !is_open => return Err(LobbyError::None.into()),
            LobbyAsk::Join => {
                turn(Deed::Enter, "you came in too often")?;
                self.live.lobby().join(channel, now)?;
            }
            LobbyAsk::Leave => self.live.lobby().leave(channel)?,
            LobbyAsk::Say { text } => {
                self.live.lobby().may_speak(channel, now)?;
                turn(Deed::Say, "you said too much at once")?;
                self.live.lobby().speak(channel, text, now)?;
            }
            LobbyAsk::Typing => {
                // Told often enough already: not worth an answer.
                if turn(Deed::Typing, "").is_ok() {
                    self.live.lobby().typing(channel, now)?;
                }
            }
            LobbyAsk::Who { after } => {
                turn(Deed::Who, "you asked too often who is there")?;
                self.live.lobby().who(channel, after.as_ref(), now)?;
            }
            LobbyAsk::Mute { user, seconds } => {
                self.live.lobby().mute(channel, (&user, seconds), now)?;
            }
            LobbyAsk::Kick { user, reason } => {
                self.live.lobby().kick(channel, (&user, reason), now)?;
            }
            LobbyAsk::Unknown => {
                return Err(Refusal::new(
                    ErrorCode::BadRequest,
                    "this registry does not know that action",
                ));
            }
        }
        Ok(())
    }

    fn live_turn(&self, channel: &Channel, deed: Deed, now: Timestamp) -> Result<(), Duration> {
        let member = &channel.member;
        let who = Who::new(member.id, member.role(), channel.address);
        self.live.paces().take(deed, who, now)
    }
}

fn refuse(channel: &Channel, about: &str, refusal: Refusal) {
    channel.tell(Event::Error {
        about: about.to_owned(),
        error: ErrorDetail {
            code: refusal.code,
            message: refusal.message,
            retry_after_s: refusal.retry_after_s,
            needs: None,
        },
    });
}
