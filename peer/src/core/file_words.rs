//! What both sides say about files on their link: offers, states, and that a
//! state was seen. What they decided stands in [`super::transfers`].

use twocan_proto::body::Body;
use twocan_proto::body::file::{FileOffer, FileRef, FileSeen, FileState, Standing};
use twocan_proto::identity::PeerId;
use twocan_proto::{limits, text};
use uuid::Uuid;

use super::Core;
use crate::api::{Relation, TransferId};
use crate::store::transfers::{self as table, SavedFile, SavedTransfer};
use crate::transfer::state::Sides;

impl Core {
    /// A link to `peer` is up and both want it: both tell where all stands.
    pub(super) fn on_files_allowed(&mut self, peer: PeerId) {
        if !self.takes_files(peer) {
            return;
        }
        for id in self.transfers.with(peer) {
            if let Some(entry) = self.transfers.all.get_mut(&id) {
                (entry.due, entry.asked, entry.failures) = (None, None, 0);
            }
            self.announce_transfer(id);
        }
        self.start_what_may_run();
    }

    /// Both are contacts of each other, and linked.
    pub(super) fn takes_files(&self, peer: PeerId) -> bool {
        let mutual = |entry: &super::book::Entry| entry.saved.relation == Relation::Mutual;
        self.links.get(peer).is_some()
            && self.contacts.welcomes(peer)
            && self.contacts.get(peer).is_some_and(mutual)
    }

    pub(super) fn announce_transfer(&mut self, id: TransferId) {
        let Some(saved) = self.transfers.all.get(&id).map(|entry| entry.saved.clone()) else {
            return;
        };
        if !self.takes_files(saved.peer) {
            return;
        }
        if saved.sides.outgoing && !saved.sides.is_over() {
            let offer = FileOffer {
                transfer: saved.id,
                name: saved.name.clone(),
                size: saved.size,
                files: saved.files,
                folder: saved.folder,
                at: saved.at,
            };
            self.say(saved.peer, Body::FileOffer(offer));
        }
        if !saved.told {
            self.say_standing(&saved);
        }
    }

    pub(super) fn say_standing(&mut self, saved: &SavedTransfer) {
        if !self.takes_files(saved.peer) {
            return;
        }
        let reason = saved.reason.as_deref().unwrap_or_default();
        let state = FileState {
            transfer: saved.id,
            state: saved.sides.mine,
            text: text::name(reason, limits::REASON_BYTES),
            done: saved.done,
            blake3: saved.blake3.filter(|_| saved.sides.mine == Standing::Done),
        };
        self.say(saved.peer, Body::FileState(state));
    }

    /// Tells a standing of a transfer that is not kept here.
    pub(super) fn say_of_unknown(
        &mut self,
        peer: PeerId,
        transfer: Uuid,
        state: Standing,
        why: &str,
    ) {
        let state = FileState {
            transfer,
            state,
            text: why.to_owned(),
            done: 0,
            blake3: None,
        };
        self.say(peer, Body::FileState(state));
    }

    pub(super) async fn on_file_offer(&mut self, peer: PeerId, offer: FileOffer) {
        let id = offer.transfer;
        if let Some(entry) = self.transfers.all.get(&id) {
            if entry.saved.peer == peer && !entry.saved.sides.outgoing {
                let saved = entry.saved.clone();
                self.say_standing(&saved);
            }
            return;
        }
        match self.store.run(move |db| table::find(db, id)).await {
            Ok(None) => self.on_new_offer(peer, offer).await,
            Ok(Some(saved)) if saved.peer == peer && !saved.sides.outgoing => {
                // Over, which a sender that was set back does not know.
                match saved.sides.mine.is_final() {
                    true => self.say_standing(&saved),
                    false => self.say_of_unknown(peer, id, Standing::Cancelled, ""),
                }
            }
            Ok(Some(_)) => {
                tracing::info!(peer = %peer.short(), "an offer under the id of another transfer")
            }
            // It is offered again on the next link.
            Err(error) => tracing::error!(%error, "an offer could not be looked up"),
        }
    }

