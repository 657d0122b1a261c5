//! Versions of clients, by which a registry turns away those that are too old.

use std::{fmt, str::FromStr};

/// A version such as `1.2.3`, ordered as versions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientVersion([u16; 3]);

/// A text that is not a [`ClientVersion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version is three numbers, such as 1.2.3")]
pub struct VersionError;

impl ClientVersion {
    /// What twocan calls itself in front of its version in a `User-Agent`.
    pub const PRODUCT: &'static str = "twocan";

    /// The version of twocan in a `User-Agent` (RFC 9110 section 10.1.5) such as
    /// `twocan/1.2.3`; `None` for every other client.
    #[must_use]
    pub fn of_user_agent(text: &str) -> Option<Self> {
        text.split_ascii_whitespace().find_map(|product| {
            let (name, version) = product.split_once('/')?;
            (name == Self::PRODUCT).then(|| version.parse().ok())?
        })
    }
}

impl FromStr for ClientVersion {
    type Err = VersionError;

    /// Reads `1.2.3`; a pre-release (`1.2.3-beta.1`) or build (`+x`) counts as the
    /// version that it leads to.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = core.split('.').map(|part| {
            let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        });
        let mut next = || numbers.next().flatten().ok_or(VersionError);
        let version = Self([next()?, next()?, next()?]);
        numbers
            .next()
            .is_none()
            .then_some(version)
            .ok_or(VersionError)
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let read = |text: &str| text.parse::<ClientVersion>().unwrap();
        assert!(read("0.9.0") < read("0.10.0"));
        assert!(read("1.0.0-beta") == read("1.0.0"));
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.2.x",
            "+1.2.3",
            "1..3",
            "1.2.99999999999",
        ] {
            assert!(bad.parse::<ClientVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_user_agent_names_us_or_somebody_else() {
        let of = ClientVersion::of_user_agent;
        assert_eq!(of("twocan/0.2.1"), "0.2.1".parse().ok());
        assert_eq!(of("bot/3 twocan/0.2.1 (linux)"), "0.2.1".parse().ok());
        for other in ["", "curl/8.0.0", "twocan", "nottwocan/1.2.3", "twocan/new"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,60}") {
            let _version = ClientVersion::of_user_agent(&text);
        }

        #[test]
        fn a_version_reads_back(a: u16, b: u16, c: u16) {
            let version = ClientVersion([a, b, c]);
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }
    }
}
