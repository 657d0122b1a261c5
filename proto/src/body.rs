//! What the frames say: their bodies as types, and the limits they must keep.
//!
//! Parse, don't validate: what comes out of [`Body::from_frame`] keeps every
//! limit of [`crate::limits`], so nothing further in has to ask again. Fields
//! that we do not know are passed over, so that later versions can add some.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::frame::{Frame, FrameError, Kind};
use crate::limits;

mod call;
mod entry;
pub mod file;
mod link;
mod people;

pub use call::{CallRef, Candidate, Hangup, SessionDescription};
pub use entry::{Content, Entry, is_reaction};
pub use link::{Bye, ByeReason, Complaint, Hello, Ping, Resume};
pub use people::{Knock, Presence, Profile, Welcome};

use file::{FileOffer, FileRef, FileSeen, FileState};

/// All of the receiver's messages up to `upto` are stored, or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upto {
    /// A sequence number.
    pub upto: u64,
}

/// Send your messages again, from `from` on: one before it is missing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resend {
    /// The first sequence number that is missing.
    pub from: u64,
}

/// The sender is typing, or has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Which of the two.
    pub on: bool,
}

/// The body of a frame, by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant is the frame type of the same name, an entry several"
)]
pub enum Body {
    Hello(Hello),
    Ping(Ping),
    Pong(Ping),
    Bye(Bye),
    Error(Complaint),
    Knock(Knock),
    Welcome(Welcome),
    Reject,
    Profile(Profile),
    Entry(Entry),
    Delivered(Upto),
    Read(Upto),
    Typing(Typing),
    Resend(Resend),
    FileOffer(FileOffer),
    FileState(FileState),
    FileSeen(FileSeen),
    FileWant(FileRef),
    Offer(SessionDescription),
    Ringing(CallRef),
    Answer(SessionDescription),
    Candidate(Candidate),
    Hangup(Hangup),
}

