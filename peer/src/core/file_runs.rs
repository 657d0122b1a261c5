//! Files: when their contents flow. The receiver asks, as it knows what it
//! has; whoever dialled the link dials the connection for contents as well, as
//! that is known to work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;
use twocan_proto::body::file::Standing;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;

use super::transfers::Entry;
use super::{Core, Reply, Report};
use crate::api::{Error, TransferId};
use crate::link::Stream;
use crate::store::transfers::{self as table, SavedTransfer};
use crate::transfer::source::Source;
use crate::transfer::{self, Connect, Outcome, Run, RunEnded, RunHandle, opened_for};

/// How often progress is told.
const TICK: Duration = Duration::from_millis(250);
/// Every so many ticks progress is written to the database.
const SAVED_EVERY: u64 = 8;
/// Weight of the newest tick in the rate shown: about the last two seconds.
const NEWEST: f64 = 0.2;
/// First and longest wait before a broken run is tried again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// For runs to end when the program does.
const FAREWELL: Duration = Duration::from_secs(5);

/// What tasks about files report.
#[derive(Debug)]
pub(crate) enum TransferReport {
    /// What the user wants to send was looked at.
    Looked {
        to: PeerId,
        result: Result<Source, Error>,
        reply: Reply<TransferId>,
    },
    /// A connection came in and says what for.
    Opened {
        stream: Box<Stream>,
        peer: PeerId,
        transfer: TransferId,
    },
    Ended(RunEnded),
}

/// A run, and how fast it is.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) handle: RunHandle,
    /// Bytes a second; `None` before there is anything to tell.
    rate: Option<f64>,
    counted: u64,
    counted_at: Instant,
}

impl Running {
    fn new(handle: RunHandle) -> Self {
        Self {
            counted: handle.done(),
            handle,
            rate: None,
            counted_at: Instant::now(),
        }
    }

    pub(super) fn rate(&self) -> u64 {
        // Rates are whole bytes and never negative.
        self.rate.map_or(0, |rate| rate as u64)
    }

    fn measure(&mut self, now: Instant) {
        let done = self.handle.done();
        let seconds = now.duration_since(self.counted_at).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let newest = done.saturating_sub(self.counted) as f64 / seconds;
        let rate = self.rate.unwrap_or(newest);
        self.rate = Some(rate + NEWEST * (newest - rate));
        (self.counted, self.counted_at) = (done, now);
    }
}

fn back_off(failures: u32) -> Duration {
    let (first, longest) = BACK_OFF;
    first.saturating_mul(1 << failures.min(16)).min(longest)
}

/// Whether the contents of what we offered go to `peer` now.
fn is_served_to(saved: &SavedTransfer, peer: PeerId) -> bool {
    saved.peer == peer && saved.sides.outgoing && saved.sides.may_run()
}

impl Core {
    pub(super) async fn on_transfer_report(&mut self, report: TransferReport) {
        match report {
            TransferReport::Looked { to, result, reply } => {
                self.on_looked(to, result, reply).await;
            }
            TransferReport::Opened {
                stream,
                peer,
                transfer,
            } => self.on_opened(stream, peer, transfer),
            TransferReport::Ended(ended) => self.on_run_ended(ended).await,
        }
    }

    /// Starts what waits, oldest first, as far as the limits allow.
    pub(super) fn start_what_may_run(&mut self) {
        let now = Instant::now();
        let waits = |entry: &&Entry| {
            !entry.saved.sides.outgoing
                && entry.saved.sides.may_run()
                && entry.run.is_none()
                && entry.asked.is_none()
                && entry.due.is_none_or(|due| due <= now)
        };
        let waiting: Vec<_> = self.transfers.all.values().filter(waits).collect();
        let waiting: Vec<_> = waiting.iter().map(|e| (e.saved.id, e.saved.peer)).collect();
        for (id, peer) in waiting {
            if !self.takes_files(peer) || !self.has_room(peer, false) {
                continue;
            }
            let dialled = self.links.get(peer).filter(|link| link.dialled);
            match dialled.map(|link| link.at) {
                Some(at) => {
                    let tls = Arc::clone(&self.tls.file_client);
                    self.start_run(id, Connect::Dial { tls, at });
                }
                None => {
                    if let Some(entry) = self.transfers.all.get_mut(&id) {
                        entry.asked = Some(now + limits::TRANSFER_CONNECT);
                    }
                    self.want(peer, id);
                }
            }
        }
    }

    /// Whether one more may run that way.
    fn has_room(&self, peer: PeerId, outgoing: bool) -> bool {
        if self.transfers.stopping {
            return false;
        }
        let busy = |entry: &&Entry| {
            entry.saved.sides.outgoing == outgoing && (entry.run.is_some() || entry.asked.is_some())
        };
        let all = self.transfers.all.values().filter(busy);
        let with_peer = all.clone().filter(|entry| entry.saved.peer == peer);
        with_peer.count() < limits::TRANSFERS_AT_ONCE && all.count() < limits::TRANSFERS_AT_ONCE_ALL
    }

