//! What no order of keys, events and outcomes may do.

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::*;
use crate::app::Stale;
use crate::app::user_file::{Content, UserFile};
use crate::view;
use crate::view::layout::{Layout, layout};

/// Something that can happen.
fn happening() -> impl Strategy<Value = Msg> {
    let key = prop::sample::select(
        [
            "Enter",
            "Esc",
            "Tab",
            "Shift+Tab",
            "Up",
            "Down",
            "Left",
            "Right",
            "Alt+Enter",
            "Backspace",
            "Delete",
            "Home",
            "End",
            "PgUp",
            "PgDn",
            "F1",
            "F2",
            "F3",
            "F4",
            "F6",
            "F7",
            "F9",
            "Ctrl+A",
            "Ctrl+G",
            "Alt+y",
            "Alt+_",
            "$",
            "o",
            "p",
            ":",
            "Ctrl+C",
            "Ctrl+K",
            "Ctrl+N",
            "Ctrl+P",
            "Ctrl+R",
            "Ctrl+S",
            "Ctrl+T",
            "Ctrl+U",
            "Ctrl+W",
            "Ctrl+X",
            "Ctrl+Y",
            "Ctrl+Z",
            "Ctrl+_",
            "Alt+1",
            "Alt+2",
            "Alt+a",
            "Alt+u",
            "Alt+/",
            "Alt+Home",
            "Alt+End",
            "a",
            "b",
            "c",
            "d",
            "e",
            "g",
            "G",
            "h",
            "i",
            "j",
            "J",
            "k",
            "m",
            "n",
            "q",
            "r",
            "s",
            "v",
            "w",
            "x",
            "y",
            "/",
            "+",
            "1",
            "@",
            "?",
            "Space",
            "\u{e9}",
            "\u{4f60}",
        ]
        .as_slice(),
    )
    .prop_map(|keys| Msg::Key(keys.parse().unwrap()));
    const STATES: [CallState; 7] = [
        CallState::Calling,
        CallState::Ringing,
        CallState::Incoming,
        CallState::Connecting,
        CallState::Connected,
        CallState::Reconnecting,
        CallState::Ended,
    ];
    let call = (
        prop::sample::select(STATES.as_slice()),
        any::<(bool, bool, bool)>(),
        0u64..2,
    )
        .prop_map(|(to, (muted, deafened, outgoing), which)| {
            let mut call = sample::call(to);
            call.call = sample::uuid(9_000 + which);
            (call.muted, call.deafened, call.outgoing) = (muted, deafened, outgoing);
            Event::Call(call)
        });
    let known = prop::sample::select([BOB, MEI, DANA].as_slice());
    let message = (20u64..40, any::<bool>(), "\\PC{0,80}", known.clone()).prop_map(
        |(n, mine, text, with)| {
            let mut message = sample::message(n + 100 * u64::from(with), mine, &text);
            message.conversation = sample::id(with);
            Event::Message(message)
        },
    );
    let others = (known, any::<bool>(), 0u64..40).prop_map(|(who, on, n)| match n % 5 {
        0 => Event::ContactRemoved(sample::id(who)),
        1 => Event::Typing {
            contact: sample::id(who),
            on,
        },
        2 => Event::Contact(Box::new(sample::contact(who, "Bob Ortega"))),
        3 => Event::CallStats(sample::stats(7)),
        _ => Event::MessageState {
            id: sample::uuid(n),
            conversation: sample::id(who),
            state: MessageState::Failed,
            reason: Some("no".into()),
        },
    });
    let page = (0u64..12).prop_map(|n| {
        let found = (0..n)
            .map(|n| sample::message(n, n % 2 == 0, "page"))
            .collect();
        let with = sample::id(BOB);
        Msg::Outcome(Box::new(Outcome::History {
            with,
            page: Page::Newest,
            found: Ok(found),
        }))
    });
    let mouse = (0u16..140, 0u16..50, any::<bool>()).prop_map(|(column, row, up)| {
        let what = if up {
            MouseAct::WheelUp
        } else {
            MouseAct::Click
        };
        Msg::Mouse(Mouse { what, column, row })
    });
    prop_oneof![
        8 => key,
        2 => call.prop_map(|e| Msg::Engine(Box::new(e))),
        2 => message.prop_map(|e| Msg::Engine(Box::new(e))),
        2 => others.prop_map(|e| Msg::Engine(Box::new(e))),
        1 => page,
        1 => mouse,
        1 => "\\PC{0,20}(\n[a-z]{0,9}){0,8}".prop_map(Msg::Paste),
        1 => (0u16..140, 0u16..50).prop_map(|(w, h)| Msg::Resize(w, h)),
        1 => any::<bool>().prop_map(Msg::Focus),
        1 => any::<bool>().prop_map(|vi| {
            let preset = if vi { "vi" } else { "default" };
            let content = Content::Text(format!("preset = \"{preset}\""));
            Msg::UserFile(UserFile::Keys, content)
        }),
        1 => Just(Msg::Tick),
    ]
}

