//! One client's channel: what waits to be sent to it, within bounds. Whoever
//! has something to say puts it in; the task of the socket takes it out.
//!
//! How far a client has read is known from its pongs: after so many bytes a ping
//! follows, and no more than [`limits::LIVE_WINDOW`] is handed to the socket
//! without an answer. What is not read therefore waits here, where it is
//! bounded, and not in buffers of the system or of the HTTP library.

use super::wire;
use crate::{
    directory::{Member, Session, TokenHash},
    limits,
};
use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    task::Waker,
};
use twocan_proto::{
    api::{ClientVersion, Format},
    identity::PeerId,
    live::{Event, LiveEnd},
    time::Timestamp,
};

/// Something to say, written once for each notation and shared by all who hear it.
#[derive(Debug)]
pub(super) struct Utterance {
    event: Event,
    json: OnceLock<Bytes>,
    message_pack: OnceLock<Bytes>,
}

impl From<Event> for Utterance {
    fn from(event: Event) -> Self {
        Self {
            event,
            json: OnceLock::new(),
            message_pack: OnceLock::new(),
        }
    }
}

impl Utterance {
    /// Its frame.
    fn frame(&self, format: Format) -> Bytes {
        let written = match format {
            Format::Json => &self.json,
            Format::MessagePack => &self.message_pack,
        };
        let frame = written.get_or_init(|| match self.event.write(format) {
            Ok(body) => wire::message(format, &body),
            Err(error) => {
                tracing::error!(%error, "an event could not be written");
                Bytes::new()
            }
        });
        frame.clone()
    }
}

/// One client's live channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(super) id: u64,
    pub(super) member: Arc<Member>,
    pub(super) token: TokenHash,
    pub(super) identity: Option<PeerId>,
    pub(super) address: IpAddr,
    pub(super) format: Format,
    /// When the last bytes came from the client, in milliseconds since 1970.
    heard: AtomicI64,
    out: Mutex<Out>,
    waker: AtomicWaker,
}

#[derive(Debug)]
struct Out {
    queue: VecDeque<Bytes>,
    /// Of all that is in the queue.
    bytes: usize,
    opened: Timestamp,
    /// Whether the client's hello has come, and what it said of its version.
    hello: Option<Option<ClientVersion>>,
    /// Bytes handed to the socket that no pong has covered.
    unread: usize,
    ping: Option<PingOut>,
    pings: u32,
    ping_wanted: bool,
    end: Option<LiveEnd>,
}

/// A ping that waits for its pong.
#[derive(Debug, Clone, Copy)]
struct PingOut {
    number: u32,
    at: Timestamp,
    /// What its pong says has been read.
    covers: usize,
}

/// What the socket gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Bytes of one or more frames.
    Bytes(Bytes),
    /// These are the last.
    Last(Bytes),
    /// Nothing now.
    Wait,
}

