//! The registry as its clients and its operator meet it: a real server, real
//! TLS and UDP, the real program.

mod accounts;
mod common;
mod presence;
mod program;
