//! The screens as they look, at each size; and what holds at all sizes.

use std::fmt::Write;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use ratatui::{TerminalOptions, Viewport};
use twocan_peer::api::{
    AccountAnswer, Activation, CallHint, CallState, Error, ErrorCode, Event, LobbyEvent, MicTest,
    MicTestPhase, Nearby, NoticeLevel, Presence, Role, Trust,
};

use super::view;
use crate::app::effect::{Around, Outcome};
use crate::app::first_run::Step;
use crate::app::msg::Msg;
use crate::app::sample;
use crate::app::update::{start, update};
use crate::app::{Look, State};
use crate::input::chord::sequence;

const SIZES: [(u16, u16); 5] = [(120, 36), (80, 24), (40, 15), (20, 5), (1, 1)];

type Scene = fn((u16, u16), Look) -> State;

fn press(state: &mut State, keys: &str) {
    for chord in sequence(keys).unwrap() {
        update(state, state.now, Msg::Key(chord));
    }
}

fn drawn(state: &State) -> Buffer {
    let (width, height) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view(state, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text of each row as the state is drawn.
pub(crate) fn shown(state: &State) -> Vec<String> {
    rows(&drawn(state))
}

/// The text of each row, without the blanks at its end.
fn rows(buffer: &Buffer) -> Vec<String> {
    let mut rows = Vec::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut hidden = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if hidden == 0 {
                row.push_str(symbol);
            }
            hidden = super::wrap::width(symbol).max(hidden).saturating_sub(1);
        }
        rows.push(row.trim_end().to_owned());
    }
    rows
}

/// One scene at all sizes.
fn at_all_sizes(scene: Scene, look: Look) -> String {
    let mut all = String::new();
    for (width, height) in SIZES {
        let shown = rows(&drawn(&scene((width, height), look)));
        writeln!(all, "=== {width}x{height}").unwrap();
        for row in shown {
            writeln!(all, "{row}").unwrap();
        }
    }
    all
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

fn after(keys: &str, size: (u16, u16), look: Look) -> State {
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
const SCENES: &[(&str, Scene)] = &[
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
    ("long_error", |s, l| {
        let mut state = sample::busy(s, l);
        let text = "connecting: nobody answers at 192.168.1.20:7777 within ten seconds; is twocan running there, and is the address right?";
        state.notify(NoticeLevel::Error, text);
        state
    }),
];

#[test]
fn every_screen_as_it_looks() {
    for (name, scene) in SCENES {
        insta::assert_snapshot!(*name, at_all_sizes(*scene, Look::default()));
    }
}

#[test]
fn ascii_is_nothing_but_ascii() {
    let look = Look {
        ascii: true,
        ..Look::default()
    };
    for (name, scene) in SCENES.iter().filter(|(name, _)| *name != "invite") {
        for size in SIZES {
            for row in rows(&drawn(&scene(size, look))) {
                // What people wrote stays as it is.
                let ours = row.replace("\u{4f60}\u{597d}", "").replace('\u{2764}', "");
                assert!(ours.is_ascii(), "{name} {size:?}: {row}");
            }
        }
    }
    insta::assert_snapshot!("in_call_ascii", at_all_sizes(sample::in_call, look));
}

/// Where the cells stand out without any colour.
fn marked(buffer: &Buffer) -> String {
    let mut all = String::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            all.push(match cell.modifier {
                m if m.contains(Modifier::REVERSED) => 'R',
                m if m.contains(Modifier::BOLD) => 'B',
                _ => ' ',
            });
        }
        all.truncate(all.trim_end_matches(' ').len());
        all.push('\n');
    }
    all
}

#[test]
fn without_colours_selection_and_microphone_stand_out() {
    let look = Look {
        mono: true,
        ..Look::default()
    };
    let browsing = drawn(&after("Esc k k", (80, 24), look));
    let live = drawn(&sample::in_call((80, 24), look));
    for buffer in [&browsing, &live] {
        let plain = |c: &ratatui::buffer::Cell| {
            c.fg == ratatui::style::Color::Reset && c.bg == ratatui::style::Color::Reset
        };
        assert!(buffer.content().iter().all(plain), "a colour is left");
    }
    insta::assert_snapshot!("marks_browsing", marked(&browsing));
    insta::assert_snapshot!("marks_in_call", marked(&live));
    let changed = drawn(&sample::changed((80, 24), look));
    let underlined = |c: &&ratatui::buffer::Cell| c.modifier.contains(Modifier::UNDERLINED);
    let code: String = changed
        .content()
        .iter()
        .filter(underlined)
        .map(|c| c.symbol())
        .collect();
    assert_eq!(code, "`cargo test````fn main() {    run();}```");
}

