//! The task of one link: bytes to frames, frames to the session, messages to
//! and from the database, everything else to the core.
//!
//! Messages that came in one read are stored in one go and acknowledged once,
//! after they are on disk. While they are being written nothing more is read,
//! so a peer that sends faster than the disk writes is held back by TCP.

mod messages;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use twocan_proto::body::{Body, ByeReason, Complaint, Hello, Resend, Resume, Upto};
use twocan_proto::frame::FrameDecoder;
use twocan_proto::session::{Ended, Event, Session, Side};
use uuid::Uuid;

use super::Stream;
use super::handover::Handover;
use super::outbox::Outbox;
use super::pace::Pace;
use super::retry::Retry;
use crate::api::{Change, MessageState};
use crate::store::chat::{Ends, delivery};
use crate::store::{Store, StoreError};

/// Bytes read at once, and held of a peer that sends faster than we store.
const READ: usize = 64 * 1024;
/// Bytes waiting to be written beyond which no more messages are added.
const WRITE_ENOUGH: usize = 128 * 1024;
/// Bytes waiting to be written beyond which nothing more is read: a peer that
/// makes us answer and does not take the answers.
const WRITE_TOO_MUCH: usize = 512 * 1024;
/// For the last bytes of a link that ends.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// Tells links apart that exist at the same time.
pub(crate) type LinkId = u64;

/// What the core tells a link.
#[derive(Debug)]
pub(crate) enum Command {
    /// This link is the one to use. `welcome`: the peer is our contact.
    Open { welcome: bool },
    /// The peer is our contact now (or no longer): take its messages.
    Welcome(bool),
    /// Say this.
    Send(Box<Body>),
    /// Is the other side still there? See [`Session::probe`].
    Probe,
    /// A call is up, or over.
    InCall(bool),
    /// End the link.
    Close(ByeReason, &'static str),
}

/// What a link tells the core.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The peer has said hello.
    Up(Box<Hello>),
    /// The peer said something that is not about messages.
    Body(Body),
    /// Entries of the peer are stored.
    Received(Vec<Change>),
    /// Messages of ours came further.
    States(Vec<(Uuid, MessageState)>),
    /// Messages of ours up to this number are on the wire.
    Sent(Vec<Uuid>, u64),
    /// The link is over.
    Ended(Ended),
}

/// Everything a link is made of.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) id: LinkId,
    pub(crate) stream: Stream,
    pub(crate) ends: Ends,
    /// Hello as it would be said now; the resume point is filled in here.
    pub(crate) hello: Hello,
    pub(crate) store: Store,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) handover: Arc<Handover>,
    pub(crate) events: mpsc::Sender<(LinkId, LinkEvent)>,
}

/// A link as the core knows it.
#[derive(Debug)]
pub(crate) struct LinkHandle {
    /// Whether we dialled.
    pub(crate) dialled: bool,
    pub(crate) at: SocketAddr,
    /// Our own address on it.
    pub(crate) near: IpAddr,
    pub(crate) commands: mpsc::Sender<Command>,
    /// What is to be sent to the peer, once it is on disk.
    pub(crate) handover: Arc<Handover>,
}

/// Runs a link until it ends.
pub(crate) async fn run(setup: Setup) {
    let (id, events) = (setup.id, setup.events.clone());
    let ended = match Link::new(setup).await {
        Ok((link, reader, writer, commands)) => link.run(reader, writer, commands).await,
        Err(error) => broken(&error.to_string()),
    };
    tracing::debug!(link = id, by = ?ended.by, reason = ?ended.reason, text = %ended.text, "link ended");
    // The core is gone if nobody takes it, and so is everything else.
    let _gone = events.send((id, LinkEvent::Ended(ended))).await;
}

fn broken(text: &str) -> Ended {
    Ended {
        by: Side::Us,
        reason: ByeReason::Other,
        text: text.to_owned(),
    }
}

/// Writes some of `out`; when it is empty, brings what TLS still holds to the
/// network. May be dropped at any await without losing bytes.
async fn write(writer: &mut Writer, out: &mut BytesMut) -> std::io::Result<()> {
    if out.is_empty() {
        writer.flush().await
    } else {
        writer.write_buf(out).await.map(drop)
    }
}

/// The core has ended: nothing is left to do.
struct CoreGone;

/// The peer's receipts that came together: up to which number each.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Receipts {
    delivered: u64,
    read: u64,
}

