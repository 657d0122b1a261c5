//! The UDP socket of presence: datagrams in, answers out. What a datagram is
//! worth is decided by [`Directory::heartbeat`].

use crate::{directory::Directory, now};
use std::net::SocketAddr;
use std::sync::{Arc, atomic::Ordering};
use tokio::net::UdpSocket;
use twocan_proto::heartbeat::ALIVE_LEN;

/// Takes heartbeats until its task is aborted.
pub(crate) async fn serve(socket: UdpSocket, directory: Arc<Directory>) {
    // One byte more than a heartbeat, so that a longer datagram shows.
    let mut buffer = [0; ALIVE_LEN + 1];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let from: SocketAddr = (from.ip().to_canonical(), from.port()).into();
                let metrics = &directory.metrics;
                if directory.bans.address(from.ip(), now).is_some() {
                    metrics.banned.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                let Some(answer) = directory.heartbeat(&buffer[..length], from, now()) else {
                    metrics.datagrams_dropped.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                metrics.heartbeats.fetch_add(1, Ordering::Relaxed);
                reply(&socket, &answer, from);
            }
            // An ICMP error of an earlier answer, or no memory just now.
            Err(error) => {
                tracing::debug!(%error, "a heartbeat could not be received");
                tokio::task::yield_now().await;
            }
        }
    }
}

/// An answer that the socket does not take at once is dropped: the next
/// heartbeat gets one.
fn reply(socket: &UdpSocket, answer: &[u8], to: SocketAddr) {
    let to = match (socket.local_addr(), to.ip()) {
        // A dual-stack socket takes IPv4 as mapped addresses.
        (Ok(own), std::net::IpAddr::V4(ip)) if own.is_ipv6() => {
            (ip.to_ipv6_mapped(), to.port()).into()
        }
        _ => to,
    };
    if let Err(error) = socket.try_send_to(answer, to) {
        tracing::debug!(%error, "a heartbeat could not be answered");
    }
}