impl Body {
    /// The frame type of this body.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::HELLO,
            Self::Ping(_) => Kind::PING,
            Self::Pong(_) => Kind::PONG,
            Self::Bye(_) => Kind::BYE,
            Self::Error(_) => Kind::ERROR,
            Self::Knock(_) => Kind::KNOCK,
            Self::Welcome(_) => Kind::WELCOME,
            Self::Reject => Kind::REJECT,
            Self::Profile(_) => Kind::PROFILE,
            Self::Entry(entry) => entry.content.kind(),
            Self::Delivered(_) => Kind::DELIVERED,
            Self::Read(_) => Kind::READ,
            Self::Typing(_) => Kind::TYPING,
            Self::Resend(_) => Kind::RESEND,
            Self::FileOffer(_) => Kind::FILE_OFFER,
            Self::FileState(_) => Kind::FILE_STATE,
            Self::FileSeen(_) => Kind::FILE_SEEN,
            Self::FileWant(_) => Kind::FILE_WANT,
            Self::Offer(_) => Kind::OFFER,
            Self::Ringing(_) => Kind::RINGING,
            Self::Answer(_) => Kind::ANSWER,
            Self::Candidate(_) => Kind::CANDIDATE,
            Self::Hangup(_) => Kind::HANGUP,
        }
    }

    /// Only contacts may say this to each other.
    pub fn is_for_contacts(&self) -> bool {
        !matches!(
            self,
            Self::Hello(_)
                | Self::Ping(_)
                | Self::Pong(_)
                | Self::Bye(_)
                | Self::Error(_)
                | Self::Knock(_)
                | Self::Welcome(_)
                | Self::Reject
        )
    }

    /// The frame that says this.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], which no body within the limits meets.
    pub fn to_frame(&self) -> Result<Frame, FrameError> {
        let json = match self {
            Self::Hello(b) => serde_json::to_vec(b),
            Self::Ping(b) | Self::Pong(b) => serde_json::to_vec(b),
            Self::Bye(b) => serde_json::to_vec(b),
            Self::Error(b) => serde_json::to_vec(b),
            Self::Knock(b) => serde_json::to_vec(b),
            Self::Welcome(b) => serde_json::to_vec(b),
            Self::Reject => Ok(b"{}".to_vec()),
            Self::Profile(b) => serde_json::to_vec(b),
            Self::Entry(b) => b.to_json(),
            Self::Delivered(b) | Self::Read(b) => serde_json::to_vec(b),
            Self::Typing(b) => serde_json::to_vec(b),
            Self::Resend(b) => serde_json::to_vec(b),
            Self::FileOffer(b) => serde_json::to_vec(b),
            Self::FileState(b) => serde_json::to_vec(b),
            Self::FileSeen(b) => serde_json::to_vec(b),
            Self::FileWant(b) => serde_json::to_vec(b),
            Self::Offer(b) | Self::Answer(b) => serde_json::to_vec(b),
            Self::Ringing(b) => serde_json::to_vec(b),
            Self::Candidate(b) => serde_json::to_vec(b),
            Self::Hangup(b) => serde_json::to_vec(b),
        };
        // Plain structs of strings and numbers always serialize.
        let body = Bytes::from(json.map_err(|_| FrameError::TooLong)?);
        if body.len() > crate::frame::BODY_BYTES {
            return Err(FrameError::TooLong);
        }
        Ok(Frame {
            kind: self.kind(),
            body,
        })
    }

    /// What a frame says.
    ///
    /// # Errors
    /// [`BodyError::Unknown`] for a type this version does not know (answer
    /// with an error and go on), [`BodyError::Malformed`] and
    /// [`BodyError::Limit`] when the other side breaks the protocol.
    pub fn from_frame(frame: &Frame) -> Result<Self, BodyError> {
        let body = &frame.body[..];
        let parsed = match frame.kind {
            Kind::HELLO => Self::Hello(json(body)?),
            Kind::PING => Self::Ping(json(body)?),
            Kind::PONG => Self::Pong(json(body)?),
            Kind::BYE => Self::Bye(json(body)?),
            Kind::ERROR => Self::Error(json(body)?),
            Kind::KNOCK => Self::Knock(json(body)?),
            Kind::WELCOME => Self::Welcome(json(body)?),
            Kind::REJECT => Self::Reject,
            Kind::PROFILE => Self::Profile(json(body)?),
            Kind::MESSAGE | Kind::EDIT | Kind::DELETE | Kind::REACTION => {
                Self::Entry(Entry::from_json(frame.kind, body)?)
            }
            Kind::DELIVERED => Self::Delivered(json(body)?),
            Kind::READ => Self::Read(json(body)?),
            Kind::TYPING => Self::Typing(json(body)?),
            Kind::RESEND => Self::Resend(json(body)?),
            Kind::FILE_OFFER => Self::FileOffer(json(body)?),
            Kind::FILE_STATE => Self::FileState(json(body)?),
            Kind::FILE_SEEN => Self::FileSeen(json(body)?),
            Kind::FILE_WANT => Self::FileWant(json(body)?),
            Kind::OFFER => Self::Offer(json(body)?),
            Kind::RINGING => Self::Ringing(json(body)?),
            Kind::ANSWER => Self::Answer(json(body)?),
            Kind::CANDIDATE => Self::Candidate(json(body)?),
            Kind::HANGUP => Self::Hangup(json(body)?),
            other => return Err(BodyError::Unknown(other)),
        };
        parsed.check()?;
        Ok(parsed)
    }

    /// Whether every part keeps its limit.
    fn check(&self) -> Result<(), BodyError> {
        match self {
            Self::Hello(hello) => {
                within("client version", hello.client.len(), limits::VERSION_BYTES)?;
                within(
                    "number of capabilities",
                    hello.capabilities.len(),
                    limits::CAPABILITIES,
                )?;
                let longest = hello
                    .capabilities
                    .iter()
                    .map(String::len)
                    .max()
                    .unwrap_or(0);
                within("capability", longest, limits::CAPABILITY_BYTES)
            }
            Self::Bye(bye) => within("reason", bye.text.len(), limits::REASON_BYTES),
            Self::Error(error) => within("error", error.text.len(), limits::REASON_BYTES),
            Self::Knock(knock) => {
                within("name", knock.name.len(), limits::NAME_BYTES)?;
                within("note", knock.note.len(), limits::NOTE_BYTES)
            }
            Self::Welcome(welcome) => within("name", welcome.name.len(), limits::NAME_BYTES),
            Self::FileOffer(offer) => offer.check(),
            Self::FileState(state) => within("reason", state.text.len(), limits::REASON_BYTES),
            Self::Profile(profile) => profile.check(),
            Self::Entry(entry) => entry.content.check(),
            Self::Offer(description) | Self::Answer(description) => within(
                "session description",
                description.sdp.len(),
                limits::SDP_BYTES,
            ),
            Self::Candidate(c) => within("candidate", c.candidate.len(), limits::CANDIDATE_BYTES),
            Self::Hangup(hangup) => within("reason", hangup.text.len(), limits::REASON_BYTES),
            Self::Ping(_)
            | Self::Pong(_)
            | Self::Reject
            | Self::Delivered(_)
            | Self::Read(_)
            | Self::Typing(_)
            | Self::Resend(_)
            | Self::FileSeen(_)
            | Self::FileWant(_)
            | Self::Ringing(_) => Ok(()),
        }
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    serde_json::from_slice(body).map_err(|_| BodyError::Malformed)
}

