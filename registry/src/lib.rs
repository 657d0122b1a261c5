//! The registry of twocan: a small server that knows who is where, and nothing
//! of what they say.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`] | the command line, and what each command does |
//! | [`config`] | the configuration as typed and as resolved |
//! | [`server`] | start and stop: sockets, certificate, threads |
//! | `http` | routes, request bodies, answers and their status codes |
//! | `service` | what the registry does for its clients, with no HTTP in it |
//! | `directory` | accounts, sessions and presence in memory; look-ups end here |
//! | `store` | the database behind it: one writer thread, numbered migrations |
//! | `passwords` | bcrypt on a small bounded pool of its own threads |
//! | `attempts` | how often a password may be guessed, or a mail asked for |
//! | `codes` | one-time codes that wait to be shown |
//! | `outbox`, `mail` | mails and telephone messages, sent after the answer |
//! | `heartbeats` | the UDP socket of presence |
//! | `live` | the live channel: presence pushed, knocks, notices, the lobby |
//! | [`tls`] | the certificate: loaded, or made on first start |
//! | [`ping`] | is a registry there? Also the pinned HTTPS client |
//! | [`secrets`] | secrets from files |
//! | `admin` | what operators may do, and the ways to ask for it |
//! | `bans` | who may not use the registry |
//! | `metrics` | what is counted |
//! | `settings` | the configuration in force, and its secrets |
//! | `notices` | what is said to everybody at once |
//! | `logging` | what is written to standard error |
//! | `limits` | every limit on what strangers may ask for |
//!
//! A look-up reads `directory` and nothing else. A change goes through `store`,
//! which commits it and only then applies it to `directory`.

mod admin;
mod attempts;
mod bans;
pub mod cli;
mod codes;
pub mod config;
mod directory;
#[cfg(fuzzing)]
pub mod fuzzing;
mod heartbeats;
mod http;
mod limits;
mod live;
mod logging;
mod mail;
mod metrics;
mod notices;
mod outbox;
mod passwords;
pub mod ping;
pub mod secrets;
pub mod server;
mod service;
mod settings;
mod store;
pub mod tls;

pub use config::Config;
pub use server::{Server, StartError};

use twocan_proto::time::Timestamp;

/// The present moment; the only clock of the crate that is not monotonic.
fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since_1970.map_or(0, |elapsed| elapsed.as_millis());
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// `at` and so many milliseconds.
fn later(at: Timestamp, ms: u64) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add_unsigned(ms))
}
