//! The life of one link after TLS has proven both keys: hello, keep-alive,
//! bye.
//!
//! ```text
//!             hello of the peer               bye, silence, nonsense
//!  Greeting ---------------------> Up ------------------------------> Ended
//!     |        (Event::Up)          \  every other body: Event::Body     ^
//!     +--------------- no hello in time, anything else ------------------+
//! ```
//!
//! Sans-IO: frames, instants and intents go in; frames, events and one
//! deadline come out. The driver owns the socket and calls, after anything it
//! did, [`Session::poll_frame`] and [`Session::poll_event`] until both are
//! empty, and [`Session::on_deadline`] when [`Session::deadline`] has come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::body::{Body, BodyError, Bye, ByeReason, Complaint, Hello, Ping};
use crate::frame::{Frame, FrameError};
use crate::limits;

/// Which side ended a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This one.
    Us,
    /// The other one.
    Them,
}

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Who ended it.
    pub by: Side,
    /// Why, for programs.
    pub reason: ByeReason,
    /// Why, for people and logs.
    pub text: String,
}

/// What a session tells its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The peer said hello; bodies may flow both ways.
    Up(Box<Hello>),
    /// The peer said something that is for the engine.
    Body(Body),
    /// The link is over. Send what [`Session::poll_frame`] still has, close
    /// the socket, and forget the session.
    Ended(Ended),
}

#[derive(Debug)]
enum State {
    Greeting { until: Instant },
    Up { waiting: Option<Waiting> },
    Ended,
}

/// A ping that has not been answered.
#[derive(Debug)]
struct Waiting {
    nonce: u64,
    sent: Instant,
    gone: Instant,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    state: State,
    heard: Instant,
    instance: Uuid,
    /// The peer asks for signs of life first, and we only if it does not: one
    /// question and its answer tell both.
    second: bool,
    in_call: bool,
    unanswered: bool,
    nonce: u64,
    round_trip: Option<Duration>,
    frames: VecDeque<Frame>,
    events: VecDeque<Event>,
}

impl Session {
    /// A session that greets with `hello`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] if `hello` breaks the limits.
    pub fn new(hello: Hello, now: Instant) -> Result<Self, FrameError> {
        let mut session = Self {
            state: State::Greeting {
                until: now + limits::HELLO_WAIT,
            },
            heard: now,
            instance: hello.instance,
            second: false,
            in_call: false,
            unanswered: false,
            nonce: 0,
            round_trip: None,
            frames: VecDeque::new(),
            events: VecDeque::new(),
        };
        session.push(&Body::Hello(hello))?;
        Ok(session)
    }

    /// The last measured round trip.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether the peer has said hello and the link has not ended.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Whether a call is up between the two: silence is noticed sooner.
    pub fn set_in_call(&mut self, in_call: bool) {
        self.in_call = in_call;
    }

    /// Whether the peer owes an answer to what was sent: silence is noticed
    /// sooner, as somebody waits to see that her words have arrived.
    pub fn set_unanswered(&mut self, unanswered: bool, now: Instant) {
        let is_new = unanswered && !self.unanswered;
        self.unanswered = unanswered;
        let patience = self.gone_after().saturating_sub(self.ping_after());
        if let State::Up {
            waiting: Some(asked),
        } = &mut self.state
            && is_new
        {
            asked.gone = asked.gone.min(now + patience);
        }
    }

    /// Sends `body` to the peer. After the end of the session it is dropped,
    /// as it is when a link breaks under way.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] if `body` breaks the limits.
    pub fn send(&mut self, body: &Body) -> Result<(), FrameError> {
        match self.state {
            State::Ended => Ok(()),
            State::Greeting { .. } | State::Up { .. } => self.push(body),
        }
    }

    /// Ends the link with a bye.
    pub fn close(&mut self, reason: ByeReason, text: &str) {
        self.end(Side::Us, reason, text);
    }

    /// The stream is over: the peer is gone without a bye, or broke off in
    /// the middle of a frame.
    pub fn on_eof(&mut self, mid_frame: bool) {
        let text = if mid_frame {
            "broke off in the middle of a frame"
        } else {
            "connection closed"
        };
        self.end(Side::Them, ByeReason::Other, text);
    }

    /// The bytes on the stream are no frames of ours.
    pub fn on_frame_error(&mut self, error: FrameError) {
        let reason = match error {
            FrameError::Version { .. } => ByeReason::Outdated,
            FrameError::TooLong => ByeReason::Protocol,
        };
        self.end(Side::Us, reason, &error.to_string());
    }

