//! One connection: messages are framed, bounded and read here, requests sent
//! and their replies waited for.

use std::{
    io::{BufReader, Read, Write},
    net::Shutdown,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use cpal::{Error, ErrorKind};
use pulseaudio::protocol::{
    AuthParams, AuthReply, Command, CommandReply, CommandTag, DESCRIPTOR_SIZE, MAX_VERSION,
    MIN_VERSION, Prop, Props, PulseError, TagStructReader, write_command_message,
};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{address::Server, lost, refused};

/// How long the server may take to answer, and to take what we send.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest message: a list of hundreds of devices.
const MOST_BYTES: usize = 1 << 20;
/// A body buffer that has grown beyond this is given back.
const KEPT_BYTES: usize = 1 << 16;
/// Read from the socket at once, if there is so much.
const READ_BYTES: usize = 1 << 14;
/// The channel of messages that are no sound.
const CONTROL: u32 = u32::MAX;
/// Flags of messages about shared memory, which we have told that we have not.
const SHARED_MEMORY: u32 = 0xc000_0000;
/// Bytes of the two numbers, each after its type, with which a control message
/// begins: what it is and which request it belongs to.
const CONTROL_HEAD: usize = 10;

/// What has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Incoming {
    /// The answer to the request with this number.
    Reply(u32),
    /// The refusal of the request with this number.
    Refused(u32, PulseError),
    /// Another message of this kind. Its body follows.
    Told(CommandTag),
    /// Sound on this channel. Its bytes follow.
    Sound(u32),
    /// Something that later servers say.
    Unknown,
}

/// A connection that knows the server and is known to it.
pub(super) struct Connection {
    reader: BufReader<UnixStream>,
    version: u16,
    next_request: u32,
    body: Vec<u8>,
    sending: Vec<u8>,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// When none is there, or it does not want us.
    pub(super) fn open(server: &Server) -> Result<Self, Error> {
        let mut why = "no socket of PulseAudio on this machine".to_owned();
        for path in &server.sockets {
            match connect(path) {
                Ok(socket) => return Self::over(socket, server.cookie.clone()),
                Err(error) => why = error.to_string(),
            }
        }
        Err(Error::with_message(ErrorKind::HostUnavailable, why))
    }

    /// Makes itself known over a fresh socket.
    fn over(socket: UnixStream, cookie: Vec<u8>) -> Result<Self, Error> {
        let mut connection = Self {
            reader: BufReader::with_capacity(READ_BYTES, socket),
            version: MAX_VERSION,
            next_request: 0,
            body: Vec::new(),
            sending: Vec::new(),
        };
        let hello = AuthParams {
            version: MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie,
        };
        let server: AuthReply = connection.request(&Command::Auth(hello))?;
        if server.version < MIN_VERSION {
            return Err(refused(PulseError::Version));
        }
        connection.version = server.version.min(MAX_VERSION);
        let mut properties = Props::new();
        properties.set(Prop::ApplicationName, c"twocan");
        connection.ask(&Command::SetClientName(properties))?;
        Ok(connection)
    }

