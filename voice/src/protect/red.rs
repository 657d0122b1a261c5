//! Redundant audio (RFC 2198), for everybody who is no twocan: whole earlier
//! frames beside the newest.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-------------+---------------------------+-------------------+
//! |1| payload type|      timestamp offset     |      length       |
//! +-+-------------+---------------------------+-------------------+
//! |0| payload type| of the newest frame, which has the rest
//! +-+-------------+
//! ```

use super::PayloadError;

/// Blocks before the newest one that are looked at; a packet with more is refused.
const MOST_BLOCKS: usize = 16;
/// Offsets have 14 bits, in samples: 341 ms at 48 kHz.
const MOST_OFFSET: u32 = (1 << 14) - 1;
/// Lengths have 10 bits.
const MOST_LENGTH: usize = (1 << 10) - 1;
const FOLLOWED: u8 = 0x80;

/// An earlier frame in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// How much earlier it is than the newest, in samples at 48 kHz.
    pub(super) offset: u32,
    /// The Opus packet.
    pub(super) frame: &'a [u8],
}

/// Puts a payload together whose blocks have the payload type `opus`; the
/// oldest block goes first. Blocks that do not fit into the header are left out.
pub(super) fn pack(opus: u8, blocks: &[Block<'_>], newest: &[u8]) -> Vec<u8> {
    let kind = opus & !FOLLOWED;
    let mut fitting: Vec<_> = blocks
        .iter()
        .filter(|block| {
            (1..=MOST_OFFSET).contains(&block.offset)
                && (1..=MOST_LENGTH).contains(&block.frame.len())
        })
        .take(MOST_BLOCKS)
        .collect();
    fitting.sort_by_key(|block| std::cmp::Reverse(block.offset));
    let length: usize = fitting.iter().map(|block| 4 + block.frame.len()).sum();
    let mut out = Vec::with_capacity(length + 1 + newest.len());
    for block in &fitting {
        let word = block.offset << 10 | block.frame.len() as u32;
        let [_, high, middle, low] = word.to_be_bytes();
        out.extend_from_slice(&[FOLLOWED | kind, high, middle, low]);
    }
    out.push(kind);
    for block in &fitting {
        out.extend_from_slice(block.frame);
    }
    out.extend_from_slice(newest);
    out
}

/// Takes a payload apart: the blocks of payload type `opus`, and the newest frame.
///
/// # Errors
/// When a length is wrong, or the newest frame is missing or of another type.
pub(super) fn unpack(opus: u8, payload: &[u8]) -> Result<(Vec<Block<'_>>, &[u8]), PayloadError> {
    let mut heads = Vec::new();
    let mut rest = payload;
    let newest = loop {
        let (&kind, after) = rest.split_first().ok_or(PayloadError::Truncated)?;
        if kind & FOLLOWED == 0 {
            rest = after;
            break kind;
        }
        if heads.len() == MOST_BLOCKS {
            return Err(PayloadError::Unknown);
        }
        let (&[high, middle, low], after) =
            after.split_first_chunk().ok_or(PayloadError::Truncated)?;
        let word = u32::from_be_bytes([0, high, middle, low]);
        heads.push((kind & !FOLLOWED, word >> 10, word as usize & MOST_LENGTH));
        rest = after;
    };
    let mut blocks = Vec::with_capacity(heads.len());
    for (kind, offset, length) in heads {
        let frame;
        (frame, rest) = rest
            .split_at_checked(length)
            .ok_or(PayloadError::Truncated)?;
        if kind == opus && !frame.is_empty() {
            blocks.push(Block { offset, frame });
        }
    }
    if newest != opus || rest.is_empty() {
        return Err(PayloadError::Frame);
    }
    Ok((blocks, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_the_layout_of_the_standard() {
        let blocks = [Block {
            offset: 960,
            frame: &[1, 2],
        }];
        let packed = pack(111, &blocks, &[9]);
        assert_eq!(packed, [0x80 | 111, 0x0f, 0x00, 0x02, 111, 1, 2, 9]);
        assert_eq!(unpack(111, &packed), Ok((blocks.to_vec(), &[9][..])));
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let long = [0; MOST_LENGTH + 1];
        let blocks = [
            Block {
                offset: MOST_OFFSET + 1,
                frame: &[1],
            },
            Block {
                offset: 960,
                frame: &long,
            },
            Block {
                offset: 1_920,
                frame: &[2],
            },
        ];
        let packed = pack(111, &blocks, &[9]);
        assert_eq!(unpack(111, &packed).unwrap().0, &blocks[2..]);
    }

    #[test]
    fn wrong_payloads_are_errors() {
        assert_eq!(unpack(111, &[]), Err(PayloadError::Truncated));
        assert_eq!(unpack(111, &[111]), Err(PayloadError::Frame));
        assert_eq!(unpack(111, &[96, 1]), Err(PayloadError::Frame));
        let cut = [0x80 | 111, 0, 0, 9, 111, 1];
        assert_eq!(unpack(111, &cut), Err(PayloadError::Truncated));
        assert_eq!(unpack(111, &[0xff; 400]), Err(PayloadError::Unknown));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_payload_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((blocks, newest)) = unpack(0x7f, &bytes) {
                let held: usize = blocks.iter().map(|block| block.frame.len()).sum();
                prop_assert!(held + newest.len() < bytes.len());
            }
        }
    }
}
