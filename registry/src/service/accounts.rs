//! Accounts: made, shown to their owner, changed and deleted.

use super::{
    Answer, Caller, Proof, Proven, Service, ServiceError, recovery::address_of, sessions::Announced,
};
use crate::{
    attempts::{Kind, Subject},
    codes::CodeId,
    directory::{Member, Session},
    now,
    outbox::Notice,
    store::{Change, NewAccount, StoreError},
};
use std::sync::Arc;
use twocan_proto::api::{
    AccountChange, AccountInfo, ClientInfo, EmailChange, PasswordChange, RegisterRequest, Role,
    Secret, SessionGrant, Username, Visibility,
};

impl Service {
    /// `POST /register`
    pub(crate) async fn register(
        &self,
        request: RegisterRequest,
        caller: Caller,
    ) -> Answer<ClientInfo> {
        let proven = self.make_account(request, caller).await?;
        Ok(proven.member.info(now()))
    }

    pub(super) async fn make_account(
        &self,
        request: RegisterRequest,
        caller: Caller,
    ) -> Answer<Proven> {
        let RegisterRequest {
            username,
            password,
            host,
            key,
            joining,
        } = request;
        if !self.config.get().registration_open {
            return Err(ServiceError::Closed);
        }
        self.check_new_password("password", &password)?;
        self.check_ban(&username, key.as_ref())?;
        if joining.visibility == Visibility::Contacts && key.is_none() {
            return Err(nobody_would_find());
        }
        // Spares the work of bcrypt; the database decides.
        if self.directory.member(&username).is_some() {
            return Err(ServiceError::Taken(username));
        }
        let shown = self.prove_recipient(&username, &joining, caller)?;
        let from = Subject::of_address(Kind::Registration, caller.address);
        self.take_turn(&[from], "too many new accounts from your address", caller)?;
        let address = Some(caller.address);
        let hash = self.passwords.hash(password, address).await?;
        let account = NewAccount {
            username: username.clone(),
            password_hash: hash.clone(),
            host,
            key,
            email: joining.email,
            phone: joining.phone,
            role: Role::User,
            visibility: joining.visibility,
            observed: caller.address,
            place: Subject::of_place(&username, caller.address),
            created_at: now(),
        };
        match self.store.change(Change::Register(account)).await {
            Err(StoreError::Taken) => return Err(ServiceError::Taken(username)),
            other => other?,
        }
        self.spend_code(shown);
        let member = self.directory.member(&username);
        Ok(Proven {
            member: member.ok_or(ServiceError::Unknown)?,
            hash,
        })
    }

    fn spend_code(&self, shown: Option<CodeId>) {
        if let Some(id) = shown {
            self.codes.spend(id);
        }
    }

    /// `DELETE /clients/{username}`
    pub(crate) async fn delete(
        &self,
        username: &Username,
        proof: Proof,
        caller: Caller,
    ) -> Answer<()> {
        let member = match proof {
            Proof::Token(token) => {
                let session = self.session(&token)?;
                if session.member.username.folded() != username.folded() {
                    return Err(ServiceError::NotYours);
                }
                Arc::clone(&session.member)
            }
            Proof::Password(password) => {
                let proven = self.prove_password(username, password, None, caller).await;
                proven
                    .map_err(|error| self.as_found(error, username))?
                    .member
            }
            Proof::None => return Err(ServiceError::NoProof),
        };
        let username = member.username.clone();
        Ok(self
            .store
            .change(Change::Delete {
                username,
                account: member.id,
            })
            .await?)
    }

    /// Who may read the directory may know that a name is free. One that is seen
    /// by contacts alone must look like it.
    fn as_found(&self, error: ServiceError, username: &Username) -> ServiceError {
        let is_found = self.directory.find(username, None).is_some();
        match error {
            ServiceError::WrongPassword if self.config.get().directory_open && !is_found => {
                ServiceError::Unknown
            }
            other => other,
        }
    }