/// What a terminal shows of a state that is written to it.
fn on_a_terminal(state: &State) -> vt100::Parser {
    let (width, height) = state.size;
    let area = ratatui::layout::Rect::new(0, 0, width, height);
    let options = TerminalOptions {
        viewport: Viewport::Fixed(area),
    };
    let mut bytes = Vec::new();
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), options).unwrap();
    terminal.draw(|frame| view(state, frame)).unwrap();
    drop(terminal);
    let cells = |n| std::num::NonZeroU16::new(n).unwrap();
    let mut parser = vt100::Parser::new(cells(height), cells(width), 0);
    parser.process(&bytes);
    parser
}

/// As NO_COLOR makes crossterm write: what it sends must still show reverse.
#[test]
fn no_color_keeps_reverse_on_the_wire() {
    let look = Look {
        mono: true,
        ..Look::default()
    };
    let state = sample::in_call((80, 24), look);
    crossterm::style::force_color_output(false);
    let parser = on_a_terminal(&state);
    crossterm::style::force_color_output(true);
    let shown = parser.screen();
    let last = shown.rows(0, 80).last().unwrap();
    assert!(last.contains("MIC LIVE"), "{last}");
    let column = u16::try_from(last.find("MIC LIVE").unwrap()).unwrap();
    let cell = shown.cell(23, column).unwrap();
    assert!(cell.inverse(), "the live microphone does not stand out");
}

/// Texts with everything that terminals lay out in their own ways.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z ]{1,12}",
        Just("\u{4f60}\u{597d}".to_owned()),
        Just("e\u{301}\u{323}".to_owned()),
        Just("\u{2764}\u{fe0f}".to_owned()),
        Just("\u{2328}\u{fe0f}".to_owned()),
        Just("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".to_owned()),
        Just("\u{1f44d}\u{1f3fd}".to_owned()),
        Just("\u{1f1e9}\u{1f1ea}".to_owned()),
        Just("\u{5e9}\u{5dc}\u{5d5}\u{5dd}".to_owned()),
        Just("\u{645}\u{631}\u{62d}\u{628}\u{627}".to_owned()),
        Just("\u{202e}evil\u{202c}".to_owned()),
        Just("\u{1b}[31mred\u{7}".to_owned()),
        Just("\n".to_owned()),
        Just("https://example.org/\u{e9}".to_owned()),
        "\\PC{0,6}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What a terminal makes of our bytes is what was meant, cell by cell.
    #[test]
    fn columns_stay_where_they_are(text in texts(), wide: bool, ascii: bool, mono: bool) {
        let look = Look { ascii, mono, ..Look::default() };
        let mut state = sample::busy(if wide { (100, 20) } else { (40, 15) }, look);
        // As the engine hands it on.
        let text = twocan_proto::text::multiline(&text);
        // The emulator takes this sign for a mistake of ours.
        let text = text.replace('\u{fffd}', "");
        let message = sample::message(80, false, &text);
        let now = state.now;
        update(&mut state, now, Msg::Engine(Box::new(Event::Message(message))));
        let meant = drawn(&state);
        let parser = on_a_terminal(&state);
        for y in 0..meant.area.height {
            let mut x = 0;
            while x < meant.area.width {
                let symbol = meant[(x, y)].symbol();
                let cells = u16::try_from(super::wrap::width(symbol).max(1)).unwrap();
                let contents = |x| parser.screen().cell(y, x).map_or("", |cell| cell.contents());
                // A flag is one sign of two cells, or two of one.
                let shown: String = (x..x + cells).map(contents).collect();
                let shown = if shown.is_empty() { " ".to_owned() } else { shown };
                prop_assert_eq!(&shown, symbol, "{:?} at {},{}", &text, x, y);
                x += cells;
            }
        }
    }
}

#[test]
fn the_cursor_stands_where_typing_goes() {
    let mut state = sample::busy((80, 24), Look::default());
    for chord in ["h", "i"] {
        press(&mut state, chord);
    }
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| view(&state, frame)).unwrap();
    let cursor = terminal.backend().cursor_position();
    let buffer = terminal.backend().buffer();
    assert_eq!(buffer[(cursor.x - 1, cursor.y)].symbol(), "i");
    assert_eq!(buffer[(cursor.x - 2, cursor.y)].symbol(), "h");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_size_is_drawn(width in 0u16..200, height in 0u16..60, ascii: bool, mono: bool) {
        for (_, scene) in SCENES {
            drawn(&scene((width, height), Look { ascii, mono, ..Look::default() }));
        }
    }
}
