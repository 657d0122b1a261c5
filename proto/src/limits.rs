//! Every limit on what the outside may ask of us, in one place with its
//! reason. Nothing from outside decides an amount of memory or a wait.

use std::time::Duration;

/// Longest text of one message, in bytes of UTF-8. JSON may escape a byte to
/// six characters (`\u0001`), so that six times this still fits one frame.
pub const TEXT_BYTES: usize = 8 * 1024;

/// Longest reaction, in bytes of UTF-8: the longest emoji sequences (families
/// with skin tones, flags of regions) have about 40.
pub const REACTION_BYTES: usize = 48;

/// Longest name a person may give herself or a contact, in bytes of UTF-8.
pub const NAME_BYTES: usize = 64;

/// Longest note of a contact request, in bytes of UTF-8: a sentence or two,
/// as it comes from a stranger.
pub const NOTE_BYTES: usize = 280;

/// Longest status text of a profile, in bytes of UTF-8: one line of a list.
pub const STATUS_BYTES: usize = 140;

/// Most fields of a profile: it is a visiting card, not a page.
pub const PROFILE_FIELDS: usize = 8;
/// Longest name of such a field, in bytes of UTF-8.
pub const FIELD_NAME_BYTES: usize = 32;
/// Longest value of such a field, in bytes of UTF-8: an address or a link.
pub const FIELD_BYTES: usize = 256;

/// Profiles taken from a peer on one link in [`PROFILE_WINDOW`]; further ones
/// are passed over. People change theirs by hand.
pub const PROFILES: u32 = 30;
/// See [`PROFILES`].
pub const PROFILE_WINDOW: Duration = Duration::from_secs(60);

/// Longest name of a group of contacts, in bytes of UTF-8.
pub const GROUP_BYTES: usize = 64;

/// Keys kept of a contact that the user has refused; the oldest makes room.
pub const REFUSED_KEYS: usize = 8;

/// People kept who were found in the local network; further ones are passed
/// over until some have gone.
pub const NEARBY: usize = 256;
/// Addresses kept of each of them.
pub const NEARBY_ADDRESSES: usize = 4;

/// Longest reason given with a bye or an error, in bytes of UTF-8.
pub const REASON_BYTES: usize = 280;

/// Longest text of a client version, such as `twocan/0.1.0`.
pub const VERSION_BYTES: usize = 64;

/// Most capabilities a hello may name, and the longest of them.
pub const CAPABILITIES: usize = 64;
/// Longest name of one capability, in bytes.
pub const CAPABILITY_BYTES: usize = 32;

/// Longest SDP of an offer or answer, in bytes: ours has about 1,500; a
/// browser's with all its codecs stays below 10,000.
pub const SDP_BYTES: usize = 16 * 1024;

/// Longest ICE candidate line, in bytes: the longest real ones have about 200.
pub const CANDIDATE_BYTES: usize = 512;

/// Most candidates taken from a peer in one call: a machine with many
/// interfaces has a dozen; pairs grow with the product of both sides.
pub const CANDIDATES: usize = 32;

/// A link whose other side says nothing for this long after connecting is
/// closed: an honest peer sends its hello at once.
pub const HELLO_WAIT: Duration = Duration::from_secs(10);

/// A quiet link is asked for a sign of life after this long.
pub const PING_AFTER: Duration = Duration::from_secs(15);

/// A link that has been silent for this long is gone.
pub const GONE_AFTER: Duration = Duration::from_secs(45);

/// The same two while a call is up: people notice silence within seconds. On a
/// narrow line a question and its answer delay the sound, so they are seldom.
pub const PING_AFTER_IN_CALL: Duration = Duration::from_secs(5);
/// See [`PING_AFTER_IN_CALL`].
pub const GONE_AFTER_IN_CALL: Duration = Duration::from_secs(10);

/// The same two while the peer has not acknowledged what was sent to it: an
/// honest one does so within a commit to its disk, however long the line's
/// queue is, as it acknowledges bit by bit.
pub const PING_AFTER_UNANSWERED: Duration = Duration::from_secs(5);
/// See [`PING_AFTER_UNANSWERED`].
pub const GONE_AFTER_UNANSWERED: Duration = Duration::from_secs(15);

/// How long a link that may be stale gets to answer when a second one from
/// the same peer has come up beside it.
pub const PROBE_WAIT: Duration = Duration::from_secs(3);

