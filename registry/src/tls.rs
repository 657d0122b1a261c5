//! The certificate: an operator's own, or a self-made one that is kept, and the
//! TLS settings around it. Clients pin the self-made one by its fingerprint.

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fs, io,
    io::Write,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use twocan_proto::registry_url::Fingerprint;

/// A certificate chain and its key.
#[derive(Debug)]
pub struct ServerIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{path}: {error}; check that the file is there and readable")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Certificate and key do not fit each other or cannot be used.
    #[error("the certificate cannot be used: {0}; check that the key belongs to it")]
    Unusable(#[from] rustls::Error),
    /// A new certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Making(#[from] rcgen::Error),
}

impl ServerIdentity {
    /// Reads PEM files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let content = |path: &Path, problem: String| TlsError::Content {
            path: path.into(),
            problem,
        };
        let pem = read(cert)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|error| content(cert, error.to_string()))?;
        if chain.is_empty() {
            return Err(content(cert, "holds no certificate in PEM form".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|error| content(key, format!("holds no private key in PEM form ({error})")))?;
        Ok(Self { chain, key })
    }

    /// Reads the self-made certificate in `folder`, after making it if needed.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn read_or_make(folder: &Path, listen: IpAddr) -> Result<Self, TlsError> {
        let (cert, key) = self_made_files(folder);
        if !cert.exists() {
            make(folder, &cert, &key, listen)?;
        }
        Self::read(&cert, &key)
    }

    /// SHA-256 of the certificate itself.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }

    /// Certificate and key, ready to be shown.
    ///
    /// # Errors
    /// When they do not fit each other.
    fn certified(self) -> Result<CertifiedKey, TlsError> {
        let provider = aws_lc_rs::default_provider();
        Ok(CertifiedKey::from_der(self.chain, self.key, &provider)?)
    }
}

/// The certificate that is shown to new connections; it can be exchanged while
/// they come.
#[derive(Debug)]
pub struct Shown(ArcSwap<CertifiedKey>);

impl Shown {
    /// Shows `identity`.
    ///
    /// # Errors
    /// When key and certificate do not fit.
    pub fn new(identity: ServerIdentity) -> Result<Arc<Self>, TlsError> {
        let certified = identity.certified()?;
        Ok(Arc::new(Self(ArcSwap::from_pointee(certified))))
    }

    /// Shows `identity` from now on.
    ///
    /// # Errors
    /// When key and certificate do not fit; the one before is kept.
    pub fn exchange(&self, identity: ServerIdentity) -> Result<(), TlsError> {
        self.0.store(Arc::new(identity.certified()?));
        Ok(())
    }

    /// What is shown now.
    pub(crate) fn current(&self) -> Arc<CertifiedKey> {
        self.0.load_full()
    }

    /// Shows again what [`Shown::current`] gave.
    pub(crate) fn put_back(&self, before: Arc<CertifiedKey>) {
        self.0.store(before);
    }

    /// TLS 1.3 with the certificate that is shown.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let shown: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(shown);
        // No tickets: our clients stay on one connection, to resume one saves no
        // round trip, and what is not handed out need not be made, kept or shared
        // by the workers.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(config)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Where the self-made certificate and its key are kept.
#[must_use]
pub fn self_made_files(folder: &Path) -> (PathBuf, PathBuf) {
    (
        folder.join("registry-cert.pem"),
        folder.join("registry-key.pem"),
    )
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::File {
        path: path.into(),
        error,
    })
}

/// Makes an ECDSA P-256 certificate. It has no end in practice (RFC 5280 section
/// 4.1.2.5 gives the date for that), because clients pin it.
fn make(folder: &Path, cert: &Path, key: &Path, listen: IpAddr) -> Result<(), TlsError> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    names.extend(host_name());
    if !listen.is_unspecified() && !listen.is_loopback() {
        names.push(listen.to_string());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "twocan registry");
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&pair)?;
    let file = |path: &Path, error| TlsError::File {
        path: path.into(),
        error,
    };
    fs::create_dir_all(folder).map_err(|error| file(folder, error))?;
    // The certificate comes last: where it is, its key is.
    let secret = pair.serialize_pem();
    write_new(key, secret.as_bytes(), 0o600).map_err(|error| file(key, error))?;
    write_new(cert, certificate.pem().as_bytes(), 0o644).map_err(|error| file(cert, error))
}

/// Writes a file whole or not at all.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let draft = path.with_extension("pem.new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// The machine's name, when it can be part of a certificate.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"))
        .ok()?;
    let name = name.trim().to_ascii_lowercase();
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    (plain && !name.is_empty() && name != "localhost").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let certs = folder.path().join("certs");
        let listen = "192.0.2.1".parse().unwrap();
        let made = ServerIdentity::read_or_make(&certs, listen).unwrap();
        let kept = ServerIdentity::read_or_make(&certs, listen).unwrap();
        assert_eq!(made.fingerprint(), kept.fingerprint());
        assert_ne!(made.fingerprint(), Fingerprint([0; 32]));
        assert!(Shown::new(kept).unwrap().server_config().is_ok());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let (_, key) = self_made_files(&certs);
            assert_eq!(
                fs::metadata(key).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn bad_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        let missing = folder.path().join("missing.pem");
        fs::write(&empty, "").unwrap();
        let error =
            |cert: &Path, key: &Path| ServerIdentity::read(cert, key).unwrap_err().to_string();
        assert!(error(&missing, &empty).contains("missing.pem"));
        assert!(error(&empty, &empty).contains("no certificate"));
        let certs = folder.path().join("certs");
        ServerIdentity::read_or_make(&certs, [127, 0, 0, 1].into()).unwrap();
        let (cert, _) = self_made_files(&certs);
        assert!(error(&cert, &empty).contains("no private key"));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let certs = folder.path().join(name);
            ServerIdentity::read_or_make(&certs, [127, 0, 0, 1].into()).unwrap();
            self_made_files(&certs)
        };
        let ((cert, _), (_, key)) = (make("a"), make("b"));
        let mixed = ServerIdentity::read(&cert, &key).unwrap();
        assert!(matches!(Shown::new(mixed), Err(TlsError::Unusable(_))));
        let (cert, _) = make("c");
        let (_, key) = self_made_files(&folder.path().join("c"));
        let shown = Shown::new(ServerIdentity::read(&cert, &key).unwrap()).unwrap();
        let before = shown.0.load_full();
        let mixed = ServerIdentity::read(&self_made_files(&folder.path().join("a")).0, &key);
        assert!(shown.exchange(mixed.unwrap()).is_err());
        assert!(Arc::ptr_eq(&before, &shown.0.load_full()));
    }
}
