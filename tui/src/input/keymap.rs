//! From sequences of keys to actions. A sequence that could still become
//! longer waits for ever, so nobody needs quick fingers.

use super::action::{Action, Info};
use super::chord::{Chord, Key, sequence};
use super::table::{TABLE, VI};

/// Where keys are typed; the innermost context that knows a key takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    /// Everywhere.
    Global,
    /// Writing a message.
    Composer,
    /// Moving in the text of a message, as in vi.
    Normal,
    /// Choosing a message.
    Browse,
    /// Choosing a contact.
    List,
}

impl Context {
    pub(crate) const ALL: [Self; 5] = [
        Self::Global,
        Self::Composer,
        Self::Normal,
        Self::Browse,
        Self::List,
    ];

    /// As keys.toml calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Composer => "composer",
            Self::Normal => "normal",
            Self::Browse => "browse",
            Self::List => "list",
        }
    }

    /// This context and those that take what it does not know.
    fn with_outer(self) -> &'static [Self] {
        match self {
            Self::Global => &[Self::Global],
            Self::Composer => &[Self::Composer, Self::Global],
            Self::Normal => &[Self::Normal, Self::Composer, Self::Global],
            Self::Browse => &[Self::Browse, Self::Global],
            Self::List => &[Self::List, Self::Global],
        }
    }
}

/// Bindings to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Preset {
    /// Those of the table.
    #[default]
    Default,
    /// A composer with modes beside them.
    Vi,
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

/// One sequence and what it does.
#[derive(Debug, Clone)]
struct Binding {
    context: Context,
    chords: Vec<Chord>,
    action: Action,
}

/// Why a sequence cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbindable {
    #[error("a letter alone types here; bind it with Ctrl or Alt, or a function key")]
    Types,
    #[error(
        "a letter or Enter alone must not reach the microphone; bind it with Ctrl or Alt, or a function key"
    )]
    Microphone,
    #[error("longer sequences begin with it, such as {0}; set those to \"none\" first")]
    Begins(String),
    #[error("{0} acts at once; set it to \"none\" first")]
    Hidden(String),
}

/// All bindings.
#[derive(Debug, Clone)]
pub(crate) struct Keymap {
    preset: Preset,
    /// Those of the same action in the order in which they are shown.
    bindings: Vec<Binding>,
}

impl Keymap {
    /// The bindings of the table of actions.
    pub(crate) fn preset(preset: Preset) -> Self {
        let mut map = Self {
            preset,
            bindings: Vec::new(),
        };
        let keys = TABLE.iter().flat_map(|info| {
            let keys = info.keys.iter();
            keys.map(move |(context, keys)| (*context, *keys, info.action))
        });
        map.bindings.extend(keys.filter_map(binding));
        if preset == Preset::Vi {
            for changed in VI.iter().copied().filter_map(binding) {
                map.unbind(changed.context, &changed.chords);
                map.bindings.push(changed);
            }
        }
        map
    }

    /// Whether the composer has modes.
    pub(crate) fn modal(&self) -> bool {
        self.preset == Preset::Vi
    }

    /// Lets a sequence do nothing.
    pub(crate) fn unbind(&mut self, context: Context, chords: &[Chord]) {
        let same = |b: &Binding| b.context == context && b.chords == chords;
        self.bindings.retain(|b| !same(b));
    }

    /// Lets a sequence do `action`, before all others of that action.
    ///
    /// # Errors
    /// [`Unbindable`], and then nothing has changed.
    pub(crate) fn bind(
        &mut self,
        context: Context,
        chords: Vec<Chord>,
        action: Action,
    ) -> Result<(), Unbindable> {
        let same = |b: &Binding| b.context == context && b.chords == chords && b.action == action;
        if self.bindings.iter().any(same) {
            return Ok(());
        }
        self.check(context, &chords, action)?;
        self.unbind(context, &chords);
        let first = self.bindings.iter().position(|b| b.action == action);
        let binding = Binding {
            context,
            chords,
            action,
        };
        self.bindings
            .insert(first.unwrap_or(self.bindings.len()), binding);
        Ok(())
    }

    fn check(&self, context: Context, chords: &[Chord], action: Action) -> Result<(), Unbindable> {
        let first = chords.first();
        let bare = first.is_some_and(|c| c.typed().is_some());
        if bare && matches!(context, Context::Global | Context::Composer) {
            return Err(Unbindable::Types);
        }
        let enter = first.is_some_and(|c| *c == Chord::plain(Key::Enter));
        if action.is_live() && (bare || enter) {
            return Err(Unbindable::Microphone);
        }
        let meets = |b: &&Binding| {
            context.with_outer().contains(&b.context) || b.context.with_outer().contains(&context)
        };
        for other in self.bindings.iter().filter(meets) {
            if other.chords.len() > chords.len() && other.chords.starts_with(chords) {
                return Err(Unbindable::Begins(written(&other.chords)));
            }
            if chords.len() > other.chords.len() && chords.starts_with(&other.chords) {
                return Err(Unbindable::Hidden(written(&other.chords)));
            }
        }
        Ok(())
    }

    /// What `typed` means in `context`, or else further out.
    pub(crate) fn find(&self, context: Context, typed: &[Chord]) -> Match {
        let contexts = context.with_outer().iter();
        let found = contexts.map(|context| self.find_in(*context, typed));
        let mut known = found.filter(|found| *found != Match::None);
        known.next().unwrap_or(Match::None)
    }

    fn find_in(&self, context: Context, typed: &[Chord]) -> Match {
        let mut found = Match::None;
        let here = self.bindings.iter().filter(|b| b.context == context);
        for binding in here.filter(|b| b.chords.starts_with(typed)) {
            if binding.chords.len() == typed.len() {
                return Match::Action(binding.action);
            }
            found = Match::Prefix;
        }
        found
    }

