//! What an author adds to a conversation: messages and what becomes of them.
//!
//! Everything that must not be lost is an entry of its author's stream, with
//! a number: a message, an edit, a deletion, a reaction. So each is on disk
//! before it is sent, comes once and in order, and is acknowledged like every
//! other; and an edit can never overtake the message that it edits.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;
use uuid::Uuid;

use super::{BodyError, within};
use crate::frame::Kind;
use crate::limits;
use crate::time::Timestamp;

/// One entry of an author's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// UUIDv7, made by the author.
    pub id: Uuid,
    /// Place in the author's stream of this conversation, from 1.
    pub seq: u64,
    /// The number before it in the stream, when that is not `seq - 1`: what
    /// lay between is gone at the author and never comes.
    pub after: Option<u64>,
    /// When it was made, by the author's clock.
    pub sent_at: Timestamp,
    /// What it says.
    pub content: Content,
}

/// What an entry says. `target` is the id of the message it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A message.
    Text {
        /// The text.
        text: String,
        /// The message it answers.
        reply_to: Option<Uuid>,
        /// The call of the author's that it is the trace of, as nobody took
        /// it; the text says so for those who do not know this field.
        call: Option<Uuid>,
    },
    /// A message of the same author reads otherwise now.
    Edit {
        /// The message.
        target: Uuid,
        /// Its whole new text.
        text: String,
    },
    /// A message of the same author is taken back, with every trace of it.
    Delete {
        /// The message.
        target: Uuid,
    },
    /// The author's one reaction to a message of anybody.
    Reaction {
        /// The message.
        target: Uuid,
        /// One user-perceived character; empty takes the reaction back.
        emoji: String,
    },
}

impl Content {
    /// The type of the frame that carries it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text { .. } => Kind::MESSAGE,
            Self::Edit { .. } => Kind::EDIT,
            Self::Delete { .. } => Kind::DELETE,
            Self::Reaction { .. } => Kind::REACTION,
        }
    }

    /// The message that it is about, unless it is one itself.
    pub fn target(&self) -> Option<Uuid> {
        match self {
            Self::Text { .. } => None,
            Self::Edit { target, .. } | Self::Delete { target } | Self::Reaction { target, .. } => {
                Some(*target)
            }
        }
    }

    /// Whether every part keeps its limit.
    pub(super) fn check(&self) -> Result<(), BodyError> {
        match self {
            Self::Text { text, .. } | Self::Edit { text, .. } => {
                within("text", text.len(), limits::TEXT_BYTES)
            }
            Self::Delete { .. } => Ok(()),
            Self::Reaction { emoji, .. } => within("reaction", emoji.len(), limits::REACTION_BYTES),
        }
    }
}

/// Whether `emoji` can be a reaction: one user-perceived character that shows
/// as itself, or nothing at all.
pub fn is_reaction(emoji: &str) -> bool {
    emoji.len() <= limits::REACTION_BYTES
        && emoji.graphemes(true).count() <= 1
        && crate::text::line(emoji) == emoji
}

/// The JSON of all entries: one flat object, as a struct inside an enum
/// would cost the reader a second pass over every message.
#[derive(Serialize)]
struct Written<'a> {
    id: Uuid,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    sent_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<&'a str>,
}

/// The same when it is read.
#[derive(Deserialize)]
struct Read {
    id: Uuid,
    seq: u64,
    after: Option<u64>,
    sent_at: Timestamp,
    text: Option<String>,
    reply_to: Option<Uuid>,
    call: Option<Uuid>,
    target: Option<Uuid>,
    emoji: Option<String>,
}

