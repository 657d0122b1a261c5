//! The promise of the outbox: whatever dies at whatever moment, each message
//! appears once and in order, and reads the same on both sides. Real processes
//! are killed while both sides send, edit, delete and react, again and again.
//!
//! A run makes 1,000 kills unless `TWOCAN_KILLS` names another number, shared
//! among four pairs of clients that live side by side.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use twocan_e2e::headless::{Headless, Profile, text};
use twocan_e2e::pair::{Pair, folder};

/// How often a process is killed in all, and how much each side sends in
/// between.
const KILLS: usize = 1_000;
const KILLS_VARIABLE: &str = "TWOCAN_KILLS";
const PAIRS: usize = 4;
const BATCH: usize = 12;
/// A kill comes when some of a batch is confirmed, and up to this much later:
/// before, within and after the disk, the wire and the receipt.
const LATER: Duration = Duration::from_millis(20);
/// How many confirmed messages are asked for again after a restart, as by a
/// script that died before it saw the answers.
const REPEATED: usize = 5;
/// How long both may take in the end until everything has arrived.
const SETTLING: Duration = Duration::from_secs(120);
/// Of every eight messages one is edited, one deleted, and to one the other
/// reacts.
const PATTERN: usize = 8;
const EDITED: usize = 1;
const DELETED: usize = 3;
const REACTED: usize = 4;
const EMOJI: &str = "\u{1f44d}";

/// One side: what it says, whether or not it lives at the moment.
struct Side {
    profile: Profile,
    client: Option<Headless>,
    peer: String,
    /// Texts in the order of their requests; the index makes the `client_id`.
    said: Vec<String>,
    /// Ids of those that were confirmed as being on disk.
    ids: Vec<String>,
    /// How many of them are confirmed to the program that lives now.
    confirmed: usize,
    /// Requests without an answer yet: the number of each.
    open: Vec<u64>,
    /// What is to become of messages, and is not known to have: verb, fields,
    /// and the request if one is under way.
    amends: Vec<(&'static str, Value, Option<u64>)>,
}

impl Side {
    fn new(client: Headless, profile: Profile, peer: &str) -> Self {
        Self {
            profile,
            client: Some(client),
            peer: peer.to_owned(),
            said: Vec::new(),
            ids: Vec::new(),
            confirmed: 0,
            open: Vec::new(),
            amends: Vec::new(),
        }
    }

    fn client(&mut self) -> &mut Headless {
        self.client.get_or_insert_with(|| self.profile.start())
    }

    /// Asks for a new batch without waiting for any answer.
    fn post_batch(&mut self) {
        for _ in 0..BATCH {
            let index = self.said.len();
            self.said
                .push(format!("{} says {index}", self.profile.name));
            self.post(index);
        }
    }

    fn post(&mut self, index: usize) {
        let fields =
            json!({"to": self.peer, "text": self.said[index], "client_id": format!("{index}")});
        let id = self.client().post("send", fields);
        self.open.push(id);
    }

    /// Takes the confirmations that have come.
    fn settle(&mut self) {
        let Some(client) = &self.client else { return };
        while let Some(&id) = self.open.first() {
            match client.answered(id) {
                Some(Ok(answer)) => {
                    self.open.remove(0);
                    let id = text(&answer, "id");
                    match self.ids.get(self.confirmed) {
                        Some(known) => assert_eq!(known, id, "sent twice"),
                        None => self.ids.push(id.to_owned()),
                    }
                    self.confirmed += 1;
                }
                Some(Err(refusal)) => panic!("{} refused to send: {refusal}", self.profile.name),
                None => break,
            }
        }
    }

    /// Asks for what is to become of messages, and takes the answers.
    fn amend(&mut self) {
        let mut amends = std::mem::take(&mut self.amends);
        amends.retain_mut(|(verb, fields, request)| {
            let id = *request.get_or_insert_with(|| self.client().post(verb, fields.clone()));
            match self.client().answered(id) {
                None => true,
                Some(Ok(_)) => false,
                // Not here yet: asked for again.
                Some(Err(refusal)) if refusal.code == "not_found" => {
                    *request = None;
                    true
                }
                // Done before a death that kept the answer.
                Some(Err(refusal)) if *verb == "delete" && refusal.code == "conflict" => false,
                Some(Err(refusal)) => {
                    panic!("{}: {verb} was refused: {refusal}", self.profile.name)
                }
            }
        });
        self.amends = amends;
    }

    /// Dies, and comes back with the same folder and address. What was not
    /// confirmed, and some of what was, is asked for again in the same order;
    /// the same `client_id` keeps it from being sent twice.
    fn die_and_return(&mut self) {
        self.settle();
        if let Some(client) = self.client.take() {
            client.kill9();
        }
        self.open.clear();
        for (_, _, request) in &mut self.amends {
            *request = None;
        }
        self.client = Some(self.profile.start());
        self.confirmed = self.confirmed.saturating_sub(REPEATED);
        for index in self.confirmed..self.said.len() {
            self.post(index);
        }
    }

    /// Waits until every request is confirmed.
    fn finish_sending(&mut self) {
        self.wait_open(0);
    }

    /// Waits until so many requests of the last batch are confirmed.
    fn wait_confirmed(&mut self, count: usize) {
        self.wait_open(BATCH - count);
    }

