//! Why something that was asked for did not happen.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The error words of `headless.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is wrong: what is missing or malformed is named.
    BadRequest,
    /// No such contact, message, call, request or account.
    NotFound,
    /// The other person is not there now.
    Offline,
    /// Nothing answers at the address.
    Unreachable,
    /// The other side, or a registry, said no.
    Refused,
    /// The contact is blocked here.
    Blocked,
    /// The contact shows another key than before; the user must decide.
    KeyChanged,
    /// Whoever answers is not who was expected.
    KeyMismatch,
    /// Wrong password, expired session, or not signed in.
    Unauthorized,
    /// The name belongs to somebody already.
    Taken,
    /// Too many attempts; `retry_after` says when to try again.
    Limited,
    /// Over a size limit, which is named.
    TooLarge,
    /// Already in a call, or the queue is full.
    Busy,
    /// Contradicts what is there already.
    Conflict,
    /// One side is too old for the other.
    Outdated,
    /// Disk, device or network said no.
    Io,
    /// A mistake of ours.
    Internal,
}

impl ErrorCode {
    /// The word as scripts read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::Offline => "offline",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
            Self::KeyChanged => "key_changed",
            Self::KeyMismatch => "key_mismatch",
            Self::Unauthorized => "unauthorized",
            Self::Taken => "taken",
            Self::Limited => "limited",
            Self::TooLarge => "too_large",
            Self::Busy => "busy",
            Self::Conflict => "conflict",
            Self::Outdated => "outdated",
            Self::Io => "io",
            Self::Internal => "internal",
        }
    }
}

/// An answer that is a refusal: a word for programs, and a sentence for a
/// person that says what failed and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The word.
    pub code: ErrorCode,
    /// The sentence, without a full stop at its end.
    pub message: String,
    /// With [`ErrorCode::Limited`]: how long to wait.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// An error of `code` that says `message`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// The engine has ended, or is ending.
    pub fn stopped() -> Self {
        Self::new(ErrorCode::Internal, "twocan is shutting down")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
