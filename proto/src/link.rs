//! The contact link: where to find a person, and the key she must prove.
//!
//! `twocan:NAME@REGISTRY-HOST:PORT#KEY` names her at a registry,
//! `twocan:HOST:PORT#KEY` gives an address. The key is the 56 characters of a
//! [`PeerId`] without hyphens; with them is read as well.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::{Address, AddressError, PEER_PORT, REGISTRY_PORT};
use crate::api::{Username, UsernameError};
use crate::identity::{IdError, PeerId};

/// Where a contact link says a person is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Under a name at a registry.
    Registry {
        /// The name there.
        username: Username,
        /// The registry's host and port.
        registry: Address,
    },
    /// At an address of her own.
    Direct(Address),
}

/// What one hands to a friend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactLink {
    /// Where to look.
    pub place: Place,
    /// The key that whoever is found there must prove.
    pub key: PeerId,
}

impl ContactLink {
    /// What every link begins with.
    pub const SCHEME: &str = "twocan:";
}

impl fmt::Display for ContactLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Registry { username, registry } => {
                write!(
                    f,
                    "{}{username}@{}",
                    Self::SCHEME,
                    registry.with_default_port(REGISTRY_PORT)
                )?;
            }
            Place::Direct(address) => {
                let address = address.with_default_port(PEER_PORT);
                write!(f, "{}{address}", Self::SCHEME)?;
            }
        }
        write!(f, "#{}", self.key.compact())
    }
}

impl FromStr for ContactLink {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let rest = text
            .trim()
            .strip_prefix(Self::SCHEME)
            .ok_or(LinkError::Scheme)?;
        let (place, key) = rest.split_once('#').ok_or(LinkError::NoKey)?;
        let key = key.parse()?;
        let place = match place.split_once('@') {
            Some((username, registry)) => Place::Registry {
                username: username.parse()?,
                registry: registry
                    .parse::<Address>()?
                    .with_default_port(REGISTRY_PORT),
            },
            None => Place::Direct(place.parse::<Address>()?.with_default_port(PEER_PORT)),
        };
        Ok(Self { place, key })
    }
}

impl Serialize for ContactLink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContactLink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a contact link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Does not begin with `twocan:`.
    #[error("a contact link begins with twocan:")]
    Scheme,
    /// No `#KEY` at its end.
    #[error("the contact link has lost its key: it ends with # and 56 letters and digits")]
    NoKey,
    /// The key.
    #[error("the key of the contact link is wrong: {0}")]
    Key(#[from] IdError),
    /// The part before `@`.
    #[error("the name in the contact link is wrong: {0}")]
    Username(#[from] UsernameError),
    /// The host and port.
    #[error("the address of the contact link is wrong: {0}")]
    Address(#[from] AddressError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use proptest::prelude::*;

    fn key() -> PeerId {
        Identity::from_seed(&[3; 32]).peer_id()
    }

    #[test]
    fn both_forms() {
        let at_registry = format!("twocan:anna@chat.example.org:7443#{}", key().compact());
        let direct = format!("twocan:192.168.1.7:7777#{}", key().compact());
        for text in [&at_registry, &direct] {
            assert_eq!(&text.parse::<ContactLink>().unwrap().to_string(), text);
        }
        let without_ports = format!("twocan:anna@chat.example.org#{}", key());
        assert_eq!(
            without_ports.parse::<ContactLink>().unwrap().to_string(),
            at_registry
        );
    }

    #[test]
    fn what_is_refused_and_why() {
        let key = key().compact();
        assert_eq!("https://x".parse::<ContactLink>(), Err(LinkError::Scheme));
        assert_eq!(
            "twocan:1.2.3.4".parse::<ContactLink>(),
            Err(LinkError::NoKey)
        );
        let mistyped = format!("twocan:1.2.3.4#{}", key.replace('a', "b"));
        assert!(matches!(
            mistyped.parse::<ContactLink>(),
            Err(LinkError::Key(_))
        ));
        let named = format!("twocan:a b@h#{key}");
        assert!(matches!(
            named.parse::<ContactLink>(),
            Err(LinkError::Username(_))
        ));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(twocan:)?\\PC{0,120}") {
            let _answer = text.parse::<ContactLink>();
        }

        #[test]
        fn any_link_survives(seed: [u8; 32], name in "[a-z0-9][a-z0-9._-]{0,31}", port in 1u16..) {
            let link = ContactLink {
                place: Place::Registry {
                    username: name.parse().unwrap(),
                    registry: format!("r.example.org:{port}").parse().unwrap(),
                },
                key: Identity::from_seed(&seed).peer_id(),
            };
            prop_assert_eq!(link.to_string().parse::<ContactLink>(), Ok(link));
        }
    }
}