/// All that is drawn of the state, and where the cursor stands.
fn drawn(state: &State) -> (Buffer, Option<Position>) {
    let (width, height) = state.size;
    let mut cells = Buffer::empty(Rect::new(0, 0, width, height));
    let cursor = view::screen(state, &mut cells);
    (cells, cursor)
}

/// What the state looks like.
fn screen(state: &State) -> String {
    let (drawn, _) = drawn(state);
    drawn.content().iter().map(|cell| cell.symbol()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_order_of_things_panics_or_shows_a_live_microphone_wrongly(
        steps in prop::collection::vec((happening(), 0i64..8_000), 1..60),
    ) {
        let mut state = busy();
        let mut now = 0;
        for (msg, passed) in steps {
            now += passed;
            update(&mut state, at(now), msg);
            let live = state.calls.active().is_some_and(|c| {
                matches!(c.call.state, CallState::Connected | CallState::Reconnecting) && !c.call.muted
            });
            prop_assert!(live || !screen(&state).contains("MIC LIVE"), "{}", screen(&state));
            prop_assert!(state.next_deadline() > state.now);
        }
    }

    #[test]
    fn what_asks_for_no_frame_changes_nothing_on_the_screen(
        steps in prop::collection::vec((happening(), 0i64..8_000), 1..60),
    ) {
        let mut state = busy();
        let mut now = 0;
        for (msg, passed) in steps {
            now += passed;
            state.stale = Stale::Nothing;
            let before = drawn(&state);
            let panes = layout(&state);
            let what = format!("{msg:?}");
            update(&mut state, at(now), msg);
            match (state.stale, panes) {
                (Stale::Nothing, _) => prop_assert!(drawn(&state) == before, "{what}"),
                (Stale::Composer | Stale::Writing, Layout::Panes(panes))
                    if layout(&state) == Layout::Panes(panes) =>
                {
                    let mut shown = before.0;
                    let (composer, cursor) = view::composer(&state, &panes);
                    let notice = (state.stale == Stale::Writing).then(|| view::notice(&state, &panes));
                    for part in notice.into_iter().chain([composer]) {
                        for at in part.area.positions() {
                            shown[at] = part[at].clone();
                        }
                    }
                    prop_assert_eq!((shown, cursor), drawn(&state), "{}", what);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_draft_outlives_everything_but_its_own_keys(
        steps in prop::collection::vec((happening(), 0i64..8_000), 1..60),
    ) {
        const DRAFT: &str = "a thought\nnot yet sent";
        let keeps = [
            "Esc", "F1", "F2", "F3", "F4", "F6", "F7", "F9", "PgUp", "PgDn", "Ctrl+N", "Ctrl+P", "Ctrl+T",
            "Alt+1", "Alt+2", "Alt+a", "Alt+u", "Alt+/", "Alt+Home", "Alt+End",
        ];
        let mut state = busy();
        state.draft_mut().replace(DRAFT);
        let mut now = 0;
        for (msg, passed) in steps {
            now += passed;
            match &msg {
                Msg::Key(chord) if !keeps.contains(&chord.to_string().as_str()) => continue,
                Msg::Paste(_) => continue,
                Msg::Engine(event) if matches!(**event, Event::ContactRemoved(_)) => continue,
                _ => {}
            }
            update(&mut state, at(now), msg);
            // A click can begin an edit, which puts it by.
            let draft = state.conversations[&sample::id(BOB)].own_draft();
            prop_assert_eq!(draft.text(), DRAFT);
        }
    }
}
