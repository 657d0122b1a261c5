//! The network: addresses, the way out, the local network, and the registries
//! with what they see of us.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use twocan_peer::api::{Config, Error, ErrorCode, Lan, RegistryInfo, RegistryState};
use twocan_peer::network_check::{self, Answered, Beat, Known};
use twocan_proto::registry_url::RegistryUrl;

use super::Finding;

/// A clock that is this far from a registry's is wrong, in seconds; below it
/// nothing suffers.
const CLOCK_OFF_S: i64 = 60;

/// What is found while the engine runs, which has the profile: what is asked of
/// registries as itself it says of its own.
pub(super) async fn beside_engine(config: &Config, own: &[RegistryInfo]) -> Vec<Finding> {
    let mut findings = of_this_machine(config, &network_check::addresses());
    for info in own {
        findings.extend(registry(&info.registry).await.0);
        findings.push(signed_in(info));
    }
    if own.is_empty() {
        findings.push(no_registry());
    }
    findings
}

/// Everything that is found.
pub(super) async fn findings(config: &Config) -> Vec<Finding> {
    let local = network_check::addresses();
    let mut findings = of_this_machine(config, &local);
    let known = match network_check::registries(&config.data, &config.protection).await {
        Ok(known) => known,
        Err(error) => {
            findings.push(closed(&error));
            Vec::new()
        }
    };
    let named = config.registries.iter();
    let unknown = named.filter(|url| known.iter().all(|known| known.url != **url));
    for url in unknown {
        findings.extend(registry(url).await.0);
    }
    for known in &known {
        let (found, there) = registry(&known.url).await;
        findings.extend(found);
        if there && known.is_signed_in() {
            findings.extend(heartbeat(known, &local).await);
        } else if there {
            findings.push(unseen(&known.url));
        }
    }
    if config.registries.is_empty() && known.is_empty() {
        findings.push(no_registry());
    }
    findings
}

fn of_this_machine(config: &Config, local: &[IpAddr]) -> Vec<Finding> {
    let mut findings = vec![addresses(local), ways_out(network_check::ways_out())];
    if config.lan != Lan::Off {
        findings.push(local_names(network_check::local_names()));
    }
    findings
}

fn no_registry() -> Finding {
    Finding::good("no registry: people are found in the local network and by address")
}

/// How the running engine stands with a registry.
fn signed_in(info: &RegistryInfo) -> Finding {
    let at = info.registry.address();
    if info.state == RegistryState::SignedIn {
        return Finding::good(format!("signed in at {at}, which hears our datagrams"));
    }
    let reason = info.reason.as_deref().map(|reason| format!(": {reason}"));
    Finding::warning(
        format!("not signed in at {at}{}", reason.unwrap_or_default()),
        "/registries, where one signs in",
    )
}

fn addresses(local: &[IpAddr]) -> Finding {
    let list: Vec<_> = local.iter().map(IpAddr::to_string).collect();
    match local {
        [] => Finding::problem(
            "this machine has no address that others could reach",
            "plug in the cable, or join a wireless network",
        ),
        _ => Finding::good(format!("addresses of this machine: {}", list.join(", "))),
    }
}

fn ways_out(ways: (Option<IpAddr>, Option<IpAddr>)) -> Finding {
    match ways {
        (Some(_), Some(_)) => Finding::good("there is a way out over IPv4 and over IPv6"),
        (Some(_), None) => {
            Finding::good("there is a way out over IPv4, none over IPv6: IPv4 is enough")
        }
        (None, Some(_)) => Finding::warning(
            "there is a way out over IPv6 alone: who has only IPv4 cannot be reached",
            "nothing if everybody you call has IPv6; else ask your provider for IPv4",
        ),
        (None, None) => Finding::warning(
            "there is no way out of the local network",
            "nothing if you only talk within it; else look at the router",
        ),
    }
}

