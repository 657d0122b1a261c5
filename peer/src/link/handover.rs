//! Entries on their way from the core to the link that will send them.
//!
//! They are in the database before they are here; whoever misses them here
//! reads them there. So nothing waits for this queue, and it may be emptied
//! at any time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use twocan_proto::body::Entry;
use twocan_proto::limits::MESSAGES_IN_FLIGHT;

#[derive(Debug, Default)]
pub(crate) struct Handover {
    entries: Mutex<VecDeque<Entry>>,
    wake: Notify,
}

impl Handover {
    /// There is a new entry in the database, which is `entry`.
    pub(crate) fn put(&self, entry: Entry) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MESSAGES_IN_FLIGHT {
            // A link that does not keep up reads the database in any case.
            entries.clear();
        }
        entries.push_back(entry);
        drop(entries);
        self.wake.notify_one();
    }

    pub(super) fn take(&self) -> Vec<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.drain(..).collect()
    }

    /// Waits until something was put here since the last time.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}
