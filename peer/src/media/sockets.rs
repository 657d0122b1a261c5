//! The UDP sockets of a call: one for each address of this machine that the
//! other side may be able to reach, so that every candidate has a socket of
//! its own and answers leave from where they are expected.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Addresses used at most; a machine with more has virtual ones.
const SOCKETS: usize = 8;
/// Datagrams waiting for the media task: half a second of four streams. When
/// full, the newest are dropped, as the kernel would.
const QUEUE: usize = 256;
/// No packet of ours is longer than an Ethernet frame.
const DATAGRAM_BYTES: usize = 2048;

/// A datagram as it came.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) bytes: Vec<u8>,
    pub(super) from: SocketAddr,
    /// The address of the socket it came to.
    pub(super) to: SocketAddr,
    pub(super) arrived: Instant,
}

/// The sockets, and what they receive. Readers end with this.
#[derive(Debug)]
pub(super) struct Sockets {
    bound: Vec<(SocketAddr, Arc<UdpSocket>)>,
    received: mpsc::Receiver<Datagram>,
    _readers: JoinSet<()>,
}

impl Sockets {
    /// Binds a socket for each address to reach us at; see [`choose`].
    pub(super) async fn bind(near: IpAddr) -> io::Result<Self> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let addresses = interfaces
            .iter()
            .filter(|interface| interface.is_oper_up())
            .map(|interface| interface.ip());
        let (received_tx, received) = mpsc::channel(QUEUE);
        let mut readers = JoinSet::new();
        let mut bound = Vec::new();
        for ip in choose(near.to_canonical(), addresses) {
            let Ok(socket) = UdpSocket::bind((ip, 0)).await else {
                continue;
            };
            let at = socket.local_addr()?;
            let socket = Arc::new(socket);
            bound.push((at, Arc::clone(&socket)));
            readers.spawn(read(socket, at, received_tx.clone()));
        }
        if bound.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "this machine has no address to be called at",
            ));
        }
        Ok(Self {
            bound,
            received,
            _readers: readers,
        })
    }

    /// The addresses of the sockets.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bound.iter().map(|(at, _)| *at)
    }

    /// The next datagram.
    pub(super) async fn receive(&mut self) -> Option<Datagram> {
        self.received.recv().await
    }

    /// Sends from the socket at `from`. What the kernel refuses is lost, as
    /// it may be anywhere on its way.
    pub(super) async fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let Some((_, socket)) = self.bound.iter().find(|(at, _)| *at == from) else {
            return;
        };
        if let Err(error) = socket.send_to(bytes, to).await {
            tracing::trace!(%error, "a datagram was not sent");
        }
    }
}

/// The addresses to use: all but link-local ones and loopback; of an IPv4 and
/// IPv6 machine both. When the link stays on this machine, the address it
/// uses there alone.
fn choose(near: IpAddr, addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    if near.is_loopback() {
        return vec![near];
    }
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    };
    // The one that the link uses is the likeliest to work: it comes first.
    let mut chosen = vec![near];
    chosen.extend(addresses.filter(usable));
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|ip| usable(ip) && seen.insert(*ip));
    chosen.truncate(SOCKETS);
    chosen
}

async fn read(socket: Arc<UdpSocket>, at: SocketAddr, received: mpsc::Sender<Datagram>) {
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let bytes = buffer[..length].to_vec();
                let datagram = Datagram {
                    bytes,
                    from,
                    to: at,
                    arrived: Instant::now(),
                };
                if let Err(mpsc::error::TrySendError::Closed(_)) = received.try_send(datagram) {
                    return;
                }
            }
            // An ICMP error for an earlier datagram; the socket goes on.
            Err(error) => {
                tracing::trace!(%error, "a socket of a call reports");
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_inside_one_machine_stays_there_and_others_use_real_addresses() {
        let all = ["127.0.0.1", "::1", "10.0.0.5", "fe80::1", "2001:db8::5"]
            .map(|ip| ip.parse::<IpAddr>().unwrap());
        let [loopback, _, lan, _, global] = all;
        assert_eq!(choose(loopback, all.into_iter()), [loopback]);
        assert_eq!(choose(global, all.into_iter()), [global, lan]);
    }

    #[tokio::test]
    async fn what_one_sends_the_other_receives() {
        let near = "127.0.0.1".parse().unwrap();
        let a = Sockets::bind(near).await.unwrap();
        let mut b = Sockets::bind(near).await.unwrap();
        let (from, to) = (a.addresses().next().unwrap(), b.addresses().next().unwrap());
        a.send(from, to, b"hello").await;
        let datagram = b.receive().await.unwrap();
        assert_eq!(
            (datagram.bytes.as_slice(), datagram.from, datagram.to),
            (&b"hello"[..], from, to)
        );
    }
}
