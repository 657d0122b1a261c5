//! Two sessions in virtual time, and one against nonsense.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::body::{Resume, Typing};
use crate::frame::Kind;

fn hello() -> Hello {
    Hello {
        client: "twocan/test".into(),
        capabilities: vec![],
        instance: Uuid::from_u128(1),
        port: Some(7777),
        welcome: true,
        invisible: false,
        moved: false,
        resume: Resume::default(),
    }
}

fn session(now: Instant) -> Session {
    Session::new(hello(), now).unwrap()
}

/// Carries frames both ways until neither side has any.
fn exchange(a: &mut Session, b: &mut Session, now: Instant) {
    loop {
        let (to_b, to_a) = (a.poll_frame(), b.poll_frame());
        if to_b.is_none() && to_a.is_none() {
            return;
        }
        if let Some(frame) = to_b {
            b.on_frame(&frame, now);
        }
        if let Some(frame) = to_a {
            a.on_frame(&frame, now);
        }
    }
}

fn up(now: Instant) -> (Session, Session) {
    let (mut a, mut b) = (session(now), session(now));
    exchange(&mut a, &mut b, now);
    for side in [&mut a, &mut b] {
        assert!(matches!(side.poll_event(), Some(Event::Up(_))));
        assert!(side.is_up());
    }
    (a, b)
}

fn ended(session: &mut Session) -> Ended {
    match session.poll_event() {
        Some(Event::Ended(ended)) => ended,
        other => panic!("not ended: {other:?}"),
    }
}

#[test]
fn both_say_hello_and_a_body_arrives() {
    let now = Instant::now();
    let (mut a, mut b) = up(now);
    a.send(&Body::Typing(Typing { on: true })).unwrap();
    exchange(&mut a, &mut b, now);
    assert_eq!(
        b.poll_event(),
        Some(Event::Body(Body::Typing(Typing { on: true })))
    );
}

#[test]
fn silence_before_the_hello_ends_the_link() {
    let now = Instant::now();
    let mut a = session(now);
    let due = a.deadline().unwrap();
    assert_eq!(due, now + limits::HELLO_WAIT);
    a.on_deadline(due);
    assert_eq!(ended(&mut a).reason, ByeReason::Timeout);
    assert_eq!(a.deadline(), None);
}

#[test]
fn a_quiet_link_is_pinged_and_lives() {
    let start = Instant::now();
    let (mut a, mut b) = up(start);
    for _ in 0..20 {
        let due = a.deadline().unwrap();
        a.on_deadline(due);
        exchange(&mut a, &mut b, due + Duration::from_millis(30));
        assert!(a.is_up() && b.is_up());
    }
    assert_eq!(a.round_trip(), Some(Duration::from_millis(30)));
    assert_eq!(a.poll_event(), None);
}

#[test]
fn a_peer_that_owes_an_answer_is_gone_after_15_seconds() {
    let start = Instant::now();
    let patience = limits::GONE_AFTER_UNANSWERED - limits::PING_AFTER_UNANSWERED;
    // Something is sent: at once; after a quiet time; when it was asked for a
    // sign of life already.
    for quiet in [
        Duration::ZERO,
        limits::PING_AFTER - Duration::from_secs(1),
        limits::PING_AFTER + Duration::from_secs(1),
    ] {
        let (mut a, _) = up(start);
        let sent = start + quiet;
        while a.deadline().is_some_and(|due| due <= sent) {
            a.on_deadline(sent);
        }
        a.set_unanswered(true, sent);
        let mut at = sent;
        while let Some(due) = a.deadline() {
            at = due.max(at);
            a.set_unanswered(true, at);
            a.on_deadline(at);
        }
        let asked = sent.max(start + limits::PING_AFTER_UNANSWERED);
        assert_eq!(at, asked + patience, "after {quiet:?}");
        assert_eq!(ended(&mut a).reason, ByeReason::Timeout);
    }
}

#[test]
fn a_peer_that_answers_late_stays() {
    let start = Instant::now();
    let (mut a, mut b) = up(start);
    a.set_unanswered(true, start);
    for _ in 0..20 {
        let due = a.deadline().unwrap();
        a.on_deadline(due);
        exchange(&mut a, &mut b, due + Duration::from_secs(9));
        assert!(a.is_up() && b.is_up());
    }
    a.set_unanswered(false, start);
}

#[test]
fn a_silent_peer_is_gone_after_45_seconds_and_10_in_a_call() {
    for (in_call, after) in [
        (false, limits::GONE_AFTER),
        (true, limits::GONE_AFTER_IN_CALL),
    ] {
        let start = Instant::now();
        let (mut a, _) = up(start);
        a.set_in_call(in_call);
        let mut at = start;
        while let Some(due) = a.deadline() {
            at = due;
            a.on_deadline(due);
        }
        assert_eq!(at, start + after);
        assert_eq!(
            ended(&mut a),
            Ended {
                by: Side::Us,
                reason: ByeReason::Timeout,
                text: "the other side has gone silent".into(),
            }
        );
    }
}

