//! One call as the core keeps it.

use std::time::Instant;

use twocan_proto::body::SessionDescription;
use twocan_proto::call::State;
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use crate::api::{Activation, Call, CallId, CallState, CallStats, LoggedCall, Path};
use crate::clock;
use crate::media::{Description, Media};

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) call: CallId,
    pub(super) peer: PeerId,
    pub(super) outgoing: bool,
    pub(super) state: State,
    /// The running program of the other side that the call is with.
    pub(super) instance: Option<Uuid>,
    pub(super) media: Option<Media>,
    /// The caller's description, until it is answered.
    pub(super) offer: Option<String>,
    /// Our last word on the path, while it may have to be said again.
    pub(super) said: Option<Description>,
    pub(super) candidates: usize,
    /// The other side's own call to us, which gives way to this one. It is
    /// refused only after our offer is out: refused before, the other side
    /// would be told of a stranger's call instead of being in ours at once.
    pub(super) rival: Option<CallId>,
    /// The other side ended the transport: how long its word on why is
    /// waited for.
    pub(super) word_until: Option<Instant>,
    pub(super) path: Option<Path>,
    pub(super) muted: bool,
    pub(super) deafened: bool,
    pub(super) activation: Activation,
    /// The key of push to talk is held.
    pub(super) talking: bool,
    /// Loudness of the other, 1.0 as sent.
    pub(super) volume: f32,
    pub(super) stats: Option<CallStats>,
    started: Timestamp,
    answered: Option<Timestamp>,
    quality: Quality,
}

/// The quality of the call so far.
#[derive(Debug, Default)]
struct Quality {
    sum: f64,
    count: u32,
}

impl Entry {
    pub(super) fn new(call: CallId, peer: PeerId, outgoing: bool, state: State) -> Self {
        Self {
            call,
            peer,
            outgoing,
            state,
            instance: None,
            media: None,
            offer: None,
            said: None,
            candidates: 0,
            rival: None,
            word_until: None,
            path: None,
            muted: false,
            deafened: false,
            activation: Activation::default(),
            talking: false,
            volume: 1.0,
            stats: None,
            started: clock::now(),
            answered: None,
            quality: Quality::default(),
        }
    }

    pub(super) fn is_incoming(&self) -> bool {
        matches!(self.state, State::Incoming { .. })
    }

    /// When something has to happen by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state
            .deadline()
            .into_iter()
            .chain(self.word_until)
            .min()
    }

    /// Our last word on the path, as the other side is told.
    pub(super) fn description(&self) -> Option<SessionDescription> {
        let said = self.said.as_ref()?;
        Some(SessionDescription {
            call: self.call,
            sdp: said.sdp.clone(),
            round: said.round,
        })
    }

    pub(super) fn on_stats(&mut self, stats: CallStats) {
        self.quality.sum += f64::from(stats.quality);
        self.quality.count += 1;
        self.path = stats.path.or(self.path);
        self.stats = Some(stats);
    }

    pub(super) fn note_answer(&mut self) {
        if self.answered.is_none() && self.state.has_media() {
            self.answered = Some(clock::now());
        }
    }

    /// As the log keeps it.
    pub(super) fn logged(&self) -> LoggedCall {
        let shown = self.shown();
        let quality = self.quality.sum / f64::from(self.quality.count.max(1));
        LoggedCall {
            call: self.call,
            contact: self.peer,
            outgoing: self.outgoing,
            started: self.started,
            answered: self.answered,
            ended: shown.code.map(|_| clock::now()),
            code: shown.code,
            reason: shown.reason,
            seen: true,
            path: self.path,
            quality: (self.quality.count > 0).then_some(quality as f32),
        }
        .judged()
    }

    pub(super) fn shown(&self) -> Call {
        let end = match &self.state {
            State::Ended(end) => Some(end),
            _ => None,
        };
        Call {
            call: self.call,
            contact: self.peer,
            outgoing: self.outgoing,
            state: CallState::from(&self.state),
            code: end.map(|end| end.code),
            reason: end.map(|end| end.text.clone()),
            path: self.path,
            muted: self.muted,
            deafened: self.deafened,
            activation: self.activation,
            talking: self.talking,
            volume: self.volume,
        }
    }
}
