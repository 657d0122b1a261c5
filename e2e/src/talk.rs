//! Two clients that say all kinds of things to each other, and what must
//! have become of it in the end, whatever happened meanwhile.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::headless::{Headless, Profile, text};

/// Each side's messages repeat this pattern; see [`Speaker::say`].
const PATTERN: usize = 8;
const EDITED: usize = 1;
const DELETED: usize = 3;
const REACTED: usize = 4;

/// How often the histories are compared until they agree.
const POLL: Duration = Duration::from_millis(100);

/// A message as both sides have to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    id: String,
    text: String,
    edited: bool,
    reactions: Vec<String>,
}

/// One side, and everything it said in its order.
#[derive(Debug)]
pub struct Speaker {
    /// The running client.
    pub client: Headless,
    name: &'static str,
    said: Vec<(Shown, bool)>,
}

impl Speaker {
    fn new(client: Headless, name: &'static str) -> Self {
        Self {
            client,
            name,
            said: Vec::new(),
        }
    }

    fn id(&self) -> String {
        self.client.peer_id().to_owned()
    }

    /// Says the next thing: a numbered text; of every eight, one is edited
    /// and one deleted a little later.
    #[track_caller]
    pub fn say(&mut self, peer: &str, filling: &str) {
        let index = self.said.len();
        let text = format!("{} says {index}{filling}", self.name);
        let answer = self.client.must("send", json!({"to": peer, "text": text}));
        let shown = Shown {
            id: text_of(&answer, "id"),
            text,
            edited: false,
            reactions: Vec::new(),
        };
        self.said.push((shown, false));
        if index >= 2 && (index - 2) % PATTERN == EDITED {
            self.edit(index - 2);
        }
        if index >= 3 && (index - 3) % PATTERN == DELETED {
            let (shown, deleted) = &mut self.said[index - 3];
            *deleted = true;
            let fields = json!({"message": shown.id, "for": "both"});
            self.client.must("delete", fields);
        }
    }

    fn edit(&mut self, index: usize) {
        let text = format!("{} says {index}, corrected", self.name);
        let (shown, _) = &mut self.said[index];
        self.client
            .must("edit", json!({"message": shown.id, "text": text}));
        shown.text = text;
        shown.edited = true;
    }

    /// Dies, and comes back with the same profile.
    pub fn restart(&mut self, profile: &mut Profile) {
        self.client.restart(profile);
    }

    /// Reacts to what has come of the other so far.
    fn react(&mut self, other: &mut Self, seen: &HashSet<String>) {
        let waiting = other.said.iter_mut().skip(REACTED).step_by(PATTERN);
        for (shown, _) in waiting {
            if shown.reactions.is_empty() && seen.contains(&shown.id) {
                let fields = json!({"message": shown.id, "emoji": "\u{1f44d}"});
                self.client.must("react", fields);
                shown.reactions.push("\u{1f44d}".to_owned());
            }
        }
    }

    fn expected(&self) -> Vec<Shown> {
        let left = self.said.iter().filter(|(_, deleted)| !deleted);
        left.map(|(shown, _)| shown.clone()).collect()
    }

    /// Whether a reaction of the other is still to be made.
    fn wants_reactions(&self) -> bool {
        let mut wanted = self.said.iter().skip(REACTED).step_by(PATTERN);
        wanted.any(|(shown, _)| shown.reactions.is_empty())
    }

    /// What is shown as delivered here is in the other's history. First the
    /// one is read and then the other, so that time is on the side of truth.
    #[track_caller]
    fn check_delivered(&self, receiver: &mut Self) {
        let mut shown = self.client.seen("message_state");
        shown.retain(|event| event["state"] == "delivered" || event["state"] == "read");
        let stored = ids_of(&receiver.client.history_with(self.client.peer_id()));
        for id in ids_of(&shown) {
            assert!(
                stored.contains(&id),
                "{} shows {id} as delivered, and {} does not have it\n{}",
                self.name,
                receiver.name,
                receiver.client.report()
            );
        }
    }

