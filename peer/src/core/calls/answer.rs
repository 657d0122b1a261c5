//! Being called: ringing, answering, declining, and both calling at once.

use std::time::Instant;

use twocan_proto::body::{Body, CallRef, Hangup, SessionDescription};
use twocan_proto::call::{Input, State, code};
use twocan_proto::identity::PeerId;

use super::Core;
use super::entry::Entry;
use crate::api::{CallId, Error, ErrorCode};
use crate::media::Role;

impl Core {
    pub(in crate::core) fn answer_call(&mut self, call: CallId) -> Result<(), Error> {
        let entry = self.calls.named(call)?;
        if !matches!(entry.state, State::Incoming { .. }) {
            return Err(Error::new(
                ErrorCode::NotFound,
                "that call does not ring here",
            ));
        }
        self.step(Input::Answer);
        Ok(())
    }

    pub(in crate::core) fn decline_call(
        &mut self,
        call: CallId,
        code: Option<u16>,
    ) -> Result<(), Error> {
        let entry = self.calls.named(call)?;
        if !matches!(entry.state, State::Incoming { .. }) {
            return Err(Error::new(
                ErrorCode::NotFound,
                "that call does not ring here",
            ));
        }
        self.hang_up(call, code)
    }

    pub(super) fn on_offer(&mut self, peer: PeerId, offer: SessionDescription) {
        let mut answer_at_once = self.config.auto_answer || self.config.echo;
        if self.is_current(peer, offer.call) {
            return self.say_again(peer);
        }
        if let Some(entry) = &mut self.calls.current {
            let we_call_her = entry.peer == peer
                && matches!(entry.state, State::Calling { .. } | State::Ringing { .. });
            if !we_call_her {
                return self.refuse(peer, offer.call, code::BUSY);
            }
            // Both call at once: the call with the smaller id is taken.
            if entry.call <= offer.call {
                entry.rival = Some(offer.call);
                if entry.description.is_some() {
                    self.refuse_rival(code::PENDING);
                }
                return;
            }
            self.step(Input::PeerHungUp {
                code: code::PENDING,
                text: String::new(),
            });
            answer_at_once = true;
        }
        let state = State::incoming(Instant::now(), self.calls.settings.ring_time);
        let mut entry = Entry::new(offer.call, peer, false, state);
        entry.offer = Some(offer.sdp);
        self.begin(entry);
        self.say(peer, Body::Ringing(CallRef { call: offer.call }));
        if answer_at_once {
            self.step(Input::Answer);
        }
    }

    pub(super) fn refuse(&mut self, peer: PeerId, call: CallId, code: u16) {
        self.say(
            peer,
            Body::Hangup(Hangup {
                call,
                code,
                text: String::new(),
            }),
        );
    }

    /// The other side's call that gave way to ours is over.
    pub(super) fn refuse_rival(&mut self, code: u16) {
        if let Some(entry) = &mut self.calls.current
            && let Some(rival) = entry.rival.take()
        {
            let peer = entry.peer;
            self.refuse(peer, rival, code);
        }
    }

    pub(super) fn accept_offer(&mut self) {
        if let Some(offer) = self
            .calls
            .current
            .as_mut()
            .and_then(|entry| entry.offer.take())
        {
            self.start_media(Role::Callee { offer });
        }
    }
}
