//! The datagrams that say "I'm alive", and what makes a replayed one worthless.
//! Bytes and times come in as arguments; sockets and clocks are elsewhere.
//!
//! ```text
//! alive (50 bytes)    version 1 | kind 1 | session 16 | sent at, ms 8 | counter 8 | MAC 16
//! seen  (68 bytes)    version 1 | kind 1 | session 16 | registry time, ms 8 | counter 8 |
//!                     address 16 (IPv4 mapped into IPv6) | port 2 | MAC 16
//! ```
//!
//! Numbers are big endian. The MAC is the first 16 bytes of BLAKE3 in keyed mode
//! over everything before it; version and kind are under it, so neither datagram
//! passes for the other. Answers go only to datagrams whose MAC was right, so a
//! forged source address gains nothing.

use crate::time::Timestamp;
use std::{
    fmt,
    net::{Ipv6Addr, SocketAddr},
};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of a client's datagram in bytes.
pub const ALIVE_LEN: usize = ALIVE_BODY + MAC_LEN;
/// Length of the registry's answer in bytes.
pub const SEEN_LEN: usize = SEEN_BODY + MAC_LEN;

/// How far a time stamp may be from the registry's clock, in milliseconds. The
/// client stamps by the registry's clock as of sign-in, so this only has to cover
/// drift of its own clock and the way through the network.
pub const CLOCK_SLACK_MS: i64 = 120_000;

const VERSION: u8 = 1;
const KIND_ALIVE: u8 = 1;
const KIND_SEEN: u8 = 2;
const MAC_LEN: usize = 16;
const ALIVE_BODY: usize = 2 + 16 + 8 + 8;
const SEEN_BODY: usize = ALIVE_BODY + 16 + 2;

/// Name of a session in its heartbeats. Not a secret: it is on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

impl SessionId {
    /// Reads the 32 hexadecimal digits of a session grant.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// 32 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// The secret that proves heartbeats of one session; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct HeartbeatKey([u8; 32]);

impl HeartbeatKey {
    /// Takes over 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the URL-safe base64 of a session grant.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The bytes themselves, for storage and for a session grant.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn mac(&self, body: &[u8]) -> [u8; MAC_LEN] {
        let mut mac = [0; MAC_LEN];
        mac.copy_from_slice(&blake3::keyed_hash(&self.0, body).as_bytes()[..MAC_LEN]);
        mac
    }

    /// Whether the last 16 bytes of `datagram` prove the rest; in constant time.
    fn proves(&self, datagram: &[u8]) -> bool {
        let (body, mac) = datagram.split_at(datagram.len() - MAC_LEN);
        self.mac(body).ct_eq(mac).into()
    }
}

impl fmt::Debug for HeartbeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A client's sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alive {
    /// Whose sign it is.
    pub session: SessionId,
    /// When it was sent, by the registry's clock.
    pub sent_at: Timestamp,
    /// Larger than in every earlier datagram of the session.
    pub counter: u64,
}

/// A sign of life of the right length and kind, not yet proven.
#[derive(Debug, Clone, Copy)]
pub struct UnprovenAlive<'a> {
    datagram: &'a [u8; ALIVE_LEN],
}

/// The registry's answer: I have seen you, and from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whose heartbeat is answered.
    pub session: SessionId,
    /// The registry's clock.
    pub at: Timestamp,
    /// The counter of the heartbeat that is answered.
    pub counter: u64,
    /// Where the heartbeat came from.
    pub observed: SocketAddr,
}

impl Alive {
    /// The datagram, proven by `key`.
    #[must_use]
    pub fn encode(&self, key: &HeartbeatKey) -> [u8; ALIVE_LEN] {
        let mut out = [0; ALIVE_LEN];
        put_head(
            &mut out,
            KIND_ALIVE,
            self.session,
            self.sent_at,
            self.counter,
        );
        let mac = key.mac(&out[..ALIVE_BODY]);
        out[ALIVE_BODY..].copy_from_slice(&mac);
        out
    }

    /// Recognises a sign of life; `None` for anything else.
    #[must_use]
    pub fn recognise(datagram: &[u8]) -> Option<UnprovenAlive<'_>> {
        let datagram: &[u8; ALIVE_LEN] = datagram.try_into().ok()?;
        (datagram[..2] == [VERSION, KIND_ALIVE]).then_some(UnprovenAlive { datagram })
    }
}

impl UnprovenAlive<'_> {
    /// The session it claims to be of: where to find the key.
    #[must_use]
    pub fn session(&self) -> SessionId {
        get_session(self.datagram)
    }

    /// The contents, when `key` proves them.
    #[must_use]
    pub fn prove(&self, key: &HeartbeatKey) -> Option<Alive> {
        key.proves(self.datagram).then(|| {
            let (session, sent_at, counter) = get_head(self.datagram);
            Alive {
                session,
                sent_at,
                counter,
            }
        })
    }
}

