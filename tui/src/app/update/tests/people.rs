//! Contacts as they are kept, changed keys, who is near.

use twocan_peer::api::{
    Connected, ContactChange, KeyDecision, Nearby, Path, Presence, Profile, RegistryState,
};

use super::*;
use crate::app::overlay::Overlay;
use crate::app::roster::{Entry, Section};

fn change(effects: &[Effect]) -> Option<&ContactChange> {
    effects.iter().find_map(|e| match e {
        Effect::ChangeContact { change, .. } => Some(change),
        _ => None,
    })
}

#[test]
fn favourites_stand_before_groups_and_groups_before_the_others() {
    let mut state = busy();
    for (seed, alias, favourite, group) in [
        (DANA, "Dana", false, "climbing"),
        (sample::SAM, "Sam", true, ""),
        (8, "Ivo", false, ""),
    ] {
        let mut contact = sample::contact(seed, alias);
        contact.favourite = favourite;
        contact.group = group.into();
        event(&mut state, Event::Contact(Box::new(contact)));
    }
    let sections: Vec<_> = state.entries().into_iter().map(|(s, _)| s).collect();
    let group = Section::Group("climbing".into());
    assert_eq!(
        sections[1..],
        [
            Section::Unread,
            Section::Favourites,
            group,
            Section::People,
            Section::Requests
        ]
    );
}

#[test]
fn the_list_changes_the_chosen_contact() {
    let mut state = busy();
    press(&mut state, "F3");
    state.chosen = Some(Entry::Contact(sample::id(DANA)));
    assert_eq!(
        change(&press(&mut state, "f")).unwrap().favourite,
        Some(true)
    );
    assert_eq!(change(&press(&mut state, "s")).unwrap().muted, Some(true));
    let out = press(&mut state, "x");
    assert!(out.is_empty());
    let out = press(&mut state, "y");
    assert!(has(
        &out,
        |e| matches!(e, Effect::RemoveContact(id) if *id == sample::id(DANA))
    ));
}

#[test]
fn what_is_muted_does_not_ring() {
    let mut state = busy();
    state.focused = false;
    let bell = |out: &[Effect]| has(out, |e| matches!(e, Effect::Alert(_)));
    assert!(bell(&event(
        &mut state,
        Event::Message(sample::message(20, false, "hi"))
    )));
    let mut bob = sample::contact(BOB, "Bob Ortega");
    bob.muted = true;
    event(&mut state, Event::Contact(Box::new(bob)));
    assert!(!bell(&event(
        &mut state,
        Event::Message(sample::message(21, false, "hi"))
    )));
    let profile = Profile {
        presence: Presence::DoNotDisturb,
        ..Profile::default()
    };
    outcome(&mut state, Outcome::Profile(profile));
    assert!(!bell(&event(
        &mut state,
        Event::Call(sample::call(CallState::Incoming))
    )));
}

#[test]
fn a_changed_key_is_never_taken_by_one_key() {
    let mut state = busy();
    let mut bob = sample::contact(BOB, "Bob Ortega");
    bob.new_key = Some(sample::id(40));
    event(&mut state, Event::Contact(Box::new(bob)));
    let decided = |out: &[Effect]| {
        out.iter().find_map(|e| match e {
            Effect::DecideKey { decision, .. } => Some(*decision),
            _ => None,
        })
    };
    let out = press(&mut state, "Ctrl+X v n");
    assert_eq!(decided(&out), None);
    assert_eq!(decided(&press(&mut state, "y")), Some(KeyDecision::Accept));
    let out = press(&mut state, "Ctrl+X v k");
    assert_eq!(decided(&out), Some(KeyDecision::Keep));
}

#[test]
fn status_and_presence_are_told() {
    let mut state = busy();
    outcome(&mut state, Outcome::Profile(Profile::default()));
    let saved = |out: &[Effect]| {
        out.iter().find_map(|e| match e {
            Effect::SaveProfile(profile) => Some(profile.clone()),
            _ => None,
        })
    };
    let out = enter(&mut state, "/status back at noon");
    assert_eq!(saved(&out).unwrap().status, "back at noon");
    let out = enter(&mut state, "/presence dnd");
    assert_eq!(saved(&out).unwrap().presence, Presence::DoNotDisturb);
    assert!(saved(&enter(&mut state, "/presence asleep")).is_none());
    let now = Profile {
        presence: Presence::Away,
        ..Profile::default()
    };
    outcome(&mut state, Outcome::Profile(now));
    assert_eq!(state.toast.as_ref().unwrap().text, "you are away");
}

