//! Both directions of one socket. It is the body of the answer that opened the
//! channel: asked for more to send, it first reads what the client has sent. So
//! a channel is one value in the task of its connection, with no task, timer or
//! queue of its own beside [`Channel`]'s.

use super::{
    channel::{Channel, Next},
    pace::Meter,
    wire::{self, Incoming, Received},
};
use crate::{limits, now, service::Service};
use actix_web::{dev::Payload, web::Data};
use bytes::Bytes;
use futures_util::Stream;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use twocan_proto::live::LiveEnd;

/// A live channel's socket.
pub(crate) struct LiveStream {
    service: Data<Service>,
    channel: Arc<Channel>,
    payload: Payload,
    incoming: Incoming,
    /// How fast the client's frames come.
    meter: Meter,
    /// Whether the last bytes have been given away.
    done: bool,
}

impl LiveStream {
    pub(crate) fn new(service: Data<Service>, channel: Arc<Channel>, payload: Payload) -> Self {
        let incoming = Incoming::new(channel.format);
        Self {
            service,
            channel,
            payload,
            incoming,
            meter: Meter::default(),
            done: false,
        }
    }

    /// Takes what the client has sent, until there is no more.
    fn read(&mut self, context: &mut Context<'_>) {
        while self.channel.ended().is_none() {
            match Pin::new(&mut self.payload).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    self.channel.heard(now());
                    self.incoming.feed(&bytes);
                    if let Err(end) = self.take_frames() {
                        self.channel.end(end);
                    }
                }
                // The connection is broken, or the client has gone.
                Poll::Ready(Some(Err(_)) | None) => self.channel.end(LiveEnd::Normal),
                Poll::Pending => return,
            }
        }
    }

    fn take_frames(&mut self) -> Result<(), LiveEnd> {
        while let Some(received) = self.incoming.next()? {
            let now = now();
            let paced = self.meter.take(limits::LIVE_FRAMES, now);
            paced.map_err(|_| LiveEnd::Flood)?;
            match received {
                Received::Message(body) => self.service.live_message(&self.channel, &body, now)?,
                Received::Ping(body) => self.channel.push(wire::pong(&body)),
                Received::Pong(body) => self.channel.pong(&body),
                Received::Close => return Err(LiveEnd::Normal),
            }
        }
        Ok(())
    }
}

impl Stream for LiveStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        // First, so that nothing is missed that is said while we look.
        self.channel.register(context.waker());
        self.read(context);
        match self.channel.next(now()) {
            Next::Bytes(bytes) => Poll::Ready(Some(Ok(bytes))),
            Next::Last(bytes) => {
                self.done = true;
                Poll::Ready(Some(Ok(bytes)))
            }
            Next::Wait => Poll::Pending,
        }
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        self.channel.end(LiveEnd::Normal);
        self.service.live.close(&self.channel, now());
    }
}
