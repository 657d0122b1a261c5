//! The lobby of a registry: coming in, saying something, hearing it.

use twocan_peer::api::{Error, LobbyAsk, LobbyEvent};
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

use super::super::editor::Editor;
use super::super::effect::Effect;
use super::super::overlay::Overlay;
use super::outcomes::failed;
use super::{Effects, completion, overlays, registries};
use crate::app::State;
use crate::input::chord::{Chord, Key};
use crate::input::command::first_word;

/// Others are told no more often that we write something, in milliseconds.
const TYPING_EVERY_MS: i64 = 4_000;

/// `/lobby`: comes in.
pub(super) fn open(state: &mut State, args: &str, out: &mut Effects) {
    if let Some(registry) = registries::named(state, args.trim(), "lobby") {
        enter(state, registry, out);
    }
}

/// Shows the room of `registry`, and joins it.
pub(super) fn enter(state: &mut State, registry: RegistryUrl, out: &mut Effects) {
    let lobby = state.lobbies.entry(registry.clone()).or_default();
    let draft = std::mem::take(&mut lobby.draft);
    out.push(Effect::Lobby {
        registry: registry.clone(),
        ask: LobbyAsk::Join,
    });
    state.overlay = Some(Overlay::Lobby {
        registry,
        draft,
        up: 0,
    });
}

/// The room leaves the screen; what was being written stays with it.
pub(super) fn closed(state: &mut State, registry: &RegistryUrl, draft: Editor) {
    if let Some(lobby) = state.lobbies.get_mut(registry) {
        lobby.draft = draft;
    }
}

/// A key in the room; `false` closes it.
pub(super) fn key(
    state: &mut State,
    registry: &RegistryUrl,
    draft: &mut Editor,
    up: &mut usize,
    chord: Chord,
    out: &mut Effects,
) -> bool {
    let push = |ask, out: &mut Effects| {
        out.push(Effect::Lobby {
            registry: registry.clone(),
            ask,
        });
    };
    match chord.key {
        Key::Enter => {
            let text = draft.take();
            *up = 0;
            match said(text.trim()) {
                Ok(None) => {}
                Ok(Some(LobbyAsk::Leave)) => {
                    push(LobbyAsk::Leave, out);
                    state.lobbies.remove(registry);
                    return false;
                }
                Ok(Some(ask)) => push(ask, out),
                Err(usage) => state.error(usage),
            }
        }
        Key::PageUp | Key::Up => *up = up.saturating_add(rows(chord)),
        Key::PageDown | Key::Down => *up = up.saturating_sub(rows(chord)),
        _ => {
            let edited = overlays::edit(draft, chord);
            if edited && chord.typed() == Some(':') {
                completion::finish_emoji(draft);
            }
            if edited && !draft.text().starts_with('/') {
                let now = state.now;
                let Some(lobby) = state.lobbies.get_mut(registry) else {
                    return true;
                };
                let since = |at: Timestamp| now.as_millis() - at.as_millis();
                if lobby
                    .told_typing
                    .is_none_or(|at| since(at) >= TYPING_EVERY_MS)
                {
                    lobby.told_typing = Some(now);
                    push(LobbyAsk::Typing, out);
                }
            }
        }
    }
    true
}

fn rows(chord: Chord) -> usize {
    match chord.key {
        Key::PageUp | Key::PageDown => 10,
        _ => 1,
    }
}

/// What a line asks for.
fn said(line: &str) -> Result<Option<LobbyAsk>, &'static str> {
    let Some(command) = line.strip_prefix('/') else {
        let text = line.to_owned();
        return Ok((!text.is_empty()).then_some(LobbyAsk::Say { text }));
    };
    let (verb, args) = first_word(command);
    let (who, rest) = first_word(args);
    let user = || who.parse().map_err(|_| "whom? for example /mute bob 60");
    Ok(Some(match verb {
        "leave" => LobbyAsk::Leave,
        "who" => LobbyAsk::Who { after: None },
        "mute" => LobbyAsk::Mute {
            user: user()?,
            seconds: rest.parse().unwrap_or(60),
        },
        "kick" => LobbyAsk::Kick {
            user: user()?,
            reason: (!rest.is_empty()).then(|| rest.to_owned()),
        },
        _ => return Err("in the lobby there are /leave, /who, /mute NAME SECONDS, /kick NAME"),
    }))
}

/// Something happened in a room.
pub(super) fn heard(state: &mut State, registry: RegistryUrl, event: LobbyEvent) {
    let now = state.now;
    state.lobbies.entry(registry).or_default().take(event, now);
}

/// The registry would not.
pub(super) fn refused(state: &mut State, registry: &RegistryUrl, error: &Error) {
    let shown =
        matches!(&state.overlay, Some(Overlay::Lobby { registry: of, .. }) if of == registry);
    let now = state.now;
    match state.lobbies.get_mut(registry).filter(|_| shown) {
        Some(lobby) => lobby.say(None, error.to_string(), now),
        None => failed(state, "the lobby", error),
    }
}
