//! Presence, paging and sessions in virtual time.

use super::*;
use crate::attempts::Subject;
use proptest::prelude::*;
use twocan_proto::{
    api::{Profile, ProfileField},
    heartbeat::HeartbeatKey,
    identity::Identity,
};

const BEAT: u64 = 25_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

fn address() -> SocketAddr {
    "192.0.2.9:5000".parse().unwrap()
}

fn directory(names: &[&str]) -> Directory {
    let directory = Directory::new(BEAT, at(0));
    for (id, text) in (1..).zip(names) {
        directory.add_member(member(id, text, |_| {}));
    }
    directory
}

fn member(id: i64, text: &str, change: impl FnOnce(&mut Place)) -> Member {
    let mut place = Place::new("0.0.0.0:7777".parse().unwrap(), None, None);
    change(&mut place);
    let owner = Owner {
        password_hash: "hash".to_owned(),
        email: None,
        phone: None,
        known: Vec::new(),
    };
    Member::new((id, name(text)), at(0), place, owner)
}

fn key(seed: u8) -> PeerId {
    Identity::from_seed(&[seed; 32]).peer_id()
}

fn row(id: u8, account: i64) -> SessionRow {
    SessionRow {
        id: SessionId([id; 16]),
        account,
        token: [id; 32],
        key: HeartbeatKey::new([id; 32]),
        expires_at: at(1_000_000),
        identity: None,
    }
}

fn sign_in(directory: &Directory, who: &str, id: u8) -> Arc<Member> {
    sign_in_as(directory, who, (id, None), at(0))
}

fn sign_in_as(
    directory: &Directory,
    who: &str,
    (id, identity): (u8, Option<PeerId>),
    now: Timestamp,
) -> Arc<Member> {
    let member = directory.member(&name(who)).unwrap();
    let arrival = Arrival {
        host: "0.0.0.0:7777".parse().unwrap(),
        key: identity,
        from: address().ip(),
        place: Subject::of_place(&name(who), address().ip()),
        now,
    };
    let row = SessionRow {
        identity,
        ..row(id, member.id)
    };
    directory.open_session(row, &member, arrival);
    member
}

fn beat(id: u8, counter: u64, ms: i64) -> Vec<u8> {
    let alive = Alive {
        session: SessionId([id; 16]),
        sent_at: at(ms),
        counter,
    };
    alive.encode(&HeartbeatKey::new([id; 32])).to_vec()
}

#[test]
fn presence_lapses_after_three_missed_heartbeats() {
    let directory = directory(&["ada"]);
    let ada = sign_in(&directory, "ada", 1);
    assert!(ada.info(at(74_999)).online);
    assert!(!ada.info(at(75_000)).online);
    let answer = directory
        .heartbeat(&beat(1, 1, 80_000), address(), at(80_000))
        .unwrap();
    let seen = Seen::decode(&answer, &HeartbeatKey::new([1; 32])).unwrap();
    assert_eq!((seen.observed, seen.counter), (address(), 1));
    let info = ada.info(at(154_999));
    assert!(info.online);
    assert_eq!(info.last_seen, Some(at(80_000)));
    assert_eq!(info.host, "192.0.2.9:7777");
    assert!(!ada.info(at(155_000)).online);
}

#[test]
fn replays_forgeries_and_strays_change_nothing() {
    let directory = directory(&["ada", "bob"]);
    let ada = sign_in(&directory, "ada", 1);
    sign_in(&directory, "bob", 2);
    let good = beat(1, 1, 10);
    assert!(directory.heartbeat(&good, address(), at(10)).is_some());
    let before = ada.info(at(20));
    let elsewhere: SocketAddr = "203.0.113.1:1".parse().unwrap();
    let mut of_bob = beat(1, 2, 20);
    of_bob[2..18].fill(2);
    let mut flipped = beat(1, 3, 20);
    flipped[49] ^= 1;
    let unknown = beat(9, 1, 20);
    let old = beat(1, 4, -1);
    for datagram in [
        &good[..],
        &of_bob,
        &flipped,
        &unknown,
        &old,
        &good[..49],
        b"",
    ] {
        assert_eq!(directory.heartbeat(datagram, elsewhere, at(20)), None);
    }
    assert_eq!(ada.info(at(20)), before);
}

