//! One look at a registry, without keeping a session up: for whoever examines
//! the network.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::DATE;
use twocan_proto::api::{Health, ResumeRequest, Secret, SessionGrant};
use twocan_proto::registry_url::RegistryUrl;

use super::session::Heart;
use super::{RegistryClient, read};
use crate::api::{Error, ErrorCode};

/// Heartbeats sent until one is answered: a datagram may be lost.
const BEATS: usize = 2;

/// What a registry says to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its version.
    pub version: String,
    /// Its clock, as in the `Date` of its answer (RFC 9110, 5.6.7).
    pub date: Option<String>,
    /// How long a connection, its handshake and the answer took.
    pub took: Duration,
}

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Where it left from.
    pub from: SocketAddr,
    /// Where the registry saw it come from; none when no answer came.
    pub observed: Option<SocketAddr>,
    /// The registry's port for heartbeats.
    pub port: u16,
}

/// Asks the registry at `url` how it is.
///
/// # Errors
/// `unreachable` when nothing answers; `refused` for another certificate than
/// the pinned one, and for what is no registry.
pub(crate) async fn check(url: &RegistryUrl) -> Result<Answered, Error> {
    let client = RegistryClient::new(url)?;
    let began = Instant::now();
    let request = client.request::<()>(Method::GET, "/healthz", None);
    let answer = client.send(request).await?;
    let took = began.elapsed();
    let date = answer
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok());
    let date = date.map(str::to_owned);
    let stranger = || {
        Error::new(
            ErrorCode::Refused,
            "what answers there is no twocan registry",
        )
    };
    let health: Health = serde_json::from_slice(&read(answer).await?).map_err(|_| stranger())?;
    Ok(Answered {
        version: twocan_proto::text::line(&health.version),
        date,
        took,
    })
}

/// Sends heartbeats of the session of `token`. What the registry knows of us
/// stays as it is, but it takes us for online until the next would be due.
///
/// # Errors
/// `unauthorized` when the session is over; else as [`check`].
pub(crate) async fn heartbeat(url: &RegistryUrl, token: Secret) -> Result<Beat, Error> {
    let client = RegistryClient::new(url)?.with_token(token);
    let path = "/sessions/current";
    let grant: SessionGrant = client
        .ask(Method::PUT, path, Some(&ResumeRequest::default()))
        .await?;
    let mut heart = Heart::new(&url.address().host, &grant).await?;
    let silent = |error: std::io::Error| Error::new(ErrorCode::Unreachable, error.to_string());
    let mut beat = Beat {
        from: heart.socket.local_addr().map_err(silent)?,
        observed: None,
        port: grant.heartbeat_port,
    };
    for _ in 0..BEATS {
        if let Some(seen) = heart.beat().await {
            beat.observed = Some(seen.observed);
            break;
        }
    }
    Ok(beat)
}
