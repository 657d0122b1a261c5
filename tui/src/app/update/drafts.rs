//! Keeping drafts in the profile while they are written, and taking them up
//! again at the start.

use serde_json::Value;

use super::super::drafts::Texts;
use super::super::effect::Effect;
use super::Effects;
use crate::app::State;

/// What is remembered was read. Whoever has begun to write meanwhile keeps
/// that; the older draft is among the earlier input then.
pub(super) fn loaded(state: &mut State, remembered: Value) {
    for (whom, text) in state.drafts.load(remembered) {
        let (draft, history) = match whom {
            Some(id) => {
                let conversation = state.conversations.entry(id).or_default();
                (&mut conversation.draft, &mut conversation.history)
            }
            None => state.loose(),
        };
        if draft.is_empty() {
            draft.replace(&text);
        } else if draft.text() != text {
            history.push(&text);
        }
    }
}

/// Notices whether what is being written differs from what is kept.
pub(super) fn watch(state: &mut State) {
    let (whom, now) = (state.open, state.now);
    let conversation = whom.and_then(|id| state.conversations.get(&id));
    let draft = conversation.map_or(&state.loose_draft, |c| c.own_draft());
    state.drafts.compare(whom, draft.text(), now);
}

/// Writes the drafts, if they have changed.
pub(super) fn save(state: &mut State, out: &mut Effects) {
    let others = state.conversations.iter();
    let all = others.map(|(id, c)| (Some(*id), c.own_draft()));
    let texts: Texts = all
        .chain([(None, &state.loose_draft)])
        .filter(|(_, draft)| !draft.is_empty())
        .map(|(whom, draft)| (whom, draft.text().to_owned()))
        .collect();
    if let Some(remembered) = state.drafts.save(texts) {
        out.push(Effect::Remember(remembered));
    }
}
