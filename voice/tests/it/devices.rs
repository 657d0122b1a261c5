//! Sound through cpal and a real sound server: a PulseAudio of the test's own,
//! whose one device is a loudspeaker that a microphone listens to.

use std::{
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use crate::apart;
use crate::common::{Score, arrived, compare, read_wav, speech, until, write_wav};
use twocan_voice::{
    Call, CallConfig, DeviceState, FrameSink, InputSpec, OutputSpec, Processing, Tone, list_devices,
};

/// How often sound is tried that a busy machine may have spoiled.
const TRIES: usize = 3;

/// A sound server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
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
            "module-null-sink sink_name=cable format=s16le rate=48000 channels=1 norewinds=1 sink_properties=device.description=cable",
        ])
        .args(["-L", "module-null-sink sink_name=other sink_properties=device.description=other"])
        .env("XDG_RUNTIME_DIR", folder)
        .env("HOME", folder)
        .env_remove("PULSE_SERVER")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let server = Server(child);
    let socket = folder.join("pulse/native");
    until("the sound server answers", || {
        UnixStream::connect(&socket).is_ok()
    });
    Some(server)
}

/// Runs the test called `inside` in a process whose sound server is one of its
/// own, with the given variables.
#[expect(clippy::print_stderr, reason = "says why nothing was tested")]
fn in_own_world(inside: &str, variables: &[(&str, &str)]) {
    // One at a time: each is to have the processor for its sound.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(_server) = start_server(folder.path()) else {
        eprintln!("skipped: pulseaudio is not installed");
        return;
    };
    apart::run(inside, folder.path(), variables);
}

#[test]
fn speech_goes_through_virtual_devices() {
    let devices = [("PULSE_SINK", "cable"), ("PULSE_SOURCE", "cable.monitor")];
    in_own_world("devices::inside_the_sound_server", &devices);
}

#[test]
fn devices_that_change_go_or_come_back_are_followed() {
    in_own_world("devices::inside_a_changing_world", &[]);
}

#[test]
fn a_cue_is_heard_beside_a_call() {
    let devices = [("PULSE_SINK", "cable"), ("PULSE_SOURCE", "cable.monitor")];
    in_own_world("devices::inside_a_world_of_cues", &devices);
}

#[test]
fn a_sound_server_that_starts_again_is_found() {
    in_own_world("devices::inside_a_restarting_world", &[]);
}

