//! The two sockets: TCP for HTTPS and UDP for heartbeats, on the same number
//! unless told otherwise.

use super::StartError;
use crate::config::Config;
use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
};

/// How often a pair of free ports is looked for: another process may hold the
/// UDP port of a TCP port that the system picked.
const TRIES: usize = 16;

pub(super) fn bind(config: &Config) -> Result<(TcpListener, UdpSocket), StartError> {
    let mut tries = if config.listen.port() == 0 && config.udp.is_none() {
        TRIES
    } else {
        1
    };
    loop {
        tries -= 1;
        let tcp = bind_tcp(config)?;
        let address = config.udp.map_or_else(|| tcp.local_addr(), Ok)?;
        match UdpSocket::bind(address) {
            Ok(udp) => {
                udp.set_nonblocking(true)?;
                return Ok((tcp, udp));
            }
            Err(error) if tries == 0 => {
                return Err(listen_error("UDP", address, error, "udp"));
            }
            Err(_) => {}
        }
    }
}

fn bind_tcp(config: &Config) -> Result<TcpListener, StartError> {
    let failed = |error| listen_error("TCP", config.listen, error, "listen");
    match (TcpListener::bind(config.listen), config.listen_fallback) {
        (Ok(listener), _) => Ok(listener),
        // Taken is taken: IPv4 alone would hide it.
        (Err(error), Some(fallback)) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(fallback).map_err(failed)
        }
        (Err(error), _) => Err(failed(error)),
    }
}

fn listen_error(
    kind: &'static str,
    address: SocketAddr,
    error: io::Error,
    flag: &'static str,
) -> StartError {
    StartError::Listen {
        kind,
        address,
        error,
        flag,
    }
}
