//! Files: what the user and the peer decide about them.
//!
//! Each side's word on a transfer is on its disk before it is told, and told
//! on every link until the other has seen it; see [`crate::transfer::state`]
//! for what both words together mean. What is said about it stands in
//! [`super::file_words`], and when contents flow is decided in
//! [`super::file_runs`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::Semaphore;
use twocan_proto::body::file::Standing;
use twocan_proto::identity::PeerId;
use twocan_proto::{limits, text};
use uuid::Uuid;

use super::command::answer;
use super::file_runs::{Running, TransferReport};
use super::{Core, Reply, Report};
use crate::api::{Error, ErrorCode, Event, NoticeLevel, Transfer, TransferId};
use crate::clock;
use crate::store::transfers::{self as table, SavedFile, SavedTransfer};
use crate::store::{StoreError, settings};
use crate::transfer::source::{self, Source};
use crate::transfer::state::{Refusal, Sides};
use crate::transfer::{RunId, names, place};

pub(super) const FOLDER_SETTING: &str = "files.folder";
/// The folder for files in the profile, unless the user chose another.
const FOLDER: &str = "downloads";
/// Transfers listed at most, of those that are over.
const LISTED: usize = 1000;
/// Connections for contents that have not said what for, at most.
const OPENINGS: usize = 16;

/// A transfer that is not over, or whose end the peer does not know.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) saved: SavedTransfer,
    pub(super) run: Option<Running>,
    /// Incoming: not to be tried before.
    pub(super) due: Option<Instant>,
    /// Incoming: the peer was asked to connect, and may until then.
    pub(super) asked: Option<Instant>,
    pub(super) failures: u32,
}

impl Entry {
    pub(super) fn new(saved: SavedTransfer) -> Self {
        Self {
            saved,
            run: None,
            due: None,
            asked: None,
            failures: 0,
        }
    }

    /// As the interface shows it.
    pub(super) fn shown(&self) -> Transfer {
        let run = self.run.as_ref().filter(|run| !run.handle.is_stopping());
        let mut shown = shown(&self.saved, run.is_some());
        if let Some(run) = run {
            shown.done = run.handle.done().min(shown.size);
            shown.rate = run.rate();
            let left = shown.size - shown.done;
            shown.eta_s = (shown.rate > 0).then(|| left.div_ceil(shown.rate));
        }
        shown
    }
}

fn shown(saved: &SavedTransfer, running: bool) -> Transfer {
    let sides = saved.sides;
    let path = match sides.outgoing {
        true => Some(&saved.root),
        // Before it is done this is no more than an intention.
        false => saved.path.as_ref().filter(|_| sides.mine == Standing::Done),
    };
    Transfer {
        transfer: saved.id,
        contact: saved.peer,
        outgoing: sides.outgoing,
        name: names::safe(&saved.name),
        folder: saved.folder,
        files: saved.files,
        size: saved.size,
        done: saved.done.min(saved.size),
        rate: 0,
        eta_s: None,
        state: sides.shown(running),
        reason: saved.reason.clone().or_else(|| by_whom(sides)),
        path: path.map(|path| path.to_string_lossy().into_owned()),
        blake3: saved
            .blake3
            .filter(|_| sides.mine == Standing::Done || sides.theirs == Standing::Done)
            .map(|hash| hash.to_string()),
        offered_at: saved.at,
    }
}

/// Who decided it, where nothing else was said.
fn by_whom(sides: Sides) -> Option<String> {
    let told = |here: &str, there: &str, standing| match () {
        () if sides.mine == standing => Some(here.to_owned()),
        () if sides.theirs == standing => Some(there.to_owned()),
        () => None,
    };
    told(
        "refused here",
        "refused by the other side",
        Standing::Rejected,
    )
    .or_else(|| {
        told(
            "cancelled here",
            "cancelled by the other side",
            Standing::Cancelled,
        )
    })
    .or_else(|| told("failed here", "failed at the other side", Standing::Failed))
    .or_else(|| told("paused here", "paused by the other side", Standing::Paused))
    .filter(|_| sides.mine != Standing::Done && sides.theirs != Standing::Done)
}

