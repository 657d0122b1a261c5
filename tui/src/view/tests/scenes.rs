//! What there are pictures of: each a state at any size, in any look.

use serde_json::Value;
use twocan_peer::api::{
    AccountAnswer, Activation, CallHint, CallState, Error, ErrorCode, Event, LobbyEvent, MicTest,
    MicTestPhase, Nearby, NoticeLevel, Presence, Role, Trust,
};

use crate::app::effect::{Around, Outcome};
use crate::app::first_run::Step;
use crate::app::msg::Msg;
use crate::app::sample;
use crate::app::settings::Held;
use crate::app::update::{start, update};
use crate::app::user_file::{Content, UserFile};
use crate::app::{Look, State};
use crate::input::chord::sequence;

/// Makes a state.
pub(super) type Scene = fn((u16, u16), Look) -> State;

pub(super) fn press(state: &mut State, keys: &str) {
    for chord in sequence(keys).unwrap() {
        update(state, state.now, Msg::Key(chord));
    }
}

fn welcome(size: (u16, u16), look: Look) -> State {
    let mut state = sample::empty(size, look);
    start(&mut state, true);
    state
}

fn first_run_at(size: (u16, u16), look: Look, step: Step) -> State {
    let mut state = welcome(size, look);
    if let Some(first_run) = &mut state.first_run {
        first_run.name.replace("alice");
        first_run.step = step;
    }
    state
}

fn right_to_left(size: (u16, u16), look: Look) -> State {
    let mut state = sample::busy(size, look);
    let texts = [
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd} page 4",
        "page 4 \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    ];
    for (n, text) in (80..).zip(texts) {
        let now = state.now;
        let message = sample::message(n, n == 80, text);
        update(
            &mut state,
            now,
            Msg::Engine(Box::new(Event::Message(message))),
        );
    }
    state
}

fn calling(size: (u16, u16), look: Look) -> State {
    let mut state = sample::busy(size, look);
    let mut call = sample::call(CallState::Ringing);
    call.outgoing = true;
    state.calls.take(call, sample::at(-3_000));
    state
}

fn muted(size: (u16, u16), look: Look) -> State {
    let mut state = sample::in_call(size, look);
    let mut call = sample::call(CallState::Connected);
    call.muted = true;
    state.calls.take(call, sample::at(-1_000));
    state
}

fn push_to_talk(size: (u16, u16), look: Look) -> State {
    let mut state = sample::in_call(size, look);
    let mut call = sample::call(CallState::Connected);
    call.activation = Activation::PushToTalk;
    state.calls.take(call, sample::at(-1_000));
    state.talk_key.holds = true;
    state
}

fn alarmed(size: (u16, u16), look: Look) -> State {
    let mut state = muted(size, look);
    for hint in [CallHint::SpeakingWhileMuted, CallHint::NothingArrives] {
        if let Some(call) = state.calls.active_mut() {
            call.take_hint(hint, true);
        }
    }
    state
}

pub(super) fn after(keys: &str, size: (u16, u16), look: Look) -> State {
    let mut state = sample::busy(size, look);
    press(&mut state, keys);
    state
}

fn searching(size: (u16, u16), look: Look) -> State {
    let mut state = after("Ctrl+S n", size, look);
    let texts = [
        "ok. page 4 has the numbers",
        "can you send the raw numbers? They have to be in the right order, as they were last time, and not newer",
        "numbers are off by one row",
    ];
    let found: Vec<_> = (0..3u64)
        .zip(texts)
        .map(|(n, text)| sample::message(90 - n, n == 1, text))
        .collect();
    let around = Around {
        messages: found.iter().rev().cloned().collect(),
        ..Around::default()
    };
    let number = state.searches;
    let (id, now) = (found[0].id, state.now);
    let outcomes = [
        Outcome::Found {
            number,
            took_ms: 11,
            found: Ok(found),
        },
        Outcome::Around {
            with: sample::id(sample::BOB),
            id,
            found: Ok(around),
        },
    ];
    for outcome in outcomes {
        update(&mut state, now, Msg::Outcome(Box::new(outcome)));
    }
    state
}

fn account(size: (u16, u16), look: Look) -> State {
    let mut state = sample::with_registries(size, look);
    press(&mut state, "Ctrl+X o Enter");
    let registry = state.me.as_ref().unwrap().registries[0].registry.clone();
    let now = state.now;
    let result = Ok(AccountAnswer::Account(Box::new(sample::account())));
    let outcome = Outcome::Account { registry, result };
    update(&mut state, now, Msg::Outcome(Box::new(outcome)));
    state
}

