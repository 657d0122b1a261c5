//! Four people and a registry for whom everything goes wrong: programs are
//! killed, lines are cut, slow or dead without saying so, disks take nothing,
//! clocks jump. They talk all the while, and in the end each has everything
//! that was said to her, once and in order.
//!
//! ```text
//!  anna --line--> bert --line--> cleo --line--> dora --line--> anna
//! ```
//!
//! All listen where nobody gets but over their line, so that it matters.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::headless::{Headless, PATIENCE, Profile, text};
use crate::process::{HEARS_LIMITS, Must, limit_files, wait_until};
use crate::registry::Registry;
use crate::wire::{Cut, Weather, Wire};

const NAMES: [&str; 4] = ["anna", "bert", "cleo", "dora"];
const PASSWORD: &str = "correct horse battery";
/// Between two things that everybody says.
const PACE: Duration = Duration::from_millis(100);
/// Between two disturbances.
const QUIET: std::ops::Range<Duration> = Duration::from_millis(200)..Duration::from_millis(1_200);
/// No file may grow beyond this: less than any database has.
const NO_ROOM: &str = "4096";
/// How far a clock jumps at most, either way, in seconds: two days.
const JUMP_MAX: i64 = 172_800;
/// How long it may take in the end until everything has arrived.
const SETTLING: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);
/// Where Debian has the library that changes the time of a process.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// What was done, and how long it took to recover from it.
#[derive(Debug, Default)]
pub struct Report {
    /// Messages that were stored by their author.
    pub said: usize,
    /// Clients and registries killed with SIGKILL.
    pub kills: usize,
    /// Lines cut or made worse.
    pub lines: usize,
    /// Times that a disk took nothing.
    pub full: usize,
    /// Clocks that jumped; `None` without libfaketime.
    pub jumps: Option<usize>,
    /// From the last disturbance until all was there.
    pub settled: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages, {} kills, {} disturbed lines, {} full disks, ",
            self.said, self.kills, self.lines, self.full
        )?;
        match self.jumps {
            Some(jumps) => write!(f, "{jumps} jumps of a clock")?,
            None => f.write_str("clock jumps left out: libfaketime is not installed")?,
        }
        write!(f, "; settled in {:.1} s", self.settled.as_secs_f64())
    }
}

/// One who talks, whether or not her program lives at the moment.
struct Person {
    profile: Profile,
    client: Headless,
    id: String,
    /// What her clock is told, if it can be told anything.
    clock: Option<PathBuf>,
}

/// What one person says to another, one thing after the other.
struct Speech {
    from: usize,
    to: usize,
    confirmed: usize,
    /// The request that has no answer yet, and the program it was made to.
    open: Option<(u64, u32)>,
}

impl Speech {
    fn text(&self, index: usize) -> String {
        format!("{} to {}: {index}", NAMES[self.from], NAMES[self.to])
    }

    /// Says the next thing, if the one before has its answer.
    fn go_on(&mut self, people: &mut [Person]) {
        if !self.waits(people) {
            self.say(people);
        }
    }

    /// Takes the answer that has come; whether one is still awaited. A program
    /// that died gives none.
    fn waits(&mut self, people: &[Person]) -> bool {
        let client = &people[self.from].client;
        let Some((id, _)) = self.open.filter(|(_, asked)| *asked == client.pid()) else {
            return false;
        };
        match client.answered(id) {
            None => return true,
            Some(Ok(_)) => self.confirmed += 1,
            Some(Err(refusal)) => {
                assert_eq!(refusal.code, "io", "{}: {refusal}", NAMES[self.from]);
            }
        }
        self.open = None;
        false
    }

    /// Says what comes after what is confirmed. It may have been said already:
    /// the same `client_id` keeps it from being sent twice.
    fn say(&mut self, people: &mut [Person]) {
        let index = self.confirmed;
        let fields = json!({
            "to": people[self.to].id,
            "text": self.text(index),
            "client_id": format!("{}-{index}", self.to),
        });
        let client = &mut people[self.from].client;
        let id = client.post("send", fields);
        self.open = Some((id, client.pid()));
    }

