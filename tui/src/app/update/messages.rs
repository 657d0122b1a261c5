//! What is done to a single message: copy, reply, edit, delete, react; and
//! going to one that is not loaded.

use twocan_peer::api::{DeleteFor, Error, Message, Page, Revision};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::super::conversation::{PAGE, Scroll};
use super::super::effect::{Around, Effect};
use super::super::overlay::{Overlay, React};
use super::super::reaction;
use super::{Effects, actions, compose, moving, outcomes, overlays};
use crate::app::editor::Editor;
use crate::app::links;
use crate::app::{Focus, State};
use crate::input::action::Action;
use crate::input::chord::{Chord, Key};
use crate::view::draw::time;

/// Does one of the actions of this file on the chosen message; without one, on
/// the last that it can be done to.
pub(super) fn run(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    if state
        .conversation()
        .is_some_and(|c| c.marked_messages().next().is_some())
    {
        match action {
            Action::Copy => return copy_marked(state, false, out),
            Action::CopyWithName => return copy_marked(state, true, out),
            _ => {}
        }
    }
    let own = match action {
        Action::Edit | Action::Delete => Some(true),
        Action::React | Action::Reply => Some(false),
        _ => None,
    };
    let Some(message) = target(state, own).cloned() else {
        let ways = [(Action::Browse, "chooses one")];
        state.info(state.with_ways("no message here for that", &ways));
        return;
    };
    if message.deleted && action != Action::ToQuoted {
        return state.info("that message was deleted");
    }
    match action {
        Action::Mark | Action::MarkStretch => mark(state, action),
        Action::Copy => copy(state, &[message], false, out),
        Action::CopyWithName => copy(state, &[message], true, out),
        Action::OpenLink => open_link(state, &message, args, out),
        Action::Quote => quote(state, &message),
        Action::Reply => reply(state, message.id, args, out),
        Action::Edit => edit(state, &message, args, out),
        Action::Delete => {
            state.overlay = Some(Overlay::Delete {
                id: message.id,
                mine: message.mine,
            });
        }
        Action::React => react(state, &message, args, out),
        Action::Revisions if message.edited_at.is_none() => {
            state.info("this message reads as it was sent");
        }
        Action::Revisions => out.push(Effect::LoadRevisions(message.id)),
        _ => match (message.reply_to, state.open) {
            (Some(quoted), Some(with)) => go_to(state, with, quoted, out),
            _ => state.info("this message quotes no other"),
        },
    }
}

/// The chosen message, else the last one: ours or theirs, if that matters.
fn target(state: &State, own: Option<bool>) -> Option<&Message> {
    let conversation = state.conversation()?;
    if let Some(id) = conversation.selected {
        return conversation.message(id);
    }
    let fits = |m: &&Message| !m.deleted && own.is_none_or(|own| own == m.mine);
    conversation.messages().iter().rfind(fits)
}

/// Marks messages where one is chosen: nobody sees marks elsewhere.
fn mark(state: &mut State, action: Action) {
    let browsing = state.focus == Focus::Browse;
    let Some(conversation) = state.conversation_mut().filter(|_| browsing) else {
        let ways = [(Action::Browse, "chooses one")];
        return state.info(state.with_ways("no message is chosen", &ways));
    };
    match action {
        Action::Mark => conversation.mark(),
        _ => conversation.mark_stretch(),
    }
}

fn copy_marked(state: &mut State, with_name: bool, out: &mut Effects) {
    let marked = state.conversation().map(|c| c.marked_messages());
    let left = marked.into_iter().flatten().filter(|m| !m.deleted);
    let messages: Vec<Message> = left.cloned().collect();
    match messages.is_empty() {
        true => state.info("all of those were deleted"),
        false => copy(state, &messages, with_name, out),
    }
}

