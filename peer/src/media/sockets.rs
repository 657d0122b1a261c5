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
    /// Our address on the link to the other side when the call began.
    near: IpAddr,
    bound: Vec<Bound>,
    /// The addresses of this machine, as last seen.
    present: Vec<IpAddr>,
    received_in: mpsc::Sender<Datagram>,
    received: mpsc::Receiver<Datagram>,
    readers: JoinSet<()>,
}

#[derive(Debug)]
struct Bound {
    at: SocketAddr,
    socket: Arc<UdpSocket>,
    /// The address is there. A socket outlives it, as most come back.
    here: bool,
}

/// How the addresses of this machine have changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// Sockets that can be used now.
    pub(super) gained: Vec<SocketAddr>,
    /// Sockets that cannot any more.
    pub(super) lost: Vec<SocketAddr>,
}

impl Sockets {
    /// Binds a socket for each address to reach us at; see [`choose`].
    pub(super) async fn bind(near: IpAddr) -> io::Result<Self> {
        let (received_in, received) = mpsc::channel(QUEUE);
        let mut sockets = Self {
            near: near.to_canonical(),
            bound: Vec::new(),
            present: Vec::new(),
            received_in,
            received,
            readers: JoinSet::new(),
        };
        sockets.follow(present()).await;
        if sockets.bound.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "this machine has no address to be called at",
            ));
        }
        Ok(sockets)
    }

    /// Looks whether the addresses of this machine have changed, and follows.
    pub(super) async fn look(&mut self) -> Option<Moved> {
        let moved = self.follow(present()).await;
        (moved != Moved::default()).then_some(moved)
    }

    /// The addresses of this machine, as last seen.
    pub(super) fn present(&self) -> &[IpAddr] {
        &self.present
    }

    async fn follow(&mut self, addresses: Vec<IpAddr>) -> Moved {
        let usable = choose(self.near, &addresses);
        self.present = addresses;
        let mut moved = Moved::default();
        for bound in &mut self.bound {
            let here = usable.contains(&bound.at.ip());
            if here != bound.here {
                bound.here = here;
                let list = if here {
                    &mut moved.gained
                } else {
                    &mut moved.lost
                };
                list.push(bound.at);
            }
        }
        for ip in usable {
            if self.bound.iter().any(|bound| bound.at.ip() == ip) {
                continue;
            }
            // An address that was given a moment ago may not be ready yet
            // (RFC 4862 section 5.4): it is tried again with the next look.
            if let Ok(at) = self.open(ip).await {
                moved.gained.push(at);
            }
        }
        moved
    }

    async fn open(&mut self, ip: IpAddr) -> io::Result<SocketAddr> {
        if self.bound.len() >= 2 * SOCKETS {
            self.bound.retain(|bound| bound.here);
        }
        let socket = Arc::new(UdpSocket::bind((ip, 0)).await?);
        let at = socket.local_addr()?;
        let reader = read(Arc::clone(&socket), at, self.received_in.clone());
        self.readers.spawn(reader);
        self.bound.push(Bound {
            at,
            socket,
            here: true,
        });
        Ok(at)
    }

    /// The addresses of the sockets.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bound.iter().map(|bound| bound.at)
    }

    /// The next datagram.
    pub(super) async fn receive(&mut self) -> Option<Datagram> {
        self.received.recv().await
    }

    /// Sends from the socket at `from`. What the kernel refuses is lost, as
    /// it may be anywhere on its way.
    pub(super) async fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let Some(bound) = self.bound.iter().find(|bound| bound.at == from) else {
            return;
        };
        if let Err(error) = bound.socket.send_to(bytes, to).await {
            tracing::trace!(%error, "a datagram was not sent");
        }
    }
}

/// The addresses of this machine, of interfaces that are up.
fn present() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let up = interfaces.iter().filter(|interface| interface.is_oper_up());
    up.map(|interface| interface.ip()).collect()
}

/// The addresses to be reached at: all that others may be able to reach, of an
/// IPv4 and IPv6 machine both. When the link stays on this machine, the
/// address it uses there alone.
fn choose(near: IpAddr, addresses: &[IpAddr]) -> Vec<IpAddr> {
    if near.is_loopback() {
        return vec![near];
    }
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    };
    // The one that the link uses is the likeliest to work: it comes first.
    let first = addresses.iter().filter(|ip| **ip == near);
    let mut chosen: Vec<IpAddr> = first.chain(addresses).copied().collect();
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
        assert_eq!(choose(loopback, &all), [loopback]);
        assert_eq!(choose(global, &all), [global, lan]);
        assert_eq!(choose(global, &all[..4]), [lan]);
    }

    #[tokio::test]
    async fn addresses_that_come_and_go_are_told_once() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (here, there) = (ip("127.0.0.1"), ip("127.0.0.2"));
        let mut sockets = Sockets::bind(here).await.unwrap();
        let first = sockets.addresses().next().unwrap();
        // As if they were of a network: loopback addresses need no set-up.
        sockets.near = ip("192.0.2.1");
        let moved = sockets.follow(vec![]).await;
        assert_eq!((moved.gained, moved.lost), (vec![], vec![first]));
        assert_eq!(sockets.follow(vec![]).await, Moved::default());
        sockets.near = there;
        let moved = sockets.follow(vec![there]).await;
        assert_eq!(moved.gained.len(), 1);
        sockets.near = here;
        let moved = sockets.follow(vec![here]).await;
        assert_eq!(moved.gained, [first]);
        assert_eq!(moved.lost.len(), 1);
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