    /// What is wrong with it where `reader` shows it.
    fn difference(&self, reader: usize, shown: &[Value], author: &str) -> Option<String> {
        let shown: Vec<&Value> = shown.iter().filter(|row| row["from"] == *author).collect();
        let texts = shown.iter().map(|row| text(row, "text"));
        let same = texts
            .enumerate()
            .take_while(|(index, said)| *said == self.text(*index))
            .count();
        let late = |row: &&&Value| reader == self.from && row["state"] != "delivered";
        if same != shown.len() || same != self.confirmed {
            let (of, said) = (shown.len(), self.confirmed);
            let next = shown.get(same);
            let name = NAMES[reader];
            return Some(format!(
                "{name} shows {of} of {said}; number {same} is {next:?}"
            ));
        }
        let late = shown.iter().find(late);
        late.map(|row| format!("not delivered: {row}"))
    }
}

/// See the module.
struct Scene {
    registry: Option<Registry>,
    people: Vec<Person>,
    wires: Vec<Wire>,
    speeches: Vec<Speech>,
    report: Report,
}

/// Talks through disturbances for so long; `seed` says which.
///
/// # Panics
/// If in the end something is missing, twice or out of order.
#[must_use]
pub fn run(folder: &Path, seed: u64, length: Duration) -> Report {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::new(folder);
    let end = Instant::now() + length;
    let mut next = Instant::now() + rng.random_range(QUIET);
    while Instant::now() < end {
        scene.speak();
        if Instant::now() >= next {
            scene.disturb(&mut rng);
            next = Instant::now() + rng.random_range(QUIET);
        }
        std::thread::sleep(PACE);
    }
    scene.settle();
    scene.report
}

impl Scene {
    fn new(folder: &Path) -> Self {
        let registry = Registry::start(&folder.join("registry"));
        let mut people: Vec<Person> = NAMES
            .iter()
            .map(|name| Person::new(folder, name, registry.url()))
            .collect();
        let wires: Vec<Wire> = people
            .iter()
            .map(|person| Wire::to(person.client.listen()))
            .collect();
        let mut speeches = Vec::new();
        for from in 0..people.len() {
            let to = (from + 1) % people.len();
            let address = wires[to].address();
            people[from].client.must("connect", json!({"to": address}));
            for (from, to) in [(from, to), (to, from)] {
                let other = &people[to].id;
                people[from].client.event("presence", |event| {
                    event["contact"] == **other && event["online"] == true
                });
                speeches.push(Speech {
                    from,
                    to,
                    confirmed: 0,
                    open: None,
                });
            }
        }
        let jumps = people[0].clock.is_some().then_some(0);
        Self {
            registry: Some(registry),
            people,
            wires,
            speeches,
            report: Report {
                jumps,
                ..Report::default()
            },
        }
    }

    fn speak(&mut self) {
        for speech in &mut self.speeches {
            speech.go_on(&mut self.people);
        }
    }

    /// One thing goes wrong; what went wrong on this line or with this person
    /// before may end by it.
    fn disturb(&mut self, rng: &mut StdRng) {
        let who = rng.random_range(0..self.people.len());
        match rng.random_range(0..8) {
            0 | 1 => {
                self.people[who].die_and_return();
                self.report.kills += 1;
            }
            2 => {
                self.registry = self.registry.take().map(Registry::crash_and_restart);
                self.report.kills += 1;
            }
            3 => {
                self.wires[who].cut(if rng.random() { Cut::Fin } else { Cut::Rst });
                self.report.lines += 1;
            }
            4 => {
                self.wires[who].set(weather(rng));
                self.report.lines += 1;
            }
            5 => self.wires.iter().for_each(|wire| wire.set(Weather::Clear)),
            6 => {
                let pid = self.people[who].client.pid();
                limit_files(pid, NO_ROOM);
                let meanwhile = Instant::now() + rng.random_range(QUIET);
                while Instant::now() < meanwhile {
                    self.speak();
                    std::thread::sleep(PACE);
                }
                limit_files(pid, "unlimited");
                self.report.full += 1;
            }
            _ => {
                if self.people[who].jump(rng.random_range(-JUMP_MAX..JUMP_MAX)) {
                    self.report.jumps = self.report.jumps.map(|jumps| jumps + 1);
                }
            }
        }
    }