/// Changes something at the sound server, and returns what it says.
fn pactl(arguments: &[&str]) -> String {
    let output = Command::new("pactl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn runs_through(state: &DeviceState, name: &str) -> bool {
    matches!(state, DeviceState::Running(running) if running.contains(name))
}

fn is_missing(state: &DeviceState) -> bool {
    matches!(state, DeviceState::Missing(_))
}

#[test]
fn inside_a_changing_world() {
    if apart::folder().is_none() {
        return;
    }
    pactl(&["set-default-sink", "cable"]);
    pactl(&["set-default-source", "cable.monitor"]);
    let call = start(InputSpec::Default, OutputSpec::Default, None);
    let (input, output) = (|| call.stats().input, || call.stats().output);
    until("the default devices run", || {
        runs_through(&input(), "cable") && runs_through(&output(), "cable")
    });
    until("what is added is known", || {
        call.stats().capture_ms > 5.0 && call.stats().playback_ms > 5.0
    });

    pactl(&["set-default-sink", "other"]);
    until("the new default plays", || runs_through(&output(), "other"));
    assert!(runs_through(&input(), "cable"), "the microphone stays");

    // By name: the device goes and comes back, and the microphone stays.
    let load = || {
        let properties = "sink_properties=device.description=spare";
        pactl(&[
            "load-module",
            "module-null-sink",
            "sink_name=spare",
            properties,
        ])
    };
    let module = load();
    call.set_output(&OutputSpec::Device("spare".to_owned()))
        .unwrap();
    until("the named device plays", || {
        runs_through(&output(), "spare")
    });
    let sent = call.stats().sent;
    pactl(&["unload-module", &module]);
    until("its end is noticed", || is_missing(&output()));
    assert!(runs_through(&input(), "cable"), "the microphone stays");
    until("frames go on", || call.stats().sent > sent + 25);
    load();
    until("it is back", || runs_through(&output(), "spare"));

    // The other way round.
    call.set_input(&InputSpec::Device("spare.monitor".to_owned()))
        .unwrap();
    call.set_output(&OutputSpec::Device("other".to_owned()))
        .unwrap();
    until("both moved", || {
        runs_through(&input(), "spare") && runs_through(&output(), "other")
    });
    let sent = call.stats().sent;
    pactl(&["unload-module", "module-null-sink"]);
    // That took them all: silence is sent, and the call goes on.
    until("both are missing", || {
        is_missing(&input()) && is_missing(&output())
    });
    until("silence is sent", || call.stats().sent > sent + 25);
}

#[test]
fn inside_a_world_of_cues() {
    if apart::folder().is_none() {
        return;
    }
    let microphone = start(InputSpec::Default, OutputSpec::Null, None);
    let level = || microphone.stats().level_in_db;
    until("the microphone listens", || {
        runs_through(&microphone.stats().input, "cable")
    });
    let call = start(InputSpec::Silence, OutputSpec::Default, None);
    // The loudspeaker is not open yet, and what is not heard has cues as well.
    call.set_deafened(true);
    call.cue(Tone::Joined).unwrap();
    until("the cue is heard", || level() > -40.0);
    until("it ends", || level() < -80.0);
    call.cue(Tone::Muted).unwrap();
    until("the next is heard", || level() > -40.0);
    until("the other is no part of it", || {
        call.stats().level_out_db < -90.0
    });
}

#[test]
fn inside_a_restarting_world() {
    let Some(folder) = apart::folder() else {
        return;
    };
    let output = OutputSpec::Device("pulseaudio:cable".to_owned());
    let call = start(
        InputSpec::Device("pulseaudio:cable.monitor".to_owned()),
        output,
        None,
    );
    let run = || {
        let stats = call.stats();
        [stats.input, stats.output]
            .iter()
            .all(|state| matches!(state, DeviceState::Running(_)))
    };
    until("both run", run);
    pactl(&["exit"]);
    until("the end of the server is noticed", || {
        is_missing(&call.stats().input) && is_missing(&call.stats().output)
    });
    let _server = start_server(Path::new(&folder)).unwrap();
    until("both run again", run);
    let sent = call.stats().sent;
    until("sound flows", || call.stats().sent > sent + 25);
}

#[test]
fn inside_the_sound_server() {
    let Some(folder) = apart::folder() else {
        return;
    };
    let devices = list_devices().unwrap();
    let default = devices.outputs.iter().find(|device| device.is_default);
    assert_eq!(default.unwrap().id, "pulseaudio:cable");
    let default = devices.inputs.iter().find(|device| device.is_default);
    assert_eq!(default.unwrap().id, "pulseaudio:cable.monitor");

    // A machine that was busy with something else spoils one try, a fault of
    // the program each.
    let mut faults = Vec::new();
    while let Err(score) = spoken_through(Path::new(&folder)) {
        faults.push(score);
        assert!(faults.len() < TRIES, "{faults:?}");
    }
}

/// Speaks through the loudspeaker that the microphone listens to; the score of
/// what was heard if it is not good.
fn spoken_through(folder: &Path) -> Result<(), Score> {
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
    until("all was said, and half a second passed", || {
        speaker.stats().sent >= 175
    });
    drop((speaker, microphone));
    drop(recorder);
    let recorded = read_wav(&heard);
    let score = compare(
        &speech(3.0),
        &recorded[recorded_before.min(recorded.len())..],
    );
    let good = score.correlation > 0.8 && score.missing < 0.05 && score.delay_ms < 350.0;
    if good { Ok(()) } else { Err(score) }
}

/// Starts a call whose frames go straight to another.
fn start(input: InputSpec, output: OutputSpec, to: Option<&Arc<Call>>) -> Arc<Call> {
    let to = to.cloned();
    let sink: FrameSink = Box::new(move |frame| {
        if let Some(to) = &to {
            to.receive(arrived(frame));
        }
    });
    let config = CallConfig {
        input,
        output,
        processing: Processing::OFF,
        ..CallConfig::default()
    };
    Arc::new(Call::start(config, sink).unwrap())
}