impl Entry {
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let (text, emoji) = match &self.content {
            Content::Text { text, .. } | Content::Edit { text, .. } => (Some(text), None),
            Content::Delete { .. } => (None, None),
            Content::Reaction { emoji, .. } => (None, Some(emoji)),
        };
        let (reply_to, call) = match &self.content {
            Content::Text { reply_to, call, .. } => (*reply_to, *call),
            _ => (None, None),
        };
        serde_json::to_vec(&Written {
            id: self.id,
            seq: self.seq,
            after: self.after,
            sent_at: self.sent_at,
            text: text.map(String::as_str),
            reply_to,
            call,
            target: self.content.target(),
            emoji: emoji.map(String::as_str),
        })
    }

    pub(super) fn from_json(kind: Kind, body: &[u8]) -> Result<Self, BodyError> {
        let read: Read = super::json(body)?;
        let target = read.target.ok_or(BodyError::Malformed);
        let text = read.text.ok_or(BodyError::Malformed);
        let content = match kind {
            Kind::MESSAGE => Content::Text {
                text: text?,
                reply_to: read.reply_to,
                call: read.call,
            },
            Kind::EDIT => Content::Edit {
                target: target?,
                text: text?,
            },
            Kind::DELETE => Content::Delete { target: target? },
            Kind::REACTION => Content::Reaction {
                target: target?,
                emoji: read.emoji.ok_or(BodyError::Malformed)?,
            },
            other => return Err(BodyError::Unknown(other)),
        };
        Ok(Self {
            id: read.id,
            seq: read.seq,
            after: read.after,
            sent_at: read.sent_at,
            content,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use crate::frame::Frame;
    use proptest::prelude::*;

    fn entry(content: Content) -> Body {
        Body::Entry(Entry {
            id: Uuid::from_u128(7),
            seq: 3,
            after: None,
            sent_at: Timestamp::from_millis(1_000),
            content,
        })
    }

    fn text(text: String) -> Body {
        entry(Content::Text {
            text,
            reply_to: None,
            call: None,
        })
    }

    #[test]
    fn the_worst_text_within_the_limit_fits_a_frame() {
        let worst = "\u{1}".repeat(limits::TEXT_BYTES);
        let target = Uuid::from_u128(9);
        let edit = entry(Content::Edit {
            target,
            text: worst.clone(),
        });
        for body in [text(worst), edit] {
            let frame = body.to_frame().unwrap();
            assert_eq!(Body::from_frame(&frame), Ok(body));
        }
    }

    #[test]
    fn a_text_over_the_limit_is_refused() {
        let frame = text("x".repeat(limits::TEXT_BYTES + 1)).to_frame().unwrap();
        let limit = BodyError::Limit {
            what: "text",
            most: limits::TEXT_BYTES,
        };
        assert_eq!(Body::from_frame(&frame), Err(limit));
    }

    #[test]
    fn an_entry_without_what_its_type_needs_is_malformed() {
        let Body::Entry(whole) = text("hello".into()) else {
            panic!("no entry")
        };
        let body: bytes::Bytes = whole.to_json().unwrap().into();
        for kind in [Kind::EDIT, Kind::DELETE, Kind::REACTION] {
            let frame = Frame {
                kind,
                body: body.clone(),
            };
            assert_eq!(Body::from_frame(&frame), Err(BodyError::Malformed));
        }
    }

    #[test]
    fn a_reaction_is_one_character_that_shows() {
        for emoji in ["", "x", "\u{1f44d}\u{1f3fd}", "\u{2764}\u{fe0f}"] {
            assert!(is_reaction(emoji), "{emoji:?}");
        }
        for emoji in ["ab", " ", "\u{202e}", "\u{1b}"] {
            assert!(!is_reaction(emoji), "{emoji:?}");
        }
    }

    fn content() -> impl Strategy<Value = Content> {
        let id = any::<u128>().prop_map(Uuid::from_u128);
        prop_oneof![
            (
                "\\PC{0,200}",
                proptest::option::of(id.clone()),
                proptest::option::of(id.clone())
            )
                .prop_map(|(text, reply_to, call)| Content::Text {
                    text,
                    reply_to,
                    call
                }),
            (id.clone(), "\\PC{0,200}").prop_map(|(target, text)| Content::Edit { target, text }),
            id.clone().prop_map(|target| Content::Delete { target }),
            (id, "\\PC{0,8}").prop_map(|(target, emoji)| Content::Reaction { target, emoji }),
        ]
    }

    proptest! {
        #[test]
        fn any_entry_survives(content in content(), seq: u64, after: Option<u64>, id: u128) {
            let body = Body::Entry(Entry {
                id: Uuid::from_u128(id),
                seq,
                after,
                sent_at: Timestamp::from_millis(5),
                content,
            });
            prop_assert_eq!(Body::from_frame(&body.to_frame().unwrap()), Ok(body));
        }
    }
}
