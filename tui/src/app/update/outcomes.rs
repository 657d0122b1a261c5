//! What came of effects.

use twocan_peer::api::{Error, ErrorCode, NoticeLevel, Relation, Role};

use super::super::conversation::PAGE;
use super::super::effect::{Effect, Outcome};
use super::super::overlay::Overlay;
use super::super::settings::Held;
use super::{
    Effects, actions, audio, call_log, completion, compose, days, drafts, first_run, keys, lobby,
    messages, moving, people, registries, search, settings,
};
use crate::app::State;
use crate::app::preferences;

/// Takes an outcome.
pub(super) fn outcome(state: &mut State, outcome: Outcome, out: &mut Effects) {
    match outcome {
        Outcome::Myself(me) => {
            if let Some(first_run) = &mut state.first_run
                && first_run.name.is_empty()
            {
                first_run.name.replace(&me.name);
            }
            state.me = Some(me);
        }
        Outcome::Remembered(all) => drafts::loaded(state, all),
        Outcome::Contacts(contacts) => {
            state.contacts = contacts.into_iter().collect();
            state.contacts_loaded = true;
            keys::typed_ahead(state, out);
        }
        Outcome::Requests(requests) => state.requests = requests,
        Outcome::History { with, page, found } => match found {
            Ok(found) => {
                let conversation = state.conversations.entry(with).or_default();
                conversation.take_page(page, found, PAGE);
                if state.open == Some(with) && page == twocan_peer::api::Page::Newest {
                    moving::mark_unread(state, with);
                }
            }
            Err(error) => {
                // Without this a failed read would be tried for ever.
                let conversation = state.conversations.entry(with).or_default();
                conversation.loading = None;
                conversation.oldest_loaded = true;
                conversation.newest_loaded = true;
                failed(state, "reading the conversation", &error);
            }
        },
        Outcome::Around { with, id, found } => {
            if let Some(found) = search::context_came(state, id, found, out) {
                messages::arrived(state, with, id, found, out);
            }
        }
        Outcome::Found {
            number,
            took_ms,
            found,
        } => search::found(state, number, took_ms, found, out),
        Outcome::MarkedRead { with, result } => {
            if let Some(conversation) = state.conversations.get_mut(&with) {
                conversation.reporting = false;
            }
            if let Err(error) = result {
                failed(state, "marking as read", &error);
            }
        }
        Outcome::Revisions(Ok(found)) => messages::revisions_page(state, &found),
        Outcome::Revisions(Err(error)) => failed(state, "reading what it said before", &error),
        Outcome::Day { with, found } => match found {
            Ok(id) => days::found(state, with, id, out),
            Err(error) => failed(state, "looking for that day", &error),
        },
        Outcome::Exported { path, result } => match result {
            Ok(count) => state.info(format!("{count} messages written to {path}")),
            Err(error) => failed(state, "writing the conversation", &error),
        },
        Outcome::Findings(lines) => actions::found(state, lines),
        Outcome::Transfers(found) => state.transfers.take_all(found),
        Outcome::Paths { typed, choices } => completion::paths(state, &typed, choices),
        Outcome::Profile(profile) => people::profile_is(state, profile),
        Outcome::Nearby(nearby) => state.nearby = nearby,
        Outcome::Safety { contact, safety } => state.safety = Some((contact, safety)),
        Outcome::KeyDecided(Ok(contact)) => {
            let id = contact.peer_id;
            state.contacts.insert(id, *contact);
            let name = state.name_of(id);
            let what = format!("the key of {name} is decided; /verify compares it");
            moving::open_late(state, id, &what, out);
        }
        Outcome::KeyDecided(Err(error)) => failed(state, "deciding about the key", &error),
        Outcome::Named(result) => named(state, result, out),
        Outcome::Added(result) => match result {
            Ok(contact) => {
                let (id, relation) = (contact.peer_id, contact.relation);
                state.contacts.insert(id, *contact);
                let name = state.name_of(id);
                let what = match relation {
                    Relation::Mutual => format!("{name} is a contact"),
                    Relation::Asked | Relation::Rejected => {
                        format!("asked {name}; what you write waits for the answer")
                    }
                };
                moving::open_late(state, id, &what, out);
            }
            Err(error) => failed(state, "adding", &error),
        },
        Outcome::Connected(result) => match result {
            Ok(connected) => {
                let id = connected.peer_id;
                let what = format!("connected to {}", state.name_of(id));
                moving::open_late(state, id, &what, out);
            }
            Err(error) => failed(state, "connecting", &error),
        },
        Outcome::Accepted(result) => match result {
            Ok(contact) => {
                let id = contact.peer_id;
                state.requests.retain(|r| r.peer_id != id);
                state.contacts.insert(id, *contact);
                let what = format!("{} is a contact now", state.name_of(id));
                moving::open_late(state, id, &what, out);
            }
            Err(error) => failed(state, "accepting", &error),
        },
        Outcome::Rejected { request, result } => match result {
            Ok(()) => state.requests.retain(|r| r.request != request),
            Err(error) => failed(state, "rejecting", &error),
        },
        Outcome::Removed { contact, result } => match result {
            Ok(()) if state.open == Some(contact) => state.open = None,
            Ok(()) => {}
            Err(error) => failed(state, "removing", &error),
        },
        Outcome::NotSent { to, text, error } => {
            compose::give_back(state, to, &text);
            failed(state, "sending", &error);
        }
        Outcome::NotEdited {
            with,
            id,
            text,
            error,
        } => {
            messages::give_edit_back(state, with, id, &text);
            failed(state, "editing", &error);
        }
        Outcome::Sound(found) => audio::loaded(state, found, out),
        Outcome::Calls { before, found } => call_log::loaded(state, before, found, out),
        Outcome::SignedIn(result) => signed_in(state, result, out),
        Outcome::LobbyRefused { registry, error } => lobby::refused(state, &registry, &error),
        Outcome::Account { registry, result } => {
            registries::answered(state, registry, result, out);
        }
        Outcome::Directory(result) => match result {
            Ok(found) => registries::directory(state, &found),
            Err(error) => failed(state, "asking the registries", &error),
        },
        Outcome::Settings(values) => settings::loaded(state, values),
        Outcome::Setting { key, value } => setting(state, &key, value, out),
        Outcome::Preferences { preferences, theme } => {
            state.preferences = preferences;
            state.look.still = !preferences.motion;
            state.themes.chosen = theme;
            state.settle_theme();
        }
        Outcome::Failed { what, error } => failed(state, &what, &error),
    }
}

