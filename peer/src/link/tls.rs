//! TLS 1.3 with the identity keys on both sides.
//!
//! Each side shows a self-signed certificate made from its Ed25519 key; the
//! handshake proves that it holds the key (RFC 8446 section 4.4.3), and the
//! key is the peer id. Names, dates and issuers in the certificate mean
//! nothing and are not looked at.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
};
use twocan_proto::identity::{Identity, PeerId};

/// The protocol of a link, as ALPN (RFC 7301) names it.
const ALPN: &[u8] = b"twocan/1";
/// The protocol of a connection for the contents of files.
const FILE_ALPN: &[u8] = b"twocan-file/1";

/// SubjectPublicKeyInfo of an Ed25519 key up to the key (RFC 8410 section 4).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Both ways of beginning a link as one identity.
#[derive(Clone, Debug)]
pub(crate) struct LinkTls {
    pub(crate) client: Arc<ClientConfig>,
    /// To dial a connection for files.
    pub(crate) file_client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
}

impl LinkTls {
    pub(crate) fn new(identity: &Identity) -> Result<Self, TlsError> {
        let pkcs8 =
            PrivatePkcs8KeyDer::from(identity.to_pkcs8().map_err(|_| TlsError::Key)?.to_vec());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ED25519)?;
        let certificate = CertificateParams::new(vec!["twocan".to_owned()])?.self_signed(&key)?;
        let chain = vec![certificate.der().clone()];

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Arc::new(AnyIdentity {
            provider: Arc::clone(&provider),
        });
        let tls13 = &[&rustls::version::TLS13];
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(tls13)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
            .with_client_auth_cert(chain.clone(), pkcs8.clone_key().into())?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(tls13)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, pkcs8.into())?;
        client.alpn_protocols = vec![ALPN.to_vec()];
        server.alpn_protocols = vec![ALPN.to_vec(), FILE_ALPN.to_vec()];
        // A ticket would let a later link begin without proving the key anew.
        client.resumption = rustls::client::Resumption::disabled();
        server.send_tls13_tickets = 0;
        let mut file_client = client.clone();
        file_client.alpn_protocols = vec![FILE_ALPN.to_vec()];
        Ok(Self {
            client: Arc::new(client),
            file_client: Arc::new(file_client),
            server: Arc::new(server),
        })
    }
}

/// The name both sides give in the handshake; it is no secret and no check.
pub(crate) fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED).into())
}

/// Whether a finished handshake agreed on a connection for files.
pub(crate) fn is_for_files(alpn: Option<&[u8]>) -> bool {
    alpn == Some(FILE_ALPN)
}

