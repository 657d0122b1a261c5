//! The client of a registry: HTTPS requests, and the session that keeps us
//! online there.
//!
//! A registry is a hint-giver. It learns our name, key and address, and tells
//! us those of others; what it says about keys is checked by the core.

mod account;
mod channel;
mod check;
mod live;
mod session;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use twocan_proto::api::{
    ClientInfo, ClientList, ErrorBody, Host, Lookup, LookupAnswer, LookupRequest, ResumeRequest,
    Secret, SessionGrant, SessionRequest, Username,
};
use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;

use crate::api::{Error, ErrorCode};

pub use check::{Answered, Beat};
pub(crate) use check::{check, heartbeat};
pub(crate) use live::LiveAsk;
pub(crate) use session::{SessionEvent, SessionTask};

/// For a connection and its handshake.
const CONNECT: Duration = Duration::from_secs(8);
/// For a request altogether: a registry under a storm of sign-ins may take a
/// while to hash a password.
const REQUEST: Duration = Duration::from_secs(20);
/// For telling that we go: nobody waits longer for the end.
const GOODBYE: Duration = Duration::from_secs(2);
/// Longest answer taken, in bytes: a page of a thousand clients has 300,000.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What we tell a registry about ourselves.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    /// Where we take connections.
    pub(crate) host: Host,
    /// Who we are.
    pub(crate) key: PeerId,
}

/// A page of the list of clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListQuery {
    pub(crate) prefix: Option<String>,
    pub(crate) online: Option<bool>,
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
}

/// Asks one registry. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RegistryClient {
    http: reqwest::Client,
    base: String,
    token: Option<Secret>,
}

impl RegistryClient {
    /// A client of the registry at `url`, which must show the certificate
    /// that `url` pins, or else one that this machine trusts.
    pub(crate) fn new(url: &RegistryUrl) -> Result<Self, Error> {
        Self::built(url, reqwest::Client::builder().timeout(REQUEST))
    }

    /// A client for one live channel: a connection that HTTP/2 cannot give,
    /// and that goes on for as long as it lasts.
    fn for_live(url: &RegistryUrl) -> Result<Self, Error> {
        Self::built(url, reqwest::Client::builder().http1_only())
    }

