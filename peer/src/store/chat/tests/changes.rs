//! Edits, deletions, reactions, and the index of words.

use proptest::prelude::*;
use twocan_proto::body::Content;

use super::super::delivery::resume_sending;
use super::super::history::revisions;
use super::*;
use crate::api::DeleteFor;

#[test]
fn an_edit_is_shown_and_its_history_kept_on_both_sides() {
    let (a, b) = two();
    let id = a.write("helo").id;
    deliver(&a, &b);
    a.amend(id, Amendment::Edit("hello".into())).unwrap();
    a.amend(id, Amendment::Edit("hello!".into())).unwrap();
    let changes = deliver(&a, &b);
    assert!(matches!(&changes[..], [Change::Edited(_), Change::Edited(m)] if m.text == "hello!"));
    for end in [&a, &b] {
        let message = end.message(id).unwrap();
        assert_eq!(message.text, "hello!");
        assert!(message.edited_at.is_some());
        let was: Vec<_> = revisions(&end.db, id)
            .unwrap()
            .into_iter()
            .map(|r| r.text)
            .collect();
        assert_eq!(was, ["helo", "hello", "hello!"]);
        assert_eq!(end.search("hello"), ["hello!"]);
        assert!(end.search("helo ").is_empty());
    }
    assert_eq!(summary(&b.db, b.ends).unwrap().unread, 1);
}

#[test]
fn a_deleted_message_leaves_nothing_but_its_place() {
    let (a, b) = two();
    let id = a.write("my secret word").id;
    deliver(&a, &b);
    assert_eq!(b.search("secret").len(), 1);
    a.amend(id, Amendment::Edit("another secret".into()))
        .unwrap();
    b.amend(id, Amendment::React("x".into())).unwrap();
    deliver(&b, &a);
    deliver(&a, &b);
    a.amend(id, Amendment::Delete(DeleteFor::Both)).unwrap();
    deliver(&a, &b);
    for end in [&a, &b] {
        let message = end.message(id).unwrap();
        assert!(message.deleted && message.text.is_empty() && message.reactions.is_empty());
        assert!(end.search("secret").is_empty());
        let left: u64 = end
            .db
            .query_row(
                "SELECT count(*) FROM entries WHERE text LIKE '%secret%' OR edited LIKE '%secret%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(left, 0);
    }
    let late = Amendment::Edit("back".into());
    assert_eq!(a.amend(id, late), Err(Refused::Deleted));
}

#[test]
fn what_is_deleted_before_it_was_sent_is_never_sent() {
    let (a, b) = two();
    let id = a.write("never mind").id;
    a.amend(id, Amendment::Delete(DeleteFor::Both)).unwrap();
    a.write("hello");
    let sent = a.outbox(0);
    assert!(
        sent.iter()
            .all(|entry| !format!("{entry:?}").contains("never mind"))
    );
    deliver(&a, &b);
    assert_eq!(b.texts(), ["hello"]);
}

#[test]
fn deleted_for_me_is_gone_here_and_still_delivered() {
    let (a, b) = two();
    let id = a.write("for you alone").id;
    a.amend(id, Amendment::Delete(DeleteFor::Me)).unwrap();
    assert!(a.texts().is_empty());
    assert!(a.search("alone").is_empty());
    deliver(&a, &b);
    assert_eq!(b.texts(), ["for you alone"]);
    let rows: u64 =
        a.db.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))
            .unwrap();
    assert_eq!(rows, 0);
    // Bob removes it as well; an edit that comes then leaves nothing behind.
    b.amend(id, Amendment::Delete(DeleteFor::Me)).unwrap();
    let edit = Entry {
        id: Uuid::from_u128(5),
        seq: 2,
        after: None,
        sent_at: Timestamp::from_millis(9),
        content: Content::Edit {
            target: id,
            text: "for you alone!".into(),
        },
    };
    assert_eq!(b.take(&[edit]).stored, 2);
    let rows: u64 =
        b.db.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))
            .unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn a_reaction_replaces_the_one_before_and_is_taken_back() {
    let (a, b) = two();
    let id = a.write("cake?").id;
    deliver(&a, &b);
    for (emoji, left) in [("x", 1), ("y", 1), ("", 0)] {
        b.amend(id, Amendment::React(emoji.into())).unwrap();
        deliver(&b, &a);
        for end in [&a, &b] {
            let message = end.message(id).unwrap();
            assert_eq!(message.reactions.len(), left);
            assert!(
                message
                    .reactions
                    .iter()
                    .all(|r| r.emoji == emoji && r.from == b.ends.me)
            );
        }
    }
}

#[test]
fn nobody_changes_what_another_wrote() {
    let (a, b) = two();
    let id = a.write("mine").id;
    deliver(&a, &b);
    for amendment in [
        Amendment::Edit("yours".into()),
        Amendment::Delete(DeleteFor::Both),
    ] {
        assert_eq!(b.amend(id, amendment), Err(Refused::NotOurs));
    }
    // Bob's program lies: what it sends is taken by number and changes nothing.
    for (seq, content) in [
        (
            1,
            Content::Edit {
                target: id,
                text: "yours".into(),
            },
        ),
        (2, Content::Delete { target: id }),
    ] {
        let id = Uuid::from_u128(seq.into());
        let entry = Entry {
            id,
            seq,
            after: None,
            sent_at: Timestamp::from_millis(1),
            content,
        };
        let appended = a.take(&[entry]);
        assert_eq!((appended.stored, appended.changes), (seq, vec![]));
    }
    assert_eq!(a.texts(), ["mine"]);
    assert_eq!(
        a.amend(Uuid::nil(), Amendment::React("x".into())),
        Err(Refused::Unknown)
    );
}