    /// Takes a frame of the peer.
    pub fn on_frame(&mut self, frame: &Frame, now: Instant) {
        if matches!(self.state, State::Ended) {
            return;
        }
        self.heard = now;
        match Body::from_frame(frame) {
            Ok(body) => self.on_body(body, now),
            Err(error @ BodyError::Unknown(kind)) if self.is_up() => {
                let complaint = Complaint {
                    kind: kind.bits(),
                    text: error.to_string(),
                };
                self.push_small(&Body::Error(complaint));
            }
            Err(error) => self.end(Side::Us, ByeReason::Protocol, &error.to_string()),
        }
    }

    fn on_body(&mut self, body: Body, now: Instant) {
        match (&mut self.state, body) {
            (_, Body::Bye(bye)) => self.end(Side::Them, bye.reason, &bye.text),
            (State::Greeting { .. }, Body::Hello(hello)) => {
                self.state = State::Up { waiting: None };
                self.second = self.instance > hello.instance;
                self.events.push_back(Event::Up(Box::new(hello)));
            }
            (State::Greeting { .. }, _) => {
                self.end(
                    Side::Us,
                    ByeReason::Protocol,
                    "the first frame must be a hello",
                );
            }
            (_, Body::Hello(_)) => self.end(Side::Us, ByeReason::Protocol, "a second hello"),
            (_, Body::Ping(ping)) => self.push_small(&Body::Pong(ping)),
            (State::Up { waiting }, Body::Pong(pong)) => {
                if let Some(asked) = waiting.take_if(|asked| asked.nonce == pong.nonce) {
                    self.round_trip = Some(now.saturating_duration_since(asked.sent));
                }
            }
            (_, body) => self.events.push_back(Event::Body(body)),
        }
    }

    /// When [`Self::on_deadline`] is to be called; `None` once ended.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Greeting { until } => Some(*until),
            State::Up { waiting: None } => Some(self.heard + self.ping_after()),
            State::Up {
                waiting: Some(asked),
            } => Some(asked.gone),
            State::Ended => None,
        }
    }

    /// Does what is due at `now`; earlier calls do nothing.
    pub fn on_deadline(&mut self, now: Instant) {
        if self.deadline().is_none_or(|due| now < due) {
            return;
        }
        match &mut self.state {
            State::Greeting { .. } => self.end(Side::Us, ByeReason::Timeout, "no hello came"),
            State::Up { waiting: None } => {
                let patience = self.gone_after().saturating_sub(self.ping_after());
                self.ping(now, patience);
            }
            // Anything heard after the ping shows that the peer is there.
            State::Up {
                waiting: Some(asked),
            } if self.heard > asked.sent => {
                self.state = State::Up { waiting: None };
                self.on_deadline(now);
            }
            State::Up { waiting: Some(_) } => {
                self.end(
                    Side::Us,
                    ByeReason::Timeout,
                    "the other side has gone silent",
                );
            }
            State::Ended => {}
        }
    }

    /// Asks for a sign of life at once, as the link may be stale: it ends
    /// within [`limits::PROBE_WAIT`] if none comes.
    pub fn probe(&mut self, now: Instant) {
        if self.is_up() {
            self.ping(now, limits::PROBE_WAIT);
        }
    }

    /// The next frame to write.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    /// The next thing to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn ping(&mut self, now: Instant, patience: Duration) {
        self.nonce += 1;
        let nonce = self.nonce;
        self.state = State::Up {
            waiting: Some(Waiting {
                nonce,
                sent: now,
                gone: now + patience,
            }),
        };
        self.push_small(&Body::Ping(Ping { nonce }));
    }

    fn end(&mut self, by: Side, reason: ByeReason, text: &str) {
        if matches!(self.state, State::Ended) {
            return;
        }
        let text = crate::text::name(text, limits::REASON_BYTES);
        if by == Side::Us {
            self.push_small(&Body::Bye(Bye {
                reason,
                text: text.clone(),
            }));
        }
        self.state = State::Ended;
        self.events
            .push_back(Event::Ended(Ended { by, reason, text }));
    }

    fn push(&mut self, body: &Body) -> Result<(), FrameError> {
        self.frames.push_back(body.to_frame()?);
        Ok(())
    }

    /// Sends what is small by construction, so that it always fits.
    fn push_small(&mut self, body: &Body) {
        let pushed = self.push(body);
        debug_assert!(pushed.is_ok());
    }

    fn ping_after(&self) -> Duration {
        let first = if self.in_call {
            limits::PING_AFTER_IN_CALL
        } else if self.unanswered {
            limits::PING_AFTER_UNANSWERED
        } else {
            limits::PING_AFTER
        };
        // What the peer is asked for it may owe us alone.
        match self.second && !self.unanswered {
            true => first + first / 4,
            false => first,
        }
    }

    fn gone_after(&self) -> Duration {
        if self.in_call {
            limits::GONE_AFTER_IN_CALL
        } else if self.unanswered {
            limits::GONE_AFTER_UNANSWERED
        } else {
            limits::GONE_AFTER
        }
    }
}

#[cfg(test)]
mod tests;
