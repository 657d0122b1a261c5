//! The real program, started and ended by tests.

use reqwest::Client;
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};
use twocan_proto::registry_url::RegistryUrl;
use twocan_registry::ping;

/// How long anything may take before a test fails.
const BOUND: Duration = Duration::from_secs(30);

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twocan-registry"));
    command
        .args(arguments)
        .env("TWOCAN_REGISTRY_BCRYPT_COST", "4")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command of the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// Runs one that must succeed, and gives what it printed.
pub(crate) fn said(arguments: &[&str]) -> String {
    let output = run(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        last_line(&output)
    );
    text
}

/// Runs one that must fail in one line, and gives that.
pub(crate) fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    let line = last_line(&output);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {line}");
    assert!(output.stdout.is_empty());
    line
}

pub(crate) fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().last().unwrap_or_default().to_owned()
}

/// A running registry; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) url: RegistryUrl,
    pub(crate) data: PathBuf,
    log: Option<std::thread::JoinHandle<String>>,
}

impl Running {
    /// Serves from `data` on a free port.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    pub(crate) fn start_with(data: &Path, more: &[&str]) -> Self {
        let folder = data.to_str().unwrap();
        let mut arguments = vec!["serve", "--data", folder, "--listen", "127.0.0.1:0"];
        arguments.extend(more);
        Self::of(program(&arguments), data)
    }

    /// Waits until `command`, which serves from `data`, answers.
    pub(crate) fn of(mut command: Command, data: &Path) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            drop(stderr.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim_end().strip_prefix("listening ");
        let Some(url) = url else {
            drop(child.kill());
            panic!("it said {line:?}: {}", log.join().unwrap());
        };
        Self {
            url: url.parse().unwrap(),
            child,
            data: data.to_owned(),
            log: Some(log),
        }
    }

    /// An HTTPS client for it.
    pub(crate) fn client(&self) -> Client {
        ping::client(self.url.pin()).unwrap()
    }

    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url.base())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// How it ended, and its log.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let status = self.wait();
        (status, self.log.take().unwrap().join().unwrap())
    }

    fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < BOUND, "still running");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (status, log) = self.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }

    /// What `admin` answers, as JSON.
    pub(crate) fn admin(&self, arguments: &[&str]) -> serde_json::Value {
        admin(&self.data, arguments)
    }
}

/// What `admin` answers for a registry in `data`, running or not.
pub(crate) fn admin(data: &Path, arguments: &[&str]) -> serde_json::Value {
    let mut all = vec!["admin", "--data", data.to_str().unwrap(), "--json"];
    all.extend(arguments);
    serde_json::from_str(&said(&all)).unwrap()
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone unless the test failed half-way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until `holds` gives something.
pub(crate) async fn until<T>(what: &str, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = holds().await {
            return value;
        }
        assert!(begun.elapsed() < BOUND, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