    /// Each message was told once, and in order.
    #[track_caller]
    fn check_told(&self, other: &Self) {
        let told: Vec<String> = self
            .client
            .seen("message")
            .iter()
            .map(|event| text_of(event, "id"))
            .collect();
        let mut rest = other.said.iter();
        for id in &told {
            assert!(
                rest.any(|(shown, _)| shown.id == *id),
                "{} was told message {id} of {} twice or out of order: {told:?}",
                self.name,
                other.name
            );
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Talk {
    /// The side that dials.
    pub alice: Speaker,
    /// The side that is dialled.
    pub bob: Speaker,
}

impl Talk {
    /// Two clients that are contacts and have said nothing yet.
    #[must_use]
    pub fn new(alice: Headless, bob: Headless) -> Self {
        Self {
            alice: Speaker::new(alice, "alice"),
            bob: Speaker::new(bob, "bob"),
        }
    }

    /// Each side says so many things, edits, deletes and reacts.
    #[track_caller]
    pub fn speak(&mut self, count: usize) {
        self.speak_long(count, 0);
    }

    /// The same with texts that are so many bytes longer.
    #[track_caller]
    pub fn speak_long(&mut self, count: usize, bytes: usize) {
        let filling = " ".to_owned() + &"and so on ".repeat(bytes / 10);
        let filling = if bytes == 0 { "" } else { filling.trim_end() };
        let (alice, bob) = (self.alice.id(), self.bob.id());
        for _ in 0..count {
            self.alice.say(&bob, filling);
            self.bob.say(&alice, filling);
            self.react();
        }
    }

    /// Both react to what they were told of.
    fn react(&mut self) {
        let seen = ids_of(&self.alice.client.seen("message"));
        self.alice.react(&mut self.bob, &seen);
        let seen = ids_of(&self.bob.client.seen("message"));
        self.bob.react(&mut self.alice, &seen);
    }

    /// Both react to what they have, also from before they died.
    fn react_to_history(&mut self) {
        let (alice, bob) = (self.alice.id(), self.bob.id());
        let stored = ids_of(&self.alice.client.history_with(&bob));
        self.alice.react(&mut self.bob, &stored);
        let stored = ids_of(&self.bob.client.history_with(&alice));
        self.bob.react(&mut self.alice, &stored);
    }

    /// Whatever either side shows as delivered is in the other's history.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn check_delivered(&mut self) {
        self.alice.check_delivered(&mut self.bob);
        self.bob.check_delivered(&mut self.alice);
    }

    /// Waits until both have everything and show it the same way, each
    /// message once and in the order of its author, all told as delivered.
    ///
    /// # Panics
    /// If they do not in time.
    #[track_caller]
    pub fn settle(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            self.check_delivered();
            if self.alice.wants_reactions() || self.bob.wants_reactions() {
                self.react_to_history();
            }
            let difference = self.difference();
            let Some(difference) = difference else { break };
            assert!(
                Instant::now() < deadline,
                "after {limit:?}: {difference}\n{}\n{}",
                self.alice.client.report(),
                self.bob.client.report()
            );
            std::thread::sleep(POLL);
        }
        self.alice.check_told(&self.bob);
        self.bob.check_told(&self.alice);
    }

    /// What is not yet as it has to be.
    fn difference(&mut self) -> Option<String> {
        if self.alice.wants_reactions() || self.bob.wants_reactions() {
            return Some("not everything that is to be reacted to has come".to_owned());
        }
        let (alice, bob) = (self.alice.id(), self.bob.id());
        let expected = [
            (alice.clone(), self.alice.expected()),
            (bob.clone(), self.bob.expected()),
        ];
        for (side, me, peer) in [
            (&mut self.alice, &alice, &bob),
            (&mut self.bob, &bob, &alice),
        ] {
            let history = side.client.history_with(peer);
            for (author, said) in &expected {
                let shown = shown_of(&history, author);
                if shown != *said {
                    return Some(first_difference(side.name, &shown, said));
                }
            }
            let state = |m: &&Value| text_of(m, "from") == *me && m["deleted"] != true;
            let other = history
                .iter()
                .filter(state)
                .find(|m| m["state"] != "delivered");
            if let Some(message) = other {
                return Some(format!(
                    "{} shows this as not delivered: {message}",
                    side.name
                ));
            }
        }
        None
    }
}

fn first_difference(name: &str, shown: &[Shown], said: &[Shown]) -> String {
    let at = shown.iter().zip(said).take_while(|(a, b)| a == b).count();
    format!(
        "{name} shows as number {at} {:?} instead of {:?} ({} shown, {} said)",
        shown.get(at),
        said.get(at),
        shown.len(),
        said.len()
    )
}

fn shown_of(history: &[Value], author: &str) -> Vec<Shown> {
    let theirs = history
        .iter()
        .filter(|message| text(message, "from") == author && message["deleted"] != true);
    theirs
        .map(|message| Shown {
            id: text_of(message, "id"),
            text: text_of(message, "text"),
            edited: message["edited_at"].is_string(),
            reactions: message["reactions"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|reaction| text_of(reaction, "emoji"))
                .collect(),
        })
        .collect()
}

fn ids_of(values: &[Value]) -> HashSet<String> {
    values.iter().map(|value| text_of(value, "id")).collect()
}

fn text_of(value: &Value, field: &str) -> String {
    text(value, field).to_owned()
}
