//! `admin`: the commands of operators as they are typed, and their answers as
//! people read them.

use super::{load, runtime, say};
use crate::{
    admin::{Command, Target, client},
    config::Typed,
    secrets,
};
use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::path::PathBuf;
use twocan_proto::{
    api::{Role, Username},
    registry_url::RegistryUrl,
};

/// What follows `admin`.
#[derive(Debug, Args)]
pub(super) struct Admin {
    /// Configuration that says where the registry of this machine is
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Its data folder
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// A registry elsewhere, such as https://HOST:7443#sha256-FINGERPRINT
    #[arg(long, value_name = "URL", global = true, requires = "token_file")]
    registry: Option<RegistryUrl>,
    /// File with the token for a registry elsewhere
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// Answer with one line of JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Numbers of the registry
    Status,
    /// List accounts in order of their names
    List {
        #[command(flatten)]
        page: Page,
    },
    /// List accounts with a text in their names
    Search {
        /// The text
        text: String,
        #[command(flatten)]
        page: Page,
    },
    /// Show one account
    Show {
        /// Its name
        username: Username,
    },
    /// Keep a user, an address or a network out
    Ban {
        #[command(subcommand)]
        who: Banned,
    },
    /// Let a user, an address or a network in again
    Unban {
        #[command(subcommand)]
        who: Unbanned,
    },
    /// List the bans in force
    Bans,
    /// Make an account, such as that of the first administrator
    Create {
        /// Its name
        username: Username,
        /// What it may do: user or admin
        #[arg(long, default_value = "user")]
        role: Role,
        /// File with its password; one is made and shown unless given
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Set the password of an account and end its sessions
    Reset {
        /// Its name
        username: Username,
        /// File with the password; one is made and shown unless given
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Make an administrator of an account
    Promote {
        /// Its name
        username: Username,
    },
    /// Make an ordinary account of an administrator's
    Demote {
        /// Its name
        username: Username,
    },
    /// Delete an account; its name is free again
    Delete {
        /// Its name
        username: Username,
    },
    /// Tell everybody who is connected
    Announce {
        /// One line
        text: String,
    },
}

#[derive(Debug, Args)]
struct Page {
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Names after this one
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// Only those that are online
    #[arg(long)]
    online: bool,
}

#[derive(Debug, Subcommand)]
enum Banned {
    /// Somebody by name; the identity key of the account is banned as well
    User {
        /// The name
        username: Username,
        #[command(flatten)]
        terms: Terms,
    },
    /// One IPv4 address, or the /64 of an IPv6 address
    Address {
        /// The address
        address: String,
        #[command(flatten)]
        terms: Terms,
    },
    /// A network
    Network {
        /// The network, such as 192.0.2.0/24
        network: String,
        #[command(flatten)]
        terms: Terms,
    },
}

#[derive(Debug, Subcommand)]
enum Unbanned {
    /// Somebody by name
    User {
        /// The name
        username: Username,
    },
    /// An address
    Address {
        /// The address
        address: String,
    },
    /// A network
    Network {
        /// The network
        network: String,
    },
}

#[derive(Debug, Args)]
struct Terms {
    /// Why: who is banned is told so
    #[arg(long, default_value = "", value_name = "TEXT")]
    reason: String,
    /// For how long, such as 90m, 12h or 7d; until it is lifted unless given
    #[arg(long = "for", value_name = "TIME", value_parser = duration_ms)]
    how_long: Option<u64>,
}

/// A number and its unit, in milliseconds.
fn duration_ms(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no time such as 90m, 12h or 7d");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let ms = count.checked_mul(seconds * 1000).filter(|ms| *ms > 0);
    ms.ok_or_else(wrong)
}

impl Terms {
    fn ban(self, target: Target) -> Command {
        let until = self.how_long.map(|ms| crate::later(crate::now(), ms));
        Command::Ban {
            target,
            reason: self.reason,
            until,
        }
    }
}

impl Action {
    fn command(self) -> anyhow::Result<Command> {
        let secret = |file: Option<PathBuf>| file.as_deref().map(secrets::read).transpose();
        Ok(match self {
            Self::Create {
                username,
                role,
                password_file,
            } => Command::Create {
                username,
                role,
                password: secret(password_file)?,
            },
            Self::Reset {
                username,
                password_file,
            } => Command::Reset {
                username,
                password: secret(password_file)?,
            },
            Self::Promote { username } => Command::Role {
                username,
                role: Role::Admin,
            },
            Self::Demote { username } => Command::Role {
                username,
                role: Role::User,
            },
            Self::Status => Command::Status {},
            Self::List { page } => page.list(None),
            Self::Search { text, page } => page.list(Some(text)),
            Self::Show { username } => Command::Show { username },
            Self::Ban { who } => match who {
                Banned::User { username, terms } => terms.ban(Target::User(username)),
                Banned::Address { address, terms } => terms.ban(Target::Address(address)),
                Banned::Network { network, terms } => terms.ban(Target::Network(network)),
            },
            Self::Unban { who } => {
                let target = match who {
                    Unbanned::User { username } => Target::User(username),
                    Unbanned::Address { address } => Target::Address(address),
                    Unbanned::Network { network } => Target::Network(network),
                };
                Command::Unban { target }
            }
            Self::Bans => Command::Bans {},
            Self::Delete { username } => Command::Delete { username },
            Self::Announce { text } => Command::Announce { text },
        })
    }
}

impl Page {
    fn list(self, search: Option<String>) -> Command {
        Command::List {
            after: self.after,
            limit: self.limit,
            online: self.online.then_some(true),
            search,
        }
    }
}

impl Admin {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let command = self.action.command()?;
        let answer = match (self.registry, self.token_file) {
            (Some(url), Some(file)) => {
                let token = secrets::read(&file)?;
                runtime()?.block_on(client::remote(&url, &token, &command))?
            }
            (None, None) => {
                let flags = Typed {
                    data: self.data,
                    ..Typed::default()
                };
                let config = load(self.config.as_deref(), flags)?;
                runtime()?.block_on(client::local(config, command))?
            }
            _ => bail!("--token-file goes with --registry"),
        };
        if self.json {
            say(&answer.to_string())
        } else {
            say(readable(&answer).trim_end())
        }
    }
}

/// An answer for people: its single values as lines, its lists as tables.
fn readable(answer: &Value) -> String {
    let mut text = String::new();
    let Value::Object(fields) = answer else {
        return word(answer);
    };
    for (name, value) in fields {
        match value {
            Value::Array(rows) => text.push_str(&table(rows)),
            Value::Object(inner) => {
                for (key, value) in inner {
                    text.push_str(&format!("{name} {key}: {}\n", word(value)));
                }
            }
            Value::Null => {}
            value => text.push_str(&format!("{name}: {}\n", word(value))),
        }
    }
    text
}

fn table(rows: &[Value]) -> String {
    let Some(Value::Object(first)) = rows.first() else {
        return "none\n".to_owned();
    };
    let mut names: Vec<&String> = first.keys().collect();
    // Who it is about comes first.
    names.sort_by_key(|name| !matches!(name.as_str(), "username" | "subject"));
    let mut lines = vec![
        names
            .iter()
            .map(|name| name.to_uppercase())
            .collect::<Vec<_>>(),
    ];
    lines.extend(rows.iter().map(|row| {
        let cells = names.iter().map(|name| word(&row[name.as_str()]));
        cells.collect()
    }));
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..names.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        // What others chose must not steer the terminal.
        Value::String(text) => twocan_proto::text::line(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_numbers_with_units() {
        for (text, ms) in [("1s", 1000), ("90m", 5_400_000), ("7d", 604_800_000)] {
            assert_eq!(duration_ms(text), Ok(ms));
        }
        for wrong in [
            "",
            "7",
            "d",
            "0d",
            "-1d",
            "1y",
            "1 d",
            "99999999999999999999d",
            "18446744073709551615w",
        ] {
            assert!(duration_ms(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_are_tables_and_lines() {
        let answer = json!({"bans": [
            {"kind": "user", "reason": "\u{1b}[31mspam", "until": null},
            {"kind": "network", "reason": "", "until": true},
        ]});
        let text = readable(&answer);
        assert!(text.starts_with("KIND     REASON"), "{text}");
        assert!(!text.contains('\u{1b}') && text.contains("spam") && text.lines().count() == 3);
        assert_eq!(readable(&json!({"bans": []})), "none\n");
        assert_eq!(
            readable(&json!({"accounts": 3, "next": null})),
            "accounts: 3\n"
        );
        assert_eq!(readable(&json!({"ban": {"until": null}})), "ban until: -\n");
    }
}
