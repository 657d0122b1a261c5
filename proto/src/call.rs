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
        /// When that is given up.
        until: Instant,
    },
    /// It rings here.
    Incoming {
        /// When that is given up.
        until: Instant,
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
        /// When the search for a path is given up.
        until: Instant,
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
    },
    /// The media path is there.
    MediaUp,
    /// The media path is gone.
    MediaDown {
        /// The link to the other side is still there.
        linked: bool,
    },
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
    },
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
        Self::Incoming {
            until: now + ring_time + limits::RINGING_WAIT,
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
            | Self::Ringing { until }
            | Self::Incoming { until }
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
            (state, Input::HangUp { code }) => {
                let code = code.unwrap_or_else(|| state.usual_code());
                state.end(code, now)
            }
            (Self::Calling { ring_until, .. }, Input::PeerRinging) => {
                (Self::Ringing { until: ring_until }, None)
            }
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
                let wait = if linked {
                    limits::RECONNECT_WAIT
                } else {
                    limits::RECONNECT_WAIT_UNLINKED
                };
                (
                    Self::Reconnecting {
                        since,
                        until: now + wait,
                    },
                    None,
                )
            }
            (state, Input::Tick) if state.deadline().is_some_and(|due| due <= now) => {
                let code = state.timeout_code();
                state.end(code, now)
            }
            (state, _) => (state, None),
        }
    }

    fn end(self, code: u16, now: Instant) -> (Self, Option<Output>) {
        let end = End {
            code,
            text: reason(code).to_owned(),
            talked: self.talked(now),
        };
        (Self::Ended(end), Some(Output::SendHangup { code }))
    }

    fn peer_ended(self, code: u16, text: &str, now: Instant) -> Self {
        let code = if is_end_code(code) {
            code
        } else {
            code::INTERNAL
        };
        let own_words = crate::text::line(text);
        let text = if own_words.is_empty() {
            reason(code).to_owned()
        } else {
            own_words
        };
        Self::Ended(End {
            code,
            text,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RING: Duration = Duration::from_secs(60);

    fn play(start: State, inputs: &[Input], now: Instant) -> (State, Vec<Output>) {
        inputs
            .iter()
            .fold((start, vec![]), |(state, mut done), input| {
                let (state, output) = state.on(input.clone(), now);
                done.extend(output);
                (state, done)
            })
    }

    fn code_of(state: &State) -> u16 {
        match state {
            State::Ended(end) => end.code,
            other => panic!("not ended: {other:?}"),
        }
    }

    #[test]
    fn a_call_from_offer_to_bye_on_both_sides() {
        let now = Instant::now();
        let caller = [Input::PeerRinging, Input::PeerAnswered, Input::MediaUp];
        let (state, done) = play(State::outgoing(now, RING), &caller, now);
        assert_eq!(state, State::Connected { since: now });
        assert_eq!(done, [Output::StartMedia]);

        let (state, done) = play(
            State::incoming(now, RING),
            &[Input::Answer, Input::MediaUp],
            now,
        );
        assert_eq!(done, [Output::SendAnswer]);
        let later = now + Duration::from_secs(90);
        let (state, output) = state.on(Input::HangUp { code: None }, later);
        assert_eq!(output, Some(Output::SendHangup { code: code::BYE }));
        let end = End {
            code: 200,
            text: "call ended".into(),
            talked: Duration::from_secs(90),
        };
        assert_eq!(state, State::Ended(end));
    }

    #[test]
    fn hanging_up_means_what_the_state_says() {
        let now = Instant::now();
        let hang_up = Input::HangUp { code: None };
        for (start, inputs, code) in [
            (State::outgoing(now, RING), vec![], code::CANCELLED),
            (
                State::outgoing(now, RING),
                vec![Input::PeerRinging],
                code::CANCELLED,
            ),
            (State::incoming(now, RING), vec![], code::DECLINED),
            (State::incoming(now, RING), vec![Input::Answer], code::BYE),
        ] {
            let (state, _) = play(start, &inputs, now);
            let (state, output) = state.on(hang_up.clone(), now);
            assert_eq!(output, Some(Output::SendHangup { code }));
            assert_eq!(code_of(&state), code);
        }
    }

    #[test]
    fn time_runs_out_in_every_waiting_state() {
        let now = Instant::now();
        let caller = [
            Input::PeerRinging,
            Input::PeerAnswered,
            Input::MediaUp,
            Input::MediaDown { linked: true },
        ];
        for (inputs, wait, code) in [
            (0, limits::RINGING_WAIT, code::UNAVAILABLE),
            (1, RING, code::NO_ANSWER),
            (2, limits::CONNECT_WAIT, code::NO_PATH),
            (4, limits::RECONNECT_WAIT, code::NO_PATH),
        ] {
            let (state, _) = play(State::outgoing(now, RING), &caller[..inputs], now);
            assert_eq!(state.deadline(), Some(now + wait));
            let (same, _) = state
                .clone()
                .on(Input::Tick, now + wait - Duration::from_millis(1));
            assert_eq!(same, state);
            let (ended, output) = state.on(Input::Tick, now + wait);
            assert_eq!(code_of(&ended), code);
            assert_eq!(output, Some(Output::SendHangup { code }));
        }
    }

    #[test]
    fn a_broken_path_may_come_back() {
        let now = Instant::now();
        let connected = State::Connected { since: now };
        let later = now + Duration::from_secs(5);
        let (state, _) = connected
            .clone()
            .on(Input::MediaDown { linked: true }, later);
        assert!(matches!(state, State::Reconnecting { .. }));
        assert_eq!(state.on(Input::MediaUp, later).0, connected);
    }

    #[test]
    fn the_peers_words_and_codes_are_made_safe() {
        let now = Instant::now();
        let hung_up = Input::PeerHungUp {
            code: 9,
            text: "\u{1b}[2Jlater".into(),
        };
        let (state, output) = State::outgoing(now, RING).on(hung_up, now);
        assert_eq!(output, None);
        let end = End {
            code: code::INTERNAL,
            text: "[2Jlater".into(),
            talked: Duration::ZERO,
        };
        assert_eq!(state, State::Ended(end));
    }

    fn input() -> impl Strategy<Value = Input> {
        prop_oneof![
            Just(Input::PeerRinging),
            Just(Input::PeerAnswered),
            (any::<u16>(), "\\PC{0,20}").prop_map(|(code, text)| Input::PeerHungUp { code, text }),
            Just(Input::Answer),
            proptest::option::of(any::<u16>()).prop_map(|code| Input::HangUp { code }),
            Just(Input::MediaUp),
            any::<bool>().prop_map(|linked| Input::MediaDown { linked }),
            Just(Input::Tick),
        ]
    }

    proptest! {
        #[test]
        fn media_never_starts_unanswered_and_nothing_follows_the_end(
            outgoing: bool,
            inputs in proptest::collection::vec((input(), 0u64..40), 0..40),
        ) {
            let mut now = Instant::now();
            let mut state = if outgoing { State::outgoing(now, RING) } else { State::incoming(now, RING) };
            let mut answered = false;
            for (input, seconds) in inputs {
                now += Duration::from_secs(seconds);
                let was_ended = state.is_ended();
                answered |= matches!(input, Input::Answer | Input::PeerAnswered);
                let (next, output) = state.on(input, now);
                state = next;
                prop_assert!(!was_ended || (state.is_ended() && output.is_none()));
                prop_assert!(answered || !state.has_media());
            }
        }
    }
}
