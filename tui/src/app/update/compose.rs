//! Writing: edits, completion, earlier input, sending.

use twocan_proto::limits::TEXT_BYTES;

use super::super::conversation::Scroll;
use super::super::deadlines::QUIT_AGAIN_MS;
use super::super::effect::{Effect, Elsewhere};
use super::super::overlay::{Confirm, Confirmed, Overlay};
use super::{Effects, actions, completion, messages, moving};
use crate::app::State;
use crate::input::action::Action;
use crate::input::command::{Line, looks_like_command, read};
use crate::view::layout::{Layout, layout};
use crate::view::wrap;

/// The other hears again that we type after this time at the earliest.
const TELL_TYPING_MS: i64 = 4_000;

/// Puts text in at the cursor.
pub(super) fn insert(state: &mut State, text: &str, out: &mut Effects) {
    state.completion = None;
    state.history_mut().settle();
    if !state.draft_mut().insert(text) {
        state.error("that is too long to put in; send it in parts");
    }
    if text == ":" {
        completion::finish_emoji(state.draft_mut());
    }
    tell_typing(state, out);
}

/// Has the draft written in the person's own editor.
pub(super) fn open_editor(state: &mut State, out: &mut Effects) {
    state.completion = None;
    state.elsewhere = true;
    out.push(Effect::WriteElsewhere(Elsewhere {
        whom: state.open,
        text: state.draft().text().to_owned(),
    }));
}

/// What came of it: the draft as it was left there, or as it was.
pub(super) fn written(state: &mut State, written: Result<Elsewhere, String>) {
    state.elsewhere = false;
    let Elsewhere { whom, text } = match written {
        Ok(written) => written,
        Err(why) => return state.error(format!("{why}; the draft is as it was")),
    };
    let draft = match whom {
        Some(id) => &mut state.conversations.entry(id).or_default().draft,
        None => &mut state.loose_draft,
    };
    if draft.text() != text {
        draft.replace(&text);
    }
}

/// An edit or a move of the cursor.
pub(super) fn edit(state: &mut State, action: Action) {
    state.completion = None;
    let draft = state.draft_mut();
    match action {
        Action::Left => draft.left(),
        Action::Right => draft.right(),
        Action::WordLeft => draft.word_left(),
        Action::WordRight => draft.word_right(),
        Action::LineStart => draft.line_start(),
        Action::LineEnd => draft.line_end(),
        Action::DeleteBack => draft.delete_back(),
        Action::DeleteForward => draft.delete_forward(),
        Action::TextStart => draft.text_start(),
        Action::TextEnd => draft.text_end(),
        Action::DeleteWordBack => draft.cut_word_back(),
        Action::DeleteBlankBack => draft.cut_blank_back(),
        Action::DeleteWordForward => draft.cut_word_forward(),
        Action::KillToStart => draft.cut_to_start(),
        Action::KillToEnd => draft.cut_to_end(),
        Action::Yank => draft.yank(),
        Action::RotateYank => draft.rotate_yank(),
        Action::Undo => draft.undo(),
        Action::Redo => draft.redo(),
        _ => {}
    }
}

/// Tells the other that we are typing, not too often, and never for commands.
fn tell_typing(state: &mut State, out: &mut Effects) {
    let now = state.now;
    let command = state.draft().text().starts_with('/');
    let mutual = state.open_contact().is_some_and(|c| c.online && !c.blocked);
    let Some(to) = state.open.filter(|_| mutual && !command) else {
        return;
    };
    let Some(conversation) = state.conversation_mut() else {
        return;
    };
    let due = conversation
        .told_typing
        .is_none_or(|at| now.as_millis() - at.as_millis() >= TELL_TYPING_MS);
    if due {
        conversation.told_typing = Some(now);
        out.push(Effect::Typing { to, on: true });
    }
}

/// One visual row up or down; at the edge, earlier or later input.
pub(super) fn vertical(state: &mut State, up: bool) {
    let cells = match layout(state) {
        Layout::Panes(panes) if panes.composer.area() > 0 => panes.composer_cells(),
        _ => usize::from(state.size.0).max(1),
    };
    let draft = state.draft();
    let rows = wrap::rows(draft.text(), cells);
    let (row, column) = wrap::place(draft.text(), &rows, draft.cursor(), cells);
    let wanted = if up {
        row.checked_sub(1)
    } else {
        Some(row + 1).filter(|r| *r < rows.len())
    };
    if let Some(wanted) = wanted.and_then(|r| rows.get(r)) {
        let at = wrap::byte_at(draft.text(), wanted, column);
        state.draft_mut().move_to(at);
        return;
    }
    match up {
        true if draft.is_empty() && messages::edit_last(state) => {}
        true => earlier(state),
        false => {
            if let Some(line) = state.history_mut().later() {
                state.draft_mut().replace(&line);
            }
        }
    }
}

