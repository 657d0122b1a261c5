//! Two machines in two networks with a router between, made of Linux network
//! namespaces: what a laptop meets that is carried from one network to another.
//!
//! ```text
//!  alice 10.77.1.2 --- 10.77.1.1 router 10.77.2.1 --- 10.77.2.2 bob
//! ```

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// See the module. The namespaces are gone, with what runs in them, when this
/// is.
#[derive(Debug)]
pub struct Networks {
    name: String,
}

/// One of the two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In 10.77.1.0/24.
    Alice,
    /// In 10.77.2.0/24.
    Bob,
}

impl Side {
    fn letter(self) -> char {
        match self {
            Self::Alice => 'a',
            Self::Bob => 'b',
        }
    }

    fn network(self) -> u8 {
        match self {
            Self::Alice => 1,
            Self::Bob => 2,
        }
    }

    /// The address at the start.
    #[must_use]
    pub fn address(self) -> String {
        format!("10.77.{}.2", self.network())
    }
}

impl Networks {
    /// Both machines and their router, or why this machine cannot have them:
    /// it takes Linux, `ip` of iproute2 and the rights of root.
    ///
    /// # Errors
    /// The first thing that did not work.
    pub fn new() -> Result<Self, String> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let networks = Self {
            name: format!("tc{}n{number}", std::process::id() % 10_000),
        };
        networks.ip(&["netns", "add", &networks.namespace('r')])?;
        for side in [Side::Alice, Side::Bob] {
            networks.build(side)?;
        }
        networks.inside('r', &["link", "set", "lo", "up"])?;
        let forward = ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"];
        run(networks
            .under('r')
            .iter()
            .map(String::as_str)
            .chain(forward))?;
        Ok(networks)
    }

    fn build(&self, side: Side) -> Result<(), String> {
        let (letter, network) = (side.letter(), side.network());
        let namespace = self.namespace(letter);
        self.ip(&["netns", "add", &namespace])?;
        let router = self.namespace('r');
        let port = format!("to-{letter}");
        self.ip(&[
            "link", "add", "eth0", "netns", &namespace, "type", "veth", "peer", "name", &port,
            "netns", &router,
        ])?;
        self.inside(
            'r',
            &[
                "addr",
                "add",
                &format!("10.77.{network}.1/24"),
                "dev",
                &port,
            ],
        )?;
        self.inside('r', &["link", "set", &port, "up"])?;
        self.inside(letter, &["link", "set", "lo", "up"])?;
        self.inside(letter, &["link", "set", "eth0", "up"])?;
        self.take(side, 2)
    }

    /// The machine gets the address that ends in `host`, and its way out.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn take(&self, side: Side, host: u8) -> Result<(), String> {
        let (letter, network) = (side.letter(), side.network());
        let address = format!("10.77.{network}.{host}/24");
        self.inside(letter, &["addr", "add", &address, "dev", "eth0"])?;
        self.way_out(side)
    }

    fn way_out(&self, side: Side) -> Result<(), String> {
        let router = format!("10.77.{}.1", side.network());
        let words = ["route", "replace", "default", "via", &router];
        self.inside(side.letter(), &words)
    }

    /// The machine loses the address that ends in `host`.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn lose(&self, side: Side, host: u8) -> Result<(), String> {
        let address = format!("10.77.{}.{host}/24", side.network());
        self.inside(side.letter(), &["addr", "del", &address, "dev", "eth0"])
    }

    /// The machine's interface goes down, or up again.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn set_up(&self, side: Side, up: bool) -> Result<(), String> {
        let word = if up { "up" } else { "down" };
        self.inside(side.letter(), &["link", "set", "eth0", word])?;
        if up { self.way_out(side) } else { Ok(()) }
    }

    /// What makes a program run on this machine, before its own words.
    #[must_use]
    pub fn on(&self, side: Side) -> Vec<String> {
        self.under(side.letter())
    }

    fn under(&self, letter: char) -> Vec<String> {
        ["ip", "netns", "exec", &self.namespace(letter)]
            .map(str::to_owned)
            .to_vec()
    }

    fn namespace(&self, letter: char) -> String {
        format!("{}{letter}", self.name)
    }

    fn ip(&self, words: &[&str]) -> Result<(), String> {
        run(std::iter::once("ip").chain(words.iter().copied()))
    }

    fn inside(&self, letter: char, words: &[&str]) -> Result<(), String> {
        let namespace = self.namespace(letter);
        let inside = ["ip", "-n", &namespace];
        run(inside.into_iter().chain(words.iter().copied()))
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for letter in ['a', 'b', 'r'] {
            // What was never made is not there to be removed.
            drop(self.ip(&["netns", "del", &self.namespace(letter)]));
        }
    }
}

fn run<'a>(words: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let words: Vec<&str> = words.collect();
    let shown = words.join(" ");
    let [program, arguments @ ..] = words.as_slice() else {
        return Ok(());
    };
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!("{shown}: {}", told.trim()))
}
