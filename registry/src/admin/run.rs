//! Each command, done.

use super::{AdminError, Command, Target};
use crate::{
    bans::{Ban, Subject},
    directory::Member,
    http::password_problem,
    limits,
    notices::Notice,
    now,
    service::{Service, ServiceError, new_password},
    store::{Change, CopyError, StoreError},
};
use serde_json::{Map, Value, json};
use std::{path::Path, sync::Arc};
use twocan_proto::{
    api::{ErrorCode, Role, Secret, Username},
    time::Timestamp,
};

type Answer = Result<Value, AdminError>;

impl Command {
    /// Does it. The answer is a JSON object.
    pub(crate) async fn run(self, service: &Service) -> Answer {
        match self {
            Self::Status {} => Ok(status(service)),
            Self::List {
                after,
                limit,
                online,
                search,
            } => Ok(list(service, after, limit, &Wanted { online, search })),
            Self::Show { username } => show(service, &username),
            Self::Ban {
                target,
                reason,
                until,
            } => ban(service, &target, &reason, until).await,
            Self::Unban { target } => unban(service, &target).await,
            Self::Bans {} => Ok(bans(service)),
            Self::Create {
                username,
                password,
                role,
            } => create(service, username, password, role).await,
            Self::Reset { username, password } => reset(service, &username, password).await,
            Self::Role { username, role } => set_role(service, &username, role).await,
            Self::Delete { username } => delete(service, username).await,
            Self::Announce { text } => announce(service, &text),
            Self::Restore { file } => restore(service, &file).await,
        }
    }

    /// What is written to the log of it: never who it is about.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Status {} => "status",
            Self::List { .. } => "list",
            Self::Show { .. } => "show",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::Bans {} => "bans",
            Self::Create { .. } => "create",
            Self::Reset { .. } => "reset",
            Self::Role { .. } => "role",
            Self::Delete { .. } => "delete",
            Self::Announce { .. } => "announce",
            Self::Restore { .. } => "restore",
        }
    }

    /// Whether it changes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Status {} | Self::List { .. } | Self::Show { .. } | Self::Bans {}
        )
    }
}

fn status(service: &Service) -> Value {
    let (accounts, sessions) = service.directory.counts();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": service.directory.metrics.uptime().as_secs(),
        "accounts": accounts,
        "sessions": sessions,
        "online": service.directory.online(now()),
        "bans": service.directory.bans.len(),
        "stopping": service.notices.is_stopping(),
    })
}

/// Which accounts are listed.
struct Wanted {
    online: Option<bool>,
    search: Option<String>,
}

fn list(service: &Service, after: Option<String>, limit: Option<usize>, wanted: &Wanted) -> Value {
    let limit = limit.unwrap_or(limits::ADMIN_PAGE);
    let limit = limit.clamp(1, limits::ADMIN_PAGE);
    let after = after.map(|after| after.to_ascii_lowercase());
    let search = wanted.search.as_ref().map(|text| text.to_ascii_lowercase());
    let now = now();
    let (found, more) = service
        .directory
        .members(after.as_deref(), limit, |member| {
            let named = search
                .as_ref()
                .is_none_or(|text| member.username.folded().contains(text));
            named && wanted.online.is_none_or(|on| member.info(now).online == on)
        });
    let next = found.last().filter(|_| more);
    let next = next.map(|member| member.username.folded());
    let accounts: Vec<_> = found
        .iter()
        .map(|member| row(service, member, now))
        .collect();
    json!({"accounts": accounts, "next": next})
}

fn row(service: &Service, member: &Member, now: Timestamp) -> Value {
    let info = member.info(now);
    let banned = service
        .directory
        .bans
        .user(&member.username, info.key.as_ref(), || now);
    json!({
        "username": info.username,
        "role": member.role(),
        "online": info.online,
        "last_seen": info.last_seen,
        "banned": banned.is_some(),
    })
}

fn show(service: &Service, name: &Username) -> Answer {
    let member = member(service, name)?;
    let now = now();
    let mut shown = row(service, &member, now);
    let info = member.info(now);
    let observed = member.place().observed;
    let sessions = service.directory.sessions_of(member.id).len();
    let bans = &service.directory.bans;
    let ban = bans
        .user(name, info.key.as_ref(), || now)
        .or_else(|| bans.address(observed?, || now));
    extend(
        &mut shown,
        json!({
            "host": info.host,
            "key": info.key,
            "observed": observed,
            "sessions": sessions,
            "ban": ban.map(|ban| shown_ban(&ban)),
        }),
    );
    Ok(shown)
}

fn extend(object: &mut Value, with: Value) {
    if let (Value::Object(object), Value::Object(with)) = (object, with) {
        object.extend::<Map<_, _>>(with);
    }
}

fn member(service: &Service, name: &Username) -> Result<Arc<Member>, AdminError> {
    service
        .directory
        .member(name)
        .ok_or_else(|| AdminError::new(ErrorCode::NotFound, format!("there is no account {name}")))
}

fn shown_ban(ban: &Ban) -> Value {
    json!({
        "kind": ban.subject.kind(),
        "subject": ban.subject.to_string(),
        "reason": ban.reason,
        "until": ban.until,
        "made_at": ban.made_at,
    })
}

fn bans(service: &Service) -> Value {
    let bans = service.directory.bans.list(now());
    let bans: Vec<_> = bans.iter().map(|ban| shown_ban(ban)).collect();
    json!({"bans": bans})
}

