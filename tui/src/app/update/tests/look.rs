//! What the user sees and hears beside the conversation: themes, alerts,
//! clicks, links, the plain view.

use twocan_peer::api::{CallState, Event};

use super::super::super::audio::Side;
use super::super::super::effect::Alert;
use super::super::super::overlay::Overlay;
use super::super::super::preferences::Preferences;
use super::super::super::user_file::{Content, UserFile};
use super::*;
use crate::view::theme::palette;

fn alerts(out: &[Effect]) -> Vec<Alert> {
    let alert = |effect: &Effect| match effect {
        Effect::Alert(alert) => Some(alert.clone()),
        _ => None,
    };
    out.iter().filter_map(alert).collect()
}

fn message(n: u64) -> Event {
    Event::Message(sample::message(n, false, "call in five?"))
}

#[test]
fn whoever_looks_elsewhere_is_told_and_not_too_often() {
    let mut state = busy();
    assert_eq!(alerts(&event(&mut state, message(50))), [], "in focus");
    update(&mut state, at(0), Msg::Focus(false));
    let told = alerts(&event(&mut state, message(51)));
    assert_eq!(
        (told[0].title.as_str(), told[0].body.as_str()),
        ("Bob Ortega", "call in five?")
    );
    assert_eq!(alerts(&event(&mut state, message(52))), [], "at once again");
    let later = Msg::Engine(Box::new(message(53)));
    assert_eq!(alerts(&update(&mut state, at(4_000), later)).len(), 1);

    state.preferences.content = false;
    let later = Msg::Engine(Box::new(message(54)));
    let hidden = alerts(&update(&mut state, at(8_000), later));
    assert_eq!(
        (hidden[0].title.as_str(), hidden[0].body.as_str()),
        ("twocan", "a new message")
    );

    let bob = state.contacts.get_mut(&sample::id(BOB)).unwrap();
    bob.muted = true;
    let later = Msg::Engine(Box::new(message(55)));
    assert_eq!(
        alerts(&update(&mut state, at(12_000), later)),
        [],
        "silenced"
    );
}

#[test]
fn a_call_is_told_by_name_only_to_whoever_looks_elsewhere() {
    for focused in [true, false] {
        let mut state = busy();
        state.focused = focused;
        let out = event(&mut state, Event::Call(sample::call(CallState::Incoming)));
        let told = alerts(&out);
        assert!(told[0].urgent && told[0].ways.bell);
        assert_eq!(told[0].ways.terminal, !focused);
        assert_eq!(told[0].body, "Dana is calling");
        let again = update(&mut state, at(5_000), Msg::Tick);
        assert_eq!(alerts(&again).len(), 1, "every five seconds");
    }
}

#[test]
fn a_theme_is_chosen_kept_and_changed_by_its_file() {
    let mut state = busy();
    let out = enter(&mut state, "/theme dark");
    assert!(has(
        &out,
        |e| matches!(e, Effect::SaveSetting { key, value } if key == "theme" && value == "dark")
    ));
    for command in ["/theme drak", "/set theme drak"] {
        let out = enter(&mut state, command);
        assert!(out.is_empty(), "{out:?}");
        let said = said(&state);
        assert!(said.contains("no theme is called drak"), "{said}");
        press(&mut state, "Esc");
    }
    let preferences = Preferences::default();
    let theme = Some("dark".to_owned());
    outcome(&mut state, Outcome::Preferences { preferences, theme });
    assert_eq!(Some(state.look.palette), palette::named("dark", None));

    let file = |state: &mut State, text: &str| {
        let content = Content::Text(text.to_owned());
        update(state, at(1), Msg::UserFile(UserFile::Theme, content));
    };
    file(&mut state, "good = \"blue\"\nbad = \"rad\"");
    assert!(
        said(&state).starts_with("theme.toml line 2: "),
        "{}",
        said(&state)
    );
    let with_file = state.look.palette;
    assert_ne!(
        Some(with_file),
        palette::named("dark", None),
        "the right line holds"
    );
    file(&mut state, "");
    assert_eq!(Some(state.look.palette), palette::named("dark", None));
}

#[test]
fn a_light_ground_has_its_own_colours_unless_another_theme_was_chosen() {
    let mut state = busy();
    update(&mut state, at(1), Msg::Background { light: true });
    assert_eq!(Some(state.look.palette), palette::named("light", None));
    state.themes.chosen = Some("ansi16".to_owned());
    update(&mut state, at(2), Msg::Background { light: true });
    assert_eq!(state.look.palette, palette::ANSI16);
}

#[test]
fn stopping_in_a_call_asks() {
    for (key, ends, stops) in [("s", false, true), ("h", true, true), ("Esc", false, false)] {
        let mut state = sample::in_call((120, 36), Look::default());
        press(&mut state, "Ctrl+Z");
        assert!(matches!(state.overlay, Some(Overlay::Suspend)));
        let out = press(&mut state, key);
        assert_eq!(has(&out, |e| matches!(e, Effect::HangUp(_))), ends, "{key}");
        assert_eq!(has(&out, |e| matches!(e, Effect::Suspend)), stops, "{key}");
        assert!(state.overlay.is_none());
    }
}

