//! Verbs about registries and the accounts there.

use serde_json::{Value, json};
use twocan_peer::Engine;
use twocan_peer::api::{
    self, AccountAction, AccountAnswer, DirectoryQuery, Error, LobbyAsk, PublicProfile, Secret,
};
use twocan_proto::registry_url::RegistryUrl;

use super::desk::{PAGE, fields};
use super::requests::{Account, Clients, Code, Lobby, SignIn};

pub(super) fn sign_in(wanted: SignIn) -> api::SignIn {
    api::SignIn {
        register: wanted.register,
        guest: wanted.guest,
        visibility: wanted.visibility,
        email: wanted.email,
        phone: wanted.phone,
        code: wanted.code.map(Code::into_text),
        ..api::SignIn::new(wanted.registry, wanted.username, wanted.password)
    }
}

pub(super) fn directory(wanted: Clients) -> DirectoryQuery {
    DirectoryQuery {
        registry: wanted.registry,
        prefix: wanted.prefix,
        online: wanted.online,
        limit: wanted.limit.unwrap_or(PAGE),
        after: wanted.after,
    }
}

/// The account as it stands, or what the registry says when there is none to
/// show.
pub(super) async fn account(engine: &Engine, wanted: Account) -> Result<Value, Error> {
    let (registry, action) = account_action(wanted);
    match engine.account(registry, action).await? {
        AccountAnswer::Account(info) => fields(&info),
        AccountAnswer::Said(message) => fields(&json!({"message": message})),
    }
}

fn account_action(wanted: Account) -> (RegistryUrl, AccountAction) {
    match wanted {
        Account::Show { registry } => (registry, AccountAction::Show),
        Account::ChangePassword {
            registry,
            password,
            new_password,
        } => (
            registry,
            AccountAction::ChangePassword {
                password,
                new_password,
            },
        ),
        Account::ChangeEmail {
            registry,
            password,
            email,
            code,
        } => (
            registry,
            AccountAction::ChangeEmail {
                password,
                email,
                code: code.map(|code| Secret::new(code.into_text())),
            },
        ),
        Account::ChangeVisibility {
            registry,
            visibility,
        } => (registry, AccountAction::ChangeVisibility(visibility)),
        Account::ChangeProfile {
            registry,
            display_name,
            status,
            fields,
        } => (
            registry,
            AccountAction::ChangeProfile(PublicProfile {
                display_name,
                status,
                fields,
            }),
        ),
        Account::Delete { registry, password } => (registry, AccountAction::Delete { password }),
        Account::ForgotPassword { registry, username } => {
            (registry, AccountAction::ForgotPassword { username })
        }
    }
}

/// Who is there, for those actions that ask for it.
pub(super) async fn lobby(engine: &Engine, wanted: Lobby) -> Result<Value, Error> {
    let (registry, ask) = match wanted {
        Lobby::Join { registry } => (registry, LobbyAsk::Join),
        Lobby::Leave { registry } => (registry, LobbyAsk::Leave),
        Lobby::Say { registry, text } => (registry, LobbyAsk::Say { text }),
        Lobby::Typing { registry } => (registry, LobbyAsk::Typing),
        Lobby::Who { registry, after } => (registry, LobbyAsk::Who { after }),
        Lobby::Mute {
            registry,
            user,
            seconds,
        } => (registry, LobbyAsk::Mute { user, seconds }),
        Lobby::Kick {
            registry,
            user,
            reason,
        } => (registry, LobbyAsk::Kick { user, reason }),
    };
    let tells = matches!(ask, LobbyAsk::Join | LobbyAsk::Who { .. });
    let users = engine.lobby(registry, ask).await?;
    match tells {
        true => fields(&json!({"users": users})),
        false => Ok(json!({})),
    }
}
