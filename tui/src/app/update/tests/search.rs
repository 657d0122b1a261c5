//! Looking for words.

use super::*;
use crate::app::effect::Around;
use crate::app::overlay::Overlay;
use crate::app::search::{HITS, Search};

fn asked(effects: &[Effect]) -> Option<(u64, &twocan_peer::api::SearchQuery)> {
    effects.iter().find_map(|e| match e {
        Effect::Search { number, query } => Some((*number, query)),
        _ => None,
    })
}

fn search(state: &State) -> &Search {
    match &state.overlay {
        Some(Overlay::Search(search)) => search,
        other => panic!("no search: {other:?}"),
    }
}

fn found(state: &mut State, number: u64, range: std::ops::Range<u64>) -> Vec<Effect> {
    let found = range
        .rev()
        .map(|n| sample::message(n, false, "the numbers"))
        .collect();
    outcome(
        state,
        Outcome::Found {
            number,
            took_ms: 3,
            found: Ok(found),
        },
    )
}

#[test]
fn only_the_last_query_is_answered() {
    let mut state = busy();
    press(&mut state, "Ctrl+S");
    let out = write(&mut state, "num");
    // One question is under way: the rest of the word waits for its answer.
    let (first, query) = asked(&out).unwrap();
    assert_eq!(query.text, "n");
    assert_eq!(query.with, Some(sample::id(BOB)));
    let out = found(&mut state, first, 100..150);
    let (second, query) = asked(&out).unwrap();
    assert_eq!(query.text, "num");
    assert!(search(&state).hits.is_empty());
    found(&mut state, second, 100..103);
    assert_eq!(search(&state).hits.len(), 3);
    // An answer to something else changes nothing.
    found(&mut state, first, 100..150);
    assert_eq!(search(&state).hits.len(), 3);
}

#[test]
fn tab_looks_everywhere() {
    let mut state = busy();
    let out = enter(&mut state, "/search numbers");
    let (number, _) = asked(&out).unwrap();
    found(&mut state, number, 0..0);
    let out = press(&mut state, "Tab");
    assert_eq!(asked(&out).unwrap().1.with, None);
}

#[test]
fn scrolling_brings_more() {
    let mut state = busy();
    let out = enter(&mut state, "/search numbers");
    let (number, _) = asked(&out).unwrap();
    let out = found(&mut state, number, 100..100 + HITS as u64);
    assert!(asked(&out).is_none());
    let mut more = None;
    for _ in 0..HITS {
        let out = press(&mut state, "Down");
        more = more.or_else(|| asked(&out).map(|(n, q)| (n, q.before)));
    }
    let (number, before) = more.unwrap();
    assert_eq!(before, Some(sample::uuid(100)));
    let chosen = search(&state).chosen;
    found(&mut state, number, 80..100);
    assert_eq!(search(&state).hits.len(), HITS + 20);
    assert_eq!(search(&state).chosen, chosen);
    // That was all.
    let out = press(&mut state, "PgDn PgDn PgDn PgDn");
    assert!(asked(&out).is_none());
}

#[test]
fn enter_goes_to_the_hit_and_esc_to_where_one_was() {
    let mut state = busy();
    press(&mut state, "Esc k");
    let out = press(&mut state, "/");
    assert!(asked(&out).is_none());
    let out = write(&mut state, "n");
    let (number, _) = asked(&out).unwrap();
    let out = found(&mut state, number, 500..501);
    assert!(has(&out, |e| matches!(e, Effect::LoadAround { .. })));
    let around = || {
        Ok(Around {
            messages: (495..506).map(|n| sample::message(n, false, "x")).collect(),
            ..Around::default()
        })
    };
    let (with, id) = (sample::id(BOB), sample::uuid(500));
    let context = Outcome::Around {
        with,
        id,
        found: around(),
    };
    outcome(&mut state, context);
    assert_eq!(search(&state).context.as_ref().unwrap().1.len(), 11);

    press(&mut state, "Esc");
    assert_eq!(state.focus, Focus::Browse);
    assert_eq!(
        state.conversation().unwrap().selected,
        Some(sample::uuid(9))
    );

    press(&mut state, "/");
    let out = write(&mut state, "n");
    let (number, _) = asked(&out).unwrap();
    found(&mut state, number, 500..501);
    let out = press(&mut state, "Enter");
    assert!(has(
        &out,
        |e| matches!(e, Effect::LoadAround { id: to, .. } if *to == id)
    ));
    let there = Outcome::Around {
        with,
        id,
        found: around(),
    };
    outcome(&mut state, there);
    let conversation = state.conversation().unwrap();
    assert_eq!(conversation.selected, Some(id));
    assert!(!conversation.newest_loaded);
}
