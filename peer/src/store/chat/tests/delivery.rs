//! Delivery over the tables alone: lost, doubled and cut at any point.

use proptest::prelude::*;

use super::super::delivery::{mark_seen, resume_sending};
use super::*;

#[test]
fn a_message_goes_through_its_states() {
    use MessageState::{Delivered, Queued, Read};
    let (a, b) = two();
    let sent = [a.write("one"), a.write("two")];
    assert_eq!(a.states(), [Queued, Queued]);
    let appended = b.take(&a.outbox(0));
    assert_eq!(appended.stored, 2);
    assert_eq!(appended.changes.len(), 2);
    assert_eq!(
        receive_receipts(&a.db, a.ends, 2, 0).unwrap(),
        sent.each_ref().map(|m| (m.id, Delivered))
    );
    assert_eq!(summary(&b.db, b.ends).unwrap().unread, 2);
    assert_eq!(mark_seen(&b.db, b.ends, sent[0].id).unwrap(), Some(1));
    assert_eq!(mark_seen(&b.db, b.ends, sent[0].id).unwrap(), None);
    assert_eq!(
        receive_receipts(&a.db, a.ends, 2, 1).unwrap(),
        [(sent[0].id, Read)]
    );
    assert_eq!(a.states(), [Read, Delivered]);
    let summary = summary(&b.db, b.ends).unwrap();
    assert_eq!((summary.unread, summary.read_upto), (1, Some(sent[0].id)));
}

#[test]
fn doubles_are_passed_over_and_gaps_are_noticed() {
    let (a, b) = two();
    for text in ["one", "two", "three"] {
        a.write(text);
    }
    let all = a.outbox(0);
    assert!(b.take(&all[2..]).gap);
    assert_eq!(b.take(&all[..2]).changes.len(), 2);
    let again = b.take(&all);
    assert_eq!(
        (again.changes.len(), again.stored, again.gap),
        (1, 3, false)
    );
    assert_eq!(b.texts(), ["one", "two", "three"]);
}

#[test]
fn a_clock_that_jumps_changes_no_order_and_no_state() {
    let (a, b) = two();
    let jumps = [5_000_000, 1, i64::MAX, i64::MIN, 0, 7];
    for (n, jump) in jumps.into_iter().enumerate() {
        let now = Timestamp::from_millis(jump);
        let draft = Draft {
            text: format!("message {n}"),
            ..Draft::default()
        };
        a.send(&draft, Uuid::now_v7(), now);
        // The other's clock jumps the other way.
        let back = Timestamp::from_millis(jump.saturating_neg());
        let has = resume(&b.db, b.ends).unwrap().stored;
        let appended = append_theirs(&b.db, b.ends, &a.outbox(has), back).unwrap();
        assert_eq!(
            receive_receipts(&a.db, a.ends, appended.stored, 0)
                .unwrap()
                .len(),
            1
        );
    }
    let texts: Vec<String> = (0..jumps.len()).map(|n| format!("message {n}")).collect();
    assert_eq!(a.texts(), texts);
    assert_eq!(b.texts(), texts);
    assert_eq!(a.states(), [MessageState::Delivered; 6]);
    // Pages hang together by the order, not by the time.
    let newest = history(&b.db, b.ends, Page::Newest, 3).unwrap().unwrap();
    let before = Page::Before(newest[0].id);
    let older = history(&b.db, b.ends, before, 3).unwrap().unwrap();
    let paged: Vec<String> = older.into_iter().chain(newest).map(|m| m.text).collect();
    assert_eq!(paged, texts);
}

#[test]
fn how_old_a_message_is_goes_by_our_own_clock() {
    let (a, b) = two();
    a.write("from a clock that stands in 1970");
    let mut entries = a.outbox(0);
    entries.push(Entry {
        id: Uuid::now_v7(),
        seq: 2,
        sent_at: Timestamp::from_millis(i64::MAX),
        ..entries[0].clone()
    });
    let (came, day) = (Timestamp::from_millis(2_000_000), 1_000_000);
    append_theirs(&b.db, b.ends, &entries, came).unwrap();
    for (before, left) in [(came.as_millis() - day, 2), (came.as_millis() + 1, 0)] {
        archive::expire(&b.db, Timestamp::from_millis(before), 0).unwrap();
        assert_eq!(b.texts().len(), left);
    }
}

