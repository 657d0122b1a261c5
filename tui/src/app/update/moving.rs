//! Between conversations and within one: opening, scrolling, choosing
//! messages, loading pages.

use twocan_peer::api::Page;
use twocan_proto::identity::PeerId;

use super::super::conversation::{Conversation, Scroll};
use super::super::effect::Effect;
use super::super::overlay::Overlay;
use super::super::roster::Entry;
use super::Effects;
use crate::app::{Focus, State};
use crate::input::action::Action;
use crate::view::layout::{Layout, Panes, layout};
use crate::view::messages::Canvas;

/// Pages are asked for when the reader is this near to the end of the window.
const NEAR: usize = 30;

/// The panes with messages on them, if the conversation is on the screen.
fn panes(state: &State) -> Option<Panes> {
    match layout(state) {
        Layout::Panes(panes) if panes.messages.area() > 0 => Some(panes),
        _ => None,
    }
}

/// Rows of messages on the screen.
pub(super) fn message_rows(state: &State) -> Option<usize> {
    panes(state).map(|p| usize::from(p.messages.height))
}

/// Shows the conversation with `id`.
pub(super) fn open(state: &mut State, id: PeerId, out: &mut Effects) {
    enter(state, id, out);
    let conversation = state.conversations.entry(id).or_default();
    if conversation.newest_loaded {
        mark_unread(state, id);
    } else if conversation.loading.is_none() {
        conversation.loading = Some(Page::Newest);
        out.push(Effect::LoadHistory {
            with: id,
            page: Page::Newest,
        });
    }
}

/// Shows the conversation with `id`, which was asked for a while ago, unless
/// something has been begun since: nothing is written to whom it was not meant
/// for, and no form is closed. `what` says what has come of it.
pub(super) fn open_late(state: &mut State, id: PeerId, what: &str, out: &mut Effects) {
    let writing = !state.draft().is_empty() || state.focus == Focus::Browse;
    if state.open == Some(id) || !(state.covered() || writing) {
        open(state, id, out);
        return state.info(what);
    }
    let ways = state.with_ways(what, &[(Action::Jump, "opens it")]);
    state.info(ways);
}

/// Makes the conversation with `id` the open one, and loads nothing.
pub(super) fn enter(state: &mut State, id: PeerId, out: &mut Effects) {
    state.focus = Focus::Composer;
    state.normal_mode = false;
    state.completion = None;
    state.history_mut().settle();
    state.overlay = None;
    if state.open != Some(id) {
        leave(state, out);
        let mut left = std::mem::take(state.draft_mut());
        state
            .conversations
            .entry(id)
            .or_default()
            .draft
            .take_kills(&mut left);
        *state.draft_mut() = left;
        state.open = Some(id);
    }
    state.chosen = Some(Entry::Contact(id));
    let conversation = state.conversations.entry(id).or_default();
    conversation.stop_choosing();
}

/// Leaves the open conversation: its marker goes, its draft stays.
fn leave(state: &mut State, out: &mut Effects) {
    let Some(id) = state.open else { return };
    state.last_open = Some(id);
    if let Some(conversation) = state.conversations.get_mut(&id) {
        conversation.first_unread = None;
        conversation.scroll = Scroll::Bottom;
        conversation.seeking = None;
        if conversation.told_typing.take().is_some() {
            out.push(Effect::Typing { to: id, on: false });
        }
    }
}

/// Puts the line before what is new, and shows it if it would be off screen.
pub(super) fn mark_unread(state: &mut State, id: PeerId) {
    let unread = state.contacts.get(&id).map_or(0, |c| c.unread);
    let Some(conversation) = state.conversations.get_mut(&id) else {
        return;
    };
    let Ok(nth) = usize::try_from(unread.saturating_sub(1)) else {
        return;
    };
    if unread == 0 || conversation.first_unread.is_some() {
        return;
    }
    let theirs = || conversation.messages().iter().filter(|m| !m.mine);
    let first = theirs()
        .rev()
        .nth(nth)
        .or_else(|| theirs().next())
        .map(|m| m.id);
    conversation.first_unread = first;
    // What came while the page was read is still to be fetched: whoever sees all
    // that is new follows it there.
    if !is_seen_from_marker(state) {
        to_first_unread(state);
    }
}

/// Whether the end of the conversation shows all from the marker on.
fn is_seen_from_marker(state: &State) -> bool {
    let fits = panes(state).and_then(|panes| {
        let canvas = Canvas::of(state, panes.message_cells())?;
        let index = canvas
            .conversation
            .position(canvas.conversation.first_unread?)?;
        Some(canvas.fits(index, 0, usize::from(panes.messages.height)))
    });
    fits.unwrap_or(true)
}

