//! What comes from the terminal: bytes, as soon as they are there, and what
//! they mean. Nothing is read ahead of being asked for, so another program may
//! have the terminal in between.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout_at};

use super::decode::{Answer, Decoder, Seen};

/// How long what could be the beginning of a sequence stays unclear: Escape is
/// a key if nothing follows it at once.
const UNCLEAR: Duration = Duration::from_millis(30);

/// Bytes taken at once at most.
const CHUNK: usize = 4096;

/// Reads from the terminal.
#[derive(Debug)]
pub(super) struct Input {
    bytes: pipe::Receiver,
    /// Where they are read to.
    chunk: Box<[u8; CHUNK]>,
    decoder: Decoder,
    seen: VecDeque<Seen>,
    /// When what is unclear is settled.
    settled_at: Option<Instant>,
    /// The last answer to the questions of the start has come.
    answered: bool,
}

impl Input {
    /// # Errors
    /// When there is no terminal.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            bytes: keyboard()?,
            chunk: Box::new([0; CHUNK]),
            decoder: Decoder::default(),
            seen: VecDeque::new(),
            settled_at: None,
            answered: false,
        })
    }

    /// Waits for the next thing seen; `None` when the terminal is gone. Nothing
    /// is lost if it is dropped while it waits.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    pub(super) async fn next(&mut self) -> io::Result<Option<Seen>> {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return Ok(Some(seen));
            }
            match self.settled_at {
                None => self.bytes.readable().await?,
                Some(at) => match timeout_at(at, self.bytes.readable()).await {
                    Ok(readable) => readable?,
                    Err(_nothing_followed) => {
                        self.settled_at = None;
                        let seen = self.decoder.flush();
                        self.seen.extend(seen);
                        continue;
                    }
                },
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// What is seen already, without waiting.
    pub(super) fn ready(&mut self) -> Option<Seen> {
        self.seen.pop_front()
    }

    /// Takes the bytes that are there; false at their end.
    fn fill(&mut self) -> io::Result<bool> {
        match self.bytes.try_read(self.chunk.as_mut_slice()) {
            Ok(0) => return Ok(false),
            Ok(count) => {
                let seen = self
                    .decoder
                    .take(self.chunk.get(..count).unwrap_or_default());
                self.answered |= seen.contains(&Seen::Answer(Answer::Attributes));
                self.seen.extend(seen);
                let unclear = self.decoder.waits();
                self.settled_at = unclear.then(|| Instant::now() + UNCLEAR);
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => {}
                // What a terminal says that was hung up.
                _ if error.raw_os_error() == Some(libc::EIO) => return Ok(false),
                _ => return Err(error),
            },
        }
        Ok(true)
    }

    /// Waits, at most `patience`, for answers that are still to come, so that
    /// none of them reaches the shell.
    pub(super) async fn drain(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.answered {
            self.seen.clear();
            match timeout_at(until, self.next()).await {
                Ok(Ok(Some(_))) => {}
                _ => return,
            }
        }
    }
}

/// The terminal, opened anew so that waiting for it changes nothing for others
/// who have it open.
#[cfg(target_os = "linux")]
fn keyboard() -> io::Result<pipe::Receiver> {
    use std::io::IsTerminal;
    use std::os::unix::fs::OpenOptionsExt;
    let open = |path| {
        std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
    };
    let opened = match io::stdin().is_terminal() {
        // That of another user can only be opened as our own.
        true => open("/dev/stdin").or_else(|_| open("/dev/tty")),
        false => open("/dev/tty"),
    };
    pipe::Receiver::from_file_unchecked(opened?)
}

/// Where a terminal cannot be waited for as sockets are, a thread hands on
/// what comes.
#[cfg(not(target_os = "linux"))]
fn keyboard() -> io::Result<pipe::Receiver> {
    let (reader, mut writer) = io::pipe()?;
    std::thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || io::copy(&mut io::stdin().lock(), &mut writer))?;
    pipe::Receiver::from_owned_fd(reader.into())
}
