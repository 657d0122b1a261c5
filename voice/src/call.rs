//! The handle of a call's sound, as the rest of the program holds it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering::Relaxed,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use crate::{
    Activation, AudioError, CallStats, Format, InputSpec, LevelReader, MAX_PACKET_BYTES,
    OutputSpec, Processing, ReceivedPacket, SentPacket,
    device::Wanted,
    media_thread::{Change, Input, MediaThread, Output},
    sink::Drain,
    source::Feed,
    stats::Shared,
    tones::Tone,
};

/// Packets that may wait for the media thread, which takes them every 10 ms:
/// 5 s of frames of 20 ms. The oldest gives way.
const MOST_WAITING_PACKETS: usize = 256;
/// Changes of input and output that may wait.
const MOST_WAITING_CHANGES: usize = 8;

/// Takes encoded frames on the media thread; it must not block.
pub type FrameSink = Box<dyn FnMut(SentPacket) + Send>;

/// How a call's sound starts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallConfig {
    /// Where the sound that is sent comes from.
    pub input: InputSpec,
    /// Where the sound that arrives goes to.
    pub output: OutputSpec,
    /// Start without sending what the input gives.
    pub muted: bool,
    /// When what the input gives is sent.
    pub activation: Activation,
    /// Send back what arrives instead of the input, and play nothing: the echo
    /// contact. Input and output are not used then.
    pub loopback: bool,
    /// How the packets that are sent are laid out; [`Call::set_format`] changes
    /// it when the other side's answer comes later.
    pub format: Format,
    /// What is done to a microphone's sound before it is sent.
    pub processing: Processing,
    /// The number of the first packet that is sent, below 2^15, so that the
    /// numbers do not wrap before the first packets arrive.
    pub first_number: u16,
}

/// The sound of one call. Dropping it stops the sound and completes files.
pub struct Call {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    changes: SyncSender<Change>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// Starts the sound: `sink` gets a frame every 20 ms, on the media thread,
    /// which it must not block. A device that is missing is no error: silence
    /// takes its place, [`CallStats`] tells, and it is tried again. Opens files,
    /// so it may block for some milliseconds.
    ///
    /// # Errors
    /// When a file cannot be opened, or the codec or a thread is not to be had.
    pub fn start(config: CallConfig, sink: FrameSink) -> Result<Self, AudioError> {
        let shared = Arc::new(Shared::new(config.muted));
        shared.processing.set(config.processing);
        shared.set_activation(config.activation);
        shared.set_format(config.format);
        let inbox = Arc::new(Inbox::default());
        let (changes, receiver) = sync_channel(MOST_WAITING_CHANGES);
        let (started, start) = sync_channel(1);
        if !config.loopback {
            // Room for two is certain, and the thread takes them when it starts.
            send_change(&changes, Change::Output(open_output(&config.output)?))?;
            send_change(&changes, Change::Input(open_input(&config.input)?))?;
        }
        let (shared_there, inbox_there) = (Arc::clone(&shared), Arc::clone(&inbox));
        let body = move || match MediaThread::new(
            shared_there,
            inbox_there,
            receiver,
            sink,
            config.loopback,
            config.first_number,
        ) {
            Ok(mut media) => {
                if started.send(Ok(())).is_ok() {
                    media.run();
                }
            }
            Err(error) => {
                let unheard = started.send(Err(error));
                drop(unheard);
            }
        };
        let thread = thread::Builder::new()
            .name("sound".into())
            .spawn(body)
            .map_err(AudioError::Thread)?;
        start.recv().map_err(|_| AudioError::Ended)??;
        Ok(Self {
            shared,
            inbox,
            changes,
            thread: Some(thread),
        })
    }

    /// Takes a packet from the network. Never waits for the media thread; when
    /// too many wait already, the oldest is dropped and counted as skipped. A
    /// payload above [`MAX_PACKET_BYTES`] is dropped.
    pub fn receive(&self, packet: ReceivedPacket) {
        if packet.payload.len() <= MAX_PACKET_BYTES && !self.inbox.push(packet) {
            self.shared.overflowed.fetch_add(1, Relaxed);
        }
    }

    /// Sends nothing but a sign of life now and then, or the input again.
    pub fn set_muted(&self, muted: bool) {
        self.shared.muted.store(muted, Relaxed);
    }

    /// Sets when what the input gives is sent.
    pub fn set_activation(&self, activation: Activation) {
        self.shared.set_activation(activation);
    }

    /// With [`Activation::PushToTalk`]: sends the input while the key is held.
    /// Muting goes before it.
    pub fn set_talking(&self, talking: bool) {
        self.shared.talking.store(talking, Relaxed);
    }

    /// Plays silence instead of what arrives, or what arrives again.
    pub fn set_deafened(&self, deafened: bool) {
        self.shared.deafened.store(deafened, Relaxed);
    }

    /// Whether nothing of the input is sent.
    pub fn is_muted(&self) -> bool {
        self.shared.muted.load(Relaxed)
    }