fn lobby(size: (u16, u16), look: Look) -> State {
    let mut state = sample::with_registries(size, look);
    press(&mut state, "Ctrl+X o b");
    let registry = state.me.as_ref().unwrap().registries[0].registry.clone();
    let users = [
        ("alice", Role::User, true),
        ("bob", Role::Admin, true),
        ("visitor", Role::Guest, false),
    ];
    let users = users.map(|(name, role, online)| sample::lobby_user(name, role, online));
    let (bob, now) = (|| "bob".parse().unwrap(), state.now);
    let events = [
        LobbyEvent::Who {
            users: users.into(),
            next: None,
        },
        LobbyEvent::Joined {
            user: sample::lobby_user("carol", Role::User, true),
        },
        LobbyEvent::Said {
            user: bob(),
            text: "the wall is closed on Sunday, all of it".into(),
            at: now,
        },
        LobbyEvent::Said {
            user: "carol".parse().unwrap(),
            text: "good to know".into(),
            at: now,
        },
        LobbyEvent::Left {
            user: "carol".parse().unwrap(),
        },
        LobbyEvent::Typing { user: bob() },
    ];
    for event in events {
        let registry = registry.clone();
        let event = Event::Lobby { registry, event };
        update(&mut state, now, Msg::Engine(Box::new(event)));
    }
    press(&mut state, "t h x");
    state
}