struct Link {
    id: LinkId,
    ends: Ends,
    store: Store,
    events: mpsc::Sender<(LinkId, LinkEvent)>,
    session: Session,
    decoder: FrameDecoder,
    out: BytesMut,
    outbox: Outbox,
    handover: Arc<Handover>,
    /// Something was handed over.
    has_fresh: bool,
    /// What the peer said of itself, once it has.
    theirs: Option<Resume>,
    /// The peer takes our messages.
    they_welcome: bool,
    /// We take the peer's.
    we_welcome: bool,
    /// The core said to use this link.
    open: bool,
    /// The outbox is to be opened as soon as everybody agrees.
    wants_outbox: bool,
    /// A gap was told and not yet filled.
    asked_again: bool,
    /// The peer's entries are on disk up to this one.
    stored: u64,
    /// Entries came that could not be stored.
    missed: bool,
    /// Receipts not yet stored.
    receipts: Receipts,
    retry: Retry,
    pace: Pace,
    /// When something was last read.
    read_at: Instant,
    ended: Option<Ended>,
}

type Reader = ReadHalf<Stream>;
type Writer = WriteHalf<Stream>;

impl Link {
    async fn new(
        setup: Setup,
    ) -> Result<(Self, Reader, Writer, mpsc::Receiver<Command>), StoreError> {
        let ends = setup.ends;
        let resume = setup
            .store
            .run(move |db| delivery::resume(db, ends))
            .await?;
        let we_welcome = setup.hello.welcome;
        let hello = Hello {
            resume,
            ..setup.hello
        };
        let session = Session::new(hello, Instant::now())
            .map_err(|error| StoreError::Sqlite(error.to_string()))?;
        let (reader, writer) = tokio::io::split(setup.stream);
        let link = Self {
            id: setup.id,
            ends,
            store: setup.store,
            events: setup.events,
            session,
            decoder: FrameDecoder::default(),
            out: BytesMut::new(),
            outbox: Outbox::default(),
            handover: setup.handover,
            has_fresh: false,
            theirs: None,
            they_welcome: false,
            we_welcome,
            open: false,
            wants_outbox: false,
            asked_again: false,
            stored: resume.stored,
            missed: false,
            receipts: Receipts::default(),
            retry: Retry::default(),
            pace: Pace::default(),
            read_at: Instant::now(),
            ended: None,
        };
        Ok((link, reader, writer, setup.commands))
    }

