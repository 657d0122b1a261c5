//! What the media of a call reports.

use twocan_proto::body::{Body, SessionDescription};
use twocan_proto::call::{Input, code};

use super::{CallReport, Core};
use crate::api::{Event, NoticeLevel};
use crate::media::MediaEvent;

impl Core {
    pub(in crate::core) fn on_call_report(&mut self, report: CallReport) {
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
}
