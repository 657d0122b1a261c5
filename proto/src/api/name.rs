//! Names of registry accounts.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Name of an account: 1 to 32 ASCII letters, digits, `.`, `_` or `-`, the first
/// of them a letter or digit. Kept as typed; two names that differ in case alone
/// are the same name.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")
)]
pub struct Username(String);

/// Why a text is not a [`Username`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Nothing, or more than [`Username::MAX`] characters.
    #[error("a name has 1 to 32 characters")]
    Length,
    /// A character that names do not have.
    #[error("a name is made of the letters a to z, digits, '.', '_' and '-'")]
    Character,
    /// A first character that is neither letter nor digit.
    #[error("a name begins with a letter or a digit")]
    Start,
}

impl Username {
    /// Most characters in a name: enough for people, short enough for a column.
    pub const MAX: usize = 32;

    /// The name as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which names are compared and ordered.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// As [`Username::folded`], in the caller's room: nothing is allocated.
    #[must_use]
    pub fn fold_into<'a>(&self, room: &'a mut [u8; Self::MAX]) -> &'a str {
        // A name is never longer, and never anything but ASCII.
        let room = &mut room[..self.0.len()];
        room.copy_from_slice(self.0.as_bytes());
        room.make_ascii_lowercase();
        std::str::from_utf8(room).unwrap_or_default()
    }
}

impl FromStr for Username {
    type Err = UsernameError;

    fn from_str(text: &str) -> Result<Self, UsernameError> {
        if text.is_empty() || text.len() > Self::MAX {
            return Err(UsernameError::Length);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        {
            return Err(UsernameError::Character);
        }
        if !text.as_bytes()[0].is_ascii_alphanumeric() {
            return Err(UsernameError::Start);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;

    fn try_from(text: String) -> Result<Self, UsernameError> {
        text.parse()
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_and_bad_names() {
        for good in ["a", "Alice", "bob.2_x-y", "7"] {
            assert_eq!(good.parse::<Username>().unwrap().as_str(), good);
        }
        let long = "x".repeat(33);
        for (bad, why) in [
            ("", UsernameError::Length),
            (long.as_str(), UsernameError::Length),
            ("a b", UsernameError::Character),
            ("ä", UsernameError::Character),
            ("a/b", UsernameError::Character),
            ("..", UsernameError::Start),
            ("-x", UsernameError::Start),
        ] {
            assert_eq!(bad.parse::<Username>(), Err(why), "{bad}");
        }
        assert!("x".repeat(32).parse::<Username>().is_ok());
    }

    #[test]
    fn case_does_not_make_another_name() {
        let name: Username = "Ada".parse().unwrap();
        assert_eq!(name.folded(), "ada");
        assert_eq!(name.to_string(), "Ada");
    }

    proptest! {
        #[test]
        fn accepted_names_are_safe_in_a_path(text in ".{0,40}") {
            if let Ok(name) = text.parse::<Username>() {
                prop_assert!(name.as_str().len() <= Username::MAX);
                let unsafe_in_a_path = ["/", "%", "?", "#", " ", "\u{1b}"];
                prop_assert!(!unsafe_in_a_path.iter().any(|c| name.as_str().contains(c)));
                prop_assert!(name.as_str() != "." && name.as_str() != "..");
            }
        }
    }
}