    /// Waits until at most `allowed` requests are without an answer.
    fn wait_open(&mut self, allowed: usize) {
        let deadline = Instant::now() + SETTLING;
        loop {
            self.settle();
            if self.open.len() <= allowed {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{}: {} requests stay without an answer",
                self.profile.name,
                self.open.len()
            );
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// What this side shows of the conversation: for each author the texts
    /// that are left, each with the reactions to it.
    fn shown(&mut self) -> BTreeMap<String, Vec<(String, Vec<String>)>> {
        let peer = self.peer.clone();
        let mut shown = BTreeMap::<_, Vec<_>>::new();
        for row in self.client().history_with(&peer) {
            if row["deleted"] != true {
                let reactions = row["reactions"].as_array().into_iter().flatten();
                let emoji = reactions.map(|reaction| text(reaction, "emoji").to_owned());
                let author = text(&row, "from").to_owned();
                let line = (text(&row, "text").to_owned(), emoji.collect());
                shown.entry(author).or_default().push(line);
            }
        }
        shown
    }

    /// What is left of what this side said, in the end.
    fn expected(&self) -> Vec<(String, Vec<String>)> {
        let all = self.said.iter().enumerate();
        let left = all.filter(|(index, _)| index % PATTERN != DELETED);
        left.map(|(index, said)| match index % PATTERN {
            EDITED => (corrected(said), Vec::new()),
            REACTED => (said.clone(), vec![EMOJI.to_owned()]),
            _ => (said.clone(), Vec::new()),
        })
        .collect()
    }
}

fn corrected(said: &str) -> String {
    format!("{said}, corrected")
}

/// What becomes of the messages of `author` that were confirmed since `before`.
fn plan_amends(author: &mut Side, other: &mut Side, before: usize) {
    for index in before..author.ids.len() {
        let id = &author.ids[index];
        let text = corrected(&author.said[index]);
        match index % PATTERN {
            EDITED => {
                let fields = json!({"message": id, "text": text});
                author.amends.push(("edit", fields, None));
            }
            DELETED => {
                let fields = json!({"message": id, "for": "both"});
                author.amends.push(("delete", fields, None));
            }
            REACTED => {
                let fields = json!({"message": id, "emoji": EMOJI});
                other.amends.push(("react", fields, None));
            }
            _ => {}
        }
    }
}

/// Two sides, and how far what they said has been amended.
struct Both {
    sides: [Side; 2],
    planned: [usize; 2],
}

impl Both {
    fn amend(&mut self) {
        let [alice, bob] = &mut self.sides;
        alice.settle();
        bob.settle();
        plan_amends(alice, bob, self.planned[0]);
        plan_amends(bob, alice, self.planned[1]);
        self.planned = [alice.ids.len(), bob.ids.len()];
        alice.amend();
        bob.amend();
    }

    /// What is shown on either side and is not what was said.
    fn difference(&mut self) -> Option<String> {
        self.amend();
        let [alice, bob] = &mut self.sides;
        if !alice.amends.is_empty() || !bob.amends.is_empty() {
            return Some(format!("still to do: {:?} {:?}", alice.amends, bob.amends));
        }
        let said = [
            (bob.peer.clone(), alice.expected()),
            (alice.peer.clone(), bob.expected()),
        ];
        for side in [alice, bob] {
            let shown = side.shown();
            for (author, said) in &said {
                let shown = shown.get(author).map_or(&[][..], Vec::as_slice);
                let at = shown.iter().zip(said).take_while(|(a, b)| a == b).count();
                if at != shown.len() || at != said.len() {
                    return Some(format!(
                        "{} shows as number {at} of {author} {:?} instead of {:?}; {} shown, {} said",
                        side.profile.name,
                        shown.get(at),
                        said.get(at),
                        shown.len(),
                        said.len()
                    ));
                }
            }
        }
        None
    }
}

/// How often each pair is killed.
fn kills() -> usize {
    let total = match std::env::var(KILLS_VARIABLE) {
        Ok(number) => number.parse().expect("a number of kills"),
        Err(_) => KILLS,
    };
    total.div_ceil(PAIRS)
}

/// `seed` is printed with a failure; another one kills at other moments.
fn kill_again_and_again(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = folder();
    let Pair {
        alice,
        bob,
        alice_profile,
        bob_profile,
    } = Pair::new(folder.path());
    let (alice_id, bob_id) = (alice.peer_id().to_owned(), bob.peer_id().to_owned());
    let mut both = Both {
        sides: [
            Side::new(alice, alice_profile, &bob_id),
            Side::new(bob, bob_profile, &alice_id),
        ],
        planned: [0, 0],
    };

    let mut left = kills();
    while left > 0 {
        for side in &mut both.sides {
            side.post_batch();
        }
        both.amend();
        let victim = rng.random_range(0..both.sides.len());
        both.sides[victim].wait_confirmed(rng.random_range(0..=BATCH));
        // The moment is the point here: no condition to wait for.
        if rng.random_bool(0.5) {
            std::thread::sleep(rng.random_range(Duration::ZERO..LATER));
        }
        both.sides[victim].die_and_return();
        left -= 1;
        if left > 0 && rng.random_bool(0.2) {
            both.sides[1 - victim].die_and_return();
            left -= 1;
        }
    }
    for side in &mut both.sides {
        side.finish_sending();
    }

    let deadline = Instant::now() + SETTLING;
    while let Some(difference) = both.difference() {
        assert!(Instant::now() < deadline, "seed {seed}: {difference}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn kill_9_loses_nothing_and_doubles_nothing() {
    kill_again_and_again(20_261_121);
}

#[test]
fn kill_9_loses_nothing_and_doubles_nothing_at_other_moments() {
    kill_again_and_again(20_261_122);
}

#[test]
fn kill_9_loses_nothing_and_doubles_nothing_at_further_moments() {
    kill_again_and_again(20_261_123);
}

#[test]
fn kill_9_loses_nothing_and_doubles_nothing_at_yet_other_moments() {
    kill_again_and_again(20_261_124);
}