#[test]
fn findings_cover_nothing_that_was_begun_since() {
    let mut state = busy();
    let found = || Outcome::Findings(vec!["all is well".into()]);
    enter(&mut state, "/doctor");
    outcome(&mut state, found());
    assert!(matches!(&state.overlay, Some(Overlay::Page(page)) if page.lines == ["all is well"]));
    press(&mut state, "Esc");
    enter(&mut state, "/doctor");
    press(&mut state, "Esc");
    outcome(&mut state, found());
    assert!(state.overlay.is_none());
    assert!(state.log.iter().any(|entry| entry.text == "all is well"));
}

#[test]
fn who_is_reached_late_takes_no_words_meant_for_another() {
    let mut state = busy();
    let (before, late) = (state.open, sample::id(3));
    assert_ne!(before, Some(late));
    let connected = || {
        Outcome::Connected(Ok(Connected {
            peer_id: late,
            path: Path::Lan,
        }))
    };
    write(&mut state, "for you alone");
    outcome(&mut state, connected());
    assert_eq!(state.open, before);
    press(&mut state, "Enter Ctrl+S");
    outcome(&mut state, connected());
    assert!(matches!(state.overlay, Some(Overlay::Search(_))));
    press(&mut state, "Esc");
    outcome(&mut state, connected());
    assert_eq!(state.open, Some(late));
}

#[test]
fn a_new_name_stays_when_something_else_is_told() {
    let mut state = busy();
    outcome(&mut state, Outcome::Profile(Profile::default()));
    let out = outcome(&mut state, Outcome::Named(Ok("Alice B".into())));
    assert!(has(&out, |e| matches!(e, Effect::LoadProfile)));
    let out = enter(&mut state, "/presence away");
    assert!(has(
        &out,
        |e| matches!(e, Effect::SaveProfile(profile) if profile.name == "Alice B")
    ));
}

#[test]
fn somebody_nearby_is_added_at_her_address() {
    let mut state = busy();
    let near = Nearby {
        peer_id: sample::id(30),
        name: "Zoe".into(),
        addresses: vec!["192.168.1.9:7777".parse().unwrap()],
        is_contact: false,
    };
    event(&mut state, Event::Nearby(near));
    press(&mut state, "Ctrl+X n");
    assert!(matches!(state.overlay, Some(Overlay::Nearby { .. })));
    let out = press(&mut state, "Enter");
    assert!(has(
        &out,
        |e| matches!(e, Effect::AddContact { who, .. } if who == "192.168.1.9:7777")
    ));
    event(&mut state, Event::NearbyGone(sample::id(30)));
    assert!(state.nearby.is_empty());
}

#[test]
fn whom_the_command_line_names_is_asked_once_a_registry_hears_us() {
    let mut state = sample::with_registries((120, 36), Look::default());
    let asks = |out: &[Effect]| {
        out.iter()
            .filter(|e| matches!(e, Effect::AddContact { who, .. } if who == "echo"))
            .count()
    };
    let mut me = state.me.clone().unwrap();
    for registry in &mut me.registries {
        registry.state = RegistryState::Connecting;
    }
    state.to_ask = vec!["echo".to_owned()];
    let waiting = outcome(&mut state, Outcome::Myself(me.clone()));
    assert_eq!(asks(&waiting), 0);
    me.registries[0].state = RegistryState::SignedIn;
    assert_eq!(asks(&outcome(&mut state, Outcome::Myself(me.clone()))), 1);
    assert_eq!(asks(&outcome(&mut state, Outcome::Myself(me))), 0);
}

#[test]
fn to_connect_to_a_link_is_to_ask_whom_it_names() {
    let mut state = busy();
    let link = "twocan:192.168.1.9:7777#key";
    let out = enter(&mut state, &format!("/connect {link} hello"));
    assert!(has(
        &out,
        |e| matches!(e, Effect::AddContact { who, note } if who == link && note == "hello")
    ));
    assert!(!has(&out, |e| matches!(e, Effect::Connect(_))));
}
