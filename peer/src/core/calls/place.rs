//! Calling somebody, and the start of the media on both sides.

use std::time::Instant;

use twocan_proto::call::{Input, State};
use twocan_proto::identity::PeerId;
use twocan_voice::{CallConfig, Format};
use uuid::Uuid;

use super::entry::Entry;
use super::{CallReport, Core, Report};
use crate::api::{CallId, Error, ErrorCode};
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
        if self.links.get(peer).is_some() {
            self.on_call_linked(peer, true);
        }
        Ok(call)
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
            // Until the descriptions have settled it.
            format: Format::default(),
            // Random (RFC 3550, 5.1), in the half that the field demands.
            first_number: rand::random::<u16>() >> 1,
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
            entry.offer = None;
            entry.media = Some(media);
            entry.instance = instance;
        }
        self.tell_link(peer, LinkCommand::InCall(true));
    }
}
