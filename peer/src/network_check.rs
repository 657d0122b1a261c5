//! Trying the network of this machine without an engine: what `twocan doctor`
//! looks at.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;

use tokio::task::spawn_blocking;
use twocan_proto::api::Secret;
use twocan_proto::registry_url::RegistryUrl;

use crate::api::{Error, ErrorCode};
use crate::profile::Profile;
pub use crate::registry::{Answered, Beat};
use crate::store::settings;
use crate::vault::{Protected, Protection, protected};

/// Any addresses of the internet; nothing is sent to them (RFC 5737 and 3849
/// reserve them for documents).
const FAR_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Where names of the local network are asked for (RFC 6762, 3).
const MDNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);

/// A registry that a profile knows, and its session there if it is signed in.
#[derive(Debug)]
pub struct Known {
    /// Which registry.
    pub url: RegistryUrl,
    session: Option<Secret>,
}

impl Known {
    /// Whether the profile is signed in there, as far as it knows.
    pub fn is_signed_in(&self) -> bool {
        self.session.is_some()
    }
}

/// The addresses of this machine that others could know: not those that lead
/// to this machine alone, nor those of one cable.
pub fn addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let up = interfaces.iter().filter(|i| i.is_oper_up());
    let mut addresses: Vec<_> = up.map(|i| i.ip()).filter(is_known_to_others).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

fn is_known_to_others(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    }
}

/// The address from which this machine would reach the internet, over IPv4 and
/// over IPv6; none where there is no way. Sends nothing.
pub fn ways_out() -> (Option<IpAddr>, Option<IpAddr>) {
    let from = |any: IpAddr, far: IpAddr| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((far, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    (
        from(Ipv4Addr::UNSPECIFIED.into(), FAR_V4.into()),
        from(Ipv6Addr::UNSPECIFIED.into(), FAR_V6.into()),
    )
}

/// Whether the local network can be asked for names.
///
/// # Errors
/// What the system says.
pub fn local_names() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    if let IpAddr::V4(group) = MDNS.ip() {
        socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    }
    socket.connect(MDNS)
}

/// The registries that the profile in `folder` knows; none if there is no
/// profile yet.
///
/// # Errors
/// `busy` when a running program has the profile, and whatever keeps a
/// profile from being opened.
pub async fn registries(folder: &Path, protection: &Protection) -> Result<Vec<Known>, Error> {
    if protected(folder)? == Protected::New {
        return Ok(Vec::new());
    }
    let (folder, protection) = (folder.to_owned(), protection.clone());
    let opened = spawn_blocking(move || Profile::open(&folder, &protection)).await;
    let profile = opened.map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))??;
    let (store, thread) = profile.open_store()?;
    let saved = store.run(settings::registries).await;
    drop(store);
    // The profile is not to be let go before its database is.
    let _ended = spawn_blocking(move || thread.join()).await;
    let known = saved?.into_iter().map(|saved| Known {
        url: saved.url,
        session: saved
            .session
            .and_then(|session| serde_json::from_value(session).ok()),
    });
    Ok(known.collect())
}

/// Asks the registry at `url` how it is.
///
/// # Errors
/// `unreachable` when nothing answers; `refused` for another certificate than
/// the pinned one, and for what is no registry.
pub async fn ask(url: &RegistryUrl) -> Result<Answered, Error> {
    crate::registry::check(url).await
}

/// Whether datagrams reach a registry where the profile is signed in, and its
/// answers come back. What the registry knows of us stays as it is, but it
/// takes us for online until the next heartbeat would be due.
///
/// # Errors
/// `unauthorized` without a session; else as [`ask`].
pub async fn heartbeat(known: &Known) -> Result<Beat, Error> {
    let none = || Error::new(ErrorCode::Unauthorized, "not signed in there");
    let token = known.session.clone().ok_or_else(none)?;
    crate::registry::heartbeat(&known.url, token).await
}