impl Seen {
    /// The datagram, proven by `key`.
    #[must_use]
    pub fn encode(&self, key: &HeartbeatKey) -> [u8; SEEN_LEN] {
        let mut out = [0; SEEN_LEN];
        put_head(&mut out, KIND_SEEN, self.session, self.at, self.counter);
        let ip = match self.observed.ip() {
            std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            std::net::IpAddr::V6(ip) => ip,
        };
        out[ALIVE_BODY..ALIVE_BODY + 16].copy_from_slice(&ip.octets());
        out[ALIVE_BODY + 16..SEEN_BODY].copy_from_slice(&self.observed.port().to_be_bytes());
        let mac = key.mac(&out[..SEEN_BODY]);
        out[SEEN_BODY..].copy_from_slice(&mac);
        out
    }

    /// Reads an answer; `None` unless length, kind and proof are right.
    #[must_use]
    pub fn decode(datagram: &[u8], key: &HeartbeatKey) -> Option<Self> {
        let datagram: &[u8; SEEN_LEN] = datagram.try_into().ok()?;
        if datagram[..2] != [VERSION, KIND_SEEN] || !key.proves(datagram) {
            return None;
        }
        let (session, at, counter) = get_head(datagram);
        let ip = Ipv6Addr::from_bits(u128::from_be_bytes(take(datagram, ALIVE_BODY)));
        let port = u16::from_be_bytes(take(datagram, ALIVE_BODY + 16));
        let observed = SocketAddr::new(ip.to_canonical(), port);
        Some(Self {
            session,
            at,
            counter,
            observed,
        })
    }
}

fn put_head(out: &mut [u8], kind: u8, session: SessionId, at: Timestamp, counter: u64) {
    out[0] = VERSION;
    out[1] = kind;
    out[2..18].copy_from_slice(&session.0);
    out[18..26].copy_from_slice(&at.as_millis().to_be_bytes());
    out[26..34].copy_from_slice(&counter.to_be_bytes());
}

fn get_session(datagram: &[u8]) -> SessionId {
    SessionId(take(datagram, 2))
}

fn get_head(datagram: &[u8]) -> (SessionId, Timestamp, u64) {
    let at = Timestamp::from_millis(i64::from_be_bytes(take(datagram, 18)));
    (
        get_session(datagram),
        at,
        u64::from_be_bytes(take(datagram, 26)),
    )
}

/// `N` bytes at `at`; callers have checked the length of the datagram.
fn take<const N: usize>(datagram: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&datagram[at..at + N]);
    out
}

/// Why a proven heartbeat changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its time stamp is too far from now, or before the guard was set up.
    Stale,
    /// Its counter came before.
    Replayed,
}

/// Lets each heartbeat of one session through once, and none that was kept back.
#[derive(Debug, Clone, Copy)]
pub struct ReplayGuard {
    /// Nothing stamped earlier counts: it may have passed another guard, such as
    /// the one before a restart of the registry.
    not_before: Timestamp,
    highest: u64,
    /// Bit `n`: counter `highest - n` has been seen.
    seen: u64,
}

impl ReplayGuard {
    /// How many counters below the highest may still come late.
    pub const WINDOW: u64 = 64;

    /// A guard that lets nothing through that was sent before `not_before`.
    #[must_use]
    pub fn new(not_before: Timestamp) -> Self {
        Self {
            not_before,
            highest: 0,
            seen: 0,
        }
    }

    /// Admits a proven heartbeat once.
    ///
    /// # Errors
    /// A [`Refusal`], after which the guard is as it was.
    pub fn admit(&mut self, alive: &Alive, now: Timestamp) -> Result<(), Refusal> {
        let sent = alive.sent_at;
        let apart = now.as_millis().abs_diff(sent.as_millis());
        if sent < self.not_before || apart > CLOCK_SLACK_MS.unsigned_abs() {
            return Err(Refusal::Stale);
        }
        self.mark(alive.counter).ok_or(Refusal::Replayed)
    }

