//! The sound of this machine apart from calls: which devices and which
//! processing calls use, and the microphone test.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use twocan_voice::{self as voice, InputSpec, OutputSpec, Processing};

use super::command::{Reply, answer};
use super::{Core, Report};
use crate::api::{
    CallChange, Config, Error, ErrorCode, Event, MicTest, MicTestPhase, SoundDevice, SoundDevices,
};
use crate::media::MediaCommand;
use crate::store::settings;

const INPUT: &str = "audio.input";
const OUTPUT: &str = "audio.output";
const ECHO_CANCELLATION: &str = "call.echo_cancellation";
const NOISE_SUPPRESSION: &str = "call.noise_suppression";
const GAIN_CONTROL: &str = "call.gain_control";
/// The settings that are kept here.
const SETTINGS: [&str; 5] = [
    INPUT,
    OUTPUT,
    ECHO_CANCELLATION,
    NOISE_SUPPRESSION,
    GAIN_CONTROL,
];
/// How often a running test is told of: often enough for a meter.
const TEST_TICK: Duration = Duration::from_millis(100);
/// Wishes to stop a test that may wait for its task.
const TEST_STOPS: usize = 4;

/// What calls use.
#[derive(Debug, Default)]
pub(super) struct Sound {
    pub(super) input: InputSpec,
    pub(super) output: OutputSpec,
    pub(super) processing: Processing,
    /// The running test; it ends when this is dropped.
    test: Option<mpsc::Sender<()>>,
}

/// What becomes of the microphone test.
#[derive(Debug)]
pub(crate) struct MicTestReport(MicTest);

impl Sound {
    /// Takes a setting, if it is one of sound. Null is the default.
    fn take(&mut self, key: &str, value: &Value) -> Result<(), Error> {
        match key {
            INPUT => self.input = device(key, value)?,
            OUTPUT => self.output = device(key, value)?,
            ECHO_CANCELLATION => self.processing.echo_cancellation = switch(key, value)?,
            NOISE_SUPPRESSION => self.processing.noise_suppression = switch(key, value)?,
            GAIN_CONTROL => self.processing.gain_control = switch(key, value)?,
            _ => {}
        }
        Ok(())
    }
}

fn device<T>(key: &str, value: &Value) -> Result<T, Error>
where
    T: Default + std::str::FromStr<Err: std::fmt::Display>,
{
    match value {
        Value::Null => Ok(T::default()),
        Value::String(text) => text.parse().map_err(|error| bad(format!("{key}: {error}"))),
        _ => Err(bad(format!("{key} is a text, such as \"default\""))),
    }
}

fn switch(key: &str, value: &Value) -> Result<bool, Error> {
    match value {
        Value::Null => Ok(true),
        Value::Bool(on) => Ok(*on),
        _ => Err(bad(format!("{key} is true or false"))),
    }
}

fn bad(text: String) -> Error {
    Error::new(ErrorCode::BadRequest, text)
}

impl Core {
    /// Reads what was chosen before; what this start was given wins.
    pub(super) async fn load_sound(&mut self) -> Result<(), Error> {
        for key in SETTINGS {
            let saved = self.store.run(move |db| settings::get(db, key)).await?;
            // What another version has kept does not keep this one from starting.
            if let Some(Err(error)) = saved.map(|value| self.sound.take(key, &value)) {
                tracing::warn!(key, %error, "a setting is not as it should be");
            }
        }
        let Config {
            audio_in,
            audio_out,
            ..
        } = &self.config;
        if let Some(input) = audio_in {
            self.sound.input = input.clone();
        }
        if let Some(output) = audio_out {
            self.sound.output = output.clone();
        }
        Ok(())
    }

    /// Takes a setting that is about to be kept; the call there is follows.
    pub(super) fn set_sound_setting(&mut self, key: &str, value: &Value) -> Result<(), Error> {
        self.sound.take(key, value)?;
        match key {
            INPUT => {
                let input = self.sound.input.clone();
                self.change_device(|reply| MediaCommand::Input(input, reply));
            }
            OUTPUT => {
                let output = self.sound.output.clone();
                self.change_device(|reply| MediaCommand::Output(output, reply));
            }
            _ if SETTINGS.contains(&key) => self.process_call(self.sound.processing),
            _ => {}
        }
        Ok(())
    }

    /// Changes the microphone of the call there is and of those to come. A
    /// device is remembered; a file or a tone is not, as nobody wants it at
    /// the next start.
    pub(super) async fn choose_input(&mut self, input: InputSpec) -> Result<(), Error> {
        if matches!(input, InputSpec::Default | InputSpec::Device(_)) {
            return self.set_setting(INPUT, input.to_string().into()).await;
        }
        self.set_sound_setting(INPUT, &input.to_string().into())
    }

    /// Changes the loudspeaker, as [`Self::choose_input`] the microphone.
    pub(super) async fn choose_output(&mut self, output: OutputSpec) -> Result<(), Error> {
        if matches!(output, OutputSpec::Default | OutputSpec::Device(_)) {
            return self.set_setting(OUTPUT, output.to_string().into()).await;
        }
        self.set_sound_setting(OUTPUT, &output.to_string().into())
    }

    /// Changes and remembers what is done to the microphone's sound.
    pub(super) async fn choose_processing(&mut self, change: &CallChange) -> Result<(), Error> {
        for (key, wanted) in [
            (ECHO_CANCELLATION, change.echo_cancellation),
            (NOISE_SUPPRESSION, change.noise_suppression),
            (GAIN_CONTROL, change.gain_control),
        ] {
            if let Some(on) = wanted {
                self.set_setting(key, on.into()).await?;
            }
        }
        Ok(())
    }

