//! Who is meant by a ban, and until when.

use super::*;
use proptest::prelude::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn ban(subject: Subject, until: Option<i64>) -> Ban {
    Ban {
        subject,
        reason: "spam".parse().unwrap(),
        until: until.map(at),
        made_at: at(0),
        key: None,
    }
}

fn bans(all: &[(Subject, Option<i64>)]) -> Bans {
    let bans = Bans::default();
    bans.replace(
        all.iter()
            .map(|(subject, until)| ban(subject.clone(), *until)),
    );
    bans
}

fn is_banned(bans: &Bans, ip: &str) -> bool {
    bans.address(ip.parse().unwrap(), || at(10)).is_some()
}

#[test]
fn an_address_is_one_host_and_its_mapped_form() {
    let bans = bans(&[(Subject::address("192.0.2.7").unwrap(), None)]);
    assert!(is_banned(&bans, "192.0.2.7") && is_banned(&bans, "::ffff:192.0.2.7"));
    assert!(!is_banned(&bans, "192.0.2.8") && !is_banned(&bans, "2001:db8::1"));
}

#[test]
fn another_address_of_the_same_ipv6_customer_does_not_help() {
    let bans = bans(&[(Subject::address("2001:db8:1:2::7").unwrap(), None)]);
    assert!(is_banned(&bans, "2001:db8:1:2:ffff::1"));
    assert!(!is_banned(&bans, "2001:db8:1:3::7"));
}

#[test]
fn networks_overlap_and_an_ended_one_hides_no_other() {
    let net = |text| Subject::network(text).unwrap();
    let bans = bans(&[
        (net("192.0.2.0/25"), Some(5)),
        (net("192.0.2.0/24"), None),
        (net("::ffff:198.51.100.0/120"), None),
        (net("2001:db8::/32"), Some(11)),
    ]);
    for (ip, banned) in [
        ("192.0.2.1", true),
        ("192.0.3.1", false),
        ("198.51.100.200", true),
        ("198.51.101.0", false),
        ("2001:db8:ffff::", true),
    ] {
        assert_eq!(is_banned(&bans, ip), banned, "{ip}");
    }
    assert!(
        bans.address("2001:db8::1".parse().unwrap(), || at(11))
            .is_none(),
        "over"
    );
    bans.remove_ended(at(11));
    assert_eq!(bans.len(), 2);
}

#[test]
fn a_user_is_meant_by_name_in_any_case_and_by_key_under_any_name() {
    let key = twocan_proto::identity::Identity::from_seed(&[7; 32]).peer_id();
    let name: Username = "Ada".parse().unwrap();
    let bans = Bans::default();
    bans.put(Ban {
        key: Some(key),
        ..ban(Subject::user(&name), None)
    });
    let other: Username = "bob".parse().unwrap();
    let hit = |name: &str, key| {
        bans.user(&name.parse().unwrap(), key, || at(10))
            .map(|ban| ban.to_string())
    };
    assert_eq!(
        hit("aDA", None).as_deref(),
        Some("banned from this registry: spam")
    );
    assert!(hit("bob", Some(&key)).is_some());
    assert!(hit("bob", None).is_none());
    assert!(!is_banned(&bans, "192.0.2.7"));
    bans.remove(&Subject::user(&other));
    assert_eq!(bans.len(), 1);
    bans.remove(&Subject::user(&name));
    assert!(hit("ada", Some(&key)).is_none());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for wrong in ["", "ada", "1.2.3", "192.0.2.0/24", "::1/64", "1.2.3.4:5"] {
        assert!(Subject::address(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", "192.0.2.7", "192.0.2.0/33", "0.0.0.0/0", "::/0", "x/8"] {
        assert!(Subject::network(wrong).is_err(), "{wrong}");
    }
    assert!("x".repeat(REASON_MAX + 1).parse::<Reason>().is_err());
    for wrong in ["a\nb", "\u{1b}[31mred", "\u{202e}txt"] {
        assert!(wrong.parse::<Reason>().is_err(), "{wrong:?}");
    }
    assert_eq!(
        " too loud ".parse::<Reason>().unwrap().to_string(),
        "too loud"
    );
}

proptest! {
    #[test]
    fn a_network_holds_for_exactly_its_addresses(
        base: u32, length in 1u8..=32, other: u32
    ) {
        let ip = |bits: u32| IpAddr::V4(bits.into());
        let subject = Subject::network(&format!("{}/{length}", ip(base))).unwrap();
        let bans = bans(&[(subject.clone(), None)]);
        let mask = u32::MAX << (32 - length);
        let same = base & mask == other & mask;
        prop_assert_eq!(bans.address(ip(other), || at(1)).is_some(), same);
        prop_assert_eq!(subject.holds_for(ip(other)), same);
    }

    #[test]
    fn parsing_never_panics(text in ".{0,40}") {
        drop((Subject::address(&text), Subject::network(&text), text.parse::<Reason>()));
    }
}
