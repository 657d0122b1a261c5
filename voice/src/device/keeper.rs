//! The thread that owns the open devices of a call. It opens what is wanted,
//! notices what fails, and tries again; the media thread never waits for it.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use super::{
    DeviceEvent, Direction, Wanted,
    hosts::meant,
    open::{OpenStream, open_input, open_output},
    systems::is_alsa,
};
use crate::stats::{DeviceState, Shared};

/// How often a missing device is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How often the system is asked which device is meant.
const FOLLOW: Duration = Duration::from_secs(1);
/// How often the open devices are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// A device that calls back this seldom is dead, whatever its host says.
const DEAD_AFTER: Duration = Duration::from_secs(3);
/// Changes that may wait. More are refused: a person makes them by hand.
const MOST_WAITING: usize = 16;

/// Handle of the thread; dropping it closes the devices.
#[derive(Debug)]
pub(crate) struct Keeper {
    changes: SyncSender<Change>,
}

#[derive(Debug)]
struct Change {
    direction: Direction,
    wanted: Option<Wanted>,
}

impl Keeper {
    /// Starts the thread. Events go to `events`, and `media` is woken for each.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        shared: Arc<Shared>,
        events: SyncSender<DeviceEvent>,
        media: Thread,
    ) -> io::Result<Self> {
        let (changes, receiver) = sync_channel(MOST_WAITING);
        // Not joined: a hanging sound server must not keep a call from ending.
        thread::Builder::new()
            .name("devices".into())
            .spawn(move || {
                let mut desk = Desk {
                    shared,
                    events,
                    media,
                    input: Slot::default(),
                    output: Slot::default(),
                };
                desk.run(&receiver);
            })?;
        Ok(Self { changes })
    }

    /// Changes which device is wanted; none closes the one that is open.
    /// Returns false when too many changes wait already.
    #[must_use]
    pub(crate) fn want(&self, direction: Direction, wanted: Option<Wanted>) -> bool {
        self.changes.try_send(Change { direction, wanted }).is_ok()
    }
}

struct Desk {
    shared: Arc<Shared>,
    events: SyncSender<DeviceEvent>,
    media: Thread,
    input: Slot,
    output: Slot,
}

#[derive(Default)]
struct Slot {
    wanted: Option<Wanted>,
    open: Option<Watched>,
    retry_at: Option<Instant>,
}

struct Watched {
    stream: OpenStream,
    callbacks: u64,
    alive_at: Instant,
    /// When to ask next which device is meant.
    follow_at: Option<Instant>,
}

impl Watched {
    /// Why the stream is of no more use, if so.
    fn failure(&mut self, now: Instant) -> Option<String> {
        let callbacks = self.stream.health.callbacks();
        if callbacks != self.callbacks {
            self.callbacks = callbacks;
            self.alive_at = now;
        }
        let dead = now.duration_since(self.alive_at) > DEAD_AFTER;
        let silent = || dead.then(|| "it gives no sign of life".to_owned());
        self.stream.health.failure().or_else(silent)
    }
}

/// What is to be done about an open device.
enum Turn {
    Keep,
    /// Another device is meant by now.
    Reopen,
    /// It is gone. A sound server may have moved the stream to another device,
    /// which nobody has chosen.
    Lose(String),
}

impl Watched {
    /// Asks now and then which device is meant.
    fn turn(&mut self, direction: Direction, wanted: &Wanted, now: Instant) -> Turn {
        if self.follow_at.is_none_or(|at| at > now) {
            return Turn::Keep;
        }
        self.follow_at = Some(now + FOLLOW);
        match meant(direction, wanted) {
            Ok(id) if self.stream.id.as_ref() == Some(&id) => Turn::Keep,
            Ok(_) => Turn::Reopen,
            Err(reason) => Turn::Lose(reason),
        }
    }
}

impl Desk {
    fn run(&mut self, changes: &Receiver<Change>) {
        loop {
            match changes.recv_timeout(LOOK) {
                Ok(change) => self.change(change),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look(Direction::Output);
            self.look(Direction::Input);
        }
    }

    fn change(&mut self, change: Change) {
        let slot = self.slot(change.direction);
        slot.open = None;
        slot.retry_at = change.wanted.is_some().then(Instant::now);
        slot.wanted = change.wanted;
        let state = if slot.wanted.is_some() {
            DeviceState::Opening
        } else {
            DeviceState::Virtual
        };
        self.show(change.direction, state);
    }

    /// Closes what has failed and opens what is wanted and due.
    fn look(&mut self, direction: Direction) {
        let now = Instant::now();
        let slot = self.slot(direction);
        if let Some(reason) = slot.open.as_mut().and_then(|open| open.failure(now)) {
            slot.open = None;
            slot.retry_at = Some(now + RETRY);
            self.lose(direction, reason);
        }
        let slot = self.slot(direction);
        if let (Some(open), Some(wanted)) = (&mut slot.open, &slot.wanted) {
            match open.turn(direction, wanted, now) {
                Turn::Keep => {}
                Turn::Reopen => {
                    slot.open = None;
                    slot.retry_at = Some(now);
                }
                Turn::Lose(reason) => {
                    slot.open = None;
                    slot.retry_at = Some(now + RETRY);
                    self.lose(direction, reason);
                }
            }
        }
        let slot = self.slot(direction);
        if slot.retry_at.is_some_and(|at| at <= now)
            && let Some(wanted) = slot.wanted.clone()
        {
            self.open(direction, &wanted);
        }
    }

    fn open(&mut self, direction: Direction, wanted: &Wanted) {
        let opened = match direction {
            Direction::Input => open_input(wanted, &self.shared, &self.media)
                .map(|(stream, port)| (stream, DeviceEvent::Input(port))),
            Direction::Output => open_output(wanted, &self.shared, &self.media)
                .map(|(stream, port)| (stream, DeviceEvent::Output(port))),
        };
        match opened {
            Ok((stream, event)) => {
                self.show(direction, DeviceState::Running(stream.name.clone()));
                // libasound's default is an alias, and asking for it prints.
                let alsa = stream.id.as_ref().is_some_and(|id| is_alsa(id.host()));
                let follow_at = (!alsa).then(|| Instant::now() + FOLLOW);
                let slot = self.slot(direction);
                slot.retry_at = None;
                slot.open = Some(Watched {
                    stream,
                    callbacks: 0,
                    alive_at: Instant::now(),
                    follow_at,
                });
                self.tell(event);
            }
            Err(reason) => {
                self.slot(direction).retry_at = Some(Instant::now() + RETRY);
                self.lose(direction, reason);
            }
        }
    }

    fn lose(&self, direction: Direction, reason: String) {
        tracing::debug!(?direction, reason, "no sound device");
        self.show(direction, DeviceState::Missing(reason));
        self.tell(DeviceEvent::Lost(direction));
    }

    fn show(&self, direction: Direction, state: DeviceState) {
        match direction {
            Direction::Input => self.shared.set_input(state),
            Direction::Output => self.shared.set_output(state),
        }
    }

    /// The media thread empties this queue every 10 ms; when it is full or
    /// gone the call has ended, and nobody needs the event.
    fn tell(&self, event: DeviceEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("nobody hears of a device any more");
        }
        self.media.unpark();
    }

    fn slot(&mut self, direction: Direction) -> &mut Slot {
        match direction {
            Direction::Input => &mut self.input,
            Direction::Output => &mut self.output,
        }
    }
}
