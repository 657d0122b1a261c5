//! Calls: the state machine of `proto`, fed by links, the media and the user.
//! One call at a time.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use twocan_proto::body::{Body, CallRef, Hangup, SessionDescription};
use twocan_proto::call::{self, Input, Output, State, code};
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_voice::CallConfig;
use uuid::Uuid;

use super::{Core, Report};
use crate::api::{
    Call, CallChange, CallId, CallState, CallStats, Error, ErrorCode, Event, NoticeLevel, Path,
};
use crate::link::task::Command as LinkCommand;
use crate::media::{Media, MediaCommand, MediaEvent, Role};

/// The setting that says how long a call rings.
pub(super) const RING_SETTING: &str = "call.ring_timeout_s";
const RING_SECONDS: std::ops::RangeInclusive<u64> = 5..=300;
/// Loudness that can be asked for, 1.0 as sent.
const VOLUME: std::ops::RangeInclusive<f32> = 0.0..=2.0;

/// What the media of a call reports.
#[derive(Debug)]
pub(crate) struct CallReport {
    call: CallId,
    event: MediaEvent,
}

#[derive(Debug)]
struct Entry {
    call: CallId,
    peer: PeerId,
    outgoing: bool,
    state: State,
    /// The running program of the other side that the call is with.
    instance: Option<Uuid>,
    media: Option<Media>,
    /// The caller's description, until it is answered.
    offer: Option<String>,
    /// Our own description, once there is one.
    description: Option<String>,
    candidates: usize,
    /// The other side's own call to us, which gives way to this one. It is
    /// refused only after our offer is out: refused before, the other side
    /// would be told of a stranger's call instead of being in ours at once.
    rival: Option<CallId>,
    path: Option<Path>,
    muted: bool,
    deafened: bool,
    stats: Option<CallStats>,
}

