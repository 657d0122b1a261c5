//! Datagrams one by one, where the system has no call for more.

use super::{ROOM, SEEN_LEN, plain};
use std::{io, net::SocketAddr};
use tokio::net::UdpSocket;

/// What came, and what goes out for it.
pub(super) struct Post {
    datagram: [u8; ROOM],
    came: Option<(usize, SocketAddr)>,
    answer: Option<([u8; SEEN_LEN], SocketAddr)>,
}

impl Post {
    pub(super) fn new() -> Self {
        Self {
            datagram: [0; ROOM],
            came: None,
            answer: None,
        }
    }

    /// Takes what is there.
    ///
    /// # Errors
    /// When nothing is there, and those of the system.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.came = None;
        self.came = Some(socket.try_recv_from(&mut self.datagram)?);
        Ok(())
    }

    /// Asks `answer` about the datagram that came.
    pub(super) fn answer(
        &mut self,
        mut answer: impl FnMut(&[u8], SocketAddr) -> Option<[u8; SEEN_LEN]>,
    ) {
        self.answer = self.came.and_then(|(length, from)| {
            let bytes = answer(&self.datagram[..length], plain(from))?;
            Some((bytes, from))
        });
    }

    /// Sends the answer. One that the socket does not take at once is dropped:
    /// the next heartbeat gets one.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn send(&mut self, socket: &UdpSocket) -> io::Result<()> {
        match self.answer.take() {
            Some((bytes, to)) => socket.try_send_to(&bytes, to).map(drop),
            None => Ok(()),
        }
    }
}
