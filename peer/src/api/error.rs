//! Why something that was asked for did not happen.

use std::fmt;
use std::time::Duration;

pub use twocan_proto::api::ErrorCode;

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
    /// What would make the same request succeed, where a registry says so:
    /// the field `code`, or with [`ErrorCode::Outdated`] a newer version.
    pub needs: Option<String>,
}

impl Error {
    /// An error of `code` that says `message`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
            needs: None,
        }
    }

    /// Whether a registry wants the code that it has just sent.
    pub fn wants_code(&self) -> bool {
        self.needs.as_deref() == Some("code")
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
