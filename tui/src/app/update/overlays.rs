//! Keys while something lies over the main view.

use twocan_peer::api::{ContactChange, KeyDecision};

use super::super::editor::Editor;
use super::super::effect::Effect;
use super::super::form::Form;
use super::super::overlay::{Confirm, Confirmed, Overlay};
use super::{
    Effects, actions, audio, call_log, compose, files, lobby, messages, moving, pick, registries,
    search, talk,
};
use crate::app::State;
use crate::input::action::Action;
use crate::input::chord::{Chord, Key};

/// Rows of a page key.
const PAGE_ROWS: usize = 10;

/// What a key leaves behind.
enum Then {
    Stay,
    Close,
    Run(Action),
    Open(twocan_proto::identity::PeerId),
    GoTo(twocan_proto::identity::PeerId, uuid::Uuid),
    Confirmed(Confirmed),
}

/// The editor of the overlay, if one is typed into.
pub(super) fn editor(state: &mut State) -> Option<&mut Editor> {
    match state.overlay.as_mut()? {
        Overlay::Help { filter, .. }
        | Overlay::Palette { filter, .. }
        | Overlay::Jump { filter, .. } => Some(filter),
        Overlay::React(react) => Some(&mut react.typed),
        Overlay::Search(search) => Some(&mut search.query),
        Overlay::Lobby { draft, .. } => Some(draft),
        Overlay::Form(form) => form.focused().map(|f| &mut f.editor),
        _ => None,
    }
}

/// Takes a key for the overlay.
pub(super) fn key(state: &mut State, chord: Chord, out: &mut Effects) {
    let Some(mut overlay) = state.overlay.take() else {
        return;
    };
    let close = chord.key == Key::Esc || (chord.ctrl && chord.key == Key::Char('c'));
    let then = if close {
        Then::Close
    } else {
        overlay_key(state, &mut overlay, chord, out)
    };
    match then {
        Then::Stay => state.overlay = Some(overlay),
        Then::Close if matches!(overlay, Overlay::Audio { .. }) => audio::closed(state, out),
        Then::Close => {}
        Then::Run(action) => actions::run(state, action, "", out),
        Then::Open(id) => moving::open(state, id, out),
        Then::GoTo(with, id) => messages::go_to(state, with, id, out),
        Then::Confirmed(what) => confirmed(state, what, out),
    }
}