    /// A handle with which another thread can end the connection.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub(super) fn handle(&self) -> Result<Handle, Error> {
        let socket = self.reader.get_ref().try_clone().map_err(lost)?;
        Ok(Handle(socket))
    }

    /// From now on waits for messages without a limit.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn wait_for_ever(&self) -> Result<(), Error> {
        self.reader.get_ref().set_read_timeout(None).map_err(lost)
    }

    /// Sends a command; returns the number that its reply will carry.
    ///
    /// # Errors
    /// When the connection is lost.
    pub(super) fn send(&mut self, command: &Command) -> Result<u32, Error> {
        let number = self.next_request;
        self.next_request = number.wrapping_add(1);
        self.sending.clear();
        write_command_message(&mut self.sending, number, command, self.version).map_err(lost)?;
        self.reader
            .get_mut()
            .write_all(&self.sending)
            .map_err(lost)?;
        Ok(number)
    }

    /// Sends sound that belongs `skipped` bytes after what was sent before.
    ///
    /// # Errors
    /// When the connection is lost.
    pub(super) fn send_sound(
        &mut self,
        channel: u32,
        skipped: usize,
        samples: &[f32],
    ) -> Result<(), Error> {
        let length = (size_of_val(samples) as u32).to_be_bytes();
        self.sending.clear();
        self.sending.extend_from_slice(&length);
        self.sending.extend_from_slice(&channel.to_be_bytes());
        self.sending
            .extend_from_slice(&(skipped as u64).to_be_bytes());
        // No flags: relative to what was sent before.
        self.sending.extend_from_slice(&[0; 4]);
        let bytes = samples.iter().flat_map(|sample| sample.to_ne_bytes());
        self.sending.extend(bytes);
        let socket = self.reader.get_mut();
        socket.write_all(&self.sending).map_err(lost)
    }

    /// Sends a command and waits until it is acknowledged.
    ///
    /// # Errors
    /// When the server refuses, does not answer or is gone.
    pub(super) fn ask(&mut self, command: &Command) -> Result<(), Error> {
        let number = self.send(command)?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.next()? {
                Incoming::Reply(to) if to == number => return Ok(()),
                Incoming::Refused(to, error) if to == number => return Err(refused(error)),
                _ => {}
            }
        }
        Err(lost("it does not answer"))
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// When the server refuses, does not answer sensibly or is gone.
    pub(super) fn request<R: CommandReply>(&mut self, command: &Command) -> Result<R, Error> {
        self.ask(command)?;
        let mut body = self.body();
        let mut fields = TagStructReader::new(&mut body, self.version);
        fields.read().map_err(lost)
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// When the connection is lost, or the server sends what it must not.
    pub(super) fn next(&mut self) -> Result<Incoming, Error> {
        let mut head = [0; DESCRIPTOR_SIZE];
        self.reader.read_exact(&mut head).map_err(lost)?;
        let word =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (length, channel) = (word(0) as usize, word(4));
        if length > MOST_BYTES {
            return Err(lost("a message is too long"));
        }
        if word(16) & SHARED_MEMORY != 0 {
            return Err(lost("it uses shared memory"));
        }
        if self.body.capacity() > KEPT_BYTES.max(length) {
            self.body = Vec::new();
        }
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body).map_err(lost)?;
        if channel == CONTROL {
            return control(&self.body);
        }
        Ok(Incoming::Sound(channel))
    }

    /// What follows the head of the control message that came last.
    pub(super) fn body(&self) -> &[u8] {
        self.body.get(CONTROL_HEAD..).unwrap_or_default()
    }

    /// The first numbers in the body of the control message that came last.
    pub(super) fn numbers<const N: usize>(&self) -> Result<[u32; N], Error> {
        let mut body = self.body();
        let mut fields = TagStructReader::new(&mut body, self.version);
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = fields.read_u32().map_err(lost)?;
        }
        Ok(numbers)
    }

    /// The bytes of the sound that came last.
    pub(super) fn sound(&self) -> &[u8] {
        &self.body
    }
}

/// Reads the head of a control message.
fn control(mut message: &[u8]) -> Result<Incoming, Error> {
    let mut fields = TagStructReader::new(&mut message, MAX_VERSION);
    let kind = fields.read_u32().map_err(lost)?;
    let number = fields.read_u32().map_err(lost)?;
    let is = |tag: CommandTag| kind == u32::from(tag as u8);
    if is(CommandTag::Reply) {
        return Ok(Incoming::Reply(number));
    }
    if is(CommandTag::Error) {
        let error = fields.read_enum().unwrap_or(PulseError::Unknown);
        return Ok(Incoming::Refused(number, error));
    }
    let known = [
        CommandTag::Request,
        CommandTag::Underflow,
        CommandTag::PlaybackStreamKilled,
        CommandTag::RecordStreamKilled,
        CommandTag::PlaybackStreamMoved,
        CommandTag::RecordStreamMoved,
        CommandTag::PlaybackBufferAttrChanged,
    ];
    let told = known.into_iter().find(|tag| is(*tag));
    Ok(told.map_or(Incoming::Unknown, Incoming::Told))
}

