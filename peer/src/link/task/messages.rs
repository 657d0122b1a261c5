//! A link's messages: to and from the database.

use std::time::Instant;

use twocan_proto::body::{Body, Entry, Resend, Upto};

use super::{CoreGone, Link, LinkEvent, Receipts, WRITE_ENOUGH};
use crate::clock;
use crate::store::StoreError;
use crate::store::chat::{append, delivery};

impl Link {
    /// The database has not just failed.
    pub(super) fn may_ask(&self) -> bool {
        self.retry.due().is_none()
    }

    /// Stores entries of the peer and acknowledges them.
    pub(super) async fn receive(&mut self, entries: Vec<Entry>) -> Result<(), CoreGone> {
        if !self.may_ask() {
            self.missed = true;
            return Ok(());
        }
        let (ends, now, count) = (self.ends, clock::now(), entries.len());
        let stored = self
            .store
            .run(move |db| append::append_theirs(db, ends, &entries, now))
            .await;
        match stored {
            Ok(appended) => {
                self.retry.worked();
                self.pace.took(count, self.read_at);
                self.stored = appended.stored;
                self.say(&Body::Delivered(Upto {
                    upto: appended.stored,
                }));
                if appended.gap && !self.asked_again {
                    self.say(&Body::Resend(Resend {
                        from: appended.stored + 1,
                    }));
                }
                self.asked_again = appended.gap;
                if appended.changes.is_empty() {
                    return Ok(());
                }
                self.tell(LinkEvent::Received(appended.changes)).await
            }
            // Not stored is not acknowledged: it is asked for again.
            Err(error) => {
                self.missed = true;
                self.on_store_error(&error)
            }
        }
    }

    pub(super) async fn take_receipts(&mut self) -> Result<(), CoreGone> {
        let (ends, Receipts { delivered, read }) = (self.ends, self.receipts);
        let stored = self
            .store
            .run(move |db| delivery::receive_receipts(db, ends, delivered, read))
            .await;
        match stored {
            Ok(changed) => {
                self.retry.worked();
                self.receipts = Receipts::default();
                if changed.is_empty() {
                    return Ok(());
                }
                self.tell(LinkEvent::States(changed)).await
            }
            Err(error) => self.on_store_error(&error),
        }
    }

    /// Begins to send, once the core wants this link and the peer wants us.
    pub(super) async fn open_outbox(&mut self) -> Result<(), CoreGone> {
        let (Some(theirs), true, true) =
            (self.theirs, self.open, self.they_welcome && self.we_welcome)
        else {
            return Ok(());
        };
        let ends = self.ends;
        let caught_up = self
            .store
            .run(move |db| {
                let after = delivery::resume_sending(db, ends, theirs)?;
                Ok((
                    after,
                    delivery::receive_receipts(db, ends, theirs.stored, theirs.read)?,
                ))
            })
            .await;
        match caught_up {
            Ok((after, changed)) => {
                self.outbox.open(after);
                self.tell(LinkEvent::States(changed)).await
            }
            Err(error) => {
                self.wants_outbox = true;
                self.on_store_error(&error)
            }
        }
    }

    /// Writes messages while the peer keeps up and the output has room.
    pub(super) async fn send_messages(&mut self) -> Result<(), CoreGone> {
        if std::mem::take(&mut self.has_fresh) {
            let fresh = self.outbox.fresh(self.handover.take());
            self.send_entries(fresh).await?;
        }
        while self.out.len() < WRITE_ENOUGH
            && let Some((after, most)) = self.outbox.next()
        {
            let ends = self.ends;
            let entries = match self
                .store
                .run(move |db| delivery::outbox(db, ends, after, most))
                .await
            {
                Ok(entries) => entries,
                Err(error) => return self.on_store_error(&error),
            };
            self.outbox
                .wrote(most, entries.len(), entries.last().map(|entry| entry.seq));
            self.send_entries(entries).await?;
        }
        Ok(())
    }

    async fn send_entries(&mut self, entries: Vec<Entry>) -> Result<(), CoreGone> {
        let Some(last) = entries.last().map(|entry| entry.seq) else {
            return Ok(());
        };
        let messages = entries.iter().filter(|e| e.content.target().is_none());
        let ids = messages.map(|entry| entry.id).collect();
        for entry in entries {
            self.say(&Body::Entry(entry));
        }
        while let Some(frame) = self.session.poll_frame() {
            if let Err(error) = frame.encode(&mut self.out) {
                tracing::error!(%error, "a message was not sent");
            }
        }
        self.tell(LinkEvent::Sent(ids, last)).await
    }

    /// The database failed: until it is asked again, nothing is taken or
    /// given.
    fn on_store_error(&mut self, error: &StoreError) -> Result<(), CoreGone> {
        if *error == StoreError::Closed {
            return Err(CoreGone);
        }
        tracing::error!(%error, "a link waits as the database does not do its work");
        self.retry.failed(Instant::now());
        Ok(())
    }
}
