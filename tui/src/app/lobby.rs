//! The public rooms of registries, as far as they were heard.

use std::collections::{BTreeMap, VecDeque};

use twocan_peer::api::{LobbyEvent, LobbyUser};
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

use super::editor::Editor;

/// Lines kept of a room.
const LINES: usize = 500;
/// Users of a room that are listed at most.
const USERS: usize = 500;
/// "is typing" goes away by itself after this time.
const TYPING_MS: i64 = 6_000;

/// A line of a room.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    /// Who said it; none for what merely happened.
    pub(crate) user: Option<String>,
    pub(crate) text: String,
}

/// A room.
#[derive(Debug, Default)]
pub(crate) struct Lobby {
    pub(crate) users: Vec<LobbyUser>,
    pub(crate) lines: VecDeque<Line>,
    /// What is being written while the room is not on the screen.
    pub(crate) draft: Editor,
    /// Who writes something, and until when that holds.
    pub(crate) typing: Option<(String, Timestamp)>,
    /// When others were last told that we write something.
    pub(crate) told_typing: Option<Timestamp>,
}

/// All rooms.
pub(crate) type Lobbies = BTreeMap<RegistryUrl, Lobby>;

impl Lobby {
    /// Takes what happened at `now`.
    pub(crate) fn take(&mut self, event: LobbyEvent, now: Timestamp) {
        let (user, text) = match event {
            LobbyEvent::Who { users, .. } => {
                for user in users.into_iter().take(USERS) {
                    self.put(user);
                }
                return;
            }
            LobbyEvent::Typing { user } => {
                let until = Timestamp::from_millis(now.as_millis() + TYPING_MS);
                self.typing = Some((user.as_str().to_owned(), until));
                return;
            }
            LobbyEvent::Said { user, text, .. } => {
                let name = user.as_str().to_owned();
                self.typing = self.typing.take().filter(|(who, _)| *who != name);
                (Some(name), text)
            }
            LobbyEvent::Joined { user } => {
                let text = format!("{} came in", user.username.as_str());
                self.put(user);
                (None, text)
            }
            LobbyEvent::Left { user } => {
                self.users.retain(|known| known.username != user);
                (None, format!("{} went", user.as_str()))
            }
            LobbyEvent::Online { user } => {
                self.change(user.as_str(), |known| known.online = true);
                (None, format!("{} is back", user.as_str()))
            }
            LobbyEvent::Offline { user } => {
                self.change(user.as_str(), |known| known.online = false);
                (None, format!("{} lost the connection", user.as_str()))
            }
            LobbyEvent::Muted { user, by, seconds } => {
                self.change(user.as_str(), |known| known.muted = seconds > 0);
                let (user, by) = (user.as_str(), by.as_str());
                let text = match seconds {
                    0 => format!("{by} lets {user} speak again"),
                    _ => format!("{by} muted {user} for {seconds} s"),
                };
                (None, text)
            }
            LobbyEvent::Kicked { user, by, reason } => {
                self.users.retain(|known| known.username != user);
                let why = reason.map_or_else(String::new, |why| format!(": {why}"));
                let (user, by) = (user.as_str(), by.as_str());
                (None, format!("{by} sent {user} out{why}"))
            }
            LobbyEvent::Unknown => return,
        };
        self.say(user, text, now);
    }

    /// Adds a line.
    pub(crate) fn say(&mut self, user: Option<String>, text: String, at: Timestamp) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { at, user, text });
    }

    fn put(&mut self, user: LobbyUser) {
        self.users.retain(|known| known.username != user.username);
        self.users.push(user);
        self.users.sort_by_key(|known| known.username.folded());
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut LobbyUser)) {
        let mut users = self.users.iter_mut();
        if let Some(known) = users.find(|known| known.username.as_str() == name) {
            change(known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_peer::api::Role;

    #[test]
    fn who_comes_and_goes_is_listed_and_said() {
        let mut lobby = Lobby::default();
        let user = |name: &str| LobbyUser {
            username: name.parse().unwrap(),
            role: Role::User,
            online: true,
            muted: false,
        };
        let now = Timestamp::from_millis(0);
        let users = vec![user("bob")];
        lobby.take(LobbyEvent::Who { users, next: None }, now);
        lobby.take(LobbyEvent::Joined { user: user("Ada") }, now);
        let names: Vec<_> = lobby.users.iter().map(|u| u.username.as_str()).collect();
        assert_eq!(names, ["Ada", "bob"]);
        let ada = || "Ada".parse().unwrap();
        lobby.take(LobbyEvent::Typing { user: ada() }, now);
        assert!(lobby.typing.is_some());
        let text = "hello".to_owned();
        let said = LobbyEvent::Said {
            user: ada(),
            text,
            at: now,
        };
        lobby.take(said, now);
        assert_eq!(lobby.typing, None);
        lobby.take(LobbyEvent::Left { user: ada() }, now);
        assert_eq!(lobby.users.len(), 1);
        let texts: Vec<_> = lobby.lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, ["Ada came in", "hello", "Ada went"]);
    }
}
