//! The local network: who is there, and telling that we are (mDNS, RFC 6762,
//! and DNS-SD, RFC 6763).
//!
//! ```text
//!  <peer id>._twocan._tcp.local.   SRV: port    A, AAAA: addresses    TXT: name=... (if allowed)
//! ```
//!
//! What is announced is the peer id, the port, and the name where the user
//! allows it; the host's own name is not. What is heard is hearsay: anybody in
//! the network can claim any id, so it is a hint where to look, and the key is
//! proven by TLS.

use std::net::{IpAddr, SocketAddr};

use mdns_sd::{IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use twocan_proto::identity::PeerId;
use twocan_proto::{limits, text};

const SERVICE: &str = "_twocan._tcp.local.";
/// The TXT entry that holds a name.
const NAME: &str = "name";
/// Letters of the id in the name of the host, which must differ from others.
const HOST_CHARS: usize = 16;
/// How often interfaces are looked at for changed addresses.
const INTERFACES_S: u32 = 30;

/// On which interfaces to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All but those that lead to this machine alone.
    Everywhere,
    /// Where this address is, which is announced and no other.
    Address(IpAddr),
    /// The one of this name, and this address of it if it is known.
    Interface(String, Option<IpAddr>),
}

impl Reach {
    fn kind(&self) -> Option<IfKind> {
        match self {
            Self::Everywhere => None,
            Self::Address(ip) => Some(IfKind::Addr(*ip)),
            Self::Interface(name, _) => Some(IfKind::Name(name.clone())),
        }
    }

    fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Everywhere => None,
            Self::Address(ip) => Some(*ip),
            Self::Interface(_, ip) => *ip,
        }
    }
}

/// What is told to the local network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) me: PeerId,
    pub(crate) port: u16,
    /// The name, if it may be told.
    pub(crate) name: Option<String>,
}

/// How to take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) reach: Reach,
    /// `None` only looks.
    pub(crate) announce: Option<Announcement>,
}

/// Somebody was heard of, or is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Here {
        peer: PeerId,
        name: String,
        addresses: Vec<SocketAddr>,
    },
    Gone(PeerId),
}

/// Taking part, for as long as this exists.
pub(crate) struct Discovery {
    daemon: ServiceDaemon,
    pub(crate) plan: Plan,
    _listening: JoinSet<()>,
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery").finish_non_exhaustive()
    }
}

impl Discovery {
    /// Begins to look, and to tell of us. What is heard goes to `heard`.
    ///
    /// # Errors
    /// What the network or the system did not allow, in words.
    pub(crate) fn start<T: From<Heard> + Send + 'static>(
        plan: Plan,
        heard: mpsc::Sender<T>,
    ) -> Result<Self, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        let started = begin(&daemon, &plan);
        if let Err(error) = started {
            stop(&daemon);
            return Err(error);
        }
        let mut listening = JoinSet::new();
        listening.spawn(listen(daemon.clone(), heard));
        Ok(Self {
            daemon,
            plan,
            _listening: listening,
        })
    }

    /// Tells something else of us from now on, on the same interfaces.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) fn announce(
        &mut self,
        announce: Option<Announcement>,
    ) -> Result<(), mdns_sd::Error> {
        match (&self.plan.announce, &announce) {
            // Takes the place of what was told before.
            (_, Some(new)) => self.daemon.register(service(new, &self.plan.reach)?)?,
            (Some(old), None) => {
                let name = format!("{}.{SERVICE}", old.me.compact());
                self.daemon.unregister(&name)?;
            }
            (None, None) => {}
        }
        self.plan.announce = announce;
        Ok(())
    }
}

impl Drop for Discovery {
    /// Says goodbye to the network.
    fn drop(&mut self) {
        stop(&self.daemon);
    }
}

fn stop(daemon: &ServiceDaemon) {
    if let Err(error) = daemon.shutdown() {
        tracing::debug!(%error, "the search of the local network did not end in order");
    }
}

fn begin(daemon: &ServiceDaemon, plan: &Plan) -> Result<(), mdns_sd::Error> {
    daemon.set_ip_check_interval(INTERFACES_S)?;
    match plan.reach.kind() {
        Some(kind) => {
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(kind)?;
        }
        None => daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?,
    }
    match &plan.announce {
        Some(announcement) => daemon.register(service(announcement, &plan.reach)?),
        None => Ok(()),
    }
}

fn service(told: &Announcement, reach: &Reach) -> Result<ServiceInfo, mdns_sd::Error> {
    let id = told.me.compact();
    let host = format!("twocan-{}.local.", &id[..HOST_CHARS]);
    let txt: Vec<(&str, &str)> = told.name.iter().map(|name| (NAME, &**name)).collect();
    let mut info = match reach.address() {
        Some(ip) => ServiceInfo::new(SERVICE, &id, &host, ip, told.port, &txt[..])?,
        None => ServiceInfo::new(SERVICE, &id, &host, "", told.port, &txt[..])?.enable_addr_auto(),
    };
    // The id is nobody else's, so that there is nothing to ask before it is
    // told; and a name that a probe changed would be no id any more.
    info.set_requires_probe(false);
    Ok(info)
}