/// The line sent before the one that stands in the composer.
pub(super) fn earlier(state: &mut State) {
    let current = state.draft().text().to_owned();
    if let Some(line) = state.history_mut().earlier(&current).map(str::to_owned) {
        state.draft_mut().replace(&line);
    }
}

/// Sends a whole line, or does what it commands. What was being written
/// stays a draft; the line itself is never one.
pub(super) fn line(state: &mut State, text: &str, out: &mut Effects) {
    let with = state.open;
    let kept = match state.conversation() {
        // The line is the new text of the message.
        Some(conversation) if conversation.editing.is_some() => String::new(),
        _ => state.draft_mut().take(),
    };
    state.draft_mut().replace(text);
    send(state, out);
    let (draft, history) = match with {
        Some(id) => {
            let conversation = state.conversations.entry(id).or_default();
            (&mut conversation.draft, &mut conversation.history)
        }
        None => state.loose(),
    };
    if draft.is_empty() || draft.text() == text {
        draft.replace(&kept);
    } else {
        // A message is being changed: its text stands there.
        history.push(&kept);
    }
}

/// Enter: sends the draft, or does what it commands.
pub(super) fn send(state: &mut State, out: &mut Effects) {
    state.completion = None;
    let text = state.draft().text().to_owned();
    if state.conversation().is_some_and(|c| c.editing.is_some()) {
        return messages::send_edit(state, out);
    }
    if text.trim().is_empty() {
        return;
    }
    match read(&text) {
        Line::Text(_) if looks_like_command(&text) => {
            state.overlay = Some(Overlay::Confirm(Confirm {
                question: format!(
                    "\"{}\" begins with a blank. Send it as a message?",
                    text.trim()
                ),
                yes: "send it",
                then: Confirmed::SendAnyway(text),
            }));
        }
        Line::Text(message) => send_text(state, &message, out),
        Line::Command { action, args } => {
            state.history_mut().push(&text);
            state.draft_mut().take();
            // What was wrong with the command before is no longer of use.
            state.toast = None;
            actions::run(state, action, &args, out);
        }
        Line::Unknown { name, nearest } => {
            let nearest: Vec<_> = nearest.iter().map(|n| format!("/{n}")).collect();
            state.error(format!(
                "no command /{name}; near it: {}; // sends a slash",
                nearest.join(" ")
            ));
        }
    }
}

/// Sends text to the open conversation; the draft stays if that cannot be.
pub(super) fn send_text(state: &mut State, message: &str, out: &mut Effects) {
    let Some(to) = state.open else {
        let ways = [(Action::Jump, "opens one"), (Action::Add, "asks somebody")];
        state.error(state.with_ways("no conversation is open", &ways));
        return;
    };
    if too_long(state, message) {
        return;
    }
    let line = state.draft_mut().take();
    state.normal_mode = false;
    state.history_mut().push(&line);
    let Some(conversation) = state.conversation_mut() else {
        return;
    };
    let reply_to = conversation.reply_to.take();
    conversation.first_unread = None;
    let told = conversation.told_typing.take();
    if told.is_some() {
        out.push(Effect::Typing { to, on: false });
    }
    out.push(Effect::Send {
        to,
        text: message.to_owned(),
        reply_to,
    });
    moving::to_newest(state, out);
}

/// Whether a message is longer than can be sent; says so.
pub(super) fn too_long(state: &mut State, message: &str) -> bool {
    let surplus = message.len().saturating_sub(TEXT_BYTES);
    if surplus > 0 {
        state.error(format!(
            "the message is {surplus} bytes too long; send it in parts"
        ));
    }
    surplus > 0
}

/// A message was not stored: its text goes back where it was written.
pub(super) fn give_back(state: &mut State, to: twocan_proto::identity::PeerId, text: &str) {
    let conversation = state.conversations.entry(to).or_default();
    conversation.scroll = Scroll::Bottom;
    if conversation.draft.is_empty() {
        conversation.draft.replace(text);
    } else {
        conversation.history.push(text);
    }
    state.drafts.touch(state.now);
}

/// Ctrl+C: closes, drops, clears; twice on nothing it quits.
pub(super) fn clear_draft(state: &mut State, out: &mut Effects) {
    if !state.draft().is_empty() {
        let line = state.draft_mut().take();
        state.history_mut().push(&line);
        let ways = [
            (Action::Undo, "brings it back"),
            (Action::EarlierInput, "looks for it"),
        ];
        state.info(state.with_ways("cleared", &ways));
        return;
    }
    if let Some(conversation) = state.conversation_mut()
        && conversation.stop_edit().is_some()
    {
        return;
    }
    if let Some(conversation) = state.conversation_mut()
        && conversation.reply_to.take().is_some()
    {
        return;
    }
    let again = state
        .quit_asked
        .is_some_and(|at| state.now.as_millis() - at.as_millis() < QUIT_AGAIN_MS);
    if again {
        actions::quit(state, out);
    } else {
        state.quit_asked = Some(state.now);
        state.info(state.ways(&[(Action::ClearDraft, "again quits")]));
    }
}
