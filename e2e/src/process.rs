//! The real programs: where they are, how they are ended, and what is said
//! about them when a test fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Names the folder of ready-made programs, so that nothing is built.
pub const BIN_DIR_VARIABLE: &str = "TWOCAN_BIN_DIR";

/// How often a condition that nothing announces is looked at.
const POLL: Duration = Duration::from_millis(10);
/// How often sound is tried that a busy machine may have spoiled.
const TRIES: usize = 3;
/// How long a program may take to end after a polite request.
const ENDING: Duration = Duration::from_secs(20);

/// Ends a test with a sentence about what could not be done.
pub trait Must<T> {
    /// The value.
    ///
    /// # Panics
    /// Says that `what` failed, and why, if there is no value.
    fn must(self, what: &str) -> T;
}

impl<T, E: std::fmt::Display> Must<T> for Result<T, E> {
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

impl<T> Must<T> for Option<T> {
    #[track_caller]
    fn must(self, what: &str) -> T {
        let Some(value) = self else {
            panic!("{what}: nothing there")
        };
        value
    }
}

/// The client, `twocan`.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn twocan() -> PathBuf {
    bin_dir().join("twocan")
}

/// The registry, `twocan-registry`.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn twocan_registry() -> PathBuf {
    bin_dir().join("twocan-registry")
}

/// A folder for what tests may keep from one run to the next.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn cache_dir() -> PathBuf {
    let dir = profile_dir().join("e2e-cache");
    std::fs::create_dir_all(&dir).must("make the folder for the tests' cache");
    dir
}

/// The folder with both programs, built once a process if nobody did before.
fn bin_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| match std::env::var_os(BIN_DIR_VARIABLE) {
        Some(dir) => PathBuf::from(dir),
        None => build(),
    })
}

/// Builds the programs in the profile and folder of the running test; cargo's
/// own lock makes several test processes wait for one build.
fn build() -> PathBuf {
    let dir = profile_dir();
    let target = dir.parent().must("find cargo's target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([
            "build",
            "--quiet",
            "--locked",
            "--workspace",
            "--bins",
            "--target-dir",
        ])
        .arg(target);
    if dir.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let status = cargo.status().must("run cargo");
    assert!(
        status.success(),
        "the programs under test do not build: {status}"
    );
    dir
}

/// `target/debug` or `target/release` of the running test or program.
fn profile_dir() -> PathBuf {
    let own = std::env::current_exe().must("find the running test");
    let mut dir = own
        .parent()
        .must("find the folder of the running test")
        .to_path_buf();
    if dir.ends_with("deps") {
        dir.pop();
    }
    dir
}

/// A process that ends with its owner.
#[derive(Debug)]
pub struct Program {
    child: Child,
    name: String,
    stderr: Option<PathBuf>,
}

impl Program {
    /// Starts a program, with its standard error in the file `stderr`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command, stderr: &Path) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(stderr)
            .must("open a log");
        let child = command.stderr(log).spawn().must(&format!("start {name}"));
        Self {
            child,
            name: name.to_owned(),
            stderr: Some(stderr.to_path_buf()),
        }
    }

    /// The running process, to take its pipes from.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, in the middle of whatever it does.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill9(&mut self) {
        self.child.kill().must("kill a process");
        self.child.wait().must("wait for a killed process");
    }

    /// Asks it to end (SIGTERM) and waits for that.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn terminate(&mut self) -> ExitStatus {
        signal(self.pid(), "TERM");
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_within(ENDING)
    }

    /// Waits for its end, for as long as its work takes.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn wait_within(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().must("look after a process") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} did not end within {limit:?}\n{}",
                self.name,
                self.log()
            );
            std::thread::sleep(POLL);
        }
    }

    /// The end of what it wrote to standard error.
    #[must_use]
    pub fn log(&self) -> String {
        let text = self
            .stderr
            .as_ref()
            .and_then(|path| std::fs::read(path).ok())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.len().saturating_sub(60);
        format!(
            "--- standard error of {}:\n{}",
            self.name,
            lines[start..].join("\n")
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nothing more can be done about a process that cannot be ended.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Sends a signal by name to one process.
///
/// # Panics
/// If that process is not there.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .must("run kill");
    assert!(status.success(), "cannot send {name} to process {pid}");
}

/// Before a program's own words: it is told as an error, as programs are that
/// want to go on, when a file may not grow.
pub const HEARS_LIMITS: [&str; 4] = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];

/// No file may grow beyond so many bytes (or `unlimited`) by what process `pid`
/// writes: a disk that is full, for whoever may not mount a small one.
///
/// # Panics
/// If the system refuses.
pub fn limit_files(pid: u32, bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--fsize={bytes}:")])
        .status()
        .must("run prlimit");
    assert!(status.success(), "files of {pid} cannot be limited");
}

/// Waits until `condition` holds and says what was awaited if it never does.
///
/// # Panics
/// If the time is over.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "waited {limit:?} in vain: {what}"
        );
        std::thread::sleep(POLL);
    }
}

/// Tries what only a machine that keeps time can do: sound in real time. A
/// fault of the program shows each time; that other programs had the processor
/// just then does not.
///
/// # Panics
/// If no try succeeds; names the fault of each.
#[track_caller]
pub fn in_real_time(what: &str, mut attempt: impl FnMut() -> Result<(), String>) {
    let mut faults = Vec::new();
    for _ in 0..TRIES {
        match attempt() {
            Ok(()) => return,
            Err(fault) => {
                eprintln!("{what}: {fault}");
                faults.push(fault);
            }
        }
    }
    panic!("{what}, each time: {}", faults.join("\n"));
}
