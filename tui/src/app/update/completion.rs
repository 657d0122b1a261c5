//! Tab: what could stand before the cursor, one choice after the other.

use super::super::editor::Editor;
use super::super::effect::Effect;
use super::super::state::Cycle;
use super::Effects;
use crate::app::State;
use crate::input::complete::{self, Choice, Offer};

/// The next choice for what stands before the cursor.
pub(super) fn complete(state: &mut State, back: bool, out: &mut Effects) {
    if let Some(cycle) = state.completion.take() {
        return next(state, cycle, back);
    }
    let draft = state.draft();
    if let Some((_, path)) = complete::typed_path(draft.text(), draft.cursor()) {
        out.push(Effect::CompletePath(path.to_owned()));
        return;
    }
    let Some(offer) = complete::offer(draft.text(), draft.cursor(), &state.names()) else {
        state.info("nothing to complete: Tab knows /commands, @names and :emoji:");
        return;
    };
    put_first(state, offer);
}

fn next(state: &mut State, mut cycle: Cycle, back: bool) {
    let count = cycle.offer.choices.len();
    let step = if back { count.saturating_sub(1) } else { 1 };
    let text = |at| cycle.offer.choices.get(at).map(|c: &Choice| c.text.clone());
    let old = text(cycle.chosen).map_or(0, |t| t.len());
    let chosen = (cycle.chosen + step) % count.max(1);
    let start = cycle.offer.part.start;
    if let Some(choice) = text(chosen) {
        state.draft_mut().put(start..start + old, &choice);
    }
    cycle.chosen = chosen;
    state.completion = Some(cycle);
}

/// Puts the first choice in; the next Tab takes the others.
fn put_first(state: &mut State, offer: Offer) {
    if let Some(first) = offer.choices.first().cloned() {
        state.draft_mut().put(offer.part.clone(), &first.text);
    }
    if offer.choices.len() > 1 {
        state.completion = Some(Cycle { offer, chosen: 0 });
    }
}

/// What a typed path could become came; too late if it reads otherwise now.
pub(super) fn paths(state: &mut State, typed: &str, choices: Vec<String>) {
    let draft = state.draft();
    let cursor = draft.cursor();
    let start = match complete::typed_path(draft.text(), cursor) {
        Some((start, path)) if path == typed => start,
        _ => return,
    };
    if choices.is_empty() {
        return state.info(format!("no file begins with {typed}"));
    }
    let part = start..cursor;
    let choices = choices.into_iter().map(Choice::plain).collect();
    put_first(state, Offer { part, choices });
}

/// A short code that a colon has just closed becomes its emoji.
pub(super) fn finish_emoji(draft: &mut Editor) {
    if let Some((part, emoji)) = complete::closed_emoji(draft.text(), draft.cursor()) {
        draft.put(part, emoji);
    }
}
