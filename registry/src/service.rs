//! What the registry does for its clients, with no HTTP in it: each method is
//! one request, and its error says whose fault it was.

mod accounts;
mod delivery;
mod guests;
mod looking;
mod operators;
mod recovery;
mod sessions;

pub(crate) use delivery::Courier;
pub(crate) use operators::new_password;

use crate::{
    attempts::{Attempts, Strikes, Subject},
    bans::Ban,
    codes::Codes,
    directory::{Directory, Member, TokenHash},
    limits,
    live::Hub,
    mail::Mailer,
    notices::Notices,
    now,
    outbox::{Gateway, Outbox},
    passwords::{PasswordError, Passwords},
    settings::Live,
    store::{Change, Store, StoreError},
};
use data_encoding::BASE64URL_NOPAD;
use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use twocan_proto::{
    api::{ClientVersion, KeyProof, Secret, Username},
    identity::PeerId,
    time::Timestamp,
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
    Refused(&'static str),
    #[error("{0}")]
    NeedsCode(String),
    #[error(
        "this name is signed in from another identity; sign out there, or wait until it has gone"
    )]
    Elsewhere,
    #[error("this session belongs to another identity; sign in with the password")]
    OtherIdentity,
    #[error("this registry needs twocan {least} or newer, and this is {have}; install the newer")]
    Outdated {
        least: ClientVersion,
        have: ClientVersion,
    },
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

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    pub(crate) now: Timestamp,
}

/// The registry behind its routes.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) config: Live,
    pub(crate) notices: Arc<Notices>,
    pub(crate) live: Hub,
    pub(crate) directory: Arc<Directory>,
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    pub(crate) codes: Codes,
    pub(crate) outbox: Outbox,
    pub(crate) mailer: Option<Mailer>,
    pub(crate) gateway: Option<Gateway>,
    /// Where heartbeats are taken.
    pub(crate) udp_port: u16,
    /// What links in mails begin with.
    pub(crate) base_url: String,
}

type Answer<T> = Result<T, ServiceError>;

/// An account whose password was shown, and the hash that it was checked with.
struct Proven {
    member: Arc<Member>,
    hash: String,
}

/// Whose wrong passwords make a sign-in wait, and whom this one counts for.
struct Guesses {
    checked: Vec<Subject>,
    counted: Vec<Subject>,
}

impl Service {
    /// Turns a twocan away that is too old; other clients are not asked.
    pub(crate) fn check_version(&self, version: Option<ClientVersion>) -> Answer<()> {
        match (self.config.get().min_client, version) {
            (Some(least), Some(have)) if have < least => {
                Err(ServiceError::Outdated { least, have })
            }
            _ => Ok(()),
        }
    }

    fn check_new_password(&self, field: &'static str, password: &Secret) -> Answer<()> {
        let least = self.config.get().password_min;
        if password.expose().chars().count() < least {
            let problem = format!("needs at least {least} characters");
            return Err(ServiceError::BadField { field, problem });
        }
        Ok(())
    }

    /// The account, when the password is right. Unknown names and wrong passwords
    /// are the same answer after the same work.
    async fn prove_password(
        &self,
        username: &Username,
        password: Secret,
        proof: Option<&KeyProof>,
        caller: Caller,
    ) -> Answer<Proven> {
        let member = self.directory.member(username);
        let guesses = guesses(username, member.as_deref(), proof, caller);
        self.attempts
            .check(&guesses.checked, caller.now)
            .map_err(|wait| limited("too many wrong passwords", wait))?;
        let hash = member.as_ref().and_then(|member| member.password_hash());
        let right = self.passwords.check(password, hash.clone(), caller.address);
        let right = right.await?;
        match (member, hash) {
            (Some(member), Some(hash)) if right => {
                self.check_ban(&member.username, None)?;
                Ok(Proven { member, hash })
            }
            _ => {
                let wrong = &self.directory.metrics.wrong_passwords;
                wrong.fetch_add(1, Ordering::Relaxed);
                // By the clock of the outcome: bcrypt may have had a queue.
                self.keep(self.attempts.strike(&guesses.counted, now()));
                Err(ServiceError::WrongPassword)
            }
        }
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

    /// Counts what may be tried only so often.
    fn take_turn(&self, subjects: &[Subject], reason: &'static str, caller: Caller) -> Answer<()> {
        let taken = self.attempts.take(subjects, caller.now);
        self.keep(taken.map_err(|wait| limited(reason, wait))?);
        Ok(())
    }

    fn keep(&self, strikes: Vec<Strikes>) {
        if !strikes.is_empty() {
            self.store.note(Change::Attempts(strikes));
        }
    }

    /// Saves last-seen times and forgets what has expired.
    pub(crate) async fn sweep(&self) {
        let change = Change::Sweep {
            seen: self.directory.take_unsaved(),
            now: now(),
        };
        if self.store.change(change).await.is_err() {
            tracing::warn!("last-seen times could not be saved");
        }
    }

    /// Takes the guests out who have left without saying so.
    pub(crate) async fn retire_guests(&self) {
        for guest in self.directory.departed_guests(now()) {
            if let Err(error) = self.remove(&guest).await {
                tracing::warn!(%error, "a guest who left could not be taken out");
            }
        }
    }

    /// How long a guest of whom nothing is heard keeps the name at most, after
    /// having gone offline.
    pub(crate) fn guest_round(&self) -> Duration {
        let lapse = self.config.get().heartbeat_ms * limits::HEARTBEATS_MISSED;
        Duration::from_millis(lapse).min(limits::SWEEP_EVERY)
    }
}

/// Strangers wait for what anybody guessed at this name. The owner, known by her
/// key or by the place that she signed in from before, waits for what was guessed
/// with that key or from that place alone: others cannot lock her out.
fn guesses(
    username: &Username,
    member: Option<&Member>,
    proof: Option<&KeyProof>,
    caller: Caller,
) -> Guesses {
    use crate::attempts::Kind;
    let address = Subject::of_address(Kind::Address, caller.address);
    let place = Subject::of_place(username, caller.address);
    let key = member.and_then(|member| member.place().key);
    let proven = key
        .zip(proof)
        .filter(|(key, proof)| proof.holds(key, username, caller.now));
    if let Some((key, _)) = proven {
        let key = Subject::of_key(username, &key);
        return Guesses {
            checked: vec![key],
            counted: vec![key, address],
        };
    }
    if member.is_some_and(|member| member.is_known_at(place)) {
        return Guesses {
            checked: vec![place],
            counted: vec![place, address],
        };
    }
    let all = vec![Subject::of_name(Kind::Name, username), place, address];
    Guesses {
        checked: all.clone(),
        counted: all,
    }
}

fn limited(reason: &'static str, wait: Duration) -> ServiceError {
    // Rounded up: whoever comes back in time is let in.
    let retry_after_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    ServiceError::Limited {
        reason,
        retry_after_s: retry_after_s.max(1),
    }
}

fn token_hash(token: &Secret) -> TokenHash {
    *blake3::hash(token.expose().as_bytes()).as_bytes()
}

/// A token that nobody can guess.
fn new_token() -> Answer<Secret> {
    let bytes: [u8; limits::TOKEN_BYTES] = random()?;
    Ok(Secret::new(BASE64URL_NOPAD.encode(&bytes)))
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
