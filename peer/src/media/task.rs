//! The task of one call's media.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use str0m::rtp::RtpPacket;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use twocan_proto::limits;
use twocan_voice::{
    Call as Sound, CallConfig, CallStats as SoundStats, DeviceState, Format, ReceivedPacket,
    SentPacket,
};

use super::alarms::{Alarms, Observed};
use super::quality::mean_opinion_score;
use super::rtc::{Session, SessionError, Step};
use super::sockets::Sockets;
use super::{MediaCommand, MediaEvent, Role};
use crate::api::{CallId, CallStats};
use crate::core::path_to;

/// Frames of ours waiting to be sent; when the network task is held up for
/// longer than this they are dropped, as late sound is of no use.
const FRAMES: usize = 16;

const SECOND: Duration = Duration::from_secs(1);

type Tell = Box<dyn Fn(MediaEvent) -> BoxFuture<'static, ()> + Send + Sync>;

pub(super) async fn run(
    call: CallId,
    role: Role,
    near: IpAddr,
    sound: CallConfig,
    commands: mpsc::Receiver<MediaCommand>,
    tell: Tell,
) {
    match Task::new(call, near, sound, &tell).await {
        Ok(mut task) => {
            if let Err(error) = task.run(role, commands).await {
                tell(MediaEvent::Failed(error)).await;
            }
            task.end().await;
        }
        Err(error) => tell(MediaEvent::Failed(error)).await,
    }
}

struct Task<'a> {
    call: CallId,
    /// Boxed, as str0m's state is large and tasks are moved about.
    session: Box<Session>,
    sockets: Sockets,
    tell: &'a Tell,
    config: CallConfig,
    sound: Option<Sound>,
    sound_told: bool,
    device_told: Option<String>,
    volume: f32,
    deafened: bool,
    talking: bool,
    alarms: Alarms,
    /// The newest of our packets that the other side says it has.
    reported: Option<u64>,
    frames_in: mpsc::Sender<SentPacket>,
    frames: mpsc::Receiver<SentPacket>,
    /// The path works, as far as we have told.
    up: bool,
    /// When anything last came from the other side.
    heard: Instant,
    rtt_ms: Option<f32>,
    sent_bytes: u64,
    received_bytes: u64,
}

impl<'a> Task<'a> {
    async fn new(
        call: CallId,
        near: IpAddr,
        config: CallConfig,
        tell: &'a Tell,
    ) -> Result<Self, String> {
        let sockets = Sockets::bind(near)
            .await
            .map_err(|error| format!("no socket for the sound: {error}"))?;
        let session = Box::new(Session::new(sockets.addresses()));
        let (frames_in, frames) = mpsc::channel(FRAMES);
        Ok(Self {
            call,
            session,
            sockets,
            tell,
            config,
            sound: None,
            sound_told: false,
            device_told: None,
            volume: 1.0,
            deafened: false,
            talking: false,
            alarms: Alarms::new(Instant::now()),
            reported: None,
            frames_in,
            frames,
            up: false,
            heard: Instant::now(),
            rtt_ms: None,
            sent_bytes: 0,
            received_bytes: 0,
        })
    }

