//! The engine of twocan: links between people, their messages and calls,
//! registries, and the database of a profile. It knows no terminal.
//!
//! [`Engine`] is the handle that an interface or a script holds; [`api`] is
//! what goes through it. Inside:
//!
//! ```text
//!  Engine --commands--> core --commands--> link tasks <--TLS--> peers
//!         <--events---- (one task, plain state)   \--> store (one thread)
//!                        |--> media task (one a call) --> voice thread
//!                        |--> registry tasks
//!                        |--> file threads (one a running transfer) <--TLS--> peers
//!                        +--> discovery (the local network)
//! ```

pub mod api;
mod clock;
mod core;
mod discovery;
mod engine;
mod export;
#[cfg(fuzzing)]
pub mod fuzzing;
mod link;
mod media;
pub mod network_check;
mod profile;
mod registry;
pub mod sound_check;
mod store;
mod transfer;
pub mod vault;

pub use engine::Engine;
