//! Guests: a free name without a password, gone when they leave.

use super::{
    Answer, Caller, Proven, Service, ServiceError,
    sessions::{Announced, created},
};
use crate::{
    attempts::{Kind, Subject},
    limits,
    store::{Change, NewAccount, StoreError},
};
use twocan_proto::api::{Host, KeyProof, Role, SessionGrant, Username, Visibility};

impl Service {
    /// `POST /sessions` with `guest`.
    pub(super) async fn sign_in_guest(
        &self,
        username: Username,
        announced: Announced,
        proof: Option<KeyProof>,
        caller: Caller,
    ) -> Answer<SessionGrant> {
        if !self.config.get().guests {
            return Err(ServiceError::Refused(
                "this registry takes no guests; register an account",
            ));
        }
        self.check_ban(&username, announced.key.as_ref())?;
        if let Some(member) = self.directory.member(&username) {
            // The same guest may come back before the name is free again.
            let key = member.place().key.filter(|key| announced.key == Some(*key));
            let is_same = key
                .zip(proof)
                .is_some_and(|(key, proof)| proof.holds(&key, &username, caller.now));
            if is_same && member.role() == Role::Guest {
                let hash = String::new();
                return self.open(Proven { member, hash }, announced, caller).await;
            }
            return Err(ServiceError::Taken(username));
        }
        if self.directory.guest_count() >= limits::GUESTS {
            return Err(ServiceError::Limited {
                reason: "there are too many guests",
                retry_after_s: limits::SWEEP_EVERY.as_secs(),
            });
        }
        let from = Subject::of_address(Kind::Guest, caller.address);
        self.take_turn(&[from], "too many guests from your address", caller)?;
        let host = announced.host.clone();
        let account = NewAccount {
            username: username.clone(),
            password_hash: String::new(),
            host: host.unwrap_or_else(|| Host::observed(None)),
            key: announced.key,
            email: None,
            phone: None,
            role: Role::Guest,
            visibility: Visibility::Listed,
            observed: caller.address,
            place: Subject::of_place(&username, caller.address),
            created_at: caller.now,
        };
        match self.store.change(Change::Register(account)).await {
            Err(StoreError::Taken) => return Err(ServiceError::Taken(username)),
            other => other?,
        }
        let member = self.directory.member(&username);
        let proven = Proven {
            member: member.ok_or(ServiceError::Unknown)?,
            hash: String::new(),
        };
        self.open(proven, announced, caller).await.map(created)
    }
}