#[test]
fn the_same_client_id_sends_once() {
    let (a, _) = two();
    let draft = Draft {
        text: "hi".into(),
        client_id: Some("x".into()),
        reply_to: None,
    };
    let now = Timestamp::from_millis(1);
    let (first, new) = a.send(&draft, Uuid::now_v7(), now);
    let (second, again) = a.send(&draft, Uuid::now_v7(), now);
    assert!(new.is_some() && again.is_none());
    assert_eq!(first.id, second.id);
    assert_eq!(a.texts(), ["hi"]);
}

#[test]
fn a_receipt_for_what_was_never_sent_is_no_receipt() {
    let (a, _) = two();
    a.write("one");
    receive_receipts(&a.db, a.ends, u64::MAX, 0).unwrap();
    a.write("two");
    assert_eq!(a.states(), [MessageState::Delivered, MessageState::Queued]);
}

#[test]
fn a_profile_set_back_neither_loses_nor_overwrites() {
    let (a, b) = two();
    for text in ["one", "two", "three"] {
        a.write(text);
    }
    let kept = a.outbox(0);
    b.take(&kept);
    // Alice comes back from a copy of before that; "one" she has again.
    let (old, _) = two();
    let draft = Draft {
        text: "one".into(),
        ..Draft::default()
    };
    old.send(&draft, kept[0].id, Timestamp::from_millis(1));
    old.write("new");
    let after = resume_sending(&old.db, old.ends, resume(&b.db, b.ends).unwrap()).unwrap();
    let appended = b.take(&old.outbox(after));
    assert!(!appended.gap);
    assert_eq!(b.texts(), ["one", "two", "three", "new"]);
    assert_eq!(
        resume_sending(&old.db, old.ends, resume(&b.db, b.ends).unwrap()),
        Ok(appended.stored)
    );
    // Bob loses everything: what Alice still has comes over the numbers that are gone.
    let (_, fresh) = two();
    assert!(!fresh.take(&old.outbox(0)).gap);
    assert_eq!(fresh.texts(), ["one", "new"]);
}

#[test]
fn pages_hang_together() {
    let (a, _) = two();
    let ids: Vec<Uuid> = (0..10).map(|i| a.write(&i.to_string()).id).collect();
    let page = |page, limit| -> Vec<Uuid> {
        history(&a.db, a.ends, page, limit)
            .unwrap()
            .unwrap()
            .iter()
            .map(|m| m.id)
            .collect()
    };
    assert_eq!(page(Page::Newest, 3), ids[7..]);
    assert_eq!(page(Page::Before(ids[7]), 3), ids[4..7]);
    assert_eq!(page(Page::After(ids[4]), 3), ids[5..8]);
    assert_eq!(
        history(&a.db, a.ends, Page::Before(Uuid::nil()), 3).unwrap(),
        None
    );
}

#[test]
fn text_from_outside_is_safe_to_show_and_kept_as_it_came() {
    let (a, b) = two();
    a.write("\u{1b}[2Jhi\u{202e}");
    b.take(&a.outbox(0));
    assert_eq!(b.texts(), ["[2Jhi"]);
    let kept: String =
        b.db.query_row("SELECT text FROM entries", [], |row| row.get(0))
            .unwrap();
    assert_eq!(kept, "\u{1b}[2Jhi\u{202e}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_cuts_and_repeats_deliver_each_once_and_in_order(
        steps in proptest::collection::vec((0u8..4, 0u64..8, 0usize..6), 1..60),
    ) {
        let (a, b) = two();
        let mut written = Vec::new();
        for (step, after, limit) in steps {
            match step {
                0 => {
                    let text = format!("message {}", written.len());
                    a.write(&text);
                    written.push(text);
                }
                // A part of the outbox from anywhere: repeats and gaps.
                1 => { b.take(&outbox(&a.db, a.ends, after, limit).unwrap()); }
                // A link comes up and gets cut after some messages.
                2 => {
                    let after = resume_sending(&a.db, a.ends, resume(&b.db, b.ends).unwrap()).unwrap();
                    b.take(&outbox(&a.db, a.ends, after, limit).unwrap());
                }
                _ => { receive_receipts(&a.db, a.ends, resume(&b.db, b.ends).unwrap().stored, 0).unwrap(); }
            }
        }
        let got = b.texts();
        prop_assert_eq!(&got[..], &written[..got.len()]);
        b.take(&a.outbox(got.len() as u64));
        prop_assert_eq!(b.texts(), written);
    }
}
