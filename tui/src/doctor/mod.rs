//! `twocan doctor`: looks at what a call and a chat need of this machine, and
//! says what to do where something is missing. The network is in `network`.

mod network;

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::spawn_blocking;
use twocan_peer::api::{Config, RegistryInfo};
use twocan_peer::sound_check::{self, DeviceState, Scheduling, Tried};

use crate::cli::Failure;

/// How long the devices are tried: long enough to open them and to hear a room.
const TRY: Duration = Duration::from_secs(2);
/// Below this peak a microphone gives nothing: every room is louder, in dBFS.
const DEAD_DB: f32 = -90.0;
/// A processor slower than this has no time for anything beside a call.
const SLOW: f32 = 4.0;
/// Where peers connect unless told otherwise.
const PORT: u16 = 7777;
/// Seconds since 1970 before which no clock can be right: 2026.
const OLDEST_TIME: u64 = 1_767_225_600;
/// Where the kernel has its sound devices.
const KERNEL_DEVICES: &str = "/dev/snd";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// As it should be.
    Good,
    /// Works less well than it could.
    Warning,
    /// Does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How much it matters.
    pub(crate) level: Level,
    /// What was found, in one line.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) try_this: Option<&'static str>,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Self {
            level: Level::Good,
            what: what.into(),
            try_this: None,
        }
    }

    fn warning(what: impl Into<String>, try_this: &'static str) -> Self {
        Self {
            level: Level::Warning,
            what: what.into(),
            try_this: Some(try_this),
        }
    }

    fn problem(what: impl Into<String>, try_this: &'static str) -> Self {
        Self {
            level: Level::Problem,
            what: what.into(),
            try_this: Some(try_this),
        }
    }
}