#[test]
fn a_heartbeat_that_was_overtaken_counts_once_and_moves_nobody_back() {
    let directory = directory(&["ada"]);
    let ada = sign_in(&directory, "ada", 1);
    let [home, train]: [SocketAddr; 2] =
        ["192.0.2.9:7", "198.51.100.4:9"].map(|a| a.parse().unwrap());
    let host = |ms| ada.info(at(ms)).host;
    assert!(directory.heartbeat(&beat(1, 1, 10), home, at(10)).is_some());
    let answer = directory.heartbeat(&beat(1, 3, 30), train, at(30)).unwrap();
    let seen = Seen::decode(&answer, &HeartbeatKey::new([1; 32])).unwrap();
    assert_eq!(
        (seen.observed, host(30).as_str()),
        (train, "198.51.100.4:7777")
    );
    let late = beat(1, 2, 20);
    assert!(directory.heartbeat(&late, home, at(40)).is_some());
    assert_eq!(host(40), "198.51.100.4:7777");
    assert_eq!(ada.info(at(40)).last_seen, Some(at(40)));
    assert_eq!(directory.heartbeat(&late, home, at(50)), None);
    assert_eq!(ada.info(at(50)).last_seen, Some(at(40)));
    // Further behind than the window reaches back, it could be a replay.
    assert!(
        directory
            .heartbeat(&beat(1, 100, 60), train, at(60))
            .is_some()
    );
    assert_eq!(directory.heartbeat(&beat(1, 36, 60), train, at(60)), None);
}

#[test]
fn heartbeats_of_wrong_clocks_change_nothing() {
    let directory = directory(&["ada"]);
    let ada = sign_in(&directory, "ada", 1);
    let now = 500_000;
    let slack = twocan_proto::heartbeat::CLOCK_SLACK_MS;
    for (counter, sent) in [
        (1, now - slack - 1),
        (2, now + slack + 1),
        (3, i64::MAX - at(0).as_millis()),
        (4, -i64::MAX),
    ] {
        assert_eq!(
            directory.heartbeat(&beat(1, counter, sent), address(), at(now)),
            None
        );
    }
    assert!(!ada.info(at(now)).online);
    let good = beat(1, 1, now + slack);
    assert!(directory.heartbeat(&good, address(), at(now)).is_some());
    assert!(ada.info(at(now)).online);
}

#[test]
fn signing_out_of_the_last_session_is_offline_at_once() {
    let directory = directory(&["ada"]);
    let ada = sign_in(&directory, "ada", 1);
    sign_in(&directory, "ada", 2);
    directory.remove_session(SessionId([1; 16]));
    assert!(ada.info(at(1)).online);
    assert!(directory.session(&[1; 32], at(1)).is_none());
    directory.remove_session(SessionId([2; 16]));
    assert!(!ada.info(at(1)).online);
    assert_eq!(directory.heartbeat(&beat(2, 1, 1), address(), at(1)), None);
}

#[test]
fn a_resumed_session_ends_the_heartbeats_of_the_one_before() {
    let directory = directory(&["ada"]);
    let ada = sign_in(&directory, "ada", 1);
    let fresh = SessionRow {
        token: [1; 32],
        ..row(3, ada.id)
    };
    directory.put_session(Session::new(fresh, Arc::clone(&ada), at(0)));
    assert_eq!(directory.heartbeat(&beat(1, 1, 1), address(), at(1)), None);
    assert!(
        directory
            .heartbeat(&beat(3, 1, 1), address(), at(1))
            .is_some()
    );
    assert_eq!(
        directory.session(&[1; 32], at(1)).unwrap().id,
        SessionId([3; 16])
    );
    assert_eq!(directory.counts(), (1, 1));
}

#[test]
fn expired_sessions_open_nothing() {
    let directory = directory(&["ada"]);
    sign_in(&directory, "ada", 1);
    assert!(directory.session(&[1; 32], at(999_999)).is_some());
    assert!(directory.session(&[1; 32], at(1_000_000)).is_none());
    assert_eq!(
        directory.heartbeat(&beat(1, 1, 1_000_000), address(), at(1_000_000)),
        None
    );
    directory.remove_expired(at(1_000_000));
    assert_eq!(directory.counts(), (1, 0));
}

#[test]
fn an_account_has_a_limited_number_of_sessions() {
    let directory = directory(&["ada"]);
    for id in 1..=16 {
        assert!(directory.surplus_sessions(1).is_empty());
        sign_in(&directory, "ada", id);
    }
    assert_eq!(directory.surplus_sessions(1).len(), 1);
}

#[test]
fn removing_an_old_account_spares_a_newer_one_of_the_same_name() {
    let directory = directory(&["ada"]);
    sign_in(&directory, "ada", 1);
    directory.add_member(member(7, "Ada", |_| {}));
    directory.remove_member(&name("ada"), 1);
    assert_eq!(directory.member(&name("ada")).unwrap().id, 7);
    assert_eq!(directory.counts(), (1, 0));
}