/// All transfers that still matter; those that are over are in the database.
#[derive(Debug)]
pub(super) struct Transfers {
    /// By id, and thereby by age.
    pub(super) all: BTreeMap<TransferId, Entry>,
    pub(super) last_run: RunId,
    /// When progress is told next.
    pub(super) tick: Option<Instant>,
    pub(super) ticks: u64,
    pub(super) openings: Arc<Semaphore>,
    /// The program ends: nothing new begins.
    pub(super) stopping: bool,
    /// Where files go unless something else is said.
    pub(super) folder: PathBuf,
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            last_run: 0,
            tick: None,
            ticks: 0,
            openings: Arc::new(Semaphore::new(OPENINGS)),
            stopping: false,
            folder: PathBuf::new(),
        }
    }
}

impl Transfers {
    /// How many with `peer` that way are not over.
    pub(super) fn open_with(&self, peer: PeerId, outgoing: bool) -> usize {
        let open = self.all.values().map(|entry| &entry.saved).filter(|saved| {
            saved.peer == peer && saved.sides.outgoing == outgoing && !saved.sides.is_over()
        });
        open.count()
    }

    pub(super) fn with(&self, peer: PeerId) -> Vec<TransferId> {
        let theirs = self.all.values().filter(|entry| entry.saved.peer == peer);
        theirs.map(|entry| entry.saved.id).collect()
    }
}

fn conflict(refusal: Refusal) -> Error {
    Error::new(
        ErrorCode::Conflict,
        format!("this cannot be done: {refusal}"),
    )
}

impl Core {
    pub(super) async fn load_transfers(&mut self) -> Result<(), Error> {
        let saved = self
            .store
            .run(|db| settings::get(db, FOLDER_SETTING))
            .await?;
        self.set_files_folder(&saved.unwrap_or(Value::Null))?;
        for mut saved in self.store.run(table::open).await? {
            if was_put(&saved) {
                saved.sides.arrived();
                saved.done = saved.size;
                saved.told = false;
                let done = saved.clone();
                self.store.run(move |db| table::save(db, &done)).await?;
            }
            self.transfers.all.insert(saved.id, Entry::new(saved));
        }
        Ok(())
    }

    pub(super) fn set_files_folder(&mut self, value: &Value) -> Result<(), Error> {
        self.transfers.folder = match value {
            Value::Null => self.config.data.join(FOLDER),
            Value::String(word) if word == "default" => self.config.data.join(FOLDER),
            Value::String(path) if Path::new(path).is_absolute() => path.into(),
            _ => {
                return Err(Error::new(
                    ErrorCode::BadRequest,
                    format!("{FOLDER_SETTING} is an absolute path, or default"),
                ));
            }
        };
        Ok(())
    }

    pub(super) async fn list_transfers(&self) -> Result<Vec<Transfer>, Error> {
        let found: Result<_, StoreError> = self.store.run(|db| table::newest(db, LISTED)).await;
        let over = found?
            .into_iter()
            .filter(|saved| !self.transfers.all.contains_key(&saved.id))
            .map(|saved| shown(&saved, false));
        let mut all: Vec<Transfer> = over.collect();
        all.extend(self.transfers.all.values().map(Entry::shown));
        all.sort_by_key(|transfer| transfer.transfer);
        Ok(all)
    }

    /// Looks at what is to be sent, which may take a while; the offer follows
    /// when that is done.
    pub(super) fn file_send(&self, to: PeerId, path: PathBuf, reply: Reply<TransferId>) {
        if let Err(error) = self.contacts.reachable(to) {
            return answer(reply, Err(error));
        }
        let reports = self.reports.clone();
        tokio::task::spawn_blocking(move || {
            let result = source::look(&path);
            let report = TransferReport::Looked { to, result, reply };
            // Only a core that has ended takes no report.
            let _ended = reports.blocking_send(Report::Transfer(report));
        });
    }

