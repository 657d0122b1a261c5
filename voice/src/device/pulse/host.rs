//! The server as a host of cpal, and its sinks and sources as devices.

use std::{
    ffi::CString,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
    vec,
};

use cpal::{
    BufferSize, Data, DeviceDescription, DeviceDescriptionBuilder, DeviceDirection, DeviceId,
    Error, ErrorKind, FrameCount, HostId, InputCallbackInfo, OutputCallbackInfo, SampleFormat,
    StreamConfig, SupportedBufferSize, SupportedStreamConfig, SupportedStreamConfigRange,
    traits::{DeviceTrait, HostTrait},
};
use pulseaudio::protocol::{
    Command, CommandReply, DEFAULT_SINK, DEFAULT_SOURCE, GetSinkInfo, GetSourceInfo, SinkInfo,
    SinkInfoList, SourceInfo, SourceInfoList,
};

use super::{
    address::{Server, environment, is_there},
    connection::Connection,
    stream::{Flow, PulseStream},
};
use crate::{SAMPLE_RATE, device::Direction};

/// Rates that the server converts from and to.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Frames that may be asked for at once: 1 ms to a fifth of a second.
const PERIODS: std::ops::RangeInclusive<FrameCount> = 48..=9_600;
/// Frames at once when none are asked for: 10 ms.
const DEFAULT_PERIOD: FrameCount = 480;

/// A server, as one that asks about its devices sees it.
pub(in crate::device) struct PulseHost {
    server: Arc<Server>,
    connection: Mutex<Connection>,
}

impl PulseHost {
    /// Connects to the server that the environment names.
    ///
    /// # Errors
    /// When none is there, or it does not want us.
    pub(in crate::device) fn connect() -> Result<Self, Error> {
        Self::connect_to(Server::of_environment())
    }

    /// Connects to this server.
    ///
    /// # Errors
    /// When it is not there, or does not want us.
    pub(super) fn connect_to(server: Server) -> Result<Self, Error> {
        let connection = Connection::open(&server)?;
        Ok(Self {
            server: Arc::new(server),
            connection: Mutex::new(connection),
        })
    }

    fn request<R: CommandReply>(&self, command: &Command) -> Result<R, Error> {
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connection.request(command)
    }

    fn sink(&self, name: CString) -> Result<PulseDevice, Error> {
        let by_name = GetSinkInfo {
            index: None,
            name: Some(name),
        };
        let info = self.request(&Command::GetSinkInfo(by_name))?;
        Ok(self.output(info))
    }

    fn source(&self, name: CString) -> Result<PulseDevice, Error> {
        let by_name = GetSourceInfo {
            index: None,
            name: Some(name),
        };
        let info = self.request(&Command::GetSourceInfo(by_name))?;
        Ok(self.input(info))
    }

    fn output(&self, info: SinkInfo) -> PulseDevice {
        self.device(Direction::Output, info.name, info.description)
    }

    fn input(&self, info: SourceInfo) -> PulseDevice {
        self.device(Direction::Input, info.name, info.description)
    }

    fn device(
        &self,
        direction: Direction,
        name: CString,
        description: Option<CString>,
    ) -> PulseDevice {
        let shown = description.as_ref().unwrap_or(&name);
        PulseDevice {
            server: Arc::clone(&self.server),
            direction,
            description: shown.to_string_lossy().into_owned(),
            name,
        }
    }
}

impl HostTrait for PulseHost {
    type Devices = vec::IntoIter<PulseDevice>;
    type Device = PulseDevice;

    fn is_available() -> bool {
        is_there()
    }

    fn devices(&self) -> Result<Self::Devices, Error> {
        let sinks: SinkInfoList = self.request(&Command::GetSinkInfoList)?;
        let sources: SourceInfoList = self.request(&Command::GetSourceInfoList)?;
        let outputs = sinks.into_iter().map(|info| self.output(info));
        let inputs = sources.into_iter().map(|info| self.input(info));
        let devices: Vec<PulseDevice> = outputs.chain(inputs).collect();
        Ok(devices.into_iter())
    }

    fn default_input_device(&self) -> Option<Self::Device> {
        let name = named_by("PULSE_SOURCE").unwrap_or_else(|| DEFAULT_SOURCE.into());
        self.source(name).ok()
    }

    fn default_output_device(&self) -> Option<Self::Device> {
        let name = named_by("PULSE_SINK").unwrap_or_else(|| DEFAULT_SINK.into());
        self.sink(name).ok()
    }
}

