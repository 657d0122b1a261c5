//! A registry of its own for a test, on loopback and free ports.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::https::Client;
use crate::process::{Must, Program, signal, twocan_registry};

/// How long the registry may take to answer after its start.
const READY: Duration = Duration::from_secs(30);

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    program: Program,
    data: PathBuf,
    environment: Vec<(String, String)>,
    url: String,
    lines: Mutex<Receiver<String>>,
}

impl Registry {
    /// Starts one that keeps its data in `folder`, made if missing, on a free
    /// port.
    ///
    /// # Panics
    /// If it does not say in time where it listens.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// Like [`Self::start`], with settings by the name that its configuration
    /// file has for them.
    ///
    /// # Panics
    /// If it does not say in time where it listens.
    #[must_use]
    pub fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(key, value)| {
            (
                format!("TWOCAN_REGISTRY_{}", key.to_uppercase()),
                (*value).to_owned(),
            )
        });
        Self::start_at(folder, "127.0.0.1:0", settings.collect())
    }

    fn start_at(folder: &Path, listen: &str, environment: Vec<(String, String)>) -> Self {
        std::fs::create_dir_all(folder).must("make the registry's folder");
        let config = configuration(folder);
        File::options()
            .create(true)
            .append(true)
            .open(&config)
            .must("make a configuration");
        let mut command = Command::new(twocan_registry());
        command
            .arg("serve")
            .arg("--data")
            .arg(folder)
            .arg("--config")
            .arg(config)
            .args(["--listen", listen]);
        command
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut program =
            Program::start("the registry", &mut command, &folder.join("registry.log"));
        let output = program
            .child()
            .stdout
            .take()
            .must("take the registry's output");
        let lines = lines_of(output);
        let Ok(line) = lines.recv_timeout(READY) else {
            panic!(
                "the registry did not say where it listens\n{}",
                program.log()
            );
        };
        let url = line
            .strip_prefix("listening ")
            .must(&format!("read '{line}'"))
            .to_owned();
        Self {
            program,
            data: folder.to_path_buf(),
            environment,
            url,
            lines: Mutex::new(lines),
        }
    }

    /// Its URL with the fingerprint of its certificate, as clients take it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        let address = self.url.trim_start_matches("https://");
        address
            .split_once('#')
            .map_or(address, |(address, _)| address)
    }

    /// A plain HTTPS connection to it.
    ///
    /// # Panics
    /// If it cannot be reached.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::connect(&self.url)
    }

    /// Puts other settings in force while it runs, beside those that it was
    /// started with: the lines of its configuration file.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn reload(&self, settings: &str) {
        std::fs::write(configuration(&self.data), settings).must("write the configuration");
        signal(self.pid(), "HUP");
    }

    /// Asks it to end, waits for that, and checks that the line that says
    /// where it listens was the only one on its standard output.
    ///
    /// # Panics
    /// If it does not end in time or wrote more.
    pub fn stop(mut self) -> ExitStatus {
        let status = self.program.terminate();
        let lines = self.lines.get_mut().unwrap_or_else(PoisonError::into_inner);
        let more: Vec<String> = lines.iter().collect();
        assert!(
            more.is_empty(),
            "the registry wrote more than one line: {more:?}"
        );
        status
    }

    /// Ends it in the middle of whatever it does, and starts it again with the
    /// same data at the same address.
    ///
    /// # Panics
    /// If it does not come back in time.
    #[must_use]
    pub fn crash_and_restart(mut self) -> Self {
        self.program.kill9();
        Self::start_at(&self.data, self.address(), self.environment.clone())
    }

    /// Stops it and starts it again with the same data at the same address.
    ///
    /// # Panics
    /// If it does not end or come back in time.
    #[must_use]
    pub fn restart(self) -> Self {
        self.restart_after(|| {})
    }

    /// The same, and does something while it is away.
    ///
    /// # Panics
    /// If it does not end or come back in time.
    #[must_use]
    pub fn restart_after(self, meanwhile: impl FnOnce()) -> Self {
        let (data, address) = (self.data.clone(), self.address().to_owned());
        let environment = self.environment.clone();
        let status = self.stop();
        assert!(status.success(), "the registry ended with {status}");
        meanwhile();
        Self::start_at(&data, &address, environment)
    }
}

fn configuration(folder: &Path) -> PathBuf {
    folder.join("registry.toml")
}

/// The lines of a program's output; a program writes few, so the reader may
/// wait when nobody takes them.
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = sync_channel(16);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