/// Messages sent and not yet acknowledged on one link: enough to fill a fast
/// line at a high round-trip time (1024 x 1 KiB in 200 ms is 40 Mbit/s), and a
/// bound on what a broken link makes us send again.
pub const MESSAGES_IN_FLIGHT: usize = 1024;

/// How long a call rings before it ends with "no answer".
pub const RING_TIME: Duration = Duration::from_secs(60);

/// How long the caller waits for the other side to say that it rings before
/// the call is given up as unreachable.
pub const RINGING_WAIT: Duration = Duration::from_secs(20);

/// How long an answered call may take to get its media path.
pub const CONNECT_WAIT: Duration = Duration::from_secs(20);

/// How long a call without a media path tries to get it back.
pub const RECONNECT_WAIT: Duration = Duration::from_secs(30);

/// The same when the link between the two is gone as well and nobody says that
/// the other program is: long enough to get from one network into another.
pub const RECONNECT_WAIT_UNLINKED: Duration = Duration::from_secs(15);

/// How long a call that rings waits for the link to come back.
pub const RELINK_WAIT: Duration = Duration::from_secs(8);

/// A call in which nothing at all has arrived for this long has lost its
/// path: sound comes 50 times a second, silence is sent as sound, and the
/// path itself is checked every second.
pub const MEDIA_SILENCE: Duration = Duration::from_secs(2);

/// How often the offer of another path is renewed while there is none.
pub const RESTART_AGAIN: Duration = Duration::from_secs(3);

/// How soon the link of a call is tried again.
pub const REDIAL_IN_CALL: Duration = Duration::from_secs(1);

/// Ends of calls kept to be told to those who were not linked then.
pub const CALLS_OVER: usize = 16;

/// Contact requests of strangers kept at most; further ones are refused.
pub const REQUESTS: usize = 100;

/// Contact requests taken from one address, and from one key, in
/// [`KNOCK_WINDOW`]; further ones are turned away unread. A household or an
/// office behind one router stays below it.
pub const KNOCKS_OF_ADDRESS: u32 = 30;
/// See [`KNOCKS_OF_ADDRESS`]. Whoever mends her note asks twice or thrice.
pub const KNOCKS_OF_KEY: u32 = 3;
/// See [`KNOCKS_OF_ADDRESS`].
pub const KNOCK_WINDOW: Duration = Duration::from_secs(600);
/// Addresses and keys whose knocks are counted at once; when that many knock
/// in one window, all further ones are turned away.
pub const KNOCKERS: usize = 1024;
/// Longest name of a file or folder, in bytes of UTF-8: what common file
/// systems take.
pub const FILE_NAME_BYTES: usize = 255;

/// Longest path of a file inside a set, in bytes of UTF-8.
pub const FILE_PATH_BYTES: usize = 1024;

/// Most folders inside folders on the path of a file in a set.
pub const FILE_PATH_PARTS: usize = 32;

/// Most files in one set: each costs both sides a row in the database.
pub const FILES_IN_SET: u64 = 50_000;

/// Most bytes of one transfer: 64 TiB. Beyond it a number is a mistake.
pub const TRANSFER_BYTES: u64 = 1 << 46;

/// Files told in one frame; of long paths only as many as fit it.
pub const FILE_ENTRIES: usize = 512;

/// Bytes of a file in one frame, a power of two so that BLAKE3 takes whole
/// subtrees: the header adds one part in ten thousand.
pub const FILE_CHUNK_BYTES: usize = 32 * 1024;

/// Transfers with one contact that are not over, each way; further offers are
/// refused. A person does not decide on more, and each is a row in memory.
pub const TRANSFERS_OPEN: usize = 100;

/// Transfers with one contact that run side by side, each way; the others
/// wait. Each has a connection and two threads.
pub const TRANSFERS_AT_ONCE: usize = 4;

/// Transfers with all contacts that run side by side, each way.
pub const TRANSFERS_AT_ONCE_ALL: usize = 12;

/// How long the other side of a running transfer may be silent, or take
/// nothing.
pub const TRANSFER_STALL: Duration = Duration::from_secs(45);

/// How often a sender that reads on without sending says that it is there.
pub const TRANSFER_ALIVE: Duration = Duration::from_secs(10);

/// How long a peer that was asked to connect for a transfer may take.
pub const TRANSFER_CONNECT: Duration = Duration::from_secs(20);
