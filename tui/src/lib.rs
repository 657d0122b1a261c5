//! The program `twocan`: its command line, its headless interface, and its
//! interface in the terminal, over the engine of `twocan-peer`.
//!
//! The way through the interface: key -> `input` action -> `app` update ->
//! effect -> `terminal` engine; and from the state to the screen through
//! `view`, which only reads.

mod app;
pub mod cli;
mod control;
mod custody;
mod doctor;
mod echo;
#[cfg(fuzzing)]
pub mod fuzzing;
mod headless;
mod input;
mod one_shot;
mod plain;
mod signals;
mod terminal;
mod unlock;
mod view;