/// Prints what is found; the exit code is 1 if something does not work.
pub(crate) async fn run(config: Config) -> Result<ExitCode, Failure> {
    let mut findings = sound(&config).await?;
    findings.push(port(config.listen));
    findings.extend(clock_and_folder(&config));
    findings.extend(network::findings(&config).await);
    let mut out = io::stdout().lock();
    for finding in &findings {
        write!(out, "{}", line(finding))?;
    }
    Ok(match findings.iter().any(|f| f.level == Level::Problem) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// What is found while the interface runs, as lines to read. Port and profile
/// are ours then; `own` are the registries of the profile.
pub(crate) async fn lines(config: &Config, own: &[RegistryInfo]) -> Vec<String> {
    let mut findings = match sound(config).await {
        Ok(found) => found,
        Err(error) => vec![Finding::problem(
            error.to_string(),
            "twocan doctor, outside",
        )],
    };
    findings.extend(clock_and_folder(config));
    findings.extend(network::beside_engine(config, own).await);
    let lines = findings.iter().map(line);
    let mut lines: Vec<_> = lines
        .flat_map(|l| l.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lines.push(String::new());
    lines.push("twocan doctor, outside, looks at the port and the router, too.".to_owned());
    lines
}

fn clock_and_folder(config: &Config) -> [Finding; 2] {
    [clock(SystemTime::now()), folder(&config.data)]
}

fn line(finding: &Finding) -> String {
    let mark = match finding.level {
        Level::Good => "ok     ",
        Level::Warning => "warning",
        Level::Problem => "PROBLEM",
    };
    let advice = finding
        .try_this
        .map(|advice| format!("         try: {advice}\n"));
    format!("{mark}  {}\n{}", finding.what, advice.unwrap_or_default())
}

async fn sound(config: &Config) -> Result<Vec<Finding>, Failure> {
    let input = config.audio_in.clone().unwrap_or_default();
    let output = config.audio_out.clone().unwrap_or_default();
    let looked = spawn_blocking(move || {
        let mut findings = vec![systems(&sound_check::sound_systems())];
        findings.extend(kernel(Path::new(KERNEL_DEVICES)));
        findings.push(devices());
        match sound_check::try_devices(input, output, TRY) {
            Ok(tried) => findings.extend(judged(&tried)),
            Err(error) => findings.push(Finding::problem(
                error.to_string(),
                "another --audio-in or --audio-out",
            )),
        }
        findings.push(match sound_check::processing_speed() {
            Ok(speed) => processor(speed),
            Err(error) => Finding::problem(error.to_string(), "a fresh build of twocan"),
        });
        findings.push(scheduling(&sound_check::scheduling()));
        findings
    });
    looked
        .await
        .map_err(|error| Failure::Run(error.to_string()))
}

fn systems(names: &[&str]) -> Finding {
    match names {
        [] => Finding::problem(
            "this machine has no sound system",
            "install PipeWire or PulseAudio, and start it as the user you are",
        ),
        ["ALSA"] => Finding::warning(
            "sound system: ALSA alone, which only one program can use at a time",
            "install PipeWire or PulseAudio, and start it as the user you are",
        ),
        names => Finding::good(format!("sound systems: {}", names.join(", "))),
    }
}

/// Whether we may open the kernel's devices, if it has any; a sound server
/// does it for us, so that is no problem in itself.
fn kernel(folder: &Path) -> Option<Finding> {
    let entries = fs::read_dir(folder).ok()?;
    let mut controls = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("control"))
        .peekable();
    controls.peek()?;
    let allowed = controls.any(|entry| fs::File::open(entry.path()).is_ok());
    Some(match allowed {
        true => Finding::good(format!("{} can be opened", folder.display())),
        false => Finding::warning(
            format!("{} cannot be opened by you", folder.display()),
            "log in at the machine itself, or add yourself to the group audio",
        ),
    })
}

fn devices() -> Finding {
    match sound_check::list_devices() {
        Ok(list) => Finding::good(format!(
            "microphones: {}, loudspeakers: {}",
            list.inputs.len(),
            list.outputs.len()
        )),
        Err(error) => Finding::problem(
            error.to_string(),
            "plug in a headset, or start the sound server",
        ),
    }
}

/// What is to be said of the devices that were tried.
fn judged(tried: &Tried) -> Vec<Finding> {
    let microphone = match &tried.input {
        DeviceState::Missing(reason) => Finding::problem(
            format!("no microphone: {reason}"),
            "choose one with --audio-in device:NAME, or in the settings of the desktop",
        ),
        DeviceState::Opening => Finding::problem(
            "the microphone does not open",
            "end other programs that use it, or restart the sound server",
        ),
        DeviceState::Running(name) if tried.peak_db < DEAD_DB => Finding::warning(
            format!("{name} gives nothing but digital silence"),
            "unmute it at the device and in the settings of the desktop",
        ),
        state => Finding::good(format!(
            "microphone: {}, peak {:.0} dBFS, adds {:.0} ms",
            named(state),
            tried.peak_db,
            tried.capture_ms
        )),
    };
    let loudspeaker = match &tried.output {
        DeviceState::Missing(reason) => Finding::problem(
            format!("no loudspeaker: {reason}"),
            "choose one with --audio-out device:NAME, or in the settings of the desktop",
        ),
        DeviceState::Opening => Finding::problem(
            "the loudspeaker does not open",
            "end other programs that use it, or restart the sound server",
        ),
        state => Finding::good(format!(
            "loudspeaker: {}, adds {:.0} ms",
            named(state),
            tried.playback_ms
        )),
    };
    vec![microphone, loudspeaker]
}

fn named(state: &DeviceState) -> &str {
    match state {
        DeviceState::Running(name) => name,
        _ => "no device, as you asked for",
    }
}

fn processor(speed: f32) -> Finding {
    let what = format!("the processor does the work of {speed:.0} calls at once");
    match speed >= SLOW {
        true => Finding::good(what),
        false => Finding::warning(
            what,
            "end other programs, or turn noise suppression and echo cancellation off",
        ),
    }
}

/// Whether a busy machine makes the sound late.
fn scheduling(threads: &Scheduling) -> Finding {
    let what = format!("sound is worked on {threads}");
    match threads {
        Scheduling::RealTime => Finding::good(what),
        Scheduling::Usual(_) => Finding::warning(
            what,
            "install rtkit, or let your user have real-time priority (ulimit -r)",
        ),
    }
}

fn clock(now: SystemTime) -> Finding {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match seconds >= OLDEST_TIME {
        true => Finding::good("the clock can be right"),
        false => Finding::problem(
            "the clock is years behind: certificates will seem to be of the future",
            "timedatectl set-ntp true",
        ),
    }
}

/// Whether others can connect here, as far as this machine is concerned.
fn port(listen: Option<SocketAddr>) -> Finding {
    let wanted = match listen {
        Some(address) => vec![address],
        None => vec![
            SocketAddr::from(([0_u16; 8], PORT)),
            SocketAddr::from(([0_u8; 4], PORT)),
        ],
    };
    let port = wanted.first().map_or(PORT, SocketAddr::port);
    match TcpListener::bind(wanted.as_slice()) {
        Ok(_) => Finding::good(format!("port {port} is free for others to connect to")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Finding::warning(
            format!("port {port} is in use"),
            "nothing if twocan runs already; else --listen ADDRESS:PORT with another port",
        ),
        Err(error) => Finding::problem(
            format!("port {port} cannot be listened on: {error}"),
            "--listen ADDRESS:PORT with another address or port",
        ),
    }
}

fn folder(path: &Path) -> Finding {
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Finding::problem(
            format!("{} is no folder", path.display()),
            "another --data FOLDER",
        ),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => Finding::warning(
            format!("others may look into the profile in {}", path.display()),
            "chmod 700 on that folder",
        ),
        Ok(found) if found.permissions().readonly() => Finding::problem(
            format!("the profile in {} cannot be written", path.display()),
            "chmod 700 on that folder",
        ),
        Ok(_) => Finding::good(format!("the profile is in {}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Finding::good(format!("no profile yet; it will be in {}", path.display()))
        }
        Err(error) => Finding::problem(
            format!("the profile in {} cannot be read: {error}", path.display()),
            "another --data FOLDER, or the user whose folder it is",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(input: DeviceState, peak_db: f32) -> Vec<Finding> {
        judged(&Tried {
            input,
            output: DeviceState::Virtual,
            peak_db,
            capture_ms: 12.0,
            playback_ms: 14.0,
        })
    }

    #[test]
    fn what_is_wrong_comes_with_advice() {
        let missing = tried(DeviceState::Missing("gone".to_owned()), -96.0);
        assert_eq!(missing[0].level, Level::Problem);
        assert!(line(&missing[0]).contains("--audio-in"));
        let dead = tried(DeviceState::Running("mic".to_owned()), -96.0);
        assert_eq!(dead[0].level, Level::Warning);
        let good = tried(DeviceState::Running("mic".to_owned()), -40.0);
        assert!(good.iter().all(|finding| finding.level == Level::Good));
        assert_eq!(systems(&[]).level, Level::Problem);
        assert_eq!(processor(1.5).level, Level::Warning);
        assert_eq!(clock(UNIX_EPOCH).level, Level::Problem);
    }

    #[test]
    fn folders_and_ports_are_looked_at() {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(folder(place.path()).level, Level::Good);
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(folder(place.path()).level, Level::Warning);
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(folder(&file).level, Level::Problem);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let busy = port(Some(taken.local_addr().unwrap()));
        assert_eq!(busy.level, Level::Warning);
        drop(taken);
        assert_eq!(port(Some(([127, 0, 0, 1], 0).into())).level, Level::Good);
    }
}
