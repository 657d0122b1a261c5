//! The task of one call's media.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use str0m::rtp::RtpPacket;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until, timeout};
use twocan_proto::limits;
use twocan_voice::{CallConfig, Format, ReceivedPacket};

use super::alarms::Alarms;
use super::rtc::{Session, SessionError, Step};
use super::sockets::{Datagram, Sockets};
use super::sound::{FromSound, Sound};
use super::{Description, MediaCommand, MediaEvent, Role};
use crate::api::{CallId, Path};
use crate::core::path_to;

/// How often the path is looked at.
const BEAT: Duration = Duration::from_millis(250);
/// Beats between two looks at everything else: once a second.
const BEATS: u32 = 4;
/// How often is asked whether the first sound went each way.
const FIRST_SOUND: Duration = Duration::from_millis(10);
/// For the last words of the transport.
const FAREWELL: Duration = Duration::from_millis(200);

mod telling;

use telling::{Flow, Pair};

type Tell = Box<dyn Fn(MediaEvent) -> BoxFuture<'static, ()> + Send + Sync>;

pub(super) async fn run(
    call: CallId,
    role: Role,
    near: IpAddr,
    sound: CallConfig,
    commands: mpsc::Receiver<MediaCommand>,
    tell: Tell,
) {
    match Task::new(call, &role, near, sound, &tell).await {
        Ok(mut task) => {
            if let Err(error) = task.run(role, commands).await {
                tell(MediaEvent::Failed(error)).await;
            }
            task.end().await;
        }
        Err(error) => tell(MediaEvent::Failed(error)).await,
    }
}

/// Where the path stands, and since when.
#[derive(Debug)]
struct Standing {
    /// The path works, as far as we have told.
    up: bool,
    /// It has worked once.
    was_up: bool,
    /// When anything last came from the other side.
    heard: Instant,
    /// When the path broke last.
    broke: Instant,
    /// When another path was offered last.
    offered: Option<Instant>,
}

struct Task<'a> {
    call: CallId,
    is_caller: bool,
    /// Boxed, as str0m's state is large and tasks are moved about.
    session: Box<Session>,
    sockets: Sockets,
    tell: &'a Tell,
    sound: Sound,
    alarms: Alarms,
    /// The newest of our packets that the other side says it has.
    reported: Option<u64>,
    path: Standing,
    /// The number of the last offer, of either side.
    round: u32,
    pair: Option<Pair>,
    their_format: Option<Format>,
    rtt_ms: Option<f32>,
    sent: Flow,
    received: Flow,
}

impl<'a> Task<'a> {
    async fn new(
        call: CallId,
        role: &Role,
        near: IpAddr,
        config: CallConfig,
        tell: &'a Tell,
    ) -> Result<Self, String> {
        let sockets = Sockets::bind(near)
            .await
            .map_err(|error| format!("no socket for the sound: {error}"))?;
        let session = Box::new(Session::new(sockets.addresses()));
        let now = Instant::now();
        Ok(Self {
            call,
            is_caller: matches!(role, Role::Caller),
            session,
            sockets,
            tell,
            sound: Sound::new(config),
            alarms: Alarms::new(now),
            reported: None,
            path: Standing {
                up: false,
                was_up: false,
                heard: now,
                broke: now,
                offered: None,
            },
            round: 0,
            pair: None,
            their_format: None,
            rtt_ms: None,
            sent: Flow::default(),
            received: Flow::default(),
        })
    }

