//! The sound of a call as its media task holds it: started when it is time,
//! changed by the user, looked at for what has to be told.

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use twocan_voice::{
    Activation, Call, CallConfig, CallStats, DeviceState, Format, InputSpec, OutputSpec,
    Processing, ReceivedPacket, SentPacket, Tone,
};

/// Packets of ours waiting to be sent; when the network task is held up for
/// longer than this they are dropped, as late sound is of no use.
const PACKETS: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Sound {
    config: CallConfig,
    call: Option<Call>,
    starting: Option<JoinHandle<Result<Call, String>>>,
    volume: f32,
    deafened: bool,
    talking: bool,
    packets_in: mpsc::Sender<SentPacket>,
    packets: mpsc::Receiver<SentPacket>,
    problem_told: Option<String>,
    times_told: bool,
}

/// What the sound brings.
#[derive(Debug)]
pub(super) enum FromSound {
    /// It has started, or cannot: to be given to [`Sound::take`].
    Started(Result<Call, String>),
    /// A packet to be sent.
    Packet(SentPacket),
}

impl Sound {
    pub(super) fn new(config: CallConfig) -> Self {
        let (packets_in, packets) = mpsc::channel(PACKETS);
        Self {
            config,
            call: None,
            starting: None,
            volume: 1.0,
            deafened: false,
            talking: false,
            packets_in,
            packets,
            problem_told: None,
            times_told: false,
        }
    }

    /// Starts what takes its time, the devices, while the path is being found.
    /// A file is not to begin before somebody can hear it.
    pub(super) fn prepare(&mut self) {
        let is_file = matches!(self.config.input, InputSpec::File(_))
            || matches!(self.config.output, OutputSpec::File(_));
        if !is_file {
            self.start();
        }
    }

    /// Starts the sound, unless it has started.
    pub(super) fn start(&mut self) {
        if self.call.is_some() || self.starting.is_some() {
            return;
        }
        let (config, packets) = (self.config.clone(), self.packets_in.clone());
        let sink = Box::new(move |packet| {
            if let Err(mpsc::error::TrySendError::Full(_)) = packets.try_send(packet) {
                tracing::debug!("a packet was not sent in time");
            }
        });
        // Opening devices and files takes time that no task should lose.
        self.starting = Some(tokio::task::spawn_blocking(move || {
            Call::start(config, sink).map_err(|error| error.to_string())
        }));
    }

    /// The next thing that the sound brings.
    pub(super) async fn next(&mut self) -> FromSound {
        let starting = async {
            match &mut self.starting {
                Some(starting) => starting.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            started = starting => {
                self.starting = None;
                FromSound::Started(started.map_err(|error| error.to_string()).flatten())
            }
            // We hold a sender ourselves, so there is always another.
            Some(packet) = self.packets.recv() => FromSound::Packet(packet),
        }
    }

    /// Takes the sound that has started.
    pub(super) fn take(&mut self, call: Call) {
        call.set_muted(self.config.muted);
        call.set_deafened(self.deafened);
        call.set_activation(self.config.activation);
        call.set_processing(self.config.processing);
        call.set_talking(self.talking);
        call.set_volume(self.volume);
        call.set_format(self.config.format);
        call.set_processing(self.config.processing);
        self.call = Some(call);
    }

    /// Takes a packet of the other side.
    pub(super) fn receive(&self, packet: ReceivedPacket) {
        if let Some(call) = &self.call {
            call.receive(packet);
        }
    }

    /// How packets are laid out from now on.
    pub(super) fn set_format(&mut self, format: Format) {
        self.config.format = format;
        self.call.iter().for_each(|call| call.set_format(format));
    }

    /// What the other side says of its losses.
    pub(super) fn report_loss(&self, share: f32) {
        self.call.iter().for_each(|call| call.report_loss(share));
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.config.muted = muted;
        self.call.iter().for_each(|call| call.set_muted(muted));
    }

    pub(super) fn set_deafened(&mut self, deafened: bool) {
        self.deafened = deafened;
        self.call
            .iter()
            .for_each(|call| call.set_deafened(deafened));
    }

    pub(super) fn set_activation(&mut self, activation: Activation) {
        self.config.activation = activation;
        self.call
            .iter()
            .for_each(|call| call.set_activation(activation));
    }

    pub(super) fn set_processing(&mut self, processing: Processing) {
        self.config.processing = processing;
        self.call
            .iter()
            .for_each(|call| call.set_processing(processing));
    }

    pub(super) fn set_talking(&mut self, talking: bool) {
        self.talking = talking;
        self.call.iter().for_each(|call| call.set_talking(talking));
    }

    /// Lets a tone be heard, if there is sound: without it, nobody misses one.
    pub(super) fn cue(&self, tone: Tone) {
        if let Some(Err(error)) = self.call.as_ref().map(|call| call.cue(tone)) {
            tracing::debug!(%error, "no tone");
        }
    }

    /// Whether the microphone is off.
    pub(super) fn is_muted(&self) -> bool {
        self.config.muted
    }

    pub(super) fn set_volume(&mut self, volume: f32) {
        self.volume = volume;
        self.call.iter().for_each(|call| call.set_volume(volume));
    }

    pub(super) fn set_input(
        &mut self,
        input: InputSpec,
        reply: oneshot::Sender<Result<(), String>>,
    ) {
        let change = |call: &Call| call.set_input(&input).map_err(|error| error.to_string());
        let result = self.call.as_ref().map_or(Ok(()), change);
        if result.is_ok() {
            self.config.input = input;
        }
        let _not_waiting = reply.send(result);
    }

    pub(super) fn set_output(
        &mut self,
        output: OutputSpec,
        reply: oneshot::Sender<Result<(), String>>,
    ) {
        let change = |call: &Call| call.set_output(&output).map_err(|error| error.to_string());
        let result = self.call.as_ref().map_or(Ok(()), change);
        if result.is_ok() {
            self.config.output = output;
        }
        let _not_waiting = reply.send(result);
    }

    /// What the sound is doing, once it has started.
    pub(super) fn stats(&self) -> Option<CallStats> {
        self.call.as_ref().map(Call::stats)
    }

    /// Whether [`Self::times`] is still to be asked.
    pub(super) fn owes_times(&self) -> bool {
        self.call.is_some() && !self.times_told
    }

    /// When the first samples went each way, given once, when both have.
    pub(super) fn times(&mut self) -> Option<(f64, f64)> {
        if self.times_told {
            return None;
        }
        let times = self.call.as_ref()?.sound_times()?;
        self.times_told = true;
        Some(times)
    }

    /// What there is to say of the devices: once when one is missing, and
    /// once when it is back.
    pub(super) fn device_news(&mut self, stats: &CallStats) -> Option<String> {
        let missing = |what: &str, state: &DeviceState| {
            let why = state.missing()?;
            Some(format!("no {what}: {why}; the call goes on with silence"))
        };
        let problem = missing("microphone", &stats.input);
        let problem = problem.or_else(|| missing("loudspeaker", &stats.output));
        if problem == self.problem_told {
            return None;
        }
        let text = problem.clone();
        self.problem_told = problem;
        Some(text.unwrap_or_else(|| "the sound devices work again".to_owned()))
    }

    /// Ends the sound, which completes its files.
    pub(super) async fn end(mut self) {
        let started = match self.starting.take() {
            Some(starting) => starting.await.ok().and_then(Result::ok),
            None => None,
        };
        let call = self.call.take().or(started);
        let _joined = tokio::task::spawn_blocking(move || drop(call)).await;
    }
}
