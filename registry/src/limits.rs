//! What strangers may ask for at most, each with its reason.

use crate::live::Pace;
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

/// Connections held by one worker; further ones wait in the listen queue. A
/// small machine with one worker holds thousands of live clients.
pub(crate) const CONNECTIONS_PER_WORKER: usize = 8192;

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

/// How often something may be tried: so many times for nothing, then after a
/// wait that doubles with each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Attempts before there is a wait.
    pub(crate) free: u32,
    /// The wait after the last of these.
    pub(crate) first: Duration,
    /// The longest wait.
    pub(crate) longest: Duration,
    /// All is forgotten after so long without an attempt.
    pub(crate) forget: Duration,
}

impl Rule {
    const fn new(free: u32, [first, longest, forget]: [u64; 3]) -> Self {
        Self {
            free,
            first: Duration::from_secs(first),
            longest: Duration::from_secs(longest),
            forget: Duration::from_secs(forget),
        }
    }

    /// How long to wait after so many attempts.
    pub(crate) fn wait_after(self, attempts: u32) -> Duration {
        let Some(over) = attempts.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        // 2^20 times the shortest wait is longer than the longest.
        (self.first * (1 << over.min(20))).min(self.longest)
    }
}

/// What is never waited for.
pub(crate) const UNLIMITED: Rule = Rule::new(u32::MAX, [0, 0, 0]);

/// Wrong passwords for one name by strangers. A quarter of an hour is long for a
/// guesser and short for an owner who comes from a new place; from a known place,
/// with her key, or with a mail she does not wait for strangers at all.
pub(crate) const WRONG_PER_NAME: Rule = Rule::new(10, [15, 900, 3600]);

/// Wrong passwords from one address: a household or an office shares one.
pub(crate) const WRONG_PER_ADDRESS: Rule = Rule::new(30, [5, 900, 3600]);

/// Wrong passwords for one name from one address.
pub(crate) const WRONG_PER_PLACE: Rule = Rule::new(10, [15, 900, 3600]);

/// Wrong passwords for one name by whoever has its key.
pub(crate) const WRONG_PER_KEY: Rule = Rule::new(10, [15, 300, 3600]);

/// Mails for a forgotten password of one name: who gets them did not ask for
/// more.
pub(crate) const RESETS_PER_NAME: Rule = Rule::new(3, [300, 3600, 86_400]);

/// The same from one address.
pub(crate) const RESETS_PER_ADDRESS: Rule = Rule::new(10, [30, 3600, 86_400]);

/// Codes to one recipient; each telephone message costs the operator money.
pub(crate) const CODES_PER_RECIPIENT: Rule = Rule::new(1, [30, 3600, 86_400]);

/// Codes asked for from one address.
pub(crate) const CODES_PER_ADDRESS: Rule = Rule::new(20, [30, 3600, 86_400]);

/// Guests from one address: a class room comes at once.
pub(crate) const GUESTS_PER_ADDRESS: Rule = Rule::new(30, [2, 300, 600]);

/// Subjects whose attempts are counted; about 6 MiB.
pub(crate) const TRACKED: usize = 64 * 1024;

/// Guests at once: they come without proving anything, so they do not get all of
/// the memory.
pub(crate) const GUESTS: usize = 10_000;

/// Places from which an account was signed in that are remembered.
pub(crate) const PLACES_PER_ACCOUNT: usize = 8;

/// Links for a new password that are good at once for one account, so that
/// somebody who asks for another does not spoil the owner's.
pub(crate) const RESETS_PER_ACCOUNT: usize = 3;

/// How often a one-time code may be mistyped before another one is needed: a
/// million codes and five guesses.
pub(crate) const CODE_TRIES: u8 = 5;

/// One-time codes that wait for their owners; about 1 MiB.
pub(crate) const CODES: usize = 8 * 1024;

/// Mails and messages that wait to be sent.
pub(crate) const OUTBOX: usize = 1024;

/// Mails and messages that are sent at once.
pub(crate) const OUTBOX_WORKERS: usize = 4;