    async fn run(
        &mut self,
        role: Role,
        mut commands: mpsc::Receiver<MediaCommand>,
    ) -> Result<(), String> {
        let sdp = match role {
            Role::Caller => self.session.offer().map_err(text)?,
            Role::Callee { offer } => {
                self.sound.prepare();
                self.session.answer(&offer).map_err(text)?
            }
        };
        let first = Description {
            sdp,
            round: 0,
            is_answer: !self.is_caller,
        };
        (self.tell)(MediaEvent::Description(first)).await;
        let mut beat = every(BEAT);
        let mut first_sound = every(FIRST_SOUND);
        let mut beats = 0u32;
        loop {
            let wake = self.drain().await?;
            if !self.session.is_alive() {
                (self.tell)(MediaEvent::Closed).await;
                return self.until_dropped(commands).await;
            }
            tokio::select! {
                datagram = self.sockets.receive() => match datagram {
                    Some(datagram) => self.on_datagram(&datagram)?,
                    None => return Err("the sockets of the call are gone".to_owned()),
                },
                from_sound = self.sound.next() => self.on_sound(from_sound).await?,
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command).await,
                    None => return Ok(()),
                },
                _ = first_sound.tick(), if self.path.was_up && self.sound.owes_times() => self.tell_times().await,
                _ = beat.tick() => {
                    beats = beats.wrapping_add(1);
                    self.on_beat(beats.is_multiple_of(BEATS)).await;
                }
                () = sleep_until(wake.into()) => {}
            }
            self.session.tick(Instant::now()).map_err(text)?;
        }
    }

    /// The transport is over, and the core decides what of the call.
    async fn until_dropped(
        &self,
        mut commands: mpsc::Receiver<MediaCommand>,
    ) -> Result<(), String> {
        while commands.recv().await.is_some() {}
        Ok(())
    }

    /// Does what str0m wants until it has to wait; gives until when.
    async fn drain(&mut self) -> Result<Instant, String> {
        loop {
            match self.session.poll().map_err(text)? {
                Step::Wait(until) => return Ok(until),
                Step::Transmit { from, to, bytes } => self.sockets.send(from, to, &bytes).await,
                Step::Connected => self.on_connected().await,
                Step::Disconnected => self.on_broken().await,
                Step::Packet(packet) => self.on_packet(&packet),
                Step::Path(stats) => self.on_path(&stats),
                Step::Report(report) => {
                    let remote = report.remote.as_ref();
                    let newest = remote.map(|remote| *remote.maximum_sequence_number);
                    self.reported = newest.or(self.reported);
                    if let Some(loss) = report.loss {
                        self.sound.report_loss(loss);
                    }
                    self.rtt_ms = self.rtt_ms.or_else(|| report.rtt.map(milliseconds));
                }
            }
        }
    }

    /// The path is there, for the first time or again.
    async fn on_connected(&mut self) {
        self.sound.set_format(self.session.format());
        self.sound.start();
        self.path.heard = Instant::now();
        self.path.offered = None;
        self.on_working().await;
    }

    async fn on_working(&mut self) {
        if !self.path.up {
            self.path.up = true;
            self.path.was_up = true;
            let far = self.session.remote_address();
            (self.tell)(MediaEvent::Up(far.map_or(Path::Direct, path_to))).await;
        }
    }

    async fn on_broken(&mut self) {
        self.path.broke = Instant::now();
        if self.path.up {
            self.path.up = false;
            (self.tell)(MediaEvent::Down).await;
        }
    }

    async fn on_beat(&mut self, is_full: bool) {
        if self.path.was_up {
            self.notice_silence().await;
        }
        if !is_full {
            return;
        }
        self.follow_addresses().await;
        if self.wants_restart() {
            self.restart().await;
        }
        self.tell_stats().await;
    }

    /// Nothing has come for so long that the path must be broken, or
    /// something comes again: sooner than ICE would notice either.
    async fn notice_silence(&mut self) {
        if self.path.heard.elapsed() > limits::MEDIA_SILENCE {
            self.on_broken().await;
        } else if self.path.heard > self.path.broke {
            self.on_working().await;
        }
    }

    /// This machine may have moved into another network.
    async fn follow_addresses(&mut self) {
        let Some(moved) = self.sockets.look().await else {
            return;
        };
        moved
            .lost
            .iter()
            .for_each(|at| self.session.remove_address(*at));
        moved
            .gained
            .iter()
            .for_each(|at| self.session.add_address(*at));
        let present = self.sockets.present().to_vec();
        (self.tell)(MediaEvent::Moved(present)).await;
        if self.path.was_up && !moved.gained.is_empty() {
            self.restart().await;
        }
    }

    /// The path has been gone for a while: it is time to offer another. The
    /// caller does so first, so that not both do.
    fn wants_restart(&self) -> bool {
        if self.path.up || !self.path.was_up {
            return false;
        }
        let wait = if self.is_caller {
            limits::RESTART_AGAIN
        } else {
            limits::RESTART_AGAIN * 2
        };
        let first = if self.is_caller {
            Duration::ZERO
        } else {
            limits::RESTART_AGAIN
        };
        self.path.offered.map_or_else(
            || self.path.broke.elapsed() >= first,
            |offered| offered.elapsed() >= wait,
        )
    }

    async fn restart(&mut self) {
        self.path.offered = Some(Instant::now());
        match self.session.restart() {
            Ok(sdp) => {
                self.round += 1;
                let offer = Description {
                    sdp,
                    round: self.round,
                    is_answer: false,
                };
                (self.tell)(MediaEvent::Description(offer)).await;
            }
            Err(error) => tracing::warn!(%error, "no other path can be offered"),
        }
    }

    async fn on_sound(&mut self, from_sound: FromSound) -> Result<(), String> {
        match from_sound {
            FromSound::Started(call) => {
                let call = call?;
                (self.tell)(MediaEvent::Levels(call.levels())).await;
                self.sound.take(call);
            }
            FromSound::Packet(packet) => {
                let length = packet.payload.len();
                if self.session.send(packet) {
                    self.sent.count(length);
                }
            }
        }
        Ok(())
    }

    fn on_datagram(&mut self, datagram: &Datagram) -> Result<(), String> {
        if self.session.receive(datagram).map_err(text)? {
            self.path.heard = datagram.arrived;
        }
        Ok(())
    }

    fn on_packet(&mut self, packet: &RtpPacket) {
        let Some(format) = self.session.format_of(packet) else {
            return;
        };
        self.their_format = Some(format);
        let payload = Session::payload(packet);
        self.received.count(payload.len());
        self.sound.receive(ReceivedPacket {
            format,
            sequence: *packet.seq_no,
            media_time: packet.time.numer(),
            payload,
            arrived: packet.timestamp,
        });
    }

    async fn on_command(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Described(description) => self.on_description(description).await,
            MediaCommand::Candidate(line) => self.session.add_candidate(&line),
            MediaCommand::Mute(muted) => self.sound.set_muted(muted),
            MediaCommand::Deafen(deafened) => self.sound.set_deafened(deafened),
            MediaCommand::Volume(volume) => self.sound.set_volume(volume),
            MediaCommand::Activation(activation) => self.sound.set_activation(activation),
            MediaCommand::Process(processing) => self.sound.set_processing(processing),
            MediaCommand::Talking(talking) => self.sound.set_talking(talking),
            MediaCommand::Cue(tone) => self.sound.cue(tone),
            MediaCommand::Input(input, reply) => self.sound.set_input(input, reply),
            MediaCommand::Output(output, reply) => self.sound.set_output(output, reply),
        }
    }

    /// What the other side says of its end of the path. A description that
    /// makes no sense ends the call before there is one, and nothing later.
    async fn on_description(&mut self, description: Description) {
        let Description {
            sdp,
            round,
            is_answer,
        } = description;
        let taken = if is_answer {
            self.on_answer(&sdp, round)
        } else {
            self.on_restart(&sdp, round).await
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "a description of the other side was not taken");
            if !self.path.was_up {
                (self.tell)(MediaEvent::Failed(error.to_string())).await;
            }
        }
    }

    fn on_answer(&mut self, sdp: &str, round: u32) -> Result<(), SessionError> {
        if round != self.round {
            return Ok(());
        }
        if round == 0 {
            self.sound.prepare();
        }
        self.session.accept(sdp)
    }

    /// The other side offers another path. Of two such offers at once the
    /// caller's counts.
    async fn on_restart(&mut self, sdp: &str, round: u32) -> Result<(), SessionError> {
        let crosses = self.session.has_offered() && round <= self.round;
        if crosses && self.is_caller {
            return Ok(());
        }
        self.round = self.round.max(round);
        let answer = Description {
            sdp: self.session.answer(sdp)?,
            round,
            is_answer: true,
        };
        self.path.offered = Some(Instant::now());
        (self.tell)(MediaEvent::Description(answer)).await;
        Ok(())
    }

    /// Says goodbye to the other side and ends the sound.
    async fn end(mut self) {
        if self.session.close().is_ok() {
            // Only what is to be sent is still of interest.
            let last_words = async {
                while let Ok(step) = self.session.poll() {
                    match step {
                        Step::Transmit { from, to, bytes } => {
                            self.sockets.send(from, to, &bytes).await;
                        }
                        Step::Wait(_) => return,
                        _ => {}
                    }
                }
            };
            let _too_slow = timeout(FAREWELL, last_words).await;
        }
        self.sound.end().await;
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
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