    /// Everything works again, all come back, and what was said is there.
    fn settle(&mut self) {
        let begun = Instant::now();
        for wire in &self.wires {
            wire.set(Weather::Clear);
            // What lost a byte on the way never gets better.
            wire.cut(Cut::Rst);
        }
        for person in &mut self.people {
            person.die_and_return();
        }
        for speech in &mut self.speeches {
            // What has no answer is asked for again, and nothing after it.
            let last = speech.confirmed;
            wait_until("the last message is stored", PATIENCE, || {
                let waits = speech.waits(&self.people);
                if !waits && speech.confirmed == last {
                    speech.say(&mut self.people);
                }
                speech.confirmed > last
            });
        }
        while let Some(difference) = self.difference() {
            let reports = || -> Vec<String> {
                let people = self.people.iter();
                people.map(|person| person.client.report()).collect()
            };
            assert!(
                begun.elapsed() < SETTLING,
                "after {SETTLING:?}: {difference}\n{}",
                reports().join("\n")
            );
            std::thread::sleep(POLL);
        }
        self.report.settled = begun.elapsed();
        self.report.said = self.speeches.iter().map(|speech| speech.confirmed).sum();
    }

    fn difference(&mut self) -> Option<String> {
        for speech in &self.speeches {
            let (from, to) = (speech.from, speech.to);
            let author = self.people[from].id.clone();
            for (reader, other) in [(from, to), (to, from)] {
                let other = self.people[other].id.clone();
                let shown = self.people[reader].client.history_with(&other);
                if let Some(difference) = speech.difference(reader, &shown, &author) {
                    return Some(difference);
                }
            }
        }
        None
    }
}

impl Person {
    fn new(folder: &Path, name: &str, registry: &str) -> Self {
        let mut profile = Profile::new(folder, name).accepting();
        // The registry hears of 127.0.0.1, where nobody listens.
        "[::1]:0".clone_into(&mut profile.listen);
        profile.under = HEARS_LIMITS.map(str::to_owned).to_vec();
        let clock = folder.join(format!("{name}.clock"));
        let clock = Path::new(FAKETIME).exists().then_some(clock);
        if let Some(clock) = &clock {
            fs::write(clock, "+0").must("set a clock");
            profile.environment = [
                ("LD_PRELOAD", FAKETIME.to_owned()),
                ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
                ("FAKETIME_NO_CACHE", "1".to_owned()),
                // Only the clock on the wall jumps.
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        }
        let mut client = profile.start();
        client.must(
            "sign_in",
            json!({"registry": registry, "username": name, "password": PASSWORD,
                   "register": true}),
        );
        let id = client.peer_id().to_owned();
        Self {
            profile,
            client,
            id,
            clock,
        }
    }

    fn die_and_return(&mut self) {
        self.client.restart(&mut self.profile);
    }

    /// Her clock is wrong by so many seconds from now on; whether it can be.
    fn jump(&self, seconds: i64) -> bool {
        if let Some(clock) = &self.clock {
            fs::write(clock, format!("{seconds:+}")).must("set a clock");
        }
        self.clock.is_some()
    }
}

fn weather(rng: &mut StdRng) -> Weather {
    match rng.random_range(0..3) {
        0 => Weather::HALF_OPEN,
        1 => Weather::Slow {
            rate: 20_000,
            delay: Duration::from_millis(300),
        },
        _ => Weather::LateClose(Duration::from_secs(5)),
    }
}
