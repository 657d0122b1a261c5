//! Two state machines and the link between them, in virtual time: the link is
//! reliable and in order while it is up, and what is under way is lost when
//! it is cut, as with TCP.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Again, Input, Output, State, code};

const RING: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(250);
/// After this long without anybody doing anything, every deadline has passed.
const SETTLED: Duration = Duration::from_secs(120);

#[derive(Debug, Clone)]
enum Word {
    Offer,
    Ringing,
    Answer,
    Hangup(u16),
}

/// One side: its machine, and what it would say again on a new link.
struct Side {
    state: Option<State>,
    outgoing: bool,
    farewell: Option<u16>,
}

struct Line {
    now: Instant,
    up: bool,
    path: bool,
    under_way: [VecDeque<Word>; 2],
    sides: [Side; 2],
}

impl Line {
    fn new() -> Self {
        let now = Instant::now();
        let side = |outgoing, state| Side {
            state,
            outgoing,
            farewell: None,
        };
        let mut line = Self {
            now,
            up: true,
            path: true,
            under_way: Default::default(),
            sides: [
                side(true, Some(State::outgoing(now, RING))),
                side(false, None),
            ],
        };
        line.say(0, Word::Offer);
        line
    }

    fn say(&mut self, from: usize, word: Word) {
        if let Word::Hangup(code) = word {
            self.sides[from].farewell = Some(code);
        }
        if self.up {
            self.under_way[from].push_back(word);
        }
    }

    fn step(&mut self, side: usize, input: Input) {
        let Some(state) = self.sides[side].state.take() else {
            return;
        };
        let (state, output) = state.on(input, self.now);
        self.sides[side].state = Some(state);
        match output {
            Some(Output::SendAnswer) => self.say(side, Word::Answer),
            Some(Output::SendHangup { code, .. }) => self.say(side, Word::Hangup(code)),
            Some(Output::StartMedia) | None => {}
        }
    }

    fn take(&mut self, side: usize, word: Word) {
        let is_known = self.sides[side].state.is_some();
        match word {
            Word::Offer if !is_known => {
                self.sides[side].state = Some(State::incoming(self.now, RING));
                self.say(side, Word::Ringing);
            }
            Word::Offer => self.say_again(side),
            Word::Ringing => self.step(side, Input::PeerRinging),
            Word::Answer => self.step(side, Input::PeerAnswered),
            Word::Hangup(code) => self.step(
                side,
                Input::PeerHungUp {
                    code,
                    text: String::new(),
                },
            ),
        }
    }

    fn say_again(&mut self, side: usize) {
        let Side {
            state,
            outgoing,
            farewell,
        } = &self.sides[side];
        let word = match state.as_ref().and_then(|state| state.again(*outgoing)) {
            Some(Again::Offer) => Some(Word::Offer),
            Some(Again::Ringing) => Some(Word::Ringing),
            Some(Again::Answer) => Some(Word::Answer),
            Some(Again::Restart) => None,
            None => farewell.map(Word::Hangup),
        };
        if let Some(word) = word {
            self.say(side, word);
        }
    }

    fn cut(&mut self, up: bool) {
        if self.up == up {
            return;
        }
        self.up = up;
        self.under_way = Default::default();
        for side in 0..2 {
            self.step(side, Input::Linked(up));
            if up {
                self.say_again(side);
            }
        }
    }

    /// Time passes: what is under way arrives, media follows the path.
    fn pass(&mut self) {
        self.now += STEP;
        for from in 0..2 {
            for word in std::mem::take(&mut self.under_way[from]) {
                self.take(1 - from, word);
            }
        }
        let runs = self.path && (0..2).all(|side| self.has_media(side));
        for side in 0..2 {
            let linked = self.up;
            if runs {
                self.step(side, Input::MediaUp);
            } else {
                self.step(side, Input::MediaDown { linked });
            }
            self.step(side, Input::Tick);
        }
    }

    fn has_media(&self, side: usize) -> bool {
        self.sides[side]
            .state
            .as_ref()
            .is_some_and(State::has_media)
    }

    fn is(&self, side: usize, wanted: impl Fn(&State) -> bool) -> bool {
        self.sides[side].state.as_ref().is_some_and(wanted)
    }
}

#[derive(Debug, Clone)]
enum Act {
    Pass(u8),
    Link(bool),
    Path(bool),
    Answer,
    HangUp(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1u8..60).prop_map(Act::Pass),
        1 => any::<bool>().prop_map(Act::Link),
        1 => any::<bool>().prop_map(Act::Path),
        1 => Just(Act::Answer),
        1 => (0usize..2).prop_map(Act::HangUp),
    ]
}

fn is_connected(state: &State) -> bool {
    matches!(state, State::Connected { .. })
}

/// Every state but the two that may last has a deadline, and keeps it.
fn check_deadlines(line: &Line) -> Result<(), TestCaseError> {
    for side in &line.sides {
        if let Some(state) = &side.state {
            let lasting = is_connected(state) || state.is_ended();
            prop_assert_eq!(state.deadline().is_none(), lasting, "{:?}", state);
            let bound = line.now + RING + crate::limits::RINGING_WAIT;
            prop_assert!(state.deadline().is_none_or(|due| due <= bound));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn both_sides_end_in_the_same_call_or_in_none(
        acts in proptest::collection::vec(act(), 0..40),
        link_returns: bool,
    ) {
        let mut line = Line::new();
        for act in acts {
            match act {
                Act::Pass(steps) => (0..steps).for_each(|_| line.pass()),
                Act::Link(up) => line.cut(up),
                Act::Path(there) => line.path = there,
                Act::Answer => line.step(1, Input::Answer),
                Act::HangUp(side) => line.step(side, Input::HangUp { code: None, text: String::new() }),
            }
            check_deadlines(&line)?;
        }
        line.cut(link_returns);
        let steps = SETTLED.as_millis() / STEP.as_millis();
        for _ in 0..steps {
            line.pass();
        }
        let both_up = (0..2).all(|side| line.is(side, is_connected));
        let both_over = line.is(0, State::is_ended)
            && (line.sides[1].state.is_none() || line.is(1, State::is_ended));
        prop_assert!(both_up || both_over, "{:?}", line.sides.each_ref().map(|s| &s.state));
    }
}

#[test]
fn answer_and_cancel_cross_and_both_end_with_a_hang_up() {
    let mut line = Line::new();
    line.pass();
    line.step(1, Input::Answer);
    line.step(
        0,
        Input::HangUp {
            code: None,
            text: String::new(),
        },
    );
    line.pass();
    line.pass();
    for side in 0..2 {
        assert!(line.is(
            side,
            |state| matches!(state, State::Ended(end) if end.code == code::CANCELLED)
        ));
    }
}

#[test]
fn a_hang_up_that_was_lost_is_told_on_the_next_link() {
    let mut line = Line::new();
    line.pass();
    line.step(1, Input::Answer);
    (0..4).for_each(|_| line.pass());
    assert!(line.is(0, is_connected) && line.is(1, is_connected));
    line.cut(false);
    line.step(
        1,
        Input::HangUp {
            code: None,
            text: String::new(),
        },
    );
    line.pass();
    assert!(line.is(0, |state| matches!(state, State::Reconnecting { .. })));
    line.cut(true);
    line.pass();
    assert!(line.is(
        0,
        |state| matches!(state, State::Ended(end) if end.code == code::BYE)
    ));
}