fn within(what: &'static str, length: usize, most: usize) -> Result<(), BodyError> {
    if length > most {
        return Err(BodyError::Limit { what, most });
    }
    Ok(())
}

/// What can be wrong with the body of a whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A type of frame that this version does not know.
    #[error("frames of type {} are unknown here", .0.bits())]
    Unknown(Kind),
    /// Not the JSON that this type of frame has.
    #[error("the body of a frame is malformed")]
    Malformed,
    /// A part is longer than it may be.
    #[error("the {what} is longer than {most}")]
    Limit {
        /// The part.
        what: &'static str,
        /// Its limit.
        most: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_profile_keeps_its_limits_and_the_worst_fits_a_frame() {
        let worst = |fields: usize| Profile {
            name: "\u{1}".repeat(limits::NAME_BYTES),
            status: "\u{1}".repeat(limits::STATUS_BYTES),
            presence: Presence::DoNotDisturb,
            fields: (0..fields)
                .map(|n| {
                    let name = "\u{1}".repeat(limits::FIELD_NAME_BYTES - 2);
                    (format!("{n:02}{name}"), "\u{1}".repeat(limits::FIELD_BYTES))
                })
                .collect(),
        };
        let body = Body::Profile(worst(limits::PROFILE_FIELDS));
        let frame = body.to_frame().unwrap();
        assert_eq!(Body::from_frame(&frame), Ok(body));
        let more = Body::Profile(worst(limits::PROFILE_FIELDS + 1));
        assert!(matches!(
            Body::from_frame(&more.to_frame().unwrap()),
            Err(BodyError::Limit { .. })
        ));
    }

    #[test]
    fn a_presence_of_later_is_taken_as_available() {
        let frame = Frame {
            kind: Kind::PROFILE,
            body: Bytes::from_static(br#"{"presence":"at_lunch","name":"a"}"#),
        };
        let Ok(Body::Profile(profile)) = Body::from_frame(&frame) else {
            panic!("not taken");
        };
        assert_eq!(profile.presence, Presence::Available);
        for presence in [
            Presence::Available,
            Presence::Away,
            Presence::DoNotDisturb,
            Presence::Invisible,
        ] {
            let word = serde_json::to_string(&presence).unwrap();
            assert_eq!(serde_json::from_str::<Presence>(&word).unwrap(), presence);
        }
    }

    #[test]
    fn unknown_types_and_fields_and_reasons() {
        let unknown = Frame {
            kind: Kind::from_bits(63).unwrap(),
            body: Bytes::new(),
        };
        assert_eq!(
            Body::from_frame(&unknown),
            Err(BodyError::Unknown(unknown.kind))
        );
        let later = Frame {
            kind: Kind::BYE,
            body: Bytes::from_static(br#"{"reason":"eclipse","text":"","moon":1}"#),
        };
        let bye = Bye {
            reason: ByeReason::Other,
            text: String::new(),
        };
        assert_eq!(Body::from_frame(&later), Ok(Body::Bye(bye)));
    }

    proptest! {
        #[test]
        fn any_body_is_answered(kind in 0u8..64, body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let frame = Frame { kind: Kind::from_bits(kind).unwrap(), body: body.into() };
            if let Ok(body) = Body::from_frame(&frame) {
                let again = body.to_frame().unwrap();
                prop_assert_eq!(Body::from_frame(&again), Ok(body));
            }
        }
    }
}