    async fn run(
        &mut self,
        role: Role,
        mut commands: mpsc::Receiver<MediaCommand>,
    ) -> Result<(), String> {
        let description = match role {
            Role::Caller => self.session.offer(),
            Role::Callee { offer } => self.session.answer(&offer),
        };
        (self.tell)(MediaEvent::Description(description.map_err(text)?)).await;
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wake = self.drain().await?;
            if !self.session.is_alive() {
                return Err("the other side ended the transport".to_owned());
            }
            tokio::select! {
                datagram = self.sockets.receive() => match datagram {
                    Some(datagram) => self.session.receive(&datagram).map_err(text)?,
                    None => return Err("the sockets of the call are gone".to_owned()),
                },
                Some(frame) = self.frames.recv() => {
                    self.sent_bytes += frame.payload.len() as u64;
                    self.session.send(frame);
                }
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command)?,
                    None => return Ok(()),
                },
                _ = seconds.tick(), if self.sound.is_some() => {
                    self.tell_stats().await;
                    self.notice_silence().await;
                }
                () = sleep_until(wake.into()) => {}
            }
            self.session.tick(Instant::now()).map_err(text)?;
        }
    }

    /// Does what str0m wants until it has to wait; gives until when.
    async fn drain(&mut self) -> Result<Instant, String> {
        loop {
            match self.session.poll().map_err(text)? {
                Step::Wait(until) => return Ok(until),
                Step::Transmit { from, to, bytes } => self.sockets.send(from, to, &bytes).await,
                Step::Connected => self.on_connected().await?,
                Step::Disconnected => self.on_broken().await,
                Step::Packet(packet) => self.on_packet(&packet),
                Step::Path(stats) => {
                    if let Some(pair) = &stats.selected_candidate_pair {
                        let rtt = pair.current_round_trip_time.or(stats.rtt);
                        self.rtt_ms = rtt.map(milliseconds).or(self.rtt_ms);
                    }
                }
                Step::Report(report) => {
                    let remote = report.remote.as_ref();
                    let newest = remote.map(|remote| *remote.maximum_sequence_number);
                    self.reported = newest.or(self.reported);
                    if let (Some(loss), Some(sound)) = (report.loss, &self.sound) {
                        sound.report_loss(loss);
                    }
                    self.rtt_ms = self.rtt_ms.or_else(|| report.rtt.map(milliseconds));
                }
            }
        }
    }

    /// The path is there, for the first time or again.
    async fn on_connected(&mut self) -> Result<(), String> {
        self.heard = Instant::now();
        self.on_working().await;
        // Devices take their time to open; the path is there before them.
        if self.sound.is_none() {
            let sound = self.start_sound().await?;
            let levels = sound.levels();
            self.sound = Some(sound);
            (self.tell)(MediaEvent::Levels(levels)).await;
        }
        Ok(())
    }

    async fn on_working(&mut self) {
        if !self.up {
            self.up = true;
            let far = self.session.remote_address();
            let path = far.map_or(crate::api::Path::Direct, path_to);
            (self.tell)(MediaEvent::Up(path)).await;
        }
    }

    async fn on_broken(&mut self) {
        if self.up {
            self.up = false;
            (self.tell)(MediaEvent::Down).await;
        }
    }

    /// Nothing has come for so long that the path must be broken, or
    /// something comes again: sooner than ICE would notice either.
    async fn notice_silence(&mut self) {
        if self.heard.elapsed() > limits::MEDIA_SILENCE {
            self.on_broken().await;
        } else {
            self.on_working().await;
        }
    }

    async fn start_sound(&self) -> Result<Sound, String> {
        let (config, frames) = (self.config.clone(), self.frames_in.clone());
        let sink = Box::new(move |frame| {
            if let Err(mpsc::error::TrySendError::Full(_)) = frames.try_send(frame) {
                tracing::debug!("a frame was not sent in time");
            }
        });
        // Opening devices and files takes time that no other task should lose.
        let started = tokio::task::spawn_blocking(move || Sound::start(config, sink)).await;
        let sound = started.map_err(text)?.map_err(text)?;
        sound.set_deafened(self.deafened);
        sound.set_talking(self.talking);
        sound.set_volume(self.volume);
        Ok(sound)
    }

    fn on_packet(&mut self, packet: &RtpPacket) {
        let payload = Session::payload(packet);
        self.received_bytes += payload.len() as u64;
        self.heard = packet.timestamp;
        if let Some(sound) = &self.sound {
            sound.receive(ReceivedPacket {
                format: Format::Opus,
                sequence: *packet.seq_no,
                media_time: packet.time.numer(),
                payload,
                arrived: packet.timestamp,
            });
        }
    }

    fn on_command(&mut self, command: MediaCommand) -> Result<(), String> {
        match command {
            MediaCommand::Answer(answer) => return self.session.accept(&answer).map_err(text),
            MediaCommand::Candidate(line) => self.session.add_candidate(&line),
            MediaCommand::Mute(muted) => {
                self.config.muted = muted;
                self.sound.iter().for_each(|sound| sound.set_muted(muted));
            }
            MediaCommand::Deafen(deafened) => {
                self.deafened = deafened;
                self.sound
                    .iter()
                    .for_each(|sound| sound.set_deafened(deafened));
            }
            MediaCommand::Volume(volume) => {
                self.volume = volume;
                self.sound.iter().for_each(|sound| sound.set_volume(volume));
            }
            MediaCommand::Activation(activation) => {
                self.config.activation = activation;
                self.sound
                    .iter()
                    .for_each(|sound| sound.set_activation(activation));
            }
            MediaCommand::Talking(talking) => {
                self.talking = talking;
                self.sound
                    .iter()
                    .for_each(|sound| sound.set_talking(talking));
            }
            MediaCommand::Process(processing) => {
                self.config.processing = processing;
                self.sound
                    .iter()
                    .for_each(|sound| sound.set_processing(processing));
            }
            MediaCommand::Input(input, reply) => {
                let result = self
                    .sound
                    .as_ref()
                    .map_or(Ok(()), |sound| sound.set_input(&input).map_err(text));
                if result.is_ok() {
                    self.config.input = input;
                }
                let _not_waiting = reply.send(result);
            }
            MediaCommand::Output(output, reply) => {
                let result = self
                    .sound
                    .as_ref()
                    .map_or(Ok(()), |sound| sound.set_output(&output).map_err(text));
                if result.is_ok() {
                    self.config.output = output;
                }
                let _not_waiting = reply.send(result);
            }
        }
        Ok(())
    }

    async fn tell_stats(&mut self) {
        let Some(sound) = &self.sound else { return };
        let stats = sound.stats();
        if !self.sound_told
            && let Some((mic_at, spk_at)) = sound.sound_times()
        {
            self.sound_told = true;
            (self.tell)(MediaEvent::Sound { mic_at, spk_at }).await;
        }
        self.tell_devices(&stats.input, &stats.output).await;
        self.tell_alarms(&stats).await;
        let kbps = |bytes: &mut u64| std::mem::take(bytes) as f32 * 8.0 / 1000.0;
        let quality =
            mean_opinion_score(self.rtt_ms.unwrap_or(0.0), stats.buffer_ms, stats.concealed);
        let event = CallStats {
            call: self.call,
            rtt_ms: self.rtt_ms,
            loss: stats.loss,
            jitter_ms: stats.jitter_ms,
            buffer_ms: stats.buffer_ms,
            sent_kbps: kbps(&mut self.sent_bytes),
            received_kbps: kbps(&mut self.received_bytes),
            concealed: stats.concealed,
            recovered: stats.recovered,
            level_in_db: stats.level_in_db,
            level_out_db: stats.level_out_db,
            quality,
        };
        (self.tell)(MediaEvent::Stats(Box::new(event))).await;
    }

    async fn tell_alarms(&mut self, stats: &SoundStats) {
        let seen = Observed {
            up: self.up,
            muted: self.config.muted,
            muted_speech_ms: stats.muted_speech_ms,
            microphone: matches!(stats.input, DeviceState::Running(_)),
            input: stats.input_silence,
            output: stats.output_silence,
            received: stats.received,
            sent: stats.sent,
            reported: self.reported,
        };
        for (hint, on) in self.alarms.look(Instant::now(), &seen) {
            (self.tell)(MediaEvent::Hint { hint, on }).await;
        }
    }

    /// Says once when a device is missing, and once when it is back.
    async fn tell_devices(&mut self, input: &DeviceState, output: &DeviceState) {
        let missing = |what: &str, state: &DeviceState| match state {
            DeviceState::Missing(why) => {
                Some(format!("no {what}: {why}; the call goes on with silence"))
            }
            _ => None,
        };
        let problem = missing("microphone", input).or_else(|| missing("loudspeaker", output));
        if problem != self.device_told {
            let text = problem
                .clone()
                .unwrap_or_else(|| "the sound devices work again".to_owned());
            self.device_told = problem;
            (self.tell)(MediaEvent::Device(text)).await;
        }
    }

    /// Ends the sound, which completes its files.
    async fn end(mut self) {
        if let Some(sound) = self.sound.take() {
            let _joined = tokio::task::spawn_blocking(move || drop(sound)).await;
        }
    }
}

fn milliseconds(duration: Duration) -> f32 {
    duration.as_secs_f32() * 1000.0
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl From<SessionError> for String {
    fn from(error: SessionError) -> Self {
        error.to_string()
    }
}
