//! The public room: who is in it, and what they say to each other. Nothing is
//! kept of what is said. Who loses the channel keeps the place for a while, so
//! that a bad line is not a coming and going for everybody.

use super::{
    channel::{Channel, Utterance},
    pace::Who,
};
use crate::{later, limits};
use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
    time::Duration,
};
use twocan_proto::{
    api::{ErrorCode, Role, Username},
    live::{Event, LOBBY_PAGE, LiveEnd, LobbyEvent, LobbyUser},
    time::Timestamp,
};

/// Why something is not done in the room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LobbyError {
    #[error("this registry has no lobby")]
    None,
    #[error("you are not in the lobby; join it first")]
    Outside,
    #[error("the lobby is full; try again later")]
    Full,
    #[error("you were muted; try again in {} s", seconds(*.0))]
    Muted(Duration),
    #[error("you were sent out of the lobby; try again in {} s", seconds(*.0))]
    Barred(Duration),
    #[error("only an administrator may do that")]
    NotAdmin,
    #[error("an administrator cannot be silenced or sent out here")]
    Admin,
    #[error("there is nobody of that name in the lobby")]
    Nobody,
}

impl LobbyError {
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Outside => ErrorCode::Conflict,
            Self::Full => ErrorCode::Busy,
            Self::None | Self::Muted(_) | Self::Barred(_) | Self::NotAdmin | Self::Admin => {
                ErrorCode::Refused
            }
            Self::Nobody => ErrorCode::NotFound,
        }
    }

    /// Seconds until it is worth another try.
    pub(super) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Muted(wait) | Self::Barred(wait) => Some(seconds(*wait)),
            _ => None,
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The room.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    /// By folded name.
    places: BTreeMap<String, Place>,
    muted: HashMap<Who, Timestamp>,
    barred: HashMap<Who, Timestamp>,
}

#[derive(Debug)]
struct Place {
    who: Who,
    channel: Arc<Channel>,
    /// When the channel was lost.
    lost: Option<Timestamp>,
}

impl Lobby {
    /// Comes in, or back.
    pub(super) fn join(
        &mut self,
        channel: &Arc<Channel>,
        now: Timestamp,
    ) -> Result<(), LobbyError> {
        let who = who(channel);
        if let Some(wait) = left(&self.barred, who, now) {
            return Err(LobbyError::Barred(wait));
        }
        let name = channel.member.username.folded();
        let before = self.places.get(&name);
        let before = before.filter(|place| place.channel.member.id == channel.member.id);
        let was_there = before.map(|place| place.lost.is_none());
        if was_there.is_none() && self.places.len() >= limits::LOBBY_USERS {
            return Err(LobbyError::Full);
        }
        let place = Place {
            who,
            channel: Arc::clone(channel),
            lost: None,
        };
        let user = self.user(&place, now);
        match was_there {
            None => self.say(LobbyEvent::Joined { user }),
            Some(false) => self.say(LobbyEvent::Online {
                user: user.username,
            }),
            Some(true) => {}
        }
        self.places.insert(name, place);
        self.who(channel, None, now)
    }

    /// Goes.
    pub(super) fn leave(&mut self, channel: &Arc<Channel>) -> Result<(), LobbyError> {
        self.place(channel)?;
        self.go(&channel.member.username);
        Ok(())
    }

    /// A page of who is there.
    pub(super) fn who(
        &self,
        channel: &Arc<Channel>,
        after: Option<&Username>,
        now: Timestamp,
    ) -> Result<(), LobbyError> {
        self.place(channel)?;
        let after = after.map(Username::folded);
        let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.places.range::<str, _>((start, Bound::Unbounded));
        let page = rest.by_ref().take(LOBBY_PAGE);
        let users: Vec<_> = page.map(|(_, place)| self.user(place, now)).collect();
        let next = users.last().filter(|_| rest.next().is_some());
        let next = next.map(|user| user.username.clone());
        channel.tell(Event::Lobby(LobbyEvent::Who { users, next }));
        Ok(())
    }

    /// Says something.
    pub(super) fn speak(
        &self,
        channel: &Arc<Channel>,
        text: String,
        now: Timestamp,
    ) -> Result<(), LobbyError> {
        self.may_speak(channel, now)?;
        self.say(LobbyEvent::Said {
            user: channel.member.username.clone(),
            text,
            at: now,
        });
        Ok(())
    }

    /// Is writing; all others hear of it.
    pub(super) fn typing(&self, channel: &Arc<Channel>, now: Timestamp) -> Result<(), LobbyError> {
        self.may_speak(channel, now)?;
        let user = channel.member.username.clone();
        let typing = Utterance::from(Event::Lobby(LobbyEvent::Typing { user }));
        let others = self.there().filter(|other| other.id != channel.id);
        others.for_each(|other| other.say(&typing));
        Ok(())
    }

    /// Whether a channel may speak now.
    pub(super) fn may_speak(
        &self,
        channel: &Arc<Channel>,
        now: Timestamp,
    ) -> Result<(), LobbyError> {
        let place = self.place(channel)?;
        left(&self.muted, place.who, now).map_or(Ok(()), |wait| Err(LobbyError::Muted(wait)))
    }

