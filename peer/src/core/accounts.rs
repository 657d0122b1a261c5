//! Our accounts at registries: signing in, changing and deleting them.

use std::fmt::Display;
use std::str::FromStr;

use twocan_proto::api::{
    AccountChange, EmailChange, Joining, KeyProof, PasswordChange, SessionGrant, SessionRequest,
    Username, Visibility,
};
use twocan_proto::registry_url::RegistryUrl;

use super::command::answer;
use super::registries::RegistryReport;
use super::{Core, Reply, Report};
use crate::api::{
    AccountAction, AccountAnswer, Error, ErrorCode, RegistryState, Secret, SignIn, SignedIn,
};
use crate::clock;
use crate::registry::{Announcement, RegistryClient};
use crate::store::settings::{self, SavedRegistry};

/// What a change of an account gives: what is told, and what becomes of the
/// session here.
#[derive(Debug)]
pub(crate) struct AccountChanged {
    answer: AccountAnswer,
    session: SessionAfter,
}

/// What becomes of the session.
#[derive(Debug)]
enum SessionAfter {
    Stays,
    /// This one takes its place.
    Replaced(Box<SessionGrant>),
    /// It went with the account.
    Gone,
}

impl AccountChanged {
    fn told(answer: AccountAnswer) -> Self {
        Self {
            answer,
            session: SessionAfter::Stays,
        }
    }
}

impl Core {
    pub(super) fn sign_in(&mut self, sign_in: SignIn, reply: Reply<SignedIn>) {
        let registry = sign_in.registry.clone();
        let visibility = sign_in.visibility;
        let announcement = self.announcement(&registry);
        let request = match self.session_request(sign_in, announcement) {
            Ok(request) => request,
            Err(error) => return answer(reply, Err(error)),
        };
        let client = match self.registries.client(&registry) {
            Ok(client) => client.without_token(),
            Err(error) => return answer(reply, Err(error)),
        };
        self.begin_sign_in(&registry);
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = client.sign_in(&request).await;
            if let (Ok(grant), Some(visibility)) = (&result, visibility) {
                choose_visibility(&client, grant, visibility).await;
            }
            let report = RegistryReport::SignedIn {
                registry,
                result,
                reply,
            };
            let _ended = reports.send(Report::Registry(report)).await;
        });
    }

    fn session_request(
        &self,
        sign_in: SignIn,
        announcement: Announcement,
    ) -> Result<SessionRequest, Error> {
        let username: Username = parsed("", sign_in.username.trim())?;
        let joining = Joining {
            email: optional("email", sign_in.email.as_deref())?,
            phone: optional("phone", sign_in.phone.as_deref())?,
            code: sign_in.code.map(|code| Secret::new(code.trim().to_owned())),
            visibility: sign_in.visibility.unwrap_or_default(),
        };
        Ok(SessionRequest {
            proof: Some(KeyProof::make(
                &self.profile.identity,
                &username,
                clock::now(),
            )),
            username,
            password: (!sign_in.guest).then(|| Secret::new(sign_in.password)),
            host: Some(announcement.host),
            key: Some(announcement.key),
            register: sign_in.register && !sign_in.guest,
            guest: sign_in.guest,
            joining,
        })
    }

    pub(super) async fn on_signed_in(
        &mut self,
        url: RegistryUrl,
        result: Result<SessionGrant, Error>,
    ) -> Result<SignedIn, Error> {
        let grant = match result {
            Ok(grant) => grant,
            Err(error) => {
                let state = match error.code {
                    ErrorCode::Unreachable => RegistryState::Unreachable,
                    ErrorCode::Outdated => RegistryState::Outdated,
                    ErrorCode::Banned => RegistryState::Banned,
                    _ => RegistryState::Refused,
                };
                // A session of before goes on; only the new sign-in failed.
                if !self.registries.has_session(&url) {
                    self.set_registry_state(&url, state, Some(error.message.clone()));
                }
                return Err(error);
            }
        };
        let signed_in = SignedIn {
            username: grant.username.as_str().to_owned(),
            created: grant.created,
            role: grant.role,
        };
        self.take_session(&url, grant).await?;
        Ok(signed_in)
    }

    /// Keeps a session for the next start, and begins it.
    async fn take_session(&mut self, url: &RegistryUrl, grant: SessionGrant) -> Result<(), Error> {
        let saved = SavedRegistry {
            url: url.clone(),
            username: Some(grant.username.as_str().to_owned()),
            session: serde_json::to_value(&grant.token).ok(),
        };
        self.store
            .run(move |db| settings::save_registry(db, &saved))
            .await?;
        self.registries.set_username(url, grant.username.clone());
        self.set_registry_state(url, RegistryState::SignedIn, None);
        self.start_session(url, grant.token.clone(), Some(grant));
        Ok(())
    }

    pub(super) fn account(
        &mut self,
        registry: RegistryUrl,
        action: AccountAction,
        reply: Reply<AccountAnswer>,
    ) {
        let is_open_to_all = matches!(action, AccountAction::ForgotPassword { .. });
        let username = self.registries.username(&registry);
        let username = match (username, is_open_to_all) {
            (Some(username), _) => Some(username),
            (None, true) => None,
            (None, false) => {
                let text = "you are not signed in there: sign in first";
                return answer(reply, Err(Error::new(ErrorCode::NotFound, text)));
            }
        };
        let client = match self.registries.client(&registry) {
            Ok(client) => client,
            Err(error) => return answer(reply, Err(error)),
        };
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let result = perform(&client, username, action).await;
            let report = RegistryReport::Account {
                registry,
                result: Box::new(result),
                reply,
            };
            let _ended = reports.send(Report::Registry(report)).await;
        });
    }

    pub(super) async fn on_account_changed(
        &mut self,
        url: &RegistryUrl,
        result: Result<AccountChanged, Error>,
    ) -> Result<AccountAnswer, Error> {
        let changed = result?;
        match changed.session {
            SessionAfter::Stays => {}
            SessionAfter::Replaced(grant) => self.take_session(url, *grant).await?,
            SessionAfter::Gone => {
                self.forget_session(url, None).await?;
                let reason = "the account was deleted".to_owned();
                self.set_registry_state(url, RegistryState::SignedOut, Some(reason));
            }
        }
        Ok(changed.answer)
    }
}