fn local_names(tried: std::io::Result<()>) -> Finding {
    match tried {
        Ok(()) => Finding::good("people in the local network can be looked for (mDNS)"),
        Err(error) => Finding::warning(
            format!("people in the local network are not found (mDNS): {error}"),
            "allow UDP port 5353 and multicast in the firewall, or connect by address",
        ),
    }
}

/// The profile cannot be looked into.
fn closed(error: &Error) -> Finding {
    let what = format!(
        "the registries of the profile were left out: {}",
        error.message
    );
    match error.code {
        ErrorCode::Busy => Finding::warning(what, "end the other twocan, and look again"),
        _ => Finding::warning(what, "open the profile with twocan, which says more"),
    }
}

/// What the registry at `url` answers to anybody, and whether it does.
async fn registry(url: &RegistryUrl) -> (Vec<Finding>, bool) {
    match network_check::ask(url).await {
        Ok(answered) => (answers(url, &answered, Timestamp::now()), true),
        Err(error) => (vec![silent(url, &error)], false),
    }
}

fn answers(url: &RegistryUrl, answered: &Answered, now: Timestamp) -> Vec<Finding> {
    let pinned = match url.pin() {
        Some(_) => "with the certificate that its address names",
        None => "with a certificate that this machine trusts",
    };
    let what = format!(
        "the registry {} answers in {} ms, version {}, {pinned}",
        url.address(),
        answered.took.as_millis(),
        answered.version
    );
    let mut findings = vec![Finding::good(what)];
    let date = answered.date.as_deref();
    let there = date.and_then(|date| rfc2822::parse(date).ok());
    if let Some(there) = there {
        let ahead = now.as_second() - there.timestamp().as_second();
        findings.push(clock(ahead));
    }
    findings
}

/// `ahead` says by how many seconds our clock is before the registry's, which
/// tells whole seconds.
fn clock(ahead: i64) -> Finding {
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    let what = format!(
        "this clock is {} s {way} the registry's",
        ahead.unsigned_abs()
    );
    match ahead.unsigned_abs() {
        0 | 1 => Finding::good("this clock agrees with the registry's"),
        off if off < CLOCK_OFF_S.unsigned_abs() => Finding::good(what),
        _ => Finding::warning(what, "timedatectl set-ntp true, here or at the registry"),
    }
}

fn silent(url: &RegistryUrl, error: &Error) -> Finding {
    let what = format!("the registry {}: {}", url.address(), error.message);
    match error.code {
        ErrorCode::Refused => Finding::problem(
            what,
            "compare its address with what its operator says; it may not be the one you mean",
        ),
        _ => Finding::problem(
            what,
            "check the network, the registry's address, and whether TCP leaves the firewall",
        ),
    }
}

/// Nothing can be sent where we are nobody.
fn unseen(url: &RegistryUrl) -> Finding {
    Finding::warning(
        format!(
            "not signed in at {}: whether datagrams come back was not tried",
            url.address()
        ),
        "sign in with twocan, and look again",
    )
}

/// Whether datagrams go to the registry and back, and what that says of the
/// router.
async fn heartbeat(known: &Known, local: &[IpAddr]) -> Vec<Finding> {
    match network_check::heartbeat(known).await {
        Ok(beat) => datagrams(&beat, local),
        Err(error) if error.code == ErrorCode::Unauthorized => vec![unseen(&known.url)],
        Err(error) => vec![silent(&known.url, &error)],
    }
}

fn datagrams(beat: &Beat, local: &[IpAddr]) -> Vec<Finding> {
    let port = beat.port;
    let Some(observed) = beat.observed else {
        return vec![Finding::problem(
            format!("no datagram comes back from the registry's UDP port {port}"),
            "allow UDP in the firewall, outwards and for its answers; without it calls over the internet have no sound",
        )];
    };
    let back = Finding::good(format!(
        "datagrams go to the registry's UDP port {port} and back"
    ));
    vec![back, router(beat.from, observed, local)]
}