    /// `GET /account`
    pub(crate) fn account(&self, token: &Secret) -> Answer<AccountInfo> {
        Ok(account_info(&self.session(token)?.member))
    }

    /// `PATCH /account`
    pub(crate) async fn change_account(
        &self,
        token: &Secret,
        change: AccountChange,
    ) -> Answer<AccountInfo> {
        let member = Arc::clone(&self.session(token)?.member);
        let (visibility, profile, key) = {
            let place = member.place();
            let card = place.card.as_ref();
            let profile = card.map(|card| card.profile.clone());
            (place.visibility, profile.unwrap_or_default(), place.key)
        };
        let visibility = change.visibility.unwrap_or(visibility);
        if visibility == Visibility::Contacts && key.is_none() {
            return Err(nobody_would_find());
        }
        let change = Change::Describe {
            member: Arc::clone(&member),
            visibility,
            profile: change.profile.unwrap_or(profile),
        };
        self.store.change(change).await?;
        Ok(account_info(&member))
    }

    /// `PUT /account/password`: every session ends, and one opens anew.
    pub(crate) async fn change_password(
        &self,
        token: &Secret,
        change: PasswordChange,
        caller: Caller,
    ) -> Answer<SessionGrant> {
        let session = self.session(token)?;
        let PasswordChange {
            password,
            new_password,
        } = change;
        self.check_new_password("new_password", &new_password)?;
        let member = self.prove_owner(&session, password, caller).await?;
        let address = Some(caller.address);
        let hash = self.passwords.hash(new_password, address).await?;
        let change = Change::Password {
            member: Arc::clone(&member),
            hash: hash.clone(),
            link: None,
            now: now(),
        };
        self.store.change(change).await?;
        self.tell_owner(address_of(&member), Notice::PasswordChanged);
        let announced = Announced {
            host: None,
            key: session.identity,
        };
        self.open(Proven { member, hash }, announced, caller).await
    }

    /// `PUT /account/email`
    pub(crate) async fn change_email(
        &self,
        token: &Secret,
        change: EmailChange,
        caller: Caller,
    ) -> Answer<AccountInfo> {
        let session = self.session(token)?;
        let EmailChange {
            password,
            email,
            code,
        } = change;
        let member = self.prove_owner(&session, password, caller).await?;
        let shown = match &email {
            Some(email) => self.prove_email(&member.username, email, code.as_ref(), caller)?,
            None => None,
        };
        let before = address_of(&member);
        let change = Change::Email {
            member: Arc::clone(&member),
            email,
        };
        self.store.change(change).await?;
        self.spend_code(shown);
        // To the old address, whose owner may not have asked for it.
        self.tell_owner(before, Notice::EmailChanged);
        Ok(account_info(&member))
    }

    /// The account of a session whose owner shows the password once more.
    async fn prove_owner(
        &self,
        session: &Session,
        password: Secret,
        caller: Caller,
    ) -> Answer<Arc<Member>> {
        if session.member.role() == Role::Guest {
            return Err(ServiceError::Refused(
                "a guest has no password; register an account",
            ));
        }
        let username = &session.member.username;
        let proven = self
            .prove_password(username, password, None, caller)
            .await?;
        // The name may be another account's by now.
        if proven.member.id == session.member.id {
            Ok(proven.member)
        } else {
            Err(ServiceError::NoSession)
        }
    }
}

fn nobody_would_find() -> ServiceError {
    ServiceError::BadField {
        field: "visibility",
        problem: "contacts needs a key, by which contacts find the account".to_owned(),
    }
}

fn account_info(member: &Member) -> AccountInfo {
    let (email, phone) = {
        let owner = member.owner();
        (owner.email.clone(), owner.phone.clone())
    };
    let place = member.place();
    let card = place.card.as_ref();
    AccountInfo {
        username: member.username.clone(),
        role: place.role,
        visibility: place.visibility,
        email,
        phone,
        key: place.key,
        profile: card.map(|card| card.profile.clone()).unwrap_or_default(),
        created_at: member.created_at,
    }
}
