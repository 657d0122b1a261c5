//! Mails over TLS: to a mail server whose certificate is trusted, and to no
//! other. The authority that signs is the test's own, and named to the registry
//! as an operator does who has one.

use crate::{
    process::{Running, program},
    recovery::link,
    smtp::{MailServer, Manner, Protection},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use reqwest::StatusCode;
use serde_json::json;
use std::path::Path;

/// What the mail server lets in.
const PASSWORD: &str = "mail password";

/// A certificate authority; the registry trusts `ca.pem` of its folder.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of tests");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            folder,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a certificate for `name` and its key into the folder.
    fn sign(&self, name: &str) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path().join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(self.path().join("key.pem"), key.serialize_pem()).unwrap();
    }
}

/// A registry that mails through `server` and trusts `authority` alone.
fn serve(
    data: &Path,
    server: &MailServer,
    protection: Protection,
    authority: &Authority,
) -> Running {
    let tls = match protection {
        Protection::Starttls => "starttls",
        Protection::Tls => "tls",
    };
    let password = data.join("mail-password");
    std::fs::write(&password, PASSWORD).unwrap();
    let folder = data.to_str().unwrap();
    let mut command = program(&["serve", "--data", folder, "--listen", "127.0.0.1:0"]);
    command
        .env("SSL_CERT_FILE", authority.path().join("ca.pem"))
        .env_remove("SSL_CERT_DIR")
        .env("TWOCAN_REGISTRY_MAIL_SERVER", server.address.to_string())
        .env("TWOCAN_REGISTRY_MAIL_TLS", tls)
        .env("TWOCAN_REGISTRY_MAIL_FROM", "registry@mail.example")
        .env("TWOCAN_REGISTRY_MAIL_USER", "registry")
        .env("TWOCAN_REGISTRY_MAIL_PASSWORD_FILE", password);
    Running::of(command, data)
}

/// Makes Ada's account, whose password is then forgotten.
async fn ask_for_a_link(registry: &Running) {
    let body = json!({"username": "ada", "password": "old", "email": "ada@mail.example",
                      "host": "192.0.2.7:7777"});
    for (path, body, status) in [
        ("/register", body, StatusCode::CREATED),
        (
            "/password-reset",
            json!({"username": "ada"}),
            StatusCode::ACCEPTED,
        ),
    ] {
        let request = registry.client().post(registry.path(path)).json(&body);
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}

async fn a_link_arrives(protection: Protection) {
    let authority = Authority::new();
    authority.sign("127.0.0.1");
    let mut server = MailServer::protected(protection, authority.path(), PASSWORD).await;
    let data = tempfile::tempdir().unwrap();
    let registry = serve(data.path(), &server, protection, &authority);
    ask_for_a_link(&registry).await;
    let mail = server.mail().await;
    assert_eq!(mail.user.as_deref(), Some("registry"));

    let link = link(&mail);
    let http = registry.client();
    let page = http.get(&link).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("<strong>ada</strong>"));
    let (page, token) = link.split_once("?token=").unwrap();
    let form = format!("token={token}&password=new&again=new");
    let request = http
        .post(page)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let sign_in = http.post(registry.path("/sessions"));
    let body = json!({"username": "ada", "password": "new"});
    let answer = sign_in.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let log = registry.stop();
    assert!(!log.contains(PASSWORD) && !log.contains("@mail.example"));
}

#[tokio::test]
async fn a_link_arrives_by_starttls() {
    a_link_arrives(Protection::Starttls).await;
}

#[tokio::test]
async fn a_link_arrives_by_tls_from_the_first_byte() {
    a_link_arrives(Protection::Tls).await;
}

/// That nothing is sent to a server; why is said at the stop, after the last try.
async fn nothing_is_sent(
    server: &mut MailServer,
    protection: Protection,
    trusted: &Authority,
    why: &str,
) {
    let data = tempfile::tempdir().unwrap();
    let registry = serve(data.path(), server, protection, trusted);
    ask_for_a_link(&registry).await;
    let log = registry.stop();
    assert!(log.contains(why), "{log}");
    server.no_mail().await;
}

#[tokio::test]
async fn a_stranger_who_plays_the_mail_server_gets_nothing() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    stranger.sign("127.0.0.1");
    for protection in [Protection::Starttls, Protection::Tls] {
        let mut server = MailServer::protected(protection, stranger.path(), PASSWORD).await;
        nothing_is_sent(&mut server, protection, &trusted, "is not secure").await;
    }
    // One that would do without.
    let mut server = MailServer::start(Manner::Takes).await;
    nothing_is_sent(&mut server, Protection::Starttls, &trusted, "no STARTTLS").await;
}

#[tokio::test]
async fn a_trusted_certificate_of_another_server_is_none() {
    let trusted = Authority::new();
    for (name, protection) in [
        ("mail.example", Protection::Starttls),
        ("127.0.0.2", Protection::Tls),
    ] {
        trusted.sign(name);
        let mut server = MailServer::protected(protection, trusted.path(), PASSWORD).await;
        nothing_is_sent(&mut server, protection, &trusted, "is not secure").await;
    }
}