/// All scenes there are pictures of.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("welcome", welcome),
    ("first_run_key", |s, l| first_run_at(s, l, Step::Key)),
    ("first_run_place", |s, l| first_run_at(s, l, Step::Place)),
    ("first_run_registry", |s, l| {
        first_run_at(s, l, Step::Registry)
    }),
    ("first_run_lan", |s, l| first_run_at(s, l, Step::Lan)),
    ("empty", sample::empty),
    ("chat", sample::busy),
    ("browsing", |s, l| after("Esc k k", s, l)),
    ("marking", |s, l| after("Esc k v k k v k k Space", s, l)),
    ("right_to_left", right_to_left),
    ("changed", sample::changed),
    ("editing", |s, l| after("Esc k k e", s, l)),
    ("replying", |s, l| after("Esc k k k k r", s, l)),
    ("deleting", |s, l| after("Esc k k d", s, l)),
    ("reacting", |s, l| {
        let mut state = sample::changed(s, l);
        press(&mut state, "Esc k +");
        state
    }),
    ("search", searching),
    ("search_nothing", |s, l| after("Ctrl+S", s, l)),
    ("list", |s, l| after("F3", s, l)),
    ("ringing", sample::ringing),
    ("calling", calling),
    ("in_call", sample::in_call),
    ("muted", muted),
    ("push_to_talk", push_to_talk),
    ("call_alarm", alarmed),
    ("call_without_devices", |s, l| {
        let mut state = sample::in_call(s, l);
        let stats = state
            .calls
            .active_mut()
            .and_then(|call| call.stats.as_mut());
        for missing in stats
            .into_iter()
            .flat_map(|s| [&mut s.no_microphone, &mut s.no_loudspeaker])
        {
            *missing = Some("the system names no default device".to_owned());
        }
        state
    }),
    ("sound", |s, l| {
        let mut state = sample::busy(s, l);
        state.sound = Some(sample::sound());
        press(&mut state, "Ctrl+X g Down");
        state
    }),
    ("mic_test", |s, l| {
        let mut state = sample::busy(s, l);
        state.sound = Some(sample::sound());
        press(&mut state, "Ctrl+X g t");
        let test = MicTest {
            phase: MicTestPhase::Recording,
            level_db: -19.0,
            peak_db: -9.0,
            at_ms: 2_300,
            length_ms: 5_000,
            problem: None,
        };
        let now = state.now;
        update(&mut state, now, Msg::Engine(Box::new(Event::MicTest(test))));
        state
    }),
    ("call_log", |s, l| {
        let mut state = sample::with_calls(s, l);
        press(&mut state, "Ctrl+X j Down");
        state
    }),
    ("call_log_empty", |s, l| after("Ctrl+X j", s, l)),
    ("in_call_again", |s, l| {
        let mut state = sample::in_call(s, l);
        state.call_log = sample::with_calls(s, l).call_log;
        state
    }),
    ("call_stats", |s, l| {
        let mut state = sample::in_call(s, l);
        press(&mut state, "Ctrl+X s");
        state
    }),
    ("missed_call", sample::missed),
    ("help", |s, l| after("F1", s, l)),
    ("commands", |s, l| after("F2", s, l)),
    ("completing", |s, l| {
        let mut state = sample::busy(s, l);
        for chord in ["/", "s", "Tab", "Tab"] {
            press(&mut state, chord);
        }
        state
    }),
    ("earlier", |s, l| {
        let mut state = after("Ctrl+R", s, l);
        press(&mut state, "i n g");
        state
    }),
    ("jump", |s, l| after("Ctrl+T d", s, l)),
    ("who", |s, l| after("Ctrl+X w", s, l)),
    ("verify", |s, l| {
        let mut state = after("Ctrl+X v", s, l);
        let (me, bob) = (sample::id(sample::ME), sample::id(sample::BOB));
        state.safety = Some((bob, twocan_proto::safety::safety(me, bob)));
        state
    }),
    ("key_changed", |s, l| {
        let mut state = sample::busy(s, l);
        if let Some(bob) = state.contacts.get_mut(&sample::id(sample::BOB)) {
            bob.trust = Trust::Changed;
            bob.new_key = Some(sample::id(40));
        }
        press(&mut state, "Ctrl+X v");
        state
    }),
    ("nearby", |s, l| {
        let mut state = after("Ctrl+X n", s, l);
        state.nearby = [
            ("Zoe", 30, false),
            ("Dana", sample::DANA, true),
            ("", 31, false),
        ]
        .map(|(name, seed, is_contact)| Nearby {
            peer_id: sample::id(seed),
            name: name.into(),
            addresses: vec![([192, 168, 1, seed], 7777).into()],
            is_contact,
        })
        .into();
        state
    }),
    ("files_below", sample::files),
    ("files", |s, l| {
        let mut state = sample::files(s, l);
        press(&mut state, "Ctrl+X f Down");
        state
    }),
    ("kept", |s, l| {
        let mut state = sample::busy(s, l);
        let mut dana = sample::contact(sample::DANA, "Dana");
        dana.favourite = true;
        dana.presence = Some(Presence::Away);
        dana.status = "on the rocks until Sunday".into();
        dana.muted = true;
        let mut sam = sample::contact(sample::SAM, "Sam");
        sam.group = "climbing".into();
        for c in [dana, sam] {
            state.contacts.insert(c.peer_id, c);
        }
        state.open = Some(sample::id(sample::DANA));
        press(&mut state, "F3");
        state
    }),
    ("registries", |s, l| {
        let mut state = sample::with_registries(s, l);
        press(&mut state, "Ctrl+X o Down Down");
        state
    }),
    ("registries_none", |s, l| after("Ctrl+X o", s, l)),
    ("account", account),
    ("account_password", |s, l| {
        let mut state = account(s, l);
        press(&mut state, "p");
        state
    }),
    ("sign_in_code", |s, l| {
        let mut state = sample::with_registries(s, l);
        press(&mut state, "Ctrl+X o i");
        let mut error = Error::new(
            ErrorCode::Refused,
            "a code is on its way to alice@example.org",
        );
        error.needs = Some("code".into());
        let now = state.now;
        let outcome = Outcome::SignedIn(Err(error));
        update(&mut state, now, Msg::Outcome(Box::new(outcome)));
        state
    }),
    ("lobby", lobby),
    ("invite", |s, l| after("Ctrl+X i", s, l)),
    ("leader", |s, l| after("Ctrl+X", s, l)),
    ("settings", |s, l| {
        let mut state = after("Ctrl+X ,", s, l);
        let values = [
            ("audio.input", Value::Null),
            ("call.activation", "voice".into()),
            ("lan", false.into()),
        ];
        let values = values.map(|(key, value)| (key.to_owned(), Held::of(key, &value)));
        let values = Outcome::Settings(values.into());
        update(&mut state, sample::at(0), Msg::Outcome(Box::new(values)));
        press(&mut state, "Down Down Enter");
        state
    }),
    ("palette_typed", |s, l| after("F2 v o l", s, l)),
    ("vi_normal", |s, l| {
        let mut state = sample::busy(s, l);
        let file = Content::Text("preset = \"vi\"\n[global]\n\"F1\" = \"nope\"".to_owned());
        update(
            &mut state,
            sample::at(0),
            Msg::UserFile(UserFile::Keys, file),
        );
        press(&mut state, "h i Esc");
        state
    }),
    ("long_error", |s, l| {
        let mut state = sample::busy(s, l);
        let text = "connecting: nobody answers at 192.168.1.20:7777 within ten seconds; is twocan running there, and is the address right?";
        state.notify(NoticeLevel::Error, text);
        state
    }),
];
