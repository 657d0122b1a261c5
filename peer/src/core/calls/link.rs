//! What becomes of the link to the other side while there is a call: the call
//! goes on without one, and what was lost with it is said again.

use std::net::IpAddr;
use std::time::Duration;

use twocan_proto::body::{Body, CallRef};
use twocan_proto::call::{Again, Input, State, code};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;

use super::Core;
use crate::api::Relation;
use crate::link::task::Command as LinkCommand;
use crate::media::Role;

impl Core {
    /// A link to `peer` is up. `welcome`: she takes calls from us.
    pub(in crate::core) fn on_call_linked(&mut self, peer: PeerId, welcome: bool) {
        self.say_farewells(peer);
        let instance = self.links.instance(peer);
        let Some(entry) = self.calls.with(peer) else {
            return;
        };
        if entry.instance.is_some() && entry.instance != instance {
            // Her program started anew and knows nothing of the call.
            return self.step(Input::HangUp {
                code: Some(code::UNAVAILABLE),
                text: String::new(),
            });
        }
        let relation = self.contacts.get(peer).map(|entry| entry.saved.relation);
        if !welcome || relation != Some(Relation::Mutual) {
            return;
        }
        self.step(Input::Linked(true));
        let Some(entry) = self.calls.with(peer) else {
            return;
        };
        if entry.media.is_some() {
            self.tell_link(peer, LinkCommand::InCall(true));
        }
        self.begin_media(peer);
        self.say_again(peer);
    }

    /// Starts media that had to wait for the link.
    fn begin_media(&mut self, peer: PeerId) {
        let waiting = self.calls.with(peer).filter(|entry| entry.media.is_none());
        match waiting.map(|entry| &entry.state) {
            Some(State::Calling { .. }) => self.start_media(Role::Caller),
            Some(State::Connecting { .. }) => self.accept_offer(),
            _ => {}
        }
    }

    /// What was said on the link before may not have arrived. The other side
    /// passes over what it knows.
    pub(super) fn say_again(&mut self, peer: PeerId) {
        let Some(entry) = self.calls.with(peer) else {
            return;
        };
        let call = entry.call;
        let is_offer = entry.said.as_ref().is_some_and(|said| !said.is_answer);
        let body = match (entry.state.again(entry.outgoing), entry.description()) {
            (Some(Again::Ringing), _) => Body::Ringing(CallRef { call }),
            (Some(Again::Offer | Again::Restart), Some(offer)) if is_offer => Body::Offer(offer),
            (Some(Again::Answer), Some(answer)) if !is_offer => Body::Answer(answer),
            _ => return,
        };
        self.say(peer, body);
    }

    /// A link is gone.
    pub(in crate::core) fn on_link_lost(&mut self, peer: PeerId) {
        if self.calls.with(peer).is_some() {
            self.step(Input::Linked(false));
        }
    }

    /// A call needs its link: it is not waited for as long as usual.
    pub(in crate::core) fn relink_call(&mut self, peer: PeerId) {
        if self.calls.with(peer).is_some()
            && let Some(entry) = self.contacts.get_mut(peer)
            && entry.dial.is_wanted()
        {
            entry.dial.within(Duration::ZERO);
        }
    }

    /// `peer` was dialled in vain. `is_deserted`: nobody listens where she was.
    pub(in crate::core) fn on_call_not_reached(&mut self, peer: PeerId, is_deserted: bool) {
        if self.calls.with(peer).is_none() {
            return;
        }
        if is_deserted {
            self.step(Input::PeerGone);
        }
        if self.calls.with(peer).is_some()
            && let Some(entry) = self.contacts.get_mut(peer)
        {
            entry.dial.within(limits::REDIAL_IN_CALL);
        }
    }

    /// This machine has these addresses now.
    pub(super) async fn on_moved(&mut self, peer: PeerId, present: &[IpAddr]) {
        self.leave_addresses(present).await;
        if !present.is_empty() {
            self.hurry(peer);
        }
    }
}
