//! The terminal interface of twocan, apart from its command line.
//!
//! key -> [`input`] action -> [`app`] update -> effect -> [`terminal`] engine,
//! and from the state to the screen through [`view`], which only reads.

mod app;
mod input;
pub mod terminal;
mod view;
