//! Our own account at a registry.

use reqwest::Method;
use serde::Serialize;
use twocan_proto::api::{
    AccountChange, AccountInfo, EmailChange, PasswordChange, ResetAnswer, ResetRequest, Secret,
    SessionGrant, Username,
};
use twocan_proto::text;

use super::RegistryClient;
use crate::api::Error;

const ACCOUNT: &str = "/account";

/// Body of `DELETE /clients/{username}`.
#[derive(Serialize)]
struct Deletion<'a> {
    password: &'a Secret,
}

impl RegistryClient {
    /// The account of this client's session.
    pub(crate) async fn account(&self) -> Result<AccountInfo, Error> {
        let info = self.ask::<(), _>(Method::GET, ACCOUNT, None).await?;
        Ok(safe(info))
    }

    /// Changes what needs no password.
    pub(crate) async fn change_account(
        &self,
        change: &AccountChange,
    ) -> Result<AccountInfo, Error> {
        let info = self.ask(Method::PATCH, ACCOUNT, Some(change)).await?;
        Ok(safe(info))
    }

    /// Changes the password; every session ends but the one that this gives.
    pub(crate) async fn change_password(
        &self,
        change: &PasswordChange,
    ) -> Result<SessionGrant, Error> {
        self.ask(Method::PUT, "/account/password", Some(change))
            .await
    }

    /// Changes the e-mail address.
    pub(crate) async fn change_email(&self, change: &EmailChange) -> Result<AccountInfo, Error> {
        let info = self
            .ask(Method::PUT, "/account/email", Some(change))
            .await?;
        Ok(safe(info))
    }

    /// Deletes the account, by its password or by this client's session.
    pub(crate) async fn delete_account(
        &self,
        username: &Username,
        password: Option<&Secret>,
    ) -> Result<(), Error> {
        let body = password.map(|password| Deletion { password });
        let path = format!("/clients/{}", username.as_str());
        let request = self.request(Method::DELETE, &path, body.as_ref());
        self.send(request).await.map(drop)
    }

    /// Asks for a mail with a link; gives what the registry says, which is
    /// the same for every name.
    pub(crate) async fn forgot_password(&self, username: Username) -> Result<String, Error> {
        let request = ResetRequest { username };
        let answer: ResetAnswer = self
            .ask(Method::POST, "/password-reset", Some(&request))
            .await?;
        Ok(text::line(&answer.message))
    }
}

/// An honest registry keeps no other texts; this one may be another.
fn safe(info: AccountInfo) -> AccountInfo {
    AccountInfo {
        profile: info.profile.checked().unwrap_or_default(),
        ..info
    }
}
