//! Is a registry there? Also the HTTPS client that trusts one pinned certificate,
//! which the tests use.

use crate::{
    config::Config,
    tls::{self, ServerIdentity},
};
use std::{net::SocketAddr, time::Duration};
use twocan_proto::{
    api::Health,
    registry_url::{Fingerprint, RegistryUrl},
};

/// How long a registry gets to answer.
const WAIT: Duration = Duration::from_secs(5);

/// Why there was no pong.
#[derive(Debug, thiserror::Error)]
pub enum PingError {
    /// No answer, or not over a TLS that can be trusted.
    #[error("{url} does not answer: {reason}")]
    Silent {
        /// The registry.
        url: String,
        /// The innermost reason.
        reason: String,
    },
    /// An answer, but not that of a registry.
    #[error("{0} answers, but not as a registry does")]
    Stranger(String),
    /// Nothing was asked.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Why there is no HTTPS client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS 1.3 cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// HTTPS cannot be set up.
    #[error("HTTPS cannot be set up: {0}")]
    Https(#[from] reqwest::Error),
}

/// Asks a registry for a sign of life.
///
/// # Errors
/// [`PingError`], which says what was wrong.
pub async fn ping(url: &RegistryUrl) -> Result<Health, PingError> {
    let silent = |error: reqwest::Error| PingError::Silent {
        url: url.base(),
        reason: innermost(&error),
    };
    let client = client(url.pin())?;
    let answer = client
        .get(format!("{}/healthz", url.base()))
        .send()
        .await
        .map_err(silent)?;
    let stranger = || PingError::Stranger(url.base());
    let health: Health = answer.json().await.map_err(|_| stranger())?;
    if health.status == "ok" {
        Ok(health)
    } else {
        Err(stranger())
    }
}

/// The registry that `config` describes, as seen from this machine.
#[must_use]
pub fn own_url(config: &Config) -> RegistryUrl {
    let (cert, key) = match &config.cert_files {
        Some(files) => files.clone(),
        None => tls::self_made_files(&config.certs_dir),
    };
    let pin = ServerIdentity::read(&cert, &key)
        .ok()
        .map(|identity| identity.fingerprint());
    let (ip, port) = (Config::local_ip(config.listen), config.listen.port());
    RegistryUrl::new(&SocketAddr::new(ip, port).into(), pin)
}

/// An HTTPS client that accepts the pinned certificate alone, or without a pin
/// those that the system trusts.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(pin: Option<Fingerprint>) -> Result<reqwest::Client, ClientError> {
    Ok(client_builder(pin)?.build()?)
}

/// As [`client`], with more to be said about it.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client_builder(pin: Option<Fingerprint>) -> Result<reqwest::ClientBuilder, ClientError> {
    let builder = reqwest::Client::builder().timeout(WAIT).no_proxy();
    Ok(match pin {
        Some(pin) => builder.tls_backend_preconfigured(twocan_pin::client_config(pin)?),
        None => builder,
    })
}

/// The cause behind all causes, which is the one that helps.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