/// What kind of router there is, as far as one observer can tell: whether it
/// gives the same port to all destinations takes two.
fn router(from: SocketAddr, observed: SocketAddr, local: &[IpAddr]) -> Finding {
    let ip = observed.ip().to_canonical();
    if ip.is_loopback() {
        return Finding::good("the registry is on this machine: nothing to be said of the router");
    }
    if local.contains(&ip) {
        return Finding::good(format!(
            "no router translates addresses: others see {ip}, as this machine does"
        ));
    }
    if observed.port() == from.port() {
        return Finding::good(format!(
            "a router translates addresses and keeps ports: others see {ip}; calls should get through"
        ));
    }
    Finding::warning(
        format!("a router translates addresses and ports: others see {ip}"),
        "nothing if calls get through; else forward the port of twocan in the router, TCP and UDP, or use IPv6",
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Level, line};
    use super::*;
    use std::time::Duration;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_router_is_told_by_what_others_see() {
        let local = ["192.168.1.7".parse().unwrap()];
        let from = at("0.0.0.0:4000");
        let level = |observed| router(from, at(observed), &local);
        assert!(level("192.168.1.7:4000").what.contains("no router"));
        assert!(level("203.0.113.9:4000").what.contains("keeps ports"));
        assert_eq!(level("203.0.113.9:61000").level, Level::Warning);
        assert!(
            level("[::ffff:192.168.1.7]:4000")
                .what
                .contains("no router")
        );
        let lost = Beat {
            from,
            observed: None,
            port: 7443,
        };
        let found = datagrams(&lost, &local);
        assert_eq!(found[0].level, Level::Problem);
        assert!(line(&found[0]).contains("UDP"));
    }

    #[test]
    fn the_running_engine_tells_how_it_stands() {
        let stands = |state, reason: Option<&str>| {
            signed_in(&RegistryInfo {
                registry: "https://registry.example:7443".parse().unwrap(),
                username: None,
                state,
                reason: reason.map(str::to_owned),
            })
        };
        assert_eq!(stands(RegistryState::SignedIn, None).level, Level::Good);
        let out = stands(RegistryState::SignedOut, Some("the session ended"));
        assert_eq!(out.level, Level::Warning);
        assert!(line(&out).contains("registry.example:7443: the session ended"));
    }

    #[test]
    fn a_registry_tells_its_version_and_time() {
        let url: RegistryUrl = "https://registry.example:7443".parse().unwrap();
        let answered = Answered {
            version: "9.8.7".to_owned(),
            date: Some("Sat, 21 Nov 2026 11:00:00 GMT".to_owned()),
            took: Duration::from_millis(12),
        };
        let now = |text: &str| text.parse::<Timestamp>().unwrap();
        let found = answers(&url, &answered, now("2026-11-21T11:00:01Z"));
        assert!(found[0].what.contains("9.8.7"));
        assert_eq!(found[1].level, Level::Good);
        let found = answers(&url, &answered, now("2026-11-21T12:00:00Z"));
        assert_eq!(found[1].level, Level::Warning);
        assert!(found[1].what.contains("3600 s ahead"), "{}", found[1].what);
    }

    #[test]
    fn what_is_missing_comes_with_advice() {
        for finding in [
            addresses(&[]),
            ways_out((None, None)),
            local_names(Err(std::io::ErrorKind::NetworkUnreachable.into())),
            closed(&Error::new(ErrorCode::Busy, "in use")),
        ] {
            assert_ne!(finding.level, Level::Good);
            assert!(line(&finding).contains("try: "));
        }
    }

    #[tokio::test]
    async fn a_registry_that_is_not_there_is_a_problem() {
        // A port that nobody listens on, as it was given back just now.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        let url = format!("https://127.0.0.1:{port}").parse().unwrap();
        let (found, there) = registry(&url).await;
        assert!(!there);
        assert_eq!(found[0].level, Level::Problem);
    }
}