fn copy(state: &mut State, messages: &[Message], with_name: bool, out: &mut Effects) {
    let lines = messages.iter().map(|message| match with_name {
        true => named(state, message),
        false => message.text.clone(),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    out.push(Effect::Clipboard(text));
    let what = match messages.len() {
        1 => "copied".to_owned(),
        n => format!("{n} messages copied"),
    };
    state.info(format!("{what}, if your terminal allows it (OSC 52)"));
    moving::stop_browsing(state);
}

/// A message with when it was written, and by whom.
fn named(state: &State, message: &Message) -> String {
    let name = match (message.mine, &state.me) {
        (false, _) => state.name_of(message.from),
        (true, Some(me)) => me.name.clone(),
        (true, None) => "me".to_owned(),
    };
    let at = time(message.sent_at, &state.zone, "%Y-%m-%d %H:%M");
    format!("{at} {name}: {}", message.text)
}

/// Opens an address of the message; of several, the one that is chosen.
fn open_link(state: &mut State, message: &Message, number: &str, out: &mut Effects) {
    let found = links::find(&message.text).into_iter();
    let mut links: Vec<_> = found.map(|range| message.text[range].to_owned()).collect();
    links.dedup();
    let numbered = number.trim().parse::<usize>().ok();
    let wanted = match (numbered, links.as_slice()) {
        (_, []) => return state.info("this message has no link"),
        (None, [one]) => Some(one),
        (Some(n), all) => n.checked_sub(1).and_then(|at| all.get(at)),
        (None, _) => None,
    };
    match wanted.cloned() {
        Some(link) => out.push(Effect::OpenOutside(link)),
        None => state.overlay = Some(Overlay::Links { links, selected: 0 }),
    }
}

/// The message's text in the draft, each line marked as another's.
fn quote(state: &mut State, message: &Message) {
    let mut quoted: String = message.text.lines().map(|l| format!("> {l}\n")).collect();
    moving::stop_browsing(state);
    let draft = state.draft_mut();
    if !draft.is_empty() && !draft.text()[..draft.cursor()].ends_with('\n') {
        quoted.insert(0, '\n');
    }
    if !draft.insert(&quoted) {
        state.error("that is too long to quote");
    }
}

/// The draft answers the message; a text given at once is sent.
fn reply(state: &mut State, id: Uuid, text: &str, out: &mut Effects) {
    if let Some(conversation) = state.conversation_mut() {
        conversation.stop_edit();
        conversation.reply_to = Some(id);
    }
    moving::stop_browsing(state);
    if !text.is_empty() {
        compose::send_text(state, text, out);
    }
}

/// The draft becomes the message's text; a text given at once is sent.
fn edit(state: &mut State, message: &Message, text: &str, out: &mut Effects) {
    if !message.mine {
        return state.info("only your own messages can be changed");
    }
    if !text.is_empty() {
        return edited(state, message.id, text, out);
    }
    start_edit(state, message.id);
}

fn start_edit(state: &mut State, id: Uuid) {
    state.completion = None;
    state.history_mut().settle();
    if let Some(conversation) = state.conversation_mut() {
        conversation.start_edit(id);
    }
    moving::stop_browsing(state);
}

/// Up on nothing: edits the last message of ours that is held; `false` if
/// there is none.
pub(super) fn edit_last(state: &mut State) -> bool {
    let fresh = state
        .conversation()
        .is_some_and(|c| c.editing.is_none() && c.reply_to.is_none());
    match target(state, Some(true)).map(|m| m.id) {
        Some(id) if fresh => {
            start_edit(state, id);
            true
        }
        _ => false,
    }
}

/// Enter while a message is edited.
pub(super) fn send_edit(state: &mut State, out: &mut Effects) {
    let text = state.draft().text().to_owned();
    if text.trim().is_empty() {
        let ways = [
            (Action::Browse, "keeps it as it was"),
            (Action::Delete, "takes it back"),
        ];
        return state.info(state.with_ways("nothing is left of it", &ways));
    }
    let Some(editing) = state.conversation().and_then(|c| c.editing.as_ref()) else {
        return;
    };
    let (id, same) = (editing.id, editing.before == text);
    if !same && compose::too_long(state, &text) {
        return;
    }
    if let Some(conversation) = state.conversation_mut() {
        conversation.stop_edit();
    }
    if !same {
        edited(state, id, &text, out);
    }
}

fn edited(state: &mut State, id: Uuid, text: &str, out: &mut Effects) {
    if let Some(with) = state.open
        && !compose::too_long(state, text)
    {
        out.push(Effect::Edit {
            with,
            id,
            text: text.to_owned(),
        });
    }
}

/// An edit was not stored: its text goes back where it was written, or among
/// the earlier input if something else is being written by now.
pub(super) fn give_edit_back(state: &mut State, with: PeerId, id: Uuid, text: &str) {
    let conversation = state.conversations.entry(with).or_default();
    if conversation.draft.is_empty() && conversation.editing.is_none() {
        conversation.start_edit(id);
        if conversation.editing.is_some() {
            return conversation.draft.replace(text);
        }
    }
    conversation.history.push(text);
}

/// A key for the choice of whom a message is deleted for.
pub(super) fn delete_key(id: Uuid, mine: bool, chord: Chord) -> Option<Effect> {
    let scope = match chord.typed()? {
        'm' => DeleteFor::Me,
        'b' if mine => DeleteFor::Both,
        _ => return None,
    };
    Some(Effect::Delete { id, scope })
}

fn react(state: &mut State, message: &Message, typed: &str, out: &mut Effects) {
    if typed.is_empty() {
        let mine = state
            .me
            .as_ref()
            .and_then(|me| reaction::of(&message.reactions, me.peer_id));
        let at = |own: &str| reaction::COMMON.iter().position(|e| *e == own);
        state.overlay = Some(Overlay::React(React {
            id: message.id,
            typed: Editor::default(),
            chosen: mine.and_then(at).unwrap_or(0),
        }));
        return;
    }
    match reaction::meant(typed) {
        Some(emoji) => out.push(reacted(state, message.id, emoji)),
        None => say_what_reacts(state),
    }
}

fn say_what_reacts(state: &mut State) {
    let names = reaction::NAMES.join(", ");
    state.error(format!("react with one emoji, or with {names}"));
}

/// The effect of choosing `emoji`: the same one again takes it back.
fn reacted(state: &State, id: Uuid, emoji: String) -> Effect {
    let message = state.conversation().and_then(|c| c.message(id));
    let mine = state
        .me
        .as_ref()
        .zip(message)
        .and_then(|(me, m)| reaction::of(&m.reactions, me.peer_id));
    let emoji = if mine == Some(emoji.as_str()) {
        String::new()
    } else {
        emoji
    };
    Effect::React { id, emoji }
}

/// A key for the choice of a reaction.
pub(super) fn react_key(state: &mut State, react: &mut React, chord: Chord) -> Option<Effect> {
    let last = reaction::COMMON.len() - 1;
    let empty = react.typed.is_empty();
    let digit = chord.typed().and_then(|c| c.to_digit(10)).filter(|_| empty);
    match (chord.key, digit) {
        (_, Some(digit)) => {
            let at = usize::try_from(digit).ok()?.checked_sub(1)?;
            let emoji = reaction::COMMON.get(at)?;
            Some(reacted(state, react.id, (*emoji).to_owned()))
        }
        (Key::Left, _) if empty => {
            react.chosen = react.chosen.saturating_sub(1);
            None
        }
        (Key::Right | Key::Tab, _) if empty => {
            react.chosen = (react.chosen + 1).min(last);
            None
        }
        (Key::Enter, _) => {
            let chosen = || reaction::COMMON.get(react.chosen).map(|e| (*e).to_owned());
            let emoji = if empty {
                chosen()
            } else {
                reaction::meant(react.typed.text())
            };
            if emoji.is_none() {
                say_what_reacts(state);
            }
            emoji.map(|emoji| reacted(state, react.id, emoji))
        }
        _ => {
            overlays::edit(&mut react.typed, chord);
            None
        }
    }
}

/// What a message read when, to read.
pub(super) fn revisions_page(state: &mut State, found: &[Revision]) {
    let mut lines = Vec::new();
    for (n, revision) in found.iter().enumerate() {
        let at = time(revision.at, &state.zone, "%Y-%m-%d %H:%M:%S");
        let word = if n == 0 { "sent" } else { "edited" };
        lines.extend([format!("{at} {word}"), revision.text.clone(), String::new()]);
    }
    lines.pop();
    actions::show(state, "WHAT IT READ BEFORE", lines);
}

/// Shows message `id` of the conversation with `with` and chooses it; loads
/// what is around it if it is not held.
pub(super) fn go_to(state: &mut State, with: PeerId, id: Uuid, out: &mut Effects) {
    moving::enter(state, with, out);
    let conversation = state.conversations.entry(with).or_default();
    if conversation.message(id).is_some() {
        return show(state, id);
    }
    conversation.seeking = Some(id);
    out.push(Effect::LoadAround {
        with,
        id,
        each: PAGE / 2,
    });
}

/// The messages around one are there. Nobody waits for them any more if the
/// reader has gone elsewhere.
pub(super) fn arrived(
    state: &mut State,
    with: PeerId,
    id: Uuid,
    found: Result<Around, Error>,
    out: &mut Effects,
) {
    let Some(conversation) = state.conversations.get_mut(&with) else {
        return;
    };
    if conversation.seeking != Some(id) {
        return;
    }
    match found {
        Ok(around) => {
            conversation.take_around(around);
            conversation.seeking = None;
            if state.open == Some(with) {
                show(state, id);
            }
        }
        Err(error) => {
            conversation.seeking = None;
            if conversation.messages().is_empty() && conversation.loading.is_none() {
                let page = Page::Newest;
                conversation.loading = Some(page);
                out.push(Effect::LoadHistory { with, page });
            }
            outcomes::failed(state, "going to the message", &error);
        }
    }
}

/// Chooses a message that is held, in the middle of the screen.
fn show(state: &mut State, id: Uuid) {
    if let Some(conversation) = state.conversation_mut() {
        conversation.selected = Some(id);
        conversation.scroll = Scroll::At {
            message: id,
            row: 0,
        };
    }
    state.focus = Focus::Browse;
    let half = moving::message_rows(state).unwrap_or(0) / 2;
    moving::scroll(state, -isize::try_from(half).unwrap_or(0));
}
