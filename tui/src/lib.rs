//! The program `twocan`: its command line, and what each command does with the
//! engine of `twocan-peer`.

pub mod cli;
mod echo;
mod headless;
mod one_shot;
mod signals;
