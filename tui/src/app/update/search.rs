//! Looking for words. One question at a time is under way; what is typed
//! meanwhile is asked for when its answer comes, and that answer is dropped.

use twocan_peer::api::{Error, Message};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::super::effect::{Around, Effect};
use super::super::overlay::Overlay;
use super::super::search::{Asked, Search};
use super::{Effects, overlays};
use crate::app::State;
use crate::app::editor::Editor;
use crate::input::chord::{Chord, Key};

/// Messages shown on each side of the chosen hit, at most.
const CONTEXT: usize = 6;

/// Opens the search, in the open conversation if there is one.
pub(super) fn open(state: &mut State, words: &str, out: &mut Effects) {
    let mut search = Search {
        query: Editor::with_text(words),
        with: state.open,
        here: state.open.is_some(),
        ..Search::default()
    };
    ask(state, &mut search, out);
    state.overlay = Some(Overlay::Search(Box::new(search)));
}

/// Takes a key; the hit to go to, once one is picked.
pub(super) fn key(
    state: &mut State,
    search: &mut Search,
    chord: Chord,
    out: &mut Effects,
) -> Option<(PeerId, Uuid)> {
    if chord.key == Key::Enter {
        let hit = search.chosen_hit()?;
        if state.contacts.contains_key(&hit.conversation) {
            return Some((hit.conversation, hit.id));
        }
        state.info("that person is no contact any more; /add brings the conversation back");
        return None;
    }
    if chord.key == Key::Tab && search.with.is_some() {
        search.here = !search.here;
        ask(state, search, out);
        return None;
    }
    let last = search.hits.len().saturating_sub(1);
    if overlays::step(&mut search.chosen, chord, last) {
        follow(state, search, out);
        return None;
    }
    let before = search.query.text().to_owned();
    overlays::edit(&mut search.query, chord);
    if search.query.text() != before {
        ask(state, search, out);
    }
    None
}

/// Asks anew after the query was changed from outside, as by a paste.
pub(super) fn refresh(state: &mut State, out: &mut Effects) {
    with_search(state, |state, search| ask(state, search, out));
}

/// Chooses a hit, as by a click.
pub(super) fn choose(state: &mut State, at: usize, out: &mut Effects) {
    with_search(state, |state, search| {
        search.chosen = at.min(search.hits.len().saturating_sub(1));
        follow(state, search, out);
    });
}

/// Does something with the open search.
fn with_search(state: &mut State, what: impl FnOnce(&mut State, &mut Search)) {
    match state.overlay.take() {
        Some(Overlay::Search(mut search)) => {
            what(state, &mut search);
            state.overlay = Some(Overlay::Search(search));
        }
        other => state.overlay = other,
    }
}

/// Asks for what is typed now.
fn ask(state: &mut State, search: &mut Search, out: &mut Effects) {
    search.error = None;
    if search.asked.is_some() {
        search.stale = true;
        return;
    }
    search.stale = false;
    if search.query.text().trim().is_empty() {
        search.hits.clear();
        search.took_ms = None;
        return;
    }
    put(state, search, false, out);
}

fn put(state: &mut State, search: &mut Search, more: bool, out: &mut Effects) {
    state.searches += 1;
    let number = state.searches;
    search.asked = Some(Asked { number, more });
    out.push(Effect::Search {
        number,
        query: search.question(more),
    });
}

/// What follows from the choice: more hits, and what is around the hit.
fn follow(state: &mut State, search: &mut Search, out: &mut Effects) {
    if search.wants_more() {
        put(state, search, true, out);
    }
    let Some(hit) = search.chosen_hit() else {
        return;
    };
    let known = search.context.as_ref().is_some_and(|(id, _)| *id == hit.id);
    if !known && search.context_asked.is_none() {
        let (with, id) = (hit.conversation, hit.id);
        search.context_asked = Some(id);
        out.push(Effect::LoadAround {
            with,
            id,
            each: CONTEXT,
        });
    }
}

/// An answer came.
pub(super) fn found(
    state: &mut State,
    number: u64,
    took_ms: u64,
    found: Result<Vec<Message>, Error>,
    out: &mut Effects,
) {
    with_search(state, |state, search| {
        let (found, error) = match found {
            Ok(found) => (found, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        if !search.take(number, took_ms, found) {
            return;
        }
        if search.stale {
            return ask(state, search, out);
        }
        search.error = error;
        follow(state, search, out);
    });
}

/// What is around a hit came; given back if the search did not ask for it.
pub(super) fn context_came(
    state: &mut State,
    id: Uuid,
    found: Result<Around, Error>,
    out: &mut Effects,
) -> Option<Result<Around, Error>> {
    let mut left = Some(found);
    with_search(state, |state, search| {
        if search.context_asked != Some(id) {
            return;
        }
        search.context_asked = None;
        // Without a context the hit itself still stands in the list.
        let messages = left.take().and_then(Result::ok).map(|a| a.messages);
        search.context = Some((id, messages.unwrap_or_default()));
        follow(state, search, out);
    });
    left
}