    async fn on_new_offer(&mut self, peer: PeerId, offer: FileOffer) {
        let id = offer.transfer;
        if self.config.echo {
            return self.say_of_unknown(peer, id, Standing::Rejected, "an echo takes no files");
        }
        if self.transfers.open_with(peer, false) >= limits::TRANSFERS_OPEN {
            let why = "too many of your offers wait here already";
            return self.say_of_unknown(peer, id, Standing::Rejected, why);
        }
        let saved = SavedTransfer {
            id,
            peer,
            sides: Sides::offered(false),
            name: offer.name,
            folder: offer.folder,
            files: offer.files,
            size: offer.size,
            at: offer.at,
            reason: None,
            told: false,
            root: self.transfers.folder.clone(),
            path: None,
            done: 0,
            blake3: None,
        };
        // What a folder holds is told when it is brought.
        let files = match offer.folder {
            true => Vec::new(),
            false => vec![SavedFile {
                path: String::new(),
                size: offer.size,
                modified: None,
                blake3: None,
            }],
        };
        if let Err(error) = self.add_transfer(saved, files).await {
            tracing::error!(%error, "an offer could not be kept");
            return;
        }
        if self.config.auto_accept {
            if let Err(error) = self.file_accept(id, None).await {
                tracing::error!(%error, "an offer could not be accepted");
            }
        } else {
            self.announce_transfer(id);
        }
    }

    pub(super) async fn on_file_state(&mut self, peer: PeerId, told: FileState) {
        let id = told.transfer;
        let known = self.transfers.all.get(&id).map(|entry| entry.saved.clone());
        let Some(mut saved) = known.filter(|saved| saved.peer == peer) else {
            return self.on_unknown_state(peer, &told).await;
        };
        if saved.sides.told(told.state) {
            let why = text::name(&told.text, limits::REASON_BYTES);
            saved.reason = (!why.is_empty()).then(|| format!("the other side says: {why}"));
            if saved.sides.outgoing && told.state == Standing::Done {
                saved.reason = None;
                saved.done = saved.size;
                saved.blake3 = told.blake3;
            }
            if let Err(error) = self.keep(saved).await {
                // Not seen is told again on the next link.
                tracing::error!(%error, "the standing of a transfer could not be kept");
                return;
            }
        }
        self.seen(peer, &told);
        self.tidy_transfer(id);
        self.start_what_may_run();
    }

    fn seen(&mut self, peer: PeerId, told: &FileState) {
        let seen = FileSeen {
            transfer: told.transfer,
            state: told.state,
        };
        self.say(peer, Body::FileSeen(seen));
    }

    async fn on_unknown_state(&mut self, peer: PeerId, told: &FileState) {
        if told.state.is_final() {
            return self.seen(peer, told);
        }
        let id = told.transfer;
        match self.store.run(move |db| table::find(db, id)).await {
            Ok(Some(saved)) if saved.peer == peer && saved.sides.mine.is_final() => {
                self.say_standing(&saved);
            }
            Ok(_) => self.say_of_unknown(peer, id, Standing::Cancelled, "it is not known here"),
            Err(error) => tracing::error!(%error, "a transfer could not be looked up"),
        }
    }

    pub(super) async fn on_file_seen(&mut self, peer: PeerId, seen: FileSeen) {
        let Some(entry) = self.transfers.all.get_mut(&seen.transfer) else {
            return;
        };
        if entry.saved.peer != peer || entry.saved.told || entry.saved.sides.mine != seen.state {
            return;
        }
        let row = SavedTransfer {
            told: true,
            ..entry.saved.clone()
        };
        let id = row.id;
        if let Err(error) = self.store.run(move |db| table::save(db, &row)).await {
            tracing::error!(%error, "it could not be kept that a standing was seen");
            return;
        }
        if let Some(entry) = self.transfers.all.get_mut(&id) {
            entry.saved.told = true;
        }
        self.tidy_transfer(id);
    }

    pub(super) fn want(&mut self, peer: PeerId, transfer: TransferId) {
        self.say(peer, Body::FileWant(FileRef { transfer }));
    }
}
