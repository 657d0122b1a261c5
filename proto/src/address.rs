//! `HOST[:PORT]` as people type it: IPv4, IPv6 with and without brackets, or
//! a host name. Parsing opens nothing and asks no resolver.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The port at which peers connect to each other.
pub const PEER_PORT: u16 = 7777;
/// The port of a registry, TCP for HTTPS and UDP for heartbeats.
pub const REGISTRY_PORT: u16 = 7443;

/// Longest host name, RFC 1035 section 2.3.4.
const HOST_BYTES: usize = 253;
/// Longest label of a host name, the same place.
const LABEL_BYTES: usize = 63;

/// The host part of an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// An IP address. Scoped IPv6 addresses (`fe80::1%eth0`) are names, as
    /// only a resolver knows their interfaces.
    Ip(IpAddr),
    /// A host name, in lower case.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Name(name) if name.contains(':') => write!(f, "[{name}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A host with a port, or with none if none was typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The host.
    pub host: Host,
    /// The port, when one was given.
    pub port: Option<u16>,
}

impl Address {
    /// The port, or `default` when none was given.
    pub fn port_or(&self, default: u16) -> u16 {
        self.port.unwrap_or(default)
    }

    /// The same address with its port filled in.
    #[must_use]
    pub fn with_default_port(&self, default: u16) -> Self {
        Self {
            host: self.host.clone(),
            port: Some(self.port_or(default)),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(at: SocketAddr) -> Self {
        Self {
            host: Host::Ip(at.ip()),
            port: Some(at.port()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or(AddressError::Bracket)?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(parse_port(port)?),
                None if after.is_empty() => None,
                None => return Err(AddressError::Bracket),
            };
            return Ok(Self {
                host: parse_ipv6(host)?,
                port,
            });
        }
        // More than one colon without brackets is a bare IPv6 address.
        if text.matches(':').count() > 1 {
            return Ok(Self {
                host: parse_ipv6(text)?,
                port: None,
            });
        }
        match text.split_once(':') {
            Some((host, port)) => Ok(Self {
                host: parse_host(host)?,
                port: Some(parse_port(port)?),
            }),
            None => Ok(Self {
                host: parse_host(text)?,
                port: None,
            }),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    match text.parse() {
        Ok(0) | Err(_) => Err(AddressError::Port),
        Ok(port) => Ok(port),
    }
}

fn parse_ipv6(text: &str) -> Result<Host, AddressError> {
    if let Ok(ip) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Ip(IpAddr::V6(ip)));
    }
    let (ip, zone) = text.split_once('%').ok_or(AddressError::Ipv6)?;
    let zone_is_plain = !zone.is_empty()
        && zone.len() <= 15
        && zone
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    match ip.parse::<Ipv6Addr>() {
        Ok(ip) if zone_is_plain => Ok(Host::Name(format!("{ip}%{zone}"))),
        _ => Err(AddressError::Ipv6),
    }
}

fn parse_host(text: &str) -> Result<Host, AddressError> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Host::Ip(ip));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let label_is_plain = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_BYTES
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    // A last label of digits alone would be a mistyped IPv4 address.
    let looks_like_ip = name
        .rsplit('.')
        .next()
        .is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if name.len() > HOST_BYTES || !name.split('.').all(label_is_plain) || looks_like_ip {
        return Err(AddressError::Host);
    }
    Ok(Host::Name(name.to_ascii_lowercase()))
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("no address given: type HOST or HOST:PORT")]
    Empty,
    /// Brackets that do not close, or something after them.
    #[error("write an IPv6 address with a port as [ADDRESS]:PORT")]
    Bracket,
    /// Not an IPv6 address.
    #[error("that is no IPv6 address")]
    Ipv6,
    /// Not a host name or IPv4 address.
    #[error("that is neither an IP address nor a host name")]
    Host,
    /// Not a port.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Result<String, AddressError> {
        text.parse::<Address>().map(|a| a.to_string())
    }

    #[test]
    fn what_people_type() {
        for (typed, meant) in [
            ("192.168.1.7", "192.168.1.7"),
            (" 192.168.1.7:7000 ", "192.168.1.7:7000"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("[2001:db8::5]:7777", "[2001:db8::5]:7777"),
            ("[fe80::1%eth0]:7777", "[fe80::1%eth0]:7777"),
            ("fe80::1%eth0", "[fe80::1%eth0]"),
            ("Anna.Local", "anna.local"),
            ("my_host:80", "my_host:80"),
            ("example.org.", "example.org"),
        ] {
            assert_eq!(shown(typed).as_deref(), Ok(meant), "{typed}");
            assert_eq!(shown(meant).as_deref(), Ok(meant), "{meant}");
        }
    }

    #[test]
    fn what_is_refused_and_why() {
        for (typed, why) in [
            ("", AddressError::Empty),
            ("host:0", AddressError::Port),
            ("host:65536", AddressError::Port),
            ("host:", AddressError::Port),
            ("[::1", AddressError::Bracket),
            ("[::1]x", AddressError::Bracket),
            ("1:2:3", AddressError::Ipv6),
            ("192.168.1.300", AddressError::Host),
            ("a b", AddressError::Host),
            ("-x.org", AddressError::Host),
            ("a..b", AddressError::Host),
            ("h\u{f6}st", AddressError::Host),
        ] {
            assert_eq!(shown(typed), Err(why), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_stable(text in "\\PC{0,80}") {
            if let Ok(first) = text.parse::<Address>() {
                prop_assert_eq!(first.to_string().parse::<Address>(), Ok(first));
            }
        }

        #[test]
        fn any_socket_address(at: SocketAddr) {
            // A flow label and scope id are not typed by people.
            let at = SocketAddr::new(at.ip(), at.port().max(1));
            prop_assert_eq!(at.to_string().parse::<Address>(), Ok(Address::from(at)));
        }
    }
}
