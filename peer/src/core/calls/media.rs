//! What the media of a call reports.

use std::time::{Duration, Instant};

use twocan_proto::body::Body;
use twocan_proto::call::{Input, code};
use twocan_proto::identity::PeerId;

use super::{CallReport, Core};
use crate::api::{CallId, Event, NoticeLevel};
use crate::media::{Description, MediaEvent};

/// For the other side's word on why it ended the transport.
const WORD_WAIT: Duration = Duration::from_secs(1);

impl Core {
    pub(in crate::core) async fn on_call_report(&mut self, report: CallReport) {
        let CallReport { call, event } = report;
        let Ok(entry) = self.calls.named(call) else {
            return;
        };
        match event {
            MediaEvent::Description(said) => self.on_described(call, said),
            MediaEvent::Up(path) => {
                entry.path = Some(path);
                self.step(Input::MediaUp);
            }
            MediaEvent::Down => {
                let peer = entry.peer;
                let linked = self.links.get(peer).is_some();
                self.step(Input::MediaDown { linked });
            }
            MediaEvent::Moved(present) => {
                let peer = entry.peer;
                self.on_moved(peer, &present).await;
            }
            MediaEvent::Closed => {
                let peer = entry.peer;
                self.on_transport_ended(peer);
            }
            MediaEvent::Failed(text) => {
                self.emit(Event::Notice {
                    level: NoticeLevel::Error,
                    text: format!("the call failed: {text}"),
                });
                self.step(Input::HangUp {
                    code: Some(code::NO_PATH),
                    text: String::new(),
                });
            }
            MediaEvent::Device(text) => self.emit(Event::Notice {
                level: NoticeLevel::Warning,
                text,
            }),
            MediaEvent::Stats(stats) => {
                entry.on_stats((*stats).clone());
                self.emit(Event::CallStats(*stats));
            }
            MediaEvent::Hint { hint, on } => self.emit(Event::CallHint { call, hint, on }),
            MediaEvent::Levels(levels) => {
                self.levels.send_replace(Some(levels));
            }
            MediaEvent::Sound { mic_at, spk_at } => self.emit(Event::Sound {
                call,
                mic_at,
                spk_at,
            }),
        }
    }

    fn on_described(&mut self, call: CallId, said: Description) {
        let Ok(entry) = self.calls.named(call) else {
            return;
        };
        let (peer, is_answer) = (entry.peer, said.is_answer);
        entry.said = Some(said);
        if let Some(description) = entry.description() {
            let body = if is_answer {
                Body::Answer(description)
            } else {
                Body::Offer(description)
            };
            self.say(peer, body);
        }
        self.refuse_rival(code::PENDING);
    }

    /// The other side ended the transport in order. Why, it says on the link;
    /// without one there is nothing to wait for.
    fn on_transport_ended(&mut self, peer: PeerId) {
        if self.links.get(peer).is_some() {
            if let Some(entry) = &mut self.calls.current {
                entry.word_until = Some(Instant::now() + WORD_WAIT);
            }
            return;
        }
        self.step(Input::PeerHungUp {
            code: code::BYE,
            text: String::new(),
        });
    }
}
