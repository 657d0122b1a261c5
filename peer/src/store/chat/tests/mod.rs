//! Two databases, and what a link carries between them.

use twocan_proto::body::Entry;
use twocan_proto::identity::Identity;

use super::amend::{Amendment, Refused, amend_own};
use super::append::{Appended, Own, append_own, append_theirs};
use super::delivery::{outbox, receive_receipts, resume};
use super::history::{find, page as history};
use super::*;
use crate::api::{Change, Draft, Message, MessageState, Page, SearchQuery};
use crate::store::in_memory;

mod changes;
mod delivery;

struct End {
    db: Connection,
    ends: Ends,
}

fn two() -> (End, End) {
    let [a, b] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).peer_id());
    (
        End {
            db: in_memory(),
            ends: Ends { me: a, peer: b },
        },
        End {
            db: in_memory(),
            ends: Ends { me: b, peer: a },
        },
    )
}

impl End {
    fn write(&self, text: &str) -> Message {
        let draft = Draft {
            text: text.into(),
            ..Draft::default()
        };
        self.send(&draft, Uuid::now_v7(), Timestamp::from_millis(1))
            .0
    }

    fn send(&self, draft: &Draft, id: Uuid, sent_at: Timestamp) -> (Message, Option<Entry>) {
        let draft = draft.clone();
        let own = Own { id, sent_at, draft };
        let written = append_own(&self.db, self.ends, &[own]).unwrap();
        written.into_iter().next().unwrap().unwrap()
    }

    fn take(&self, messages: &[Entry]) -> Appended {
        append_theirs(&self.db, self.ends, messages, Timestamp::from_millis(2)).unwrap()
    }

    fn outbox(&self, after: u64) -> Vec<Entry> {
        outbox(&self.db, self.ends, after, 1000).unwrap()
    }

    fn texts(&self) -> Vec<String> {
        let page = history(&self.db, self.ends, Page::Newest, 1000)
            .unwrap()
            .unwrap();
        page.into_iter().map(|m| m.text).collect()
    }

    fn states(&self) -> Vec<MessageState> {
        let page = history(&self.db, self.ends, Page::Newest, 1000)
            .unwrap()
            .unwrap();
        page.into_iter().filter_map(|m| m.state).collect()
    }
    fn amend(&self, id: Uuid, amendment: Amendment) -> std::result::Result<(), Refused> {
        let now = Timestamp::from_millis(3);
        let amended = amend_own(&self.db, self.ends.me, id, amendment, now).unwrap();
        amended.map(drop)
    }

    fn message(&self, id: Uuid) -> Option<Message> {
        find(&self.db, self.ends, id).unwrap()
    }

    fn search(&self, text: &str) -> Vec<String> {
        let query = SearchQuery {
            text: text.into(),
            limit: 50,
            ..SearchQuery::default()
        };
        let hits = search::search(&self.db, self.ends.me, &query).unwrap();
        hits.into_iter().map(|m| m.text).collect()
    }
}

/// Everything `from` has goes to `to`, and is acknowledged.
fn deliver(from: &End, to: &End) -> Vec<Change> {
    let has = resume(&to.db, to.ends).unwrap();
    let appended = to.take(&from.outbox(has.stored));
    assert!(!appended.gap);
    receive_receipts(&from.db, from.ends, appended.stored, 0).unwrap();
    appended.changes
}
