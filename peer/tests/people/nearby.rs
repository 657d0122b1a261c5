//! Finding each other in the local network, over real multicast.
//!
//! The searches run on the loopback interface, which takes multicast where the
//! system lets a program join a group there. Where it does not, these tests
//! say so and prove nothing.
#![allow(clippy::print_stderr, reason = "a test that cannot be made says so")]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::support::{Side, config, friends_with};
use twocan_peer::api::{Config, Event, Lan, Nearby, Presence, Profile};
use twocan_proto::identity::PeerId;

/// The group of mDNS (RFC 6762 section 3).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Whether a datagram to the group comes back on the loopback interface.
fn loopback_takes_multicast() -> bool {
    let heard = || -> std::io::Result<bool> {
        let ear = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        ear.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)?;
        ear.set_read_timeout(Some(Duration::from_secs(2)))?;
        let port = ear.local_addr()?.port();
        let mouth = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        mouth.send_to(b"?", (GROUP, port))?;
        Ok(ear.recv(&mut [0; 1])? == 1)
    };
    let takes = heard().unwrap_or(false);
    if !takes {
        eprintln!("NOT TESTED: this machine's loopback interface takes no multicast");
    }
    takes
}

fn on_loopback(config: &mut Config) {
    config.auto_accept = true;
    config.lan = Lan::Interface("lo".into());
}

impl Side {
    async fn finds(&mut self, peer: PeerId) -> Nearby {
        self.wait("somebody near", |event| match event {
            Event::Nearby(nearby) if nearby.peer_id == peer => Some(nearby.clone()),
            _ => None,
        })
        .await
    }

    async fn loses(&mut self, peer: PeerId) {
        self.wait("goodbye", |event| {
            matches!(event, Event::NearbyGone(gone) if *gone == peer).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_find_each_other_and_hear_when_one_goes() {
    if !loopback_takes_multicast() {
        return;
    }
    let mut a = Side::with("anna", on_loopback).await;
    let b = Side::with("bert", on_loopback).await;
    let found = a.finds(b.id).await;
    assert_eq!((found.name.as_str(), found.is_contact), ("bert", false));
    assert!(found.addresses.contains(&b.address.parse().unwrap()));
    let near: Vec<PeerId> = a
        .engine
        .nearby()
        .await
        .unwrap()
        .iter()
        .map(|n| n.peer_id)
        .collect();
    assert!(near.contains(&b.id) && !near.contains(&a.id));
    // Told to be quiet about its name, and then about itself.
    b.engine.set("lan.name", false.into()).await.unwrap();
    while !a.finds(b.id).await.name.is_empty() {}
    // Whoever is invisible looks on, and is not seen.
    for (presence, is_seen) in [(Presence::Invisible, false), (Presence::Away, true)] {
        let profile = Profile {
            presence,
            ..b.engine.profile().await.unwrap()
        };
        b.engine.set_profile(profile).await.unwrap();
        match is_seen {
            true => drop(a.finds(b.id).await),
            false => a.loses(b.id).await,
        }
    }
    b.engine.set("lan", false.into()).await.unwrap();
    a.loses(b.id).await;
    assert_eq!(b.engine.nearby().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_whose_addresses_both_changed_find_each_other_again() {
    if !loopback_takes_multicast() {
        return;
    }
    let (mut a, mut b) = friends_with(on_loopback).await;
    let (a_folder, b_folder) = (a.folder.take().unwrap(), b.folder.take().unwrap());
    a.engine.shutdown().await;
    b.engine.shutdown().await;
    let again = |folder: &tempfile::TempDir, name| {
        let mut config = config(folder.path(), name);
        on_loopback(&mut config);
        config
    };
    let a = Side::start(again(&a_folder, "anna"), Some(a_folder)).await;
    let message = a.say(b.id, "found you").await;
    let mut b = Side::start(again(&b_folder, "bert"), Some(b_folder)).await;
    b.wait("found you", |event| {
        matches!(event, Event::Message(m) if m.id == message).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_on_this_machine_alone_or_wants_no_search_makes_none() {
    if !loopback_takes_multicast() {
        return;
    }
    let mut watcher = Side::with("watcher", on_loopback).await;
    let quiet = [
        Side::with("loopback", |config| config.lan = Lan::Auto).await,
        Side::with("off", |config| config.lan = Lan::Off).await,
    ];
    // Whoever comes last is heard last.
    let last = Side::with("last", on_loopback).await;
    let mut found = Vec::new();
    while found.last() != Some(&last.id) {
        found.push(
            watcher
                .wait("somebody near", |event| match event {
                    Event::Nearby(nearby) => Some(nearby.peer_id),
                    _ => None,
                })
                .await,
        );
    }
    assert!(quiet.iter().all(|side| !found.contains(&side.id)));
    for side in quiet {
        assert_eq!(side.engine.nearby().await.unwrap(), []);
    }
}
