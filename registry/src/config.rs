//! The configuration, twice: as typed (a TOML file, environment variables and
//! flags, each of which may leave everything out) and as resolved. Later layers
//! win: defaults, file, environment, flags.

mod findings;
mod keys;
mod operation;

pub use findings::Finding;
pub use operation::{LogFormat, OperationConfig, Reach};
pub(crate) use operation::{reloaded, waits_for_restart};
mod outside;

pub use outside::{CodeBy, GatewayConfig, MailConfig, MailTls, OutsideConfig};

use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
};
use twocan_proto::address::REGISTRY_PORT;
use twocan_proto::api::{ClientVersion, PASSWORD_MAX};

/// Environment variables with this before a key in capitals override the file.
pub const ENV_PREFIX: &str = "TWOCAN_REGISTRY_";

/// Where everything is kept unless told otherwise, below the working directory.
pub const DEFAULT_DATA: &str = "data/registry";

/// Where the self-made certificate is kept when `data` is the default, too.
pub const DEFAULT_CERTS: &str = "certs";

/// The configuration as typed: what is `None` was not said.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// TCP address of the HTTPS service.
    pub listen: Option<SocketAddr>,
    /// UDP address of the heartbeats.
    pub udp: Option<SocketAddr>,
    /// Folder of the database.
    pub data: Option<PathBuf>,
    /// Folder of the self-made certificate.
    pub certs_dir: Option<PathBuf>,
    /// PEM file of the certificate chain.
    pub cert: Option<PathBuf>,
    /// PEM file of its private key.
    pub key: Option<PathBuf>,
    /// Who may read the directory.
    pub directory: Option<Access>,
    /// Who may make an account.
    pub registration: Option<Registration>,
    /// How a one-time code gets to whoever makes an account.
    pub registration_code: Option<CodeBy>,
    /// Minutes that such a code is good for.
    pub code_minutes: Option<u64>,
    /// Registrations of one address in an hour; 0 is any number.
    pub registrations_per_hour: Option<u32>,
    /// Whether guests may come.
    pub guests: Option<bool>,
    /// Whether there is a lobby.
    pub lobby: Option<bool>,
    /// Oldest version of twocan that is let in.
    pub min_client: Option<String>,
    /// What links in mails begin with.
    pub public_url: Option<String>,
    /// The mail server, with or without its port.
    pub mail_server: Option<String>,
    /// How the connection to it is protected.
    pub mail_tls: Option<MailTls>,
    /// Who the mails are from.
    pub mail_from: Option<String>,
    /// User at the mail server.
    pub mail_user: Option<String>,
    /// File that holds this user's password.
    pub mail_password_file: Option<PathBuf>,
    /// Minutes that a link for a new password is good for.
    pub reset_minutes: Option<u64>,
    /// Where one-time codes for telephones are posted.
    pub gateway_url: Option<String>,
    /// File that holds a bearer token for it.
    pub gateway_token_file: Option<PathBuf>,
    /// Fewest characters of a new password.
    pub password_min: Option<usize>,
    /// bcrypt's cost.
    pub bcrypt_cost: Option<u32>,
    /// Threads for bcrypt.
    pub password_threads: Option<usize>,
    /// Threads for requests.
    pub workers: Option<usize>,
    /// Milliseconds between a client's heartbeats.
    pub heartbeat_ms: Option<u64>,
    /// Days that a session lives without being resumed.
    pub session_days: Option<u64>,
    /// What is logged.
    pub log: Option<String>,
    /// How log lines are written.
    pub log_format: Option<LogFormat>,
    /// From where the metrics may be read.
    pub metrics: Option<Reach>,
    /// File with the token for them.
    pub metrics_token_file: Option<PathBuf>,
    /// From where administrators may work over HTTPS.
    pub admin: Option<Reach>,
    /// File with a token that is as good as an administrator's session.
    pub admin_token_file: Option<PathBuf>,
    /// Folder of the files under `/static/`.
    pub static_dir: Option<PathBuf>,
    /// Seconds that a stop waits for requests that are being answered.
    pub drain_seconds: Option<u64>,
}

/// Who may read the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Anybody, as with a plain contact-list server.
    Open,
    /// Who is signed in.
    Members,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anybody.
    Open,
    /// Nobody.
    Closed,
}

