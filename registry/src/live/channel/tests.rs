use super::*;
use crate::live::samples::{at, channel, heard};
use twocan_proto::{api::Role, live::Notice};

fn announcement(bytes: usize) -> Event {
    let text = "x".repeat(bytes);
    Event::Notice(Notice::Announcement { text })
}

fn later(wait: std::time::Duration) -> Timestamp {
    at(i64::try_from(wait.as_millis()).unwrap() + 1)
}

fn is_close(next: &Next, end: LiveEnd) -> bool {
    matches!(next, Next::Last(bytes) if bytes.ends_with(&wire::close(end)))
}

#[test]
fn what_is_said_comes_in_order() {
    let channel = channel(1, "ada", Role::User);
    for bytes in 1..200 {
        channel.tell(announcement(bytes));
    }
    let expected: Vec<_> = (1..200).map(announcement).collect();
    assert_eq!(heard(&channel), expected);
    assert_eq!(channel.next(at(0)), Next::Wait);
    channel.end(LiveEnd::Stopping);
    channel.end(LiveEnd::Banned);
    channel.tell(announcement(1));
    assert!(is_close(&channel.next(at(0)), LiveEnd::Stopping));
}

#[test]
fn who_does_not_read_gets_no_more_than_the_window_and_is_dropped() {
    let channel = channel(1, "ada", Role::User);
    let mut given = 0;
    for _ in 0..1000 {
        channel.tell(announcement(1000));
        while let Next::Bytes(bytes) = channel.next(at(0)) {
            given += bytes.len();
        }
        assert!(channel.out().bytes <= limits::LIVE_QUEUE_BYTES);
        if channel.ended().is_some() {
            break;
        }
    }
    assert!(given <= limits::LIVE_WINDOW + limits::LIVE_WRITE, "{given}");
    assert_eq!(channel.ended(), Some(LiveEnd::Slow));
    let kept = channel.out().queue.capacity();
    assert_eq!((channel.out().bytes, kept), (0, 0));
    assert!(is_close(&channel.next(at(0)), LiveEnd::Slow));
}

#[test]
fn many_small_messages_are_too_many_as_well() {
    let channel = channel(1, "ada", Role::User);
    for _ in 0..=limits::LIVE_QUEUE {
        assert_eq!(channel.ended(), None);
        channel.push(Bytes::from_static(b"x"));
    }
    assert_eq!(channel.ended(), Some(LiveEnd::Slow));
}

#[test]
fn a_pong_opens_the_window_again() {
    let channel = channel(1, "ada", Role::User);
    for _ in 0..60 {
        channel.tell(announcement(1000));
    }
    // `heard` answers each ping.
    assert_eq!(heard(&channel).len(), 60);
    assert!(channel.out().unread < limits::LIVE_WINDOW);
    channel.pong(b"what?");
    channel.pong(&7u32.to_be_bytes());
}

#[test]
fn silence_is_asked_about_and_then_ends_it() {
    let channel = channel(1, "ada", Role::User);
    let quiet = later(limits::LIVE_PING_AFTER);
    channel.check(at(0));
    assert_eq!(channel.next(at(0)), Next::Wait);
    channel.check(quiet);
    let ping = Next::Bytes(wire::ping(&1u32.to_be_bytes()));
    assert_eq!(channel.next(quiet), ping);
    assert_eq!(channel.next(quiet), Next::Wait);
    channel.check(quiet);
    assert_eq!(channel.ended(), None);
    channel.check(later(limits::LIVE_PING_AFTER + limits::LIVE_PONG_WAIT));
    channel.check(later(
        limits::LIVE_PING_AFTER + limits::LIVE_PONG_WAIT + limits::LIVE_CHECK,
    ));
    assert_eq!(channel.ended(), Some(LiveEnd::Silent));
}

#[test]
fn an_answered_ping_keeps_it() {
    let channel = channel(1, "ada", Role::User);
    let quiet = later(limits::LIVE_PING_AFTER);
    channel.check(quiet);
    assert!(matches!(channel.next(quiet), Next::Bytes(_)));
    channel.pong(&1u32.to_be_bytes());
    channel.heard(quiet);
    channel.check(later(limits::LIVE_PING_AFTER + limits::LIVE_PONG_WAIT));
    assert_eq!(channel.ended(), None);
}
