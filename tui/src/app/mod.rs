//! The interface without its terminal: state, and how it changes. Everything
//! here is a plain function of what was and what happened.

pub(crate) mod audio;
pub(crate) mod call_log;
pub(crate) mod calls;
pub(crate) mod conversation;
mod deadlines;
pub(crate) mod drafts;
pub(crate) mod editor;
pub(crate) mod effect;
pub(crate) mod first_run;
pub(crate) mod form;
pub(crate) mod history;
pub(crate) mod links;
pub(crate) mod lobby;
mod look;
mod marked;
pub(crate) mod msg;
pub(crate) mod overlay;
pub(crate) mod preferences;
pub(crate) mod reaction;
pub(crate) mod roster;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod search;
pub(crate) mod settings;
mod state;
pub(crate) mod transfers;
pub(crate) mod update;
pub(crate) mod user_file;
mod visible;
mod ways;

pub(crate) use look::{Glyphs, Look};
pub(crate) use state::{Focus, Notice, State, registry_word};
pub(crate) use visible::Stale;
