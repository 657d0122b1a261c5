//! Is a registry there? Also the HTTPS client that trusts one pinned certificate,
//! which the tests use.

use crate::{
    config::Config,
    tls::{self, ServerIdentity},
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::net::SocketAddr;
use std::{sync::Arc, time::Duration};
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
    Tls(#[from] Error),
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
        Some(pin) => builder.tls_backend_preconfigured(pinned(pin)?),
        None => builder,
    })
}

fn pinned(pin: Fingerprint) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(PinnedCertificate {
        pin,
        provider: Arc::clone(&provider),
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Accepts one certificate, by its fingerprint, from who can sign with its key.
#[derive(Debug)]
struct PinnedCertificate {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Fingerprint::of(certificate) == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The cause behind all causes, which is the one that helps.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
