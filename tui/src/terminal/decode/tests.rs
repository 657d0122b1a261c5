//! What terminals send, and what it means.

use super::*;
use proptest::prelude::*;

/// All that is seen in `bytes` and in the silence after them.
fn seen(bytes: &str) -> Vec<Seen> {
    let mut decoder = Decoder::default();
    let mut seen = decoder.take(bytes.as_bytes());
    seen.extend(decoder.flush());
    seen
}

fn keys(bytes: &str) -> String {
    let names = seen(bytes).into_iter().map(|seen| match seen {
        Seen::Key(chord) => chord.to_string(),
        Seen::KeyUp(chord) => format!("-{chord}"),
        other => format!("{other:?}"),
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_in_all_the_ways_they_are_written() {
    for (bytes, names) in [
        ("aX\u{e9}\u{4f60}", "a X \u{e9} \u{4f60}"),
        ("\r\t\x7f\x08 ", "Enter Tab Backspace Ctrl+H Space"),
        ("\n\x01\x1a\x1f\0", "Ctrl+J Ctrl+A Ctrl+Z Ctrl+_ Ctrl+Space"),
        ("\x1b", "Esc"),
        ("\x1b\x1b", "Esc"),
        ("\x1ba\x1b\r\x1b\x7f", "Alt+a Alt+Enter Alt+Backspace"),
        ("\x1bB\x1b[", "Alt+b Alt+["),
        (
            "\x1b[A\x1bOB\x1b[1;5C\x1b[1;3D",
            "Up Down Ctrl+Right Alt+Left",
        ),
        ("\x1b\x1b[A", "Alt+Up"),
        ("\x1bOP\x1b[12~\x1b[[C\x1b[19~\x1b[24~", "F1 F2 F3 F8 F12"),
        (
            "\x1b[3~\x1b[5~\x1b[6;3~\x1b[H\x1b[4~",
            "Delete PgUp Alt+PgDn Home End",
        ),
        ("\x1b[Z", "Shift+Tab"),
        // xterm and tmux, with modifyOtherKeys.
        (
            "\x1b[27;2;13~\x1b[27;5;97~\x1b[27;2;65~",
            "Shift+Enter Ctrl+A A",
        ),
        ("\x1b[27;3;47~\x1b[27;5;55~", "Alt+/ Ctrl+_"),
        // The kitty keyboard protocol.
        (
            "\x1b[13;2u\x1b[97;5u\x1b[27u\x1b[9;2u",
            "Shift+Enter Ctrl+A Esc Shift+Tab",
        ),
        ("\x1b[19;1:1~\x1b[19;1:2~\x1b[19;1:3~", "F8 -F8"),
        ("\x1b[97;1:2u\x1b[57400u\x1b[57441u", "a 1"),
        // The Windows key is for the desktop.
        ("\x1b[97;9u", ""),
        ("\x1b[57358u\x1b[?1u", "Answer(Keyboard)"),
    ] {
        assert_eq!(keys(bytes), names, "{bytes:?}");
    }
}

#[test]
fn answers_are_no_keys() {
    for (bytes, answer) in [
        ("\x1b[?62;22c", Answer::Attributes),
        ("\x1b[?0u", Answer::Keyboard),
        (
            "\x1b]11;rgb:ffff/0000/8080\x07",
            Answer::Background([0xffff, 0, 0x8080]),
        ),
        (
            "\x1b]11;rgb:f/0/8\x1b\\",
            Answer::Background([0xffff, 0, 0x8888]),
        ),
    ] {
        assert_eq!(seen(bytes), [Seen::Answer(answer)], "{bytes:?}");
    }
    for nothing in [
        "\x1b]10;rgb:1/1/1\x07",
        "\x1b[?2026;2$y",
        "\x1b[>0;276;0c",
        "\x1b]11;x\x07",
    ] {
        assert_eq!(seen(nothing), [], "{nothing:?}");
    }
}

#[test]
fn clicks_wheel_and_focus() {
    let mouse = |what, column, row| vec![Seen::Mouse(Mouse { what, column, row })];
    assert_eq!(seen("\x1b[<0;5;3M"), mouse(MouseAct::Click, 4, 2));
    assert_eq!(seen("\x1b[<64;1;1M"), mouse(MouseAct::WheelUp, 0, 0));
    assert_eq!(seen("\x1b[<69;1;1M"), mouse(MouseAct::WheelDown, 0, 0));
    assert_eq!(seen("\x1b[<0;5;3m\x1b[<35;5;3M\x1b[<2;5;3M"), []);
    assert_eq!(
        seen("\x1b[I\x1b[O"),
        [Seen::Focus(true), Seen::Focus(false)]
    );
}

#[test]
fn pastes_have_one_kind_of_line_end_and_a_limit() {
    assert_eq!(
        seen("\x1b[200~a\r\nb\rc \x1b[A\x1b[201~x"),
        [
            Seen::Paste("a\nb\nc \x1b[A".to_owned()),
            Seen::Key(Chord::plain(Key::Char('x')))
        ]
    );
    let long = format!("\x1b[200~{}\x1b[201~", "\u{e9}".repeat(PASTE));
    let [Seen::Paste(text)] = &seen(&long)[..] else {
        panic!("no paste")
    };
    assert!(text.len() <= PASTE + 3);
}

#[test]
fn a_broken_sequence_costs_itself_alone() {
    // A byte that may not be there begins something else.
    assert_eq!(keys("\x1b[1;\x1b[A"), "Up");
    assert_eq!(keys("\x1b[1\rx"), "Enter x");
    let many = "1".repeat(2 * SEQUENCE);
    assert_eq!(keys(&format!("\x1b[{many}Ax")), "x");
    assert_eq!(keys(&format!("\x1b[{many}\x1b[B")), "Down");
    assert_eq!(keys(&format!("\x1b]11;{many}\x07x")), "x");
    // Something else is typed after it, a while later.
    let mut decoder = Decoder::default();
    decoder.take(format!("\x1b]11;{many}").as_bytes());
    assert!(decoder.waits());
    assert_eq!(decoder.flush(), []);
    assert_eq!(decoder.take(b"x"), seen("x"));
}

#[test]
fn colours_of_too_many_digits_are_none() {
    for digits in ["", "fffff", "fffffff", "ffffffff"] {
        assert_eq!(
            seen(&format!("\x1b]11;rgb:{digits}/0/0\x07")),
            [],
            "{digits}"
        );
    }
}

#[test]
fn a_paste_behind_escape_is_that_paste() {
    assert_eq!(
        seen("\x1b\x1b[200~x\x1b[201~"),
        [Seen::Paste("x".to_owned())]
    );
}

/// What is seen of `bytes` that come in two parts.
fn in_parts(bytes: &[u8], cut: usize) -> Vec<Seen> {
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let mut decoder = Decoder::default();
    let mut seen = decoder.take(first);
    seen.extend(decoder.take(second));
    seen.extend(decoder.flush());
    seen
}

#[test]
fn wherever_it_is_cut_it_means_the_same() {
    let long = "1".repeat(SEQUENCE - 1);
    for text in [
        "a\u{4f60}\x1b[1;5C\x1b[<0;5;3M\x1b[200~x\u{e9}\x1b[201~\x1b]11;rgb:1/2/3\x1b\\\x1b[27;2;13~",
        // The Linux console's F1.
        "\x1b[[Ax",
        "\x1b[1\x01abc\x1b\x1b[200~x\x1b[201~",
        &format!("\x1b[{long}Ax"),
        &format!("\x1b[1{long}Ax"),
        &format!("\x1b]11;rgb:1/2/3/{long}\x1b\\x"),
    ] {
        for cut in 0..text.len() {
            assert_eq!(
                in_parts(text.as_bytes(), cut),
                seen(text),
                "{cut}: {text:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_split_means_the_same(
        parts in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec!["\x1b", "[", "]", "O", "M", "<", "11;rgb:", "200~", "201~", "\x07", "\\", "1", ";", "A", "\r"]),
                Just("\u{4f60}"),
            ],
            0..12,
        ),
        cut in 0usize..40,
    ) {
        let text = parts.concat();
        prop_assert_eq!(in_parts(text.as_bytes(), cut), seen(&text));
    }

    #[test]
    fn no_bytes_panic_or_wait_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut decoder = Decoder::default();
        decoder.take(&bytes);
        decoder.flush();
        prop_assert!(!decoder.waits());
    }
}