/// Shows the first unread message at the top, if not all fits from there.
fn to_first_unread(state: &mut State) {
    let Some(panes) = panes(state) else { return };
    let scroll = Canvas::of(state, panes.message_cells()).and_then(|canvas| {
        let id = canvas.conversation.first_unread?;
        let index = canvas.conversation.position(id)?;
        Some(canvas.settled(index, 0, usize::from(panes.messages.height)))
    });
    if let (Some(scroll), Some(conversation)) = (scroll, state.conversation_mut()) {
        conversation.scroll = scroll;
    }
}

/// Alt+u.
pub(super) fn first_unread(state: &mut State) {
    if state
        .conversation()
        .is_some_and(|c| c.first_unread.is_some())
    {
        to_first_unread(state);
    } else {
        let ways = [(Action::NextUnread, "goes to the next unread conversation")];
        state.info(state.with_ways("nothing new here", &ways));
    }
}

/// Scrolls by rows: up is negative.
pub(super) fn scroll(state: &mut State, rows: isize) {
    let Some(panes) = panes(state) else { return };
    let height = usize::from(panes.messages.height);
    let Some(canvas) = Canvas::of(state, panes.message_cells()) else {
        return;
    };
    let scroll = canvas.scrolled(canvas.conversation.scroll, rows, height);
    if let Some(conversation) = state.conversation_mut() {
        conversation.scroll = scroll;
    }
}

/// Scrolls by nearly a screen.
pub(super) fn page(state: &mut State, up: bool) {
    let rows = message_rows(state).unwrap_or(1).saturating_sub(2).max(1);
    let rows = isize::try_from(rows).unwrap_or(1);
    scroll(state, if up { -rows } else { rows });
}

/// To the oldest message held; more is loaded from there.
pub(super) fn to_oldest(state: &mut State) {
    scroll(state, isize::MIN / 2);
}

/// To the newest message, read anew if the window has left it.
pub(super) fn to_newest(state: &mut State, out: &mut Effects) {
    let Some(with) = state.open else { return };
    let Some(conversation) = state.conversation_mut() else {
        return;
    };
    conversation.scroll = Scroll::Bottom;
    conversation.seeking = None;
    if !conversation.newest_loaded && conversation.loading != Some(Page::Newest) {
        conversation.loading = Some(Page::Newest);
        out.push(Effect::LoadHistory {
            with,
            page: Page::Newest,
        });
    }
}

/// Asks for pages when the reader is near an end of what is held.
pub(super) fn load_near_ends(state: &mut State, out: &mut Effects) {
    let Some(with) = state.open else { return };
    let missing = state.conversation().and_then(missing_page);
    // Last, as the screen has to be divided for it.
    let page = missing.filter(|_| state.first_run.is_none() && message_rows(state).is_some());
    if let Some(page) = page
        && let Some(conversation) = state.conversations.get_mut(&with)
    {
        conversation.loading = Some(page);
        out.push(Effect::LoadHistory { with, page });
    }
}

/// The page that is not held and near to what the reader sees.
fn missing_page(conversation: &Conversation) -> Option<Page> {
    if conversation.seeking.is_some() {
        return None;
    }
    let count = conversation.messages().len();
    let (top, bottom) = match conversation.scroll {
        Scroll::At { message, .. } => match conversation.position(message) {
            Some(at) => (at < NEAR, at + NEAR * 3 > count),
            None => (false, true),
        },
        Scroll::Bottom => (count < NEAR, true),
    };
    conversation
        .older_page()
        .filter(|_| top)
        .or_else(|| conversation.newer_page().filter(|_| bottom))
}

/// The conversation `step` places further in the list.
pub(super) fn neighbour(state: &mut State, step: isize, out: &mut Effects) {
    let order = state.contacts_in_order();
    let count = order.len();
    let at = state
        .open
        .and_then(|id| order.iter().position(|o| *o == id));
    let next = match at {
        Some(at) => {
            at.checked_add_signed(step)
                .unwrap_or_else(|| count.saturating_sub(1))
                % count.max(1)
        }
        None if step < 0 => count.saturating_sub(1),
        None => 0,
    };
    open_at(state, next, out);
}

/// The conversation at a place of the list.
pub(super) fn open_at(state: &mut State, place: usize, out: &mut Effects) {
    match state.contacts_in_order().get(place) {
        Some(id) => open(state, *id, out),
        None => state.info(format!("there is no conversation {}", place + 1)),
    }
}

/// Alt+a.
pub(super) fn next_unread(state: &mut State, out: &mut Effects) {
    let waits = |id: &PeerId| {
        state.open != Some(*id)
            && state
                .contacts
                .get(id)
                .is_some_and(|c| c.unread > 0 && !c.blocked)
    };
    match state.contacts_in_order().into_iter().find(waits) {
        Some(id) => open(state, id, out),
        None => state.info("nothing unread"),
    }
}

