//! Texts that want to be more than texts, collected by what they try. Each is
//! given to every function that makes text safe to show.
#![allow(
    clippy::unwrap_used,
    reason = "what a test cannot go on without has failed it"
)]

use twocan_proto::text::{cut, line, multiline, name, skeleton};
use unicode_segmentation::UnicodeSegmentation;

/// What a text tries, the text, and what of it may be shown in one line.
const CORPUS: &[(&str, &str, &str)] = &[
    ("colours", "\x1b[31;1mred\x1b[0m", "[31;1mred[0m"),
    ("clearing the screen", "\x1b[2J\x1b[Hgone", "[2J[Hgone"),
    ("the title", "\x1b]0;owned\x07", "]0;owned"),
    ("the clipboard", "\x1b]52;c;ZWNobw==\x07", "]52;c;ZWNobw=="),
    (
        "a link to elsewhere",
        "\x1b]8;;http://evil\x1b\\bank\x1b]8;;\x1b\\",
        "]8;;http://evil\\bank]8;;\\",
    ),
    ("an answer typed back", "\x1b[6n\x1b[c\x1bZ", "[6n[cZ"),
    ("a device control string", "\x1bP$q q\x1b\\x", "P$q q\\x"),
    (
        "tmux passthrough",
        "\x1bPtmux;\x1b\x1b]0;x\x07\x1b\\",
        "Ptmux;]0;x\\",
    ),
    ("8-bit escapes", "\u{9b}31mred\u{9d}0;x\u{9c}", "31mred0;x"),
    ("shift out", "a\x0eqqq\x0f", "aqqq"),
    ("the bell", "ding\x07\x07\x07", "ding"),
    ("backspaces", "safe\x08\x08\x08\x08evil", "safeevil"),
    ("a return over what stood there", "yes\rno", "yes no"),
    (
        "a line of its own",
        "hi\n[12:00] Bob: send money",
        "hi [12:00] Bob: send money",
    ),
    (
        "other line ends",
        "a\u{2028}b\u{2029}c\u{85}d\x0be\x0cf",
        "a b c d e f",
    ),
    ("override", "photo\u{202e}gpj.exe", "photogpj.exe"),
    ("embedding", "\u{202a}a\u{202b}b\u{202c}", "ab"),
    ("isolates", "\u{2066}a\u{2067}b\u{2068}c\u{2069}", "abc"),
    ("marks of direction", "a\u{200e}b\u{200f}c\u{61c}d", "abcd"),
    (
        "zero-width blanks",
        "pay\u{200b}pal\u{2060}\u{feff}",
        "paypal",
    ),
    (
        "joiners between Latin letters",
        "b\u{200d}o\u{200c}b",
        "bob",
    ),
    ("soft hyphens", "bo\u{ad}b", "bob"),
    ("tags", "bob\u{e0062}\u{e006f}\u{e0062}", "bob"),
    (
        "invisible operators",
        "a\u{2061}b\u{2062}c\u{2063}d\u{2064}",
        "abcd",
    ),
    ("deprecated formats", "a\u{206a}b\u{206f}c", "abc"),
    ("annotations", "a\u{fff9}b\u{fffa}c\u{fffb}", "abc"),
    ("Mongolian separators", "a\u{180e}b", "ab"),
    ("musical formats", "a\u{1d173}b", "ab"),
    ("nothing at all", "\0\x01\x7f", ""),
    ("blanks of all kinds", "a\u{a0}\u{2003}\u{3000}b", "a b"),
];

#[test]
fn nothing_of_it_gets_through() {
    for (tries, text, shown) in CORPUS {
        assert_eq!(line(text), *shown, "{tries}");
        assert_eq!(
            line(&multiline(text)),
            *shown,
            "{tries}, by way of several lines"
        );
        for safe in [line(text), multiline(text), name(text, 64)] {
            let left = safe
                .chars()
                .find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
            assert_eq!(left, None, "{tries}");
        }
    }
}

#[test]
fn any_two_of_them_together_do_no_more_than_each() {
    for (one, first, _) in CORPUS {
        for (other, second, _) in CORPUS {
            let both = line(&format!("{first}{second}"));
            let dangerous = both.chars().any(|c| {
                c.is_control()
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}')
            });
            assert!(!dangerous, "{one}, then {other}");
            assert_eq!(line(&both), both, "{one}, then {other}: not stable");
        }
    }
}

#[test]
fn long_characters_are_cut_and_never_split() {
    let marks = format!("e{}", "\u{301}\u{330}".repeat(1_000));
    let family = "\u{1f468}\u{200d}".repeat(500);
    let flags = "\u{1f1e9}\u{1f1ea}".repeat(100);
    for text in [marks, family, flags] {
        let shown = line(&text);
        let longest = shown.graphemes(true).map(|g| g.chars().count()).max();
        assert!(
            longest.unwrap() <= 16,
            "{longest:?} code points in one character"
        );
        for bytes in 0..40 {
            let beginning = cut(&shown, bytes);
            assert!(beginning.len() <= bytes && shown.starts_with(beginning));
            let count = beginning.graphemes(true).count();
            let whole = beginning
                .graphemes(true)
                .eq(shown.graphemes(true).take(count));
            assert!(whole, "a character was split at {bytes} bytes");
        }
    }
}

#[test]
fn names_that_can_be_taken_for_others_are_known() {
    for (one, other) in [
        ("anna", "\u{430}nna"),
        ("Anna", "\u{410}nn\u{430}"),
        ("paypal", "p\u{430}yp\u{430}l"),
        ("scope", "\u{455}\u{441}\u{43e}\u{440}\u{435}"),
        ("bob", "BOB"),
    ] {
        assert_eq!(skeleton(one), skeleton(other), "{one} and {other}");
    }
    for (one, other) in [("anna", "anne"), ("bob", "rob"), ("j\u{f6}rg", "jorg")] {
        assert_ne!(skeleton(one), skeleton(other), "{one} and {other}");
    }
}
