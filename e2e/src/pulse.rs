//! A private PulseAudio daemon with two pairs of virtual devices, so that two
//! clients talk through real device code and touch nobody's loudspeaker.
//!
//! ```text
//! say("a") -> sink a_micsrc -> source a_mic -> client a -> call -> client b -> sink b_spk -> heard("b")
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Must, Program, wait_until};

/// Set where leaving out the tests with devices would hide a fault.
pub const REQUIRE_VARIABLE: &str = "TWOCAN_REQUIRE_DEVICES";

/// How long the daemon may take until it answers.
const READY: Duration = Duration::from_secs(20);
/// Sample rate of the devices.
const RATE: u32 = 48_000;

/// A running daemon.
#[derive(Debug)]
pub struct Pulse {
    // Fields are dropped in order: the daemon ends before its folder goes.
    daemon: Program,
    folder: TempDir,
}

/// Whether the daemon is installed.
///
/// # Panics
/// If it is not, and [`REQUIRE_VARIABLE`] says that it has to be.
#[must_use]
pub fn available() -> bool {
    let found = Command::new("pulseaudio")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    assert!(
        found || std::env::var_os(REQUIRE_VARIABLE).is_none(),
        "pulseaudio is missing (make deps-test installs it)"
    );
    found
}

impl Pulse {
    /// Starts a daemon with a microphone and a loudspeaker for each side:
    /// `a_mic`, `a_spk`, `b_mic`, `b_spk`.
    ///
    /// # Panics
    /// If it does not answer in time.
    #[must_use]
    pub fn start(sides: [&str; 2]) -> Self {
        // The path of a socket is short by law: at most 107 bytes.
        let folder = tempfile::Builder::new()
            .prefix("twocan-pulse")
            .tempdir()
            .must("make a folder");
        let mut command = Command::new("pulseaudio");
        command.args([
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--realtime=no",
            "--high-priority=no",
        ]);
        command.args(["--use-pid-file=no", "-L"]);
        command.arg(format!(
            "module-native-protocol-unix auth-anonymous=1 socket={}",
            socket(folder.path()).display()
        ));
        for side in sides {
            for sink in ["spk", "micsrc"] {
                command.arg("-L").arg(format!(
                    "module-null-sink sink_name={side}_{sink} format=s16le rate={RATE} channels=1 norewinds=1"
                ));
            }
            command.arg("-L").arg(format!(
                "module-remap-source source_name={side}_mic master={side}_micsrc.monitor"
            ));
        }
        for (name, value) in environment(folder.path()) {
            command.env(name, value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let log = folder.path().join("pulseaudio.log");
        let daemon = Program::start("pulseaudio", &mut command, &log);
        let pulse = Self { daemon, folder };
        wait_until("pulseaudio lists its devices", READY, || {
            pulse.sources().contains(&format!("{}_mic", sides[1]))
        });
        pulse
    }

    /// The variables with which a client finds this daemon, with the devices
    /// of one side as its default ones.
    #[must_use]
    pub fn environment(&self, side: &str) -> Vec<(String, String)> {
        let mut variables = environment(self.folder.path());
        variables.push(("PULSE_SINK".to_owned(), format!("{side}_spk")));
        variables.push(("PULSE_SOURCE".to_owned(), format!("{side}_mic")));
        variables
    }

    /// Plays a WAV file into the microphone of a side, in real time.
    ///
    /// # Panics
    /// If pacat cannot be started.
    #[must_use]
    pub fn say(&self, side: &str, wav: &Path) -> Program {
        let mut command = self.tool("paplay");
        command.arg(format!("--device={side}_micsrc")).arg(wav);
        Program::start(
            "paplay",
            &mut command,
            &self.folder.path().join("paplay.log"),
        )
    }

    /// Records what the loudspeaker of a side plays, until [`Recording::stop`].
    ///
    /// # Panics
    /// If parec cannot be started.
    #[must_use]
    pub fn record(&self, side: &str) -> Recording {
        let path = self.folder.path().join(format!("{side}-heard.raw"));
        let file = std::fs::File::create(&path).must("make a recording");
        let mut command = self.tool("parec");
        command
            .arg(format!("--device={side}_spk.monitor"))
            .stdout(file);
        command.args([
            "--raw",
            "--format=s16le",
            "--channels=1",
            "--latency-msec=20",
        ]);
        command.arg(format!("--rate={RATE}"));
        let program = Program::start("parec", &mut command, &self.folder.path().join("parec.log"));
        let recording = Recording { program, path };
        wait_until("the recording begins", READY, || {
            std::fs::metadata(&recording.path).is_ok_and(|file| file.len() > 0)
        });
        recording
    }

    /// What the daemon says, for the report of a failure.
    #[must_use]
    pub fn report(&self) -> String {
        self.daemon.log()
    }

    fn sources(&self) -> String {
        let mut command = self.tool("pactl");
        let output = command
            .args(["list", "short", "sources"])
            .stdout(Stdio::piped())
            .output();
        output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default()
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .envs(environment(self.folder.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// A recording that is going on.
#[derive(Debug)]
pub struct Recording {
    program: Program,
    path: PathBuf,
}

impl Recording {
    /// Ends it and gives its samples from -1 to 1, at 48 kHz.
    ///
    /// # Panics
    /// If the recording cannot be ended or read.
    #[must_use]
    pub fn stop(mut self) -> Vec<f64> {
        self.program.terminate();
        let bytes = std::fs::read(&self.path).must("read a recording");
        bytes
            .chunks_exact(2)
            .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
            .collect()
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("native")
}

fn environment(folder: &Path) -> Vec<(String, String)> {
    let folder_name = folder.display().to_string();
    vec![
        ("XDG_RUNTIME_DIR".to_owned(), folder_name.clone()),
        ("PULSE_RUNTIME_PATH".to_owned(), folder_name.clone()),
        ("PULSE_STATE_PATH".to_owned(), folder_name.clone()),
        ("HOME".to_owned(), folder_name),
        (
            "PULSE_SERVER".to_owned(),
            format!("unix:{}", socket(folder).display()),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Must;
    use crate::score::{Bounds, compare};
    use crate::speech::{self, Voice};

    // The measuring chain itself: what is played into a sink is recorded from
    // it, whole and in time.
    #[test]
    fn what_is_played_is_recorded() {
        if !available() {
            eprintln!("left out: pulseaudio is missing");
            return;
        }
        let pulse = Pulse::start(["a", "b"]);
        let recording = pulse.record("a");
        let mut player = pulse.tool("paplay");
        player.arg("--device=a_spk").arg(speech::file(Voice::High));
        let status = player.status().must("play");
        assert!(status.success(), "{}", pulse.report());
        let heard = recording.stop();
        let result = compare(&speech::samples(Voice::High), &heard, speech::RATE);
        result
            .within(&Bounds::CLEAR)
            .must("the speech comes through");
    }
}
