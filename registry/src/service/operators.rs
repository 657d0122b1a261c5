//! What operators do to accounts, without their owners.

use super::{Answer, Service, ServiceError, random};
use crate::{
    attempts::{Kind, Strikes, Subject},
    directory::Member,
    now,
    store::{Change, NewAccount, StoreError},
};
use data_encoding::BASE32_NOPAD;
use std::{net::Ipv4Addr, sync::Arc};
use twocan_proto::api::{Host, Role, Secret, Username, Visibility};

/// Bytes of random in a password that is made for somebody: 80 bits, which is 16
/// characters to type.
const MADE_BYTES: usize = 10;

/// A password for somebody who will change it.
pub(crate) fn new_password() -> Answer<Secret> {
    let bytes: [u8; MADE_BYTES] = random()?;
    Ok(Secret::new(
        BASE32_NOPAD.encode(&bytes).to_ascii_lowercase(),
    ))
}

impl Service {
    /// Makes an account, even where nobody may register.
    pub(crate) async fn create_account(
        &self,
        username: Username,
        password: Secret,
        role: Role,
    ) -> Answer<()> {
        if self.directory.member(&username).is_some() {
            return Err(ServiceError::Taken(username));
        }
        let nowhere = Ipv4Addr::UNSPECIFIED.into();
        let account = NewAccount {
            username: username.clone(),
            password_hash: self.passwords.hash(password, None).await?,
            host: Host::observed(None),
            key: None,
            email: None,
            phone: None,
            role,
            visibility: Visibility::Listed,
            observed: nowhere,
            place: Subject::of_place(&username, nowhere),
            created_at: now(),
        };
        match self.store.change(Change::Register(account)).await {
            Err(StoreError::Taken) => Err(ServiceError::Taken(username)),
            other => Ok(other?),
        }
    }

    /// Sets a password, ends all sessions, and forgives what was guessed.
    pub(crate) async fn set_password_of(
        &self,
        member: &Arc<Member>,
        password: Secret,
    ) -> Answer<()> {
        let change = Change::Password {
            member: Arc::clone(member),
            hash: self.passwords.hash(password, None).await?,
            link: None,
            now: now(),
        };
        self.store.change(change).await?;
        let name = Subject::of_name(Kind::Name, &member.username);
        let forgiven = self.attempts.forgive(name);
        self.keep(forgiven.into_iter().collect::<Vec<Strikes>>());
        Ok(())
    }
}