fn overlay_key(state: &mut State, overlay: &mut Overlay, chord: Chord, out: &mut Effects) -> Then {
    match overlay {
        Overlay::Help { filter, scroll } => {
            if !step(scroll, chord, usize::MAX) && edit(filter, chord) {
                *scroll = 0;
            }
            if chord.key == Key::F(1) {
                Then::Close
            } else {
                Then::Stay
            }
        }
        Overlay::Palette { filter, selected } => {
            let found = crate::view::palette(filter.text());
            if chord.key == Key::Enter {
                return found
                    .get(*selected)
                    .map_or(Then::Close, |action| chosen(state, *action));
            }
            if !step(selected, chord, found.len().saturating_sub(1)) && edit(filter, chord) {
                *selected = 0;
            }
            Then::Stay
        }
        Overlay::Jump { filter, selected } => {
            let found = pick::contacts(state, filter.text());
            if chord.key == Key::Enter {
                return found
                    .get(*selected)
                    .map_or(Then::Close, |id| Then::Open(*id));
            }
            if !step(selected, chord, found.len().saturating_sub(1)) && edit(filter, chord) {
                *selected = 0;
            }
            Then::Stay
        }
        Overlay::Page(page) => {
            if let (Some('c'), Some(text)) = (chord.typed(), &page.copy) {
                out.push(Effect::Clipboard(text.clone()));
                state.info("copied, if your terminal allows it (OSC 52)");
            } else if !step(&mut page.scroll, chord, page.lines.len() + PAGE_ROWS)
                && matches!(chord.key, Key::Enter | Key::Char('q'))
            {
                return Then::Close;
            }
            Then::Stay
        }
        Overlay::Log { up } => {
            // Up from the end: the other way round.
            let mirrored = match chord.key {
                Key::Up => Key::Down,
                Key::Down => Key::Up,
                Key::PageUp => Key::PageDown,
                Key::PageDown => Key::PageUp,
                other => other,
            };
            step(up, Chord::plain(mirrored), state.log.len());
            Then::Stay
        }
        Overlay::Links { links, selected } => {
            if chord.key == Key::Enter {
                let chosen = links.get(*selected).cloned();
                out.extend(chosen.map(Effect::OpenOutside));
                return Then::Close;
            }
            step(selected, chord, links.len().saturating_sub(1));
            Then::Stay
        }
        Overlay::Suspend => {
            match chord.typed() {
                Some('s') => {
                    // Whoever comes back has let the key go.
                    talk::let_go(state, None, out);
                    out.push(Effect::Suspend);
                }
                Some('h') => {
                    let call = state.calls.active().map(|call| call.call.call);
                    out.extend(call.map(Effect::HangUp));
                    out.push(Effect::Suspend);
                }
                _ => {}
            }
            Then::Close
        }
        Overlay::Confirm(Confirm { then, .. }) => match chord.typed() {
            Some('y' | 'Y') => Then::Confirmed(then.clone()),
            Some('n' | 'N') => Then::Close,
            _ => Then::Stay,
        },
        Overlay::Request(id) => match chord.typed() {
            Some('a') => Then::Confirmed(Confirmed::Effect(Effect::Accept(*id))),
            Some('r') => Then::Confirmed(Confirmed::Effect(Effect::Reject(*id))),
            _ => Then::Stay,
        },
        Overlay::Verify(contact) => match chord.typed() {
            Some('y') => {
                let change = ContactChange {
                    verified: Some(true),
                    ..ContactChange::default()
                };
                let effect = Effect::ChangeContact {
                    contact: *contact,
                    change,
                };
                Then::Confirmed(Confirmed::Effect(effect))
            }
            _ => Then::Stay,
        },
        Overlay::Delete { id, mine } => match messages::delete_key(*id, *mine, chord) {
            Some(effect) => Then::Confirmed(Confirmed::Effect(effect)),
            None => Then::Stay,
        },
        Overlay::React(react) => match messages::react_key(state, react, chord) {
            Some(effect) => Then::Confirmed(Confirmed::Effect(effect)),
            None => Then::Stay,
        },
        Overlay::Search(search) => match search::key(state, search, chord, out) {
            Some((with, id)) => Then::GoTo(with, id),
            None => Then::Stay,
        },
        Overlay::KeyChanged(contact) => match chord.typed() {
            Some('k') => Then::Confirmed(Confirmed::Effect(Effect::DecideKey {
                contact: *contact,
                decision: KeyDecision::Keep,
            })),
            Some('n') => {
                let name = state.name_of(*contact);
                state.overlay = Some(Overlay::Confirm(Confirm {
                    question: format!(
                        "Take the new key as {name}'s? Only if they told you, over another way, that it changed. What waits goes to the new key."
                    ),
                    yes: "take the new key",
                    then: Confirmed::Effect(Effect::DecideKey {
                        contact: *contact,
                        decision: KeyDecision::Accept,
                    }),
                }));
                Then::Close
            }
            _ => Then::Stay,
        },
        Overlay::Transfers { selected } => match files::key(state, selected, chord, out) {
            Some(cancel) => {
                state.overlay = Some(cancel);
                Then::Close
            }
            None => Then::Stay,
        },
        Overlay::Nearby { selected } => {
            let last = state.nearby.len().saturating_sub(1);
            let chosen = state.nearby.get(*selected);
            if let (Key::Enter | Key::Char('a'), Some(near)) = (chord.key, chosen) {
                return match near.addresses.first() {
                    _ if near.is_contact => Then::Open(near.peer_id),
                    Some(address) => {
                        let who = address.to_string();
                        let note = String::new();
                        Then::Confirmed(Confirmed::Effect(Effect::AddContact { who, note }))
                    }
                    None => Then::Stay,
                };
            }
            step(selected, chord, last);
            Then::Stay
        }
        Overlay::CallLog { selected } => match call_log::key(state, selected, chord, out) {
            Some(contact) => Then::Open(contact),
            None => Then::Stay,
        },
        Overlay::Audio { side, selected } => {
            audio::key(state, side, selected, chord, out);
            Then::Stay
        }
        Overlay::CallStats => match chord.key {
            Key::Enter | Key::Char('q') => Then::Close,
            _ => Then::Stay,
        },
        Overlay::Registries { selected } => {
            match registries::list_key(state, selected, chord, out) {
                Some(over) => {
                    state.overlay = Some(over);
                    Then::Close
                }
                None => Then::Stay,
            }
        }
        Overlay::Lobby {
            registry,
            draft,
            up,
        } => match lobby::key(state, registry, draft, up, chord, out) {
            true => Then::Stay,
            false => Then::Close,
        },
        Overlay::Account(registry) => match registries::account_key(state, registry, chord, out) {
            Some(over) => {
                state.overlay = Some(over);
                Then::Close
            }
            None => Then::Stay,
        },
        Overlay::Form(form) => {
            form_key(form, chord, out);
            Then::Stay
        }
    }
}

