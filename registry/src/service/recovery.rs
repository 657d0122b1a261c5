//! What goes through the owner's mailbox or telephone: one-time codes, links for
//! a new password, and notices that something was changed.

use super::{Answer, Caller, Service, ServiceError, limited, new_token, random, token_hash};
use crate::{
    attempts::{Kind, Strikes, Subject},
    codes::{CodeError, CodeId},
    config::CodeBy,
    directory::{Member, Reset},
    later, now,
    outbox::{Delivery, Letter, Notice},
    store::{Change, StoreError},
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use twocan_proto::api::{Email, Joining, Secret, Username};

/// Where a one-time code goes.
enum Recipient<'a> {
    Mail(&'a Email),
    Phone(&'a twocan_proto::api::Phone),
}

impl Recipient<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Mail(email) => email.as_str(),
            Self::Phone(phone) => phone.as_str(),
        }
    }
}

impl Service {
    /// Lets a registration through that shows the code which was sent for it, and
    /// sends one to who shows none; the code is still to be spent.
    pub(super) fn prove_recipient(
        &self,
        username: &Username,
        joining: &Joining,
        caller: Caller,
    ) -> Answer<Option<CodeId>> {
        let missing = |field| ServiceError::BadField {
            field,
            problem: "is missing: this registry sends a code there".to_owned(),
        };
        let recipient = match self.config.get().outside.code_by {
            CodeBy::None => return Ok(None),
            CodeBy::Mail => joining
                .email
                .as_ref()
                .map(Recipient::Mail)
                .ok_or_else(|| missing("email")),
            CodeBy::Gateway => joining
                .phone
                .as_ref()
                .map(Recipient::Phone)
                .ok_or_else(|| missing("phone")),
        }?;
        self.prove_code(username, &recipient, joining.code.as_ref(), caller)
    }

    /// The same for a changed address, where codes go by mail.
    pub(super) fn prove_email(
        &self,
        username: &Username,
        email: &Email,
        code: Option<&Secret>,
        caller: Caller,
    ) -> Answer<Option<CodeId>> {
        if self.config.get().outside.code_by != CodeBy::Mail {
            return Ok(None);
        }
        self.prove_code(username, &Recipient::Mail(email), code, caller)
    }

    fn prove_code(
        &self,
        username: &Username,
        recipient: &Recipient<'_>,
        code: Option<&Secret>,
        caller: Caller,
    ) -> Answer<Option<CodeId>> {
        let id = CodeId::new(username, recipient.as_str());
        let Some(code) = code else {
            self.send_code(id, recipient, caller)?;
            let minutes = self.config.get().outside.code_life.as_secs() / 60;
            return Err(ServiceError::NeedsCode(format!(
                "a code was sent to you; repeat the request with it as code within {minutes} minutes"
            )));
        };
        match self.codes.check(id, code, caller.now) {
            Ok(()) => Ok(Some(id)),
            Err(CodeError::Wrong { left }) => Err(ServiceError::NeedsCode(format!(
                "the code is wrong; it may be tried {left} times more"
            ))),
            Err(CodeError::None) => Err(ServiceError::NeedsCode(
                "the code is not valid any more; repeat the request without code for another"
                    .to_owned(),
            )),
        }
    }

    fn send_code(&self, id: CodeId, recipient: &Recipient<'_>, caller: Caller) -> Answer<()> {
        let subjects = [
            Subject::of_text(Kind::Code, &recipient.as_str().to_lowercase()),
            Subject::of_address(Kind::CodeAddress, caller.address),
        ];
        self.take_turn(&subjects, "a code was sent to you not long ago", caller)?;
        let code = new_code()?;
        let life = self.config.get().outside.code_life;
        let expires_at = later(caller.now, millis(life));
        if !self.codes.put(id, &code, expires_at, caller.now) {
            return Err(busy());
        }
        let delivery = match *recipient {
            Recipient::Mail(email) => Delivery::Letter(email.clone(), Letter::Code { code, life }),
            Recipient::Phone(phone) => Delivery::Code {
                to: phone.clone(),
                code,
                life,
            },
        };
        self.outbox.send(delivery).map_err(|_| busy())
    }

