//! Calls: the state machine of `proto`, fed by links, the media and the user.
//! One call at a time.
//!
//! | part | what it does |
//! |---|---|
//! | [`place`] | calling somebody |
//! | [`answer`] | being called |
//! | [`controls`] | what the user does to a call |
//! | [`words`] | what the other side says |
//! | [`media`] | what the media reports |
//! | [`link`] | what becomes of the link |
//! | [`log`] | the log, and missed calls |
//! | [`settings`] | what holds for all calls |
//! | [`tones`] | ringing, and what else is heard without sound |

use std::collections::VecDeque;
use std::time::Instant;

use tokio::task::JoinSet;
use twocan_proto::call::{Input, Output, State, code};
use twocan_proto::identity::PeerId;

use super::{Core, Report};
use crate::api::{CallId, CallState, Error, ErrorCode, Event, LoggedCall};
use crate::link::task::Command as LinkCommand;
use crate::media::MediaEvent;
use crate::store::calls as table;
use answer::Over;
use entry::Entry;

mod answer;
mod controls;
mod entry;
mod link;
mod log;
mod media;
mod place;
mod settings;
mod tones;
mod words;

/// What ends a call as its state suggests.
const HANG_UP: Input = Input::HangUp {
    code: None,
    text: String::new(),
};

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
    playing: Option<tones::Playing>,
    ending: JoinSet<()>,
    /// Calls that are over, with what was said at their end; the oldest first.
    over: VecDeque<Over>,
    /// What the log does not have yet.
    unsaved: Vec<LoggedCall>,
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
        self.calls.current.as_ref().and_then(Entry::deadline)
    }

    pub(super) fn on_calls_deadline(&mut self, now: Instant) {
        let Some(entry) = self.calls.current.as_ref() else {
            return;
        };
        if entry.deadline().is_none_or(|due| due > now) {
            return;
        }
        let is_up = matches!(entry.state, State::Calling { .. }) && entry.media.is_none();
        let input = if entry.word_until.is_some_and(|due| due <= now) {
            // It ended the transport in order, and says no more about it.
            Input::PeerHungUp {
                code: code::BYE,
                text: String::new(),
            }
        } else if is_up && self.links.get(entry.peer).is_some() {
            // She is there, and has not said that she knows us.
            Input::HangUp {
                code: Some(code::NOT_FOUND),
                text: String::new(),
            }
        } else {
            Input::Tick
        };
        self.step(input);
    }

    /// What a run before this one left open.
    pub(super) async fn load_call_log(&self) -> Result<(), Error> {
        Ok(self.store.run(table::close_open).await?)
    }

    fn begin(&mut self, mut entry: Entry) {
        entry.activation = self.calls.settings.activation;
        entry.volume = self.calls.settings.volume(entry.peer);
        let shown = entry.shown();
        self.log_call(entry.logged());
        self.calls.current = Some(entry);
        self.follow_tone();
        self.emit(Event::Call(shown));
    }

    /// The user wants nothing to do with `peer` any more.
    pub(super) fn drop_call_with(&mut self, peer: PeerId) {
        if self.calls.with(peer).is_some() {
            self.step(HANG_UP);
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
        entry.note_answer();
        let (call, peer) = (entry.call, entry.peer);
        match output {
            Some(Output::SendHangup { code, text }) => self.refuse(peer, call, code, text),
            Some(Output::SendAnswer) => self.accept_offer(),
            Some(Output::StartMedia) | None => {}
        }
        let Some(entry) = &self.calls.current else {
            return;
        };
        if CallState::from(&entry.state) != before {
            let shown = entry.shown();
            self.follow_tone();
            self.cue_joined(before);
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
        self.log_call(entry.logged());
        self.tell_link(entry.peer, LinkCommand::InCall(false));
        // Those that have ended already make room.
        while self.calls.ending.try_join_next().is_some() {}
        if let Some(media) = entry.media {
            self.calls.ending.spawn(media.stop());
        }
    }

    pub(super) async fn stop_calls(&mut self) {
        self.step(HANG_UP);
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