/// Time for one mail or message to be taken.
pub(crate) const DELIVERY_WAIT: Duration = Duration::from_secs(20);

/// Waits before a mail or message that was not taken is tried again.
pub(crate) const DELIVERY_RETRIES: [Duration; 2] =
    [Duration::from_secs(5), Duration::from_secs(30)];

/// Time that a stop gives what waits to be sent: a mail takes a second where the
/// mail server is well.
pub(crate) const OUTBOX_STOP: Duration = Duration::from_secs(5);

/// Shortest text that profiles are searched for: a single letter is in all.
pub(crate) const SEARCH_MIN: usize = 2;

/// Accounts that one page looks at in its search for matching ones, a few
/// milliseconds of work; the next page goes on from there.
pub(crate) const SCAN_PER_PAGE: usize = 20_000;

/// How long one identity's sign-in keeps others out before it is done.
pub(crate) const CLAIM_MS: u64 = 30_000;

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

/// How often watched names are looked at: a change is told within a second.
pub(crate) const LIVE_ROUND: Duration = Duration::from_millis(200);

/// How often it is checked that a live channel may still be there.
pub(crate) const LIVE_CHECK: Duration = Duration::from_secs(1);

/// Time for a live channel's hello.
pub(crate) const LIVE_HELLO_WAIT: Duration = Duration::from_secs(10);

/// A quiet live channel is asked for a sign of life after so long, which also
/// keeps it alive in routers.
pub(crate) const LIVE_PING_AFTER: Duration = Duration::from_secs(30);

/// Time for the answer.
pub(crate) const LIVE_PONG_WAIT: Duration = Duration::from_secs(20);

/// Frames of one live channel: far more than a person does.
pub(crate) const LIVE_FRAMES: Pace = Pace::new(100, 50);

/// Bytes that wait for one live channel; more than that ends it.
pub(crate) const LIVE_QUEUE_BYTES: usize = 128 * 1024;

/// Messages that wait for one live channel.
pub(crate) const LIVE_QUEUE: usize = 512;

/// Bytes given to the socket of a live channel before it is known that earlier
/// ones were read. Less than the HTTP library holds back before it stops asking.
pub(crate) const LIVE_WINDOW: usize = 16 * 1024;

/// Bytes given to it in one piece, but for a longer message.
pub(crate) const LIVE_WRITE: usize = 4 * 1024;

/// Changes of presence told to one channel in one message.
pub(crate) const LIVE_PRESENCES: usize = 100;

/// Names watched by all channels together; about 100 MiB.
pub(crate) const LIVE_WATCHES: usize = 1_000_000;

/// Knocks by one user.
pub(crate) const KNOCKS: Pace = Pace::new(10, 6_000);

/// Knocks at one user by all others.
pub(crate) const KNOCKS_AT_ONE: Pace = Pace::new(20, 3_000);

/// Said in the lobby by one user.
pub(crate) const LOBBY_SAYS: Pace = Pace::new(5, 2_000);

/// Signs of writing by one user.
pub(crate) const LOBBY_TYPING: Pace = Pace::new(2, 2_000);

/// Comings of one user into the lobby.
pub(crate) const LOBBY_ENTRIES: Pace = Pace::new(5, 10_000);

/// Pages of who is in the lobby for one user: all of it at once, now and then.
pub(crate) const LOBBY_PAGES: Pace = Pace::new(10, 2_000);

/// Users in the lobby: what one says goes to all of them.
pub(crate) const LOBBY_USERS: usize = 1000;

/// How long who lost the channel keeps the place in the lobby.
pub(crate) const LOBBY_AWAY_MS: u64 = 2 * 60 * 1000;

/// How long who was sent out of the lobby stays out.
pub(crate) const LOBBY_KICK_MS: u64 = 10 * 60 * 1000;

/// Users who are muted, and who were sent out, at once.
pub(crate) const LOBBY_SANCTIONS: usize = 10_000;

/// Pause after the system gave no connection, or while a registry starts.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
