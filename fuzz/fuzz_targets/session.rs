//! A link session to which anything happens in any order: it is up at most
//! once, ends at most once, says nothing after that, never asks to be woken for
//! what it has just done, and answers a frame with few of its own.
#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twocan_proto::body::{Body, ByeReason, Hello, Resume};
use twocan_proto::frame::{Frame, FrameError, Kind};
use twocan_proto::session::{Event, Session};
use uuid::Uuid;

#[derive(Arbitrary, Debug)]
enum Happening {
    Wait(u16),
    Deadline,
    Hello {
        instance: u8,
    },
    Frame {
        bits: u8,
        body: Vec<u8>,
    },
    /// A pong to the ping that is out.
    Pong,
    Broken {
        version: Option<u8>,
    },
    Eof(bool),
    InCall(bool),
    Unanswered(bool),
    Probe,
    Close,
}

/// Frames that one happening may lead to.
const MOST_FRAMES: usize = 3;

fn hello(instance: u8) -> Hello {
    Hello {
        client: "fuzz/1".into(),
        capabilities: Vec::new(),
        instance: Uuid::from_u128(instance.into()),
        port: None,
        welcome: true,
        invisible: false,
        moved: false,
        resume: Resume::default(),
    }
}

struct Run {
    session: Session,
    now: Instant,
    pinged: Option<Frame>,
    ups: usize,
    ended: bool,
}

impl Run {
    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wait(ms) => self.now += Duration::from_millis(ms.into()),
            Happening::Deadline => {
                if let Some(due) = self.session.deadline() {
                    self.now = self.now.max(due);
                    self.session.on_deadline(self.now);
                    let next = self.session.deadline();
                    assert!(next.is_none_or(|next| next > self.now), "due again at once");
                }
            }
            Happening::Hello { instance } => {
                let frame = Body::Hello(hello(instance)).to_frame().expect("short");
                self.session.on_frame(&frame, self.now);
            }
            Happening::Frame { bits, body } => {
                if let Some(kind) = Kind::from_bits(bits & 0x3f) {
                    let frame = Frame {
                        kind,
                        body: body.into(),
                    };
                    self.session.on_frame(&frame, self.now);
                }
            }
            Happening::Pong => {
                if let Some(Ok(Body::Ping(ping))) = self.pinged.take().map(|f| Body::from_frame(&f))
                {
                    let frame = Body::Pong(ping).to_frame().expect("short");
                    self.session.on_frame(&frame, self.now);
                }
            }
            Happening::Broken { version } => self.session.on_frame_error(match version {
                Some(theirs) => FrameError::Version { theirs },
                None => FrameError::TooLong,
            }),
            Happening::Eof(mid_frame) => self.session.on_eof(mid_frame),
            Happening::InCall(on) => self.session.set_in_call(on),
            Happening::Unanswered(on) => self.session.set_unanswered(on, self.now),
            Happening::Probe => self.session.probe(self.now),
            Happening::Close => self.session.close(ByeReason::Shutdown, ""),
        }
        self.take();
    }

    fn take(&mut self) {
        let mut frames = 0;
        while let Some(frame) = self.session.poll_frame() {
            frames += 1;
            if matches!(Body::from_frame(&frame), Ok(Body::Ping(_))) {
                self.pinged = Some(frame);
            }
        }
        assert!(frames <= MOST_FRAMES, "{frames} frames at once");
        while let Some(event) = self.session.poll_event() {
            assert!(!self.ended, "an event after the end: {event:?}");
            match event {
                Event::Up(_) => self.ups += 1,
                Event::Body(_) => assert_eq!(self.ups, 1, "a body before the hello"),
                Event::Ended(_) => self.ended = true,
            }
        }
        assert!(self.ups <= 1, "up twice");
        assert!(!self.ended || self.session.deadline().is_none());
        assert!(!self.ended || !self.session.is_up());
    }
}

fuzz_target!(|happenings: Vec<Happening>| {
    let now = Instant::now();
    let session = Session::new(hello(7), now).expect("a hello of ours is short");
    let mut run = Run {
        session,
        now,
        pinged: None,
        ups: 0,
        ended: false,
    };
    for happening in happenings {
        run.happen(happening);
    }
});