/// Every page of a selection, one after the other.
fn pages(directory: &Directory, selection: &Selection, now: Timestamp) -> Vec<Vec<String>> {
    let mut selection = selection.clone();
    let mut pages = Vec::new();
    loop {
        let (next, page) = directory.select(&selection, now);
        assert!(page.len() <= selection.limit);
        pages.push(
            page.iter()
                .map(|member| member.username.to_string())
                .collect(),
        );
        let Some(next) = next else { return pages };
        selection.after = Some(next);
    }
}

fn of(limit: usize) -> Selection {
    Selection {
        limit,
        ..Selection::default()
    }
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    let names = ["Ann", "anna", "bob", "Cid", "dan"];
    let directory = directory(&names);
    let two = pages(&directory, &of(2), at(0));
    assert_eq!(two, [&names[..2], &names[2..4], &names[4..]]);
    let after_a_hole = Selection {
        after: Some("az".to_owned()),
        ..of(1)
    };
    assert_eq!(
        pages(&directory, &after_a_hole, at(0)).concat(),
        ["bob", "Cid", "dan"]
    );
}

#[test]
fn prefix_and_presence_select() {
    let directory = directory(&["Ann", "anna", "bob"]);
    sign_in(&directory, "anna", 1);
    let names = |prefix: &str, online| {
        let selection = Selection {
            prefix: prefix.to_owned(),
            online,
            ..of(9)
        };
        let pages = pages(&directory, &selection, at(1));
        assert_eq!(pages.len(), 1);
        pages.concat()
    };
    assert_eq!(names("an", None), ["Ann", "anna"]);
    assert_eq!(names("", Some(true)), ["anna"]);
    assert_eq!(names("a", Some(false)), ["Ann"]);
    assert!(names("x", None).is_empty());
}

#[test]
fn who_is_for_contacts_is_found_with_the_key_alone() {
    let directory = directory(&["ann", "zoe"]);
    let hidden = |place: &mut Place| {
        place.visibility = Visibility::Contacts;
        place.key = Some(key(1));
    };
    directory.add_member(member(7, "max", hidden));
    let found = |key: Option<PeerId>| directory.find(&name("max"), key.as_ref()).is_some();
    assert!(!found(None) && !found(Some(key(2))) && found(Some(key(1))));
    // Neither in a list nor as the place from which it goes on.
    let (next, page) = directory.select(&of(1), at(0));
    assert_eq!((next.as_deref(), page.len()), (Some("ann"), 1));
    assert_eq!(pages(&directory, &of(1), at(0)).concat(), ["ann", "zoe"]);
}

#[test]
fn a_search_reads_the_public_part_and_goes_on_where_it_stopped() {
    let directory = directory(&[]);
    let most = limits::SCAN_PER_PAGE;
    for n in 0..most + 10 {
        directory.add_member(member(
            i64::try_from(n).unwrap(),
            &format!("u{n:06}"),
            |_| {},
        ));
    }
    let field = |value: &str, public| ProfileField {
        name: value.to_owned(),
        value: value.to_owned(),
        public,
    };
    let profile = Profile {
        display_name: Some("Max M\u{fc}ller".to_owned()),
        status: None,
        fields: vec![field("Town", true), field("Street", false)],
    };
    let last = directory
        .member(&name(&format!("u{:06}", most + 9)))
        .unwrap();
    directory.describe(&last, Visibility::Listed, Card::new(profile));
    let search = |text: &str| {
        let selection = Selection {
            search: Some(text.to_owned()),
            ..of(5)
        };
        pages(&directory, &selection, at(0))
    };
    let found = search("m\u{fc}ll");
    assert_eq!(found.len(), 2, "the first page looked at as many as it may");
    assert_eq!(found.concat(), [last.username.to_string()]);
    assert_eq!(search("town").concat().len(), 1);
    assert!(search("street").concat().is_empty());
}

