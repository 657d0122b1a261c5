//! The layout of a protected payload. One packet carries one frame of its own
//! and so has one place in the window code.
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+---+-+-------+--------+---------+-- ... --+-- ... --+-- ... --+
//! |R| N |M|   0   | report | missing | part 1  | part N  | frame   |
//! +-+---+-+-------+--------+---------+-- ... --+-- ... --+-- ... --+
//! ```
//!
//! With R a [`Report`] follows, its length first, with M what is [`Missing`].
//! Each of the N parts repairs earlier frames:
//!
//! ```text
//!  0                   1
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//! +-----------+---------+-----+---+-+-------------+-- ... --+-- ...
//! | first - 1 |count - 1|str-1|n-1|   length      | symbol 1| symbol n
//! +-----------+---------+-----+---+---------------+-- ... --+-- ...
//! ```
//!
//! The length is that of each of its n symbols. The frame is one Opus packet
//! (RFC 6716) and goes to the end.

use std::fmt;

use super::PayloadError;
use crate::{Missing, Report, Told};

/// Parts that a packet can carry.
pub(crate) const MOST_PARTS: usize = 3;
/// How far back a part reaches, in packets: 1.26 s of frames of 20 ms.
pub(crate) const MOST_DISTANCE: u64 = 63;
/// Longest frame, in bytes: what Opus allows one of its frames (RFC 6716, 3.2.1).
pub(crate) const MOST_FRAME: usize = 1_275;
/// Longest frame that a part can repair, in bytes, for its length has one byte:
/// 100 kb/s in frames of 20 ms.
pub(crate) const MOST_REPAIRED: usize = 254;
/// A frame inside a combination has its length before it, in so many bytes.
pub(super) const PREFIX: usize = 1;

const REPORT: u8 = 0x80;
const PARTS_SHIFT: u32 = 5;
const MISSING: u8 = 0x10;
const PARTS: u8 = 0x60;
const RESERVED: u8 = 0x0f;

/// The earlier frames that one part repairs: `count` of them, the nearest
/// `first` packets ago, each `stride` packets before the one after it. A window
/// of one frame is a plain copy, any other gives combinations, each with a row
/// of coefficients of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    /// Distance of the nearest frame in packets, from 1.
    first: u8,
    /// How many frames, from 1 to 32.
    count: u8,
    /// Packets from one frame to the next, from 1 to 8.
    stride: u8,
    /// How many combinations, from 1 to 4; 1 for a copy.
    symbols: u8,
}

impl Window {
    /// A copy of the frame so many packets ago.
    pub(crate) const fn copy(distance: u8) -> Self {
        Self {
            first: distance,
            count: 1,
            stride: 1,
            symbols: 1,
        }
    }

    /// Combinations of all frames from `first` to `last` packets ago.
    pub(crate) const fn dense(first: u8, last: u8, symbols: u8) -> Self {
        Self {
            first,
            count: last - first + 1,
            stride: 1,
            symbols,
        }
    }

    /// A combination of `count` frames that are `stride` packets apart.
    pub(crate) const fn spread(first: u8, count: u8, stride: u8) -> Self {
        Self {
            first,
            count,
            stride,
            symbols: 1,
        }
    }

    /// Distance of the farthest frame, in packets.
    pub(crate) fn last(&self) -> u64 {
        u64::from(self.first) + u64::from(self.count - 1) * u64::from(self.stride)
    }

    /// Distances of all its frames, in packets.
    pub(crate) fn distances(&self) -> impl Iterator<Item = u64> {
        (u64::from(self.first)..=self.last()).step_by(usize::from(self.stride))
    }

    /// Whether it is one frame as it is.
    pub(crate) fn is_copy(&self) -> bool {
        self.count == 1
    }

    /// Bytes that a packet carries for it beside its symbols.
    pub(crate) fn head_bytes(&self) -> usize {
        let prefix = if self.is_copy() { 0 } else { PREFIX };
        3 + prefix * usize::from(self.symbols)
    }

    /// How many symbols it has, each as long as a frame.
    pub(crate) fn symbols(&self) -> usize {
        usize::from(self.symbols)
    }

    /// Which rows of coefficients its combinations take.
    pub(super) fn rows(&self) -> std::ops::Range<u8> {
        0..self.symbols
    }

    /// Length of one of its symbols when all together have so many bytes.
    pub(super) fn symbol_length(&self, all: usize) -> usize {
        all / usize::from(self.symbols)
    }

