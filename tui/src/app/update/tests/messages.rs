//! What is done to single messages.

use twocan_peer::api::{Change, DeleteFor, Revision};

use super::*;
use crate::app::effect::Around;
use crate::app::overlay::Overlay;

/// With the composer's draft begun, message 8 (ours) chosen.
fn browsing() -> State {
    let mut state = busy();
    write(&mut state, "a thought");
    press(&mut state, "Esc k k");
    assert_eq!(
        state.conversation().unwrap().selected,
        Some(sample::uuid(8))
    );
    state
}

fn edits(effects: &[Effect], n: u64, text: &str) -> bool {
    has(
        effects,
        |e| matches!(e, Effect::Edit { id, text: t, .. } if *id == sample::uuid(n) && t == text),
    )
}

fn deletes(effects: &[Effect]) -> Option<DeleteFor> {
    effects.iter().find_map(|e| match e {
        Effect::Delete { scope, .. } => Some(*scope),
        _ => None,
    })
}

fn reacts(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|e| match e {
        Effect::React { emoji, .. } => Some(emoji.as_str()),
        _ => None,
    })
}

#[test]
fn an_edit_takes_the_composer_and_gives_the_draft_back() {
    let mut state = browsing();
    press(&mut state, "e");
    assert_eq!(state.draft().text(), "read already");
    let out = enter(&mut state, "!");
    assert!(edits(&out, 8, "read already!"));
    assert_eq!(state.draft().text(), "a thought");
}

fn copied(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|e| match e {
        Effect::Clipboard(text) => Some(text.as_str()),
        _ => None,
    })
}

#[test]
fn marked_messages_are_copied_in_their_order() {
    let mut state = browsing();
    let out = press(&mut state, "v k y");
    assert_eq!(
        copied(&out),
        Some("this one could not go out\nread already")
    );
    assert_eq!(state.focus, Focus::Composer);

    // A stretch that was ended stays; single ones come and go beside it.
    press(&mut state, "Esc k k v k v k k Space k Space Space");
    let out = press(&mut state, "y");
    let text = copied(&out).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(
        text.ends_with("this one could not go out\nread already"),
        "{text}"
    );
}

#[test]
fn leaving_takes_all_marks_away() {
    let mut state = browsing();
    press(&mut state, "v k k Space Esc");
    let conversation = state.conversation().unwrap();
    assert_eq!(conversation.marked_messages().count(), 0);
    assert_eq!(conversation.selected, None);
    assert_eq!(state.draft().text(), "a thought");
}

#[test]
fn a_quotation_goes_into_the_draft() {
    let mut state = busy();
    write(&mut state, "see");
    press(&mut state, "Esc >");
    assert_eq!(
        state.draft().text(),
        "see\n> \u{2764}\u{fe0f} \u{4f60}\u{597d}\n"
    );
    assert_eq!(state.focus, Focus::Composer);
}

#[test]
fn an_edit_is_cancelled_by_esc_and_changes_nothing() {
    let mut state = browsing();
    press(&mut state, "e");
    write(&mut state, " not");
    let out = press(&mut state, "Esc");
    assert!(out.is_empty());
    assert_eq!(state.draft().text(), "a thought");
    assert_eq!(state.focus, Focus::Composer);
    // Unchanged text is no edit.
    press(&mut state, "Esc k k e");
    assert!(!has(&press(&mut state, "Enter"), |e| matches!(
        e,
        Effect::Edit { .. } | Effect::Send { .. }
    )));
    assert_eq!(state.draft().text(), "a thought");
}

#[test]
fn what_begins_with_a_slash_is_no_command_while_editing() {
    let mut state = browsing();
    press(&mut state, "e Ctrl+U");
    let out = enter(&mut state, "/quit");
    assert!(edits(&out, 8, "/quit"));
    assert!(!has(&out, |e| matches!(e, Effect::Quit)));
}

