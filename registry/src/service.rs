//! What the registry does for its clients, with no HTTP in it: each method is
//! one request, and its error says whose fault it was.

use crate::{
    attempts::Attempts,
    bans::Ban,
    directory::{Arrival, Directory, Member, Selection, Session, SessionRow, TokenHash},
    later, limits,
    notices::Notices,
    now,
    passwords::{PasswordError, Passwords},
    settings::Live,
    store::{Change, NewAccount, Store, StoreError},
};
use data_encoding::BASE64URL_NOPAD;
use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use twocan_proto::{
    api::{
        ClientInfo, ClientList, Host, RegisterRequest, ResumeRequest, Secret, SessionGrant,
        SessionRequest, Username,
    },
    heartbeat::{HeartbeatKey, SessionId},
    identity::PeerId,
};

/// Why a request was not fulfilled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error("{field}: {problem}")]
    BadField {
        field: &'static str,
        problem: String,
    },
    #[error("the name {0} is taken; choose another")]
    Taken(Username),
    #[error("there is no client of that name")]
    Unknown,
    #[error("unknown name or wrong password")]
    WrongPassword,
    #[error("no valid session; sign in with POST /sessions and send its token")]
    NoSession,
    #[error("give the account's password in a JSON body, or a session's token")]
    NoProof,
    #[error("that account is not yours")]
    NotYours,
    #[error("this registry takes no new accounts; ask its operator for one")]
    Closed,
    #[error("{0}")]
    Banned(Arc<Ban>),
    #[error("{reason}; try again in {retry_after_s} s")]
    Limited {
        reason: &'static str,
        retry_after_s: u64,
    },
    #[error("the registry cannot write to its disk now; try again later")]
    Disk,
    #[error("the registry's disk is full; its operator has to make room")]
    DiskFull,
    #[error("the registry made a mistake; its log says more")]
    Internal,
}

/// How a request proves whose account it is about.
#[derive(Debug)]
pub(crate) enum Proof {
    Token(Secret),
    Password(Secret),
    None,
}

/// The registry behind its routes.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) config: Live,
    pub(crate) notices: Arc<Notices>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    /// Where heartbeats are taken.
    pub(crate) udp_port: u16,
}

type Answer<T> = Result<T, ServiceError>;

impl Service {
    /// `POST /register`
    pub(crate) async fn register(
        &self,
        request: RegisterRequest,
        from: IpAddr,
    ) -> Answer<ClientInfo> {
        let member = self.make_account(request, from).await?;
        Ok(member.info(now()))
    }

    async fn make_account(&self, request: RegisterRequest, from: IpAddr) -> Answer<Arc<Member>> {
        let RegisterRequest {
            username,
            password,
            host,
            key,
            email,
        } = request;
        if !self.config.get().registration_open {
            return Err(ServiceError::Closed);
        }
        self.check_new_password(&password)?;
        self.check_ban(&username, key.as_ref())?;
        // Spares the work of bcrypt; the database decides.
        if self.directory.member(&username).is_some() {
            return Err(ServiceError::Taken(username));
        }
        let password_hash = self.passwords.hash(password).await?;
        let account = NewAccount {
            username: username.clone(),
            password_hash,
            host,
            key,
            email,
            observed: from,
            created_at: now(),
        };
        match self.store.change(Change::Register(account)).await {
            Err(StoreError::Taken) => return Err(ServiceError::Taken(username)),
            other => other?,
        }
        self.directory
            .member(&username)
            .ok_or(ServiceError::Unknown)
    }

    fn check_new_password(&self, password: &Secret) -> Answer<()> {
        let least = self.config.get().password_min;
        if password.expose().chars().count() < least {
            let problem = format!("needs at least {least} characters");
            return Err(ServiceError::BadField {
                field: "password",
                problem,
            });
        }
        Ok(())
    }

