//! The media of a call: sound between the voice thread and the other side,
//! over ICE, DTLS-SRTP and RTP (str0m) on UDP.
//!
//! ```text
//!  voice thread --SentPacket--> task --RTP--> socket ))) peer
//!  voice thread <-ReceivedPacket- task <--RTP-- reader ((( peer
//! ```
//!
//! One task a call, on a thread of its own, has the str0m state. Session descriptions travel through
//! the peers' own link, so the DTLS fingerprint in them is bound to the
//! identity keys. Media starts when the path is there, and the task tells the
//! core what becomes of the path; whether the call goes on is the core's
//! matter.

mod alarms;
#[cfg(test)]
mod browser;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod quality;
mod rtc;
mod sdp;
mod sockets;
mod sound;
mod task;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};
use twocan_voice::{Activation, CallConfig, InputSpec, LevelReader, OutputSpec, Processing, Tone};

use crate::api::{CallHint, CallStats, Path};

/// Commands waiting for a media task; more would mean that it hangs.
const COMMANDS: usize = 32;

/// Which side of a call the media is for.
#[derive(Debug)]
pub(crate) enum Role {
    /// Makes the offer.
    Caller,
    /// Has the caller's offer, and makes the answer.
    Callee {
        /// The caller's session description.
        offer: String,
    },
}

/// What one side says of its end of the path (SDP), to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) sdp: String,
    /// Which path of the call: 0 the first, higher each further one.
    pub(crate) round: u32,
    /// It answers the other side's offer of the same round.
    pub(crate) is_answer: bool,
}

/// What the core tells a media task.
#[derive(Debug)]
pub(crate) enum MediaCommand {
    /// The callee's answer, or about another path either one's word.
    Described(Description),
    /// One more address of the other side.
    Candidate(String),
    /// Microphone off, or on.
    Mute(bool),
    /// Loudspeaker off, or on.
    Deafen(bool),
    /// Loudness of the other, 1.0 as sent.
    Volume(f32),
    /// When the microphone is sent.
    Activation(Activation),
    /// The key of push to talk is held, or not.
    Talking(bool),
    /// Other things done to the microphone's sound.
    Process(Processing),
    /// A tone beside what is heard.
    Cue(Tone),
    /// Another microphone.
    Input(InputSpec, oneshot::Sender<Result<(), String>>),
    /// Another loudspeaker.
    Output(OutputSpec, oneshot::Sender<Result<(), String>>),
}

/// What a media task tells the core.
#[derive(Debug)]
pub(crate) enum MediaEvent {
    /// Our word on the path, to be sent to the other side.
    Description(Description),
    /// The path is there.
    Up(Path),
    /// The path broke; it may come back.
    Down,
    /// This machine is at other addresses now, or at these alone.
    Moved(Vec<IpAddr>),
    /// The other side ended the transport.
    Closed,
    /// Nothing more will come: what failed, for a person.
    Failed(String),
    /// The devices: what the user should know about them.
    Device(String),
    /// Once a second.
    Stats(Box<CallStats>),
    /// Something needs attention, or no longer does.
    Hint {
        /// What.
        hint: CallHint,
        /// It began, or is over.
        on: bool,
    },
    /// The meters, once there is sound.
    Levels(LevelReader),
    /// The first sample went each way, CLOCK_MONOTONIC seconds.
    Sound { mic_at: f64, spk_at: f64 },
}

/// A running media task. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Media {
    commands: mpsc::Sender<MediaCommand>,
    finished: oneshot::Receiver<()>,
}

impl Media {
    /// Starts the media of `call`. `near`: our address on the link to the
    /// other side, so that what is on one machine stays on it.
    pub(crate) fn start(
        call: crate::api::CallId,
        role: Role,
        near: IpAddr,
        sound: CallConfig,
        events: impl Fn(MediaEvent) -> futures_util::future::BoxFuture<'static, ()>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (done, finished) = oneshot::channel();
        let events = Arc::new(events);
        let told = Arc::clone(&events);
        let running = on_own_thread(async move {
            let tell = Box::new(move |event| told(event));
            task::run(call, role, near, sound, inbox, tell).await;
            // Nobody waits for the end of most calls.
            let _not_waiting = done.send(());
        });
        if let Err(error) = running {
            let failed = format!("there is no thread for its packets: {error}");
            tokio::spawn(events(MediaEvent::Failed(failed)));
        }
        Self { commands, finished }
    }

    /// Tells the task. One that does not take commands any more has failed
    /// and says so by an event.
    pub(crate) fn tell(&self, command: MediaCommand) {
        if let Err(error) = self.commands.try_send(command) {
            tracing::debug!(%error, "the media of a call takes no command");
        }
    }

    /// Ends the media, and waits until files are complete.
    pub(crate) async fn stop(self) {
        drop(self.commands);
        // An error means that the task is gone already.
        let _gone = self.finished.await;
    }
}

/// Runs a call's packets where nothing else is done: neither a flood of
/// messages nor a file makes them late.
fn on_own_thread(body: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("call-helper")
        .build()?;
    let thread = thread::Builder::new().name("call".into());
    thread.spawn(move || runtime.block_on(body))?;
    Ok(())
}
