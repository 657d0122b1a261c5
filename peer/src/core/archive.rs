//! Exports, imports, and letting old messages go: long work beside the core.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;

use super::command::answer;
use super::{Core, Reply};
use crate::api::{Error, ErrorCode, ExportFormat, Imported};
use crate::clock;
use crate::export::{self, Owner, Talk};
use crate::store::{Store, chat, settings};

/// The setting that says for how many days messages are kept.
pub(super) const KEEP_SETTING: &str = "history.keep_days";
const KEEP_DAYS: std::ops::RangeInclusive<u64> = 0..=36_500;
/// How often messages that have become old are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(6 * 3600);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// When old messages are looked for next; `None` when all are kept.
#[derive(Debug, Default)]
pub(super) struct Retention {
    keep_days: i64,
    due: Option<Instant>,
}

impl Core {
    pub(super) fn export(
        &self,
        with: Option<PeerId>,
        format: ExportFormat,
        path: PathBuf,
        reply: Reply<u64>,
    ) {
        let talks = match self.talks(with) {
            Ok(talks) => talks,
            Err(error) => return answer(reply, Err(error)),
        };
        let (me, name) = (self.me, self.name.clone());
        let work = export::export(self.store.clone(), Owner { me, name }, talks, format, path);
        tokio::spawn(async move { answer(reply, work.await) });
    }

    fn talks(&self, with: Option<PeerId>) -> Result<Vec<Talk>, Error> {
        if let Some(peer) = with {
            self.contacts.known(peer)?;
        }
        let contacts = self.list_contacts().into_iter();
        let wanted = contacts.filter(|contact| with.is_none_or(|peer| peer == contact.peer_id));
        Ok(wanted
            .map(|contact| Talk {
                peer: contact.peer_id,
                alias: contact.alias,
            })
            .collect())
    }

    pub(super) fn import(&self, path: PathBuf, reply: Reply<Imported>) {
        let work = export::import(self.store.clone(), self.me, path);
        tokio::spawn(async move { answer(reply, work.await) });
    }

    pub(super) async fn load_retention(&mut self) -> Result<(), Error> {
        let saved = self.store.run(|db| settings::get(db, KEEP_SETTING)).await?;
        saved.map_or(Ok(()), |value| self.set_retention(&value))
    }

    pub(super) fn set_retention(&mut self, value: &Value) -> Result<(), Error> {
        let days = value
            .as_u64()
            .filter(|days| KEEP_DAYS.contains(days))
            .ok_or_else(|| {
                let most = KEEP_DAYS.end();
                Error::new(
                    ErrorCode::BadRequest,
                    format!("{KEEP_SETTING} is a number of days from 0 (for ever) to {most}"),
                )
            })?;
        self.retention = Retention {
            keep_days: i64::try_from(days).unwrap_or(i64::MAX),
            due: (days > 0).then(Instant::now),
        };
        Ok(())
    }

    pub(super) fn retention_deadline(&self) -> Option<Instant> {
        self.retention.due
    }

    pub(super) fn on_retention_deadline(&mut self, now: Instant) {
        if self.retention.due.is_some_and(|due| due <= now) {
            self.retention.due = Some(now + EXPIRE_EVERY);
            let age = self.retention.keep_days.saturating_mul(DAY_MS);
            let before = clock::now().as_millis().saturating_sub(age);
            tokio::spawn(expire(self.store.clone(), Timestamp::from_millis(before)));
        }
    }
}

/// Step by step, so that others get to the database in between.
async fn expire(store: Store, before: Timestamp) {
    let mut from = Some(i64::MIN);
    while let Some(at) = from {
        let step = store
            .run(move |db| chat::archive::expire(db, before, at))
            .await;
        from = step.unwrap_or_else(|error| {
            tracing::warn!(%error, "old messages stay for now");
            None
        });
    }
}