/// The configuration as resolved: every question answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// TCP address of the HTTPS service; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Taken when `listen` cannot be, because the machine has no IPv6.
    pub listen_fallback: Option<SocketAddr>,
    /// UDP address of the heartbeats; `None` is the one of `listen`.
    pub udp: Option<SocketAddr>,
    /// Folder of the database.
    pub data: PathBuf,
    /// Folder of the self-made certificate.
    pub certs_dir: PathBuf,
    /// PEM files of certificate chain and key, instead of the self-made ones.
    pub cert_files: Option<(PathBuf, PathBuf)>,
    /// Whether anybody may read the directory.
    pub directory_open: bool,
    /// Whether anybody may make an account.
    pub registration_open: bool,
    /// Registrations of one address in an hour, if they are limited.
    pub registrations_per_hour: Option<NonZeroU32>,
    /// Whether guests may come.
    pub guests: bool,
    /// Whether there is a lobby.
    pub lobby: bool,
    /// Oldest version of twocan that is let in.
    pub min_client: Option<ClientVersion>,
    /// Mails and one-time codes.
    pub outside: OutsideConfig,
    /// Fewest characters of a new password.
    pub password_min: usize,
    /// bcrypt's cost, 4 to 31.
    pub bcrypt_cost: u32,
    /// Threads for bcrypt.
    pub password_threads: usize,
    /// Threads for requests.
    pub workers: usize,
    /// Milliseconds between a client's heartbeats.
    pub heartbeat_ms: u64,
    /// Milliseconds that a session lives without being resumed.
    pub session_ms: u64,
    /// Filter of the log, in the syntax of `tracing-subscriber`.
    pub log: String,
    /// Logs, numbers, administration, files.
    pub operation: OperationConfig,
}

/// What is wrong with a configuration, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("{place}: {problem}")]
    Wrong {
        /// The file or variable.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A key that does not exist.
    #[error("{place}: unknown key '{key}'; did you mean '{nearest}'?")]
    Unknown {
        /// The file or variable.
        place: String,
        /// The key as typed.
        key: String,
        /// The key that was probably meant.
        nearest: &'static str,
    },
    /// A value that makes no sense.
    #[error("{0}")]
    Value(&'static str),
}

impl Typed {
    /// Reads the file (if any) and the environment over it.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file or variable and the key.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = match file {
            Some(path) => read_file(path)?,
            None => toml::Table::new(),
        };
        for (name, value) in environment {
            let Some(key) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let key = key.to_ascii_lowercase();
            keys::check(&key, &name)?;
            table.insert(key, keys::value(&value));
            typed(table.clone(), &name)?;
        }
        typed(table, "configuration")
    }

    /// The text of a file alone, for the fuzzer.
    #[cfg(fuzzing)]
    pub(crate) fn of_text(text: &str, place: &str) -> Result<Self, ConfigError> {
        typed(parse(text, place)?, place)
    }

    /// `over` where it says something, else `self`.
    #[must_use]
    pub fn overlaid(self, over: Self) -> Self {
        Self {
            listen: over.listen.or(self.listen),
            udp: over.udp.or(self.udp),
            data: over.data.or(self.data),
            certs_dir: over.certs_dir.or(self.certs_dir),
            cert: over.cert.or(self.cert),
            key: over.key.or(self.key),
            directory: over.directory.or(self.directory),
            registration: over.registration.or(self.registration),
            registration_code: over.registration_code.or(self.registration_code),
            code_minutes: over.code_minutes.or(self.code_minutes),
            registrations_per_hour: over.registrations_per_hour.or(self.registrations_per_hour),
            guests: over.guests.or(self.guests),
            lobby: over.lobby.or(self.lobby),
            min_client: over.min_client.or(self.min_client),
            public_url: over.public_url.or(self.public_url),
            mail_server: over.mail_server.or(self.mail_server),
            mail_tls: over.mail_tls.or(self.mail_tls),
            mail_from: over.mail_from.or(self.mail_from),
            mail_user: over.mail_user.or(self.mail_user),
            mail_password_file: over.mail_password_file.or(self.mail_password_file),
            reset_minutes: over.reset_minutes.or(self.reset_minutes),
            gateway_url: over.gateway_url.or(self.gateway_url),
            gateway_token_file: over.gateway_token_file.or(self.gateway_token_file),
            password_min: over.password_min.or(self.password_min),
            bcrypt_cost: over.bcrypt_cost.or(self.bcrypt_cost),
            password_threads: over.password_threads.or(self.password_threads),
            workers: over.workers.or(self.workers),
            heartbeat_ms: over.heartbeat_ms.or(self.heartbeat_ms),
            session_days: over.session_days.or(self.session_days),
            log: over.log.or(self.log),
            log_format: over.log_format.or(self.log_format),
            metrics: over.metrics.or(self.metrics),
            metrics_token_file: over.metrics_token_file.or(self.metrics_token_file),
            admin: over.admin.or(self.admin),
            admin_token_file: over.admin_token_file.or(self.admin_token_file),
            static_dir: over.static_dir.or(self.static_dir),
            drain_seconds: over.drain_seconds.or(self.drain_seconds),
        }
    }

    /// Answers every open question with its default.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for what makes no sense.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        let outside = self.outside()?;
        let min_client = self.min_client.as_deref().map(str::parse).transpose();
        let min_client =
            min_client.map_err(|_| ConfigError::Value("min_client is a version such as 0.2.0"))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cert_files = match (self.cert.clone(), self.key.clone()) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(ConfigError::Value("give both cert and key, or neither")),
        };
        let any_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, REGISTRY_PORT));
        let any_v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, REGISTRY_PORT));
        // Everything in one place when a place is named.
        let certs_dir = match (self.certs_dir.clone(), &self.data) {
            (Some(folder), _) => folder,
            (None, Some(data)) => data.join("certs"),
            (None, None) => DEFAULT_CERTS.into(),
        };
        let in_range = |value: usize, most, message| {
            if (1..=most).contains(&value) {
                Ok(value)
            } else {
                Err(ConfigError::Value(message))
            }
        };
        let days = self.session_days.unwrap_or(90);
        let operation = self.operation()?;
        let config = Config {
            listen_fallback: self.listen.is_none().then_some(any_v4),
            listen: self.listen.unwrap_or(any_v6),
            udp: self.udp,
            data: self.data.unwrap_or_else(|| DEFAULT_DATA.into()),
            certs_dir,
            cert_files,
            directory_open: self.directory.unwrap_or(Access::Open) == Access::Open,
            registration_open: self.registration != Some(Registration::Closed),
            registrations_per_hour: self.registrations_per_hour.and_then(NonZeroU32::new),
            guests: self.guests.unwrap_or(false),
            lobby: self.lobby.unwrap_or(true),
            min_client,
            outside,
            password_min: in_range(
                self.password_min.unwrap_or(1),
                PASSWORD_MAX,
                "password_min is 1 to 72",
            )?,
            bcrypt_cost: self.bcrypt_cost.unwrap_or(12),
            // One core is left for look-ups.
            password_threads: in_range(
                self.password_threads.unwrap_or_else(|| (cores - 1).max(1)),
                256,
                "password_threads is 1 to 256",
            )?,
            workers: in_range(self.workers.unwrap_or(cores), 256, "workers is 1 to 256")?,
            heartbeat_ms: self.heartbeat_ms.unwrap_or(25_000),
            session_ms: days.saturating_mul(DAY_MS),
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            operation,
        };
        config.checked()
    }
}