/// Says what was tried and why it did not work.
pub(super) fn failed(state: &mut State, what: &str, error: &Error) {
    let wait = error.retry_after.map_or_else(String::new, |w| {
        format!("; again in {} s", w.as_secs().max(1))
    });
    let level = match error.code {
        ErrorCode::Offline | ErrorCode::Busy | ErrorCode::Limited => NoticeLevel::Warning,
        _ => NoticeLevel::Error,
    };
    state.notify(level, format!("{what}: {error}{wait}"));
}

fn named(state: &mut State, result: Result<String, Error>, out: &mut Effects) {
    match result {
        Ok(name) => {
            // Before all else is asked: what is filled in with it may be
            // opened at once.
            if let Some(profile) = &mut state.profile {
                profile.name.clone_from(&name);
            }
            if let Some(me) = &mut state.me {
                me.name = name;
            }
            out.push(Effect::LoadSelf);
            out.push(Effect::LoadProfile);
            first_run::named(state, None);
        }
        Err(error) if state.first_run.is_some() => first_run::named(state, Some(&error)),
        Err(error) => failed(state, "changing the name", &error),
    }
}

/// A setting was read or changed: the list shows it, where it is open, else a line.
fn setting(state: &mut State, key: &str, value: Result<Held, Error>, out: &mut Effects) {
    let listed = settings::changed(state, key, &value);
    match value {
        Err(_) if listed => return,
        Err(error) => return failed(state, &format!("setting {key}"), &error),
        Ok(_) if listed => {}
        Ok(value) => state.info(format!("{key} = {value}")),
    }
    if preferences::is_one(key) {
        out.push(Effect::LoadPreferences);
    }
    audio::setting_changed(state, key, out);
}

fn signed_in(
    state: &mut State,
    result: Result<twocan_peer::api::SignedIn, Error>,
    out: &mut Effects,
) {
    let form = match (&mut state.overlay, &mut state.first_run) {
        (Some(Overlay::Form(form)), _) => Some(form),
        (_, Some(first_run)) => Some(&mut first_run.form),
        _ => None,
    };
    match result {
        Ok(signed) => {
            if matches!(state.overlay, Some(Overlay::Form(_))) {
                state.overlay = None;
            }
            state.first_run = None;
            out.push(Effect::LoadSelf);
            let how = match (signed.role, signed.created) {
                (Role::Guest, _) => "signed in as the guest",
                (_, true) => "account made, you are",
                (_, false) => "signed in as",
            };
            state.info(format!(
                "{how} {}; /clients shows who is there",
                signed.username
            ));
        }
        Err(error) => {
            if let Some(form) = form {
                form.refused(&error);
            } else {
                failed(state, "signing in", &error);
            }
        }
    }
}
