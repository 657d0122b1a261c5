//! One call as the core keeps it.

use twocan_proto::call::State;
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use crate::api::{Activation, Call, CallId, CallState, CallStats, Path};
use crate::media::Media;

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
    /// Our own description, once there is one.
    pub(super) description: Option<String>,
    pub(super) candidates: usize,
    /// The other side's own call to us, which gives way to this one. It is
    /// refused only after our offer is out: refused before, the other side
    /// would be told of a stranger's call instead of being in ours at once.
    pub(super) rival: Option<CallId>,
    pub(super) path: Option<Path>,
    pub(super) muted: bool,
    pub(super) deafened: bool,
    pub(super) activation: Activation,
    /// The key of push to talk is held.
    pub(super) talking: bool,
    /// Loudness of the other, 1.0 as sent.
    pub(super) volume: f32,
    pub(super) stats: Option<CallStats>,
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
            description: None,
            candidates: 0,
            rival: None,
            path: None,
            muted: false,
            deafened: false,
            activation: Activation::default(),
            talking: false,
            volume: 1.0,
            stats: None,
        }
    }

    pub(super) fn is_incoming(&self) -> bool {
        matches!(self.state, State::Incoming { .. })
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
