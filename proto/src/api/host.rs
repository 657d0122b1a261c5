//! Where a client can be reached, as it tells a registry.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

/// An address with or without a port. The unspecified address (`0.0.0.0` or
/// `[::]`) means: the one that the registry sees me come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Host {
    /// An IP address, the port left to the reader.
    Ip(IpAddr),
    /// An IP address and a port.
    Socket(SocketAddr),
    /// A DNS name, with or without a port.
    Name(String, Option<u16>),
    /// Whatever address the registry sees, with or without a port.
    Observed(Option<u16>),
}

/// Why a text is not a [`Host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing, or longer than a DNS name can be.
    #[error("a host is an IP address or a name, such as 192.0.2.7 or 192.0.2.7:7777")]
    Shape,
    /// Not a number from 1 to 65535 after the colon.
    #[error("the port of a host is a number from 1 to 65535")]
    Port,
    /// A character that DNS names do not have.
    #[error("a host name is made of letters, digits, '-' and '.'")]
    Name,
}

impl Host {
    /// Longest DNS name (RFC 1035 section 2.3.4).
    const NAME_MAX: usize = 253;
    /// Longest label of a DNS name (RFC 1035 section 2.3.4).
    const LABEL_MAX: usize = 63;

    /// The text that others get, with what the registry observed filled in.
    #[must_use]
    pub fn shown(&self, observed: Option<IpAddr>) -> String {
        match (self, observed) {
            (Self::Observed(Some(port)), Some(ip)) => SocketAddr::new(ip, *port).to_string(),
            (Self::Observed(None), Some(ip)) => ip.to_string(),
            _ => self.to_string(),
        }
    }

    /// Whether the registry fills in the address.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        matches!(self, Self::Observed(_))
    }

    fn from_ip(ip: IpAddr, port: Option<u16>) -> Self {
        match (ip.is_unspecified(), port) {
            (true, port) => Self::Observed(port),
            (false, Some(port)) => Self::Socket(SocketAddr::new(ip, port)),
            (false, None) => Self::Ip(ip),
        }
    }

    fn from_name(name: &str, port: Option<u16>) -> Result<Self, HostError> {
        let label_ok = |label: &str| {
            (1..=Self::LABEL_MAX).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // All digits and dots is an address with a mistake in it, not a name.
        let looks_numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if name.is_empty() || name.len() > Self::NAME_MAX || looks_numeric {
            return Err(HostError::Shape);
        }
        if !name.split('.').all(label_ok) {
            return Err(HostError::Name);
        }
        Ok(Self::Name(name.to_ascii_lowercase(), port))
    }
}

fn port(text: &str) -> Result<u16, HostError> {
    // `parse` alone would take "+7".
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(HostError::Port);
    }
    text.parse().ok().filter(|&port| port != 0).ok_or(HostError::Port)
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::from_ip(ip, None));
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (ip, after) = rest.split_once(']').ok_or(HostError::Shape)?;
            let ip: std::net::Ipv6Addr = ip.parse().map_err(|_| HostError::Shape)?;
            let port = match after.strip_prefix(':') {
                Some(text) => Some(port(text)?),
                None if after.is_empty() => None,
                None => return Err(HostError::Shape),
            };
            return Ok(Self::from_ip(ip.into(), port));
        }
        let (name, port) = match text.split_once(':') {
            Some((name, text)) => (name, Some(port(text)?)),
            None => (text, None),
        };
        match name.parse::<Ipv4Addr>() {
            Ok(ip) => Ok(Self::from_ip(ip.into(), port)),
            Err(_) => Self::from_name(name, port),
        }
    }
}

impl TryFrom<String> for Host {
    type Error = HostError;

    fn try_from(text: String) -> Result<Self, HostError> {
        text.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.to_string()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Socket(address) => write!(f, "{address}"),
            Self::Name(name, Some(port)) => write!(f, "{name}:{port}"),
            Self::Name(name, None) => f.write_str(name),
            Self::Observed(Some(port)) => write!(f, "0.0.0.0:{port}"),
            Self::Observed(None) => f.write_str("0.0.0.0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_is_read_and_written() {
        for (text, written) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:7777", "192.0.2.7:7777"),
            ("::1", "::1"),
            ("[2001:db8::1]:7777", "[2001:db8::1]:7777"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("Ada.Example", "ada.example"),
            ("localhost:1", "localhost:1"),
            ("0.0.0.0:7777", "0.0.0.0:7777"),
            ("[::]:7777", "0.0.0.0:7777"),
            ("::", "0.0.0.0"),
        ] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("", HostError::Shape),
            ("192.0.2", HostError::Shape),
            ("192.0.2.256", HostError::Shape),
            ("[::1", HostError::Shape),
            ("[::1]x", HostError::Shape),
            ("1.2.3.4:0", HostError::Port),
            ("1.2.3.4:65536", HostError::Port),
            ("1.2.3.4:+7", HostError::Port),
            ("a:", HostError::Port),
            ("a b", HostError::Name),
            ("a..b", HostError::Name),
            ("-a", HostError::Name),
            ("a\u{1b}[2J", HostError::Name),
        ] {
            assert_eq!(text.parse::<Host>(), Err(why), "{text}");
        }
    }

    #[test]
    fn only_an_unspecified_address_is_filled_in() {
        let seen = Some("198.51.100.9".parse().unwrap());
        let shown = |text: &str| text.parse::<Host>().unwrap().shown(seen);
        assert_eq!(shown("0.0.0.0:7777"), "198.51.100.9:7777");
        assert_eq!(shown("[::]"), "198.51.100.9");
        assert_eq!(shown("192.0.2.7:7777"), "192.0.2.7:7777");
        assert_eq!(Host::Observed(Some(5)).shown(None), "0.0.0.0:5");
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_back_the_same(text in "\\PC{0,40}") {
            if let Ok(host) = text.parse::<Host>() {
                prop_assert_eq!(host.to_string().parse::<Host>(), Ok(host));
            }
        }
    }
}