    /// The largest counter that was admitted.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.highest
    }

    fn mark(&mut self, counter: u64) -> Option<()> {
        if counter > self.highest {
            let ahead = counter - self.highest;
            self.seen = if ahead < Self::WINDOW {
                self.seen << ahead
            } else {
                0
            };
            self.seen |= 1;
            self.highest = counter;
            return Some(());
        }
        let behind = self.highest - counter;
        // Counter 0 is never sent, so that a fresh guard has no state to explain.
        if behind >= Self::WINDOW || counter == 0 || self.seen & (1 << behind) != 0 {
            return None;
        }
        self.seen |= 1 << behind;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn now() -> Timestamp {
        at(NOW_MS)
    }

    fn key(byte: u8) -> HeartbeatKey {
        HeartbeatKey::new([byte; 32])
    }

    fn alive(counter: u64) -> Alive {
        Alive {
            session: SessionId([7; 16]),
            sent_at: now(),
            counter,
        }
    }

    #[test]
    fn bytes_on_the_wire_stay_what_they_are() {
        let datagram = alive(5).encode(&key(1));
        assert_eq!(datagram.len(), 50);
        assert_eq!(datagram[..2], [1, 1]);
        assert_eq!(datagram[2..18], [7; 16]);
        assert_eq!(datagram[18..26], NOW_MS.to_be_bytes());
        assert_eq!(datagram[26..34], 5u64.to_be_bytes());
        let mac = blake3::keyed_hash(&[1; 32], &datagram[..34]);
        assert_eq!(datagram[34..], mac.as_bytes()[..16]);
    }

    #[test]
    fn answers_read_back_with_both_kinds_of_address() {
        for address in ["192.0.2.7:7777", "[2001:db8::1]:9"] {
            let seen = Seen {
                session: SessionId([3; 16]),
                at: now(),
                counter: 9,
                observed: address.parse().unwrap(),
            };
            let datagram = seen.encode(&key(2));
            assert_eq!(Seen::decode(&datagram, &key(2)), Some(seen));
            assert_eq!(Seen::decode(&datagram, &key(3)), None);
        }
    }

    #[test]
    fn one_kind_does_not_pass_for_the_other() {
        let datagram = alive(1).encode(&key(1));
        assert_eq!(Seen::decode(&datagram, &key(1)), None);
        let mut other = datagram;
        other[1] = KIND_SEEN;
        assert!(Alive::recognise(&other).is_none());
        let mut newer = datagram;
        newer[0] = 2;
        assert!(Alive::recognise(&newer).is_none());
    }

    #[test]
    fn a_guard_wants_fresh_stamps() {
        let mut guard = ReplayGuard::new(now());
        let sent = |ms, counter| Alive {
            sent_at: at(ms),
            ..alive(counter)
        };
        assert_eq!(
            guard.admit(&sent(NOW_MS - 1, 1), now()),
            Err(Refusal::Stale)
        );
        assert_eq!(
            guard.admit(&sent(NOW_MS + CLOCK_SLACK_MS + 1, 1), now()),
            Err(Refusal::Stale)
        );
        let later = at(NOW_MS + CLOCK_SLACK_MS + 1);
        assert_eq!(guard.admit(&sent(NOW_MS, 1), later), Err(Refusal::Stale));
        assert_eq!(
            guard.admit(&sent(NOW_MS + CLOCK_SLACK_MS, 1), now()),
            Ok(())
        );
    }

    #[test]
    fn a_guard_takes_late_ones_once_and_old_ones_never() {
        let mut guard = ReplayGuard::new(at(0));
        let mut admit = |counter| guard.admit(&alive(counter), now());
        assert_eq!(admit(0), Err(Refusal::Replayed));
        assert_eq!(admit(1), Ok(()));
        assert_eq!(admit(1), Err(Refusal::Replayed));
        assert_eq!(admit(70), Ok(()));
        assert_eq!(admit(7), Ok(()));
        assert_eq!(admit(7), Err(Refusal::Replayed));
        assert_eq!(admit(6), Err(Refusal::Replayed));
        assert_eq!(admit(u64::MAX), Ok(()));
        assert_eq!(admit(71), Err(Refusal::Replayed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Some(unproven) = Alive::recognise(&bytes) {
                prop_assert_eq!(unproven.prove(&key(1)), None);
            }
            prop_assert_eq!(Seen::decode(&bytes, &key(1)), None);
        }

        #[test]
        fn what_is_sent_is_what_arrives(sent_at in 0i64..253_402_207_200_999, counter: u64, session: [u8; 16], secret: [u8; 32]) {
            let alive = Alive { session: SessionId(session), sent_at: at(sent_at), counter };
            let key = HeartbeatKey::new(secret);
            let datagram = alive.encode(&key);
            let unproven = Alive::recognise(&datagram).unwrap();
            prop_assert_eq!(unproven.session(), alive.session);
            prop_assert_eq!(unproven.prove(&key), Some(alive));
        }

        #[test]
        fn one_flipped_bit_is_noticed(bit in 0..ALIVE_LEN * 8) {
            let mut datagram = alive(3).encode(&key(1));
            datagram[bit / 8] ^= 1 << (bit % 8);
            let proven = Alive::recognise(&datagram).and_then(|unproven| unproven.prove(&key(1)));
            prop_assert_eq!(proven, None);
        }

        #[test]
        fn no_counter_passes_twice(counters in proptest::collection::vec(0u64..200, 0..300)) {
            let mut guard = ReplayGuard::new(at(0));
            let mut passed = HashSet::new();
            for counter in counters {
                if guard.admit(&alive(counter), now()).is_ok() {
                    prop_assert!(passed.insert(counter));
                }
            }
        }
    }
}
