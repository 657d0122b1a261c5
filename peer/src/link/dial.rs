//! Finding a way to a peer: every address side by side, the first that
//! proves the right key wins.
//!
//! Attempts start one after another with a short delay and run side by side,
//! as RFC 8305 ("happy eyeballs") has it for two addresses of one host.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use twocan_proto::address::{Address, Host, PEER_PORT};
use twocan_proto::identity::PeerId;

use super::{Stream, tls};
use crate::api::{Error, ErrorCode};

/// Between the starts of two attempts, RFC 8305 section 5.
const STAGGER: Duration = Duration::from_millis(150);
/// For a connection and its handshake: far longer than any that is of use.
const ATTEMPT: Duration = Duration::from_secs(10);
/// For all attempts together, so that a name with many dead addresses ends.
const ALTOGETHER: Duration = Duration::from_secs(20);
/// Addresses tried in one go.
const ATTEMPTS: usize = 16;

/// A connection whose other end has proven its key.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) stream: Stream,
    pub(crate) peer: PeerId,
    pub(crate) at: SocketAddr,
}

/// Why nobody was reached.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// Where somebody else than the expected one has proven a key, and which.
    pub(crate) shown: Option<(SocketAddr, PeerId)>,
    /// A machine answered that nobody listens there.
    pub(crate) is_deserted: bool,
    /// There was no address to try.
    pub(crate) is_nowhere: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            shown: None,
            is_deserted: false,
            is_nowhere: false,
        }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// Connects to the first of `addresses` where `expected` answers, or anybody
/// if nobody in particular is expected.
///
/// # Errors
/// The most telling of what went wrong: a wrong key before a refusal before
/// silence.
pub(crate) async fn dial(
    tls: Arc<ClientConfig>,
    addresses: Vec<Address>,
    expected: Option<PeerId>,
) -> Result<Dialled, Failed> {
    let targets = resolve(&addresses).await?;
    let mut attempts = JoinSet::new();
    let start = Instant::now();
    for (delay, at) in (0u32..).map(|n| STAGGER * n).zip(targets) {
        let tls = Arc::clone(&tls);
        attempts.spawn(async move {
            sleep_until(start + delay).await;
            timeout(ATTEMPT, attempt(tls, at, expected))
                .await
                .map_err(|_| silence().into())
                .flatten()
        });
    }
    let first_success = async {
        let mut worst: Option<Failed> = None;
        while let Some(ended) = attempts.join_next().await {
            match ended {
                Ok(Ok(dialled)) => return Ok(dialled),
                Ok(Err(failed)) if worst.as_ref().is_none_or(|w| weight(&failed) > weight(w)) => {
                    worst = Some(failed)
                }
                Ok(Err(_)) => {}
                Err(stopped) => tracing::error!(%stopped, "an attempt to connect ended badly"),
            }
        }
        Err(worst.unwrap_or_else(|| silence().into()))
    };
    timeout(ALTOGETHER, first_success)
        .await
        .map_err(|_| silence().into())
        .flatten()
}

/// How much an error tells the user.
fn weight(failed: &Failed) -> u8 {
    match failed.error.code {
        ErrorCode::KeyMismatch => 3,
        ErrorCode::Refused => 2,
        _ if failed.is_deserted => 1,
        _ => 0,
    }
}

fn silence() -> Error {
    Error::new(
        ErrorCode::Unreachable,
        "nothing answers there: is twocan running at that address, and no firewall between?",
    )
}

async fn resolve(addresses: &[Address]) -> Result<Vec<SocketAddr>, Failed> {
    let mut targets = Vec::new();
    let mut unknown = None;
    for address in addresses {
        let port = address.port_or(PEER_PORT);
        match &address.host {
            Host::Ip(ip) => targets.push(SocketAddr::new(*ip, port)),
            Host::Name(name) => {
                match timeout(ATTEMPT, tokio::net::lookup_host((name.as_str(), port))).await {
                    Ok(Ok(found)) => targets.extend(found),
                    Ok(Err(_)) | Err(_) => unknown = Some(name.clone()),
                }
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    targets.retain(|at| seen.insert(*at));
    targets.truncate(ATTEMPTS);
    match (targets.is_empty(), unknown) {
        (true, Some(name)) => Err(Error::new(
            ErrorCode::Unreachable,
            format!("no machine is called {name}: check the spelling, or use its IP address"),
        )
        .into()),
        (true, None) => Err(Failed {
            is_nowhere: true,
            ..Error::new(ErrorCode::Unreachable, "no address is known to try").into()
        }),
        (false, _) => Ok(targets),
    }
}

async fn attempt(
    tls: Arc<ClientConfig>,
    at: SocketAddr,
    expected: Option<PeerId>,
) -> Result<Dialled, Failed> {
    let tcp = TcpStream::connect(at)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Failed {
                is_deserted: true,
                ..Error::new(
                    ErrorCode::Unreachable,
                    "the machine answers, but twocan does not listen at that port",
                )
                .into()
            },
            _ => silence().into(),
        })?;
    super::set_up(&tcp);
    let stream = TlsConnector::from(tls)
        .connect(tls::server_name(), tcp)
        .await
        .map_err(|error| {
            Error::new(
                ErrorCode::Refused,
                format!("what answers there is no twocan of this version: {error}"),
            )
        })?;
    let peer = tls::peer_of(stream.get_ref().1.peer_certificates()).map_err(|error| {
        Error::new(
            ErrorCode::Refused,
            format!("what answers there shows no usable key: {error}"),
        )
    })?;
    if expected.is_some_and(|expected| expected != peer) {
        let text = format!("somebody else answers there, with the key {}", peer.short());
        return Err(Failed {
            error: Error::new(ErrorCode::KeyMismatch, text),
            shown: Some((at, peer)),
            is_deserted: false,
            is_nowhere: false,
        });
    }
    Ok(Dialled {
        stream: stream.into(),
        peer,
        at,
    })
}