#[test]
fn links_are_opened_or_offered() {
    let mut state = busy();
    // The only message with a link.
    press(&mut state, "Esc g j j j");
    let out = press(&mut state, "o");
    assert!(has(
        &out,
        |e| matches!(e, Effect::OpenOutside(link) if link == "https://example.org/p4")
    ));
    let two = "https://a.example and https://b.example";
    event(&mut state, Event::Message(sample::message(60, false, two)));
    press(&mut state, "G o Down");
    let out = press(&mut state, "Enter");
    assert!(has(
        &out,
        |e| matches!(e, Effect::OpenOutside(link) if link == "https://b.example")
    ));
    assert!(state.overlay.is_none());
}

/// Clicks on the first cell of `text` as it is drawn.
fn click_on(state: &mut State, text: &str) -> Vec<Effect> {
    let rows = crate::view::tests::shown(state);
    let (row, line) = rows
        .iter()
        .enumerate()
        .find(|(_, row)| row.contains(text))
        .unwrap_or_else(|| panic!("no {text} in {rows:#?}"));
    let before = line.find(text).unwrap();
    let mouse = Mouse {
        what: MouseAct::Click,
        column: u16::try_from(crate::view::wrap::width(&line[..before])).unwrap(),
        row: u16::try_from(row).unwrap(),
    };
    update(state, state.now, Msg::Mouse(mouse))
}

#[test]
fn what_is_on_the_screen_can_be_clicked() {
    let mut state = busy();
    click_on(&mut state, "F2 commands");
    assert!(matches!(state.overlay, Some(Overlay::Palette { .. })));
    click_on(&mut state, "block: no messages");
    assert!(matches!(
        state.overlay,
        Some(Overlay::Palette { selected: 1.., .. })
    ));
    click_on(&mut state, "Esc back");
    assert!(state.overlay.is_none());

    click_on(&mut state, "and I fixed the typo");
    assert_eq!(state.focus, Focus::Browse);
    assert_eq!(
        state.conversation().unwrap().selected,
        Some(sample::uuid(3))
    );
    click_on(&mut state, "back to typing");
    assert_eq!(state.focus, Focus::Composer);

    enter(&mut state, "/signin");
    click_on(&mut state, "Password");
    assert!(matches!(&state.overlay, Some(Overlay::Form(form)) if form.fields[form.focus].secret));
}

#[test]
fn a_click_into_what_is_written_writes_nothing() {
    let mut state = busy();
    update(&mut state, at(0), Msg::Resize(40, 15));
    write(&mut state, "a thought");
    for part in ["> a thought", "a thought", "thought"] {
        click_on(&mut state, part);
        assert_eq!(state.draft_mut().text(), "a thought", "{part}");
    }
}

#[test]
fn a_hit_of_a_search_is_chosen_by_a_click_and_jumped_to_by_another() {
    let mut state = busy();
    let out = enter(&mut state, "/search numbers");
    let number = out.iter().find_map(|e| match e {
        Effect::Search { number, .. } => Some(*number),
        _ => None,
    });
    let texts = ["the numbers", "old numbers"];
    let hits = (0..)
        .zip(texts)
        .map(|(n, text)| sample::message(90 - n, false, text));
    let found = Outcome::Found {
        number: number.unwrap(),
        took_ms: 3,
        found: Ok(hits.collect()),
    };
    outcome(&mut state, found);
    click_on(&mut state, "old ‹numbers›");
    assert!(matches!(&state.overlay, Some(Overlay::Search(search)) if search.chosen == 1));
    click_on(&mut state, "old ‹numbers›");
    assert!(state.overlay.is_none(), "the second click jumps");
}

#[test]
fn a_click_reaches_both_lists_of_devices() {
    let mut state = busy();
    enter(&mut state, "/audio");
    state.sound = Some(sample::sound());
    let chosen = |state: &State| match state.overlay {
        Some(Overlay::Audio { side, selected }) => (side, selected),
        _ => panic!("no list of devices: {:?}", state.overlay),
    };
    click_on(&mut state, "USB Headset");
    assert_eq!(chosen(&state), (Side::Microphone, 1));
    // The sign is of what is used; of the two it is the loudspeaker's.
    click_on(&mut state, "● system default");
    assert_eq!(chosen(&state), (Side::Loudspeaker, 0));
}

#[test]
fn the_plain_view_leaves_the_mouse_to_the_terminal() {
    let mut state = busy();
    let out = press(&mut state, "Ctrl+X Ctrl+L");
    assert!(has(&out, |e| matches!(e, Effect::ReportMouse(false))));
    let rows = crate::view::tests::shown(&state);
    assert!(
        rows.iter()
            .all(|row| !row.contains('\u{2502}') && !row.contains("Mei Lin")),
        "{rows:#?}"
    );
    let out = press(&mut state, "Ctrl+X Ctrl+L");
    assert!(has(&out, |e| matches!(e, Effect::ReportMouse(true))) && !state.plain_view);
}

#[test]
fn a_switch_is_understood_or_refused() {
    let mut state = busy();
    for (typed, stored) in [
        ("off", "false"),
        ("No", "false"),
        ("on", "true"),
        ("true", "true"),
    ] {
        let out = enter(&mut state, &format!("/set notify.content {typed}"));
        assert!(
            has(
                &out,
                |e| matches!(e, Effect::SaveSetting { key, value } if key == "notify.content" && value == stored)
            ),
            "{typed}: {out:?}"
        );
    }
    let out = enter(&mut state, "/set notify.content maybe");
    assert!(out.is_empty(), "{out:?}");
    assert!(said(&state).contains("true or false"), "{}", said(&state));
}
