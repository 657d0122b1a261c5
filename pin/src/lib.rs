//! TLS to a registry whose certificate is known by its fingerprint: for the
//! engine, for the registry's own command line, and for tests. A crate of its own,
//! as the crate that both build on knows no TLS.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme,
};
use twocan_proto::registry_url::Fingerprint;

/// TLS 1.3 that takes the certificate with this fingerprint alone, from who
/// holds its key. Names and dates in it do not matter then.
///
/// # Errors
/// When TLS 1.3 cannot be set up.
pub fn client_config(pin: Fingerprint) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Pinned {
        pin,
        provider: Arc::clone(&provider),
    });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

#[derive(Debug)]
struct Pinned {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
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
        Err(Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOfferedOrEnabled,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use rustls::{ClientConnection, ConnectionCommon, ServerConfig, ServerConnection, SideData};

    fn certificate_and_key() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let made = rcgen::generate_simple_self_signed(vec!["somewhere.example".to_owned()]);
        let made = made.unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        (made.cert.der().clone(), key.into())
    }

    /// Hands over what one side has to say to the other.
    fn pass<A: SideData, B: SideData>(
        from: &mut ConnectionCommon<A>,
        to: &mut ConnectionCommon<B>,
    ) -> Result<(), Error> {
        let mut bytes = Vec::new();
        while from.wants_write() {
            from.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            to.read_tls(&mut rest).unwrap();
            to.process_new_packets()?;
        }
        Ok(())
    }

    /// What a client that pins says of a server that shows `certificate` and
    /// signs with `key`.
    fn handshake(
        pin: Fingerprint,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = provider.key_provider.load_private_key(key)?;
        let shown = CertifiedKey::new(vec![certificate], key);
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        let mut server = ServerConnection::new(Arc::new(server))?;
        let name = ServerName::try_from("registry.example").unwrap();
        let mut client = ClientConnection::new(Arc::new(client_config(pin)?), name)?;
        while client.is_handshaking() || server.is_handshaking() {
            pass(&mut client, &mut server)?;
            pass(&mut server, &mut client)?;
        }
        Ok(())
    }

    #[test]
    fn the_pinned_certificate_is_taken_whatever_its_name() {
        let (certificate, key) = certificate_and_key();
        let pin = Fingerprint::of(&certificate);
        assert_eq!(handshake(pin, certificate, key), Ok(()));
    }

    #[test]
    fn another_certificate_is_refused() {
        let (pinned, _) = certificate_and_key();
        let (certificate, key) = certificate_and_key();
        let refused = CertificateError::ApplicationVerificationFailure;
        assert_eq!(
            handshake(Fingerprint::of(&pinned), certificate, key),
            Err(Error::InvalidCertificate(refused))
        );
    }

    #[test]
    fn who_shows_it_without_its_key_is_refused() {
        let (certificate, _) = certificate_and_key();
        let (_, other) = certificate_and_key();
        let refused = CertificateError::BadSignature;
        assert_eq!(
            handshake(Fingerprint::of(&certificate), certificate, other),
            Err(Error::InvalidCertificate(refused))
        );
    }
}