    fn start_run(&mut self, id: TransferId, connect: Connect) {
        let Some(entry) = self.transfers.all.get_mut(&id) else {
            return;
        };
        self.transfers.last_run += 1;
        let run = Run {
            id: self.transfers.last_run,
            transfer: entry.saved.clone(),
            connect,
            store: self.store.clone(),
            reports: self.reports.clone(),
        };
        entry.asked = None;
        entry.due = None;
        entry.run = Some(Running::new(transfer::start(run)));
        self.transfers
            .tick
            .get_or_insert_with(|| Instant::now() + TICK);
        self.emit_transfer(id);
    }

    /// The receiver wants what we offered, and cannot dial us.
    pub(super) fn on_file_want(&mut self, peer: PeerId, id: TransferId) {
        let Some(link) = self.links.get(peer).filter(|link| link.dialled) else {
            return;
        };
        let (tls, at) = (Arc::clone(&self.tls.file_client), link.at);
        self.serve(id, peer, Connect::Dial { tls, at });
    }

    /// Begins to send, if that is what `peer` may have. An older run is one
    /// that the receiver has lost.
    fn serve(&mut self, id: TransferId, peer: PeerId, connect: Connect) {
        let Some(entry) = self.transfers.all.get_mut(&id) else {
            return;
        };
        if !is_served_to(&entry.saved, peer) {
            tracing::info!(peer = %peer.short(), "a transfer is asked for that is not to be had");
            return;
        }
        entry.run = None;
        if self.has_room(peer, true) && self.takes_files(peer) {
            self.start_run(id, connect);
        } else {
            // The receiver asks again.
            self.emit_transfer(id);
        }
    }

    /// A connection for contents came in, from whoever proved to be `peer`.
    pub(super) fn on_file_connection(&self, stream: Stream, peer: PeerId) {
        if !self.takes_files(peer) {
            tracing::info!(peer = %peer.short(), "a connection for files of somebody who is no linked contact");
            return;
        }
        let Ok(place) = Arc::clone(&self.transfers.openings).try_acquire_owned() else {
            tracing::info!("too many connections for files at once");
            return;
        };
        let reports = self.reports.clone();
        tokio::spawn(async move {
            if let Some((stream, transfer)) = opened_for(stream).await {
                let report = TransferReport::Opened {
                    stream,
                    peer,
                    transfer,
                };
                // Only a core that has ended takes no report.
                let _ended = reports.send(Report::Transfer(report)).await;
            }
            drop(place);
        });
    }

    fn on_opened(&mut self, stream: Box<Stream>, peer: PeerId, id: TransferId) {
        let Some(entry) = self.transfers.all.get(&id) else {
            tracing::info!(peer = %peer.short(), "a connection for a transfer that is not known");
            return;
        };
        let connect = Connect::Ready(stream);
        if entry.saved.sides.outgoing {
            return self.serve(id, peer, connect);
        }
        // Whoever comes unasked may come too late, or never have been asked.
        if entry.saved.peer == peer && entry.asked.is_some() && entry.run.is_none() {
            self.start_run(id, connect);
        }
    }

    async fn on_run_ended(&mut self, ended: RunEnded) {
        let id = ended.transfer;
        let Some(entry) = self.transfers.all.get_mut(&id) else {
            return;
        };
        let Some(run) = entry.run.take_if(|run| run.handle.id == ended.run) else {
            return;
        };
        let mut saved = entry.saved.clone();
        saved.done = run.handle.done().min(saved.size);
        match ended.outcome {
            Outcome::Arrived { path, blake3 } => {
                saved.sides.arrived();
                saved.done = saved.size;
                saved.reason = None;
                (saved.path, saved.blake3) = (Some(path), Some(blake3));
            }
            Outcome::Failed(text) => {
                if saved.sides.end(Standing::Failed).is_ok() {
                    saved.reason = Some(text);
                }
            }
            Outcome::Held(text) => {
                saved.sides.hold();
                saved.reason = Some(text);
            }
            Outcome::Sent | Outcome::Stopped => {}
            Outcome::Broken(text) => {
                tracing::info!(peer = %saved.peer.short(), %text, "a transfer broke off");
                entry.due = Some(Instant::now() + back_off(entry.failures));
                entry.failures += 1;
            }
        }
        let stands_differently = saved.sides != entry.saved.sides;
        if stands_differently {
            if let Err(error) = self.stand(saved).await {
                tracing::error!(%error, "the end of a transfer could not be kept");
            }
        } else {
            entry.saved.done = saved.done;
            self.save_progress(id, saved.done);
            self.emit_transfer(id);
            self.tidy_transfer(id);
        }
        self.start_what_may_run();
    }