    /// An administrator silences somebody, or lets them speak again.
    pub(super) fn mute(
        &mut self,
        admin: &Arc<Channel>,
        (user, seconds): (&Username, u32),
        now: Timestamp,
    ) -> Result<(), LobbyError> {
        let (user, who) = self.subject(admin, user)?;
        if seconds == 0 {
            self.muted.remove(&who);
        } else {
            let until = later(now, u64::from(seconds) * 1000);
            put(&mut self.muted, who, until)?;
        }
        self.say(LobbyEvent::Muted {
            user,
            by: admin.member.username.clone(),
            seconds,
        });
        Ok(())
    }

    /// An administrator sends somebody out.
    pub(super) fn kick(
        &mut self,
        admin: &Arc<Channel>,
        (user, reason): (&Username, Option<String>),
        now: Timestamp,
    ) -> Result<(), LobbyError> {
        let (user, who) = self.subject(admin, user)?;
        let until = later(now, limits::LOBBY_KICK_MS);
        put(&mut self.barred, who, until)?;
        self.say(LobbyEvent::Kicked {
            user: user.clone(),
            by: admin.member.username.clone(),
            reason,
        });
        self.places.remove(&user.folded());
        Ok(())
    }

    /// A channel is gone.
    pub(super) fn lost(&mut self, channel: &Arc<Channel>, now: Timestamp) {
        if self.place(channel).is_err() {
            return;
        }
        let user = channel.member.username.clone();
        let gone = matches!(
            channel.ended(),
            Some(LiveEnd::Banned | LiveEnd::Deleted | LiveEnd::SessionEnded)
        );
        if gone {
            self.go(&user);
            return;
        }
        if let Some(place) = self.places.get_mut(&user.folded()) {
            place.lost = Some(now);
        }
        self.say(LobbyEvent::Offline { user });
    }

    /// Gives up the places of those who did not come back, and old sanctions.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        let given_up: Vec<_> = self
            .places
            .values()
            .filter(|place| {
                place
                    .lost
                    .is_some_and(|at| later(at, limits::LOBBY_AWAY_MS) <= now)
            })
            .map(|place| place.channel.member.username.clone())
            .collect();
        for user in given_up {
            self.go(&user);
        }
        self.muted.retain(|_, until| now < *until);
        self.barred.retain(|_, until| now < *until);
    }

    /// Shows everybody out; each hears of that alone.
    pub(super) fn close(&mut self) {
        for place in std::mem::take(&mut self.places).into_values() {
            let user = place.channel.member.username.clone();
            place.channel.tell(Event::Lobby(LobbyEvent::Left { user }));
        }
    }

    /// Gives a place up; whoever had it hears of it, too.
    fn go(&mut self, user: &Username) {
        self.say(LobbyEvent::Left { user: user.clone() });
        self.places.remove(&user.folded());
    }

    /// The place that a channel has.
    fn place(&self, channel: &Arc<Channel>) -> Result<&Place, LobbyError> {
        let place = self.places.get(&channel.member.username.folded());
        place
            .filter(|place| Arc::ptr_eq(&place.channel, channel))
            .ok_or(LobbyError::Outside)
    }

    /// Whom an administrator means, unless it is another one.
    fn subject(
        &self,
        admin: &Arc<Channel>,
        user: &Username,
    ) -> Result<(Username, Who), LobbyError> {
        self.place(admin)?;
        if admin.member.role() != Role::Admin {
            return Err(LobbyError::NotAdmin);
        }
        let place = self.places.get(&user.folded()).ok_or(LobbyError::Nobody)?;
        if place.channel.member.role() == Role::Admin {
            return Err(LobbyError::Admin);
        }
        Ok((place.channel.member.username.clone(), place.who))
    }

    fn user(&self, place: &Place, now: Timestamp) -> LobbyUser {
        let member = &place.channel.member;
        LobbyUser {
            username: member.username.clone(),
            role: member.role(),
            online: place.lost.is_none(),
            muted: left(&self.muted, place.who, now).is_some(),
        }
    }

    fn there(&self) -> impl Iterator<Item = &Arc<Channel>> {
        let there = self.places.values().filter(|place| place.lost.is_none());
        there.map(|place| &place.channel)
    }

    fn say(&self, event: LobbyEvent) {
        let utterance = Utterance::from(Event::Lobby(event));
        self.there().for_each(|channel| channel.say(&utterance));
    }
}

fn who(channel: &Channel) -> Who {
    let member = &channel.member;
    Who::new(member.id, member.role(), channel.address)
}

/// How long a sanction still holds.
fn left(sanctions: &HashMap<Who, Timestamp>, who: Who, now: Timestamp) -> Option<Duration> {
    let until = sanctions.get(&who)?.as_millis();
    let left = u64::try_from(until - now.as_millis()).ok()?;
    (left > 0).then(|| Duration::from_millis(left))
}

fn put(
    sanctions: &mut HashMap<Who, Timestamp>,
    who: Who,
    until: Timestamp,
) -> Result<(), LobbyError> {
    if sanctions.len() >= limits::LOBBY_SANCTIONS && !sanctions.contains_key(&who) {
        return Err(LobbyError::Full);
    }
    sanctions.insert(who, until);
    Ok(())
}

#[cfg(test)]
#[path = "lobby/tests.rs"]
mod tests;
