//! Registries and the accounts there: the list, the account, what is done to
//! them.

use twocan_peer::api::{
    AccountAction, AccountAnswer, AccountInfo, Directory, Error, RegistryInfo, Visibility,
};
use twocan_proto::registry_url::RegistryUrl;

use super::super::effect::Effect;
use super::super::form::Form;
use super::super::overlay::{Confirm, Confirmed, Overlay};
use super::actions::{show, sign_in, usage};
use super::outcomes::failed;
use super::{Effects, lobby, overlays};
use crate::app::State;
use crate::input::action::Action;
use crate::input::chord::{Chord, Key};
use crate::view::draw::ago;

/// Does one of the actions of this file.
pub(super) fn run(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    match action {
        Action::SignIn => sign_in(state, args.trim()),
        Action::SignOut => {
            if let Some(registry) = named(state, args.trim(), "signout") {
                out.push(Effect::SignOut(registry));
            }
        }
        Action::Account => {
            if let Some(registry) = named(state, args.trim(), "account") {
                open_account(state, registry, out);
            }
        }
        Action::Lobby => lobby::open(state, args, out),
        Action::Clients => {
            let prefix = args.trim();
            let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
            out.push(Effect::Directory { prefix });
        }
        _ => {
            state.overlay = Some(Overlay::Registries { selected: 0 });
            out.push(Effect::LoadSelf);
        }
    }
}

/// The registry that a beginning of its address means; the only one there is
/// needs no name.
pub(super) fn named(state: &mut State, url: &str, command: &str) -> Option<RegistryUrl> {
    let known = state.me.as_ref().map_or(&[][..], |me| &me.registries);
    let fits = |text: String| {
        let plain = text.trim_start_matches("https://");
        url.is_empty() || text.starts_with(url) || plain.starts_with(url)
    };
    let mut found = known
        .iter()
        .filter(|known| fits(known.registry.to_string()))
        .map(|known| known.registry.clone());
    match (found.next(), found.next()) {
        (Some(one), None) => Some(one),
        (None, _) => {
            state.error("no such registry is known here: /registries lists them");
            None
        }
        (Some(_), Some(_)) => {
            usage(state, command);
            None
        }
    }
}

fn open_account(state: &mut State, registry: RegistryUrl, out: &mut Effects) {
    state.account = None;
    state.overlay = Some(Overlay::Account(registry.clone()));
    out.push(Effect::Account {
        registry,
        action: AccountAction::Show,
    });
}

/// A key in the list: gives what lies over the view then.
pub(super) fn list_key(
    state: &mut State,
    selected: &mut usize,
    chord: Chord,
    out: &mut Effects,
) -> Option<Overlay> {
    let known = state.me.as_ref().map_or(&[][..], |me| &me.registries);
    let chosen: Option<RegistryInfo> = known.get(*selected).cloned();
    let last = known.len().saturating_sub(1);
    if chord.typed() == Some('i') {
        let url = chosen.map(|known| known.registry.to_string());
        sign_in(state, url.as_deref().unwrap_or_default());
        return state.overlay.take();
    }
    let known = chosen?;
    let registry = known.registry;
    match (chord.key, chord.typed()) {
        (Key::Enter, _) if known.username.is_some() => {
            open_account(state, registry, out);
            return state.overlay.take();
        }
        (Key::Enter, _) => {
            sign_in(state, &registry.to_string());
            return state.overlay.take();
        }
        (_, Some('o')) => {
            return Some(Overlay::Confirm(Confirm {
                question: format!("Sign out of {}?", registry.address()),
                yes: "sign out",
                then: Confirmed::Effect(Effect::SignOut(registry)),
            }));
        }
        (_, Some('b')) => {
            lobby::enter(state, registry, out);
            return state.overlay.take();
        }
        (_, Some('f')) => return forgot(state, known.username, registry),
        _ => {
            overlays::step(selected, chord, last);
        }
    }
    None
}

fn forgot(state: &State, username: Option<String>, registry: RegistryUrl) -> Option<Overlay> {
    let username = username.or_else(|| state.me.as_ref().map(|me| me.name.clone()))?;
    let at = registry.address().clone();
    Some(Overlay::Confirm(Confirm {
        question: format!("Ask {at} for a mail in which {username} can set a new password?"),
        yes: "ask",
        then: Confirmed::Effect(Effect::Account {
            registry,
            action: AccountAction::ForgotPassword { username },
        }),
    }))
}

/// A key in the account: gives what lies over the view then.
pub(super) fn account_key(
    state: &State,
    registry: &RegistryUrl,
    chord: Chord,
    out: &mut Effects,
) -> Option<Overlay> {
    let account = state.account_at(registry)?;
    let registry = registry.clone();
    let form = match chord.typed()? {
        'p' => Form::password(registry),
        'e' => Form::email(
            registry,
            account.email.as_ref().map_or("", |email| email.as_str()),
        ),
        'c' => Form::card(registry, account),
        'd' => Form::delete(registry),
        'v' => {
            let other = match account.visibility {
                Visibility::Listed => Visibility::Contacts,
                Visibility::Contacts => Visibility::Listed,
            };
            out.push(Effect::Account {
                registry,
                action: AccountAction::ChangeVisibility(other),
            });
            return None;
        }
        _ => return None,
    };
    Some(Overlay::Form(form))
}

/// What came of asking about an account.
pub(super) fn answered(
    state: &mut State,
    registry: RegistryUrl,
    result: Result<AccountAnswer, Error>,
    out: &mut Effects,
) {
    let in_form = matches!(state.overlay, Some(Overlay::Form(_)));
    match result {
        Ok(AccountAnswer::Account(info)) => {
            state.account = Some((registry.clone(), info));
            if in_form {
                state.overlay = Some(Overlay::Account(registry));
            }
        }
        Ok(AccountAnswer::Said(text)) => {
            state.info(text);
            if in_form {
                state.overlay = Some(Overlay::Registries { selected: 0 });
            }
            out.push(Effect::LoadSelf);
        }
        Err(error) => match &mut state.overlay {
            Some(Overlay::Form(form)) => form.refused(&error),
            _ => failed(state, "the account", &error),
        },
    }
}

/// Who is known at the registries, and which of them said nothing.
pub(super) fn directory(state: &mut State, found: &Directory) {
    let mut lines: Vec<String> = found
        .clients
        .iter()
        .map(|e| {
            let seen = match (e.online, e.last_seen) {
                (true, _) => "online".to_owned(),
                (false, Some(at)) => format!("{} ago", ago(at, state.now)),
                (false, None) => "offline".to_owned(),
            };
            let guest = if e.guest { " (guest)" } else { "" };
            let name = format!("{}{guest}", e.username);
            format!("{name:<24} {seen:<10} {}", e.registry.address())
        })
        .collect();
    if lines.is_empty() {
        lines.push("Nobody fits. /signin brings you into a registry.".to_owned());
    } else {
        lines.push(String::new());
        lines.push("/add NAME asks one of them.".to_owned());
    }
    for silent in &found.silent {
        let at = silent.registry.address();
        lines.push(format!("{at} said nothing: {}", silent.reason));
    }
    show(state, "PEOPLE AT THE REGISTRIES", lines);
}

impl State {
    /// Our account at a registry, if it was read.
    pub(crate) fn account_at(&self, registry: &RegistryUrl) -> Option<&AccountInfo> {
        let (of, info) = self.account.as_ref()?;
        (of == registry).then_some(&**info)
    }
}
