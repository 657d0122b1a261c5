//! A registry that answers whatever it likes: nothing of it drives a terminal,
//! fills the memory or leads elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use twocan_proto::address::{Address, Host};

use super::*;

/// Says the same to every request, over TLS.
struct Liar {
    url: RegistryUrl,
    asked: Arc<AtomicUsize>,
}

impl Liar {
    async fn saying(status: &str, headers: &str, body: Vec<u8>) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["liar.example".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let certificate = made.cert.der().clone();
        let pin = Fingerprint::of(&certificate);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at: SocketAddr = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n{headers}\r\n",
            body.len()
        );
        let (count, answer) = (Arc::clone(&asked), [head.into_bytes(), body].concat());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                // Who has heard enough goes.
                drop(stream.write_all(&answer).await);
                drop(stream.shutdown().await);
            }
        });
        let address = Address {
            host: Host::Ip(at.ip()),
            port: Some(at.port()),
        };
        Self {
            url: RegistryUrl::new(&address, Some(pin)),
            asked,
        }
    }

    fn client(&self) -> RegistryClient {
        RegistryClient::new(&self.url).unwrap()
    }
}

fn query() -> ListQuery {
    ListQuery {
        limit: 10,
        ..ListQuery::default()
    }
}

#[tokio::test]
async fn a_list_with_names_that_are_none_is_none() {
    for name in ["ada\\u001b[2J", "ada\\u202ebob", "", "a b"] {
        let body = format!(
            r#"{{"clients":[{{"username":"{name}","host":"h","key":null,"online":true,"last_seen":null}}],"next":null}}"#
        );
        let liar = Liar::saying("200 OK", "", body.into_bytes()).await;
        let refused = liar.client().clients(&query()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Refused, "{name}");
        assert!(!refused.message.contains('\u{1b}'), "{refused}");
    }
}

#[tokio::test]
async fn what_it_says_of_our_own_account_is_safe_to_show() {
    let body = r#"{"username":"ada","role":"user","visibility":"listed","email":null,"phone":null,
        "key":null,"created_at":0,"profile":{"display_name":"A\u001b[2Jda","status":"\u202ex",
        "fields":[]}}"#;
    let created = serde_json::to_string(&twocan_proto::time::Timestamp::from_millis(0)).unwrap();
    let body = body.replace(":0,", &format!(":{created},"));
    let liar = Liar::saying("200 OK", "", body.into_bytes()).await;
    let account = liar.client().account().await.unwrap();
    assert_eq!(account.profile.display_name.as_deref(), Some("A[2Jda"));
    assert_eq!(account.profile.status.as_deref(), Some("x"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_taken() {
    let liar = Liar::saying("200 OK", "", vec![b' '; ANSWER_BYTES + 1]).await;
    let refused = liar.client().clients(&query()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Refused);
    assert!(refused.message.contains("too long"), "{refused}");
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_with_what_was_meant_for_a_registry() {
    let other = Liar::saying("200 OK", "", b"{}".to_vec()).await;
    // The same certificate is what its pin would stop: here it is the address.
    let location = format!("Location: {}/sessions\r\n", other.client().base());
    let liar = Liar::saying("307 Temporary Redirect", &location, Vec::new()).await;
    let refused = sign_in(&liar.client(), "ada").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Refused);
    assert!(refused.message.contains("307"), "{refused}");
    assert_eq!(liar.asked.load(Ordering::Relaxed), 1);
    assert_eq!(other.asked.load(Ordering::Relaxed), 0);
}
