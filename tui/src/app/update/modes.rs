//! The composer with modes, as in vi, and the file that asks for it.

use twocan_peer::api::NoticeLevel;

use super::super::editor::Editor;
use super::super::overlay::Overlay;
use crate::app::State;
use crate::input::action::Action;
use crate::input::keys_file;

/// Does one of the actions that only modes have.
pub(super) fn run(state: &mut State, action: Action) {
    state.completion = None;
    state.normal_mode = matches!(
        action,
        Action::Normal | Action::NextWord | Action::DeleteToNextWord | Action::DeleteLine
    ) && state.keymap.modal();
    if action == Action::SlashLine {
        return slash_line(state);
    }
    let draft = state.draft_mut();
    match action {
        // As in vi, the cursor stands on what was typed last.
        Action::Normal => back_on_line(draft),
        Action::Append => forward_on_line(draft),
        Action::InsertAtStart => draft.line_start(),
        Action::AppendAtEnd => draft.line_end(),
        Action::OpenBelow => {
            draft.line_end();
            draft.insert("\n");
        }
        Action::NextWord => draft.next_word(),
        Action::DeleteToNextWord => draft.cut_to_next_word(),
        Action::ChangeWord => draft.cut_word_forward(),
        Action::DeleteLine => draft.cut_line(),
        _ => {}
    }
}

fn back_on_line(draft: &mut Editor) {
    if !draft.text()[..draft.cursor()].ends_with('\n') {
        draft.left();
    }
}

fn forward_on_line(draft: &mut Editor) {
    if !draft.text()[draft.cursor()..].starts_with('\n') {
        draft.right();
    }
}

/// A command is typed where nothing else stands; else it is picked.
fn slash_line(state: &mut State) {
    if state.draft().is_empty() {
        state.draft_mut().insert("/");
        return;
    }
    state.overlay = Some(Overlay::Palette {
        filter: Editor::default(),
        selected: 0,
    });
}

/// Takes the keys of keys.toml. Whatever is wrong in it is told; nothing in it
/// can leave the interface without keys.
pub(super) fn take_keys(state: &mut State, text: &str) {
    let read = keys_file::read(text);
    state.keymap = read.keymap;
    state.pending.clear();
    state.normal_mode &= state.keymap.modal();
    let Some((first, rest)) = read.mistakes.split_first() else {
        return;
    };
    // The first one last, so that it is what stands on the screen.
    for mistake in rest.iter().rev() {
        state.notify(NoticeLevel::Warning, mistake.clone());
    }
    let more = match rest.len() {
        0 => String::new(),
        n => format!(" (and {n} more: /log)"),
    };
    state.notify(NoticeLevel::Warning, format!("{first}{more}"));
}