/// A choice made with a sign-in holds for an account that was there before,
/// too.
async fn choose_visibility(client: &RegistryClient, grant: &SessionGrant, choice: Visibility) {
    if grant.created {
        return;
    }
    let change = AccountChange {
        visibility: Some(choice),
        profile: None,
    };
    let signed_in = client.with_token(grant.token.clone());
    if let Err(error) = signed_in.change_account(&change).await {
        tracing::warn!(code = %error.code, "the visibility of an account was not changed");
    }
}

async fn perform(
    client: &RegistryClient,
    username: Option<Username>,
    action: AccountAction,
) -> Result<AccountChanged, Error> {
    let info = match action {
        AccountAction::Show => client.account().await?,
        AccountAction::ChangePassword {
            password,
            new_password,
        } => {
            let change = PasswordChange {
                password,
                new_password,
            };
            let grant = client.change_password(&change).await?;
            let text = "the password is changed, and every other session has ended";
            return Ok(AccountChanged {
                answer: AccountAnswer::Said(text.to_owned()),
                session: SessionAfter::Replaced(Box::new(grant)),
            });
        }
        AccountAction::ChangeEmail {
            password,
            email,
            code,
        } => {
            let change = EmailChange {
                password,
                email: optional("email", email.as_deref())?,
                code,
            };
            client.change_email(&change).await?
        }
        AccountAction::ChangeVisibility(visibility) => {
            let change = AccountChange {
                visibility: Some(visibility),
                profile: None,
            };
            client.change_account(&change).await?
        }
        AccountAction::ChangeProfile(profile) => {
            let profile = profile.checked().map_err(|error| bad("profile", error))?;
            let change = AccountChange {
                visibility: None,
                profile: Some(profile),
            };
            client.change_account(&change).await?
        }
        AccountAction::Delete { password } => {
            let Some(username) = username else {
                return Err(Error::stopped());
            };
            client.delete_account(&username, password.as_ref()).await?;
            let text = format!("the account {} is gone", username.as_str());
            return Ok(AccountChanged {
                answer: AccountAnswer::Said(text),
                session: SessionAfter::Gone,
            });
        }
        AccountAction::ForgotPassword { username } => {
            let said = client.forgot_password(parsed("", username.trim())?).await?;
            return Ok(AccountChanged::told(AccountAnswer::Said(said)));
        }
    };
    Ok(AccountChanged::told(AccountAnswer::Account(Box::new(info))))
}

fn bad(field: &str, problem: impl Display) -> Error {
    let text = format!("{field} {problem}");
    Error::new(ErrorCode::BadRequest, text.trim_start())
}

fn parsed<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error| bad(field, error))
}

/// Nothing but blanks is nothing.
fn optional<T: FromStr<Err: Display>>(field: &str, text: Option<&str>) -> Result<Option<T>, Error> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| parsed(field, text)).transpose()
}
