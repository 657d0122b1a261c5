//! The life of one call, as plain data driven by inputs and time.
//!
//! ```text
//!  caller:  Calling --ringing--> Ringing --answer--+
//!                                                  v        media up
//!  callee:  Incoming -----------answer------> Connecting ------------> Connected
//!                                                                       |     ^
//!                                                            media down v     | media up
//!                                                                    Reconnecting
//!  from every state: hang-up of either side, or a deadline --> Ended
//! ```
//!
//! A state is consumed by its transition; what only one state needs (a
//! deadline, the moment of connecting) only that state has.

use std::time::{Duration, Instant};

use crate::limits;

/// SIP response codes (RFC 3261 section 21) as ends of a call.
pub mod code {
    /// The call was up and simply ended.
    pub const BYE: u16 = 200;
    /// Nobody by that name or number here.
    pub const NOT_FOUND: u16 = 404;
    /// Nobody answered in time.
    pub const NO_ANSWER: u16 = 408;
    /// The person is not there, or the link to her broke.
    pub const UNAVAILABLE: u16 = 480;
    /// In another call.
    pub const BUSY: u16 = 486;
    /// The caller gave up before an answer.
    pub const CANCELLED: u16 = 487;
    /// The two ends have no common way to talk.
    pub const NOT_ACCEPTABLE: u16 = 488;
    /// No such call here, or no longer.
    pub const GONE: u16 = 481;
    /// Both called each other at once; the other call is taken.
    pub const PENDING: u16 = 491;
    /// Something failed on this side.
    pub const INTERNAL: u16 = 500;
    /// No path for the sound was found, or it was lost for good.
    pub const NO_PATH: u16 = 503;
    /// Declined by the person.
    pub const DECLINED: u16 = 603;
}

/// What a code means, for a person.
pub fn reason(end: u16) -> &'static str {
    match end {
        code::BYE => "call ended",
        code::NOT_FOUND => "unknown here",
        code::NO_ANSWER => "no answer",
        code::UNAVAILABLE => "not available",
        code::BUSY => "busy in another call",
        code::CANCELLED => "cancelled by the caller",
        code::NOT_ACCEPTABLE => "the two programs have no common way to talk",
        code::GONE => "the call was over there",
        code::PENDING => "both called at once",
        code::NO_PATH => "no path for the sound",
        code::DECLINED => "declined",
        400..=499 => "the call could not be made",
        500..=599 => "something failed on one side",
        _ => "call ended",
    }
}

/// Whether `end` is a code that a call may end with.
pub fn is_end_code(end: u16) -> bool {
    end == code::BYE || (300..700).contains(&end)
}

/// Whether somebody who was called and did not answer has missed something
/// when the call ended with this code: not when she said no herself, when the
/// call could not have been made at all, or when another one took its place.
pub fn is_missed(end: u16) -> bool {
    matches!(
        end,
        code::NO_ANSWER | code::UNAVAILABLE | code::BUSY | code::CANCELLED
    )
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The offer is out; the other side has not said that it rings.
    Calling {
        /// When that is given up.
        until: Instant,
        /// When ringing, begun or not, is given up.
        ring_until: Instant,
    },
    /// It rings there.
    Ringing {
        /// When that is given up: at `ring_until`, or sooner without a link.
        until: Instant,
        /// When it is given up for want of an answer.
        ring_until: Instant,
    },
    /// It rings here.
    Incoming {
        /// When that is given up: at `ring_until`, or sooner without a link.
        until: Instant,
        /// When it is given up for want of an answer.
        ring_until: Instant,
    },
    /// Answered; the media path is being found.
    Connecting {
        /// When that is given up.
        until: Instant,
    },
    /// Sound flows.
    Connected {
        /// Since when.
        since: Instant,
    },
    /// The media path broke.
    Reconnecting {
        /// When the call first connected.
        since: Instant,
        /// When the search for a path is given up: at `last`, or sooner
        /// without a link.
        until: Instant,
        /// When it is given up at the latest.
        last: Instant,
        /// There is a link to the other side.
        linked: bool,
    },
    /// Over.
    Ended(End),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// See [`code`].
    pub code: u16,
    /// In words: the other side's own, or [`reason`] of the code.
    pub text: String,
    /// How long sound flowed.
    pub talked: Duration,
}