    /// Lists the devices, which a sound server that hangs may make take long.
    pub(super) fn devices(&self, reply: Reply<SoundDevices>) {
        let (input, output) = (self.sound.input.to_string(), self.sound.output.to_string());
        tokio::task::spawn_blocking(move || {
            let listed = voice::list_devices()
                .map_err(|error| Error::new(ErrorCode::NotFound, error.to_string()))
                .map(|list| SoundDevices {
                    inputs: list.inputs.into_iter().map(SoundDevice::from).collect(),
                    outputs: list.outputs.into_iter().map(SoundDevice::from).collect(),
                    input,
                    output,
                });
            answer(reply, listed);
        });
    }

    /// Records from the microphone and plays that.
    pub(super) fn mic_test_start(&mut self) -> Result<(), Error> {
        let conflict = |text| Err(Error::new(ErrorCode::Conflict, text));
        if self.is_in_call() {
            return conflict("the call has the microphone: hang up first");
        }
        if self
            .sound
            .test
            .as_ref()
            .is_some_and(|test| !test.is_closed())
        {
            return conflict("a microphone test runs already");
        }
        let (stop, stops) = mpsc::channel(TEST_STOPS);
        let config = (
            self.sound.input.clone(),
            self.sound.output.clone(),
            self.sound.processing,
        );
        tokio::spawn(run_test(config, stops, self.reports.clone()));
        self.sound.test = Some(stop);
        Ok(())
    }

    /// Plays what has been recorded so far, or ends playing it.
    pub(super) fn mic_test_stop(&mut self) -> Result<(), Error> {
        let stopped = self.sound.test.as_ref().map(|test| test.try_send(()));
        match stopped {
            Some(Ok(()) | Err(mpsc::error::TrySendError::Full(()))) => Ok(()),
            None | Some(Err(mpsc::error::TrySendError::Closed(()))) => Err(Error::new(
                ErrorCode::NotFound,
                "no microphone test is running",
            )),
        }
    }

    /// A call needs the devices.
    pub(super) fn end_mic_test(&mut self) {
        self.sound.test = None;
    }

    pub(super) fn on_mic_test(&mut self, MicTestReport(test): MicTestReport) {
        self.emit(Event::MicTest(test));
    }
}

async fn run_test(
    (input, output, processing): (InputSpec, OutputSpec, Processing),
    mut stops: mpsc::Receiver<()>,
    reports: mpsc::Sender<Report>,
) {
    let starting = move || voice::MicTest::start(input, output, processing);
    let problem = match tokio::task::spawn_blocking(starting).await {
        Ok(Ok(test)) => {
            let end = follow_test(&test, &mut stops, &reports).await;
            // Its thread is waited for.
            let _joined = tokio::task::spawn_blocking(move || drop(test)).await;
            end
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    // Another may start as soon as this one is told to be over.
    drop(stops);
    let over = MicTest {
        phase: MicTestPhase::Done,
        level_db: SILENCE_DB,
        peak_db: SILENCE_DB,
        at_ms: 0,
        length_ms: 0,
        problem,
    };
    tell(&reports, over).await;
}

async fn tell(reports: &mpsc::Sender<Report>, test: MicTest) {
    // Only a core that has ended takes no report.
    let _ended = reports.send(Report::MicTest(MicTestReport(test))).await;
}

/// What a meter shows for silence.
const SILENCE_DB: f32 = -96.0;

/// Tells of a test until it is over; returns what went wrong, if anything.
async fn follow_test(
    test: &voice::MicTest,
    stops: &mut mpsc::Receiver<()>,
    reports: &mpsc::Sender<Report>,
) -> Option<String> {
    let mut ticks = tokio::time::interval(TEST_TICK);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            stop = stops.recv() => match stop {
                Some(()) => test.stop(),
                None => return Some("a call took the devices".to_owned()),
            },
        }
        let state = test.state();
        if state.phase == voice::MicTestPhase::Done {
            return state.problem;
        }
        tell(reports, MicTest::from(state)).await;
    }
}

impl From<voice::DeviceInfo> for SoundDevice {
    fn from(device: voice::DeviceInfo) -> Self {
        Self {
            id: device.id,
            name: device.name,
            is_default: device.is_default,
        }
    }
}

impl From<voice::MicTestState> for MicTest {
    fn from(state: voice::MicTestState) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            phase: match state.phase {
                voice::MicTestPhase::Recording => MicTestPhase::Recording,
                voice::MicTestPhase::Playing => MicTestPhase::Playing,
                voice::MicTestPhase::Done => MicTestPhase::Done,
            },
            level_db: state.level_db,
            peak_db: state.peak_db,
            at_ms: milliseconds(state.at),
            length_ms: milliseconds(state.length),
            problem: state.problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_taken_or_refused_by_name() {
        let mut sound = Sound::default();
        sound.take(INPUT, &json!("device:pulseaudio:mic")).unwrap();
        sound.take(OUTPUT, &json!("null")).unwrap();
        sound.take(GAIN_CONTROL, &json!(false)).unwrap();
        for (key, value) in [
            (INPUT, json!("null")),
            (OUTPUT, json!(3)),
            (ECHO_CANCELLATION, json!("no")),
        ] {
            let refused = sound.take(key, &value).unwrap_err();
            assert!(refused.message.contains(key), "{refused}");
        }
        assert_eq!(sound.input, InputSpec::Device("pulseaudio:mic".to_owned()));
        assert_eq!(sound.output, OutputSpec::Null);
        assert!(sound.processing.echo_cancellation && !sound.processing.gain_control);
        sound.take(GAIN_CONTROL, &Value::Null).unwrap();
        assert!(sound.processing.gain_control);
    }
}