    fn built(url: &RegistryUrl, builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        let builder = builder
            // By which a registry tells a client that is too old.
            .user_agent(concat!("twocan/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .no_proxy()
            .https_only(true)
            // A password is for the one that was named, and nobody it names.
            .redirect(reqwest::redirect::Policy::none());
        let builder = match url.pin() {
            Some(pin) => {
                let pinned = twocan_pin::client_config(pin)
                    .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
                builder.tls_backend_preconfigured(pinned)
            }
            None => builder,
        };
        let http = builder
            .build()
            .map_err(|error| Error::new(ErrorCode::Internal, innermost(&error)))?;
        Ok(Self {
            http,
            base: url.base(),
            token: None,
        })
    }

    /// The same client, signed in.
    pub(crate) fn with_token(&self, token: Secret) -> Self {
        Self {
            token: Some(token),
            ..self.clone()
        }
    }

    /// The same client, signed in to nothing.
    pub(crate) fn without_token(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// The token that it is signed in with.
    fn token(&self) -> Option<Secret> {
        self.token.clone()
    }

    /// `https://HOST:PORT`, to which paths are added.
    #[cfg(test)]
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Opens a session, and makes the account if the request says so.
    pub(crate) async fn sign_in(&self, request: &SessionRequest) -> Result<SessionGrant, Error> {
        self.ask(Method::POST, "/sessions", Some(request)).await
    }

    /// Comes back with the token of this client, and announces where we are.
    pub(crate) async fn resume(&self, announcement: Announcement) -> Result<SessionGrant, Error> {
        let request = ResumeRequest {
            host: Some(announcement.host),
            key: Some(announcement.key),
        };
        self.ask(Method::PUT, "/sessions/current", Some(&request))
            .await
    }

    /// Ends the session of this client's token. Here it is forgotten whether or
    /// not the registry hears of it.
    pub(crate) async fn sign_out(&self) {
        self.tell("/sessions/current").await;
    }

    /// Is not there any more, and keeps the session for coming back. Whether the
    /// registry hears of it makes no difference in the end: presence lapses.
    pub(crate) async fn leave(&self) {
        self.tell("/sessions/current/presence").await;
    }

    /// Takes something of ours out, without waiting long for the answer.
    async fn tell(&self, path: &str) {
        let request = self.request::<()>(Method::DELETE, path, None);
        match timeout(GOODBYE, self.send(request)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a registry did not take our leave"),
            Err(_) => tracing::debug!("a registry did not answer our leave in time"),
        }
    }

    /// One client, by name; whoever is seen by contacts alone is found by who
    /// names the right `key`.
    pub(crate) async fn client(
        &self,
        username: &Username,
        key: Option<PeerId>,
    ) -> Result<ClientInfo, Error> {
        let mut path = format!("/clients/{}", username.as_str());
        if let Some(key) = key {
            path = format!(
                "{path}?{}",
                query_string(&[("key".to_owned(), key.to_string())])
            );
        }
        self.ask::<(), _>(Method::GET, &path, None).await
    }

    /// Several clients, at most [`twocan_proto::api::LOOKUPS_MAX`]: those that
    /// the registry knows.
    pub(crate) async fn lookups(&self, clients: Vec<Lookup>) -> Result<Vec<ClientInfo>, Error> {
        let request = LookupRequest { clients };
        let answer: LookupAnswer = self.ask(Method::POST, "/lookups", Some(&request)).await?;
        Ok(answer
            .clients
            .into_iter()
            .map(|found| found.client)
            .collect())
    }

    /// A page of the list of clients.
    pub(crate) async fn clients(&self, query: &ListQuery) -> Result<ClientList, Error> {
        let mut fields = vec![("limit".to_owned(), query.limit.to_string())];
        let texts = [("prefix", &query.prefix), ("after", &query.after)];
        fields.extend(
            texts
                .into_iter()
                .filter_map(|(name, text)| Some((name.to_owned(), text.clone()?))),
        );
        fields.extend(
            query
                .online
                .map(|online| ("online".to_owned(), online.to_string())),
        );
        let path = format!("/clients?{}", query_string(&fields));
        self.ask::<(), _>(Method::GET, &path, None).await
    }

    async fn ask<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<A, Error> {
        let answer = self.send(self.request(method, path, body)).await?;
        let bytes = read(answer).await?;
        serde_json::from_slice(&bytes).map_err(|_| {
            Error::new(
                ErrorCode::Refused,
                "what answers there is no twocan registry",
            )
        })
    }

    fn request<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let answer = request.send().await.map_err(|error| silent(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        Err(refusal(status, &read(answer).await?))
    }
}

/// The body of an answer, counted as it comes: a length need not be declared.
async fn read(mut answer: Response) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| silent(&error))? {
        if bytes.len() + chunk.len() > ANSWER_BYTES {
            return Err(Error::new(
                ErrorCode::Refused,
                "the registry's answer is too long",
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A registry's no, in its own words made safe to show.
fn refusal(status: StatusCode, body: &[u8]) -> Error {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) => Error {
            code: error.code,
            message: twocan_proto::text::line(&error.message),
            retry_after: error.retry_after_s.map(Duration::from_secs),
            needs: error.needs.as_deref().map(twocan_proto::text::line),
        },
        Err(_) => Error::new(
            ErrorCode::Refused,
            format!("what answers there is no twocan registry (it says {status})"),
        ),
    }
}

/// The request got no answer.
fn silent(error: &reqwest::Error) -> Error {
    let reason = innermost(error);
    // rustls words for a certificate that is not the pinned one.
    if reason.contains("ertificate") {
        return Error::new(
            ErrorCode::Refused,
            format!(
                "the registry shows another certificate than expected: ask its operator for its address anew ({reason})"
            ),
        );
    }
    Error::new(
        ErrorCode::Unreachable,
        format!("the registry does not answer ({reason})"),
    )
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Fields as a query, with everything but plain letters and digits escaped
/// (RFC 3986 section 2.1).
fn query_string(fields: &[(String, String)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests;