#[test]
fn up_on_nothing_edits_the_last_message_of_ours() {
    let mut state = busy();
    enter(&mut state, "typed before");
    press(&mut state, "Up");
    assert_eq!(state.draft().text(), "read already");
    press(&mut state, "Esc Ctrl+R Enter");
    assert_eq!(state.draft().text(), "typed before");
}

#[test]
fn an_edit_that_was_not_stored_comes_back() {
    let mut state = browsing();
    press(&mut state, "e Ctrl+U");
    enter(&mut state, "better");
    press(&mut state, "Ctrl+C");
    let error = Error::new(ErrorCode::Io, "the disk is full");
    outcome(
        &mut state,
        Outcome::NotEdited {
            with: sample::id(BOB),
            id: sample::uuid(8),
            text: "better".into(),
            error,
        },
    );
    assert_eq!(state.draft().text(), "better");
    assert!(edits(&enter(&mut state, "."), 8, "better."));
}

#[test]
fn messages_of_others_cannot_be_edited() {
    let mut state = busy();
    press(&mut state, "Esc e");
    assert_eq!(state.focus, Focus::Browse);
    assert!(said(&state).contains("only your own"));
}

#[test]
fn nothing_is_deleted_without_a_second_key() {
    let mut state = browsing();
    assert_eq!(deletes(&press(&mut state, "d")), None);
    assert_eq!(deletes(&press(&mut state, "Enter d y Space")), None);
    assert!(matches!(state.overlay, Some(Overlay::Delete { .. })));
    assert_eq!(deletes(&press(&mut state, "b")), Some(DeleteFor::Both));
    assert!(state.overlay.is_none());

    // Of somebody else's message only our copy can go.
    let mut state = busy();
    assert_eq!(deletes(&press(&mut state, "Esc d b")), None);
    assert_eq!(deletes(&press(&mut state, "m")), Some(DeleteFor::Me));
    assert_eq!(deletes(&enter(&mut state, "x")), None);
}

#[test]
fn a_reaction_is_chosen_typed_and_taken_back() {
    let mut state = busy();
    assert_eq!(
        reacts(&press(&mut state, "Esc + 2")),
        Some("\u{2764}\u{fe0f}")
    );
    press(&mut state, "+");
    write(&mut state, "\u{1f980}");
    assert_eq!(reacts(&press(&mut state, "Enter")), Some("\u{1f980}"));
    press(&mut state, "Esc");
    assert_eq!(
        reacts(&enter(&mut state, "/react laugh")),
        Some("\u{1f602}")
    );

    let change = Change::Reacted {
        id: sample::uuid(10),
        by: sample::id(sample::ME),
        emoji: "\u{1f602}".into(),
    };
    let conversation = sample::id(BOB);
    event(
        &mut state,
        Event::MessageChanged {
            conversation,
            change,
        },
    );
    // What is ours already is chosen, and the same again takes it back.
    assert_eq!(reacts(&press(&mut state, "Esc + Enter")), Some(""));
}

#[test]
fn a_typed_text_that_is_no_emoji_reacts_with_nothing() {
    let mut state = busy();
    press(&mut state, "Esc +");
    write(&mut state, "zzzz");
    assert_eq!(reacts(&press(&mut state, "Enter")), None);
    assert!(said(&state).contains("one emoji"));
}

#[test]
fn the_quoted_message_is_gone_to_and_loaded_if_needed() {
    let mut state = busy();
    press(&mut state, "Esc g j j j J");
    assert_eq!(
        state.conversation().unwrap().selected,
        Some(sample::uuid(2))
    );

    let far = sample::uuid(500);
    let mut reply = sample::message(11, false, "as I said");
    reply.reply_to = Some(far);
    event(&mut state, Event::Message(reply));
    let out = press(&mut state, "Esc Esc J");
    assert!(has(
        &out,
        |e| matches!(e, Effect::LoadAround { id, .. } if *id == far)
    ));
    // Nothing counts as read, and no page is asked for, until it is there.
    assert!(!has(&out, |e| matches!(
        e,
        Effect::MarkRead { .. } | Effect::LoadHistory { .. }
    )));
    let found = Around {
        messages: (480..520)
            .map(|n| sample::message(n, false, "old"))
            .collect(),
        oldest: false,
        newest: false,
    };
    let with = sample::id(BOB);
    outcome(
        &mut state,
        Outcome::Around {
            with,
            id: far,
            found: Ok(found),
        },
    );
    let conversation = state.conversation().unwrap();
    assert_eq!(conversation.selected, Some(far));
    assert!(matches!(conversation.scroll, Scroll::At { .. }));
    let out = press(&mut state, "Esc Alt+End");
    assert!(has(&out, |e| matches!(
        e,
        Effect::LoadHistory {
            page: Page::Newest,
            ..
        }
    )));
}

