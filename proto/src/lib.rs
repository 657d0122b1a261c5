//! Wire formats and state machines of twocan.
//!
//! Everything here is a plain function of bytes, time and intents: the crate
//! lists no runtime, opens no socket, reads no clock and touches no file.
//! Instants and randomness are arguments, so tests run in virtual time.
//!
//! | module | what it holds |
//! |---|---|
//! | [`identity`] | the key pair that is a person, and its public id |
//! | [`link`] | the contact link, `twocan:...#KEY` |
//! | [`safety`] | what two people compare to know each other's keys |
//! | [`address`] | `HOST[:PORT]` as people type it |
//! | [`frame`] | the 3-byte header and the frames of a link |
//! | [`body`] | what the frames say |
//! | [`session`] | the life of one link: hello, keep-alive, bye |
//! | [`call`] | the life of one call: offer, ringing, answer, bye |
//! | [`api`], [`heartbeat`], [`live`], [`registry_url`] | what clients and registries say to each other |
//! | [`text`] | the one place where text from outside is made safe to show |
//! | [`limits`] | every limit on what the outside may ask of us |

pub mod address;
pub mod api;
pub mod body;
pub mod call;
pub mod frame;
pub mod heartbeat;
pub mod identity;
pub mod limits;
pub mod link;
pub mod live;
pub mod registry_url;
pub mod safety;
pub mod session;
pub mod text;
pub mod time;
