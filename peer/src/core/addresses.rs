//! Which addresses of this machine others can reach.

use std::net::{IpAddr, SocketAddr};

use crate::api::Path;

/// Where a socket bound to `bound` can be reached: itself, or, when it is
/// bound to all addresses, those of the interfaces, best for others first.
pub(super) fn reachable(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up())
        .map(|interface| interface.ip())
        // An IPv6 socket takes IPv4 as well; the other way round it does not.
        .filter(|ip| bound.is_ipv6() || ip.is_ipv4())
        // Link-local addresses mean nothing without the name of an interface.
        .filter(|ip| !is_link_local(ip))
        .collect();
    addresses.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6(), *ip));
    addresses.dedup();
    addresses
        .into_iter()
        .map(|ip| SocketAddr::new(ip, bound.port()))
        .collect()
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether the way to `at` stays inside one local network.
pub(crate) fn path_to(at: SocketAddr) -> Path {
    let local = match at.ip().to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if local { Path::Lan } else { Path::Direct }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_bound_to_one_address_is_reached_there() {
        let bound: SocketAddr = "127.0.0.1:7777".parse().unwrap();
        assert_eq!(reachable(bound), [bound]);
    }

    #[test]
    fn a_socket_bound_to_all_is_reached_at_addresses_with_its_port() {
        let all = reachable("[::]:7777".parse().unwrap());
        assert!(
            all.iter()
                .all(|at| at.port() == 7777 && !at.ip().is_unspecified())
        );
        assert!(all.iter().any(|at| at.ip().is_loopback()));
    }

    #[test]
    fn local_and_far() {
        for (at, path) in [
            ("192.168.1.2:1", Path::Lan),
            ("[::1]:1", Path::Lan),
            ("[::ffff:10.0.0.1]:1", Path::Lan),
            ("[fd00::1]:1", Path::Lan),
            ("203.0.113.1:1", Path::Direct),
            ("[2001:db8::1]:1", Path::Direct),
        ] {
            assert_eq!(path_to(at.parse().unwrap()), path, "{at}");
        }
    }
}