    /// The keys that go on from `typed`, and what each does; `None` for those
    /// after which more follow.
    pub(crate) fn following(
        &self,
        context: Context,
        typed: &[Chord],
    ) -> Vec<(Chord, Option<Action>)> {
        let mut found: Vec<(Chord, Option<Action>)> = Vec::new();
        for context in context.with_outer() {
            let here = self.bindings.iter().filter(|b| b.context == *context);
            for binding in here.filter(|b| b.chords.starts_with(typed)) {
                let Some(next) = binding.chords.get(typed.len()) else {
                    continue;
                };
                let last = binding.chords.len() == typed.len() + 1;
                if found.iter().all(|(chord, _)| chord != next) {
                    found.push((*next, last.then_some(binding.action)));
                }
            }
        }
        found
    }

    /// The keys of `action` as written, the most useful first.
    pub(crate) fn keys(&self, action: Action) -> impl Iterator<Item = String> {
        let of = self.bindings.iter().filter(move |b| b.action == action);
        of.map(|b| written(&b.chords))
    }

    /// The first key of `action`; empty if it has none.
    pub(crate) fn first(&self, action: Action) -> String {
        self.keys(action).next().unwrap_or_default()
    }

    /// The first key of `action` that works in `context`, the nearest before
    /// those of further out; empty if there is none.
    pub(crate) fn first_in(&self, context: Context, action: Action) -> String {
        let of = |context: &Context| {
            let mut here = self.bindings.iter().filter(|b| b.context == *context);
            here.find(|b| b.action == action)
        };
        let found = context.with_outer().iter().find_map(of);
        found.map_or_else(String::new, |binding| written(&binding.chords))
    }

    /// All keys of `action` in a row.
    pub(crate) fn all(&self, action: Action) -> String {
        let mut keys: Vec<_> = self.keys(action).collect();
        let mut seen = std::collections::HashSet::new();
        keys.retain(|k| seen.insert(k.clone()));
        keys.join("  ")
    }

    /// The keys of `action` with their contexts.
    pub(crate) fn places(&self, action: Action) -> impl Iterator<Item = (Context, String)> {
        let of = self.bindings.iter().filter(move |b| b.action == action);
        of.map(|b| (b.context, written(&b.chords)))
    }

    /// Whether an action can be reached from everywhere.
    pub(crate) fn is_global(&self, info: &Info) -> bool {
        let mut places = self.places(info.action);
        places.any(|(context, _)| context == Context::Global)
    }
}

/// A line of a table; a test makes sure that each names keys.
fn binding((context, keys, action): (Context, &str, Action)) -> Option<Binding> {
    let chords = sequence(keys).ok()?;
    Some(Binding {
        context,
        chords,
        action,
    })
}

fn written(chords: &[Chord]) -> String {
    let keys: Vec<_> = chords.iter().map(ToString::to_string).collect();
    keys.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn keys(text: &str) -> Vec<Chord> {
        sequence(text).unwrap()
    }

    fn find(context: Context, text: &str) -> Match {
        Keymap::preset(Preset::Default).find(context, &keys(text))
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
    fn every_entry_of_the_tables_is_a_key_and_none_clash() {
        let mut seen = HashMap::new();
        for info in TABLE {
            for (context, text) in info.keys {
                let before = seen.insert((*context, keys(text)), info.action);
                assert_eq!(before, None, "{text} is bound twice");
            }
        }
        for (context, text, action) in VI {
            let before = seen.insert((*context, keys(text)), *action);
            let replaced = (*context, *text) == (Context::Composer, "Esc");
            assert_eq!(before.is_some(), replaced, "{text} is bound twice");
        }
        for preset in [Preset::Default, Preset::Vi] {
            let map = Keymap::preset(preset);
            for b in &map.bindings {
                assert_eq!(map.check(b.context, &b.chords, b.action), Ok(()), "{b:?}");
            }
        }
    }

    #[test]
    fn a_bare_key_never_reaches_the_microphone() {
        let mut map = Keymap::preset(Preset::Vi);
        for b in map.bindings.iter().filter(|b| b.action.is_live()) {
            assert!(b.chords[0].typed().is_none() && b.chords[0].key != Key::Enter);
        }
        for (context, text) in [(Context::Browse, "a"), (Context::List, "Enter")] {
            let tried = map.bind(context, keys(text), Action::Answer);
            assert_eq!(tried, Err(Unbindable::Microphone));
        }
        assert_eq!(
            map.bind(Context::Composer, keys("q"), Action::Quit),
            Err(Unbindable::Types)
        );
    }

    #[test]
    fn clashes_are_refused_and_bindings_replaced() {
        let mut map = Keymap::preset(Preset::Default);
        let clash = map.bind(Context::Composer, keys("Ctrl+X"), Action::Quit);
        assert!(matches!(clash, Err(Unbindable::Begins(_))), "{clash:?}");
        let clash = map.bind(Context::Global, keys("F9 x"), Action::Quit);
        assert_eq!(clash, Err(Unbindable::Hidden("F9".into())));
        map.bind(Context::Global, keys("F12"), Action::Quit)
            .unwrap();
        assert_eq!(map.first(Action::Quit), "F12");
        map.unbind(Context::Global, &keys("F9"));
        assert_eq!(map.all(Action::Mute), "Ctrl+X m");
    }

    #[test]
    fn what_may_follow_is_known() {
        let map = Keymap::preset(Preset::Default);
        let following = map.following(Context::Composer, &keys("Ctrl+X"));
        let call = ("c".parse().unwrap(), Some(Action::Call));
        assert!(following.contains(&call));
        assert!(map.following(Context::Composer, &keys("F9")).is_empty());
    }
}
