//! What the registry sends to the outside: mails, and one-time codes through an
//! HTTP gateway.

use super::{ConfigError, Typed};
use serde::Deserialize;
use std::{net::IpAddr, path::PathBuf, time::Duration};
use twocan_proto::{
    address::{Address, Host},
    api::Email,
    registry_url::RegistryUrl,
};

/// How a one-time code gets to whoever makes an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeBy {
    /// No code is asked for.
    None,
    /// By e-mail.
    Mail,
    /// Through the HTTP gateway, to a telephone.
    Gateway,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// STARTTLS, which must succeed (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Not at all, to a server on this machine.
    None,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq)]
pub struct MailConfig {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Who the mails are from.
    pub from: Email,
    /// User, and the file that holds the password.
    pub login: Option<(String, PathBuf)>,
}

/// The HTTP gateway for one-time codes.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayConfig {
    /// Takes a POST with `to` and `text` in JSON.
    pub url: String,
    /// File that holds a bearer token for it.
    pub token_file: Option<PathBuf>,
}

/// Everything about the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct OutsideConfig {
    /// The mail server, if there is one.
    pub mail: Option<MailConfig>,
    /// The gateway, if there is one.
    pub gateway: Option<GatewayConfig>,
    /// How codes go out; never one that has no way.
    pub code_by: CodeBy,
    /// How long a code is good for.
    pub code_life: Duration,
    /// How long a link for a new password is good for.
    pub reset_life: Duration,
    /// What links in mails begin with, without a slash at the end.
    pub public_url: Option<String>,
}

/// Port of mail submission (RFC 6409).
const SUBMISSION_PORT: u16 = 587;
/// Port of mail submission with TLS from the first byte (RFC 8314).
const SUBMISSIONS_PORT: u16 = 465;

impl Typed {
    pub(super) fn outside(&self) -> Result<OutsideConfig, ConfigError> {
        let mail = self.mail()?;
        let gateway = self.gateway()?;
        let code_by = self.registration_code.unwrap_or(CodeBy::None);
        match code_by {
            CodeBy::Mail if mail.is_none() => {
                return Err(ConfigError::Value(
                    "registration_code = \"mail\" needs mail_server and mail_from",
                ));
            }
            CodeBy::Gateway if gateway.is_none() => {
                return Err(ConfigError::Value(
                    "registration_code = \"gateway\" needs gateway_url",
                ));
            }
            _ => {}
        }
        let minutes = |value: Option<u64>, default, message| {
            let minutes = value.unwrap_or(default);
            if (1..=1440).contains(&minutes) {
                Ok(Duration::from_secs(minutes * 60))
            } else {
                Err(ConfigError::Value(message))
            }
        };
        let public_url = self.public_url.as_deref().map(checked_url).transpose()?;
        let any_address = self.listen.is_none_or(|at| at.ip().is_unspecified());
        if mail.is_some() && public_url.is_none() && any_address {
            return Err(ConfigError::Value(
                "mail_server needs public_url, for the links in mails",
            ));
        }
        Ok(OutsideConfig {
            mail,
            gateway,
            code_by,
            code_life: minutes(self.code_minutes, 10, "code_minutes is 1 to 1440")?,
            reset_life: minutes(self.reset_minutes, 30, "reset_minutes is 1 to 1440")?,
            public_url,
        })
    }

    fn mail(&self) -> Result<Option<MailConfig>, ConfigError> {
        let (server, from) = match (&self.mail_server, &self.mail_from) {
            (Some(server), Some(from)) => (server, from),
            (None, None) => return Ok(None),
            _ => {
                return Err(ConfigError::Value(
                    "give both mail_server and mail_from, or neither",
                ));
            }
        };
        let server: Address = server.parse().map_err(|_| {
            ConfigError::Value(
                "mail_server is a host with or without a port, such as mail.example:587",
            )
        })?;
        let port = server.port.unwrap_or(SUBMISSION_PORT);
        let implied = if port == SUBMISSIONS_PORT {
            MailTls::Tls
        } else {
            MailTls::Starttls
        };
        let tls = self.mail_tls.unwrap_or(implied);
        let is_here = match &server.host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => name == "localhost",
        };
        if tls == MailTls::None && !is_here {
            return Err(ConfigError::Value(
                "mail_tls = \"none\" is for a mail server on this machine (127.0.0.1, ::1 or localhost)",
            ));
        }
        let login = match (&self.mail_user, &self.mail_password_file) {
            (Some(user), Some(file)) => Some((user.clone(), file.clone())),
            (None, None) => None,
            _ => {
                return Err(ConfigError::Value(
                    "give both mail_user and mail_password_file, or neither",
                ));
            }
        };
        let from = from.parse().map_err(|_| {
            ConfigError::Value("mail_from is an e-mail address such as registry@example.org")
        })?;
        let host = match server.host {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name,
        };
        Ok(Some(MailConfig {
            host,
            port,
            tls,
            from,
            login,
        }))
    }

    fn gateway(&self) -> Result<Option<GatewayConfig>, ConfigError> {
        let Some(url) = &self.gateway_url else {
            return match self.gateway_token_file {
                Some(_) => Err(ConfigError::Value("gateway_token_file needs gateway_url")),
                None => Ok(None),
            };
        };
        let parsed = reqwest::Url::parse(url).ok();
        // Codes in the clear may not leave the machine.
        let is_safe = parsed.is_some_and(|url| match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(|host| {
                let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
                host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
            }),
            _ => false,
        });
        if !is_safe {
            return Err(ConfigError::Value(
                "gateway_url begins with https:// (http:// only to this machine)",
            ));
        }
        Ok(Some(GatewayConfig {
            url: url.clone(),
            token_file: self.gateway_token_file.clone(),
        }))
    }
}

fn checked_url(text: &str) -> Result<String, ConfigError> {
    let url: Option<RegistryUrl> = text.trim_end_matches('/').parse().ok();
    url.map(|url| url.base()).ok_or(ConfigError::Value(
        "public_url is what clients use, such as https://registry.example:7443",
    ))
}
