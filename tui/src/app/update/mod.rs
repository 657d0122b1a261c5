//! How the state changes: one function from what happened to what is wanted
//! done. No clock, no terminal, no engine: those are in the message or in the
//! effects.

pub(crate) mod actions;
mod alerts;
mod audio;
mod call_log;
mod calls;
mod completion;
mod compose;
mod days;
mod drafts;
mod events;
mod files;
mod first_run;
mod keys;
mod lobby;
mod messages;
mod modes;
mod mouse;
mod moving;
mod outcomes;
mod overlays;
mod people;
pub(crate) mod pick;
mod receipts;
mod registries;
mod search;
mod settings;
mod talk;
#[cfg(test)]
mod tests;
mod user_files;

pub(super) use self::receipts::Unreported;

use twocan_peer::api::NoticeLevel;
use twocan_proto::time::Timestamp;

use super::deadlines::{QUIT_AGAIN_MS, RING_EVERY_MS, TYPING_PAUSE_MS};
use super::effect::Effect;
use super::first_run::FirstRun;
use super::msg::Msg;
use super::{Stale, State, visible};

/// What an update wants done.
pub(crate) type Effects = Vec<Effect>;

/// What is asked for at the very beginning.
pub(crate) fn start(state: &mut State, first_run: bool) -> Effects {
    if first_run {
        let registry = state.registry_hint.clone();
        state.first_run = Some(FirstRun::new("", registry.as_deref()));
    }
    let mut out = vec![
        Effect::LoadPreferences,
        Effect::LoadSelf,
        Effect::LoadRemembered,
        Effect::LoadContacts,
        Effect::LoadRequests,
        Effect::LoadProfile,
        Effect::LoadNearby,
        Effect::LoadTransfers,
        Effect::LoadCalls { before: None },
    ];
    if state.in_lines {
        // Lines that are asked for are printed at once.
        out.push(Effect::LoadSound);
    }
    out
}

/// Takes what happened at `now`.
pub(crate) fn update(state: &mut State, now: Timestamp, msg: Msg) -> Effects {
    let stale = match now >= state.next_visible() {
        true => Stale::All,
        false => visible::stale_after(state, &msg),
    };
    state.stale = state.stale.max(stale);
    state.now = now;
    let mut out = Effects::new();
    match msg {
        Msg::Tick => tick(state, &mut out),
        other => apply(state, other, &mut out),
    }
    settle(state, &mut out);
    out
}

fn apply(state: &mut State, msg: Msg, out: &mut Effects) {
    match msg {
        Msg::Key(chord) => keys::key(state, chord, out),
        Msg::KeyUp(chord) => talk::let_go(state, Some(chord), out),
        Msg::Line(text) => compose::line(state, &text, out),
        Msg::Paste(text) => keys::paste(state, &text, out),
        Msg::Mouse(mouse) => mouse::mouse(state, mouse, out),
        Msg::Resize(columns, rows) => state.size = (columns, rows),
        Msg::TellsKeys => state.talk_key.holds = true,
        Msg::Background { light } => {
            state.themes.light = Some(light);
            state.settle_theme();
        }
        Msg::Focus(on) => focus(state, on, out),
        Msg::Written(written) => compose::written(state, *written),
        Msg::Meters(levels) => {
            let now = state.now;
            if let Some(call) = state.calls.active_mut() {
                call.take_levels(levels, now);
            }
        }
        Msg::Engine(event) => events::event(state, *event, out),
        Msg::Outcome(outcome) => outcomes::outcome(state, *outcome, out),
        Msg::UserFile(file, content) => user_files::take(state, file, content),
        Msg::NotOpened(why) => state.error(why),
        Msg::Terminate => out.push(Effect::Quit),
        Msg::EngineGone => {
            state.error(
                "the engine of twocan has stopped; quit and start again, the log has the reason",
            );
        }
        Msg::Broken => {
            state.notify(
                NoticeLevel::Warning,
                "a part of twocan failed in the background; the log has the details",
            );
        }
        Msg::Tick => {}
    }
}

/// The window has the focus, or lost it. A key that is held down then is let
/// go where we do not hear of it.
fn focus(state: &mut State, on: bool, out: &mut Effects) {
    state.focused = on;
    if !on {
        talk::let_go(state, None, out);
    }
}

/// A deadline has come.
fn tick(state: &mut State, out: &mut Effects) {
    let now = state.now;
    if state.toast_is_over() {
        state.toast = None;
    }
    let over = |since: Option<Timestamp>, ms: i64| {
        since.is_some_and(|at| now.as_millis() - at.as_millis() >= ms)
    };
    if over(state.quit_asked, QUIT_AGAIN_MS) {
        state.quit_asked = None;
    }
    for (id, conversation) in &mut state.conversations {
        if conversation.typing_until.is_some_and(|until| until <= now) {
            conversation.typing_until = None;
        }
        if over(conversation.told_typing, TYPING_PAUSE_MS) {
            conversation.told_typing = None;
            out.push(Effect::Typing { to: *id, on: false });
        }
    }
    for lobby in state.lobbies.values_mut() {
        lobby.typing = lobby.typing.take().filter(|(_, until)| *until > now);
    }
    if state.meters_due().is_some_and(|due| due <= now) {
        out.push(Effect::ReadMeters);
    }
    if let Some(call) = state.calls.incoming_mut()
        && over(call.rang_at, RING_EVERY_MS)
    {
        call.rang_at = Some(now);
        let from = call.call.contact;
        alerts::rings(state, from, out);
    }
}

/// What follows from the state whatever happened: receipts, pages to load, the
/// window's title, whom the command line named.
fn settle(state: &mut State, out: &mut Effects) {
    moving::load_near_ends(state, out);
    receipts::mark_read(state, out);
    people::ask_named(state, out);
    talk::watch_keys(state, out);
    drafts::watch(state);
    let ends = out.iter().any(|e| matches!(e, Effect::Quit));
    if ends || state.drafts.due().is_some_and(|due| due <= state.now) {
        let kept = out.len();
        drafts::save(state, out);
        // Nothing is carried out after the end.
        let added = out.len() - kept;
        out.rotate_right(added);
    }
    let title = state.title();
    if title != state.title_shown {
        state.title_shown.clone_from(&title);
        out.push(Effect::Title(title));
    }
}
