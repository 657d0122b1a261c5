//! Taking connections. What strangers can make us hold is bounded: so many
//! handshakes at once, each for so long.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use twocan_proto::address::PEER_PORT;
use twocan_proto::identity::PeerId;

use super::{Stream, tls};
use crate::api::{Error, ErrorCode};

/// Handshakes under way at once; further connections wait in the kernel.
const HANDSHAKES: usize = 64;
/// A handshake takes one round trip; who needs longer is not there.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// After an error of the listener itself (no file handles left), before the
/// next try.
const RECOVER: Duration = Duration::from_millis(500);

/// A connection that came in, with its key proven.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    pub(crate) peer: PeerId,
    pub(crate) from: SocketAddr,
    /// For the contents of files, not a link.
    pub(crate) for_files: bool,
}

/// Listens at `wanted`, or at the default port on all addresses.
///
/// # Errors
/// [`ErrorCode::Io`] with what to do about it.
pub(crate) async fn bind(wanted: Option<SocketAddr>) -> Result<TcpListener, Error> {
    let bound = match wanted {
        Some(at) => TcpListener::bind(at).await,
        None => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, PEER_PORT)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, PEER_PORT)).await,
        },
    };
    bound.map_err(|error| {
        let port = wanted.map_or(PEER_PORT, |at| at.port());
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program (or another twocan) has it; choose one with --listen ADDR:PORT"
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for root; choose another with --listen ADDR:PORT"
            }
            std::io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address; choose another with --listen ADDR:PORT"
            }
            _ => "choose another address with --listen ADDR:PORT",
        };
        Error::new(
            ErrorCode::Io,
            format!("cannot listen on port {port} ({error}): {advice}"),
        )
    })
}

/// Lets this program have as many connections as the system allows it: each
/// link is one, and the usual limit for a start is 1,024.
#[cfg(unix)]
pub(crate) fn allow_many() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Some systems give no more than they did before; it goes on with that.
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::info!(%error, limit = limit.current, "the limit of open files stays as it is");
    }
}

#[cfg(not(unix))]
pub(crate) fn allow_many() {}

/// Accepts for as long as `accepted` is received from.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    accepted: mpsc::Sender<Accepted>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    let acceptor = TlsAcceptor::from(tls);
    loop {
        let Ok(place) = Arc::clone(&handshakes).acquire_owned().await else {
            return;
        };
        let connection = tokio::select! {
            connection = listener.accept() => connection,
            () = accepted.closed() => return,
        };
        match connection {
            Ok((tcp, from)) => {
                let (acceptor, accepted) = (acceptor.clone(), accepted.clone());
                tokio::spawn(async move {
                    match timeout(HANDSHAKE, handshake(&acceptor, tcp)).await {
                        Ok(Ok((stream, peer))) => {
                            let connection = Accepted {
                                for_files: tls::is_for_files(stream.get_ref().1.alpn_protocol()),
                                stream,
                                peer,
                                from,
                            };
                            // The engine has ended if nobody takes it.
                            let _ended = accepted.send(connection).await;
                        }
                        Ok(Err(error)) => {
                            tracing::info!(%error, "a connection was no link and is closed")
                        }
                        Err(_) => tracing::info!(
                            "a connection did not finish its handshake in time and is closed"
                        ),
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take connections for a moment");
                sleep(RECOVER).await;
            }
        }
    }
}

async fn handshake(
    acceptor: &TlsAcceptor,
    tcp: TcpStream,
) -> Result<(Stream, PeerId), std::io::Error> {
    super::set_up(&tcp);
    let stream = acceptor.accept(tcp).await?;
    let peer =
        tls::peer_of(stream.get_ref().1.peer_certificates()).map_err(std::io::Error::other)?;
    Ok((stream.into(), peer))
}