    /// Nothing hangs on how far a transfer says to have come; the parts on
    /// disk are what counts.
    fn save_progress(&self, id: TransferId, done: u64) {
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.run(move |db| table::set_done(db, id, done)).await {
                tracing::warn!(%error, "progress could not be kept");
            }
        });
    }

    /// Without a link nothing runs: both begin again when there is one.
    pub(super) fn on_files_link_lost(&mut self, peer: PeerId) {
        for id in self.transfers.with(peer) {
            let Some(entry) = self.transfers.all.get_mut(&id) else {
                continue;
            };
            entry.asked = None;
            if let Some(run) = &entry.run {
                run.handle.stop();
                self.emit_transfer(id);
            }
        }
    }

    pub(super) fn transfers_deadline(&self) -> Option<Instant> {
        let all = self.transfers.all.values();
        let waiting = all.filter(|entry| entry.saved.sides.may_run());
        let due = waiting.filter_map(|entry| entry.asked.or(entry.due)).min();
        [self.transfers.tick, due].into_iter().flatten().min()
    }

    pub(super) fn on_transfers_deadline(&mut self, now: Instant) {
        if self.transfers.tick.is_some_and(|tick| tick <= now) {
            self.tell_progress(now);
        }
        let mut waited = false;
        for entry in self.transfers.all.values_mut() {
            if entry.asked.take_if(|until| *until <= now).is_some() {
                // Not connected in time: asked again a little later.
                entry.due = Some(now + back_off(entry.failures));
                entry.failures += 1;
            }
            waited |= entry.due.take_if(|due| *due <= now).is_some();
        }
        if waited {
            self.start_what_may_run();
        }
    }

    fn tell_progress(&mut self, now: Instant) {
        self.transfers.ticks += 1;
        let save = self.transfers.ticks.is_multiple_of(SAVED_EVERY);
        let mut running = Vec::new();
        for entry in self.transfers.all.values_mut() {
            if let Some(run) = entry.run.as_mut().filter(|run| !run.handle.is_stopping()) {
                run.measure(now);
                running.push((entry.saved.id, run.handle.done()));
            }
        }
        for &(id, done) in &running {
            self.emit_transfer(id);
            if save {
                self.save_progress(id, done);
            }
        }
        self.transfers.tick = (!running.is_empty()).then(|| now + TICK);
    }

    pub(super) async fn stop_transfers(&mut self, reports: &mut mpsc::Receiver<Report>) {
        self.transfers.stopping = true;
        let mut running = 0;
        for entry in self.transfers.all.values() {
            if let Some(run) = &entry.run {
                run.handle.stop();
                running += 1;
            }
        }
        let all_ended = async {
            while running > 0 {
                match reports.recv().await {
                    Some(Report::Transfer(TransferReport::Ended(ended))) => {
                        running -= 1;
                        self.on_run_ended(ended).await;
                    }
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if timeout(FAREWELL, all_ended).await.is_err() {
            tracing::info!("some transfers did not end in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::state::Sides;
    use twocan_proto::identity::Identity;
    use twocan_proto::time::Timestamp;

    fn peer(seed: u8) -> PeerId {
        Identity::from_seed(&[seed; 32]).peer_id()
    }

    fn saved(outgoing: bool, mine: Standing, theirs: Standing) -> SavedTransfer {
        SavedTransfer {
            id: uuid::Uuid::from_u128(1),
            peer: peer(1),
            sides: Sides {
                outgoing,
                mine,
                theirs,
            },
            name: "a".into(),
            folder: false,
            files: 1,
            size: 1,
            at: Timestamp::from_millis(0),
            reason: None,
            told: true,
            root: "/a".into(),
            path: None,
            done: 0,
            blake3: None,
        }
    }

    #[test]
    fn contents_go_to_who_accepted_them_and_to_nobody_else() {
        use Standing::{Accepted, Cancelled, Offered, Paused};
        let accepted = saved(true, Offered, Accepted);
        assert!(is_served_to(&accepted, peer(1)));
        assert!(!is_served_to(&accepted, peer(2)));
        for (outgoing, mine, theirs) in [
            (false, Accepted, Offered),
            (true, Offered, Offered),
            (true, Paused, Accepted),
            (true, Cancelled, Accepted),
            (true, Offered, Paused),
        ] {
            let other = saved(outgoing, mine, theirs);
            assert!(!is_served_to(&other, peer(1)), "{other:?}");
        }
    }

    #[test]
    fn waits_grow_to_a_limit() {
        assert_eq!(back_off(0), BACK_OFF.0);
        assert_eq!(back_off(1), BACK_OFF.0 * 2);
        assert_eq!(back_off(u32::MAX), BACK_OFF.1);
    }
}