impl Channel {
    pub(super) fn new(
        id: u64,
        session: &Session,
        (address, format): (IpAddr, Format),
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            member: Arc::clone(&session.member),
            token: session.token,
            identity: session.identity,
            address,
            format,
            heard: AtomicI64::new(now.as_millis()),
            out: Mutex::new(Out {
                queue: VecDeque::new(),
                bytes: 0,
                opened: now,
                hello: None,
                unread: 0,
                ping: None,
                pings: 0,
                ping_wanted: false,
                end: None,
            }),
            waker: AtomicWaker::new(),
        }
    }

    /// Says something. A client with too much unread is dropped.
    pub(super) fn say(&self, utterance: &Utterance) {
        self.push(utterance.frame(self.format));
    }

    pub(super) fn tell(&self, event: Event) {
        self.say(&event.into());
    }

    pub(super) fn push(&self, frame: Bytes) {
        let mut out = self.out();
        if out.end.is_some() {
            return;
        }
        let bytes = out.bytes + frame.len();
        if bytes > limits::LIVE_QUEUE_BYTES || out.queue.len() >= limits::LIVE_QUEUE {
            out.finish(LiveEnd::Slow);
        } else {
            out.bytes = bytes;
            out.queue.push_back(frame);
        }
        drop(out);
        self.waker.wake();
    }

    /// Whether there is room for what can wait, such as presence.
    pub(super) fn has_room(&self) -> bool {
        let out = self.out();
        out.end.is_none()
            && out.bytes < limits::LIVE_QUEUE_BYTES / 2
            && out.queue.len() < limits::LIVE_QUEUE / 2
    }

    /// Closes it, after what has been said before; the first reason counts.
    pub(super) fn end(&self, end: LiveEnd) {
        let mut out = self.out();
        if out.end.is_none() {
            out.end = Some(end);
        }
        drop(out);
        self.waker.wake();
    }

    /// Why it was closed.
    pub(super) fn ended(&self) -> Option<LiveEnd> {
        self.out().end
    }

    /// The client's hello came; false when it was there before.
    pub(super) fn greet(&self, version: Option<ClientVersion>) -> bool {
        let mut out = self.out();
        let first = out.hello.is_none();
        out.hello.get_or_insert(version);
        first
    }

    pub(super) fn is_greeted(&self) -> bool {
        self.out().hello.is_some()
    }

    /// The version of twocan at the other end, if it is one.
    pub(super) fn version(&self) -> Option<ClientVersion> {
        self.out().hello.flatten()
    }

    pub(super) fn heard(&self, now: Timestamp) {
        self.heard.store(now.as_millis(), Ordering::Relaxed);
    }

    /// A pong came. One that answers no ping of ours is allowed and means nothing.
    pub(super) fn pong(&self, body: &[u8]) {
        let mut out = self.out();
        if let Some(ping) = out.ping.filter(|ping| ping.number.to_be_bytes() == body) {
            out.unread = out.unread.saturating_sub(ping.covers);
            out.ping = None;
        }
    }

    /// Looks whether the other end is alive.
    pub(super) fn check(&self, now: Timestamp) {
        let since = |at: i64| u128::from(now.as_millis().saturating_sub(at).unsigned_abs());
        let quiet = since(self.heard.load(Ordering::Relaxed));
        let mut out = self.out();
        if out.end.is_some() {
            return;
        }
        let (opened, ping) = (out.opened.as_millis(), out.ping);
        if out.hello.is_none() && since(opened) > limits::LIVE_HELLO_WAIT.as_millis() {
            out.finish(LiveEnd::Silent);
        } else if ping
            .is_some_and(|ping| since(ping.at.as_millis()) > limits::LIVE_PONG_WAIT.as_millis())
        {
            let end = if out.queue.is_empty() {
                LiveEnd::Silent
            } else {
                LiveEnd::Slow
            };
            out.finish(end);
        } else if ping.is_none() && quiet > limits::LIVE_PING_AFTER.as_millis() {
            out.ping_wanted = true;
        } else {
            return;
        }
        drop(out);
        self.waker.wake();
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// What the socket is to send next.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let mut out = self.out();
        let mut bytes = BytesMut::new();
        while out.unread < limits::LIVE_WINDOW && bytes.len() < limits::LIVE_WRITE {
            let Some(frame) = out.queue.pop_front() else {
                break;
            };
            out.bytes -= frame.len();
            out.unread += frame.len();
            bytes.extend_from_slice(&frame);
        }
        if out.queue.is_empty() {
            // What a busy moment needed is not kept.
            out.queue = VecDeque::new();
        }
        out.ping(&mut bytes, now);
        let all_said = out.queue.is_empty() || out.unread >= limits::LIVE_WINDOW;
        match out.end {
            Some(end) if all_said => {
                bytes.extend_from_slice(&wire::close(end));
                Next::Last(bytes.freeze())
            }
            _ if bytes.is_empty() => Next::Wait,
            _ => Next::Bytes(bytes.freeze()),
        }
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    /// Ends it at once: nothing that waits is worth sending.
    fn finish(&mut self, end: LiveEnd) {
        self.end = Some(end);
        self.queue = VecDeque::new();
        self.bytes = 0;
    }

    /// Asks how far the client has read, or whether it is there.
    fn ping(&mut self, bytes: &mut BytesMut, now: Timestamp) {
        let due = self.ping_wanted || self.unread >= limits::LIVE_WINDOW / 2;
        if !due || self.ping.is_some() || self.end.is_some() {
            return;
        }
        self.ping_wanted = false;
        self.pings = self.pings.wrapping_add(1);
        self.ping = Some(PingOut {
            number: self.pings,
            at: now,
            covers: self.unread,
        });
        bytes.extend_from_slice(&wire::ping(&self.pings.to_be_bytes()));
    }
}

#[cfg(test)]
#[path = "channel/tests.rs"]
mod tests;
