//! What to do next, in the middle of a sentence: the key that does it here, or
//! the command where there is no such key. Keys can be changed, so nothing that
//! is said names one of its own accord.

use super::State;
use crate::input::action::{Action, info};

impl State {
    /// The key that does `action` here; empty if there is none.
    pub(crate) fn key_of(&self, action: Action) -> String {
        self.keymap.first_in(self.context(), action)
    }

    /// How to get at `action` from here, if there is a way.
    fn way_to(&self, action: Action) -> Option<String> {
        let key = (!self.in_lines).then(|| self.key_of(action));
        key.filter(|key| !key.is_empty()).or_else(|| {
            let command = info(action)?.command.as_ref()?;
            Some(format!("/{}", command.name))
        })
    }

    /// Ways in a row, each with what it does: `F1 shows all keys, /setup ...`.
    pub(crate) fn ways(&self, ways: &[(Action, &str)]) -> String {
        let there = |(action, does): &(Action, &str)| {
            let way = self.way_to(*action)?;
            Some(format!("{way} {does}"))
        };
        let all: Vec<String> = ways.iter().filter_map(there).collect();
        all.join(", ")
    }

    /// A sentence, and behind a colon what to do.
    pub(crate) fn with_ways(&self, text: &str, ways: &[(Action, &str)]) -> String {
        match self.ways(ways) {
            ways if ways.is_empty() => text.to_owned(),
            ways => format!("{text}: {ways}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::app::{Look, sample};
    use crate::input::action::Action;
    use crate::input::keymap::Context;

    #[test]
    fn a_sentence_names_what_works_here() {
        let mut state = sample::busy((80, 24), Look::default());
        let ways = [(Action::Browse, "chooses one"), (Action::Add, "asks")];
        let said = |state: &crate::app::State| state.with_ways("nobody", &ways);
        assert_eq!(said(&state), "nobody: Esc chooses one, /add asks");
        state.in_lines = true;
        assert_eq!(said(&state), "nobody: /add asks");
        state.in_lines = false;
        let escape = "Esc".parse().unwrap();
        state.keymap.unbind(Context::Composer, &[escape]);
        assert_eq!(said(&state), "nobody: /add asks");
        assert_eq!(state.with_ways("nobody", &ways[..1]), "nobody");
        assert_eq!(state.key_of(Action::Search), "Ctrl+S");
        state.focus = crate::app::Focus::Browse;
        assert_eq!(state.key_of(Action::Search), "/", "the nearest");
    }
}
