//! The part of the configuration that is the operator's own: logs, numbers,
//! administration, files.

use super::{ConfigError, Typed};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// From where something may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// From nowhere.
    Off,
    /// From this machine.
    Loopback,
    /// From everywhere.
    Anywhere,
}

/// The operator's settings as resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationConfig {
    /// How log lines are written.
    pub log_format: LogFormat,
    /// From where the metrics may be read; from anywhere it takes the token.
    pub metrics: Reach,
    /// File with the token for the metrics, which then is always needed.
    pub metrics_token_file: Option<PathBuf>,
    /// From where administrators may work over HTTPS.
    pub admin: Reach,
    /// File with a token that is as good as an administrator's session.
    pub admin_token_file: Option<PathBuf>,
    /// Folder of the files under `/static/`.
    pub static_dir: Option<PathBuf>,
    /// How long a stop waits for requests that are being answered.
    pub drain: Duration,
}

impl Typed {
    pub(super) fn operation(&self) -> Result<OperationConfig, ConfigError> {
        let metrics = self.metrics.unwrap_or(Reach::Loopback);
        if metrics == Reach::Anywhere && self.metrics_token_file.is_none() {
            return Err(ConfigError::Value(
                "metrics = \"anywhere\" needs metrics_token_file, as strangers must not read them",
            ));
        }
        let drain = self.drain_seconds.unwrap_or(5);
        if !(1..=300).contains(&drain) {
            return Err(ConfigError::Value("drain_seconds is 1 to 300"));
        }
        Ok(OperationConfig {
            log_format: self.log_format.unwrap_or(LogFormat::Text),
            metrics,
            metrics_token_file: self.metrics_token_file.clone(),
            admin: self.admin.unwrap_or(Reach::Anywhere),
            admin_token_file: self.admin_token_file.clone(),
            static_dir: self.static_dir.clone(),
            drain: Duration::from_secs(drain),
        })
    }
}

/// What is different between two configurations and waits for a restart.
pub(crate) fn waits_for_restart(old: &super::Config, new: &super::Config) -> Vec<&'static str> {
    let checks = [
        ("listen", old.listen != new.listen),
        ("udp", old.udp != new.udp),
        ("data", old.data != new.data),
        ("bcrypt_cost", old.bcrypt_cost != new.bcrypt_cost),
        (
            "password_threads",
            old.password_threads != new.password_threads,
        ),
        ("workers", old.workers != new.workers),
        ("heartbeat_ms", old.heartbeat_ms != new.heartbeat_ms),
        (
            "mail, gateway, code and link settings",
            old.outside != new.outside,
        ),
        (
            "registrations_per_hour",
            old.registrations_per_hour != new.registrations_per_hour,
        ),
        (
            "log_format",
            old.operation.log_format != new.operation.log_format,
        ),
        ("drain_seconds", old.operation.drain != new.operation.drain),
    ];
    let changed = checks.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| key).collect()
}

/// `new`, with the settings of `old` that only a restart changes.
pub(crate) fn reloaded(old: &super::Config, new: super::Config) -> super::Config {
    super::Config {
        listen: old.listen,
        listen_fallback: old.listen_fallback,
        udp: old.udp,
        data: old.data.clone(),
        bcrypt_cost: old.bcrypt_cost,
        password_threads: old.password_threads,
        workers: old.workers,
        heartbeat_ms: old.heartbeat_ms,
        outside: old.outside.clone(),
        registrations_per_hour: old.registrations_per_hour,
        operation: OperationConfig {
            log_format: old.operation.log_format,
            drain: old.operation.drain,
            ..new.operation
        },
        ..new
    }
}