    pub(super) async fn on_looked(
        &mut self,
        to: PeerId,
        looked: Result<Source, Error>,
        reply: Reply<TransferId>,
    ) {
        let offered = match looked {
            Ok(source) => self.offer(to, source).await,
            Err(error) => Err(error),
        };
        answer(reply, offered);
    }

    async fn offer(&mut self, to: PeerId, source: Source) -> Result<TransferId, Error> {
        self.contacts.reachable(to)?;
        let most = limits::TRANSFERS_OPEN;
        if self.transfers.open_with(to, true) >= most {
            let text = format!("{most} transfers to this contact are open: end some first");
            return Err(Error::new(ErrorCode::Limited, text));
        }
        if source.skipped > 0 {
            let (count, name) = (
                source.skipped,
                text::name(&source.name, limits::FILE_NAME_BYTES),
            );
            self.emit(Event::Notice {
                level: NoticeLevel::Warning,
                text: format!("{name}: {count} links and special files in it are not sent"),
            });
        }
        let saved = SavedTransfer {
            id: Uuid::now_v7(),
            peer: to,
            sides: Sides::offered(true),
            name: source.name,
            folder: source.folder,
            files: source.files.len() as u64,
            size: source.size,
            at: clock::now(),
            reason: None,
            told: false,
            root: source.root,
            path: None,
            done: 0,
            blake3: None,
        };
        let id = saved.id;
        self.add_transfer(saved, source.files).await?;
        self.announce_transfer(id);
        self.hurry(to);
        Ok(id)
    }

    pub(super) async fn add_transfer(
        &mut self,
        saved: SavedTransfer,
        files: Vec<SavedFile>,
    ) -> Result<(), Error> {
        let id = saved.id;
        let row = saved.clone();
        self.store
            .run(move |db| {
                table::save(db, &row)?;
                table::add_files(db, id, 0, &files)
            })
            .await?;
        self.transfers.all.insert(id, Entry::new(saved));
        self.emit_transfer(id);
        Ok(())
    }

    pub(super) fn emit_transfer(&mut self, id: TransferId) {
        if let Some(shown) = self.transfers.all.get(&id).map(Entry::shown) {
            self.emit(Event::Transfer(Box::new(shown)));
        }
    }

    pub(super) async fn file_accept(
        &mut self,
        id: TransferId,
        folder: Option<PathBuf>,
    ) -> Result<(), Error> {
        let folder = match folder {
            Some(folder) => std::path::absolute(&folder)
                .ok()
                .filter(|folder| folder.to_str().is_some())
                .ok_or_else(|| {
                    let text = format!("{} is no folder to save in", folder.display());
                    Error::new(ErrorCode::BadRequest, text)
                })?,
            None => self.transfers.folder.clone(),
        };
        self.decide(id, |saved| {
            let news = saved.sides.accept()?;
            if news {
                saved.root = folder;
            }
            Ok(news)
        })
        .await
    }

    pub(super) async fn file_reject(&mut self, id: TransferId) -> Result<(), Error> {
        self.decide(id, |saved| saved.sides.reject().map(|()| true))
            .await
    }

    pub(super) async fn file_pause(&mut self, id: TransferId) -> Result<(), Error> {
        self.decide(id, |saved| saved.sides.pause()).await
    }

    pub(super) async fn file_resume(&mut self, id: TransferId) -> Result<(), Error> {
        if let Some(entry) = self.transfers.all.get_mut(&id) {
            // The user says when, not the waits between our own tries.
            (entry.due, entry.failures) = (None, 0);
        }
        self.decide(id, |saved| saved.sides.resume()).await
    }

    pub(super) async fn file_cancel(&mut self, id: TransferId) -> Result<(), Error> {
        self.decide(id, |saved| {
            saved.sides.end(Standing::Cancelled).map(|()| true)
        })
        .await
    }

