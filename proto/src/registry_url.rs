//! The URL of a registry, with the certificate it must show.

use crate::api::DEFAULT_PORT;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// SHA-256 of a certificate in DER form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// `https://HOST:PORT`, optionally with `#sha256-FINGERPRINT` to pin the
/// certificate. Without a pin the system's certificate authorities decide.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistryUrl {
    host: String,
    port: u16,
    pin: Option<Fingerprint>,
}

/// Why a text is not a [`RegistryUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistryUrlError {
    /// Another scheme than HTTPS.
    #[error("a registry is reached by https:// only")]
    Scheme,
    /// No host, or not one.
    #[error("write a registry as https://HOST:PORT or https://HOST:PORT#sha256-FINGERPRINT")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port of a registry is a number from 1 to 65535")]
    Port,
    /// A path or query, which registries do not have.
    #[error("nothing but #sha256-FINGERPRINT may follow the port of a registry")]
    Path,
    /// Not 64 hexadecimal digits.
    #[error("the fingerprint of a registry is #sha256- and 64 hexadecimal digits")]
    Fingerprint,
}

impl Fingerprint {
    /// The fingerprint of a certificate in DER form.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl RegistryUrl {
    /// Longest accepted text: a DNS name, port and fingerprint with room to spare.
    pub const MAX: usize = 400;

    /// Puts a URL together; `host` is a DNS name or an IP address without brackets.
    ///
    /// # Errors
    /// When `host` or `port` cannot be part of a URL.
    pub fn new(host: &str, port: u16, pin: Option<Fingerprint>) -> Result<Self, RegistryUrlError> {
        let is_v6 = host.parse::<Ipv6Addr>().is_ok();
        let named = !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        if !is_v6 && !named {
            return Err(RegistryUrlError::Host);
        }
        if port == 0 {
            return Err(RegistryUrlError::Port);
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, pin })
    }

    /// DNS name or IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port of the HTTPS service.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that the registry must show, if one is pinned.
    #[must_use]
    pub fn pin(&self) -> Option<Fingerprint> {
        self.pin
    }

    /// `HOST:PORT`: how people and contact links name the registry.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// `https://HOST:PORT`, to put a path behind.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://{}", self.authority())
    }

    /// Whether both name the same registry, whatever they pin.
    #[must_use]
    pub fn same_registry(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), RegistryUrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(RegistryUrlError::Host)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(RegistryUrlError::Host),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn port_number(text: &str) -> Result<u16, RegistryUrlError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RegistryUrlError::Port);
    }
    text.parse().map_err(|_| RegistryUrlError::Port)
}

impl FromStr for RegistryUrl {
    type Err = RegistryUrlError;

    fn from_str(text: &str) -> Result<Self, RegistryUrlError> {
        if text.len() > Self::MAX {
            return Err(RegistryUrlError::Host);
        }
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return Err(RegistryUrlError::Scheme),
            None => text,
        };
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '@']) {
            return Err(RegistryUrlError::Path);
        }
        let pin = fragment
            .map(|f| f.strip_prefix("sha256-").ok_or(RegistryUrlError::Fingerprint)?.parse())
            .transpose()?;
        let (host, port) = split_port(authority)?;
        let port = port.map_or(Ok(DEFAULT_PORT), port_number)?;
        Self::new(host, port, pin)
    }
}

impl FromStr for Fingerprint {
    type Err = RegistryUrlError;

    fn from_str(hex: &str) -> Result<Self, RegistryUrlError> {
        let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(RegistryUrlError::Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{self}")
    }
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        match self.pin {
            Some(pin) => write!(f, "#sha256-{pin}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for RegistryUrl {
    type Error = RegistryUrlError;

    fn try_from(text: String) -> Result<Self, RegistryUrlError> {
        text.parse()
    }
}

impl From<RegistryUrl> for String {
    fn from(url: RegistryUrl) -> Self {
        url.to_string()
    }
}

impl From<(IpAddr, u16, Fingerprint)> for RegistryUrl {
    fn from((ip, port, pin): (IpAddr, u16, Fingerprint)) -> Self {
        Self { host: ip.to_string(), port, pin: Some(pin) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_read_and_written() {
        let pin = "ab".repeat(32);
        for (text, written) in [
            ("https://reg.example:7443".to_owned(), "https://reg.example:7443".to_owned()),
            ("https://Reg.Example/".to_owned(), "https://reg.example:7443".to_owned()),
            ("127.0.0.1:9".to_owned(), "https://127.0.0.1:9".to_owned()),
            (
                format!("https://[::1]:7443#sha256-{}", pin.to_uppercase()),
                format!("https://[::1]:7443#sha256-{pin}"),
            ),
        ] {
            assert_eq!(text.parse::<RegistryUrl>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("http://a:1", RegistryUrlError::Scheme),
            ("https://", RegistryUrlError::Host),
            ("https://a b", RegistryUrlError::Host),
            ("https://[::1", RegistryUrlError::Host),
            ("https://a:0", RegistryUrlError::Port),
            ("https://a:70000", RegistryUrlError::Port),
            ("https://a:7443/path", RegistryUrlError::Path),
            ("https://user@a", RegistryUrlError::Path),
            ("https://a#sha256-12", RegistryUrlError::Fingerprint),
            ("https://a#md5-12", RegistryUrlError::Fingerprint),
        ] {
            assert_eq!(text.parse::<RegistryUrl>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_fingerprint_is_sha_256() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Fingerprint::of(b"abc").to_string(), of_abc);
    }

    #[test]
    fn a_pin_does_not_make_another_registry() {
        let plain: RegistryUrl = "https://a:1".parse().unwrap();
        let pinned: RegistryUrl =
            format!("https://a:1#sha256-{}", "0".repeat(64)).parse().unwrap();
        assert!(plain.same_registry(&pinned));
        assert_ne!(plain, pinned);
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_back_the_same(text in "(https://)?\\PC{0,60}(#sha256-[0-9a-f]{64})?") {
            if let Ok(url) = text.parse::<RegistryUrl>() {
                prop_assert_eq!(url.to_string().parse::<RegistryUrl>(), Ok(url));
            }
        }
    }
}
