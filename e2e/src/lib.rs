//! What the end-to-end tests share: drivers for the real programs, a private
//! sound server, a terminal, speech, and measures of what was heard.
//!
//! The drivers know the programs by their published contracts alone (command
//! lines, JSON lines, screens), never by their code. They are for tests, so
//! they panic, with what was seen, where a test has to fail.

pub mod bench;
pub mod bus;
pub mod chaos;
pub mod headless;
pub mod https;
pub mod netns;
pub mod pair;
pub mod person;
pub mod process;
pub mod pulse;
pub mod registry;
pub mod score;
pub mod speech;
pub mod talk;
pub mod terminal;
pub mod wire;