    /// What the user decides about a transfer; `Ok(false)` decides nothing new.
    async fn decide(
        &mut self,
        id: TransferId,
        decision: impl FnOnce(&mut SavedTransfer) -> Result<bool, Refusal>,
    ) -> Result<(), Error> {
        let Some(entry) = self.transfers.all.get(&id) else {
            return Err(self.no_such_transfer(id).await);
        };
        let mut saved = entry.saved.clone();
        if decision(&mut saved).map_err(conflict)? {
            saved.reason = None;
            self.stand(saved).await?;
        }
        self.start_what_may_run();
        Ok(())
    }

    async fn no_such_transfer(&self, id: TransferId) -> Error {
        match self.store.run(move |db| table::find(db, id)).await {
            Ok(Some(_)) => conflict("it is over"),
            Ok(None) => Error::new(ErrorCode::NotFound, "there is no such transfer"),
            Err(error) => error.into(),
        }
    }

    /// Our side of a transfer stands differently from now on: on disk, then
    /// for the user and the peer, and for what runs.
    pub(super) async fn stand(&mut self, mut saved: SavedTransfer) -> Result<(), Error> {
        saved.told = false;
        self.keep(saved.clone()).await?;
        self.say_standing(&saved);
        self.tidy_transfer(saved.id);
        Ok(())
    }

    /// Saves a transfer as it stands now, and shows it.
    pub(super) async fn keep(&mut self, mut saved: SavedTransfer) -> Result<(), Error> {
        let id = saved.id;
        if let Some(run) = self
            .transfers
            .all
            .get(&id)
            .and_then(|entry| entry.run.as_ref())
        {
            saved.done = saved.done.max(run.handle.done());
        }
        let row = saved.clone();
        self.store.run(move |db| table::save(db, &row)).await?;
        if let Some(entry) = self.transfers.all.get_mut(&id) {
            if !saved.sides.may_run() {
                entry.asked = None;
                if let Some(run) = &entry.run {
                    run.handle.stop();
                }
            }
            entry.saved = saved;
        }
        self.emit_transfer(id);
        Ok(())
    }

    /// Forgets what is over and seen, and removes what came of it in vain,
    /// once nothing runs any more.
    pub(super) fn tidy_transfer(&mut self, id: TransferId) {
        let Some(entry) = self.transfers.all.get(&id) else {
            return;
        };
        let saved = &entry.saved;
        if !saved.sides.is_over() || entry.run.is_some() {
            return;
        }
        if !saved.sides.outgoing && saved.sides.mine != Standing::Done {
            let part = place::part(&saved.root, id);
            tokio::task::spawn_blocking(move || {
                if let Err(error) = place::discard(&part) {
                    tracing::warn!(%error, "a partial file could not be removed");
                }
            });
        }
        if saved.told || !saved.sides.mine.is_final() {
            self.transfers.all.remove(&id);
        }
    }

    /// The contact is none any more: nothing of hers goes on, and nobody is
    /// there to be told.
    pub(super) async fn drop_transfers_with(&mut self, peer: PeerId) {
        for id in self.transfers.with(peer) {
            let Some(mut saved) = self.transfers.all.get(&id).map(|entry| entry.saved.clone())
            else {
                continue;
            };
            if saved.sides.end(Standing::Cancelled).is_ok() {
                saved.reason = Some("the contact was removed".to_owned());
            }
            saved.told = true;
            if let Err(error) = self.keep(saved).await {
                tracing::error!(%error, "a transfer could not be ended");
            }
            self.tidy_transfer(id);
        }
    }
}

/// A crash came after the whole had got its name, and before that was known.
fn was_put(saved: &SavedTransfer) -> bool {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    !saved.sides.outgoing
        && !saved.sides.is_over()
        && saved.path.as_deref().is_some_and(is_there)
        && !is_there(&place::part(&saved.root, saved.id))
}
