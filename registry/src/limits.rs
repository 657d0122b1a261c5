//! What strangers may ask for at most, each with its reason.

use std::time::Duration;

/// Largest request body: the longest honest one (all fields at their limits)
/// is under 2 KiB.
pub(crate) const BODY_MAX: usize = 16 * 1024;

/// Time to send a request body; a body is a packet or two.
pub(crate) const BODY_WAIT: Duration = Duration::from_secs(10);

/// Time to send the head of a request.
pub(crate) const HEAD_WAIT: Duration = Duration::from_secs(10);

/// Time to finish a TLS handshake.
pub(crate) const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// How long a quiet connection is kept for the next request.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Time for a client to take a closing connection's last bytes.
pub(crate) const DISCONNECT_WAIT: Duration = Duration::from_secs(3);

/// Connections held by one worker; further ones wait in the listen queue. About
/// 40 KiB each, so that a worker's share stays under 200 MiB.
pub(crate) const CONNECTIONS_PER_WORKER: usize = 4096;

/// TLS handshakes that one worker does at once.
pub(crate) const HANDSHAKES_PER_WORKER: usize = 256;

/// Connections waiting to be accepted.
pub(crate) const LISTEN_QUEUE: u32 = 1024;

/// Changes waiting for the writer thread; a change that finds it full is told
/// to come back, as the disk is behind by more than a second.
pub(crate) const WRITE_QUEUE: usize = 1024;

/// Changes committed together at most, to bound how long the first one waits.
pub(crate) const WRITE_BATCH: usize = 256;

/// Passwords waiting for one bcrypt thread: at cost 12 about four seconds, as
/// long as a person waits. More are refused with the time to wait.
pub(crate) const PASSWORDS_PER_THREAD: usize = 16;

/// Sessions of one account; one more ends the one that expires first.
pub(crate) const SESSIONS_PER_ACCOUNT: usize = 16;

/// Wrong passwords at once for one name, and how long until one is forgiven.
/// Short enough that nobody stays locked out by a stranger's guessing.
pub(crate) const WRONG_PER_NAME: (u32, Duration) = (10, Duration::from_secs(15));

/// The same for one address: a household or an office shares one.
pub(crate) const WRONG_PER_ADDRESS: (u32, Duration) = (30, Duration::from_secs(5));

/// Names and addresses whose wrong passwords are counted; about 2 MiB.
pub(crate) const WRONG_TRACKED: usize = 16 * 1024;

/// How often last-seen times reach the disk and expired sessions leave it.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Heartbeats that may be missed before presence lapses.
pub(crate) const HEARTBEATS_MISSED: u64 = 3;

/// Bytes of random in a bearer token.
pub(crate) const TOKEN_BYTES: usize = 32;

/// Names in a path under `/static/`: folders are a few levels deep.
pub(crate) const STATIC_DEPTH: usize = 16;

/// Time that a stop takes beyond the wait for requests: connections are closed
/// and the database is written out.
pub(crate) const STOP_EXTRA: Duration = Duration::from_secs(10);

/// Longest request of an operator: a line of JSON.
pub(crate) const ADMIN_REQUEST_MAX: usize = 16 * 1024;

/// Time for an operator's program to send its request.
pub(crate) const ADMIN_WAIT: Duration = Duration::from_secs(10);

/// Operators' requests at once over the local socket.
pub(crate) const ADMIN_CONNECTIONS: usize = 8;

/// Most accounts in one answer to an operator.
pub(crate) const ADMIN_PAGE: usize = 1000;

/// Most characters of an announcement: it is shown in one place on a screen.
pub(crate) const ANNOUNCEMENT_MAX: usize = 500;

/// Pause after the system gave no connection, or while a registry starts.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
