//! Links: TLS connections between two people, one at a time for each pair.
//!
//! ```text
//!  dial ----+                                   +--> store (messages)
//!           +--> TLS, key proven --> task ------+
//!  listen --+                        (one a link)  --> core (everything else)
//! ```

pub(crate) mod dial;
pub(crate) mod handover;
pub(crate) mod listen;
mod outbox;
mod pace;
mod retry;
pub(crate) mod task;
#[cfg(test)]
mod tests;
pub(crate) mod tls;

use tokio::net::TcpStream;

pub(crate) type Stream = tokio_rustls::TlsStream<TcpStream>;

/// What every connection of a link wants from the kernel.
fn set_up(tcp: &TcpStream) {
    // Frames are small and people wait for them.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
}