    /// Whether silence is played instead of what arrives.
    pub fn is_deafened(&self) -> bool {
        self.shared.deafened.load(Relaxed)
    }

    /// Sets the volume of what is heard: a factor from 0 to 4, 1 at first.
    pub fn set_volume(&self, volume: f32) {
        self.shared.set_volume(volume);
    }

    /// Changes what is done to a microphone's sound before it is sent.
    pub fn set_processing(&self, processing: Processing) {
        self.shared.processing.set(processing);
    }

    /// What is done to a microphone's sound before it is sent.
    pub fn processing(&self) -> Processing {
        self.shared.processing.get()
    }

    /// Changes where the sound that is sent comes from.
    ///
    /// # Errors
    /// When the file cannot be opened; the input then stays as it was.
    pub fn set_input(&self, input: &InputSpec) -> Result<(), AudioError> {
        self.change(Change::Input(open_input(input)?))
    }

    /// Changes where the sound that arrives goes to.
    ///
    /// # Errors
    /// When the file cannot be opened; the output then stays as it was.
    pub fn set_output(&self, output: &OutputSpec) -> Result<(), AudioError> {
        self.change(Change::Output(open_output(output)?))
    }

    /// Lets a tone be heard beside the other, once, where the output is a
    /// device; one that is heard already gives way.
    ///
    /// # Errors
    /// When the sound has ended or is busy with other changes.
    pub fn cue(&self, tone: Tone) -> Result<(), AudioError> {
        self.change(Change::Cue(tone))
    }

    /// Changes how the packets that are sent are laid out, from the next one on:
    /// what both sides have agreed on.
    pub fn set_format(&self, format: Format) {
        self.shared.set_format(format);
    }

    /// Tells the sender what share of our packets, 0 to 1, the receiver has lost
    /// since its last RTCP report. Call it for each.
    pub fn report_loss(&self, fraction: f32) {
        self.shared.report_loss(fraction);
    }

    /// What the sound is doing now. Cheap enough for every frame of a screen.
    pub fn stats(&self) -> CallStats {
        self.shared.snapshot()
    }

    /// The meters, for a screen that shows them many times a second.
    pub fn levels(&self) -> LevelReader {
        LevelReader(Arc::clone(&self.shared))
    }

    /// CLOCK_MONOTONIC seconds at which the first sample was taken from the
    /// microphone and the first was given to the loudspeaker, once both have
    /// happened.
    pub fn sound_times(&self) -> Option<(f64, f64)> {
        Some((self.shared.mic_at.get()?, self.shared.spk_at.get()?))
    }

    fn change(&self, change: Change) -> Result<(), AudioError> {
        send_change(&self.changes, change)?;
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sound thread has panicked");
        }
    }
}

fn open_input(spec: &InputSpec) -> Result<Input, AudioError> {
    if let Some(feed) = Feed::open(spec)? {
        return Ok(Input::Feed(feed));
    }
    Ok(Input::Device(match spec {
        InputSpec::Device(name) => Wanted::Named(name.clone()),
        _ => Wanted::Default,
    }))
}

fn open_output(spec: &OutputSpec) -> Result<Output, AudioError> {
    if let Some(drain) = Drain::open(spec)? {
        return Ok(Output::Drain(drain));
    }
    Ok(Output::Device(match spec {
        OutputSpec::Device(name) => Wanted::Named(name.clone()),
        _ => Wanted::Default,
    }))
}

fn send_change(changes: &SyncSender<Change>, change: Change) -> Result<(), AudioError> {
    changes.try_send(change).map_err(|error| match error {
        TrySendError::Full(_) => AudioError::Busy,
        TrySendError::Disconnected(_) => AudioError::Ended,
    })
}

/// Packets on their way from a network task to the media thread. The lock is
/// held for a push or a swap only.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<VecDeque<ReceivedPacket>>);

impl Inbox {
    /// Adds a packet; false when the oldest had to give way.
    fn push(&self, packet: ReceivedPacket) -> bool {
        let mut packets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        packets.push_back(packet);
        if packets.len() <= MOST_WAITING_PACKETS {
            return true;
        }
        packets.pop_front();
        false
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self) -> VecDeque<ReceivedPacket> {
        let mut packets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut packets)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_inbox_drops_its_oldest() {
        let inbox = Inbox::default();
        let packet = |sequence| ReceivedPacket {
            format: Format::Opus,
            sequence,
            media_time: 0,
            payload: Vec::new(),
            arrived: Instant::now(),
        };
        for sequence in 0..MOST_WAITING_PACKETS as u64 {
            assert!(inbox.push(packet(sequence)));
        }
        assert!(!inbox.push(packet(1_000)));
        let waiting = inbox.take();
        assert_eq!(waiting.len(), MOST_WAITING_PACKETS);
        assert_eq!(waiting[0].sequence, 1);
        assert!(inbox.take().is_empty());
    }
}
