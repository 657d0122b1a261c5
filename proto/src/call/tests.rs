//! One state machine alone; two of them over a link are in [`super::pair`].

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
    let (state, output) = state.on(
        Input::HangUp {
            code: None,
            text: String::new(),
        },
        later,
    );
    assert_eq!(
        output,
        Some(Output::SendHangup {
            code: code::BYE,
            text: String::new()
        })
    );
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
    let hang_up = Input::HangUp {
        code: None,
        text: String::new(),
    };
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
        assert_eq!(
            output,
            Some(Output::SendHangup {
                code,
                text: String::new()
            })
        );
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
        assert_eq!(
            output,
            Some(Output::SendHangup {
                code,
                text: String::new()
            })
        );
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
        proptest::option::of(any::<u16>()).prop_map(|code| Input::HangUp {
            code,
            text: String::new()
        }),
        Just(Input::MediaUp),
        any::<bool>().prop_map(|linked| Input::MediaDown { linked }),
        any::<bool>().prop_map(Input::Linked),
        Just(Input::PeerGone),
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
