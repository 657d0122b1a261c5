//! Against a real server of the test's own, whose one loudspeaker is heard by
//! a microphone.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use cpal::{
    BufferSize, Data, Error, SampleFormat, StreamConfig,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};

use super::{
    address::Server,
    host::{PulseDevice, PulseHost},
    stream::PulseStream,
};

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PERIOD: u32 = 240;

struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

#[expect(clippy::print_stderr, reason = "says why nothing was tested")]
fn daemon() -> Option<(Daemon, PulseHost)> {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("native");
    let listen = format!(
        "module-native-protocol-unix auth-anonymous=1 socket={}",
        socket.display()
    );
    let sink = "module-null-sink sink_name=cable format=s16le rate=48000 channels=1 norewinds=1";
    let child = Command::new("pulseaudio")
        .args(["-n", "--daemonize=no", "--exit-idle-time=-1"])
        .args(["--realtime=no", "--high-priority=no"])
        .args(["-L", &listen, "-L", sink])
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("HOME", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        eprintln!("left out: pulseaudio is not installed");
        return None;
    };
    let daemon = Daemon { child, folder };
    let host = until("the server answers", || connect(&socket));
    until("its device is there", || {
        let count = host.devices().unwrap().count();
        (count == 2).then_some(())
    });
    Some((daemon, host))
}

fn connect(socket: &Path) -> Option<PulseHost> {
    let server = Server {
        sockets: vec![socket.into()],
        cookie: vec![0; 256],
    };
    PulseHost::connect_to(server).ok()
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn pactl(daemon: &Daemon, arguments: &[&str]) {
    let socket = daemon.folder.path().join("native");
    let status = Command::new("pactl")
        .args(arguments)
        .env("PULSE_SERVER", format!("unix:{}", socket.display()))
        .env("HOME", daemon.folder.path())
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "{arguments:?}");
}

fn config() -> StreamConfig {
    StreamConfig {
        channels: 1,
        sample_rate: 48_000,
        buffer_size: BufferSize::Fixed(PERIOD),
    }
}

fn device(host: &PulseHost, id: &str) -> PulseDevice {
    let mut devices = host.devices().unwrap();
    let named = |device: &PulseDevice| device.id().unwrap().to_string() == id;
    devices.find(named).unwrap()
}

fn play(
    host: &PulseHost,
    mut fill: impl FnMut(&mut [f32]) + Send + 'static,
    on_error: impl FnMut(Error) + Send + 'static,
) -> PulseStream {
    let on_data = move |data: &mut Data, _: &_| fill(data.as_slice_mut().unwrap());
    let stream = device(host, "pulseaudio:cable")
        .build_output_stream_raw(config(), SampleFormat::F32, on_data, on_error, None)
        .unwrap();
    stream.play().unwrap();
    stream
}

fn record(
    host: &PulseHost,
    mut take: impl FnMut(&[f32]) + Send + 'static,
    on_error: impl FnMut(Error) + Send + 'static,
) -> PulseStream {
    let on_data = move |data: &Data, _: &_| take(data.as_slice().unwrap());
    let stream = device(host, "pulseaudio:cable.monitor")
        .build_input_stream_raw(config(), SampleFormat::F32, on_data, on_error, None)
        .unwrap();
    stream.play().unwrap();
    stream
}

#[test]
fn a_click_comes_back_soon_and_streams_wake_seldom() {
    let Some((_daemon, host)) = daemon() else {
        return;
    };
    let (clicked, heard) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Vec::new())));
    let [asked, given, samples] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
    let (click, ask) = (Arc::clone(&clicked), Arc::clone(&asked));
    let mut next = Instant::now() + Duration::from_millis(300);
    let output = play(
        &host,
        move |out| {
            ask.fetch_add(1, Relaxed);
            if Instant::now() > next && !out.is_empty() {
                out[0] = 0.9;
                *click.lock().unwrap() = Some(Instant::now());
                next += Duration::from_millis(100);
            }
        },
        |error| panic!("{error}"),
    );
    let (give, count, times) = (Arc::clone(&given), Arc::clone(&samples), Arc::clone(&heard));
    let input = record(
        &host,
        move |data| {
            give.fetch_add(1, Relaxed);
            count.fetch_add(data.len(), Relaxed);
            if data.iter().any(|sample| *sample > 0.5)
                && let Some(at) = clicked.lock().unwrap().take()
            {
                times.lock().unwrap().push(at.elapsed());
            }
        },
        |error| panic!("{error}"),
    );
    until("thirty clicks are heard", || {
        (heard.lock().unwrap().len() >= 30).then_some(())
    });
    drop((output, input));
    let times = std::mem::take(&mut *heard.lock().unwrap());
    let soonest = times.iter().min().unwrap();
    let periods = samples.load(Relaxed) / PERIOD as usize;
    let (asked, given) = (asked.load(Relaxed), given.load(Relaxed));
    // A busy machine only adds to it, so the soonest of thirty tells how much lies
    // in buffers; what the server would take by itself is two seconds.
    assert!(*soonest < Duration::from_millis(15), "{times:?}");
    // What the server mixes ends where one of our blocks ends, too.
    assert!(given < periods * 5 / 2, "{given} in {periods}");
    assert!(asked < periods * 5 / 4, "{asked} in {periods}");
}

#[test]
fn the_end_of_a_device_and_of_the_server_are_told() {
    let Some((daemon, host)) = daemon() else {
        return;
    };
    let (tell, told) = mpsc::sync_channel(8);
    let errors = move |direction: &'static str| {
        let tell = tell.clone();
        move |error: Error| tell.try_send((direction, error.kind())).unwrap()
    };
    let beats = Arc::new(AtomicUsize::new(0));
    let beat = Arc::clone(&beats);
    let fill = move |_: &mut [f32]| {
        beat.fetch_add(1, Relaxed);
    };
    let output = play(&host, fill, errors("output"));
    until("it plays", || (beats.load(Relaxed) > 5).then_some(()));
    // Its module takes the sink away, and there is none to move to.
    pactl(&daemon, &["unload-module", "module-null-sink"]);
    let end = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(end, ("output", cpal::ErrorKind::DeviceNotAvailable));
    drop(output);

    let sink = ["load-module", "module-null-sink", "sink_name=cable"];
    pactl(&daemon, &sink);
    let input = record(&host, |_| {}, errors("input"));
    drop(daemon);
    let end = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(end, ("input", cpal::ErrorKind::StreamInvalidated));
    assert!(host.devices().is_err());
    drop(input);
}
