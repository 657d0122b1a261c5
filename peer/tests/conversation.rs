//! What can become of messages, between two engines over real sockets.
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot go on without has failed it"
)]

use serde_json::json;
use twocan_peer::api::{
    Change, DeleteFor, Draft, ErrorCode, Event, ExportFormat, MessageState, Page, Relation,
    SearchQuery,
};
use uuid::Uuid;

use support::{Side, friends};

mod support;

impl Side {
    async fn change(&mut self) -> Change {
        self.wait("change", |event| match event {
            Event::MessageChanged { change, .. } => Some(change.clone()),
            _ => None,
        })
        .await
    }

    async fn message(&mut self, wanted: &str) -> Uuid {
        self.wait(wanted, |event| match event {
            Event::Message(message) if message.text == wanted => Some(message.id),
            _ => None,
        })
        .await
    }

    async fn search(&self, text: &str) -> Vec<String> {
        let query = SearchQuery {
            text: text.into(),
            ..SearchQuery::default()
        };
        let hits = self.engine.search(query).await.unwrap();
        hits.into_iter().map(|hit| hit.text).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_reactions_and_deletions_reach_the_other_side() {
    let (mut a, mut b) = friends().await;
    let id = a.say(b.id, "helo").await;
    b.message("helo").await;
    a.engine.edit(id, "hello").await.unwrap();
    assert!(matches!(b.change().await, Change::Edited(m) if m.text == "hello" && m.id == id));
    assert_eq!(b.engine.revisions(id).await.unwrap().len(), 2);
    b.engine.react(id, "\u{1f44d}").await.unwrap();
    assert!(matches!(a.change().await, Change::Edited(_)));
    let reacted = Change::Reacted {
        id,
        by: b.id,
        emoji: "\u{1f44d}".into(),
    };
    assert_eq!(a.change().await, reacted);
    assert_eq!(b.search("hel").await, ["hello"]);
    assert_eq!(
        b.engine.delete(id, DeleteFor::Both).await.unwrap_err().code,
        ErrorCode::Refused
    );
    a.engine.delete(id, DeleteFor::Both).await.unwrap();
    b.change().await;
    let deleted = Change::Deleted {
        id,
        by: a.id,
        scope: DeleteFor::Both,
    };
    assert_eq!(b.change().await, deleted);
    for side in [&a, &b] {
        let other = if side.id == a.id { b.id } else { a.id };
        let page = side.engine.history(other, Page::Newest, 10).await.unwrap();
        assert!(page.last().unwrap().deleted);
        assert_eq!(side.search("hello").await, Vec::<String>::new());
    }
    assert_eq!(
        a.engine.edit(id, "again").await.unwrap_err().code,
        ErrorCode::Conflict
    );
    assert_eq!(
        a.engine.react(id, "two").await.unwrap_err().code,
        ErrorCode::BadRequest
    );
}

/// Waits for a message, and fails if the other shows more than it said.
async fn message_alone(side: &mut Side, wanted: &str) {
    side.wait(wanted, |event| match event {
        Event::Message(message) if message.text == wanted => Some(()),
        Event::Typing { .. }
        | Event::MessageState {
            state: MessageState::Read,
            ..
        } => panic!("this was not to be told: {event:?}"),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_and_typing_can_be_kept_to_oneself() {
    let (mut a, mut b) = friends().await;
    for key in ["chat.receipts", "chat.typing"] {
        b.engine.set(key, json!(false)).await.unwrap();
        let wrong = b.engine.set(key, json!("no")).await.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::BadRequest);
    }
    let id = a.say(b.id, "did you see?").await;
    b.message("did you see?").await;
    b.engine.typing(a.id, true).await.unwrap();
    b.engine.mark_read(a.id, id).await.unwrap();
    b.say(a.id, "what?").await;
    message_alone(&mut a, "what?").await;

    // A new link begins with what each side has.
    b.engine.disconnect(a.id).await.unwrap();
    b.engine.connect(&a.address).await.unwrap();
    b.say(a.id, "here again").await;
    message_alone(&mut a, "here again").await;

    for key in ["chat.receipts", "chat.typing"] {
        b.engine.set(key, json!(true)).await.unwrap();
    }
    b.engine.typing(a.id, true).await.unwrap();
    a.wait("typing", |event| {
        matches!(event, Event::Typing { on: true, .. }).then_some(())
    })
    .await;
    b.engine.disconnect(a.id).await.unwrap();
    b.engine.connect(&a.address).await.unwrap();
    a.wait("what was read meanwhile", |event| match event {
        Event::MessageState {
            id: of,
            state: MessageState::Read,
            ..
        } if *of == id => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_somebody_who_says_no_has_failed() {
    let mut a = Side::new("anna").await;
    let mut b = Side::new("bert").await;
    a.engine.connect(&b.address).await.unwrap();
    let id = a.say(b.id, "please").await;
    let request = b
        .wait("request", |event| match event {
            Event::Request(request) => Some(request.request),
            _ => None,
        })
        .await;
    b.engine.reject(request).await.unwrap();
    let failed = |event: &Event| match event {
        Event::MessageState {
            id: of,
            state: MessageState::Failed,
            reason,
            ..
        } if *of == id => reason.clone(),
        _ => None,
    };
    assert!(a.wait("failure", failed).await.contains("declined"));
    let page = a.engine.history(b.id, Page::Newest, 1).await.unwrap();
    assert_eq!(page[0].state, Some(MessageState::Failed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_read_back_whole_and_in_order() {
    let (a, mut b) = friends().await;
    let mut ids = Vec::new();
    for n in 0..1203 {
        ids.push(a.say(b.id, &format!("line {n}\nof two")).await);
    }
    b.message("line 1202\nof two").await;
    a.engine.edit(ids[5], "line 5, better").await.unwrap();
    a.engine.react(ids[6], "x").await.unwrap();
    a.engine.delete(ids[7], DeleteFor::Both).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, text) = (
        folder.path().join("all.json"),
        folder.path().join("all.txt"),
    );
    let count = a
        .engine
        .export(None, ExportFormat::Json, file.clone())
        .await;
    assert_eq!(count, Ok(1203));
    let again = a
        .engine
        .export(None, ExportFormat::Json, file.clone())
        .await;
    assert_eq!(again.unwrap_err().code, ErrorCode::Conflict);
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        document["conversations"][0]["messages"][5]["text"],
        "line 5, better"
    );
    a.engine
        .export(Some(b.id), ExportFormat::Text, text.clone())
        .await
        .unwrap();
    let text = std::fs::read_to_string(text).unwrap();
    assert!(
        text.contains("anna: line 4\n    of two\n") && text.contains("line 5, better (edited)"),
        "{text}"
    );

    // The same person with nothing left but the export and a newer message.
    let (c, d) = friends().await;
    c.say(d.id, "newest").await;
    let rewritten = std::fs::read_to_string(&file)
        .unwrap()
        .replace(&a.id.to_string(), &c.id.to_string())
        .replace(&b.id.to_string(), &d.id.to_string());
    std::fs::write(&file, rewritten).unwrap();
    let done = c.engine.import(file.clone()).await.unwrap();
    assert_eq!((done.new, done.known), (1203, 0));
    let done = c.engine.import(file.clone()).await.unwrap();
    assert_eq!((done.new, done.known), (0, 1203));
    let page = c.engine.history(d.id, Page::Newest, 1000).await.unwrap();
    assert_eq!(page.last().unwrap().text, "newest");
    assert_eq!(page[998].text, "line 1202\nof two");
    let older = c
        .engine
        .history(d.id, Page::Before(page[0].id), 1000)
        .await
        .unwrap();
    assert_eq!(older.len(), 204);
    assert_eq!(older[5].text, "line 5, better");
    assert_eq!(older[6].reactions[0].from, c.id);
    assert!(older[7].deleted);
    assert_eq!(c.engine.revisions(ids[5]).await.unwrap().len(), 2);
    assert_eq!(c.search("better").await, ["line 5, better"]);

    std::fs::write(
        &file,
        "{\"format\": \"twocan conversations\", \"version\": 9",
    )
    .unwrap();
    assert_eq!(
        c.engine.import(file).await.unwrap_err().code,
        ErrorCode::BadRequest
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_go_when_the_setting_says_so_and_waiting_ones_stay() {
    let (a, mut b) = friends().await;
    a.say(b.id, "fresh").await;
    b.message("fresh").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.json");
    // In the order in which twocan writes: whose it is comes before what was said.
    let (me, peer, id) = (json!(a.id), json!(b.id), Uuid::from_u128(1));
    let written = format!(
        r#"{{"format": "twocan conversations", "version": 1, "me": {me}, "conversations": [
            {{"peer": {peer}, "messages": [
                {{"id": "{id}", "mine": true, "text": "ancient", "sent_at": "2001-01-01T00:00:00Z"}}]}}]}}"#
    );
    std::fs::write(&file, written).unwrap();
    a.engine.import(file).await.unwrap();
    assert_eq!(a.texts(b.id).await, ["ancient", "fresh"]);
    for wrong in [json!(-1), json!("ten"), json!(1e9)] {
        let refused = a.engine.set("history.keep_days", wrong).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::BadRequest);
    }
    a.engine.set("history.keep_days", json!(30)).await.unwrap();
    let gone = async {
        while a.texts(b.id).await != ["fresh"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, gone).await.unwrap();
    assert_eq!(a.search("ancient").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_its_message() {
    let (a, mut b) = friends().await;
    let question = a.say(b.id, "tea or coffee?").await;
    b.message("tea or coffee?").await;
    let draft = Draft {
        text: "tea".into(),
        reply_to: Some(question),
        ..Draft::default()
    };
    let answer = b.engine.send(a.id, draft.clone()).await.unwrap();
    let page = b.engine.history(a.id, Page::Newest, 1).await.unwrap();
    assert_eq!((page[0].id, page[0].reply_to), (answer, Some(question)));
    let nothing = Draft {
        reply_to: Some(Uuid::nil()),
        ..draft
    };
    let refused = b.engine.send(a.id, nothing).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let contacts = b.engine.contacts().await.unwrap();
    assert_eq!(contacts[0].relation, Relation::Mutual);
}
