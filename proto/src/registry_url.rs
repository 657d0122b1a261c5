//! Where a registry is, and the certificate it shows:
//! `https://HOST:PORT[#sha256-FINGERPRINT]`.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::address::{Address, AddressError, REGISTRY_PORT};

const SCHEME: &str = "https://";
const PIN: &str = "sha256-";

/// SHA-256 of a certificate in DER form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER form.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER_PERMISSIVE.encode(&self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = RegistryUrlError;

    fn from_str(text: &str) -> Result<Self, RegistryUrlError> {
        let plain: String = text.chars().filter(|c| *c != ':').collect();
        let bytes = HEXLOWER_PERMISSIVE
            .decode(plain.as_bytes())
            .map_err(|_| RegistryUrlError::Fingerprint)?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| RegistryUrlError::Fingerprint)
    }
}

/// A registry: host, port, and the fingerprint to pin if one was given.
/// Without one the certificate must come from an authority that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryUrl {
    address: Address,
    pin: Option<Fingerprint>,
}

impl RegistryUrl {
    /// A registry at `address` (its port filled in with the default if it
    /// has none) that shows the certificate `pin`.
    pub fn new(address: &Address, pin: Option<Fingerprint>) -> Self {
        Self {
            address: address.with_default_port(REGISTRY_PORT),
            pin,
        }
    }

    /// Host and port.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The port, for TCP and UDP alike.
    pub fn port(&self) -> u16 {
        self.address.port_or(REGISTRY_PORT)
    }

    /// The fingerprint its certificate must have.
    pub fn pin(&self) -> Option<Fingerprint> {
        self.pin
    }

    /// `https://HOST:PORT` without the fingerprint, to which paths are added.
    pub fn base(&self) -> String {
        format!("{SCHEME}{}", self.address)
    }
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.address)?;
        match self.pin {
            Some(pin) => write!(f, "#{PIN}{pin}"),
            None => Ok(()),
        }
    }
}

impl FromStr for RegistryUrl {
    type Err = RegistryUrlError;

    fn from_str(text: &str) -> Result<Self, RegistryUrlError> {
        let text = text.trim();
        let (url, pin) = match text.split_once('#') {
            Some((url, fragment)) => {
                let pin = fragment
                    .strip_prefix(PIN)
                    .ok_or(RegistryUrlError::Fingerprint)?;
                (url, Some(pin.parse()?))
            }
            None => (text, None),
        };
        let host = match url.split_once("://") {
            Some(("https", host)) => host,
            Some(_) => return Err(RegistryUrlError::Scheme),
            None => url,
        };
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.contains('/') {
            return Err(RegistryUrlError::Path);
        }
        Ok(Self::new(&host.parse()?, pin))
    }
}

impl Serialize for RegistryUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RegistryUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a registry's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistryUrlError {
    /// Something else than https.
    #[error("a registry's address begins with https://")]
    Scheme,
    /// Something after host and port.
    #[error(
        "a registry's address is https://HOST:PORT, with nothing after it but #{PIN}FINGERPRINT"
    )]
    Path,
    /// The part after `#` is not a fingerprint.
    #[error("after # comes {PIN} and the 64 hexadecimal digits of the certificate's fingerprint")]
    Fingerprint,
    /// The host or port.
    #[error(transparent)]
    Address(#[from] AddressError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_paste() {
        let pin = "ab".repeat(32);
        let full = format!("https://chat.example.org:7443#sha256-{pin}");
        for (typed, meant) in [
            ("https://chat.example.org", "https://chat.example.org:7443"),
            ("chat.example.org:8443", "https://chat.example.org:8443"),
            ("https://[::1]:7443/", "https://[::1]:7443"),
            (full.as_str(), full.as_str()),
        ] {
            assert_eq!(typed.parse::<RegistryUrl>().unwrap().to_string(), meant);
        }
    }

    #[test]
    fn what_is_refused_and_why() {
        for (typed, why) in [
            ("http://chat.example.org", RegistryUrlError::Scheme),
            ("https://chat.example.org/clients", RegistryUrlError::Path),
            (
                "https://chat.example.org#sha256-abc",
                RegistryUrlError::Fingerprint,
            ),
            (
                "https://chat.example.org#md5-abc",
                RegistryUrlError::Fingerprint,
            ),
            ("https://", RegistryUrlError::Address(AddressError::Empty)),
        ] {
            assert_eq!(typed.parse::<RegistryUrl>(), Err(why), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_stable(text in "(https://)?[a-z0-9.:\\[\\]]{1,30}(#sha256-[0-9a-f]{64})?") {
            if let Ok(url) = text.parse::<RegistryUrl>() {
                prop_assert_eq!(url.to_string().parse::<RegistryUrl>(), Ok(url));
            }
        }
    }
}
