//! Reactions: those at hand, what they are called, and what a typed one means.

use twocan_peer::api::Reaction;
use twocan_proto::identity::PeerId;
use unicode_segmentation::UnicodeSegmentation;

/// Reactions at hand, each under the name in the same place of [`NAMES`].
pub(crate) const COMMON: &[&str] = &[
    "\u{1f44d}",
    "\u{2764}\u{fe0f}",
    "\u{1f602}",
    "\u{1f389}",
    "\u{1f62e}",
    "\u{1f622}",
    "\u{1f64f}",
    "\u{1f440}",
];

/// What the reactions at hand are called, for those who cannot type them and
/// for screens that show only ASCII.
pub(crate) const NAMES: &[&str] = &[
    "yes", "heart", "laugh", "hurray", "wow", "sad", "thanks", "eyes",
];

/// The emoji that a typed text means: a name of one at hand, its beginning, the
/// short code of any, or any single character.
pub(crate) fn meant(typed: &str) -> Option<String> {
    let typed = typed.trim().trim_matches(':');
    let name = typed.to_lowercase();
    if typed.is_empty() {
        return None;
    }
    let named = NAMES.iter().position(|n| n.starts_with(&name));
    if let Some(emoji) = named.and_then(|at| COMMON.get(at)) {
        return Some((*emoji).to_owned());
    }
    if let Some(emoji) = emojis::get_by_shortcode(&name) {
        return Some(emoji.as_str().to_owned());
    }
    let single = typed.graphemes(true).count() == 1;
    single.then(|| typed.to_owned())
}

/// The name of an emoji at hand.
pub(crate) fn name(emoji: &str) -> Option<&'static str> {
    let at = COMMON.iter().position(|e| *e == emoji)?;
    NAMES.get(at).copied()
}

/// What somebody reacted with.
pub(crate) fn of(reactions: &[Reaction], who: PeerId) -> Option<&str> {
    let found = reactions.iter().find(|r| r.from == who)?;
    Some(&found.emoji)
}

/// Each emoji once with how many people chose it, in order of appearance.
pub(crate) fn counted(reactions: &[Reaction]) -> Vec<(&str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for reaction in reactions {
        match counts.iter_mut().find(|(e, _)| *e == reaction.emoji) {
            Some((_, count)) => *count += 1,
            None => counts.push((&reaction.emoji, 1)),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample;

    #[test]
    fn names_and_single_characters_are_meant() {
        assert_eq!(meant(":heart:").as_deref(), Some("\u{2764}\u{fe0f}"));
        assert_eq!(meant("hea").as_deref(), Some("\u{2764}\u{fe0f}"));
        assert_eq!(meant("\u{1f980}").as_deref(), Some("\u{1f980}"));
        assert_eq!(meant(":crab:").as_deref(), Some("\u{1f980}"));
        assert_eq!(meant("no such"), None);
        assert_eq!(meant(" "), None);
        assert_eq!(COMMON.len(), NAMES.len());
    }

    #[test]
    fn the_same_emoji_is_counted_once() {
        let by = |seed, emoji: &str| Reaction {
            from: sample::id(seed),
            emoji: emoji.into(),
        };
        let reactions = [by(1, "a"), by(2, "b"), by(3, "a")];
        assert_eq!(counted(&reactions), [("a", 2), ("b", 1)]);
        assert_eq!(of(&reactions, sample::id(2)), Some("b"));
    }
}