    /// What is left of it when only so many earlier frames exist.
    pub(super) fn within(&self, frames: u64) -> Option<Self> {
        let room = frames.checked_sub(u64::from(self.first))?;
        let count = self.count.min((room / u64::from(self.stride)) as u8 + 1);
        if count == 1 {
            return Some(Self::copy(self.first));
        }
        Some(Self { count, ..*self })
    }

    fn bits(&self) -> u16 {
        u16::from(self.first - 1) << 10
            | u16::from(self.count - 1) << 5
            | u16::from(self.stride - 1) << 2
            | u16::from(self.symbols - 1)
    }

    fn from_bits(bits: u16) -> Result<Self, PayloadError> {
        let window = Self {
            first: (bits >> 10) as u8 + 1,
            count: (bits >> 5 & 0x1f) as u8 + 1,
            stride: (bits >> 2 & 0x7) as u8 + 1,
            symbols: (bits & 0x3) as u8 + 1,
        };
        if window.last() > MOST_DISTANCE || (window.is_copy() && window.symbols != 1) {
            return Err(PayloadError::Window);
        }
        Ok(window)
    }
}

/// In words: `a copy at 6`, `1 symbol of 5`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_copy() {
            return write!(f, "a copy at {}", self.first);
        }
        let plural = if self.symbols == 1 { "" } else { "s" };
        write!(f, "{} symbol{plural} of {}", self.symbols, self.count)
    }
}

/// One part of a packet: which frames, and the combinations, or the copy, of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<S> {
    /// Which frames.
    pub(crate) window: Window,
    /// The copy, or the combinations of the frames with their lengths, all of
    /// one length, one after another.
    pub(crate) symbols: S,
}

/// A payload, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload<'a> {
    /// What the sender says about the stream that it receives.
    pub(crate) told: Told,
    /// What repairs earlier frames: at most [`MOST_PARTS`].
    pub(crate) parts: Vec<Part<&'a [u8]>>,
    /// The frame of this packet: an Opus packet.
    pub(crate) frame: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Takes a payload apart.
    ///
    /// # Errors
    /// When it is not laid out as described above.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, PayloadError> {
        let (&head, rest) = bytes.split_first().ok_or(PayloadError::Truncated)?;
        if head & RESERVED != 0 {
            return Err(PayloadError::Unknown);
        }
        let (report, rest) = if head & REPORT == 0 {
            (None, rest)
        } else {
            let (report, rest) = Report::read(rest).ok_or(PayloadError::Truncated)?;
            (Some(report), rest)
        };
        let (missing, mut rest) = if head & MISSING == 0 {
            (None, rest)
        } else {
            let (missing, rest) = Missing::read(rest).ok_or(PayloadError::Truncated)?;
            (Some(missing), rest)
        };
        let count = usize::from((head & PARTS) >> PARTS_SHIFT);
        let mut parts = Vec::with_capacity(count);
        for _ in 0..count {
            let part;
            (part, rest) = parse_part(rest)?;
            parts.push(part);
        }
        if rest.is_empty() || rest.len() > MOST_FRAME {
            return Err(PayloadError::Frame);
        }
        Ok(Self {
            told: Told { report, missing },
            parts,
            frame: rest,
        })
    }
}

fn parse_part(bytes: &[u8]) -> Result<(Part<&[u8]>, &[u8]), PayloadError> {
    let (bits, rest) = bytes.split_first_chunk().ok_or(PayloadError::Truncated)?;
    let window = Window::from_bits(u16::from_be_bytes(*bits))?;
    let (&length, rest) = rest.split_first().ok_or(PayloadError::Truncated)?;
    let length = usize::from(length);
    let prefix = if window.is_copy() { 0 } else { PREFIX };
    if !(prefix + 1..=prefix + MOST_REPAIRED).contains(&length) {
        return Err(PayloadError::Symbol);
    }
    let (symbols, rest) = rest
        .split_at_checked(length * usize::from(window.symbols))
        .ok_or(PayloadError::Truncated)?;
    Ok((Part { window, symbols }, rest))
}

