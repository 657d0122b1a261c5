//! The command line: what can be typed, and what each command does.

use crate::{Config, Server, config::Typed, ping};
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};
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
}

#[derive(Debug, Args)]
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
            Command::CheckConfig { config } => run_check(config),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // A multi-line cause (TOML shows the place) must stay one line.
                let line = format!("{error:#}")
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                eprintln!("twocan-registry: {line}");
                ExitCode::FAILURE
            }
        }
    }
}

fn load(file: Option<PathBuf>, flags: Typed) -> anyhow::Result<Config> {
    // A name or value that is not Unicode cannot be one of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let typed = Typed::load(file.as_deref(), environment)?;
    Ok(typed.overlaid(flags).resolve()?)
}

impl Serve {
    fn run(self) -> anyhow::Result<()> {
        let Self {
            config,
            data,
            listen,
            udp,
            cert,
            key,
        } = self;
        let flags = Typed {
            data,
            listen,
            udp,
            cert,
            key,
            ..Typed::default()
        };
        let config = load(config, flags)?;
        tracing_subscriber::fmt()
            .with_env_filter(log_filter(&config.log))
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
        runtime()?.block_on(async {
            // Before the start, so that an early signal is not lost.
            let stopped = Signals::new()?;
            let server = Server::start(config).await?;
            say(&format!("listening {}", server.url()))?;
            stopped.wait().await;
            server.stop().await.context("did not stop cleanly")
        })
    }
}

/// What the operator asked for, without the start and stop messages of the HTTP
/// server's threads; a directive for `actix_server` brings them back.
fn log_filter(asked: &str) -> tracing_subscriber::EnvFilter {
    tracing_subscriber::EnvFilter::new(format!("actix_server=warn,{asked}"))
}

fn run_ping(registry: Option<RegistryUrl>, config: Option<PathBuf>) -> anyhow::Result<()> {
    let url = match registry {
        Some(url) => url,
        None => ping::own_url(&load(config, Typed::default())?),
    };
    runtime()?.block_on(ping::ping(&url))?;
    say("pong")
}

fn run_check(config: Option<PathBuf>) -> anyhow::Result<()> {
    load(config, Typed::default())?;
    say("ok")
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

/// SIGTERM and SIGINT.
struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn wait(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