    /// `POST /password-reset`: the work is done after the answer, so that neither
    /// its text nor its time says whether there is such an account.
    pub(crate) fn forgotten(&self, username: Username, caller: Caller) -> Answer<()> {
        if self.mailer.is_none() {
            return Err(ServiceError::Refused(
                "this registry sends no mail; ask its operator for a new password",
            ));
        }
        let subjects = [
            Subject::of_name(Kind::ResetName, &username),
            Subject::of_address(Kind::ResetAddress, caller.address),
        ];
        let reason = "too many mails were asked for; look for one that came already";
        self.take_turn(&subjects, reason, caller)?;
        let delivery = Delivery::Forgotten(username);
        self.outbox.send(delivery).map_err(|_| busy())
    }

    /// Makes a link for a new password, if there is somebody to send it to.
    pub(super) async fn make_link(&self, username: &Username) -> Option<(Email, Letter)> {
        let member = self.directory.member(username)?;
        let email = member.owner().email.clone()?;
        let token = new_token().ok()?;
        let life = self.config.get().outside.reset_life;
        let reset = Reset {
            member: Arc::clone(&member),
            expires_at: later(now(), millis(life)),
        };
        let change = Change::Link {
            token: token_hash(&token),
            reset,
        };
        if let Err(error) = self.store.change(change).await {
            tracing::warn!(%error, "a link for a new password could not be kept");
            return None;
        }
        let link = format!("{}/reset?token={}", self.base_url, token.expose());
        let letter = Letter::Link {
            username: member.username.clone(),
            link: Secret::new(link),
            life,
        };
        Some((email, letter))
    }

    /// Whose password a link sets, while it is good.
    pub(crate) fn link_owner(&self, token: &Secret) -> Option<Username> {
        let member = self.directory.reset(&token_hash(token), now());
        member.map(|member| member.username.clone())
    }

    /// Sets a password by a link, once.
    pub(crate) async fn set_password(
        &self,
        token: &Secret,
        password: Secret,
        from: IpAddr,
    ) -> Answer<()> {
        let link = token_hash(token);
        let member = self.directory.reset(&link, now());
        let member = member.ok_or(ServiceError::Unknown)?;
        self.check_new_password("password", &password)?;
        let hash = self.passwords.hash(password, Some(from)).await?;
        let change = Change::Password {
            member: Arc::clone(&member),
            hash,
            link: Some(link),
            now: now(),
        };
        match self.store.change(change).await {
            Err(StoreError::Gone) => return Err(ServiceError::Unknown),
            other => other?,
        }
        // Whoever guessed at the old password must not keep the owner waiting.
        let name = Subject::of_name(Kind::Name, &member.username);
        self.keep(
            self.attempts
                .forgive(name)
                .into_iter()
                .collect::<Vec<Strikes>>(),
        );
        self.tell_owner(address_of(&member), Notice::PasswordChanged);
        Ok(())
    }

    /// Tells an owner by mail that something was changed, where there is a way.
    pub(super) fn tell_owner(&self, (username, email): OwnerAddress, notice: Notice) {
        let Some(email) = email.filter(|_| self.mailer.is_some()) else {
            return;
        };
        let letter = Letter::Notice { username, notice };
        if self.outbox.send(Delivery::Letter(email, letter)).is_err() {
            tracing::warn!("the outbox is full: a notice was not sent");
        }
    }
}

/// An account's name, and where its owner gets mail now.
pub(super) type OwnerAddress = (Username, Option<Email>);

pub(super) fn address_of(member: &Member) -> OwnerAddress {
    (member.username.clone(), member.owner().email.clone())
}

fn millis(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX)
}

fn busy() -> ServiceError {
    limited(
        "too many messages are waiting to be sent",
        Duration::from_secs(60),
    )
}

/// Six digits, each as likely as the other.
fn new_code() -> Answer<Secret> {
    loop {
        let number = u32::from_be_bytes(random()?);
        // The largest multiple of a million that fits, so that none is favoured.
        if number < 4_294_000_000 {
            return Ok(Secret::new(format!("{:06}", number % 1_000_000)));
        }
    }
}