/// The default that libpulse's own variables name before the server is asked.
fn named_by(variable: &str) -> Option<CString> {
    let name = environment(variable)?.into_encoded_bytes();
    CString::new(name).ok()
}

/// A sink or a source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::device) struct PulseDevice {
    server: Arc<Server>,
    direction: Direction,
    name: CString,
    description: String,
}

impl PulseDevice {
    fn configs(&self, direction: Direction) -> vec::IntoIter<SupportedStreamConfigRange> {
        let there = self.direction == direction;
        let range = there.then(|| {
            let (rates, sizes) = (RATES, buffer_sizes());
            SupportedStreamConfigRange::new(
                1,
                *rates.start(),
                *rates.end(),
                sizes,
                SampleFormat::F32,
            )
        });
        Vec::from_iter(range).into_iter()
    }

    fn default_config(&self, direction: Direction) -> Result<SupportedStreamConfig, Error> {
        self.check_direction(direction)?;
        let sizes = buffer_sizes();
        let format = SampleFormat::F32;
        Ok(SupportedStreamConfig::new(1, SAMPLE_RATE, sizes, format))
    }

    fn check_direction(&self, wanted: Direction) -> Result<(), Error> {
        if self.direction == wanted {
            return Ok(());
        }
        let said = "this device has its sound flow the other way";
        Err(Error::with_message(ErrorKind::UnsupportedOperation, said))
    }

    /// What a stream with this configuration needs to know.
    fn flow(
        &self,
        direction: Direction,
        config: StreamConfig,
        format: SampleFormat,
    ) -> Result<Flow, Error> {
        self.check_direction(direction)?;
        let period = match config.buffer_size {
            BufferSize::Fixed(frames) => frames,
            BufferSize::Default => DEFAULT_PERIOD,
        };
        let known = config.channels == 1 && format == SampleFormat::F32;
        if !known || !RATES.contains(&config.sample_rate) || !PERIODS.contains(&period) {
            return Err(Error::new(ErrorKind::UnsupportedConfig));
        }
        Ok(Flow {
            server: Arc::clone(&self.server),
            device: self.name.clone(),
            rate: config.sample_rate,
            period,
        })
    }
}

fn buffer_sizes() -> SupportedBufferSize {
    SupportedBufferSize::Range {
        min: *PERIODS.start(),
        max: *PERIODS.end(),
    }
}

impl fmt::Display for PulseDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

impl DeviceTrait for PulseDevice {
    type SupportedInputConfigs = vec::IntoIter<SupportedStreamConfigRange>;
    type SupportedOutputConfigs = vec::IntoIter<SupportedStreamConfigRange>;
    type Stream = PulseStream;

    fn description(&self) -> Result<DeviceDescription, Error> {
        let direction = match self.direction {
            Direction::Input => DeviceDirection::Input,
            Direction::Output => DeviceDirection::Output,
        };
        let described = DeviceDescriptionBuilder::new(&self.description);
        Ok(described.direction(direction).build())
    }

    /// The same as cpal's own host gives, as people keep it in settings.
    fn id(&self) -> Result<DeviceId, Error> {
        Ok(DeviceId::new(
            HostId::PulseAudio,
            self.name.to_string_lossy(),
        ))
    }

    fn supported_input_configs(&self) -> Result<Self::SupportedInputConfigs, Error> {
        Ok(self.configs(Direction::Input))
    }

    fn supported_output_configs(&self) -> Result<Self::SupportedOutputConfigs, Error> {
        Ok(self.configs(Direction::Output))
    }

    fn default_input_config(&self) -> Result<SupportedStreamConfig, Error> {
        self.default_config(Direction::Input)
    }

    fn default_output_config(&self) -> Result<SupportedStreamConfig, Error> {
        self.default_config(Direction::Output)
    }

    fn build_input_stream_raw<D, E>(
        &self,
        config: StreamConfig,
        format: SampleFormat,
        on_data: D,
        on_error: E,
        _: Option<Duration>,
    ) -> Result<Self::Stream, Error>
    where
        D: FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        let flow = self.flow(Direction::Input, config, format)?;
        PulseStream::record(flow, on_data, on_error)
    }

    fn build_output_stream_raw<D, E>(
        &self,
        config: StreamConfig,
        format: SampleFormat,
        on_data: D,
        on_error: E,
        _: Option<Duration>,
    ) -> Result<Self::Stream, Error>
    where
        D: FnMut(&mut Data, &OutputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        let flow = self.flow(Direction::Output, config, format)?;
        PulseStream::play(flow, on_data, on_error)
    }
}