#[test]
fn what_comes_while_a_conversation_opens_is_followed() {
    let mut state = busy();
    let mei = sample::id(MEI);
    state.conversations.remove(&mei);
    state.contacts.get_mut(&mei).unwrap().unread = 1;
    super::super::moving::open(&mut state, mei, &mut Vec::new());
    let from_mei = |n: u64, text: &str| {
        let mut message = sample::message(n, false, text);
        message.conversation = mei;
        message
    };
    let page = |state: &mut State, page: Page, found: Vec<_>| {
        let found = Ok(found);
        outcome(
            state,
            Outcome::History {
                with: mei,
                page,
                found,
            },
        )
    };
    event(&mut state, Event::Message(from_mei(901, "while it opens")));
    page(&mut state, Page::Newest, vec![from_mei(900, "before")]);
    page(
        &mut state,
        Page::After(sample::uuid(900)),
        vec![from_mei(901, "while it opens")],
    );
    let conversation = state.conversation().unwrap();
    assert!(conversation.newest_loaded);
    assert_eq!(conversation.scroll, Scroll::Bottom);
    for n in 902..1_000 {
        event(&mut state, Event::Message(from_mei(n, "and on")));
    }
    assert_eq!(state.conversation().unwrap().scroll, Scroll::Bottom);
}

#[test]
fn whoever_went_elsewhere_is_not_pulled_back() {
    let mut state = busy();
    let far = sample::uuid(500);
    let mut reply = sample::message(11, false, "as I said");
    reply.reply_to = Some(far);
    event(&mut state, Event::Message(reply));
    press(&mut state, "Esc J Ctrl+N");
    let open = state.open;
    let found = Ok(Around {
        messages: vec![sample::message(500, false, "old")],
        ..Around::default()
    });
    let with = sample::id(BOB);
    outcome(
        &mut state,
        Outcome::Around {
            with,
            id: far,
            found,
        },
    );
    assert_eq!(state.open, open);
    assert_eq!(state.conversations[&with].messages().len(), 11);
}

#[test]
fn what_it_read_before_is_shown() {
    let mut state = sample::changed((80, 24), Look::default());
    let out = press(&mut state, "Esc k k h");
    assert!(has(
        &out,
        |e| matches!(e, Effect::LoadRevisions(id) if *id == sample::uuid(3))
    ));
    let revision = |text: &str, ms| Revision {
        text: text.into(),
        at: at(ms),
    };
    let found = vec![revision("tipo", -2_000_000), revision("typo", -1_000_000)];
    outcome(&mut state, Outcome::Revisions(Ok(found)));
    let Some(Overlay::Page(page)) = &state.overlay else {
        panic!("no page")
    };
    assert_eq!(page.lines[1], "tipo");
    assert!(page.lines[3].ends_with("edited"));
}

#[test]
fn what_is_copied_is_what_was_written() {
    let mut state = sample::changed((80, 24), Look::default());
    let out = press(&mut state, "Esc k y");
    assert!(has(&out, |e| matches!(e, Effect::Clipboard(text)
        if text == "see `cargo test`, or\n```\nfn main() {\n    run();\n}\n```\nthat is all")));
    // There is nothing left of a deleted one.
    let out = press(&mut state, "Esc y");
    assert!(!has(&out, |e| matches!(e, Effect::Clipboard(_))));
}
