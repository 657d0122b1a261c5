//! The error words that every interface of twocan uses, and the JSON around them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Says what went wrong in a word that programs can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ErrorCode {
    /// The request does not make sense; the message names the field.
    BadRequest,
    /// There is no such thing.
    NotFound,
    /// The other side is known and not there.
    Offline,
    /// No connection could be made.
    Unreachable,
    /// Understood, and not allowed.
    Refused,
    /// The other side, or this one, has been blocked.
    Blocked,
    /// The operator of a registry keeps this user or address out.
    Banned,
    /// The key is another one than before.
    KeyChanged,
    /// The key is another one than expected.
    KeyMismatch,
    /// Wrong name, password or token.
    Unauthorized,
    /// Somebody else has this name.
    Taken,
    /// Too many requests; try again later.
    Limited,
    /// More than a limit allows.
    TooLarge,
    /// Occupied with something else.
    Busy,
    /// It does not fit the present state.
    Conflict,
    /// A newer version is needed.
    Outdated,
    /// A disk or a device failed.
    Io,
    /// A mistake of the program itself; also what an unknown word reads as.
    #[serde(other)]
    Internal,
}

impl ErrorCode {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::Offline => "offline",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
            Self::Banned => "banned",
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

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body of every answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// The word for programs.
    pub code: ErrorCode,
    /// The sentence for people: what failed and what to do.
    pub message: String,
    /// Seconds to wait, with [`ErrorCode::Limited`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// What would make the same request succeed: the name of a field to add
    /// (`code`, with [`ErrorCode::Refused`]), or the version to install (with
    /// [`ErrorCode::Outdated`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_wire() {
        for code in [
            ErrorCode::BadRequest,
            ErrorCode::KeyChanged,
            ErrorCode::Io,
            ErrorCode::Taken,
        ] {
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
        }
    }

    #[test]
    fn an_unknown_word_survives_as_internal() {
        let body: ErrorBody =
            serde_json::from_str(r#"{"error":{"code":"from_the_future","message":"x"}}"#).unwrap();
        assert_eq!(body.error.code, ErrorCode::Internal);
        assert_eq!(body.error.retry_after_s, None);
    }
}