#[test]
fn what_comes_before_its_message_is_applied_when_it_comes() {
    let (_, b) = two();
    let target = Uuid::from_u128(1);
    let entry = |n: u64, content| Entry {
        id: Uuid::from_u128(n.into()),
        seq: n,
        after: None,
        sent_at: Timestamp::from_millis(1),
        content,
    };
    let edit = Content::Edit {
        target,
        text: "after".into(),
    };
    let text = Content::Text {
        text: "before".into(),
        reply_to: None,
        call: None,
    };
    let first = Entry {
        seq: 1,
        ..entry(9, edit)
    };
    let message = Entry {
        seq: 2,
        ..entry(1, text)
    };
    assert!(b.take(&[first]).changes.is_empty());
    let appended = b.take(&[message]);
    assert!(
        matches!(&appended.changes[..], [Change::New(m)] if m.text == "after" && m.edited_at.is_some())
    );
    // A deletion that comes first leaves only a place.
    let target = Uuid::from_u128(2);
    b.take(&[Entry {
        seq: 3,
        ..entry(8, Content::Delete { target })
    }]);
    let text = Content::Text {
        text: "gone".into(),
        reply_to: None,
        call: None,
    };
    b.take(&[Entry {
        seq: 4,
        ..entry(2, text)
    }]);
    assert_eq!(b.texts(), ["after", ""]);
    // Somebody who only ever speaks of messages that never come fills no disk.
    let flood: Vec<Entry> = (5..1005)
        .map(|n| {
            entry(
                n,
                Content::Delete {
                    target: Uuid::from_u128(u128::from(n) << 64),
                },
            )
        })
        .collect();
    assert_eq!(b.take(&flood).stored, 1004);
    let rows: u64 =
        b.db.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))
            .unwrap();
    assert!(rows < 300, "{rows}");
}

#[test]
fn words_are_found_in_any_language_and_newest_first() {
    let (a, _) = two();
    for text in [
        "Grüße aus Köln",
        "\u{65e5}\u{672c}\u{8a9e}\u{306e}\u{6587}\u{7ae0}",
        "\u{0e2a}\u{0e27}\u{0e31}\u{0e2a}\u{0e14}\u{0e35}\u{0e0a}\u{0e32}\u{0e27}\u{0e42}\u{0e25}\u{0e01}",
        "party \u{1f389}\u{1f389}",
        "the Kolner bridge",
        "NEAR(\"quoted\") AND -minus*",
    ] {
        a.write(text);
    }
    assert_eq!(a.search("koln"), ["the Kolner bridge", "Grüße aus Köln"]);
    assert_eq!(a.search("GRUSSE"), Vec::<String>::new());
    assert_eq!(a.search("grüß kö").len(), 1);
    assert_eq!(a.search("\u{672c}\u{8a9e}").len(), 1);
    assert_eq!(a.search("\u{8a9e}\u{672c}").len(), 0);
    assert_eq!(a.search("\u{0e0a}\u{0e32}\u{0e27}").len(), 1);
    assert_eq!(a.search("\u{1f389}").len(), 1);
    for odd in [
        "near(\"quo",
        "AND",
        "-minus*",
        "\"",
        "( )",
        "a:b",
        "^x",
        "\u{0}",
        "place : c1",
    ] {
        a.search(odd);
    }
    assert_eq!(a.search("near(\"quo").len(), 1);
    let other = SearchQuery {
        text: "koln".into(),
        with: Some(a.ends.me),
        limit: 5,
        ..SearchQuery::default()
    };
    assert!(search::search(&a.db, a.ends.me, &other).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written, changed and taken back, with links cut anywhere:
    /// in the end both read the same, and the index knows what they read.
    #[test]
    fn both_sides_come_to_read_the_same(
        steps in proptest::collection::vec((0u8..6, any::<bool>(), 0usize..8, 0usize..4), 1..60),
    ) {
        let (a, b) = two();
        let mut ids = Vec::new();
        for (step, by_a, which, limit) in steps {
            let (one, other) = if by_a { (&a, &b) } else { (&b, &a) };
            let id = ids.get(which % ids.len().max(1)).copied().unwrap_or_default();
            // Refused ones are part of the play.
            let _refused = match step {
                0 => { ids.push(one.write(&format!("word{}", ids.len())).id); Ok(()) }
                1 => one.amend(id, Amendment::Edit(format!("edit{which}"))),
                2 => one.amend(id, Amendment::Delete(DeleteFor::Both)),
                3 => one.amend(id, Amendment::React("x".into())),
                4 => {
                    let after = resume_sending(&one.db, one.ends, resume(&other.db, other.ends).unwrap()).unwrap();
                    other.take(&outbox(&one.db, one.ends, after, limit).unwrap());
                    Ok(())
                }
                _ => { search::step(&one.db).unwrap(); Ok(()) }
            };
        }
        for _ in 0..2 { deliver(&a, &b); deliver(&b, &a); }
        for id in ids {
            let [x, y] = [&a, &b].map(|end| end.message(id));
            // What was taken back before it was sent, the other never saw.
            let (Some(x), Some(y)) = (&x, &y) else {
                prop_assert!(x.or(y).is_some_and(|m| m.deleted));
                continue;
            };
            prop_assert_eq!((&x.text, x.deleted, &x.reactions), (&y.text, y.deleted, &y.reactions));
            if !x.deleted {
                prop_assert!(a.search(&x.text).contains(&x.text));
                prop_assert!(b.search(&x.text).contains(&x.text));
            }
        }
        for end in [&a, &b] {
            end.db.execute_batch("INSERT INTO words (words) VALUES ('integrity-check')").unwrap();
            prop_assert_eq!(end.search("word").len(), end.texts().iter().filter(|t| t.starts_with("word")).count());
        }
    }
}
