//! The UDP socket of presence: datagrams in, answers out, as many at once as
//! there are. What a datagram is worth is decided by [`Directory::heartbeat`].
//! It has a thread of its own, so that a flood of them is not felt by the rest,
//! and nothing is allocated for a datagram.

#[cfg_attr(target_os = "linux", path = "heartbeats/batch.rs")]
#[cfg_attr(not(target_os = "linux"), path = "heartbeats/single.rs")]
mod post;

use crate::{directory::Directory, now};
use post::Post;
use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::JoinHandle,
};
use tokio::{io::Interest, sync::oneshot};
use twocan_proto::heartbeat::{ALIVE_LEN, SEEN_LEN};

/// Room for a datagram: one byte more than a heartbeat, so that a longer one
/// shows.
const ROOM: usize = ALIVE_LEN + 1;

/// The thread that takes heartbeats.
#[derive(Debug)]
pub(crate) struct Heartbeats {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Heartbeats {
    /// Takes the heartbeats that come to `socket`, which does not block.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(socket: UdpSocket, directory: Arc<Directory>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let entered = runtime.enter();
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        drop(entered);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("heartbeats".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(&socket, &directory) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread for heartbeats had failed");
        }
    }
}

async fn serve(socket: &tokio::net::UdpSocket, directory: &Directory) {
    let mut post = Post::new();
    loop {
        let came = socket.async_io(Interest::READABLE, || post.receive(socket));
        if let Err(error) = came.await {
            // An ICMP error of an earlier answer, or no memory just now.
            tracing::debug!(%error, "heartbeats could not be received");
            tokio::task::yield_now().await;
            continue;
        }
        answer(&mut post, directory);
        if let Err(error) = post.send(socket) {
            tracing::debug!(%error, "heartbeats could not be answered");
        }
    }
}

/// Writes the answers to what was received.
fn answer(post: &mut Post, directory: &Directory) {
    let now = now();
    let (mut good, mut banned, mut dropped) = (0, 0, 0);
    post.answer(|datagram, from| {
        if directory.bans.address(from.ip(), || now).is_some() {
            banned += 1;
            return None;
        }
        let answer: Option<[u8; SEEN_LEN]> = directory.heartbeat(datagram, from, now);
        match answer {
            Some(_) => good += 1,
            None => dropped += 1,
        }
        answer
    });
    let metrics = &directory.metrics;
    for (counter, count) in [
        (&metrics.heartbeats, good),
        (&metrics.banned, banned),
        (&metrics.datagrams_dropped, dropped),
    ] {
        if count > 0 {
            counter.fetch_add(count, Relaxed);
        }
    }
}

/// The address in its plain form: a dual-stack socket has IPv4 as mapped.
fn plain(from: SocketAddr) -> SocketAddr {
    SocketAddr::new(from.ip().to_canonical(), from.port())
}
