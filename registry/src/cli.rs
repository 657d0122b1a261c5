//! The command line: what can be typed, and what each command does.

mod admin;

use crate::{
    Config, Server,
    admin::client,
    config::{Finding, Typed},
    logging::Log,
    now, ping, store,
};
use anyhow::{Context, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};
use twocan_papers::Papers;
use twocan_proto::registry_url::RegistryUrl;

/// A small server that maps names to addresses and keys, for twocan.
#[derive(Debug, Parser)]
#[command(name = "twocan-registry", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry until SIGTERM or SIGINT
    Serve(Serve),
    /// Print pong when a registry answers
    Ping {
        /// The registry, such as https://HOST:7443#sha256-FINGERPRINT; the one of
        /// this machine unless given
        #[arg(long, value_name = "URL")]
        registry: Option<RegistryUrl>,
        /// Configuration that says where the registry of this machine is
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Check a configuration file
    CheckConfig {
        /// The file; without it the defaults and the environment are checked
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Do what operators do, at a registry that is running or not
    Admin(admin::Admin),
    /// Copy everything into one file, while the registry runs or not
    Backup(Copying),
    /// Put a backup in the place of everything, while the registry runs or not
    Restore(Copying),
    #[command(flatten)]
    Papers(Papers),
}

#[derive(Debug, Args)]
struct Copying {
    /// Configuration that says where the registry is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Its data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The backup
    file: PathBuf,
}

#[derive(Debug, Clone, Args)]
struct Serve {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, made if missing
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// TCP address of the HTTPS service; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// UDP address of the heartbeats; the same as TCP unless given
    #[arg(long, value_name = "ADDR:PORT")]
    udp: Option<SocketAddr>,
    /// PEM file of the certificate chain
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl Cli {
    /// Does what was typed. Whatever fails is one line on standard error.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Ping { registry, config } => run_ping(registry, config),
            Command::CheckConfig { config } => run_check(config.as_deref()),
            Command::Admin(admin) => admin.run(),
            Command::Backup(copying) => copying.backup(),
            Command::Restore(copying) => copying.restore(),
            Command::Papers(papers) => papers.make(Self::command()).map_err(Into::into),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("twocan-registry: {}", one_line(&error));
                ExitCode::FAILURE
            }
        }
    }
}

/// An error with its causes. A multi-line cause (TOML shows the place) must stay
/// one line.
fn one_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn load(file: Option<&Path>, flags: Typed) -> anyhow::Result<Config> {
    // A name or value that is not Unicode cannot be one of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let typed = Typed::load(file, environment)?;
    Ok(typed.overlaid(flags).resolve()?)
}

impl Serve {
    fn load(&self) -> anyhow::Result<Config> {
        let Self {
            config,
            data,
            listen,
            udp,
            cert,
            key,
        } = self.clone();
        let flags = Typed {
            data,
            listen,
            udp,
            cert,
            key,
            ..Typed::default()
        };
        load(config.as_deref(), flags)
    }

    fn run(self) -> anyhow::Result<()> {
        let config = self.load()?;
        let log = Log::start(config.operation.log_format, &config.log);
        runtime()?.block_on(async {
            // Before the start, so that an early signal is not lost.
            let mut signals = Signals::new()?;
            let server = Server::start(config).await?;
            say(&format!("listening {}", server.url()))?;
            if let Some(url) = server.url_elsewhere() {
                tracing::info!("clients on other machines reach it as {url}");
            }
            while signals.next().await == Wish::Reload {
                self.reload(&server, &log);
            }
            tokio::select! {
                stopped = server.stop() => stopped.context("did not stop cleanly"),
                () = signals.stop_again() => bail!("stopped at once, as asked twice"),
            }
        })
    }

    /// Reads everything again; what is wrong with it leaves all as it was.
    fn reload(&self, server: &Server, log: &Log) {
        let reloaded = self.load().and_then(|config| {
            let filter = config.log.clone();
            let waiting = server.reload(config)?;
            log.set(&filter);
            Ok(waiting)
        });
        match reloaded {
            Ok(waiting) => {
                tracing::info!("configuration and certificate were read again");
                for key in waiting {
                    tracing::warn!(key, "this setting waits for a restart");
                }
            }
            Err(error) => {
                tracing::error!(
                    error = %one_line(&error),
                    "the new configuration is not used; everything is as it was"
                );
            }
        }
    }
}

fn run_ping(registry: Option<RegistryUrl>, config: Option<PathBuf>) -> anyhow::Result<()> {
    let url = match registry {
        Some(url) => url,
        None => ping::own_url(&load(config.as_deref(), Typed::default())?),
    };
    runtime()?.block_on(ping::ping(&url))?;
    say("pong")
}

/// Says every finding on standard error; a warning alone is no failure.
fn run_check(config: Option<&Path>) -> anyhow::Result<()> {
    let findings = load(config, Typed::default())?.findings();
    let errors = findings
        .iter()
        .filter(|finding| matches!(finding, Finding::Error(_)))
        .count();
    for finding in &findings {
        eprintln!("{finding}");
    }
    match errors {
        0 => say("ok"),
        1 => bail!("the configuration has an error"),
        _ => bail!("the configuration has {errors} errors"),
    }
}

impl Copying {
    fn load(&self) -> anyhow::Result<(Config, PathBuf)> {
        let flags = Typed {
            data: self.data.clone(),
            ..Typed::default()
        };
        let file = std::path::absolute(&self.file)?;
        Ok((load(self.config.as_deref(), flags)?, file))
    }

    fn backup(&self) -> anyhow::Result<()> {
        let (config, file) = self.load()?;
        let content = store::backup(&config.database(), &file, now())?;
        let rows = content.rows.iter();
        let rows: Vec<_> = rows
            .map(|(table, rows)| format!("{table} {rows}"))
            .collect();
        say(&format!(
            "{}: verified; {}",
            file.display(),
            rows.join(", ")
        ))
    }

    fn restore(&self) -> anyhow::Result<()> {
        let (config, file) = self.load()?;
        let done = runtime()?.block_on(client::restore(config, file))?;
        let accounts = &done["rows"]["accounts"];
        say(&format!(
            "restored {accounts} accounts; what was there before is in before-restore.db of the data folder"
        ))
    }
}

/// The requests have threads of their own; one is enough for the rest.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start")
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Stop,
    Reload,
}

/// SIGTERM, SIGINT and SIGHUP.
struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.term.recv() => Wish::Stop,
            _ = self.int.recv() => Wish::Stop,
            _ = self.hup.recv() => Wish::Reload,
        }
    }

    /// Returns when a second stop is asked for; a reload is too late.
    async fn stop_again(&mut self) {
        while self.next().await != Wish::Stop {}
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> Wish {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Wish::Stop
    }

    async fn stop_again(&mut self) {
        self.next().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn man_pages_and_completions_name_each_command() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(twocan_papers::check(&Cli::command(), folder.path()), Ok(()));
    }
}