/// Alt+/.
pub(super) fn last(state: &mut State, out: &mut Effects) {
    match state.last_open.filter(|id| state.contacts.contains_key(id)) {
        Some(id) => open(state, id, out),
        None => state.info("no conversation before this one"),
    }
}

/// Esc in the composer: an edit is dropped, else choose messages.
pub(super) fn browse(state: &mut State) {
    let Some(conversation) = state.conversation_mut() else {
        return;
    };
    if conversation.stop_edit().is_some() {
        state.info("the message stays as it was");
        return;
    }
    if conversation.messages().is_empty() {
        return;
    }
    if conversation.selected.is_none() {
        conversation.selected = conversation.messages().last().map(|m| m.id);
    }
    state.focus = Focus::Browse;
    show_selected(state);
}

/// Browses at a message that is on the screen.
pub(super) fn choose(state: &mut State, message: uuid::Uuid) {
    let editing = state.conversation().is_some_and(|c| c.editing.is_some());
    if editing {
        return;
    }
    if let Some(conversation) = state.conversation_mut() {
        conversation.selected = Some(message);
    }
    browse(state);
}

/// Back to typing.
pub(super) fn stop_browsing(state: &mut State) {
    state.normal_mode = false;
    state.focus = Focus::Composer;
    if let Some(conversation) = state.conversation_mut() {
        conversation.stop_choosing();
    }
}

/// Moves the choice among the messages.
pub(super) fn select(state: &mut State, action: Action, out: &mut Effects) {
    if action == Action::SelectLast {
        to_newest(state, out);
    }
    let Some(conversation) = state.conversation_mut() else {
        return;
    };
    let last = conversation.messages().len().saturating_sub(1);
    let at = conversation
        .selected
        .and_then(|id| conversation.position(id))
        .unwrap_or(last);
    let wanted = match action {
        Action::SelectUp => at.saturating_sub(1),
        Action::SelectDown => (at + 1).min(last),
        Action::SelectFirst => 0,
        _ => last,
    };
    conversation.selected = conversation.messages().get(wanted).map(|m| m.id);
    show_selected(state);
}

/// Scrolls as little as needed to have the chosen message on the screen.
pub(super) fn show_selected(state: &mut State) {
    let Some(panes) = panes(state) else { return };
    let height = usize::from(panes.messages.height);
    let Some(canvas) = Canvas::of(state, panes.message_cells()) else {
        return;
    };
    let conversation = canvas.conversation;
    let Some(index) = conversation
        .selected
        .and_then(|id| conversation.position(id))
    else {
        return;
    };
    let top = match canvas.scrolled(conversation.scroll, 0, height) {
        Scroll::At { message, row } => conversation.position(message).map(|at| (at, row)),
        Scroll::Bottom => canvas.bottom_anchor(height),
    };
    let Some((first, row)) = top else { return };
    let scroll = if index < first || (index == first && row > 0) {
        canvas.settled(index, 0, height)
    } else {
        let rows: usize = (first..=index).map(|at| canvas.block(at).len()).sum();
        let below = rows.saturating_sub(row + height);
        canvas.scrolled(
            conversation.scroll,
            isize::try_from(below).unwrap_or(0),
            height,
        )
    };
    if let Some(conversation) = state.conversation_mut() {
        conversation.scroll = scroll;
    }
}

/// Moves the choice in the list.
pub(super) fn list_step(state: &mut State, step: isize) {
    let entries = state.entries();
    let at = entries
        .iter()
        .position(|(_, e)| Some(*e) == state.chosen)
        .unwrap_or(0);
    let wanted = at
        .saturating_add_signed(step)
        .min(entries.len().saturating_sub(1));
    state.chosen = entries.get(wanted).map(|(_, e)| *e);
}

/// Puts the focus on the list, or takes it back.
pub(super) fn toggle_list(state: &mut State) {
    if state.focus == Focus::List {
        state.focus = Focus::Composer;
        return;
    }
    stop_browsing(state);
    state.focus = Focus::List;
    let entries = state.entries();
    let known = entries.iter().any(|(_, e)| Some(*e) == state.chosen);
    if !known {
        state.chosen = entries.first().map(|(_, e)| *e);
    }
}

/// Opens what is chosen in the list.
pub(super) fn list_open(state: &mut State, out: &mut Effects) {
    match state.chosen {
        Some(entry) => open_entry(state, entry, out),
        None => {
            let ways = [(Action::Leave, "goes back, and there /add asks somebody")];
            state.info(state.with_ways("nobody here yet", &ways));
        }
    }
}

/// Opens a line of the list.
pub(super) fn open_entry(state: &mut State, entry: Entry, out: &mut Effects) {
    match entry {
        Entry::Contact(id) => open(state, id, out),
        Entry::Request(id) => state.overlay = Some(Overlay::Request(id)),
    }
}