/// Passes on what is heard, for as long as anybody wants to know.
async fn listen<T: From<Heard>>(daemon: ServiceDaemon, heard: mpsc::Sender<T>) {
    // A search ends when more is heard than was taken; then it begins anew.
    while let Ok(events) = daemon.browse(SERVICE) {
        while let Ok(event) = events.recv_async().await {
            if let Some(said) = understood(event)
                && heard.send(T::from(said)).await.is_err()
            {
                return;
            }
        }
    }
}

fn understood(event: ServiceEvent) -> Option<Heard> {
    match event {
        ServiceEvent::ServiceResolved(service) => here(&service),
        ServiceEvent::ServiceRemoved(_, fullname) => claimed(&fullname).map(Heard::Gone),
        _ => None,
    }
}

/// The id that somebody claims by the name of her service.
fn claimed(fullname: &str) -> Option<PeerId> {
    fullname.split('.').next()?.parse().ok()
}

fn here(service: &ResolvedService) -> Option<Heard> {
    let peer = claimed(&service.fullname)?;
    let name = service.get_property_val_str(NAME).unwrap_or_default();
    // Link-local IPv6 addresses mean nothing without their interface.
    let of_use = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
    };
    let mut ips: Vec<IpAddr> = service.addresses.iter().map(|ip| ip.to_ip_addr()).collect();
    ips.retain(of_use);
    ips.sort_by_key(|ip| (ip.is_ipv6(), *ip));
    ips.truncate(limits::NEARBY_ADDRESSES);
    let addresses = ips.into_iter().map(|ip| SocketAddr::new(ip, service.port));
    Some(Heard::Here {
        peer,
        name: text::name(name, limits::NAME_BYTES),
        addresses: addresses.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use twocan_proto::identity::Identity;

    fn told(name: Option<&str>) -> Announcement {
        Announcement {
            me: Identity::from_seed(&[1; 32]).peer_id(),
            port: 7777,
            name: name.map(str::to_owned),
        }
    }

    fn heard(told: &Announcement, ip: &str) -> Option<Heard> {
        let reach = Reach::Address(ip.parse().unwrap());
        here(&service(told, &reach).unwrap().as_resolved_service())
    }

    #[test]
    fn what_is_told_is_what_is_heard_made_safe() {
        let Some(Heard::Here {
            peer,
            name,
            addresses,
        }) = heard(&told(Some("an\u{1b}[31mna\u{202e}")), "192.168.1.5")
        else {
            panic!("not heard");
        };
        assert_eq!(peer, told(None).me);
        assert_eq!(name, "an[31mna");
        assert_eq!(addresses, ["192.168.1.5:7777".parse().unwrap()]);
    }

    #[test]
    fn nothing_is_told_but_id_port_and_the_name_where_it_may() {
        let reach = Reach::Address("192.168.1.5".parse().unwrap());
        let info = service(&told(None), &reach).unwrap();
        assert!(info.get_properties().is_empty());
        let host = info.get_hostname();
        assert!(host.starts_with(&format!("twocan-{}", &told(None).me.compact()[..8])));
    }

    #[test]
    fn claims_that_are_none_are_passed_over() {
        for name in [
            "",
            "printer._twocan._tcp.local.",
            "a\\.b._twocan._tcp.local.",
        ] {
            assert_eq!(claimed(name), None, "{name}");
        }
        assert!(matches!(
            heard(&told(None), "0.0.0.0"),
            Some(Heard::Here { addresses, .. }) if addresses.is_empty()
        ));
    }

    proptest! {
        #[test]
        fn whatever_is_claimed_is_few_safe_and_of_use(
            claim in prop_oneof![Just(told(None).me.compact()), "[ -~]{0,60}"],
            port: u16,
            txt in proptest::collection::vec(any::<String>(), 0..4),
            ips in proptest::collection::vec(any::<IpAddr>(), 0..40),
        ) {
            let txt: Vec<(&str, &str)> = txt.iter().map(|text| (NAME, &**text)).collect();
            let info = ServiceInfo::new(SERVICE, &claim, "h.local.", &ips[..], port, &txt[..]);
            // The library takes no name or text that is too long for DNS.
            let Ok(info) = info else { return Ok(()) };
            let Some(Heard::Here { peer, name, addresses }) = here(&info.as_resolved_service()) else {
                prop_assert_ne!(claim, told(None).me.compact());
                return Ok(());
            };
            prop_assert_eq!(peer, told(None).me);
            prop_assert_eq!(text::name(&name, limits::NAME_BYTES), name);
            prop_assert!(addresses.len() <= limits::NEARBY_ADDRESSES);
            for address in addresses {
                prop_assert!(ips.contains(&address.ip()) && address.port() == port);
                prop_assert!(!address.ip().is_unspecified() && !address.ip().is_multicast());
            }
        }
    }
}
