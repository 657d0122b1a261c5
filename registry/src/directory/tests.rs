//! Presence, paging and sessions in virtual time.

use super::*;

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
    let directory = Directory::new(BEAT);
    for (id, text) in (1..).zip(names) {
        let place = Place::new("0.0.0.0:7777".parse().unwrap(), None, None);
        directory.add_member(Member::new(id, name(text), String::new(), place));
    }
    directory
}

fn row(id: u8, account: i64) -> SessionRow {
    SessionRow {
        id: SessionId([id; 16]),
        account,
        token: [id; 32],
        key: HeartbeatKey::new([id; 32]),
        expires_at: at(1_000_000),
    }
}

fn sign_in(directory: &Directory, who: &str, id: u8) -> Arc<Member> {
    let member = directory.member(&name(who)).unwrap();
    let arrival = Arrival {
        host: "0.0.0.0:7777".parse().unwrap(),
        key: None,
        from: address().ip(),
        now: at(0),
    };
    directory.open_session(row(id, member.id), &member, arrival);
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
    let place = Place::new("0.0.0.0".parse().unwrap(), None, None);
    directory.add_member(Member::new(7, name("Ada"), String::new(), place));
    directory.remove_member(&name("ada"), 1);
    assert_eq!(directory.member(&name("ada")).unwrap().id, 7);
    assert_eq!(directory.counts(), (1, 0));
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    let names = ["Ann", "anna", "bob", "Cid", "dan"];
    let directory = directory(&names);
    let mut after = None;
    let mut all = Vec::new();
    loop {
        let selection = Selection {
            after,
            limit: 2,
            ..Selection::default()
        };
        let (page, more) = directory.list(&selection, at(0));
        all.extend(page.iter().map(|info| info.username.to_string()));
        after = page.last().map(|info| info.username.folded());
        if !more {
            break;
        }
    }
    assert_eq!(all, names);
}

#[test]
fn prefix_and_presence_select() {
    let directory = directory(&["Ann", "anna", "bob"]);
    sign_in(&directory, "anna", 1);
    let names = |prefix: &str, online| {
        let selection = Selection {
            prefix: prefix.to_owned(),
            online,
            limit: 9,
            ..Selection::default()
        };
        let (page, more) = directory.list(&selection, at(1));
        assert!(!more);
        page.into_iter()
            .map(|info| info.username.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("an", None), ["Ann", "anna"]);
    assert_eq!(names("", Some(true)), ["anna"]);
    assert_eq!(names("a", Some(false)), ["Ann"]);
    assert!(names("x", None).is_empty());
}

#[test]
fn last_seen_is_saved_once() {
    let directory = directory(&["ada", "bob"]);
    sign_in(&directory, "bob", 1);
    assert_eq!(directory.take_unsaved(), [(2, at(0))]);
    assert!(directory.take_unsaved().is_empty());
}
