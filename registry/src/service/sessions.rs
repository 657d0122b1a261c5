//! Sessions: opened with a password, resumed with a token, ended.

use super::{Answer, Caller, Proven, Service, ServiceError, new_token, random, token_hash};
use crate::{
    attempts::Subject,
    directory::{Arrival, Member, Session, SessionRow},
    later, now,
    store::{Change, Opener, StoreError},
};
use data_encoding::BASE64URL_NOPAD;
use std::sync::Arc;
use twocan_proto::{
    api::{Host, RegisterRequest, ResumeRequest, Role, Secret, SessionGrant, SessionRequest},
    heartbeat::{HeartbeatKey, SessionId},
    identity::PeerId,
};

/// What a client says of itself when it comes.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    pub(super) host: Option<Host>,
    pub(super) key: Option<PeerId>,
}

/// How a session comes about.
pub(super) struct Opening {
    pub(super) token: Secret,
    pub(super) opener: Opener,
    pub(super) identity: Option<PeerId>,
    pub(super) end: Vec<SessionId>,
}

impl Service {
    /// `POST /sessions`
    pub(crate) async fn sign_in(
        &self,
        request: SessionRequest,
        caller: Caller,
    ) -> Answer<SessionGrant> {
        let SessionRequest {
            username,
            password,
            host,
            key,
            register,
            guest,
            proof,
            joining,
        } = request;
        let announced = Announced { host, key };
        if guest {
            return self.sign_in_guest(username, announced, proof, caller).await;
        }
        let password = password.ok_or_else(|| ServiceError::BadField {
            field: "password",
            problem: "is missing".to_owned(),
        })?;
        if register && self.directory.member(&username).is_none() {
            let host = announced.host.clone();
            let account = RegisterRequest {
                username: username.clone(),
                password: password.clone(),
                host: host.unwrap_or_else(|| Host::observed(None)),
                key,
                joining,
            };
            match self.make_account(account, caller).await {
                Ok(proven) => {
                    let announced = Announced { host: None, key };
                    return self.open(proven, announced, caller).await.map(created);
                }
                // Somebody was quicker: perhaps we were, on another connection.
                Err(ServiceError::Taken(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let proven = self.prove_password(&username, password, proof.as_ref(), caller);
        self.open(proven.await?, announced, caller).await
    }

    pub(super) async fn open(
        &self,
        Proven { member, hash }: Proven,
        announced: Announced,
        caller: Caller,
    ) -> Answer<SessionGrant> {
        let opening = Opening {
            token: new_token()?,
            opener: Opener::Password(hash),
            identity: announced.key,
            end: self.directory.surplus_sessions(member.id),
        };
        let opened = self.grant(member, opening, announced, caller).await;
        // The password was changed, or the account deleted, meanwhile.
        opened.map_err(|error| match error {
            ServiceError::Unknown => ServiceError::WrongPassword,
            other => other,
        })
    }

    /// `PUT /sessions/current`: the same token, a fresh session behind it.
    pub(crate) async fn resume(
        &self,
        token: Secret,
        request: ResumeRequest,
        caller: Caller,
    ) -> Answer<SessionGrant> {
        let session = self.session(&token)?;
        let member = Arc::clone(&session.member);
        let ResumeRequest { host, key } = request;
        // A token alone must not put another key in the place of the account's.
        let own = session.identity.or(member.place().key);
        if own.zip(key).is_some_and(|(own, named)| own != named) {
            return Err(ServiceError::OtherIdentity);
        }
        let opening = Opening {
            token,
            opener: Opener::Token,
            identity: key.or(session.identity),
            end: Vec::new(),
        };
        let resumed = self.grant(member, opening, Announced { host, key }, caller);
        resumed.await.map_err(|error| match error {
            ServiceError::Unknown => ServiceError::NoSession,
            other => other,
        })
    }

    async fn grant(
        &self,
        member: Arc<Member>,
        opening: Opening,
        announced: Announced,
        caller: Caller,
    ) -> Answer<SessionGrant> {
        let identity = opening.identity;
        let key = identity.or(announced.key);
        self.check_ban(&member.username, key.as_ref())?;
        if let Some(identity) = identity
            && !self.directory.claim(&member, identity, now())
        {
            return Err(ServiceError::Elsewhere);
        }
        let granted = self
            .write_session(&member, opening, announced, caller)
            .await;
        if let (Some(identity), Err(_)) = (identity, &granted) {
            member.release(identity);
        }
        granted
    }

    async fn write_session(
        &self,
        member: &Arc<Member>,
        opening: Opening,
        announced: Announced,
        caller: Caller,
    ) -> Answer<SessionGrant> {
        let now = now();
        let Opening {
            token,
            opener,
            identity,
            end,
        } = opening;
        let row = SessionRow {
            id: SessionId(random()?),
            account: member.id,
            token: token_hash(&token),
            key: HeartbeatKey::new(random()?),
            expires_at: later(now, self.config.get().session_ms),
            identity,
        };
        let arrival = {
            let place = member.place();
            let host = announced.host.unwrap_or_else(|| place.host.clone());
            Arrival {
                host,
                key: announced.key.or(place.key),
                from: caller.address,
                place: Subject::of_place(&member.username, caller.address),
                now,
            }
        };
        let grant = SessionGrant {
            username: member.username.clone(),
            token,
            session_id: row.id.to_hex(),
            heartbeat_key: Secret::new(BASE64URL_NOPAD.encode(row.key.expose())),
            heartbeat_port: self.udp_port,
            heartbeat_ms: self.config.get().heartbeat_ms,
            server_time: now,
            expires_at: row.expires_at,
            created: false,
            role: member.role(),
        };
        self.store
            .change(Change::Open {
                member: Arc::clone(member),
                row,
                arrival,
                opener,
                end,
            })
            .await?;
        Ok(grant)
    }

    /// The session that a token opens.
    pub(crate) fn session(&self, token: &Secret) -> Answer<Arc<Session>> {
        let session = self.directory.session(&token_hash(token), now());
        let session = session.ok_or(ServiceError::NoSession)?;
        self.check_ban(&session.member.username, session.identity.as_ref())?;
        Ok(session)
    }

    /// `DELETE /sessions`; a guest leaves nothing behind.
    pub(crate) async fn sign_out(&self, token: &Secret) -> Answer<()> {
        let session = self.session(token)?;
        if session.member.role() == Role::Guest {
            return self.remove(&session.member).await;
        }
        Ok(self.store.change(Change::Close(session.id)).await?)
    }

    /// `DELETE /sessions/current/presence`: offline at once, and the name free
    /// for another identity; the token stays good.
    pub(crate) fn leave(&self, token: &Secret) -> Answer<()> {
        self.directory.leave(&*self.session(token)?);
        Ok(())
    }

    /// Takes an account out, with everything that it left.
    pub(super) async fn remove(&self, member: &Member) -> Answer<()> {
        let change = Change::Delete {
            username: member.username.clone(),
            account: member.id,
        };
        match self.store.change(change).await {
            // It has gone by itself.
            Err(StoreError::Gone) => Ok(()),
            other => Ok(other?),
        }
    }
}

pub(super) fn created(grant: SessionGrant) -> SessionGrant {
    SessionGrant {
        created: true,
        ..grant
    }
}
