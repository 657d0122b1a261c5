//! Sound through cpal and a real sound server: a PulseAudio of the test's own,
//! whose one device is a loudspeaker that a microphone listens to.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use common::{compare, read_wav, speech, write_wav};
use twocan_voice::{
    Call, CallConfig, DeviceState, FRAME_SAMPLES, Format, FrameSink, InputSpec, OutputSpec,
    ReceivedPacket, list_devices,
};

/// Set for the part of the test that runs inside the sound server's world.
const INSIDE: &str = "TWOCAN_VOICE_TEST_INSIDE";
/// The longest that the server may take to start, and devices to open.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sound server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn start_server(folder: &Path) -> Option<Server> {
    let child = Command::new("pulseaudio")
        .args(["-n", "--daemonize=no", "--exit-idle-time=-1"])
        .args(["--realtime=no", "--high-priority=no"])
        .args(["-L", "module-native-protocol-unix auth-anonymous=1"])
        .args([
            "-L",
            "module-null-sink sink_name=cable format=s16le rate=48000 channels=1 norewinds=1",
        ])
        .args(["-L", "module-null-sink sink_name=other"])
        .env("XDG_RUNTIME_DIR", folder)
        .env("HOME", folder)
        .env_remove("PULSE_SERVER")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    Some(Server(child))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "says why nothing was tested")]
fn speech_goes_through_virtual_devices() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_server) = start_server(folder.path()) else {
        eprintln!("skipped: pulseaudio is not installed");
        return;
    };
    let socket = folder.path().join("pulse/native");
    until("the sound server answers", || socket.exists());
    // The environment names the devices, so the rest runs in a process that
    // has it.
    let inside = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "inside_the_sound_server", "--nocapture"])
        .env(INSIDE, folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("HOME", folder.path())
        .env("PULSE_SINK", "cable")
        .env("PULSE_SOURCE", "cable.monitor")
        .env_remove("PULSE_SERVER")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success(), "{said}");
}

#[test]
fn inside_the_sound_server() {
    let Some(folder) = std::env::var_os(INSIDE) else {
        return;
    };
    let devices = list_devices().unwrap();
    let default = devices.outputs.iter().find(|device| device.is_default);
    assert_eq!(default.unwrap().id, "pulseaudio:cable");
    let default = devices.inputs.iter().find(|device| device.is_default);
    assert_eq!(default.unwrap().id, "pulseaudio:cable.monitor");

    let folder = Path::new(&folder);
    let (spoken, heard) = (folder.join("in.wav"), folder.join("out.wav"));
    write_wav(&spoken, &speech(3.0));
    // file -> Opus -> loudspeaker = microphone -> Opus -> file
    let recorder = start(InputSpec::Silence, OutputSpec::File(heard.clone()), None);
    let microphone = start(InputSpec::Default, OutputSpec::Null, Some(&recorder));
    let loudspeaker = start(InputSpec::Silence, OutputSpec::Default, None);
    let running = |state: &DeviceState| matches!(state, DeviceState::Running(_));
    until("both devices run", || {
        running(&microphone.stats().input) && running(&loudspeaker.stats().output)
    });
    let speaker = start(
        InputSpec::File(spoken),
        OutputSpec::Null,
        Some(&loudspeaker),
    );
    let recorded_before = read_wav(&heard).len();
    std::thread::sleep(Duration::from_millis(3_500));
    drop((speaker, microphone));
    drop(recorder);
    let recorded = read_wav(&heard);
    let score = compare(
        &speech(3.0),
        &recorded[recorded_before.min(recorded.len())..],
    );
    assert!(score.correlation > 0.8, "{score:?}");
    assert!(score.missing < 0.05, "{score:?}");
    assert!(score.delay_ms < 350.0, "{score:?}");
}

/// Starts a call whose frames go straight to another.
fn start(input: InputSpec, output: OutputSpec, to: Option<&Arc<Call>>) -> Arc<Call> {
    let to = to.cloned();
    let sink: FrameSink = Box::new(move |frame| {
        if let Some(to) = &to {
            to.receive(ReceivedPacket {
                format: Format::Opus,
                sequence: frame.media_time / FRAME_SAMPLES as u64,
                media_time: frame.media_time,
                payload: frame.payload,
                arrived: Instant::now(),
            });
        }
    });
    let config = CallConfig {
        input,
        output,
        ..CallConfig::default()
    };
    Arc::new(Call::start(config, sink).unwrap())
}
