//! Calling somebody: the offer, and what comes back.

use std::time::Instant;

use twocan_proto::body::{Body, CallRef, SessionDescription};
use twocan_proto::call::{Input, State, code};
use twocan_proto::identity::PeerId;
use twocan_voice::CallConfig;
use uuid::Uuid;

use super::entry::Entry;
use super::{CallReport, Core, Report};
use crate::api::{CallId, Error, ErrorCode, Relation};
use crate::link::task::Command as LinkCommand;
use crate::media::{Media, MediaCommand, Role};

impl Core {
    pub(in crate::core) fn call(&mut self, peer: PeerId) -> Result<CallId, Error> {
        self.contacts.reachable(peer)?;
        if let Some(entry) = &self.calls.current {
            let (call, with) = (entry.call, self.called(entry.peer));
            if entry.peer == peer && entry.is_incoming() {
                // She was quicker by a moment: both want the same call.
                self.step(Input::Answer);
                return Ok(call);
            }
            return Err(Error::new(
                ErrorCode::Busy,
                format!("you are in a call with {with}: hang up first"),
            ));
        }
        let call = Uuid::now_v7();
        let state = State::outgoing(Instant::now(), self.calls.settings.ring_time);
        self.begin(Entry::new(call, peer, true, state));
        self.hurry(peer);
        self.on_call_allowed(peer);
        Ok(call)
    }

    /// A link is up whose other side takes calls from us.
    pub(in crate::core) fn on_call_allowed(&mut self, peer: PeerId) {
        let instance = self.links.instance(peer);
        let restarted = |entry: &&mut Entry| entry.instance.is_some() && entry.instance != instance;
        if self.calls.with(peer).filter(restarted).is_some() {
            // Her program started anew and knows nothing of the call.
            self.step(Input::HangUp {
                code: Some(code::UNAVAILABLE),
            });
            return;
        }
        let is_welcome = self
            .contacts
            .get(peer)
            .is_some_and(|e| e.saved.relation == Relation::Mutual);
        let waiting = |entry: &&mut Entry| {
            matches!(entry.state, State::Calling { .. }) && entry.media.is_none()
        };
        if is_welcome && instance.is_some() && self.calls.with(peer).filter(waiting).is_some() {
            self.start_media(Role::Caller);
        } else {
            self.say_again(peer);
        }
    }

    /// A link is up again: what was said on the one before may not have
    /// arrived. The other side passes over what it knows.
    pub(super) fn say_again(&mut self, peer: PeerId) {
        let Some(entry) = self.calls.with(peer) else {
            return;
        };
        let call = entry.call;
        let described = entry
            .description
            .clone()
            .map(|sdp| SessionDescription { call, sdp });
        let body = match (&entry.state, described) {
            (State::Calling { .. } | State::Ringing { .. }, Some(offer)) => Body::Offer(offer),
            (State::Incoming { .. }, _) => Body::Ringing(CallRef { call }),
            (State::Connecting { .. }, Some(answer)) if !entry.outgoing => Body::Answer(answer),
            _ => return,
        };
        self.say(peer, body);
    }

    pub(super) fn start_media(&mut self, role: Role) {
        self.end_mic_test();
        let Some(entry) = &self.calls.current else {
            return;
        };
        let Some(near) = self.links.get(entry.peer).map(|link| link.near) else {
            return;
        };
        let sound = CallConfig {
            input: self.sound.input.clone(),
            output: self.sound.output.clone(),
            processing: self.sound.processing,
            muted: entry.muted,
            activation: entry.activation,
            loopback: self.config.echo,
        };
        let (deafened, talking, volume) = (entry.deafened, entry.talking, entry.volume);
        let (call, peer, reports) = (entry.call, entry.peer, self.reports.clone());
        let media = Media::start(call, role, near, sound, move |event| {
            let reports = reports.clone();
            Box::pin(async move {
                // Only a core that has ended takes no report.
                let _ended = reports.send(Report::Call(CallReport { call, event })).await;
            })
        });
        // Said before there was sound.
        media.tell(MediaCommand::Deafen(deafened));
        media.tell(MediaCommand::Talking(talking));
        media.tell(MediaCommand::Volume(volume));
        let instance = self.links.instance(peer);
        if let Some(entry) = &mut self.calls.current {
            entry.media = Some(media);
            entry.instance = instance;
        }
        self.tell_link(peer, LinkCommand::InCall(true));
    }

    pub(super) fn on_answer(&mut self, sdp: String) {
        if let Some(entry) = &self.calls.current
            && matches!(entry.state, State::Calling { .. } | State::Ringing { .. })
            && let Some(media) = &entry.media
        {
            media.tell(MediaCommand::Answer(sdp));
            self.step(Input::PeerAnswered);
        }
    }
}
