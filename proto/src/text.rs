//! The one place where text from outside is made safe to show.
//!
//! Names, messages, notes, reasons, file names and notices of other people
//! and of registries pass through here before an interface sees them. What is
//! stored stays as it came; what is shown is what these functions leave:
//!
//! - no C0 or C1 control, so no terminal escape (ECMA-48) gets through;
//! - no bidirectional embedding, override or isolate (UAX #9), which make a
//!   text read as something else than what it says;
//! - no invisible character that serves to imitate another text (UTS #39),
//!   while the joiners that emoji and several scripts need survive between
//!   characters outside ASCII;
//! - no pile of combining marks that paints over other lines.

use unicode_segmentation::UnicodeSegmentation;

/// Most code points kept of one user-perceived character: the longest real
/// ones (family emoji with skin tones) have about ten.
const GRAPHEME_CHARS: usize = 16;

/// Makes a text of several lines safe: line breaks (of any kind) and tabs are
/// kept, everything else as the module says.
pub fn multiline(text: &str) -> String {
    clean(text, |c| match c {
        '\n' | '\t' => Some(c),
        '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{b}' | '\u{c}' => Some('\n'),
        _ => None,
    })
}

/// Makes a text of one line safe: every kind of white space becomes one
/// blank, and none is left at either end.
pub fn line(text: &str) -> String {
    let cleaned = clean(text, |c| c.is_whitespace().then_some(' '));
    cleaned.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes a name safe: one line, at most `bytes` bytes (cut between
/// characters), without fillers that show as nothing. What has nothing left
/// to show becomes the empty text.
pub fn name(text: &str, bytes: usize) -> String {
    // First, for what stood on both sides of one stands together then.
    let shown: String = text.chars().filter(|c| !is_filler(*c)).collect();
    cut(&line(&shown), bytes).trim_end().to_owned()
}

/// What is left of a name when all that looks alike is the same: two names with
/// one skeleton can be taken for each other on a screen, such as one with
/// Cyrillic letters for one with Latin ones (UTS #39 section 4, without regard
/// to case). It is for comparing, not for showing.
pub fn skeleton(name: &str) -> String {
    // Small letters are confused with others than capitals are.
    let lower = unicode_security::skeleton(&name.to_lowercase()).collect::<String>();
    unicode_security::skeleton(&lower.to_lowercase()).collect()
}

/// The longest beginning of `text` of at most `bytes` bytes that ends between
/// user-perceived characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = text
        .grapheme_indices(true)
        .map(|(at, grapheme)| at + grapheme.len())
        .take_while(|end| *end <= bytes)
        .last();
    &text[..end.unwrap_or(0)]
}

fn clean(text: &str, keep_control: impl Fn(char) -> Option<char>) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // What is taken out goes first: what stood on both sides of it may be one
    // user-perceived character then.
    let shown: String = text
        .chars()
        .filter_map(|c| match keep_control(c) {
            Some(kept) => Some(kept),
            None if is_joiner(c) => Some(c),
            None if c.is_control() || is_hidden(c) => None,
            None => Some(c),
        })
        .collect();
    if shown.is_ascii() {
        // Every character is one that is perceived, and none joins any.
        return shown;
    }
    let mut out = String::with_capacity(shown.len());
    for grapheme in shown.graphemes(true) {
        push_grapheme(grapheme, &mut out);
    }
    out
}

/// Adds what may be shown of one user-perceived character: not too many marks,
/// and joiners only between what they join.
fn push_grapheme(grapheme: &str, out: &mut String) {
    let joins = |side: Option<char>| side.is_some_and(|s| !s.is_ascii() && !is_joiner(s));
    let mut chars = grapheme.chars().take(GRAPHEME_CHARS).peekable();
    let mut before = out.chars().next_back();
    while let Some(c) = chars.next() {
        // A non-joiner ends its grapheme, so what follows is not known here.
        let after = chars.peek().copied();
        let joined = after.is_none() && c == '\u{200c}' || joins(after);
        if is_joiner(c) && !(joins(before) && joined) {
            continue;
        }
        out.push(c);
        before = Some(c);
    }
}

/// The joiner and the non-joiner, which emoji and several scripts need.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Format characters that show as nothing or turn the reading direction.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters that show as blank, good for making two names look the same.
fn is_filler(c: char) -> bool {
    matches!(
        c,
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_kept() {
        for text in [
            "two lines\n\twith a tab",
            "na\u{ef}ve cafe\u{301}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
            "\u{2764}\u{fe0f} \u{1f44d}\u{1f3fd}",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{0e2a}\u{0e27}\u{0e31}\u{0e2a}\u{0e14}\u{0e35}",
        ] {
            assert_eq!(multiline(text), text);
        }
    }

    #[test]
    fn what_is_taken_out() {
        for (text, shown) in [
            ("\u{1b}[31mred\u{1b}[0m", "[31mred[0m"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("\u{9b}2Jgone", "2Jgone"),
            ("abc\u{202e}fdp.exe", "abcfdp.exe"),
            ("\u{2066}x\u{2069}", "x"),
            ("pay\u{200b}pal\u{feff}", "paypal"),
            ("a\u{200d}b\u{200c}c", "abc"),
            ("one\r\ntwo\rthree\u{2028}four", "one\ntwo\nthree\nfour"),
            ("a\u{e0041}b\u{ad}c", "abc"),
            ("\u{0}\u{8}\u{7f}", ""),
        ] {
            assert_eq!(multiline(text), shown, "{text:?}");
        }
    }

    #[test]
    fn piles_of_marks_are_cut() {
        let pile = format!("z{}", "\u{301}".repeat(500));
        assert_eq!(multiline(&pile).chars().count(), GRAPHEME_CHARS);
        // Nor is one made of pieces, between which something is taken out.
        for between in ['\0', '\u{200b}', '\u{2066}', '\u{200d}'] {
            let piece = format!("{}{between}", "\u{301}".repeat(GRAPHEME_CHARS - 2));
            let pile = format!("z{}", piece.repeat(50));
            for shown in [multiline(&pile), line(&pile)] {
                assert!(shown.chars().count() <= GRAPHEME_CHARS, "{between:?}");
            }
        }
    }

    #[test]
    fn names_are_one_plain_line() {
        assert_eq!(name("  Anna \n\t Berg  ", 64), "Anna Berg");
        assert_eq!(name("\u{3164}\u{2800}\u{200b}", 64), "");
        assert_eq!(name("\u{e9}\u{e9}\u{e9}", 5), "\u{e9}\u{e9}");
        // A filler hides no joiner where there is nothing to join.
        assert_eq!(name("G\u{2800}\u{200d}\u{301}h", 64), "G\u{301}h");
        assert_eq!(name("x\u{1f468}\u{200d}\u{1f469}", 10), "x");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_left(text: String) {
            for shown in [multiline(&text), line(&text), name(&text, 20)] {
                let plain = shown.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control());
                prop_assert!(plain);
                let turned = shown.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
                prop_assert!(!turned);
            }
            let broken = line(&text).contains(['\n', '\t']);
            prop_assert!(!broken);
            prop_assert!(name(&text, 20).len() <= 20);
        }

        #[test]
        fn cleaning_twice_changes_nothing_more(
            text in "(\\PC|[z\u{301}\u{200d}\u{200c}\u{0}\u{202e}\u{1f468}\u{e9}\n ]|z\u{301}{15}){0,40}",
        ) {
            for clean in [line, multiline] {
                let once = clean(&text);
                prop_assert_eq!(clean(&once), once);
            }
        }
    }
}
