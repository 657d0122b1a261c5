//! Who watches whom, and what each was told last. Presence is a state, so what
//! a client has no room for now is not queued: it is compared again later, and
//! the client then hears how things are, not how they came about.

use super::channel::{Channel, Utterance};
use crate::{
    directory::{Directory, Glance, Member},
    limits,
};
use std::{collections::HashMap, sync::Arc};
use twocan_proto::{
    api::{ClientInfo, Lookup, Username},
    identity::PeerId,
    live::{Event, WATCH_MAX},
    time::Timestamp,
};

/// A folded name, shared by the two indexes.
type Name = Arc<str>;

/// Why names were not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WatchError {
    #[error("a channel watches at most {WATCH_MAX} names")]
    TooMany,
    #[error("the registry watches as many names as it can; try again later")]
    Full,
}

/// All watched names.
#[derive(Debug, Default)]
pub(super) struct Watches {
    names: HashMap<Name, Watched>,
    by_channel: HashMap<u64, Vec<Name>>,
    count: usize,
    /// [`Directory::revision`] at the last look.
    revision: u64,
}

#[derive(Debug)]
struct Watched {
    username: Username,
    member: Option<Arc<Member>>,
    /// Of the last round.
    glance: Option<Glance>,
    /// Whether somebody has not been told yet.
    unsettled: bool,
    watchers: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    channel: Arc<Channel>,
    key: Option<PeerId>,
    told: Told,
}

/// What a watcher was told last of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Unknown,
    Seen(Glance),
}

/// What one channel is to hear of this round.
#[derive(Debug)]
struct News {
    channel: Arc<Channel>,
    clients: Vec<ClientInfo>,
    unknown: Vec<Username>,
}

impl Watches {
    /// Watches more names for a channel. A name that it watches already gets the
    /// key named now. Nothing is added when it would be too much.
    pub(super) fn add(
        &mut self,
        channel: &Arc<Channel>,
        clients: Vec<Lookup>,
        directory: &Directory,
    ) -> Result<(), WatchError> {
        let own = self.by_channel.entry(channel.id).or_default();
        if own.len() + clients.len() > WATCH_MAX {
            return Err(WatchError::TooMany);
        }
        if self.count + clients.len() > limits::LIVE_WATCHES {
            return Err(WatchError::Full);
        }
        for Lookup { username, key } in clients {
            let folded = username.folded();
            let name = match self.names.get_key_value(folded.as_str()) {
                Some((name, _)) => Arc::clone(name),
                None => Name::from(folded),
            };
            let watched = self
                .names
                .entry(Arc::clone(&name))
                .or_insert_with(|| Watched {
                    member: directory.member(&username),
                    username,
                    glance: None,
                    unsettled: true,
                    watchers: Vec::new(),
                });
            watched.unsettled = true;
            let watcher = Watcher {
                channel: Arc::clone(channel),
                key,
                told: Told::Nothing,
            };
            let before = watched
                .watchers
                .iter_mut()
                .find(|other| other.channel.id == channel.id);
            match before {
                Some(before) => *before = watcher,
                None => {
                    watched.watchers.push(watcher);
                    own.push(name);
                    self.count += 1;
                }
            }
        }
        Ok(())
    }

    /// Watches some names no more.
    pub(super) fn remove(&mut self, channel: &Channel, clients: &[Username]) {
        for username in clients {
            let folded = username.folded();
            if let Some(own) = self.by_channel.get_mut(&channel.id) {
                own.retain(|name| **name != *folded);
            }
            self.unwatch(channel.id, &folded);
        }
    }

    /// Forgets a channel.
    pub(super) fn drop_channel(&mut self, channel: &Channel) {
        for name in self.by_channel.remove(&channel.id).unwrap_or_default() {
            self.unwatch(channel.id, &name);
        }
    }

    fn unwatch(&mut self, channel: u64, name: &str) {
        let Some(watched) = self.names.get_mut(name) else {
            return;
        };
        let before = watched.watchers.len();
        watched
            .watchers
            .retain(|watcher| watcher.channel.id != channel);
        self.count -= before - watched.watchers.len();
        if watched.watchers.is_empty() {
            self.names.remove(name);
        }
    }

    /// Tells everybody what has changed since they were told.
    pub(super) fn round(&mut self, directory: &Directory, now: Timestamp) {
        let revision = directory.revision();
        let renewed = revision != self.revision;
        self.revision = revision;
        let mut news = HashMap::new();
        for watched in self.names.values_mut() {
            if renewed {
                watched.member = directory.member(&watched.username);
            }
            let glance = watched.member.as_ref().map(|member| member.glance(now));
            if watched.unsettled || glance != watched.glance {
                watched.glance = glance;
                watched.settle(now, &mut news);
            }
        }
        // Who had no room is there with nothing to hear.
        let worth_saying = |news: &News| !(news.clients.is_empty() && news.unknown.is_empty());
        for news in news.into_values().filter(worth_saying) {
            let News {
                channel,
                clients,
                unknown,
            } = news;
            channel.say(&Utterance::from(Event::Presence { clients, unknown }));
        }
    }
}

impl Watched {
    fn settle(&mut self, now: Timestamp, news: &mut HashMap<u64, News>) {
        self.unsettled = false;
        for watcher in &mut self.watchers {
            let key = watcher.key.as_ref();
            let found = self
                .member
                .as_ref()
                .filter(|member| member.is_found_by(key));
            let view = match (found, self.glance) {
                (Some(_), Some(glance)) => Told::Seen(glance),
                _ => Told::Unknown,
            };
            if watcher.told == view {
                continue;
            }
            let channel = &watcher.channel;
            let news = news.entry(channel.id).or_insert_with(|| News {
                channel: Arc::clone(channel),
                clients: Vec::new(),
                unknown: Vec::new(),
            });
            let length = news.clients.len() + news.unknown.len();
            if length >= limits::LIVE_PRESENCES || (length == 0 && !channel.has_room()) {
                self.unsettled = true;
                continue;
            }
            match found {
                Some(member) => news.clients.push(member.info(now)),
                None => news.unknown.push(self.username.clone()),
            }
            watcher.told = view;
        }
    }
}

#[cfg(test)]
#[path = "presence/tests.rs"]
mod tests;
