//! Contacts that fit a few letters, best first.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use twocan_proto::identity::PeerId;

use crate::app::State;

/// The contacts whose names fit `typed`; all of them in the order of the list
/// while nothing is typed.
pub(crate) fn contacts(state: &State, typed: &str) -> Vec<PeerId> {
    let order = state.contacts_in_order();
    if typed.trim().is_empty() {
        return order;
    }
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, usize, PeerId)> = order
        .into_iter()
        .enumerate()
        .filter_map(|(place, id)| {
            let name = state.name_of(id);
            let text = nucleo_matcher::Utf32Str::new(&name, &mut buffer);
            pattern
                .score(text, &mut matcher)
                .map(|score| (score, place, id))
        })
        .collect();
    found.sort_by_key(|(score, place, _)| (std::cmp::Reverse(*score), *place));
    found.into_iter().map(|(_, _, id)| id).collect()
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
}
