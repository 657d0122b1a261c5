//! One WebSocket to a registry (RFC 6455), from its opening handshake over
//! HTTPS to its close; what is said through it is in [`super::live`].

use std::time::Duration;

use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use reqwest::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Method, Response, StatusCode, Upgraded};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use twocan_proto::api::{Format, Secret};
use twocan_proto::live::{Ask, EVENT_MAX, Event, LIVE_VERSION, LiveEnd, LiveHello};
use twocan_proto::registry_url::RegistryUrl;

use super::{RegistryClient, read, refusal, silent};
use crate::api::{Error, ErrorCode};

/// For the opening handshake and both hellos.
const OPENING: Duration = Duration::from_secs(15);
/// For the network to take what we say.
const SAYING: Duration = Duration::from_secs(10);
/// For saying goodbye.
const CLOSING: Duration = Duration::from_secs(1);
/// Longest that a registry may keep silent before it asks for a sign of life.
const SILENCE_MAX_S: u64 = 300;
/// Messages are short, and there are few.
const BUFFER: usize = 4096;

/// Why a channel is no more.
#[derive(Debug)]
pub(super) enum Broken {
    /// It could not be opened.
    Refused(Error),
    /// It was closed, with a reason unless it just broke.
    Closed(Option<LiveEnd>),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// An open channel.
pub(super) struct Channel {
    socket: WebSocketStream<Upgraded>,
    /// When something was last heard.
    heard: Instant,
    /// After how much silence it counts as broken.
    patience: Duration,
}

impl Channel {
    /// Opens a channel for the session of `token`.
    pub(super) async fn open(
        url: &RegistryUrl,
        token: &Secret,
    ) -> Result<(Self, LiveHello), Broken> {
        let late = || Error::new(ErrorCode::Unreachable, "the live channel does not open");
        let opening = async {
            let mut channel = Self {
                socket: connect(url, token).await?,
                heard: Instant::now(),
                patience: OPENING,
            };
            let hello = Ask::Hello {
                version: LIVE_VERSION,
                client: concat!("twocan/", env!("CARGO_PKG_VERSION")).to_owned(),
            };
            channel.say(&hello).await?;
            loop {
                match channel.next().await? {
                    Event::Hello(hello) => return Ok::<_, Broken>((channel, hello)),
                    // One that closes at once says why.
                    _ => continue,
                }
            }
        };
        let (mut channel, hello) = timeout(OPENING, opening).await.map_err(|_| late())??;
        let silence = Duration::from_secs(hello.ping_s.clamp(1, SILENCE_MAX_S));
        channel.patience = silence * 2 + OPENING;
        Ok((channel, hello))
    }

    pub(super) async fn say(&mut self, ask: &Ask) -> Result<(), Broken> {
        let Ok(text) = ask.write(Format::Json).map(String::from_utf8) else {
            return Ok(());
        };
        let Ok(text) = text else { return Ok(()) };
        match timeout(SAYING, self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken::Closed(None)),
        }
    }

    /// What comes next. May be dropped before it ends.
    pub(super) async fn next(&mut self) -> Result<Event, Broken> {
        loop {
            let until = self.heard + self.patience;
            let next = timeout_at(until, self.socket.next()).await;
            let message = match next {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(Broken::Closed(end_of(&error))),
                Ok(None) | Err(_) => return Err(Broken::Closed(None)),
            };
            self.heard = Instant::now();
            match message {
                Message::Text(text) => match Event::read(Format::Json, text.as_bytes()) {
                    Ok(event) => return Ok(event),
                    Err(_) => return Err(Broken::Closed(Some(LiveEnd::Protocol))),
                },
                Message::Close(frame) => {
                    let code = frame.map(|frame| u16::from(frame.code));
                    return Err(Broken::Closed(code.and_then(LiveEnd::of_code)));
                }
                Message::Binary(_) => return Err(Broken::Closed(Some(LiveEnd::Protocol))),
                // Answered by the library.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        // Whoever does not hear it finds the connection gone.
        let _unheard = timeout(CLOSING, self.socket.close(None)).await;
    }
}

fn end_of(error: &tungstenite::Error) -> Option<LiveEnd> {
    match error {
        tungstenite::Error::Capacity(_) => Some(LiveEnd::TooLarge),
        tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => Some(LiveEnd::Protocol),
        _ => None,
    }
}

/// The opening handshake (RFC 6455 section 4.1).
async fn connect(url: &RegistryUrl, token: &Secret) -> Result<WebSocketStream<Upgraded>, Error> {
    let client = RegistryClient::for_live(url)?.with_token(token.clone());
    let key = BASE64.encode(&rand::random::<[u8; 16]>());
    let request = client
        .request::<()>(Method::GET, "/live", None)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .header(SEC_WEBSOCKET_PROTOCOL, Format::Json.subprotocol());
    let answer = request.send().await.map_err(|error| silent(&error))?;
    let status = answer.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(status, &read(answer).await?));
    }
    if !agrees(&answer, &key) {
        let text = "what answers there speaks no live channel of twocan";
        return Err(Error::new(ErrorCode::Refused, text));
    }
    let stream = answer.upgrade().await.map_err(|error| silent(&error))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(EVENT_MAX))
        .max_frame_size(Some(EVENT_MAX));
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
}

/// Whether the answer is one to our key, and in our notation.
fn agrees(answer: &Response, key: &str) -> bool {
    let is = |name, expected: &str| {
        let value = answer.headers().get(name);
        value.is_some_and(|value| value.as_bytes() == expected.as_bytes())
    };
    is(SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()))
        && is(SEC_WEBSOCKET_PROTOCOL, Format::Json.subprotocol())
}
