//! What the registry has to say to everybody at once. Whoever holds a live
//! connection subscribes; what is slow misses the oldest, and a state that
//! lasts (`stopping`) can be asked for at any time.

use crate::bans::Subject;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::sync::broadcast;

/// Notices that a subscriber may be behind: they are rare.
const BEHIND_MAX: usize = 64;

/// Something that everybody connected should know, or do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// What the operator says.
    Announcement(String),
    /// The registry stops; come back after so long.
    Stopping {
        /// A guess.
        back_after: Duration,
    },
    /// Who this means has been banned and is to be told and disconnected.
    Banned(Subject),
}

impl Notice {
    /// The word for its kind.
    fn word(&self) -> &'static str {
        match self {
            Self::Announcement(_) => "announcement",
            Self::Stopping { .. } => "stopping",
            Self::Banned(_) => "banned",
        }
    }
}

/// The one place that notices come from.
#[derive(Debug)]
pub(crate) struct Notices {
    sender: broadcast::Sender<Notice>,
    stopping: AtomicBool,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(BEHIND_MAX),
            stopping: AtomicBool::new(false),
        }
    }
}

impl Notices {
    /// Tells everybody who listens.
    pub(crate) fn send(&self, notice: Notice) {
        if matches!(notice, Notice::Stopping { .. }) {
            self.stopping.store(true, Ordering::Relaxed);
        }
        if self.sender.send(notice).is_err() {
            tracing::debug!("nobody listens to a notice");
        }
    }

    /// Every notice from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.sender.subscribe()
    }

    /// Whether a stop has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Writes to the log that something was said, never what or about whom, until
/// its task is aborted.
pub(crate) async fn log(mut notices: broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(notice) => tracing::info!(notice = notice.word(), "everybody is told"),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "notices came too fast for the log");
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_listens_hears_it_and_a_stop_lasts() {
        let notices = Notices::default();
        let hello = || Notice::Announcement("hello".to_owned());
        notices.send(hello());
        let mut listener = notices.subscribe();
        notices.send(hello());
        assert_eq!(listener.recv().await.unwrap(), hello());
        assert!(!notices.is_stopping());
        notices.send(Notice::Stopping {
            back_after: Duration::from_secs(5),
        });
        assert!(notices.is_stopping());
    }
}
