//! The registry as its clients and its operator meet it: a real server, real
//! TLS and UDP, the real program.
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot go on without has failed it"
)]

mod accounts;
mod backups;
mod bans;
mod common;
mod crash;
mod deliveries;
mod description;
mod identities;
mod live;
mod lobby;
mod logs;
// Elsewhere the trusted authorities are not a file's.
#[cfg(target_os = "linux")]
mod mail_tls;
mod operation;
mod orders;
mod page;
mod presence;
mod process;
mod program;
mod recovery;
mod smtp;
mod visibility;
