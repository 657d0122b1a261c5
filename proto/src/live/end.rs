//! Why a live channel was closed.

/// The code of a closing frame (RFC 6455 section 7.4). The text beside it is for
/// people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiveEnd {
    /// Nobody is at fault.
    Normal,
    /// The registry stops.
    Stopping,
    /// What came was no message of this protocol, or came where it must not.
    Protocol,
    /// A message was longer than allowed.
    TooLarge,
    /// The session ended: signed out, expired, or another password.
    SessionEnded,
    /// The same identity opened another channel.
    Replaced,
    /// The user or the address is kept out.
    Banned,
    /// The account is gone.
    Deleted,
    /// The client did not read what was said to it.
    Slow,
    /// The client is too old.
    Outdated,
    /// Too many messages in a short time.
    Flood,
    /// No sign of life.
    Silent,
}

impl LiveEnd {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Normal,
        Self::Stopping,
        Self::Protocol,
        Self::TooLarge,
        Self::SessionEnded,
        Self::Replaced,
        Self::Banned,
        Self::Deleted,
        Self::Slow,
        Self::Outdated,
        Self::Flood,
        Self::Silent,
    ];

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Stopping => 1001,
            Self::Protocol => 1002,
            Self::TooLarge => 1009,
            Self::SessionEnded => 4001,
            Self::Replaced => 4002,
            Self::Banned => 4003,
            Self::Deleted => 4004,
            Self::Slow => 4005,
            Self::Outdated => 4006,
            Self::Flood => 4007,
            Self::Silent => 4008,
        }
    }

    /// The end that a code means; `None` for those of others.
    #[must_use]
    pub fn of_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.code() == code)
    }

    /// What happened, for people; at most 123 bytes, as a closing frame holds.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Normal => "done",
            Self::Stopping => "the registry is stopping; come back later",
            Self::Protocol => "that is not a message of this protocol",
            Self::TooLarge => "a message was longer than allowed",
            Self::SessionEnded => "the session has ended; sign in again",
            Self::Replaced => "another channel of this identity was opened",
            Self::Banned => "banned from this registry",
            Self::Deleted => "the account is gone",
            Self::Slow => "what was said here was not read in time",
            Self::Outdated => "this client is too old for this registry",
            Self::Flood => "too many messages in a short time",
            Self::Silent => "no sign of life",
        }
    }

    /// Whether opening another channel with the same session can help.
    #[must_use]
    pub fn is_worth_a_retry(self) -> bool {
        match self {
            Self::Normal | Self::Stopping | Self::Slow | Self::Flood | Self::Silent => true,
            Self::Protocol
            | Self::TooLarge
            | Self::SessionEnded
            | Self::Replaced
            | Self::Banned
            | Self::Deleted
            | Self::Outdated => false,
        }
    }
}
