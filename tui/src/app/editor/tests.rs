//! Edits as tables, and what holds after any order of them.

use super::*;
use proptest::prelude::*;

#[test]
fn readline_edits() {
    let mut editor = Editor::with_text("one two three");
    editor.cut_word_back();
    assert_eq!(editor.text(), "one two ");
    editor.yank();
    editor.line_start();
    editor.cut_word_forward();
    assert_eq!(editor.text(), " two three");
    editor.undo();
    assert_eq!(editor.text(), "one two three");
    editor.line_end();
    editor.cut_to_start();
    assert!(editor.is_empty());
}

#[test]
fn lines_are_edited_apart() {
    let mut editor = Editor::with_text("one\ntwo");
    editor.line_start();
    assert_eq!(editor.cursor(), 4);
    editor.cut_to_end();
    assert_eq!(editor.text(), "one\n");
    editor.left();
    editor.cut_to_end();
    assert_eq!(editor.text(), "one");
}

#[test]
fn a_run_of_letters_is_one_undo() {
    let mut editor = Editor::default();
    for c in ["a", "b", "c"] {
        editor.insert(c);
    }
    editor.undo();
    assert_eq!(editor.text(), "");
}

#[test]
fn cuts_in_a_row_are_one_piece() {
    let mut editor = Editor::with_text("one two three");
    editor.cut_word_back();
    editor.cut_word_back();
    editor.yank();
    assert_eq!(editor.text(), "one two three");
    editor.text_start();
    editor.cut_word_forward();
    editor.cut_word_forward();
    assert_eq!(editor.text(), " three");
    editor.yank();
    assert_eq!(editor.text(), "one two three");
    editor.cut_to_end();
    editor.left();
    editor.cut_to_start();
    assert_eq!(editor.text(), "o");
}

#[test]
fn earlier_cuts_come_back_in_turn() {
    let mut editor = Editor::with_text("one two");
    editor.cut_word_back();
    editor.right();
    editor.cut_to_start();
    editor.rotate_yank();
    assert_eq!(editor.text(), "", "nothing was put back yet");
    editor.yank();
    assert_eq!(editor.text(), "one ");
    editor.rotate_yank();
    assert_eq!(editor.text(), "two");
    editor.rotate_yank();
    assert_eq!(editor.text(), "one ");
    editor.insert("!");
    editor.rotate_yank();
    assert_eq!(editor.text(), "one !");
}

#[test]
fn an_address_is_cut_in_one_piece() {
    let mut editor = Editor::with_text("see https://a.example/b?c=d ");
    editor.cut_blank_back();
    assert_eq!(editor.text(), "see ");
}

#[test]
fn lines_are_cut_whole() {
    let mut editor = Editor::with_text("one\ntwo\nthree");
    editor.cut_line();
    assert_eq!(editor.text(), "one\ntwo");
    editor.text_start();
    editor.cut_line();
    assert_eq!((editor.text(), editor.cursor()), ("two", 0));
    editor.cut_line();
    assert!(editor.is_empty());
}

#[test]
fn what_was_taken_back_can_be_done_again() {
    let mut editor = Editor::default();
    editor.insert("one ");
    editor.insert("two");
    editor.undo();
    assert_eq!(editor.text(), "one ");
    editor.redo();
    assert_eq!(editor.text(), "one two");
    editor.undo();
    editor.insert("three");
    editor.redo();
    assert_eq!(
        editor.text(),
        "one three",
        "a new edit ends what was undone"
    );
}

#[test]
fn a_paste_moves_no_cursor_of_the_terminal() {
    let mut editor = Editor::default();
    editor.insert("a\r\nb\tc\u{1b}[31md\u{9b}e\u{7}\0");
    assert_eq!(editor.text(), "a\nb\tc[31mde");
}

/// Does the edit with this number.
fn edit(editor: &mut Editor, edit: u8, text: &str) {
    match edit {
        0 => editor.left(),
        1 => editor.right(),
        2 => editor.word_left(),
        3 => editor.word_right(),
        4 => editor.line_start(),
        5 => editor.line_end(),
        6 => editor.next_word(),
        7 => editor.text_start(),
        8 => editor.delete_back(),
        9 => editor.delete_forward(),
        10 => editor.cut_word_back(),
        11 => editor.cut_word_forward(),
        12 => editor.cut_to_start(),
        13 => editor.cut_to_end(),
        14 => editor.cut_blank_back(),
        15 => editor.cut_line(),
        16 => editor.cut_to_next_word(),
        17 => editor.yank(),
        18 => editor.rotate_yank(),
        19 => editor.undo(),
        20 => editor.redo(),
        _ => {
            editor.insert(text);
        }
    }
}

proptest! {
    #[test]
    fn the_cursor_stays_between_graphemes(
        texts in prop::collection::vec("[a\u{301}e \n\u{1f468}\u{200d}\u{fe0f}🇩你]{0,4}", 1..8),
        edits in prop::collection::vec(0u8..26, 0..60),
    ) {
        let mut editor = Editor::default();
        for (i, number) in edits.into_iter().enumerate() {
            edit(&mut editor, number, &texts[i % texts.len()]);
            let at = editor.cursor();
            let edges: Vec<usize> = editor.text().grapheme_indices(true)
                .map(|(i, _)| i).chain([editor.text().len()]).collect();
            prop_assert!(edges.contains(&at), "{:?} at {at}", editor.text());
        }
    }

    #[test]
    fn undo_goes_back_through_every_text_and_redo_forth(
        texts in prop::collection::vec("[ab \n你]{2,4}", 1..8),
        edits in prop::collection::vec((0u8..26).prop_filter("no undo", |e| !(19..=20).contains(e)), 0..60),
    ) {
        let mut editor = Editor::default();
        let mut seen = vec![String::new()];
        for (i, number) in edits.into_iter().enumerate() {
            edit(&mut editor, number, &texts[i % texts.len()]);
            if seen.last().is_none_or(|last| last != editor.text()) {
                seen.push(editor.text().to_owned());
            }
        }
        let mut back = vec![editor.text().to_owned()];
        while !editor.undo.is_empty() {
            editor.undo();
            if back.last().is_none_or(|last| last != editor.text()) {
                back.push(editor.text().to_owned());
            }
        }
        back.reverse();
        prop_assert_eq!(&back, &seen);
        while !editor.redo.is_empty() {
            editor.redo();
        }
        prop_assert_eq!(Some(editor.text()), seen.last().map(String::as_str));
    }
}
