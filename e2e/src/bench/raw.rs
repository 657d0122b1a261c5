//! A headless client whose lines are not looked into more than a measurement
//! needs, so that the measuring costs little beside what is measured.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Must, Program, twocan};

/// Lines read and not yet looked at, before the client has to wait.
const LINES: usize = 1 << 20;

/// A line, and when it came.
#[derive(Debug)]
pub struct Line {
    /// When it was read.
    pub at: Instant,
    /// As it came.
    pub text: String,
}

impl Line {
    /// Whether it is the event of this name.
    #[must_use]
    pub fn is_event(&self, name: &str) -> bool {
        let known = self.text.strip_prefix("{\"event\":\"");
        known.is_some_and(|rest| rest.starts_with(name) && rest[name.len()..].starts_with('"'))
    }
}

/// A running client.
#[derive(Debug)]
pub struct Raw {
    program: Program,
    input: BufWriter<ChildStdin>,
    lines: Receiver<Line>,
    ready: Value,
    next: u64,
}

impl Raw {
    /// Starts a client with its profile in `data`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(data: &Path, name: &str) -> Self {
        let mut command = Command::new(twocan());
        command.arg("headless").arg("--data").arg(data);
        command.args(["--listen", "127.0.0.1:0", "--name", name, "--no-lan"]);
        command.args(["--audio-in", "silence", "--audio-out", "null"]);
        command.args(["--auto-accept", "--no-passphrase"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Program::start(name, &mut command, &data.with_extension("log"));
        let input = program.child().stdin.take().must("write to a client");
        let output = program.child().stdout.take().must("read from a client");
        let (sender, lines) = sync_channel(LINES);
        std::thread::spawn(move || {
            let mut output = BufReader::with_capacity(1 << 16, output);
            let mut text = String::new();
            while output.read_line(&mut text).is_ok_and(|read| read > 0) {
                let line = Line {
                    at: Instant::now(),
                    text: std::mem::take(&mut text),
                };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut client = Self {
            program,
            input: BufWriter::with_capacity(1 << 16, input),
            lines,
            ready: Value::Null,
            next: 0,
        };
        let first = client.line(Duration::from_secs(60));
        client.ready = serde_json::from_str(&first.text).must("read the first line");
        client
    }

    /// A field of the first line.
    #[must_use]
    pub fn ready(&self, field: &str) -> String {
        self.ready[field].as_str().unwrap_or_default().to_owned()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Asks for something; the line is on its way only after [`Self::flush`].
    ///
    /// # Panics
    /// If the client is gone.
    pub fn post(&mut self, verb: &str, mut fields: Value) -> u64 {
        self.next += 1;
        fields["id"] = self.next.into();
        fields["do"] = verb.into();
        writeln!(self.input, "{fields}").must("ask a client");
        self.next
    }

    /// Sends what was asked.
    ///
    /// # Panics
    /// If the client is gone.
    pub fn flush(&mut self) {
        self.input.flush().must("ask a client");
    }

    /// Asks, and waits for the answer.
    ///
    /// # Panics
    /// If it is an error, or does not come.
    pub fn ask(&mut self, verb: &str, fields: Value) -> Value {
        let id = self.post(verb, fields);
        self.flush();
        let begin = format!("{{\"id\":{id},");
        loop {
            let line = self.line(Duration::from_secs(120));
            if line.text.starts_with(&begin) {
                let answer: Value = serde_json::from_str(&line.text).must("read an answer");
                assert!(answer["error"].is_null(), "{verb}: {answer}");
                return answer["ok"].clone();
            }
        }
    }

    /// The next line, within `limit`.
    ///
    /// # Panics
    /// If there is none.
    pub fn line(&mut self, limit: Duration) -> Line {
        self.lines
            .recv_timeout(limit)
            .must("read a line of a client")
    }

    /// Waits for `count` events of this name, the last of which it gives.
    ///
    /// # Panics
    /// If they do not come, each within `limit` of the one before.
    pub fn events(&mut self, name: &str, count: usize, limit: Duration) -> Line {
        let mut seen = 0;
        loop {
            let line = self.line(limit);
            seen += usize::from(line.is_event(name));
            if seen == count {
                return line;
            }
        }
    }

    /// Waits for an event of this name with these characters in it.
    ///
    /// # Panics
    /// If it does not come, with `limit` between any two lines.
    pub fn line_with(&mut self, name: &str, part: &str, limit: Duration) -> Line {
        loop {
            let line = self.line(limit);
            if line.is_event(name) && line.text.contains(part) {
                return line;
            }
        }
    }

    /// Ends it and waits until it has.
    pub fn quit(mut self) {
        self.post("quit", Value::Object(serde_json::Map::new()));
        self.flush();
        self.program.wait();
    }

    /// Its memory that is its own and present, in MiB.
    #[must_use]
    pub fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.must("read a process's memory");
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }
}