/// What can happen to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The other side says that it rings.
    PeerRinging,
    /// The other side answered.
    PeerAnswered,
    /// The other side says no, or no longer.
    PeerHungUp {
        /// See [`code`].
        code: u16,
        /// The other side's words; may be empty.
        text: String,
    },
    /// The user answers.
    Answer,
    /// The user, or the engine, says no, or no longer.
    HangUp {
        /// See [`code`]; `None` takes what the state suggests.
        code: Option<u16>,
        /// Words for the other side; may be empty.
        text: String,
    },
    /// The media path is there.
    MediaUp,
    /// The media path is gone.
    MediaDown {
        /// The link to the other side is still there.
        linked: bool,
    },
    /// The link to the other side came up, or was lost.
    Linked(bool),
    /// Nobody answers any more where the other side was.
    PeerGone,
    /// Time has passed.
    Tick,
}

/// What is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send the answer to the other side and start the media.
    SendAnswer,
    /// Take the other side's answer and start the media.
    StartMedia,
    /// Tell the other side that it is over.
    SendHangup {
        /// See [`code`].
        code: u16,
        /// Words of one's own; may be empty.
        text: String,
    },
}

/// What is said once more when a new link is up, as it may have been lost with
/// the one before. The other side passes over what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// The offer.
    Offer,
    /// That it rings.
    Ringing,
    /// The answer.
    Answer,
    /// The offer of another path, if one is out and unanswered.
    Restart,
}

impl State {
    /// A call that we make; the offer goes out now.
    pub fn outgoing(now: Instant, ring_time: Duration) -> Self {
        Self::Calling {
            until: now + limits::RINGING_WAIT.min(ring_time),
            ring_until: now + ring_time,
        }
    }

    /// A call that came in; the ringing is told now. Our patience is a little
    /// longer than the caller's, whose word on the end it should be.
    pub fn incoming(now: Instant, ring_time: Duration) -> Self {
        let ring_until = now + ring_time + limits::RINGING_WAIT;
        Self::Incoming {
            until: ring_until,
            ring_until,
        }
    }