/// An action picked from the palette. One that needs words after it is put
/// into the composer instead, as far as that is empty.
fn chosen(state: &mut State, action: Action) -> Then {
    let command = crate::input::action::info(action).and_then(|i| i.command);
    match command {
        Some(c) if !c.usage.is_empty() && !c.usage.starts_with('[') && state.draft().is_empty() => {
            state.draft_mut().replace(&format!("/{} ", c.name));
            Then::Close
        }
        _ => Then::Run(action),
    }
}

fn confirmed(state: &mut State, what: Confirmed, out: &mut Effects) {
    match what {
        Confirmed::Effect(effect) => out.push(effect),
        Confirmed::Paste(text) => compose::insert(state, &text, out),
        Confirmed::SendAnyway(text) => compose::send_text(state, &text, out),
        Confirmed::Quit => {
            if let Some(call) = state.calls.active() {
                out.push(Effect::HangUp(call.call.call));
            }
            out.push(Effect::Quit);
        }
    }
}

/// Moves a place in a list; `false` if the key is for something else.
pub(super) fn step(place: &mut usize, chord: Chord, most: usize) -> bool {
    let control = |c| chord.ctrl && chord.key == Key::Char(c);
    *place = match chord.key {
        Key::Up => place.saturating_sub(1),
        Key::Down => place.saturating_add(1),
        Key::PageUp => place.saturating_sub(PAGE_ROWS),
        Key::PageDown => place.saturating_add(PAGE_ROWS),
        _ if control('p') => place.saturating_sub(1),
        _ if control('n') => place.saturating_add(1),
        _ => return false,
    }
    .min(most);
    true
}

/// Edits a single line; `false` if the key is for something else.
pub(super) fn edit(editor: &mut Editor, chord: Chord) -> bool {
    if let Some(c) = chord.typed() {
        return editor.insert(c.encode_utf8(&mut [0; 4]));
    }
    match (chord.ctrl, chord.key) {
        (false, Key::Backspace) | (true, Key::Char('h')) => editor.delete_back(),
        (false, Key::Delete) | (true, Key::Char('d')) => editor.delete_forward(),
        (false, Key::Left) | (true, Key::Char('b')) => editor.left(),
        (false, Key::Right) | (true, Key::Char('f')) => editor.right(),
        (false, Key::Home) | (true, Key::Char('a')) => editor.line_start(),
        (false, Key::End) | (true, Key::Char('e')) => editor.line_end(),
        (true, Key::Char('w')) => editor.cut_word_back(),
        (true, Key::Char('u')) => editor.cut_to_start(),
        (true, Key::Char('k')) => editor.cut_to_end(),
        (true, Key::Char('y')) => editor.yank(),
        _ => return false,
    }
    true
}

/// Keys of a form: Tab and arrows move, Enter goes on and at the end signs in.
pub(super) fn form_key(form: &mut Form, chord: Chord, out: &mut Effects) {
    if form.busy {
        return;
    }
    let last = form.fields.len().saturating_sub(1);
    match chord.key {
        Key::Tab if chord.shift => form.focus = form.focus.checked_sub(1).unwrap_or(last),
        Key::Up => form.focus = form.focus.saturating_sub(1),
        Key::Tab => {
            form.focus = if form.focus >= last {
                0
            } else {
                form.focus + 1
            }
        }
        Key::Down => form.focus = (form.focus + 1).min(last),
        Key::Enter if !form.at_last() => form.focus += 1,
        Key::Enter => match form.read() {
            Ok(effect) => {
                form.busy = true;
                form.error = None;
                out.push(effect);
            }
            Err(why) => form.error = Some(why),
        },
        _ => {
            if let Some(field) = form.focused() {
                edit(&mut field.editor, chord);
            }
            form.error = None;
        }
    }
}
