//! What waits to be sent to the outside: a bounded queue, filled by requests that
//! do not wait for it, and the HTTP gateway for codes by telephone.

use crate::{config::GatewayConfig, limits, secrets};
use reqwest::redirect::Policy;
use serde::Serialize;
use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::sync::mpsc;
use twocan_proto::api::{Email, Phone, Secret, Username};

/// One thing to be sent. None of it prints what it carries.
#[derive(Debug, Clone)]
pub(crate) enum Delivery {
    /// A mail.
    Letter(Email, Letter),
    /// A code by telephone.
    Code {
        to: Phone,
        code: Secret,
        life: Duration,
    },
    /// A link for a new password, if that account exists and has an address.
    Forgotten(Username),
}

/// What a mail is about.
#[derive(Debug, Clone)]
pub(crate) enum Letter {
    Code {
        code: Secret,
        life: Duration,
    },
    Link {
        username: Username,
        link: Secret,
        life: Duration,
    },
    Notice {
        username: Username,
        notice: Notice,
    },
}

/// What was changed about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    PasswordChanged,
    EmailChanged,
}

/// More waits than [`limits::OUTBOX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// The way to whoever sends.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Delivery>,
    /// What was put in and is neither sent nor given up.
    waiting: AtomicUsize,
}

/// The other end of an [`Outbox`].
pub(crate) type Deliveries = mpsc::Receiver<Delivery>;

impl Outbox {
    pub(crate) fn new() -> (Self, Deliveries) {
        let (sender, deliveries) = mpsc::channel(limits::OUTBOX);
        let outbox = Self {
            queue: sender,
            waiting: AtomicUsize::new(0),
        };
        (outbox, deliveries)
    }

    /// Puts one thing into the queue.
    ///
    /// # Errors
    /// [`Full`]; then it is not sent.
    pub(crate) fn send(&self, delivery: Delivery) -> Result<(), Full> {
        // Counted first: it may be settled before this returns.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(delivery).map_err(|_| {
            self.settled();
            Full
        })
    }

    /// One thing was sent or given up.
    pub(crate) fn settled(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many things are neither sent nor given up.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// Why something was not taken on the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// It may be taken later. The text names no recipient.
    #[error("{0}")]
    ForNow(&'static str),
    /// It will not be taken.
    #[error("{0}")]
    ForGood(&'static str),
}

/// The HTTP gateway for codes by telephone.
#[derive(Debug)]
pub(crate) struct Gateway {
    http: reqwest::Client,
    url: String,
    token: Option<Secret>,
}

#[derive(Serialize)]
struct Message<'a> {
    to: &'a Phone,
    text: &'a str,
}

impl Gateway {
    /// # Errors
    /// When the file of the token cannot be read, or TLS cannot be set up.
    pub(crate) fn new(config: &GatewayConfig) -> io::Result<Self> {
        let builder = reqwest::Client::builder()
            .timeout(limits::DELIVERY_WAIT)
            // The code goes where the operator said, and nowhere else.
            .redirect(Policy::none());
        Ok(Self {
            http: builder.build().map_err(io::Error::other)?,
            url: config.url.clone(),
            token: config
                .token_file
                .as_deref()
                .map(secrets::read)
                .transpose()
                .map_err(io::Error::other)?,
        })
    }

    pub(crate) async fn send(&self, to: &Phone, text: &str) -> Result<(), DeliveryError> {
        let request = self.http.post(&self.url).json(&Message { to, text });
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        let answer = request.send().await;
        let status = answer
            .map_err(|_| DeliveryError::ForNow("the gateway does not answer"))?
            .status();
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500.. => Err(DeliveryError::ForNow("the gateway is busy or broken")),
            _ => Err(DeliveryError::ForGood("the gateway refused the message")),
        }
    }
}