    /// `POST /sessions`
    pub(crate) async fn sign_in(
        &self,
        request: SessionRequest,
        from: IpAddr,
    ) -> Answer<SessionGrant> {
        let SessionRequest {
            username,
            password,
            host,
            key,
            register,
        } = request;
        if register && self.directory.member(&username).is_none() {
            let host = host.clone().unwrap_or_else(|| Host::observed(None));
            let password = password.clone();
            let account = RegisterRequest {
                username: username.clone(),
                password,
                host,
                key,
                email: None,
            };
            match self.make_account(account, from).await {
                Ok(member) => return self.open(member, None, key, from).await.map(created),
                // Somebody was quicker: perhaps we were, on another connection.
                Err(ServiceError::Taken(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let member = self.prove_password(&username, password, from).await?;
        self.open(member, host, key, from).await
    }

    /// The account, when the password is right. Unknown names and wrong passwords
    /// are the same answer after the same work.
    async fn prove_password(
        &self,
        username: &Username,
        password: Secret,
        from: IpAddr,
    ) -> Answer<Arc<Member>> {
        let name = username.folded();
        self.attempts
            .check(&name, from, Instant::now())
            .map_err(too_many_wrong)?;
        let member = self.directory.member(username);
        let hash = member.as_ref().map(|member| member.password_hash.clone());
        let right = self.passwords.check(password, hash).await?;
        match member {
            Some(member) if right => {
                self.check_ban(&member.username, None)?;
                Ok(member)
            }
            _ => {
                let wrong = &self.directory.metrics.wrong_passwords;
                wrong.fetch_add(1, Ordering::Relaxed);
                self.attempts.wrong(&name, from, Instant::now());
                Err(ServiceError::WrongPassword)
            }
        }
    }

    async fn open(
        &self,
        member: Arc<Member>,
        host: Option<Host>,
        key: Option<PeerId>,
        from: IpAddr,
    ) -> Answer<SessionGrant> {
        let token = BASE64URL_NOPAD.encode(&random::<{ limits::TOKEN_BYTES }>()?);
        let end = self.directory.surplus_sessions(member.id);
        self.grant(member, Secret::new(token), (host, key, from), end)
            .await
    }

    /// `PUT /sessions/current`: the same token, a fresh session behind it.
    pub(crate) async fn resume(
        &self,
        token: Secret,
        request: ResumeRequest,
        from: IpAddr,
    ) -> Answer<SessionGrant> {
        let member = Arc::clone(&self.session(&token)?.member);
        self.grant(member, token, (request.host, request.key, from), Vec::new())
            .await
    }

    async fn grant(
        &self,
        member: Arc<Member>,
        token: Secret,
        (host, key, from): (Option<Host>, Option<PeerId>, IpAddr),
        end: Vec<SessionId>,
    ) -> Answer<SessionGrant> {
        self.check_ban(&member.username, key.as_ref())?;
        let now = now();
        let row = SessionRow {
            id: SessionId(random()?),
            account: member.id,
            token: token_hash(&token),
            key: HeartbeatKey::new(random()?),
            expires_at: later(now, self.config.get().session_ms),
        };
        let arrival = {
            let place = member.place();
            let host = host.unwrap_or_else(|| place.host.clone());
            Arrival {
                host,
                key: key.or(place.key),
                from,
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
        };
        self.store
            .change(Change::Open {
                member,
                row,
                arrival,
                end,
            })
            .await?;
        Ok(grant)
    }

    /// The session that a token opens.
    pub(crate) fn session(&self, token: &Secret) -> Answer<Arc<Session>> {
        let session = self.directory.session(&token_hash(token), now());
        let session = session.ok_or(ServiceError::NoSession)?;
        self.check_ban(&session.member.username, None)?;
        Ok(session)
    }

    /// Refuses a banned name, and a banned user's key under any name.
    fn check_ban(&self, name: &Username, key: Option<&PeerId>) -> Answer<()> {
        match self.directory.bans.user(name, key, now) {
            Some(ban) => {
                let banned = &self.directory.metrics.banned;
                banned.fetch_add(1, Ordering::Relaxed);
                Err(ServiceError::Banned(ban))
            }
            None => Ok(()),
        }
    }

    /// `DELETE /sessions`
    pub(crate) async fn sign_out(&self, token: &Secret) -> Answer<()> {
        let session = self.session(token)?;
        Ok(self.store.change(Change::Close(session.id)).await?)
    }

    /// `DELETE /clients/{username}`
    pub(crate) async fn delete(
        &self,
        username: &Username,
        proof: Proof,
        from: IpAddr,
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
                // Who may read the directory may know that the name is free.
                if self.config.get().directory_open && self.directory.member(username).is_none() {
                    return Err(ServiceError::Unknown);
                }
                self.prove_password(username, password, from).await?
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

    /// Lets everybody read the directory, or members alone, as configured.
    pub(crate) fn may_read(&self, token: Option<&Secret>) -> Answer<()> {
        match token {
            // A token that is sent must be good, so that its owner hears of it.
            Some(token) => self.session(token).map(drop),
            None if self.config.get().directory_open => Ok(()),
            None => Err(ServiceError::NoSession),
        }
    }

    /// `GET /clients`
    pub(crate) fn clients(&self, selection: &Selection) -> ClientList {
        let (clients, more) = self.directory.list(selection, now());
        let last = clients.last().map(|client| client.username.folded());
        ClientList {
            next: last.filter(|_| more),
            clients,
        }
    }

    /// `GET /clients/{username}`
    pub(crate) fn client(&self, username: &Username) -> Answer<ClientInfo> {
        let member = self.directory.member(username);
        member
            .map(|member| member.info(now()))
            .ok_or(ServiceError::Unknown)
    }

    /// Saves last-seen times and forgets expired sessions.
    pub(crate) async fn sweep(&self) {
        let change = Change::Sweep {
            seen: self.directory.take_unsaved(),
            now: now(),
        };
        if self.store.change(change).await.is_err() {
            tracing::warn!("last-seen times could not be saved");
        }
    }
}

fn created(grant: SessionGrant) -> SessionGrant {
    SessionGrant {
        created: true,
        ..grant
    }
}

fn too_many_wrong(wait: Duration) -> ServiceError {
    let retry_after_s = wait.as_secs() + 1;
    ServiceError::Limited {
        reason: "too many wrong passwords",
        retry_after_s,
    }
}

fn token_hash(token: &Secret) -> TokenHash {
    *blake3::hash(token.expose().as_bytes()).as_bytes()
}

fn random<const N: usize>() -> Answer<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no random numbers");
        ServiceError::Internal
    })?;
    Ok(bytes)
}

impl From<PasswordError> for ServiceError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Full { retry_after_s } => Self::Limited {
                reason: "too many sign-ins at once",
                retry_after_s,
            },
            PasswordError::Failed => Self::Internal,
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            // The account went away between two steps of one request.
            StoreError::Gone | StoreError::Taken => Self::Unknown,
            StoreError::Full => Self::Limited {
                reason: "too many changes at once",
                retry_after_s: 2,
            },
            StoreError::Failed => Self::Disk,
            StoreError::DiskFull | StoreError::TooMany => Self::DiskFull,
        }
    }
}