/// The call there is, and those whose media is being put away.
#[derive(Debug)]
pub(super) struct Calls {
    current: Option<Entry>,
    ring_time: Duration,
    ending: JoinSet<()>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            current: None,
            ring_time: limits::RING_TIME,
            ending: JoinSet::new(),
        }
    }
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

    pub(super) fn set_ring_time(&mut self, value: &Value) -> Result<(), Error> {
        let seconds = value
            .as_u64()
            .filter(|seconds| RING_SECONDS.contains(seconds))
            .ok_or_else(|| {
                let (least, most) = (RING_SECONDS.start(), RING_SECONDS.end());
                Error::new(
                    ErrorCode::BadRequest,
                    format!("{RING_SETTING} is a number of seconds from {least} to {most}"),
                )
            })?;
        self.calls.ring_time = Duration::from_secs(seconds);
        Ok(())
    }

    pub(super) fn call(&mut self, peer: PeerId) -> Result<CallId, Error> {
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
        let state = State::outgoing(Instant::now(), self.calls.ring_time);
        self.begin(Entry::new(call, peer, true, state));
        self.hurry(peer);
        self.on_call_allowed(peer);
        Ok(call)
    }

    fn begin(&mut self, entry: Entry) {
        let shown = entry.shown();
        self.calls.current = Some(entry);
        self.emit(Event::Call(shown));
    }

    /// A link is up whose other side takes calls from us.
    pub(super) fn on_call_allowed(&mut self, peer: PeerId) {
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
            .is_some_and(|e| e.saved.relation == crate::api::Relation::Mutual);
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
    fn say_again(&mut self, peer: PeerId) {
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

    fn start_media(&mut self, role: Role) {
        let Some(entry) = &self.calls.current else {
            return;
        };
        let Some(near) = self.links.get(entry.peer).map(|link| link.near) else {
            return;
        };
        let sound = CallConfig {
            input: self.config.audio_in.clone(),
            output: self.config.audio_out.clone(),
            muted: entry.muted,
            loopback: self.config.echo,
            ..CallConfig::default()
        };
        let (call, peer, reports) = (entry.call, entry.peer, self.reports.clone());
        let media = Media::start(call, role, near, sound, move |event| {
            let reports = reports.clone();
            Box::pin(async move {
                // Only a core that has ended takes no report.
                let _ended = reports.send(Report::Call(CallReport { call, event })).await;
            })
        });
        let instance = self.links.instance(peer);
        if let Some(entry) = &mut self.calls.current {
            entry.media = Some(media);
            entry.instance = instance;
        }
        self.tell_link(peer, LinkCommand::InCall(true));
    }

    pub(super) fn answer_call(&mut self, call: CallId) -> Result<(), Error> {
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

    pub(super) fn decline_call(&mut self, call: CallId, code: Option<u16>) -> Result<(), Error> {
        let entry = self.calls.named(call)?;
        if !matches!(entry.state, State::Incoming { .. }) {
            return Err(Error::new(
                ErrorCode::NotFound,
                "that call does not ring here",
            ));
        }
        self.hang_up(call, code)
    }

    pub(super) fn hang_up(&mut self, call: CallId, code: Option<u16>) -> Result<(), Error> {
        self.calls.named(call)?;
        if code.is_some_and(|code| !call::is_end_code(code)) {
            return Err(Error::new(
                ErrorCode::BadRequest,
                "a call ends with code 200 or one from 300 to 699",
            ));
        }
        self.step(Input::HangUp { code });
        Ok(())
    }

    pub(super) fn call_set(&mut self, call: CallId, change: CallChange) -> Result<(), Error> {
        let entry = self.calls.named(call)?;
        if change
            .volume
            .is_some_and(|volume| !VOLUME.contains(&volume))
        {
            return Err(Error::new(
                ErrorCode::BadRequest,
                "the volume is a number from 0 to 2, 1 as sent",
            ));
        }
        entry.muted = change.muted.unwrap_or(entry.muted);
        entry.deafened = change.deafened.unwrap_or(entry.deafened);
        let commands = [
            change.muted.map(MediaCommand::Mute),
            change.deafened.map(MediaCommand::Deafen),
            change.volume.map(MediaCommand::Volume),
        ];
        if let Some(media) = &entry.media {
            commands
                .into_iter()
                .flatten()
                .for_each(|command| media.tell(command));
        }
        let shown = entry.shown();
        if let Some(input) = change.audio_in {
            self.config.audio_in = input.clone();
            self.change_device(|reply| MediaCommand::Input(input, reply));
        }
        if let Some(output) = change.audio_out {
            self.config.audio_out = output.clone();
            self.change_device(|reply| MediaCommand::Output(output, reply));
        }
        self.emit(Event::Call(shown));
        Ok(())
    }

    /// Changes a device of the call and tells the user if that fails.
    fn change_device(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), String>>) -> MediaCommand,
    ) {
        let Some(entry) = &self.calls.current else {
            return;
        };
        let Some(media) = &entry.media else { return };
        let (reply, done) = oneshot::channel();
        media.tell(command(reply));
        let (call, reports) = (entry.call, self.reports.clone());
        tokio::spawn(async move {
            if let Ok(Err(problem)) = done.await {
                let event = MediaEvent::Device(problem);
                let _ended = reports.send(Report::Call(CallReport { call, event })).await;
            }
        });
    }

    pub(super) fn call_stats(&mut self, call: CallId) -> Result<CallStats, Error> {
        let stats = self.calls.named(call)?.stats.clone();
        stats.ok_or_else(|| Error::new(ErrorCode::NotFound, "that call has no sound yet"))
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

    fn on_offer(&mut self, peer: PeerId, offer: SessionDescription) {
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
        let state = State::incoming(Instant::now(), self.calls.ring_time);
        let mut entry = Entry::new(offer.call, peer, false, state);
        entry.offer = Some(offer.sdp);
        self.begin(entry);
        self.say(peer, Body::Ringing(CallRef { call: offer.call }));
        if answer_at_once {
            self.step(Input::Answer);
        }
    }

    fn refuse(&mut self, peer: PeerId, call: CallId, code: u16) {
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
    fn refuse_rival(&mut self, code: u16) {
        if let Some(entry) = &mut self.calls.current
            && let Some(rival) = entry.rival.take()
        {
            let peer = entry.peer;
            self.refuse(peer, rival, code);
        }
    }

    fn on_answer(&mut self, sdp: String) {
        if let Some(entry) = &self.calls.current
            && matches!(entry.state, State::Calling { .. } | State::Ringing { .. })
            && let Some(media) = &entry.media
        {
            media.tell(MediaCommand::Answer(sdp));
            self.step(Input::PeerAnswered);
        }
    }

    pub(super) fn on_call_report(&mut self, report: CallReport) {
        let CallReport { call, event } = report;
        let Ok(entry) = self.calls.named(call) else {
            return;
        };
        match event {
            MediaEvent::Description(sdp) => {
                entry.description = Some(sdp.clone());
                let (peer, description) = (entry.peer, SessionDescription { call, sdp });
                let body = if entry.outgoing {
                    Body::Offer(description)
                } else {
                    Body::Answer(description)
                };
                self.say(peer, body);
                self.refuse_rival(code::PENDING);
            }
            MediaEvent::Up(path) => {
                entry.path = Some(path);
                self.step(Input::MediaUp);
            }
            MediaEvent::Down => {
                let peer = entry.peer;
                let linked = self.links.get(peer).is_some();
                self.step(Input::MediaDown { linked });
            }
            MediaEvent::Failed(text) => {
                self.emit(Event::Notice {
                    level: NoticeLevel::Error,
                    text: format!("the call failed: {text}"),
                });
                self.step(Input::HangUp {
                    code: Some(code::NO_PATH),
                });
            }
            MediaEvent::Device(text) => self.emit(Event::Notice {
                level: NoticeLevel::Warning,
                text,
            }),
            MediaEvent::Stats(stats) => {
                entry.stats = Some((*stats).clone());
                self.emit(Event::CallStats(*stats));
            }
            MediaEvent::Sound { mic_at, spk_at } => self.emit(Event::Sound {
                call,
                mic_at,
                spk_at,
            }),
        }
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

    fn accept_offer(&mut self) {
        if let Some(offer) = self
            .calls
            .current
            .as_mut()
            .and_then(|entry| entry.offer.take())
        {
            self.start_media(Role::Callee { offer });
        }
    }

    /// The call is over: its media ends by itself, files completed.
    fn put_away(&mut self) {
        self.refuse_rival(code::CANCELLED);
        let Some(entry) = self.calls.current.take() else {
            return;
        };
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

impl Entry {
    fn new(call: CallId, peer: PeerId, outgoing: bool, state: State) -> Self {
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
            stats: None,
        }
    }

    fn is_incoming(&self) -> bool {
        matches!(self.state, State::Incoming { .. })
    }

    fn shown(&self) -> Call {
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
        }
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
