//! What sets up a call and ends it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// May I talk with you? And the answer: yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDescription {
    /// The call, named by the caller (UUIDv7).
    pub call: Uuid,
    /// SDP (RFC 8866) with ICE credentials and the DTLS fingerprint, which
    /// this link thereby binds to the identity keys.
    pub sdp: String,
    /// Which path of the call it is about: 0 for the first; an offer of
    /// another one (an ICE restart, RFC 8445 section 9) has a higher number
    /// than every offer before, and its answer the same.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
}

fn is_zero(round: &u32) -> bool {
    *round == 0
}

/// Something about a call that needs no more words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRef {
    /// The call.
    pub call: Uuid,
}

/// One more address where media reaches the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The call.
    pub call: Uuid,
    /// An ICE candidate line (RFC 8839 section 5.1).
    pub candidate: String,
}

/// No, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hangup {
    /// The call.
    pub call: Uuid,
    /// A SIP response code (RFC 3261 section 21): 200 for a call that simply
    /// ends, 486 busy, 603 declined and so on.
    pub code: u16,
    /// The same in words, or a reason of one's own; may be empty.
    #[serde(default)]
    pub text: String,
}