#[test]
fn a_name_is_one_identity_at_a_time() {
    let directory = directory(&["ada"]);
    let (one, two) = (key(1), key(2));
    let claim = |who, now| {
        let ada = directory.member(&name("ada")).unwrap();
        let claimed = directory.claim(&ada, who, now);
        ada.release(who);
        claimed
    };
    sign_in(&directory, "ada", 9);
    assert!(claim(one, at(0)), "a plain client is no identity");
    let ada = sign_in_as(&directory, "ada", (1, Some(one)), at(0));
    assert!(claim(one, at(1)) && !claim(two, at(1)));
    assert!(claim(two, at(75_000)), "the first one has gone");
    sign_in_as(&directory, "ada", (2, Some(one)), at(80_000));
    assert!(
        directory.session(&[1; 32], at(80_000)).is_none(),
        "taken over by itself"
    );
    assert!(directory.session(&[9; 32], at(80_000)).is_some());
    assert!(ada.info(at(80_001)).online);
    assert!(
        directory.claim(&ada, one, at(80_000)) && !directory.claim(&ada, two, at(200_000 - 90_001))
    );
    let later = at(80_000 + i64::try_from(limits::CLAIM_MS).unwrap() + 75_000);
    assert!(directory.claim(&ada, two, later), "a claim ends by itself");
}

#[test]
fn a_new_password_ends_sessions_and_links() {
    let directory = directory(&["ada", "bob"]);
    let ada = sign_in(&directory, "ada", 1);
    sign_in(&directory, "bob", 2);
    for n in 0..4u8 {
        let reset = Reset {
            member: Arc::clone(&ada),
            expires_at: at(100 + i64::from(n)),
        };
        directory.add_reset([n; 32], reset);
    }
    assert!(
        directory.reset(&[0; 32], at(0)).is_none(),
        "three are enough"
    );
    assert!(directory.reset(&[3; 32], at(102)).is_some());
    assert!(directory.reset(&[3; 32], at(103)).is_none());
    directory.set_password(&ada, "other".to_owned());
    assert!(directory.reset(&[3; 32], at(0)).is_none());
    assert!(directory.session(&[1; 32], at(1)).is_none() && !ada.info(at(1)).online);
    assert!(directory.session(&[2; 32], at(1)).is_some());
    assert_eq!(ada.password_hash().as_deref(), Some("other"));
}

#[test]
fn guests_who_left_are_found_but_not_right_after_a_start() {
    let directory = directory(&["ada"]);
    directory.add_member(member(7, "gus", |place| place.role = Role::Guest));
    assert!(directory.departed_guests(at(74_999)).is_empty());
    let gus = sign_in_as(&directory, "gus", (1, None), at(70_000));
    assert!(gus.info(at(70_000)).guest);
    assert!(directory.departed_guests(at(80_000)).is_empty());
    assert_eq!(directory.departed_guests(at(145_000)).len(), 1);
    directory.remove_member(&name("gus"), 7);
    assert_eq!((directory.guest_count(), directory.counts()), (0, (1, 0)));
}

#[test]
fn a_member_knows_its_last_places() {
    let directory = directory(&["ada"]);
    let ada = directory.member(&name("ada")).unwrap();
    let place = |n: usize| Subject::of_text(crate::attempts::Kind::Place, &n.to_string());
    for n in [0, 0].into_iter().chain(0..=limits::PLACES_PER_ACCOUNT) {
        ada.remember(place(n));
    }
    assert!(!ada.is_known_at(place(0)));
    assert!((1..=limits::PLACES_PER_ACCOUNT).all(|n| ada.is_known_at(place(n))));
}

proptest! {
    #[test]
    fn every_listed_name_is_on_one_page(
        names in proptest::collection::btree_map("[a-d]{1,3}", any::<bool>(), 0..30),
        limit in 1usize..7,
        prefix in "[a-d]{0,1}",
        after in proptest::option::of("[a-e]{0,2}"),
    ) {
        let directory = Directory::new(BEAT, at(0));
        for (id, (text, listed)) in (1..).zip(&names) {
            directory.add_member(member(id, text, |place| {
                place.key = Some(key(1));
                place.visibility = if *listed { Visibility::Listed } else { Visibility::Contacts };
            }));
        }
        let selection = Selection { prefix: prefix.clone(), after: after.clone(), ..of(limit) };
        let expected: Vec<_> = names
            .iter()
            .filter(|(text, listed)| **listed && text.starts_with(&prefix))
            .filter(|(text, _)| after.as_ref().is_none_or(|after| *text > after))
            .map(|(text, _)| text.clone())
            .collect();
        prop_assert_eq!(pages(&directory, &selection, at(0)).concat(), expected);
    }
}

#[test]
fn last_seen_is_saved_once() {
    let directory = directory(&["ada", "bob"]);
    sign_in(&directory, "bob", 1);
    assert_eq!(directory.take_unsaved(), [(2, at(0))]);
    assert!(directory.take_unsaved().is_empty());
}
