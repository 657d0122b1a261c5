//! The live channel: one WebSocket a client, over which the registry says at
//! once what a client would otherwise have to ask for again and again.
//!
//! ```text
//!             socket                                     everybody else
//!   payload -> stream -> asks -> presence, lobby, knocks -> channel of each
//!   body    <- stream <- channel (bounded queue) <- rounds, notices
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `channel` | one client's queue: bounded, coalesced, dropped when not read |
//! | `wire` | WebSocket frames in and out of bytes |
//! | `stream` | both directions of one socket, as the body of its answer |
//! | `asks` | what each message of a client does |
//! | `presence` | who watches whom, and what each was told last |
//! | `lobby` | the public room |
//! | `pace` | how often something may be done |
//! | `rounds` | what happens by the clock, and what is said to all |
//!
//! Nothing of it is stored. Locks are taken one at a time and never across an
//! await; those of a channel are the innermost.

mod asks;
mod channel;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod lobby;
mod pace;
mod presence;
mod rounds;
#[cfg(test)]
mod samples;
mod stream;
mod wire;

pub(crate) use pace::Pace;
pub(crate) use rounds::run;
pub(crate) use stream::LiveStream;

use crate::directory::{Directory, Session, TokenHash};
use channel::{Channel, Utterance};
use lobby::Lobby;
use pace::Paces;
use presence::Watches;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use twocan_proto::{api::Format, live::LiveEnd, time::Timestamp};

/// Where a channel sits: an identity has one for its account, a client without
/// an identity one for its session.
type Seat = (i64, Option<TokenHash>);

/// All live channels, and what they share.
#[derive(Debug)]
pub(crate) struct Hub {
    directory: Arc<Directory>,
    seats: Mutex<BTreeMap<Seat, Arc<Channel>>>,
    watches: Mutex<Watches>,
    lobby: Mutex<Lobby>,
    paces: Mutex<Paces>,
    next_id: AtomicU64,
}

impl Hub {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self {
            directory,
            seats: Mutex::default(),
            watches: Mutex::default(),
            lobby: Mutex::default(),
            paces: Mutex::default(),
            next_id: AtomicU64::new(1),
        }
    }

    /// Opens a channel for a session, in the place of the one that its client
    /// had.
    pub(crate) fn open(
        &self,
        session: &Session,
        address: IpAddr,
        format: Format,
        now: Timestamp,
    ) -> Arc<Channel> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let channel = Arc::new(Channel::new(id, session, (address, format), now));
        let before = self.seats().insert(seat(&channel), Arc::clone(&channel));
        if let Some(before) = before {
            before.end(LiveEnd::Replaced);
        }
        channel
    }

    /// A channel's socket is gone.
    fn close(&self, channel: &Arc<Channel>, now: Timestamp) {
        let mut seats = self.seats();
        let seat = seat(channel);
        if seats
            .get(&seat)
            .is_some_and(|other| Arc::ptr_eq(other, channel))
        {
            seats.remove(&seat);
        }
        drop(seats);
        self.watches().drop_channel(channel);
        self.lobby().lost(channel, now);
    }

    /// How many channels there are.
    pub(crate) fn count(&self) -> usize {
        self.seats().len()
    }

    fn all(&self) -> Vec<Arc<Channel>> {
        self.seats().values().cloned().collect()
    }

    /// The channels of one account.
    fn of(&self, account: i64) -> Vec<Arc<Channel>> {
        let seats = self.seats();
        let own = seats.range((account, None)..(account + 1, None));
        own.map(|(_, channel)| Arc::clone(channel)).collect()
    }

    fn say_to_all(&self, utterance: &Utterance) {
        for channel in self.all() {
            channel.say(utterance);
        }
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<Seat, Arc<Channel>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lobby(&self) -> MutexGuard<'_, Lobby> {
        self.lobby.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn paces(&self) -> MutexGuard<'_, Paces> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seat(channel: &Channel) -> Seat {
    let token = channel.identity.is_none().then_some(channel.token);
    (channel.member.id, token)
}