/// Ends a connection from another thread.
#[derive(Debug)]
pub(super) struct Handle(UnixStream);

impl Handle {
    /// Whoever waits for the connection learns that it has ended.
    pub(super) fn end(&self) {
        if let Err(error) = self.0.shutdown(Shutdown::Both) {
            tracing::debug!(%error, "a connection had ended before");
        }
    }
}

/// A socket with limits on waiting, which hold for connecting too: a server
/// that hangs lets connections pile up.
fn connect(path: &Path) -> std::io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(UnixStream::from(OwnedFd::from(socket)))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    /// A connection to a server that says these bytes and then hangs up.
    fn told(said: Vec<u8>) -> Connection {
        let (near, mut far) = UnixStream::pair().unwrap();
        thread::spawn(move || far.write_all(&said));
        Connection {
            reader: BufReader::with_capacity(READ_BYTES, near),
            version: MAX_VERSION,
            next_request: 0,
            body: Vec::new(),
            sending: Vec::new(),
        }
    }

    fn message(channel: u32, flags: u32, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        let head = [length, channel.to_be_bytes(), [0; 4], [0; 4]];
        [&head.concat()[..], &flags.to_be_bytes()[..], body].concat()
    }

    fn control_message(tag: u32, number: u32, body: &[u8]) -> Vec<u8> {
        let numbers = [tag, number].map(|number| {
            let bytes = number.to_be_bytes();
            [b'L', bytes[0], bytes[1], bytes[2], bytes[3]]
        });
        message(CONTROL, 0, &[&numbers.concat()[..], body].concat())
    }

    #[test]
    fn messages_are_told_apart() {
        let asks = [b'L', 0, 0, 0, 7, b'L', 0, 0, 4, 0];
        let said = [
            control_message(CommandTag::Reply as u32, 3, &[]),
            control_message(CommandTag::Error as u32, 4, &[b'L', 0, 0, 0, 5]),
            control_message(CommandTag::Request as u32, u32::MAX, &asks),
            message(7, 0, &[1, 2, 3, 4]),
            control_message(9_999, 0, &[]),
        ];
        let mut connection = told(said.concat());
        let mut next = || connection.next().unwrap();
        assert_eq!(next(), Incoming::Reply(3));
        assert_eq!(next(), Incoming::Refused(4, PulseError::NoEntity));
        assert_eq!(next(), Incoming::Told(CommandTag::Request));
        assert_eq!(connection.numbers::<2>().unwrap(), [7, 1_024]);
        assert!(connection.numbers::<3>().is_err());
        assert_eq!(connection.next().unwrap(), Incoming::Sound(7));
        assert_eq!(connection.sound(), [1, 2, 3, 4]);
        assert_eq!(connection.next().unwrap(), Incoming::Unknown);
        assert!(connection.next().is_err(), "it has hung up");
    }

    #[test]
    fn what_is_too_long_or_shared_ends_the_connection() {
        let mut long = message(7, 0, &[]);
        long[..4].copy_from_slice(&(MOST_BYTES as u32 + 1).to_be_bytes());
        assert!(told(long).next().is_err());
        assert!(told(message(7, 0x8000_0000, &[0; 4])).next().is_err());
    }

    proptest! {
        #[test]
        fn any_message_is_survived(
            tag in 0_u32..110,
            body in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut connection = told(control_message(tag, 0, &body));
            prop_assert!(connection.next().is_ok());
            prop_assert_eq!(connection.body(), &body[..]);
            drop(connection.numbers::<2>());
            drop(told(body).next());
        }
    }
}
