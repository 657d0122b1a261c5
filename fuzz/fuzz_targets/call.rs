//! Two ends of one call to which anything happens in any order, also what makes
//! no sense: sound runs only after the callee's user has answered, an end is
//! final and has a code, and no state waits for ever on nobody.
#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twocan_proto::call::{Input, Output, State, is_end_code};

#[derive(Arbitrary, Debug)]
enum Happening {
    Wait(u16),
    /// The deadline comes and is told.
    Due,
    PeerRinging,
    PeerAnswered,
    PeerHungUp {
        code: u16,
        text: String,
    },
    Answer,
    HangUp {
        code: Option<u16>,
        text: String,
    },
    MediaUp,
    MediaDown {
        linked: bool,
    },
    Linked(bool),
    PeerGone,
}

fn input(happening: Happening) -> Option<Input> {
    Some(match happening {
        Happening::Wait(_) => return None,
        Happening::Due => Input::Tick,
        Happening::PeerRinging => Input::PeerRinging,
        Happening::PeerAnswered => Input::PeerAnswered,
        Happening::PeerHungUp { code, text } => Input::PeerHungUp { code, text },
        Happening::Answer => Input::Answer,
        Happening::HangUp { code, text } => Input::HangUp {
            code: code.filter(|c| is_end_code(*c)),
            text,
        },
        Happening::MediaUp => Input::MediaUp,
        Happening::MediaDown { linked } => Input::MediaDown { linked },
        Happening::Linked(on) => Input::Linked(on),
        Happening::PeerGone => Input::PeerGone,
    })
}

fuzz_target!(|input_of: (bool, Vec<Happening>)| {
    let (outgoing, happenings) = input_of;
    let mut now = Instant::now();
    let ring_time = Duration::from_secs(60);
    let mut state = match outgoing {
        true => State::outgoing(now, ring_time),
        false => State::incoming(now, ring_time),
    };
    let mut agreed = false;
    for happening in happenings {
        if let Happening::Wait(ms) = happening {
            now += Duration::from_millis(ms.into());
        }
        if matches!(happening, Happening::Due) {
            now = state.deadline().map_or(now, |due| now.max(due));
        }
        let Some(input) = input(happening) else {
            continue;
        };
        let (before, was_due) = (
            state.clone(),
            input == Input::Tick && state.deadline().is_some(),
        );
        let (after, output) = state.on(input, now);
        agreed |= matches!(output, Some(Output::SendAnswer | Output::StartMedia));
        assert!(agreed || !after.has_media(), "sound without an answer");
        assert!(
            !was_due || after.is_ended(),
            "{before:?} waits on after its deadline"
        );
        if before.is_ended() {
            assert_eq!(before, after, "an end is final");
            assert_eq!(output, None);
        }
        if let State::Ended(end) = &after {
            assert!(is_end_code(end.code), "{} ends no call", end.code);
        } else if !matches!(after, State::Connected { .. }) {
            assert!(after.deadline().is_some(), "{after:?} waits for ever");
        }
        state = after;
    }
});
