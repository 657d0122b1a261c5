//! What makes frames survive their packets: payloads that carry, beside a
//! frame, what repairs earlier ones.
//!
//! ```text
//! frame -> Packer (windows of earlier frames, report) -> payload
//! payload -> Unpacker -> its frame, repaired frames, report, reach
//! ```
//!
//! Frames that the receiver says it lacks are sent again (`answers`).
//!
//! Between two twocans this is a sliding-window code over GF(256) (`payload`,
//! `window`), for others redundant audio (`red`), for the rest plain Opus.
//! Which windows to send is not decided here but in `adapt`.

mod answers;
mod gf256;
mod pack;
mod payload;
mod red;
#[cfg(test)]
mod tests;
mod unpack;
mod window;

pub(crate) use answers::Answers;
pub(crate) use pack::{Packer, SentFrame};
#[cfg(test)]
pub(crate) use payload::MOST_PARTS;
pub(crate) use payload::Window;
pub use unpack::{Frame, Origin, Reach, Unpacked, Unpacker};

/// Why a payload cannot be used. The other side is at fault in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// It ends before it is complete.
    #[error("the payload is cut off")]
    Truncated,
    /// It says something that this version does not know.
    #[error("the payload is of a newer kind")]
    Unknown,
    /// A window reaches too far, or a copy has coefficients.
    #[error("the payload repairs frames that it cannot repair")]
    Window,
    /// A symbol is empty or longer than a frame can be.
    #[error("a repair symbol has no possible length")]
    Symbol,
    /// There is no frame, or it is no Opus packet.
    #[error("the payload has no Opus frame")]
    Frame,
}