/// Who proved to be at the other end of a finished handshake.
pub(crate) fn peer_of(chain: Option<&[CertificateDer<'_>]>) -> Result<PeerId, Error> {
    let certificate = chain
        .and_then(<[_]>::first)
        .ok_or(Error::NoCertificatesPresented)?;
    identity_of(certificate)
}

fn identity_of(certificate: &CertificateDer<'_>) -> Result<PeerId, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let spki = parsed.subject_public_key_info();
    let key: [u8; 32] = spki
        .strip_prefix(&ED25519_SPKI)
        .and_then(|key| key.try_into().ok())
        .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    PeerId::from_bytes(key).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// Takes whoever proves to hold an Ed25519 key. Whether it is the right
/// person is asked after the handshake, when the id is known.
#[derive(Debug)]
struct AnyIdentity {
    provider: Arc<CryptoProvider>,
}

impl AnyIdentity {
    fn signature(
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
}

impl ServerCertVerifier for AnyIdentity {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        identity_of(certificate).map(|_| ServerCertVerified::assertion())
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
        self.signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for AnyIdentity {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        identity_of(certificate).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Why no TLS could be set up with our own key: a mistake of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("the identity key cannot be encoded")]
    Key,
    #[error("no certificate can be made from the identity key: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("TLS cannot be set up with the identity key: {0}")]
    Config(#[from] Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    async fn shake(
        client: Arc<ClientConfig>,
        server: Arc<ServerConfig>,
    ) -> (Result<PeerId, String>, Result<PeerId, String>) {
        let (near, far) = tokio::io::duplex(16 * 1024);
        let dial = async {
            let mut tls = TlsConnector::from(client)
                .connect(server_name(), near)
                .await
                .map_err(|e| e.to_string())?;
            // In TLS 1.3 a client learns only now that its certificate was refused.
            tls.write_all(b"x").await.map_err(|e| e.to_string())?;
            tls.read_exact(&mut [0]).await.map_err(|e| e.to_string())?;
            peer_of(tls.get_ref().1.peer_certificates()).map_err(|e| e.to_string())
        };
        let accept = async {
            let mut tls = TlsAcceptor::from(server)
                .accept(far)
                .await
                .map_err(|e| e.to_string())?;
            tls.write_all(b"y").await.map_err(|e| e.to_string())?;
            peer_of(tls.get_ref().1.peer_certificates()).map_err(|e| e.to_string())
        };
        tokio::join!(dial, accept)
    }

    #[tokio::test]
    async fn both_sides_learn_who_the_other_is() {
        let (a, b) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let (seen_by_a, seen_by_b) = shake(
            LinkTls::new(&a).unwrap().client,
            LinkTls::new(&b).unwrap().server,
        )
        .await;
        assert_eq!(seen_by_a, Ok(b.peer_id()));
        assert_eq!(seen_by_b, Ok(a.peer_id()));
    }

    #[tokio::test]
    async fn both_sides_see_what_the_connection_is_for() {
        let tls = LinkTls::new(&Identity::from_seed(&[1; 32])).unwrap();
        for (client, for_files) in [(tls.client, false), (tls.file_client, true)] {
            let (near, far) = tokio::io::duplex(16 * 1024);
            let (dialled, accepted) = tokio::join!(
                TlsConnector::from(client).connect(server_name(), near),
                TlsAcceptor::from(Arc::clone(&tls.server)).accept(far)
            );
            let (dialled, accepted) = (dialled.unwrap(), accepted.unwrap());
            assert_eq!(is_for_files(dialled.get_ref().1.alpn_protocol()), for_files);
            assert_eq!(
                is_for_files(accepted.get_ref().1.alpn_protocol()),
                for_files
            );
        }
    }

    #[tokio::test]
    async fn a_stolen_certificate_without_its_key_is_refused() {
        let (thief, victim) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let victims_key = KeyPair::from_pkcs8_der_and_sign_algo(
            &PrivatePkcs8KeyDer::from(victim.to_pkcs8().unwrap().to_vec()),
            &PKCS_ED25519,
        )
        .unwrap();
        let stolen = CertificateParams::new(vec!["twocan".to_owned()])
            .unwrap()
            .self_signed(&victims_key)
            .unwrap();
        let own_key = PrivatePkcs8KeyDer::from(thief.to_pkcs8().unwrap().to_vec());
        let signing = rustls::crypto::aws_lc_rs::sign::any_eddsa_type(&own_key).unwrap();
        let shown = rustls::sign::CertifiedKey::new(vec![stolen.der().clone()], signing);
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyIdentity { provider }))
            .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)));
        client.alpn_protocols = vec![ALPN.to_vec()];
        let (_, server_says) = shake(Arc::new(client), LinkTls::new(&victim).unwrap().server).await;
        assert!(server_says.is_err(), "{server_says:?}");
    }

    #[tokio::test]
    async fn a_client_without_a_certificate_is_refused() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyIdentity { provider }))
            .with_no_client_auth();
        client.alpn_protocols = vec![ALPN.to_vec()];
        let (_, server_says) = shake(
            Arc::new(client),
            LinkTls::new(&Identity::from_seed(&[2; 32])).unwrap().server,
        )
        .await;
        assert!(server_says.is_err(), "{server_says:?}");
    }
}
