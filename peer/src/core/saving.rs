//! Messages of ours on their way to the disk.
//!
//! What is sent to one contact while the database is busy is gathered, and
//! taken by it in one go: a message by itself would cost more to keep apart
//! from the others than to write. A database that has nothing else to do
//! takes every message at once.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{FuturesOrdered, StreamExt};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::Reply;
use super::command::answer;
use crate::api::Error;
use crate::store::chat::Ends;
use crate::store::chat::append::{Own, Written, append_own};
use crate::store::{Store, StoreError};

/// Messages on their way to the disk, beyond which no command is taken.
const MOST: usize = 2048;
/// Messages gathered at most, so that the first is not kept waiting.
const TOGETHER: usize = 128;

/// Messages gathered until the database takes them; then `None`.
type Gathered = Arc<Mutex<Option<Vec<Own>>>>;
type Job = Pin<Box<dyn Future<Output = Result<Vec<Written>, StoreError>> + Send + Sync>>;

/// See the module.
#[derive(Default)]
pub(super) struct Saving {
    /// One for each of `jobs`, in their order.
    batches: VecDeque<Batch>,
    jobs: FuturesOrdered<Job>,
    messages: usize,
}

struct Batch {
    to: PeerId,
    gathered: Gathered,
    /// One for each message.
    replies: Vec<Reply<Uuid>>,
}

/// What became of messages to one contact, in the order they were given.
pub(super) struct Saved {
    pub(super) to: PeerId,
    pub(super) messages: Vec<(Written, Reply<Uuid>)>,
}

impl Saving {
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages >= MOST
    }

    /// Gives a message its place behind those before it. Whoever waits for
    /// `reply` is told if there is none.
    pub(super) async fn add(&mut self, store: &Store, ends: Ends, own: Own, reply: Reply<Uuid>) {
        let alone = match self.batches.back_mut() {
            Some(last) => last.join(ends.peer, own, reply),
            None => Some((own, reply)),
        };
        let Some((own, reply)) = alone else {
            self.messages += 1;
            return;
        };
        let gathered = Gathered::new(Mutex::new(Some(vec![own])));
        let theirs = Arc::clone(&gathered);
        let submitted = store
            .submit(move |db| append_own(db, ends, &take(&theirs)))
            .await;
        match submitted {
            Ok(job) => {
                self.messages += 1;
                self.jobs.push_back(Box::pin(job));
                self.batches.push_back(Batch {
                    to: ends.peer,
                    gathered,
                    replies: vec![reply],
                });
            }
            Err(error) => answer(reply, Err(Error::from(error))),
        }
    }

    /// The next that are on the disk, or could not be kept; `None` when none
    /// is on its way. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<Saved> {
        let result = self.jobs.next().await?;
        let Batch { to, replies, .. } = self.batches.pop_front()?;
        self.messages -= replies.len();
        let written = match result {
            Ok(written) => written,
            Err(error) => vec![Err(error); replies.len()],
        };
        Some(Saved {
            to,
            messages: written.into_iter().zip(replies).collect(),
        })
    }
}

impl Batch {
    /// Takes a message with the others; or gives it back, if they go to
    /// somebody else, are many already or with the database.
    fn join(&mut self, to: PeerId, own: Own, reply: Reply<Uuid>) -> Option<(Own, Reply<Uuid>)> {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        match gathered.as_mut() {
            Some(all) if self.to == to && all.len() < TOGETHER => {
                all.push(own);
                self.replies.push(reply);
                None
            }
            _ => Some((own, reply)),
        }
    }
}