impl Config {
    fn checked(self) -> Result<Self, ConfigError> {
        const TEN_YEARS_MS: u64 = 3660 * 24 * 60 * 60 * 1000;
        if !(4..=31).contains(&self.bcrypt_cost) {
            return Err(ConfigError::Value("bcrypt_cost is 4 to 31"));
        }
        if !(10..=3_600_000).contains(&self.heartbeat_ms) {
            return Err(ConfigError::Value("heartbeat_ms is 10 to 3600000"));
        }
        if !(1..=TEN_YEARS_MS).contains(&self.session_ms) {
            return Err(ConfigError::Value("session_days is 1 to 3660"));
        }
        if self.log.parse::<tracing_subscriber::EnvFilter>().is_err() {
            return Err(ConfigError::Value(
                "log is a level such as info, or a filter",
            ));
        }
        Ok(self)
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("registry.db")
    }

    /// The address under which this machine reaches its own registry.
    #[must_use]
    pub fn local_ip(listen: SocketAddr) -> IpAddr {
        match listen.ip().to_canonical() {
            ip if !ip.is_unspecified() => ip,
            // A socket on [::] answers on IPv4 as well, where localhost always is.
            _ => Ipv4Addr::LOCALHOST.into(),
        }
    }
}

fn read_file(path: &Path) -> Result<toml::Table, ConfigError> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: place.clone(),
        error,
    })?;
    parse(&text, &place)
}

/// The text of a file, with the keys that there are and values that fit.
fn parse(text: &str, place: &str) -> Result<toml::Table, ConfigError> {
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| wrong(place, error.to_string().trim_end()))?;
    for key in table.keys() {
        keys::check(key, place)?;
    }
    typed(table.clone(), place)?;
    Ok(table)
}

fn typed(table: toml::Table, place: &str) -> Result<Typed, ConfigError> {
    // One key at a time, so that the message can name it.
    for (key, value) in &table {
        let one = toml::Table::from_iter([(key.clone(), value.clone())]);
        Typed::deserialize(one)
            .map_err(|error| wrong(place, &format!("{key}: {}", error.message())))?;
    }
    Typed::deserialize(table).map_err(|error| wrong(place, error.message()))
}

fn wrong(place: &str, problem: &str) -> ConfigError {
    ConfigError::Wrong {
        place: place.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
