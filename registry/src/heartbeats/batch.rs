//! Datagrams by the batch: one call to the system takes or gives dozens
//! (recvmmsg and sendmmsg of Linux). All room is there from the start.

use super::{ROOM, SEEN_LEN, plain};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use rustix::{
    io::Errno,
    net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg},
};
use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{Ipv6Addr, SocketAddr},
    os::fd::AsRawFd,
};
use tokio::net::UdpSocket;

/// Datagrams at once: beyond this the calls themselves no longer count.
const BATCH: usize = 64;

/// What came in one batch, and what goes out for it.
pub(super) struct Post {
    incoming: MultiHeaders<SockaddrStorage>,
    datagrams: Box<[[u8; ROOM]; BATCH]>,
    /// Length and sender of each datagram that came.
    came: Box<[(usize, Option<SocketAddr>); BATCH]>,
    /// How many came.
    count: usize,
    answers: Box<[[u8; SEEN_LEN]; BATCH]>,
    receivers: Box<[SocketAddrAny; BATCH]>,
    /// How many answers there are.
    answered: usize,
}

impl Post {
    pub(super) fn new() -> Self {
        let nobody = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        Self {
            incoming: MultiHeaders::preallocate(BATCH, None),
            datagrams: Box::new([[0; ROOM]; BATCH]),
            came: Box::new([(0, None); BATCH]),
            count: 0,
            answers: Box::new([[0; SEEN_LEN]; BATCH]),
            receivers: Box::new(std::array::from_fn(|_| nobody.into())),
            answered: 0,
        }
    }

    /// Takes what is there.
    ///
    /// # Errors
    /// When nothing is there, and those of the system.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.count = 0;
        let mut slices = self
            .datagrams
            .each_mut()
            .map(|room| [IoSliceMut::new(room)]);
        let results = recvmmsg(
            socket.as_raw_fd(),
            &mut self.incoming,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        for (came, result) in self.came.iter_mut().zip(results) {
            *came = (result.bytes, result.address.as_ref().and_then(address));
            self.count += 1;
        }
        Ok(())
    }

    /// Asks `answer` about each datagram that came.
    pub(super) fn answer(
        &mut self,
        mut answer: impl FnMut(&[u8], SocketAddr) -> Option<[u8; SEEN_LEN]>,
    ) {
        self.answered = 0;
        for (datagram, (length, sender)) in self.datagrams.iter().zip(&self.came[..self.count]) {
            let Some(from) = *sender else {
                continue;
            };
            if let Some(bytes) = answer(&datagram[..*length], plain(from)) {
                self.answers[self.answered] = bytes;
                self.receivers[self.answered] = from.into();
                self.answered += 1;
            }
        }
    }

    /// Sends the answers. Those that the socket does not take at once are
    /// dropped: the next heartbeat gets one.
    ///
    /// # Errors
    /// The last of those of the system.
    pub(super) fn send(&self, socket: &UdpSocket) -> io::Result<()> {
        let slices = self.answers.each_ref().map(|answer| [IoSlice::new(answer)]);
        let mut nothing: [_; BATCH] = std::array::from_fn(|_| SendAncillaryBuffer::default());
        let mut index = 0;
        let mut messages = nothing.each_mut().map(|nothing| {
            let at = index;
            index += 1;
            MMsgHdr::new_with_addr(&self.receivers[at], &slices[at], nothing)
        });
        let mut outcome = Ok(());
        let mut next = 0;
        while next < self.answered {
            let rest = &mut messages[next..self.answered];
            match sendmmsg(socket, rest, SendFlags::DONTWAIT) {
                Ok(sent) => next += sent.max(1),
                Err(full @ Errno::AGAIN) => return Err(full.into()),
                // The first of the rest cannot be sent: to an address without a
                // route, say.
                Err(error) => {
                    outcome = Err(error.into());
                    next += 1;
                }
            }
        }
        outcome
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::from(*v4));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6)))
}