    /// Whether the call is over.
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    /// Whether media should run.
    pub fn has_media(&self) -> bool {
        matches!(
            self,
            Self::Connecting { .. } | Self::Connected { .. } | Self::Reconnecting { .. }
        )
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Calling { until, .. }
            | Self::Ringing { until, .. }
            | Self::Incoming { until, .. }
            | Self::Connecting { until }
            | Self::Reconnecting { until, .. } => Some(*until),
            Self::Connected { .. } | Self::Ended(_) => None,
        }
    }

    /// The state after `input` at `now`, and what to do. Inputs that make no
    /// sense in a state (an answer to a call that is up, a late ringing)
    /// change nothing: both sides may act at once.
    pub fn on(self, input: Input, now: Instant) -> (Self, Option<Output>) {
        match (self, input) {
            (ended @ Self::Ended(_), _) => (ended, None),
            (state, Input::PeerHungUp { code, text }) => (state.peer_ended(code, &text, now), None),
            (state, Input::HangUp { code, text }) => {
                let code = code.unwrap_or_else(|| state.usual_code());
                state.end(code, &text, now)
            }
            (Self::Calling { ring_until, .. }, Input::PeerRinging) => (
                Self::Ringing {
                    until: ring_until,
                    ring_until,
                },
                None,
            ),
            (Self::Calling { .. } | Self::Ringing { .. }, Input::PeerAnswered) => (
                Self::Connecting {
                    until: now + limits::CONNECT_WAIT,
                },
                Some(Output::StartMedia),
            ),
            (Self::Incoming { .. }, Input::Answer) => (
                Self::Connecting {
                    until: now + limits::CONNECT_WAIT,
                },
                Some(Output::SendAnswer),
            ),
            (Self::Connecting { .. }, Input::MediaUp) => (Self::Connected { since: now }, None),
            (Self::Reconnecting { since, .. }, Input::MediaUp) => (Self::Connected { since }, None),
            (Self::Connected { since }, Input::MediaDown { linked }) => {
                let last = now + limits::RECONNECT_WAIT;
                let state = Self::Reconnecting {
                    since,
                    until: last,
                    last,
                    linked: true,
                };
                (state.linked(linked, now), None)
            }
            (state, Input::Linked(linked)) => (state.linked(linked, now), None),
            (state, Input::PeerGone) if state.is_unlinked() => {
                state.end(code::UNAVAILABLE, "", now)
            }
            (state, Input::Tick) if state.deadline().is_some_and(|due| due <= now) => {
                let code = state.timeout_code();
                state.end(code, "", now)
            }
            (state, _) => (state, None),
        }
    }

    /// What to say when a new link is up.
    pub fn again(&self, outgoing: bool) -> Option<Again> {
        match self {
            Self::Calling { .. } | Self::Ringing { .. } => Some(Again::Offer),
            Self::Incoming { .. } => Some(Again::Ringing),
            Self::Connecting { .. } if !outgoing => Some(Again::Answer),
            Self::Connecting { .. } | Self::Ended(_) => None,
            Self::Connected { .. } | Self::Reconnecting { .. } => Some(Again::Restart),
        }
    }

    /// The same state with a link, or without one: waiting without one is
    /// shorter, as the other side may be gone.
    fn linked(self, linked: bool, now: Instant) -> Self {
        let until = |last: Instant, wait: Duration| {
            if linked { last } else { last.min(now + wait) }
        };
        match self {
            Self::Ringing { ring_until, .. } => Self::Ringing {
                until: until(ring_until, limits::RELINK_WAIT),
                ring_until,
            },
            Self::Incoming { ring_until, .. } => Self::Incoming {
                until: until(ring_until, limits::RELINK_WAIT),
                ring_until,
            },
            Self::Reconnecting { since, last, .. } => Self::Reconnecting {
                since,
                until: until(last, limits::RECONNECT_WAIT_UNLINKED),
                last,
                linked,
            },
            state => state,
        }
    }

    /// It waits for a link to come back.
    fn is_unlinked(&self) -> bool {
        match self {
            Self::Ringing { until, ring_until } | Self::Incoming { until, ring_until } => {
                until < ring_until
            }
            Self::Reconnecting { linked, .. } => !linked,
            _ => false,
        }
    }

    fn end(self, code: u16, text: &str, now: Instant) -> (Self, Option<Output>) {
        let end = End {
            code,
            text: words(code, text),
            talked: self.talked(now),
        };
        let text = text.to_owned();
        (Self::Ended(end), Some(Output::SendHangup { code, text }))
    }

    fn peer_ended(self, code: u16, text: &str, now: Instant) -> Self {
        let code = if is_end_code(code) {
            code
        } else {
            code::INTERNAL
        };
        Self::Ended(End {
            code,
            text: words(code, text),
            talked: self.talked(now),
        })
    }

    /// What hanging up means in this state.
    fn usual_code(&self) -> u16 {
        match self {
            Self::Calling { .. } | Self::Ringing { .. } => code::CANCELLED,
            Self::Incoming { .. } => code::DECLINED,
            Self::Connecting { .. }
            | Self::Connected { .. }
            | Self::Reconnecting { .. }
            | Self::Ended(_) => code::BYE,
        }
    }

    /// What running out of time means in this state.
    fn timeout_code(&self) -> u16 {
        match self {
            Self::Calling { until, ring_until } if until < ring_until => code::UNAVAILABLE,
            _ if self.is_unlinked() => code::UNAVAILABLE,
            Self::Calling { .. } | Self::Ringing { .. } | Self::Incoming { .. } => code::NO_ANSWER,
            Self::Connecting { .. } | Self::Reconnecting { .. } => code::NO_PATH,
            Self::Connected { .. } | Self::Ended(_) => code::BYE,
        }
    }

    fn talked(&self, now: Instant) -> Duration {
        match self {
            Self::Connected { since } | Self::Reconnecting { since, .. } => {
                now.saturating_duration_since(*since)
            }
            _ => Duration::ZERO,
        }
    }
}

/// One's own words if there are any, else those of the code.
fn words(code: u16, text: &str) -> String {
    let own = crate::text::line(text);
    if own.is_empty() {
        reason(code).to_owned()
    } else {
        own
    }
}

#[cfg(test)]
mod pair;
#[cfg(test)]
mod tests;