#[test]
fn one_side_asks_and_both_know() {
    let start = Instant::now();
    let mut a = session(start);
    let instance = Uuid::from_u128(2);
    let mut b = Session::new(
        Hello {
            instance,
            ..hello()
        },
        start,
    )
    .unwrap();
    exchange(&mut a, &mut b, start);
    for side in [&mut a, &mut b] {
        side.set_in_call(true);
    }
    let mut asked = [0, 0];
    let mut now = start;
    while now < start + Duration::from_secs(60) {
        now = a.deadline().unwrap().min(b.deadline().unwrap());
        for (side, asked) in [&mut a, &mut b].into_iter().zip(&mut asked) {
            side.on_deadline(now);
            *asked += side.frames.iter().filter(|f| f.kind == Kind::PING).count();
        }
        exchange(&mut a, &mut b, now);
    }
    assert_eq!(asked, [12, 0]);
    // And b notices as soon as ever when a does not ask.
    let mut last = now;
    while let Some(due) = b.deadline() {
        last = due;
        b.on_deadline(due);
    }
    assert_eq!(last, now + limits::GONE_AFTER_IN_CALL);
}

#[test]
fn any_frame_counts_as_a_sign_of_life() {
    let start = Instant::now();
    let (mut a, mut b) = up(start);
    a.on_deadline(start + limits::PING_AFTER);
    assert_eq!(a.poll_frame().map(|f| f.kind), Some(Kind::PING));
    // The pong is lost in a queue; a message comes instead.
    b.send(&Body::Typing(Typing { on: true })).unwrap();
    let later = start + limits::PING_AFTER + Duration::from_secs(5);
    exchange(&mut a, &mut b, later);
    let due = a.deadline().unwrap();
    a.on_deadline(due);
    assert!(a.is_up());
}

#[test]
fn a_stale_link_is_found_out_by_a_probe() {
    let start = Instant::now();
    let (mut a, _) = up(start);
    a.probe(start);
    a.on_deadline(start + limits::PROBE_WAIT);
    assert_eq!(ended(&mut a).reason, ByeReason::Timeout);
}

#[test]
fn bye_tells_the_other_side_why() {
    let now = Instant::now();
    let (mut a, mut b) = up(now);
    a.close(ByeReason::Shutdown, "good night");
    exchange(&mut a, &mut b, now);
    let text = "good night".to_owned();
    assert_eq!(
        ended(&mut a),
        Ended {
            by: Side::Us,
            reason: ByeReason::Shutdown,
            text: text.clone()
        }
    );
    assert_eq!(
        ended(&mut b),
        Ended {
            by: Side::Them,
            reason: ByeReason::Shutdown,
            text
        }
    );
}

#[test]
fn what_breaks_the_protocol_ends_the_link_with_a_reason() {
    let now = Instant::now();
    let frame = |kind, body: &'static [u8]| Frame {
        kind,
        body: body.into(),
    };
    for (first, why) in [
        (
            frame(Kind::TYPING, br#"{"on":true}"#),
            "the first frame must be a hello",
        ),
        (
            frame(Kind::HELLO, b"not json"),
            "the body of a frame is malformed",
        ),
    ] {
        let mut a = session(now);
        a.on_frame(&first, now);
        let ended = ended(&mut a);
        assert_eq!(
            (ended.reason, ended.text.as_str()),
            (ByeReason::Protocol, why)
        );
    }
    let (mut a, mut b) = up(now);
    b.send(&Body::Hello(hello())).unwrap();
    exchange(&mut a, &mut b, now);
    assert_eq!(ended(&mut a).text, "a second hello");
}

#[test]
fn another_version_is_outdated() {
    let mut a = session(Instant::now());
    a.on_frame_error(FrameError::Version { theirs: 2 });
    assert_eq!(ended(&mut a).reason, ByeReason::Outdated);
}

#[test]
fn unknown_types_are_answered_and_skipped() {
    let now = Instant::now();
    let (mut a, mut b) = up(now);
    a.on_frame(
        &Frame {
            kind: Kind::from_bits(63).unwrap(),
            body: "{}".into(),
        },
        now,
    );
    exchange(&mut a, &mut b, now);
    assert!(a.is_up());
    assert!(matches!(b.poll_event(), Some(Event::Body(Body::Error(c))) if c.kind == 63));
}

proptest! {
    #[test]
    fn no_frames_in_any_order_panic_or_speak_after_the_end(
        frames in proptest::collection::vec((0u8..64, "\\PC{0,60}"), 0..40),
        ticks in proptest::collection::vec(0u64..60, 0..40),
    ) {
        let mut now = Instant::now();
        let (mut a, _) = up(now);
        let mut over = false;
        for ((kind, body), tick) in frames.into_iter().zip(ticks.into_iter().chain(std::iter::repeat(1))) {
            now += Duration::from_secs(tick);
            a.on_deadline(now);
            a.on_frame(&Frame { kind: Kind::from_bits(kind).unwrap(), body: body.into() }, now);
            while let Some(event) = a.poll_event() {
                prop_assert!(!over, "an event after the end: {event:?}");
                over = matches!(event, Event::Ended(_));
            }
        }
    }
}
