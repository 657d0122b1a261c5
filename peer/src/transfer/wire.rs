//! Frames on a connection for contents. What is long goes from TLS straight
//! to where it is wanted; everything else is small and bounded.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use twocan_proto::body::BodyError;
use twocan_proto::body::file::Bulk;
use twocan_proto::frame::{Frame, FrameError, HEADER_BYTES, Kind, VERSION};
use twocan_proto::limits;
use uuid::Uuid;

use crate::link::Stream;

/// For the first frame of a connection that came in.
const FIRST_WORD: Duration = Duration::from_secs(10);

/// What goes wrong on a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the other side sends nonsense: {0}")]
    Frame(#[from] FrameError),
    #[error("the other side sends nonsense: {0}")]
    Body(#[from] BodyError),
    #[error("the other side sends something else than what was asked for")]
    Unexpected,
    #[error("the other side has gone silent")]
    Silent,
    #[error("the connection was closed")]
    Closed,
    #[error("the other side says: {0}")]
    Told(String),
}

/// What comes next on a connection.
pub(super) enum Next {
    /// So many bytes of a file, to be taken by [`Wire::take`].
    Chunk(usize),
    Word(Bulk),
}

/// One connection for the contents of one transfer.
pub(super) struct Wire {
    stream: Box<Stream>,
}

impl Wire {
    pub(super) fn new(stream: Box<Stream>) -> Self {
        Self { stream }
    }

    /// Says something short.
    pub(super) async fn say(&mut self, word: &Bulk) -> Result<(), WireError> {
        let mut out = BytesMut::new();
        word.to_frame()?.encode(&mut out)?;
        self.write(&out).await?;
        within(limits::TRANSFER_STALL, self.stream.flush()).await
    }

    /// Writes whole frames. The other side has to take some of them in time.
    pub(super) async fn write(&mut self, mut frames: &[u8]) -> Result<(), WireError> {
        while !frames.is_empty() {
            let written = within(limits::TRANSFER_STALL, self.stream.write(frames)).await?;
            if written == 0 {
                return Err(WireError::Closed);
            }
            frames = &frames[written..];
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<(), WireError> {
        within(limits::TRANSFER_STALL, self.stream.flush()).await
    }

    /// What comes next; `None` if the other side has ended in order.
    pub(super) async fn next(&mut self, patience: Duration) -> Result<Option<Next>, WireError> {
        let mut header = [0; HEADER_BYTES];
        let first = match within(patience, self.stream.read(&mut header)).await {
            Ok(0) => return Ok(None),
            // Whoever is killed says no farewell.
            Err(WireError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(None);
            }
            read => read?,
        };
        self.take(&mut header[first..]).await?;
        let [first, high, low] = header;
        let theirs = first >> 6;
        let (Some(kind), VERSION) = (Kind::from_bits(first & 0x3f), theirs) else {
            return Err(FrameError::Version { theirs }.into());
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind == Kind::FILE_CHUNK {
            if length > limits::FILE_CHUNK_BYTES {
                return Err(WireError::Unexpected);
            }
            return Ok(Some(Next::Chunk(length)));
        }
        let mut body = vec![0; length];
        self.take(&mut body).await?;
        let frame = Frame {
            kind,
            body: body.into(),
        };
        Ok(Some(Next::Word(Bulk::from_frame(&frame)?)))
    }

    /// Fills `into` with what comes.
    pub(super) async fn take(&mut self, into: &mut [u8]) -> Result<(), WireError> {
        within(limits::TRANSFER_STALL, self.stream.read_exact(into))
            .await
            .map(drop)
    }

    /// What the other side says next, where no contents can come.
    pub(super) async fn word(&mut self, patience: Duration) -> Result<Option<Bulk>, WireError> {
        match self.next(patience).await? {
            Some(Next::Chunk(_)) => Err(WireError::Unexpected),
            Some(Next::Word(Bulk::Fail(fail))) => {
                let text = twocan_proto::text::name(&fail.text, limits::REASON_BYTES);
                Err(WireError::Told(text))
            }
            Some(Next::Word(word)) => Ok(Some(word)),
            None => Ok(None),
        }
    }

    /// Ends the connection in order; who does not take it in time is gone.
    pub(super) async fn close(mut self) {
        let _gone = within(FIRST_WORD, self.stream.shutdown()).await;
    }
}

async fn within<T>(
    patience: Duration,
    what: impl Future<Output = io::Result<T>>,
) -> Result<T, WireError> {
    match timeout(patience, what).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(WireError::Silent),
    }
}

/// Reads what a connection that came in is for. `None` for one that does not
/// say so in time, or says something else.
pub(crate) async fn opened_for(stream: Stream) -> Option<(Box<Stream>, Uuid)> {
    let mut wire = Wire::new(Box::new(stream));
    let first = timeout(FIRST_WORD, wire.word(FIRST_WORD)).await;
    match first {
        Ok(Ok(Some(Bulk::Open(open)))) => Some((wire.stream, open.transfer)),
        _ => None,
    }
}
