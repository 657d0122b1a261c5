//! What the other side says about a call.

use twocan_proto::body::{Body, CallRef, Hangup, SessionDescription};
use twocan_proto::call::{Input, State, code};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;

use super::Core;
use crate::api::CallId;
use crate::media::{Description, MediaCommand};

impl Core {
    /// What a contact says about a call.
    pub(in crate::core) fn on_call_body(&mut self, peer: PeerId, body: Body) {
        match body {
            Body::Hangup(Hangup { call, code, text }) if self.is_current(peer, call) => {
                self.step(Input::PeerHungUp { code, text });
            }
            Body::Offer(offer) if self.is_current(peer, offer.call) => {
                if offer.round == 0 {
                    self.say_again(peer);
                } else {
                    self.on_path_offer(offer);
                }
            }
            Body::Offer(offer) if self.is_over(peer, offer.call) => self.say_over(peer, offer.call),
            Body::Offer(offer) if offer.round == 0 => self.on_offer(peer, offer),
            Body::Ringing(CallRef { call }) if self.is_current(peer, call) => {
                self.step(Input::PeerRinging);
            }
            Body::Answer(answer) if self.is_current(peer, answer.call) => self.on_answer(answer),
            Body::Candidate(candidate) if self.is_current(peer, candidate.call) => {
                self.on_candidate(candidate.candidate);
            }
            Body::Offer(SessionDescription { call, .. })
            | Body::Answer(SessionDescription { call, .. })
            | Body::Ringing(CallRef { call }) => self.say_over(peer, call),
            body => tracing::debug!(kind = body.kind().bits(), "a word about no call of ours"),
        }
    }

    pub(super) fn is_current(&self, peer: PeerId, call: CallId) -> bool {
        let current = self.calls.current.as_ref();
        current.is_some_and(|entry| entry.peer == peer && entry.call == call)
    }

    fn on_answer(&mut self, answer: SessionDescription) {
        let Some(entry) = &mut self.calls.current else {
            return;
        };
        let is_first = matches!(entry.state, State::Calling { .. } | State::Ringing { .. });
        let is_asked = entry
            .said
            .as_ref()
            .is_some_and(|said| !said.is_answer && said.round == answer.round);
        if !is_asked || (answer.round == 0) != is_first {
            return;
        }
        entry.said = None;
        if let Some(media) = &entry.media {
            media.tell(MediaCommand::Described(Description {
                sdp: answer.sdp,
                round: answer.round,
                is_answer: true,
            }));
        }
        if is_first {
            self.step(Input::PeerAnswered);
        }
    }

    /// The other side offers another path for the call there is.
    fn on_path_offer(&self, offer: SessionDescription) {
        if let Some(entry) = &self.calls.current
            && entry.state.has_media()
            && let Some(media) = &entry.media
        {
            media.tell(MediaCommand::Described(Description {
                sdp: offer.sdp,
                round: offer.round,
                is_answer: false,
            }));
        }
    }

    fn on_candidate(&mut self, candidate: String) {
        if let Some(entry) = &mut self.calls.current
            && entry.candidates < limits::CANDIDATES
            && let Some(media) = &entry.media
        {
            entry.candidates += 1;
            media.tell(MediaCommand::Candidate(candidate));
        }
    }

    fn is_over(&self, peer: PeerId, call: CallId) -> bool {
        let mut over = self.calls.over.iter();
        over.any(|over| over.peer == peer && over.hangup.call == call)
    }

    /// A word about a call that is over here, or never was: it is told again
    /// how it ended.
    fn say_over(&mut self, peer: PeerId, call: CallId) {
        let mut all = self.calls.over.iter();
        let known = all.find(|over| over.peer == peer && over.hangup.call == call);
        let hangup = known.map_or_else(
            || Hangup {
                call,
                code: code::GONE,
                text: String::new(),
            },
            |over| over.hangup.clone(),
        );
        self.say(peer, Body::Hangup(hangup));
    }
}