/// Puts a payload together. Parts beyond [`MOST_PARTS`] are left out.
pub(crate) fn write(told: Told, parts: &[Part<Vec<u8>>], frame: &[u8]) -> Vec<u8> {
    let parts = &parts[..parts.len().min(MOST_PARTS)];
    let symbols: usize = parts.iter().map(|part| part.symbols.len() + 3).sum();
    let mut out = Vec::with_capacity(32 + symbols + frame.len());
    let report = if told.report.is_some() { REPORT } else { 0 };
    let missing = if told.missing.is_some() { MISSING } else { 0 };
    out.push(report | missing | (parts.len() as u8) << PARTS_SHIFT);
    if let Some(report) = told.report {
        report.write(&mut out);
    }
    if let Some(missing) = told.missing {
        missing.write(&mut out);
    }
    for part in parts {
        out.extend_from_slice(&part.window.bits().to_be_bytes());
        let length = part.window.symbol_length(part.symbols.len());
        debug_assert!(length <= MOST_REPAIRED + PREFIX);
        out.push((length & 0xff) as u8);
        out.extend_from_slice(&part.symbols);
    }
    out.extend_from_slice(frame);
    out
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::protect) fn any_window() -> impl Strategy<Value = Window> {
        (1..=32_u8, 1..=16_u8, 1..=2_u8, 1..=4_u8).prop_map(|(first, count, stride, symbols)| {
            Window {
                first,
                count,
                stride,
                symbols: if count == 1 { 1 } else { symbols },
            }
        })
    }

    fn any_part() -> impl Strategy<Value = Part<Vec<u8>>> {
        (any_window(), prop::collection::vec(any::<u8>(), 3..200)).prop_map(|(window, symbol)| {
            let symbols = symbol.repeat(usize::from(window.symbols));
            Part { window, symbols }
        })
    }

    proptest! {
        #[test]
        fn is_parsed_as_it_was_written(
            parts in prop::collection::vec(any_part(), 0..=MOST_PARTS),
            frame in prop::collection::vec(any::<u8>(), 1..400),
            highest in prop::option::of(any::<u16>()),
            frames in prop::option::of(any::<u16>()),
        ) {
            let told = Told {
                report: highest.map(|highest| Report { highest, ..Report::default() }),
                missing: frames.map(|frames| Missing { newest: 7, frames }),
            };
            let bytes = write(told, &parts, &frame);
            let payload = Payload::parse(&bytes).unwrap();
            prop_assert_eq!(payload.told, told);
            prop_assert_eq!(payload.frame, &frame[..]);
            let parsed: Vec<_> = payload
                .parts
                .iter()
                .map(|part| Part { window: part.window, symbols: part.symbols.to_vec() })
                .collect();
            prop_assert_eq!(parsed, parts);
        }

        #[test]
        fn any_bytes_are_a_payload_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(payload) = Payload::parse(&bytes) {
                prop_assert!(payload.parts.iter().all(|part| part.window.last() <= MOST_DISTANCE));
                prop_assert!(!payload.frame.is_empty());
            }
        }
    }

    #[test]
    fn costs_one_byte_and_three_for_each_part() {
        let part = Part {
            window: Window::dense(1, 6, 2),
            symbols: vec![1; 2 * 61],
        };
        assert_eq!(
            write(Told::default(), &[part], &[7; 60]).len(),
            1 + 3 + 2 * 61 + 60
        );
        assert_eq!(write(Told::default(), &[], &[7; 60]).len(), 61);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        let error = |bytes: &[u8]| Payload::parse(bytes).unwrap_err();
        assert_eq!(error(&[]), PayloadError::Truncated);
        assert_eq!(error(&[0x01, 1]), PayloadError::Unknown);
        assert_eq!(error(&[0x00]), PayloadError::Frame);
        assert_eq!(error(&[0; MOST_FRAME + 2]), PayloadError::Frame);
        // 64 packets ago, and two copies of one frame.
        assert_eq!(error(&[0x20, 0xfc, 0x00, 1, 9, 9]), PayloadError::Window);
        assert_eq!(error(&[0x20, 0x00, 0x01, 1, 9, 9]), PayloadError::Window);
        assert_eq!(error(&[0x20, 0x00, 0x00, 0, 9, 9]), PayloadError::Symbol);
        assert_eq!(error(&[0x20, 0x00, 0x00, 3, 9, 9]), PayloadError::Truncated);
        assert_eq!(error(&[0x80, 14, 0, 0]), PayloadError::Truncated);
        assert_eq!(error(&[0x10, 1, 0]), PayloadError::Truncated);
    }

    #[test]
    fn a_window_shrinks_to_the_frames_there_are() {
        let window = Window::spread(2, 4, 3);
        assert_eq!(window.distances().collect::<Vec<_>>(), [2, 5, 8, 11]);
        assert_eq!(window.within(11), Some(window));
        assert_eq!(window.within(9), Some(Window::spread(2, 3, 3)));
        assert_eq!(window.within(4), Some(Window::copy(2)));
        assert_eq!(window.within(1), None);
    }
}
