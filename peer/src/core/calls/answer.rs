//! Being called: ringing, answering, declining, and both calling at once.

use std::time::{Duration, Instant};

use twocan_proto::body::{Body, CallRef, Hangup, SessionDescription};
use twocan_proto::call::{Input, State, code};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;

use super::Core;
use super::entry::Entry;
use crate::api::{CallId, Error, ErrorCode};
use crate::media::Role;

/// For so long an end is told again on a new link: longer than the other side
/// waits for anything in a call.
const TOLD_AGAIN: Duration = Duration::from_secs(120);

/// A call that is over, and what was said about that.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) peer: PeerId,
    pub(super) hangup: Hangup,
    at: Instant,
}

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
        text: String,
    ) -> Result<(), Error> {
        let entry = self.calls.named(call)?;
        if !matches!(entry.state, State::Incoming { .. }) {
            return Err(Error::new(
                ErrorCode::NotFound,
                "that call does not ring here",
            ));
        }
        let most = limits::REASON_BYTES;
        if text.len() > most {
            return Err(Error::new(
                ErrorCode::TooLarge,
                format!("a call is declined with at most {most} bytes: send a message for more"),
            ));
        }
        self.hang_up(call, code, text)
    }

    /// A new call comes in.
    pub(super) fn on_offer(&mut self, peer: PeerId, offer: SessionDescription) {
        let mut answer_at_once = self.config.auto_answer || self.config.echo;
        if let Some(entry) = &mut self.calls.current {
            let we_call_her = entry.peer == peer
                && matches!(entry.state, State::Calling { .. } | State::Ringing { .. });
            if !we_call_her {
                return self.refuse_busy(peer, offer.call);
            }
            // Both call at once: the call with the smaller id is taken.
            if entry.call <= offer.call {
                entry.rival = Some(offer.call);
                if entry.said.is_some() {
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
        entry.instance = self.links.instance(peer);
        self.begin(entry);
        self.say(peer, Body::Ringing(CallRef { call: offer.call }));
        if answer_at_once {
            self.step(Input::Answer);
        }
    }

    /// We are in another call; this one is missed.
    fn refuse_busy(&mut self, peer: PeerId, call: CallId) {
        let now = Instant::now();
        let (ended, _) = State::incoming(now, self.calls.settings.ring_time).on(
            Input::HangUp {
                code: Some(code::BUSY),
                text: String::new(),
            },
            now,
        );
        self.log_call(Entry::new(call, peer, false, ended).logged());
        self.refuse(peer, call, code::BUSY, String::new());
    }

    /// Tells the other side that a call is over, and remembers it in case she
    /// does not hear it.
    pub(super) fn refuse(&mut self, peer: PeerId, call: CallId, code: u16, text: String) {
        let hangup = Hangup { call, code, text };
        while self.calls.over.len() >= limits::CALLS_OVER {
            self.calls.over.pop_front();
        }
        self.calls.over.push_back(Over {
            peer,
            hangup: hangup.clone(),
            at: Instant::now(),
        });
        self.say(peer, Body::Hangup(hangup));
    }

    /// A link is up: she may not know yet that a call with her is over.
    pub(super) fn say_farewells(&mut self, peer: PeerId) {
        let over = self.calls.over.iter();
        let recent = over.filter(|over| over.peer == peer && over.at.elapsed() < TOLD_AGAIN);
        let words: Vec<Hangup> = recent.map(|over| over.hangup.clone()).collect();
        for hangup in words {
            self.say(peer, Body::Hangup(hangup));
        }
    }

    /// The other side's call that gave way to ours is over.
    pub(super) fn refuse_rival(&mut self, code: u16) {
        if let Some(entry) = &mut self.calls.current
            && let Some(rival) = entry.rival.take()
        {
            let peer = entry.peer;
            self.refuse(peer, rival, code, String::new());
        }
    }

    pub(super) fn accept_offer(&mut self) {
        if let Some(offer) = self
            .calls
            .current
            .as_ref()
            .and_then(|entry| entry.offer.clone())
        {
            self.start_media(Role::Callee { offer });
        }
    }
}