async fn ban(service: &Service, target: &Target, reason: &str, until: Option<Timestamp>) -> Answer {
    let subject = target.subject().map_err(|error| bad("target", &error))?;
    let reason = reason.parse().map_err(|error| bad("reason", &error))?;
    let made_at = now();
    if until.is_some_and(|until| until <= made_at) {
        return Err(bad("until", &"must be in the future"));
    }
    // A name may be banned before anybody has it.
    let key = match target {
        Target::User(name) => service.directory.member(name).and_then(|m| m.place().key),
        Target::Address(_) | Target::Network(_) => None,
    };
    let ban = Ban {
        subject,
        reason,
        until,
        made_at,
        key,
    };
    let shown = shown_ban(&ban);
    let subject = ban.subject.clone();
    change(service, Change::Ban(ban)).await?;
    service.notices.send(Notice::Banned(subject));
    Ok(shown)
}

async fn unban(service: &Service, target: &Target) -> Answer {
    let subject = target.subject().map_err(|error| bad("target", &error))?;
    if !service.directory.bans.contains(&subject) {
        return Err(no_ban(&subject));
    }
    match service.store.change(Change::Unban(subject.clone())).await {
        Err(StoreError::Gone) => Err(no_ban(&subject)),
        done => done
            .map_err(failed)
            .map(|()| json!({"kind": subject.kind(), "subject": subject.to_string()})),
    }
}

fn no_ban(subject: &Subject) -> AdminError {
    let message = format!("there is no ban of {subject}; 'bans' lists those there are");
    AdminError::new(ErrorCode::NotFound, message)
}

async fn create(
    service: &Service,
    username: Username,
    password: Option<Secret>,
    role: Role,
) -> Answer {
    if role == Role::Guest {
        return Err(bad(
            "role",
            &"a guest makes no account; choose user or admin",
        ));
    }
    let (password, made) = chosen(password)?;
    let done = service
        .create_account(username.clone(), password, role)
        .await;
    done.map_err(from_service)?;
    Ok(json!({"username": username, "role": role, "password": made}))
}

async fn reset(service: &Service, username: &Username, password: Option<Secret>) -> Answer {
    let member = account(service, username)?;
    let (password, made) = chosen(password)?;
    let done = service.set_password_of(&member, password).await;
    done.map_err(from_service)?;
    Ok(json!({"username": member.username, "password": made}))
}

/// The password to be set, and what to tell of it: one that was made here.
fn chosen(password: Option<Secret>) -> Result<(Secret, Option<Secret>), AdminError> {
    match password {
        Some(password) => match password_problem(password.expose()) {
            Some(problem) => Err(bad("password", &problem)),
            None => Ok((password, None)),
        },
        None => {
            let made = new_password().map_err(from_service)?;
            Ok((made.clone(), Some(made)))
        }
    }
}

async fn set_role(service: &Service, username: &Username, role: Role) -> Answer {
    let member = account(service, username)?;
    if role == Role::Guest {
        return Err(bad("role", &"must be user or admin"));
    }
    let shown = json!({"username": member.username, "role": role});
    change(service, Change::Role { member, role }).await?;
    Ok(shown)
}

/// An account that is no guest.
fn account(service: &Service, username: &Username) -> Result<Arc<Member>, AdminError> {
    let member = member(service, username)?;
    match member.role() {
        Role::Guest => Err(bad("username", &"is a guest, who has no account")),
        Role::User | Role::Admin => Ok(member),
    }
}

fn from_service(error: ServiceError) -> AdminError {
    let code = match error {
        ServiceError::BadField { .. } => ErrorCode::BadRequest,
        ServiceError::Taken(_) => ErrorCode::Taken,
        ServiceError::Unknown => ErrorCode::NotFound,
        ServiceError::Limited { .. } => ErrorCode::Limited,
        ServiceError::Disk | ServiceError::DiskFull => ErrorCode::Io,
        _ => ErrorCode::Internal,
    };
    AdminError::new(code, error.to_string())
}

async fn delete(service: &Service, username: Username) -> Answer {
    let member = member(service, &username)?;
    let (username, account) = (member.username.clone(), member.id);
    let deleted = json!({"username": username});
    change(service, Change::Delete { username, account }).await?;
    Ok(deleted)
}

fn announce(service: &Service, text: &str) -> Answer {
    let line = twocan_proto::text::line(text.trim());
    if line.is_empty() || line.chars().count() > limits::ANNOUNCEMENT_MAX {
        return Err(bad("text", &"is one line of 1 to 500 characters"));
    }
    service.notices.send(Notice::Announcement(line.clone()));
    Ok(json!({"announced": line}))
}

async fn restore(service: &Service, file: &Path) -> Answer {
    if !file.is_absolute() {
        return Err(bad("file", &"must be an absolute path"));
    }
    let content = service.store.restore(file.to_owned()).await;
    let content = content.map_err(|error| {
        let code = match error {
            CopyError::NoBackup(_) | CopyError::Damaged { .. } => ErrorCode::BadRequest,
            _ => ErrorCode::Io,
        };
        AdminError::new(code, error.to_string())
    })?;
    Ok(json!({"rows": content.rows}))
}

async fn change(service: &Service, change: Change) -> Result<(), AdminError> {
    service.store.change(change).await.map_err(failed)
}

fn failed(error: StoreError) -> AdminError {
    let code = match error {
        StoreError::Taken => ErrorCode::Taken,
        StoreError::Gone => ErrorCode::NotFound,
        StoreError::Full => ErrorCode::Busy,
        StoreError::TooMany => ErrorCode::Limited,
        StoreError::DiskFull | StoreError::Failed => ErrorCode::Io,
    };
    AdminError::new(code, error.to_string())
}

fn bad(field: &str, problem: &dyn std::fmt::Display) -> AdminError {
    AdminError::new(ErrorCode::BadRequest, format!("{field}: {problem}"))
}
