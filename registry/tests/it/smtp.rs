//! A mail server that speaks as much of RFC 5321 as a client needs to hand over a
//! mail, and keeps what it is given.

use crate::common::BOUND;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// How the server takes mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// All of them.
    Takes,
    /// None, for good (550).
    Refuses,
    /// None, and says nothing after its greeting.
    Hangs,
}

/// A mail as it came.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Headers and text, transfer encoding undone.
    pub(crate) content: String,
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
    mails: mpsc::Receiver<Mail>,
    _serving: JoinSet<()>,
}

impl MailServer {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (kept, mails) = mpsc::channel(64);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, manner, kept.clone()));
            }
        });
        Self {
            address,
            mails,
            _serving: serving,
        }
    }

    /// The next mail.
    pub(crate) async fn mail(&mut self) -> Mail {
        let mail = tokio::time::timeout(BOUND, self.mails.recv()).await;
        mail.expect("a mail comes in time").unwrap()
    }

    /// That no mail comes, as far as a short while can show.
    pub(crate) async fn no_mail(&mut self) {
        let mail = tokio::time::timeout(Duration::from_millis(300), self.mails.recv()).await;
        assert!(mail.is_err(), "there is a mail: {mail:?}");
    }
}

async fn converse(stream: TcpStream, manner: Manner, kept: mpsc::Sender<Mail>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut say = async |text: &str| write.write_all(format!("{text}\r\n").as_bytes()).await;
    drop(say("220 mail.test ESMTP").await);
    if manner == Manner::Hangs {
        std::future::pending::<()>().await;
    }
    let (mut from, mut to) = (String::new(), Vec::new());
    while let Ok(Some(line)) = lines.next_line().await {
        let command = line.to_ascii_uppercase();
        let answer = match command.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail.test\r\n250 8BITMIME",
            "MAIL" => {
                from = path(&line);
                "250 ok"
            }
            "RCPT" if manner == Manner::Refuses => "550 no such mailbox",
            "RCPT" => {
                to.push(path(&line));
                "250 ok"
            }
            "DATA" => {
                drop(say("354 go on").await);
                let mut raw = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    // Section 4.5.2: a dot at the beginning was doubled.
                    raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    raw.push('\n');
                }
                let mail = Mail {
                    from: std::mem::take(&mut from),
                    to: std::mem::take(&mut to),
                    content: plain(&raw),
                };
                drop(kept.send(mail).await);
                "250 taken"
            }
            "RSET" | "NOOP" => "250 ok",
            "QUIT" => {
                drop(say("221 bye").await);
                return;
            }
            _ => "500 what?",
        };
        if say(answer).await.is_err() {
            return;
        }
    }
}

/// The address between the brackets of a command.
fn path(line: &str) -> String {
    let (_, rest) = line.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}

/// Undoes quoted-printable (RFC 2045 section 6.7) where the mail declares it.
fn plain(raw: &str) -> String {
    if !raw.contains("Content-Transfer-Encoding: quoted-printable") {
        return raw.to_owned();
    }
    let joined = raw.replace("=\n", "");
    let mut out = Vec::new();
    let mut bytes = joined.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'=' {
            out.push(byte);
            continue;
        }
        let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
        match data_encoding::HEXUPPER.decode(&hex) {
            Ok(decoded) => out.extend(decoded),
            // Headers are not encoded so.
            Err(_) => out.extend([b'=', hex[0], hex[1]]),
        }
    }
    String::from_utf8(out).unwrap()
}