    async fn run(
        mut self,
        mut reader: Reader,
        mut writer: Writer,
        mut commands: mpsc::Receiver<Command>,
    ) -> Ended {
        let mut unflushed = false;
        loop {
            if self.settle().await.is_err() {
                return broken("twocan ends");
            }
            if let Some(ended) = self.ended.take() {
                self.last_words(&mut writer).await;
                return ended;
            }
            let read_on = self.pace.until(Instant::now());
            let deadline = self.deadline();
            let deadline = read_on.map_or(deadline, |at| at.min(deadline));
            let read_more = read_on.is_none() && self.out.len() < WRITE_TOO_MUCH;
            let have_output = !self.out.is_empty();
            let handover = Arc::clone(&self.handover);
            tokio::select! {
                read = reader.read_buf(self.decoder.buffer()), if read_more => self.on_read(read),
                written = write(&mut writer, &mut self.out), if have_output || unflushed => match written {
                    Ok(()) => unflushed = have_output,
                    Err(error) => self.on_broken(&error),
                },
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => self.session.close(ByeReason::Shutdown, ""),
                },
                () = handover.woken() => self.has_fresh = true,
                () = sleep_until(deadline.into()) => self.on_deadline(Instant::now()),
            }
        }
    }

    fn deadline(&self) -> Instant {
        let session = self.session.deadline().unwrap_or_else(Instant::now);
        self.retry.due().map_or(session, |due| due.min(session))
    }

    fn on_deadline(&mut self, now: Instant) {
        self.session.on_deadline(now);
        if self.retry.is_over(now) && std::mem::take(&mut self.missed) {
            self.asked_again = true;
            self.say(&Body::Resend(Resend {
                from: self.stored + 1,
            }));
        }
    }

    /// Brings what just happened to its places: events to the core, messages
    /// to the database, frames to the output.
    async fn settle(&mut self) -> Result<(), CoreGone> {
        let mut entries = Vec::new();
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Up(hello) => {
                    self.theirs = Some(hello.resume);
                    self.they_welcome = hello.welcome;
                    self.tell(LinkEvent::Up(hello)).await?;
                }
                Event::Body(Body::Entry(entry)) if self.we_welcome => entries.push(entry),
                Event::Body(Body::Delivered(Upto { upto })) if self.we_welcome => {
                    self.outbox.acknowledge(upto);
                    self.receipts.delivered = self.receipts.delivered.max(upto);
                }
                Event::Body(Body::Read(Upto { upto })) if self.we_welcome => {
                    self.receipts.read = self.receipts.read.max(upto);
                }
                Event::Body(body) => self.on_body(body).await?,
                Event::Ended(ended) => self.ended = Some(ended),
            }
        }
        if !entries.is_empty() {
            self.receive(entries).await?;
        }
        if self.may_ask() && self.receipts != Receipts::default() {
            self.take_receipts().await?;
        }
        if self.may_ask() && std::mem::take(&mut self.wants_outbox) {
            self.open_outbox().await?;
        }
        if self.may_ask() {
            self.send_messages().await?;
        }
        let unanswered = self.outbox.is_unanswered();
        self.session.set_unanswered(unanswered, Instant::now());
        while let Some(frame) = self.session.poll_frame() {
            if let Err(error) = frame.encode(&mut self.out) {
                tracing::error!(%error, "a frame of ours was not sent");
            }
        }
        Ok(())
    }

    async fn on_body(&mut self, body: Body) -> Result<(), CoreGone> {
        if body.is_for_contacts() && !self.we_welcome {
            let complaint = Complaint {
                kind: body.kind().bits(),
                text: "you are no contact here".into(),
            };
            self.say(&Body::Error(complaint));
            return Ok(());
        }
        match body {
            Body::Resend(Resend { from }) => {
                self.outbox.resend(from);
                Ok(())
            }
            Body::Error(complaint) => {
                tracing::info!(
                    kind = complaint.kind,
                    "the peer could make nothing of a frame"
                );
                Ok(())
            }
            body => {
                match &body {
                    Body::Welcome(_) => {
                        self.they_welcome = true;
                        self.wants_outbox = true;
                    }
                    Body::Reject => {
                        self.they_welcome = false;
                        self.outbox.close();
                    }
                    _ => {}
                }
                self.tell(LinkEvent::Body(body)).await
            }
        }
    }

    fn on_read(&mut self, read: std::io::Result<usize>) {
        match read {
            Ok(0) => self.session.on_eof(self.decoder.is_mid_frame()),
            Ok(_) => self.on_bytes(),
            Err(error) => self.on_broken(&error),
        }
        // What one read brings is bounded by the buffer's room, kept here.
        self.decoder.buffer().reserve(READ);
    }

    fn on_bytes(&mut self) {
        let now = Instant::now();
        self.read_at = now;
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => self.session.on_frame(&frame, now),
                Ok(None) => return,
                Err(error) => return self.session.on_frame_error(error),
            }
        }
    }

    fn on_broken(&mut self, error: &std::io::Error) {
        tracing::debug!(link = self.id, %error, "the connection broke");
        self.session.on_eof(self.decoder.is_mid_frame());
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Open { welcome } => {
                self.open = true;
                self.set_welcome(welcome);
            }
            Command::Welcome(welcome) => self.set_welcome(welcome),
            Command::Send(body) => self.say(&body),
            Command::Probe => self.session.probe(Instant::now()),
            Command::InCall(in_call) => self.session.set_in_call(in_call),
            Command::Close(reason, text) => self.session.close(reason, text),
        }
    }

    fn set_welcome(&mut self, welcome: bool) {
        self.we_welcome = welcome;
        if welcome {
            self.wants_outbox = true;
        } else {
            self.outbox.close();
        }
    }

    fn say(&mut self, body: &Body) {
        if let Err(error) = self.session.send(body) {
            tracing::error!(%error, kind = body.kind().bits(), "a frame of ours was not sent");
        }
    }

    async fn tell(&self, event: LinkEvent) -> Result<(), CoreGone> {
        self.events
            .send((self.id, event))
            .await
            .map_err(|_| CoreGone)
    }

    async fn last_words(&mut self, writer: &mut Writer) {
        let write = async {
            writer.write_all_buf(&mut self.out).await?;
            writer.shutdown().await
        };
        // Whoever does not take our bye in time does without it.
        let _missed = timeout(LAST_WORDS, write).await;
    }
}
