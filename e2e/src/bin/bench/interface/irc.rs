//! As much of an IRC server as it takes to have one client in one channel, and
//! to say lines there at a steady pace.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use twocan_e2e::process::Must;

use super::{STEP, paced};

/// How long the client may take to join.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server for one client.
pub(super) struct Server {
    pub(super) port: u16,
    joined: Receiver<TcpStream>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").must("listen for a client");
        let port = listener.local_addr().must("read a port").port();
        let (tell, joined) = sync_channel(1);
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let tell = tell.clone();
                std::thread::spawn(move || serve(&client, &tell));
            }
        });
        Self { port, joined }
    }

    /// Waits until a client is in the channel; lines can be written to it then.
    pub(super) fn channel(&self) -> TcpStream {
        self.joined
            .recv_timeout(PATIENCE)
            .must("have a client join a channel")
    }
}

/// Says `count` lines in the channel, as many in each step as `rate` asks for.
pub(super) fn say(client: &mut TcpStream, count: usize, rate: usize) {
    paced(count, rate, STEP, |numbers| {
        let lines: String = numbers
            .map(|n| format!(":bob!u@h PRIVMSG #c :{}\r\n", super::line(n)))
            .collect();
        client.write_all(lines.as_bytes()).must("write to a client");
    });
}

/// Answers until the client is gone.
fn serve(client: &TcpStream, joined: &SyncSender<TcpStream>) {
    let mut nick = "me".to_owned();
    let reader = BufReader::new(client.try_clone().must("read from a client"));
    for line in reader.lines().map_while(Result::ok) {
        let mut words = line.split_whitespace();
        let (word, first) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let answer = match word.to_uppercase().as_str() {
            "NICK" => {
                first.trim_start_matches(':').clone_into(&mut nick);
                continue;
            }
            "CAP" if first == "LS" => ":stub CAP * LS :\r\n".to_owned(),
            "USER" => welcome(&nick),
            "JOIN" => format!(
                ":{nick}!u@h JOIN #c\r\n:stub 353 {nick} = #c :{nick} bob\r\n:stub 366 {nick} #c :end\r\n"
            ),
            "PING" => format!(":stub PONG stub :{}\r\n", first.trim_start_matches(':')),
            _ => continue,
        };
        let mut output = client;
        if output.write_all(answer.as_bytes()).is_err() {
            return;
        }
        if word.eq_ignore_ascii_case("JOIN")
            && let Ok(client) = client.try_clone()
        {
            // Only the first one is waited for.
            let _known = joined.try_send(client);
        }
    }
}

fn welcome(nick: &str) -> String {
    let lines = [
        ("001", ":Welcome"),
        ("002", ":host"),
        ("003", ":now"),
        ("004", "stub 1 io nt"),
        ("005", "NETWORK=stub CHANTYPES=# :are supported"),
        ("422", ":no motd"),
    ];
    lines
        .iter()
        .map(|(number, text)| format!(":stub {number} {nick} {text}\r\n"))
        .collect()
}
