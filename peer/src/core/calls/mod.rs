//! Calls: the state machine of `proto`, fed by links, the media and the user.
//! One call at a time.
//!
//! | part | what it does |
//! |---|---|
//! | [`place`] | calling somebody |
//! | [`answer`] | being called |
//! | [`controls`] | what the user does to a call |
//! | [`media`] | what the media reports |
//! | [`settings`] | what holds for all calls |

use std::time::Instant;

use tokio::task::JoinSet;
use twocan_proto::body::{Body, CallRef, Hangup};
use twocan_proto::call::{Input, Output, State, code};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;

use super::{Core, Report};
use crate::api::{CallId, CallState, Error, ErrorCode, Event};
use crate::link::task::Command as LinkCommand;
use crate::media::{MediaCommand, MediaEvent};
use entry::Entry;

mod answer;
mod controls;
mod entry;
mod media;
mod place;
mod settings;

/// What the media of a call reports.
#[derive(Debug)]
pub(crate) struct CallReport {
    call: CallId,
    event: MediaEvent,
}

/// The call there is, and those whose media is being put away.
#[derive(Debug, Default)]
pub(super) struct Calls {
    current: Option<Entry>,
    settings: settings::Settings,
    ending: JoinSet<()>,
}

impl Calls {
    fn named(&mut self, call: CallId) -> Result<&mut Entry, Error> {
        self.current
            .as_mut()
            .filter(|entry| entry.call == call)
            .ok_or_else(|| Error::new(ErrorCode::NotFound, "that call is over"))
    }

    fn with(&mut self, peer: PeerId) -> Option<&mut Entry> {
        self.current.as_mut().filter(|entry| entry.peer == peer)
    }
}

impl Core {
    pub(super) fn calls_deadline(&self) -> Option<Instant> {
        self.calls
            .current
            .as_ref()
            .and_then(|entry| entry.state.deadline())
    }

    pub(super) fn on_calls_deadline(&mut self, now: Instant) {
        if self.calls_deadline().is_some_and(|due| due <= now) {
            self.step(Input::Tick);
        }
    }

    fn begin(&mut self, mut entry: Entry) {
        entry.activation = self.calls.settings.activation;
        entry.volume = self.calls.settings.volume(entry.peer);
        let shown = entry.shown();
        self.calls.current = Some(entry);
        self.emit(Event::Call(shown));
    }

    /// What a contact says about a call.
    pub(super) fn on_call_body(&mut self, peer: PeerId, body: Body) {
        match body {
            Body::Offer(offer) => self.on_offer(peer, offer),
            Body::Ringing(CallRef { call }) if self.is_current(peer, call) => {
                self.step(Input::PeerRinging)
            }
            Body::Answer(answer) if self.is_current(peer, answer.call) => {
                self.on_answer(answer.sdp)
            }
            Body::Candidate(candidate) if self.is_current(peer, candidate.call) => {
                if let Some(entry) = &mut self.calls.current
                    && entry.candidates < limits::CANDIDATES
                    && let Some(media) = &entry.media
                {
                    entry.candidates += 1;
                    media.tell(MediaCommand::Candidate(candidate.candidate));
                }
            }
            Body::Hangup(Hangup { call, code, text }) if self.is_current(peer, call) => {
                self.step(Input::PeerHungUp { code, text });
            }
            body => tracing::debug!(kind = body.kind().bits(), "a word about no call of ours"),
        }
    }

    fn is_current(&self, peer: PeerId, call: CallId) -> bool {
        self.calls
            .current
            .as_ref()
            .is_some_and(|entry| entry.peer == peer && entry.call == call)
    }

    /// A link is gone. A call that is up goes on without it.
    pub(super) fn on_link_lost(&mut self, peer: PeerId) {
        if self.calls.with(peer).is_some_and(|entry| {
            !entry.state.has_media() && entry.instance.is_some() || entry.is_incoming()
        }) {
            self.step(Input::PeerHungUp {
                code: code::UNAVAILABLE,
                text: String::new(),
            });
        }
    }

    /// The user wants nothing to do with `peer` any more.
    pub(super) fn drop_call_with(&mut self, peer: PeerId) {
        if self.calls.with(peer).is_some() {
            self.step(Input::HangUp { code: None });
        }
    }

    /// Moves the call on, does what follows, and tells the interface.
    fn step(&mut self, input: Input) {
        let Some(entry) = &mut self.calls.current else {
            return;
        };
        let before = CallState::from(&entry.state);
        let placeholder = State::Connected {
            since: Instant::now(),
        };
        let (state, output) =
            std::mem::replace(&mut entry.state, placeholder).on(input, Instant::now());
        entry.state = state;
        let (call, peer) = (entry.call, entry.peer);
        match output {
            Some(Output::SendHangup { code }) => self.refuse(peer, call, code),
            Some(Output::SendAnswer) => self.accept_offer(),
            Some(Output::StartMedia) | None => {}
        }
        let Some(entry) = &self.calls.current else {
            return;
        };
        if CallState::from(&entry.state) != before {
            let shown = entry.shown();
            self.emit(Event::Call(shown));
        }
        if self
            .calls
            .current
            .as_ref()
            .is_some_and(|entry| entry.state.is_ended())
        {
            self.put_away();
        }
    }

    /// The call is over: its media ends by itself, files completed.
    fn put_away(&mut self) {
        self.refuse_rival(code::CANCELLED);
        let Some(entry) = self.calls.current.take() else {
            return;
        };
        self.levels.send_replace(None);
        self.tell_link(entry.peer, LinkCommand::InCall(false));
        // Those that have ended already make room.
        while self.calls.ending.try_join_next().is_some() {}
        if let Some(media) = entry.media {
            self.calls.ending.spawn(media.stop());
        }
    }

    pub(super) async fn stop_calls(&mut self) {
        self.step(Input::HangUp { code: None });
        while self.calls.ending.join_next().await.is_some() {}
    }
}

impl From<&State> for CallState {
    fn from(state: &State) -> Self {
        match state {
            State::Calling { .. } => Self::Calling,
            State::Ringing { .. } => Self::Ringing,
            State::Incoming { .. } => Self::Incoming,
            State::Connecting { .. } => Self::Connecting,
            State::Connected { .. } => Self::Connected,
            State::Reconnecting { .. } => Self::Reconnecting,
            State::Ended(_) => Self::Ended,
        }
    }
}
