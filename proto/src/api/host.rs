//! Where a client can be reached, as it tells a registry.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{self, Address, AddressError};

/// An address with or without a port. The unspecified address (`0.0.0.0` or
/// `[::]`) means: the one that the registry sees me come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, example = "192.0.2.7:7777")
)]
pub struct Host(Address);

impl Host {
    /// Whatever address the registry sees, with or without a port.
    #[must_use]
    pub fn observed(port: Option<u16>) -> Self {
        Self(Address {
            host: address::Host::Ip(Ipv4Addr::UNSPECIFIED.into()),
            port,
        })
    }

    /// Whether the registry fills in the address.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        matches!(self.0.host, address::Host::Ip(ip) if ip.is_unspecified())
    }

    /// The text that others get, with what the registry observed filled in.
    #[must_use]
    pub fn shown(&self, observed: Option<IpAddr>) -> String {
        match observed {
            Some(ip) if self.is_observed() => Address {
                host: address::Host::Ip(ip.to_canonical()),
                port: self.0.port,
            }
            .to_string(),
            _ => self.to_string(),
        }
    }
}

impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let host = Self(text.parse()?);
        Ok(if host.is_observed() {
            Self::observed(host.0.port)
        } else {
            host
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unspecified_address_is_filled_in() {
        let seen = Some("::ffff:198.51.100.9".parse().unwrap());
        let shown = |text: &str| text.parse::<Host>().unwrap().shown(seen);
        assert_eq!(shown("0.0.0.0:7777"), "198.51.100.9:7777");
        assert_eq!(shown("[::]:7777"), "198.51.100.9:7777");
        assert_eq!(shown("[::]"), "198.51.100.9");
        assert_eq!(shown("192.0.2.7:1"), "192.0.2.7:1");
        assert_eq!("[::]:1".parse::<Host>().unwrap().shown(None), "0.0.0.0:1");
    }
}
