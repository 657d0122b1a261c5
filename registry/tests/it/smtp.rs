//! A mail server of others, aiosmtpd, on a free port: `mail_server.py` tells what
//! it is given.

use crate::common::BOUND;
use serde::Deserialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Pythons that may have aiosmtpd: the system's comes first, as its package
/// manager installs it there.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];

/// How the server takes mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// All of them.
    Takes,
    /// All of them, each after half a second.
    Slow,
    /// All but the first, which is to come again (451).
    Later,
    /// None, for good (550).
    Refuses,
    /// None, and says nothing after its greeting.
    Hangs,
}

/// How its connections are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// STARTTLS, before which no mail is taken.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

/// A mail as it came.
#[derive(Debug, Deserialize)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// The text, transfer encoding undone.
    pub(crate) content: String,
    /// Who signed in for it.
    pub(crate) user: Option<String>,
}

impl Mail {
    /// The rest of the line after `before`.
    pub(crate) fn after(&self, before: &str) -> &str {
        let (_, rest) = self.content.split_once(before).unwrap();
        rest.lines().next().unwrap().trim_end()
    }
}

/// A running mail server; it ends with the handle.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    said: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl MailServer {
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::run(manner, &[]).await
    }

    /// One that shows the certificate in `cert.pem` of a folder (its key is in
    /// `key.pem`), and takes mails of the user `registry` alone.
    pub(crate) async fn protected(protection: Protection, folder: &Path, password: &str) -> Self {
        let tls = match protection {
            Protection::Starttls => "starttls",
            Protection::Tls => "tls",
        };
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let options = [
            ["--tls", tls],
            ["--cert", cert.to_str().unwrap()],
            ["--key", key.to_str().unwrap()],
            ["--password", password],
        ];
        Self::run(Manner::Takes, options.as_flattened()).await
    }

    async fn run(manner: Manner, options: &[&str]) -> Self {
        for python in PYTHONS {
            if let Some(server) = Self::run_in(python, manner, options).await {
                return server;
            }
        }
        panic!("aiosmtpd is missing (make deps-test installs it)");
    }

    /// `None` where this Python is not, or has no aiosmtpd.
    async fn run_in(python: &str, manner: Manner, options: &[&str]) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mail_server.py");
        let manner = match manner {
            Manner::Takes => "takes",
            Manner::Slow => "slow",
            Manner::Later => "later",
            Manner::Refuses => "refuses",
            Manner::Hangs => "hangs",
        };
        let mut process = Command::new(python)
            .args([script, manner])
            .args(options)
            // It ends when the pipe does, should this process be killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let mut said = BufReader::new(process.stdout.take()?).lines();
        let port = tokio::time::timeout(BOUND, said.next_line()).await;
        let port = port.expect("the mail server starts in time").unwrap()?;
        Some(Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap())),
            said,
            _process: process,
        })
    }

    /// The next mail.
    pub(crate) async fn mail(&mut self) -> Mail {
        self.next().await.expect("this one was sent away")
    }

    /// Waits for a mail that is sent away.
    pub(crate) async fn sends_away(&mut self) {
        let mail = self.next().await;
        assert!(mail.is_none(), "{mail:?} was taken");
    }

    async fn next(&mut self) -> Option<Mail> {
        let said = tokio::time::timeout(BOUND, self.said.next_line()).await;
        let said = said.expect("a mail comes in time").unwrap().unwrap();
        serde_json::from_str(&said).unwrap()
    }

    /// That no mail comes, as far as a short while can show.
    pub(crate) async fn no_mail(&mut self) {
        let mail = tokio::time::timeout(Duration::from_millis(300), self.said.next_line()).await;
        assert!(mail.is_err(), "there is a mail: {mail:?}");
    }
}
