//! What fits a few letters: contacts, best first; earlier input, newest first.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use twocan_proto::identity::PeerId;

use crate::app::State;

/// The contacts whose names fit `typed`, the best first; while nothing is
/// typed all of them, who wrote last first and the open one at the end.
pub(crate) fn contacts(state: &State, typed: &str) -> Vec<PeerId> {
    let mut order = state.contacts_in_order();
    let recent = |id: &PeerId| state.contacts.get(id).and_then(|c| c.last_message_at);
    order.sort_by_key(|id| (state.open == Some(*id), std::cmp::Reverse(recent(id))));
    let found = fuzzy(typed, order.iter().map(|id| state.name_of(*id)));
    found.into_iter().map(|at| order[at]).collect()
}

/// The places of the texts that fit `typed`, the best first; all in their
/// order while nothing is typed.
pub(crate) fn fuzzy(typed: &str, texts: impl Iterator<Item = String>) -> Vec<usize> {
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, usize)> = texts
        .enumerate()
        .filter_map(|(place, text)| {
            let text = nucleo_matcher::Utf32Str::new(&text, &mut buffer);
            let score = pattern.score(text, &mut matcher)?;
            Some((score, place))
        })
        .collect();
    found.sort_by_key(|(score, place)| (std::cmp::Reverse(*score), *place));
    found.into_iter().map(|(_, place)| place).collect()
}

/// What was written here and has all words that are typed, newest first: the
/// lines of this run, then our messages that are held.
pub(crate) fn earlier<'a>(state: &'a State, typed: &str) -> Vec<&'a str> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let conversation = state.conversation();
    let messages = conversation.map_or(&[][..], |c| c.messages());
    let mine = messages.iter().rev().filter(|m| m.mine && !m.deleted);
    let mut seen = std::collections::HashSet::new();
    let all = state.history().newest_first();
    all.chain(mine.map(|m| m.text.as_str()))
        .filter(|text| !text.is_empty() && seen.insert(*text))
        .filter(|text| {
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Look, sample};

    #[test]
    fn a_few_letters_are_enough() {
        let state = sample::busy((80, 24), Look::default());
        assert_eq!(
            contacts(&state, "bort").first(),
            Some(&sample::id(sample::BOB))
        );
        assert_eq!(contacts(&state, "").len(), 4);
        assert!(contacts(&state, "zzz").is_empty());
    }

    #[test]
    fn earlier_input_is_found_by_words_anywhere() {
        let mut state = sample::busy((80, 24), Look::default());
        state.history_mut().push("/call Dana");
        assert_eq!(earlier(&state, "DAN ca"), ["/call Dana"]);
        assert_eq!(earlier(&state, "typo"), ["and I fixed the typo on page 2"]);
        assert!(earlier(&state, "call in five").is_empty(), "theirs");
        assert_eq!(earlier(&state, "").first(), Some(&"/call Dana"));
    }
}
