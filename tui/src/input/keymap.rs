//! From sequences of keys to actions: one trie a context. A sequence that
//! could still become longer waits for ever, so nobody needs quick fingers.

use std::collections::HashMap;

use super::action::Action;
use super::chord::{Chord, sequence};
use super::table::TABLE;

/// Where keys are typed; the innermost context that knows a key takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    /// Everywhere.
    Global,
    /// Writing a message.
    Composer,
    /// Choosing a message.
    Browse,
    /// Choosing a contact.
    List,
}

/// What keys typed so far mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// This action.
    Action(Action),
    /// The beginning of some.
    Prefix,
    /// Nothing.
    None,
}

#[derive(Debug, Default)]
struct Node {
    action: Option<Action>,
    next: HashMap<Chord, Self>,
}

/// All bindings.
#[derive(Debug)]
pub(crate) struct Keymap {
    roots: HashMap<Context, Node>,
}

impl Keymap {
    /// The bindings of the table of actions.
    pub(crate) fn standard() -> Self {
        let mut map = Self {
            roots: HashMap::new(),
        };
        for info in TABLE {
            for (context, keys) in info.keys {
                // A test makes sure that every entry of the table is a key.
                if let Ok(chords) = sequence(keys) {
                    map.bind(*context, &chords, info.action);
                }
            }
        }
        map
    }

    fn bind(&mut self, context: Context, chords: &[Chord], action: Action) {
        let mut node = self.roots.entry(context).or_default();
        for chord in chords {
            node = node.next.entry(*chord).or_default();
        }
        node.action = Some(action);
    }

    /// What `typed` means in `context`, or else everywhere.
    pub(crate) fn find(&self, context: Context, typed: &[Chord]) -> Match {
        match self.find_in(context, typed) {
            Match::None if context != Context::Global => self.find_in(Context::Global, typed),
            // A longer sequence may be known here and there.
            found => found,
        }
    }

    fn find_in(&self, context: Context, typed: &[Chord]) -> Match {
        let Some(mut node) = self.roots.get(&context) else {
            return Match::None;
        };
        for chord in typed {
            let Some(next) = node.next.get(chord) else {
                return Match::None;
            };
            node = next;
        }
        match node.action {
            Some(action) => Match::Action(action),
            None if node.next.is_empty() => Match::None,
            None => Match::Prefix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(context: Context, keys: &str) -> Match {
        Keymap::standard().find(context, &sequence(keys).unwrap())
    }

    #[test]
    fn sequences_wait_and_then_act() {
        assert_eq!(find(Context::Composer, "Ctrl+X"), Match::Prefix);
        assert_eq!(
            find(Context::Composer, "Ctrl+X c"),
            Match::Action(Action::Call)
        );
        assert_eq!(find(Context::Composer, "Ctrl+X Ctrl+Q"), Match::None);
    }

    #[test]
    fn the_inner_context_goes_first() {
        assert_eq!(
            find(Context::Browse, "j"),
            Match::Action(Action::SelectDown)
        );
        assert_eq!(find(Context::Composer, "j"), Match::None);
        assert_eq!(find(Context::Browse, "F1"), Match::Action(Action::Help));
    }

    #[test]
    fn every_entry_of_the_table_is_a_key_and_none_clash() {
        let mut seen = HashMap::new();
        for info in TABLE {
            for (context, keys) in info.keys {
                let chords = sequence(keys).unwrap();
                let before = seen.insert((*context, chords), info.action);
                assert_eq!(before, None, "{keys} is bound twice");
            }
        }
    }

    #[test]
    fn a_bare_key_never_reaches_the_microphone() {
        let live = [Action::Answer, Action::Call, Action::Mute, Action::Deafen];
        for info in TABLE.iter().filter(|i| live.contains(&i.action)) {
            for (_, keys) in info.keys {
                let first = sequence(keys).unwrap()[0];
                assert!(first.typed().is_none() && first.key != super::super::chord::Key::Enter);
            }
        }
    }
}