fn take(gathered: &Gathered) -> Vec<Own> {
    let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
    gathered.take().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::sync::oneshot;
    use twocan_proto::identity::Identity;
    use twocan_proto::time::Timestamp;

    use super::*;
    use crate::api::{Draft, ErrorCode};

    fn peer(n: u8) -> PeerId {
        Identity::from_seed(&[n; 32]).peer_id()
    }

    /// Messages that were given, each with where its answer comes.
    type Given = Vec<(Uuid, oneshot::Receiver<Result<Uuid, Error>>)>;

    struct Desk {
        store: Store,
        saving: Saving,
        given: Given,
    }

    impl Desk {
        fn new(folder: &Path) -> Self {
            let (store, _thread) = Store::open(&folder.join("db"), None).unwrap();
            Self {
                store,
                saving: Saving::default(),
                given: Vec::new(),
            }
        }

        /// Keeps the database busy until the sender is used or gone.
        async fn hold(&self) -> std::sync::mpsc::SyncSender<()> {
            let (go, held) = std::sync::mpsc::sync_channel(1);
            let (begun, begins) = oneshot::channel();
            let job = self.store.submit(move |_| {
                let _gone = begun.send(());
                let _dropped = held.recv();
                Ok(())
            });
            drop(job.await.unwrap());
            begins.await.unwrap();
            go
        }

        async fn give(&mut self, to: u8, client_id: Option<&str>) {
            let own = Own {
                id: Uuid::now_v7(),
                sent_at: Timestamp::from_millis(1),
                draft: Draft {
                    text: "x".repeat(1000),
                    reply_to: None,
                    client_id: client_id.map(str::to_owned),
                },
            };
            let (reply, answered) = oneshot::channel();
            self.given.push((own.id, answered));
            let ends = Ends {
                me: peer(0),
                peer: peer(to),
            };
            self.saving.add(&self.store, ends, own, reply).await;
        }

        /// All that are on their way: to whom, and how many together.
        async fn finish(&mut self) -> Vec<(PeerId, Vec<Written>)> {
            let mut all = Vec::new();
            while let Some(saved) = self.saving.next().await {
                let mut each = Vec::new();
                for (written, reply) in saved.messages {
                    let told = written.as_ref().map(|(message, _)| message.id);
                    answer(reply, told.map_err(|error| error.clone().into()));
                    each.push(written);
                }
                all.push((saved.to, each));
            }
            all
        }
    }

    fn seqs(written: &[Written]) -> Vec<u64> {
        let message = |one: &Written| one.as_ref().unwrap().0.seq;
        written.iter().map(message).collect()
    }

    #[tokio::test]
    async fn what_waits_for_the_database_is_taken_together_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(folder.path());
        let go = desk.hold().await;
        for to in [1, 1, 1, 2, 1] {
            desk.give(to, None).await;
        }
        for _ in 1..TOGETHER + 2 {
            desk.give(1, None).await;
        }
        assert!(!desk.saving.is_empty() && !desk.saving.is_full());
        drop(go);
        let saved = desk.finish().await;
        let of = |n: usize| (saved[n].0, saved[n].1.len());
        let expected = [
            (peer(1), 3),
            (peer(2), 1),
            (peer(1), TOGETHER),
            (peer(1), 2),
        ];
        assert_eq!([of(0), of(1), of(2), of(3)], expected);
        assert_eq!(seqs(&saved[0].1), [1, 2, 3]);
        assert_eq!(seqs(&saved[2].1)[0], 4);
        assert_eq!(
            seqs(&saved[3].1),
            [TOGETHER as u64 + 4, TOGETHER as u64 + 5]
        );
        for (id, answered) in desk.given {
            assert_eq!(answered.await.unwrap().unwrap(), id);
        }
        assert!(desk.saving.is_empty());
    }

    #[tokio::test]
    async fn so_many_are_on_their_way_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(folder.path());
        let go = desk.hold().await;
        while !desk.saving.is_full() {
            desk.give(1, None).await;
        }
        assert_eq!(desk.given.len(), MOST);
        drop(go);
        desk.finish().await;
        assert!(!desk.saving.is_full());
    }

    #[tokio::test]
    async fn one_that_cannot_be_kept_disturbs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(folder.path());
        desk.give(2, Some("used")).await;
        desk.finish().await;
        let go = desk.hold().await;
        for client_id in [None, Some("used"), None] {
            desk.give(1, client_id).await;
        }
        drop(go);
        let saved = desk.finish().await;
        assert_eq!(saved.len(), 1);
        let [first, refused, last] = &saved[0].1[..] else {
            panic!("{saved:?}");
        };
        assert!(refused.is_err());
        let number = |one: &Written| one.as_ref().map(|(message, _)| message.seq).ok();
        assert_eq!((number(first), number(last)), (Some(1), Some(2)));
    }

    #[tokio::test]
    async fn a_full_disk_is_told_to_everybody_who_waits() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(folder.path());
        let limit =
            |db: &rusqlite::Connection| db.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()));
        desk.store.run(limit).await.unwrap();
        let go = desk.hold().await;
        for _ in 0..50 {
            desk.give(1, None).await;
        }
        drop(go);
        let saved = desk.finish().await;
        assert!(saved.iter().flat_map(|(_, each)| each).all(Result::is_err));
        for (_, answered) in desk.given {
            assert_eq!(answered.await.unwrap().unwrap_err().code, ErrorCode::Io);
        }
    }
}
