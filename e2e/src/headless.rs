//! A client without a terminal, driven by the JSON lines of its headless
//! interface.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::process::{Must, Program, twocan};

/// How long an answer or an event may take. A loaded machine with two cores
/// needs seconds for what otherwise takes milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a client is started with; one profile can be started again and again.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The folder of everything it keeps.
    pub data: PathBuf,
    /// Its display name.
    pub name: String,
    /// Where it listens. Set to the port it was given at the first start, so
    /// that others find it again.
    pub listen: String,
    /// URLs of its registries.
    pub registries: Vec<String>,
    /// Microphone and loudspeaker, as the command line takes them.
    pub audio_in: String,
    /// See `audio_in`.
    pub audio_out: String,
    /// Accepts contact requests by itself.
    pub auto_accept: bool,
    /// Answers calls by itself.
    pub auto_answer: bool,
    /// The file with its passphrase; without one it is not encrypted.
    pub passphrase_file: Option<PathBuf>,
    /// More variables for its environment.
    pub environment: Vec<(String, String)>,
    /// A program with its arguments that becomes the client, which it gets as
    /// further arguments.
    pub under: Vec<String>,
}

impl Profile {
    /// A profile in a folder of its own under `folder`, listening on loopback,
    /// with no sound.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            data: folder.join(name),
            name: name.to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            registries: Vec::new(),
            audio_in: "silence".to_owned(),
            audio_out: "null".to_owned(),
            auto_accept: false,
            auto_answer: false,
            passphrase_file: None,
            environment: Vec::new(),
            under: Vec::new(),
        }
    }

    /// Accepts contact requests by itself.
    #[must_use]
    pub fn accepting(mut self) -> Self {
        self.auto_accept = true;
        self
    }

    /// Answers calls by itself.
    #[must_use]
    pub fn answering(mut self) -> Self {
        self.auto_answer = true;
        self
    }

    /// Signs in at a registry.
    #[must_use]
    pub fn registry(mut self, url: &str) -> Self {
        self.registries.push(url.to_owned());
        self
    }

    /// Uses this microphone and this loudspeaker.
    #[must_use]
    pub fn sound(mut self, input: &str, output: &str) -> Self {
        self.audio_in = input.to_owned();
        self.audio_out = output.to_owned();
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// If it is not ready in time.
    pub fn start(&mut self) -> Headless {
        let client = Headless::start(self);
        client.listen().clone_into(&mut self.listen);
        client
    }

    /// Runs it to its end while it is running already: its exit code and what
    /// it wrote to standard error.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn second_start(&self) -> (Option<i32>, String) {
        let output = self
            .command()
            .stdin(Stdio::null())
            .output()
            .must("start a client");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    fn command(&self) -> Command {
        let mut words = self.under.iter().map(OsString::from).collect::<Vec<_>>();
        words.push(twocan().into());
        let mut command = Command::new(words.remove(0));
        command.args(words);
        command.arg("headless").arg("--data").arg(&self.data);
        command.args(["--listen", &self.listen, "--name", &self.name]);
        command.args(["--audio-in", &self.audio_in, "--audio-out", &self.audio_out]);
        command.arg("--no-lan");
        match &self.passphrase_file {
            Some(file) => command.arg("--passphrase-file").arg(file),
            None => command.arg("--no-passphrase"),
        };
        for url in &self.registries {
            command.args(["--registry", url]);
        }
        if self.auto_accept {
            command.arg("--auto-accept");
        }
        if self.auto_answer {
            command.arg("--auto-answer");
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// An answer that is an error.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The word a program decides by.
    pub code: String,
    /// The sentence a person reads.
    pub message: String,
    /// What would make the same request succeed; empty if nothing is said.
    pub needs: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Everything a client has written, in order.
#[derive(Debug, Default)]
struct Transcript {
    lines: Vec<Value>,
    /// Events that a wait has returned are not returned again.
    taken: Vec<bool>,
    ended: bool,
}

type Shared = Arc<(Mutex<Transcript>, Condvar)>;

/// A running client.
#[derive(Debug)]
pub struct Headless {
    name: String,
    program: Program,
    input: Option<ChildStdin>,
    transcript: Shared,
    next_id: u64,
    ready: Value,
}

impl Headless {
    fn start(profile: &Profile) -> Self {
        std::fs::create_dir_all(&profile.data).must("make a profile's folder");
        let log = profile.data.with_extension("log");
        let mut command = profile.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Program::start(&profile.name, &mut command, &log);
        let input = program.child().stdin.take();
        let output = program
            .child()
            .stdout
            .take()
            .must("take the client's output");
        let transcript = Shared::default();
        let writer = Arc::clone(&transcript);
        std::thread::spawn(move || read_lines(output, &writer));
        let mut client = Self {
            name: profile.name.clone(),
            program,
            input,
            transcript,
            next_id: 0,
            ready: Value::Null,
        };
        client.ready = client.event("ready", |_| true);
        client
    }

    /// The event with which it said that it is ready.
    #[must_use]
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Its peer id.
    #[must_use]
    pub fn peer_id(&self) -> &str {
        text(&self.ready, "peer_id")
    }

    /// The address and port it listens on.
    #[must_use]
    pub fn listen(&self) -> &str {
        text(&self.ready, "listen")
    }

    /// Number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Sends a request and goes on; the number is that of the answer. A client
    /// that is gone takes requests as a dead one does: not at all.
    pub fn post(&mut self, verb: &str, fields: Value) -> u64 {
        self.next_id += 1;
        let mut request = Map::new();
        request.insert("id".to_owned(), json!(self.next_id));
        request.insert("do".to_owned(), json!(verb));
        if let Value::Object(fields) = fields {
            request.extend(fields);
        }
        self.post_line(&Value::Object(request).to_string());
        self.next_id
    }

    /// Sends a line as it is.
    pub fn post_line(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            // A broken pipe means that the client is gone; whoever waits for
            // an answer is told so.
            drop(writeln!(input, "{line}").and_then(|()| input.flush()));
        }
    }

    /// The answer to a request, if it is there already.
    #[must_use]
    pub fn answered(&self, id: u64) -> Option<Result<Value, Refusal>> {
        lock(&self.transcript.0)
            .lines
            .iter()
            .find_map(|line| answer_in(line, id))
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// The error the client answers with.
    ///
    /// # Panics
    /// If there is no answer in time.
    #[track_caller]
    pub fn ask(&mut self, verb: &str, fields: Value) -> Result<Value, Refusal> {
        let id = self.post(verb, fields);
        self.wait(
            &format!("an answer to {verb} (request {id})"),
            PATIENCE,
            |transcript| transcript.lines.iter().find_map(|line| answer_in(line, id)),
        )
    }

    /// Like [`Self::ask`], for what has to succeed.
    ///
    /// # Panics
    /// If the client refuses, or there is no answer in time.
    #[track_caller]
    pub fn must(&mut self, verb: &str, fields: Value) -> Value {
        match self.ask(verb, fields) {
            Ok(answer) => answer,
            Err(refusal) => panic!(
                "{}: {verb} was refused: {refusal}\n{}",
                self.name,
                self.report()
            ),
        }
    }

    /// Waits for the answer to a line that has no number.
    ///
    /// # Panics
    /// If there is none with this error code in time.
    #[track_caller]
    pub fn null_answer(&self, code: &str) {
        self.wait(
            &format!("'{code}' for a line without a number"),
            PATIENCE,
            |transcript| {
                let fits = |line: &&Value| line["id"].is_null() && line["error"]["code"] == code;
                transcript.lines.iter().find(fits).map(|_| ())
            },
        );
    }

    /// Waits for an event of this name for which `wanted` holds. Each event is
    /// returned once, whether it came before the call or comes after.
    ///
    /// # Panics
    /// If there is none in time.
    #[track_caller]
    pub fn event(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.event_within(PATIENCE, name, wanted)
    }

    /// Like [`Self::event`], with another limit.
    ///
    /// # Panics
    /// If there is none in time.
    #[track_caller]
    pub fn event_within(
        &self,
        limit: Duration,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.wait(&format!("an event '{name}'"), limit, |transcript| {
            let fits = |line: &Value| line["event"] == name && wanted(line);
            let at = (0..transcript.lines.len())
                .find(|&i| !transcript.taken[i] && fits(&transcript.lines[i]))?;
            transcript.taken[at] = true;
            Some(transcript.lines[at].clone())
        })
    }

    /// Waits for a call to reach a state.
    ///
    /// # Panics
    /// If it does not in time.
    #[track_caller]
    pub fn call_state(&self, state: &str) -> Value {
        self.event("call", |event| event["state"] == state)
    }

    /// All events of a name so far.
    #[must_use]
    pub fn seen(&self, name: &str) -> Vec<Value> {
        lock(&self.transcript.0)
            .lines
            .iter()
            .filter(|line| line["event"] == name)
            .cloned()
            .collect()
    }

    /// The whole conversation with a contact, page by page, as the store has
    /// it.
    ///
    /// # Panics
    /// If the client refuses.
    #[track_caller]
    pub fn history_with(&mut self, contact: &str) -> Vec<Value> {
        const PAGE: usize = 100;
        let mut all: Vec<Value> = Vec::new();
        loop {
            let mut fields = json!({"with": contact, "limit": PAGE});
            // The first page has to be the oldest one: nothing is before a
            // page that is shorter than asked for.
            if let Some(first) = all.first() {
                fields["before"] = first["id"].clone();
            }
            let answer = self.must("history", fields);
            let page = answer["messages"]
                .as_array()
                .cloned()
                .must("read the page of a history");
            let last = page.len() < PAGE;
            all.splice(0..0, page);
            if last {
                return all;
            }
        }
    }

    /// Ends it in the middle of whatever it does.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill9(mut self) {
        self.program.kill9();
    }

    /// Ends it like [`Self::kill9`] and starts `profile`, which is its own, anew.
    ///
    /// # Panics
    /// If it is not ready in time.
    pub fn restart(&mut self, profile: &mut Profile) {
        self.program.kill9();
        *self = profile.start();
    }

    /// Asks it to end and waits for that.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn quit(mut self) -> ExitStatus {
        self.post("quit", Value::Null);
        self.input = None;
        self.program.wait()
    }

    /// Asks it to end by SIGTERM and waits for that.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn terminate(mut self) -> ExitStatus {
        self.program.terminate()
    }

    /// What it wrote, for the report of a failure.
    #[must_use]
    pub fn report(&self) -> String {
        const SHOWN: usize = 80;
        let transcript = lock(&self.transcript.0);
        let start = transcript.lines.len().saturating_sub(SHOWN);
        let lines: Vec<String> = transcript.lines[start..]
            .iter()
            .map(Value::to_string)
            .collect();
        format!(
            "--- written by {}:\n{}\n{}",
            self.name,
            lines.join("\n"),
            self.program.log()
        )
    }

    #[track_caller]
    fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&mut Transcript) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + limit;
        let (mutex, changed) = &*self.transcript;
        let mut transcript = lock(mutex);
        loop {
            if let Some(found) = look(&mut transcript) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if transcript.ended || left.is_zero() {
                let ended = transcript.ended;
                drop(transcript);
                let why = if ended {
                    "it ended"
                } else {
                    "the time is over"
                };
                panic!("{}: no {what}: {why}\n{}", self.name, self.report());
            }
            transcript = changed
                .wait_timeout(transcript, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.report());
        }
    }
}

/// A text field of an answer or event.
///
/// # Panics
/// If it is not there.
#[must_use]
#[track_caller]
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    match value[field].as_str() {
        Some(text) => text,
        None => panic!("no text '{field}' in {value}"),
    }
}

fn answer_in(line: &Value, id: u64) -> Option<Result<Value, Refusal>> {
    if line["id"] != id || line.get("event").is_some() {
        return None;
    }
    let word = |field: &str| line["error"][field].as_str().unwrap_or_default().to_owned();
    Some(match line.get("error") {
        Some(_) => Err(Refusal {
            code: word("code"),
            message: word("message"),
            needs: word("needs"),
        }),
        None => Ok(line["ok"].clone()),
    })
}

fn read_lines(output: ChildStdout, transcript: &Shared) {
    let (mutex, changed) = &**transcript;
    for line in BufReader::new(output).lines() {
        let Ok(line) = line else { break };
        // Whatever is not JSON must not be there; kept as text, it shows up
        // in the report of the test that fails by it.
        let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
        let mut transcript = lock(mutex);
        transcript.lines.push(value);
        transcript.taken.push(false);
        changed.notify_all();
    }
    lock(mutex).ended = true;
    changed.notify_all();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
