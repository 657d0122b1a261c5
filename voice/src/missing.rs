//! What a receiver lacks and could still play, so that it can be sent again.
//!
//! It rides on packets that are sent anyway, 50 a second, and says each time all
//! that is missing: one that is lost costs 20 ms and no more.

/// Bytes of it inside a packet.
const BYTES: usize = 3;

/// Frames that would still be in time, and that no redundancy has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missing {
    /// Low 8 bits of the highest sequence number that came.
    pub newest: u8,
    /// Bit n stands for the frame n + 1 packets before that.
    pub frames: u16,
}

impl Missing {
    /// How many packets before the newest one it can name: 320 ms of frames of
    /// 20 ms.
    pub(crate) const REACH: u64 = u16::BITS as u64;

    /// The frames among those before `newest` that `is_missing` names by their
    /// sequence numbers; none when there are none.
    pub(crate) fn before(newest: u64, is_missing: impl Fn(u64) -> bool) -> Option<Self> {
        let of = |n: u64| newest.checked_sub(n + 1).is_some_and(&is_missing);
        let bits = (0..Self::REACH).filter(|&n| of(n));
        let frames = bits.fold(0, |frames, n| frames | 1 << n);
        (frames != 0).then_some(Self {
            newest: newest as u8,
            frames,
        })
    }

    /// The highest sequence number that came there, given that it is below
    /// `next`; none when that cannot be.
    pub(crate) fn newest(&self, next: u64) -> Option<u64> {
        let last = next.checked_sub(1)?;
        last.checked_sub(u64::from((last as u8).wrapping_sub(self.newest)))
    }

    /// The sequence numbers of the frames, given that of the newest packet; the
    /// oldest first.
    pub(crate) fn sequences(&self, newest: u64) -> impl Iterator<Item = u64> {
        let frames = self.frames;
        let named = (0..Self::REACH).rev().filter(move |n| frames >> n & 1 == 1);
        named.filter_map(move |n| newest.checked_sub(n + 1))
    }

    /// Appends it as it stands in a packet.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.newest);
        out.extend_from_slice(&self.frames.to_be_bytes());
    }

    /// Reads it and returns what follows; none when it is cut off.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&[newest, high, low], rest) = bytes.split_first_chunk::<BYTES>()?;
        let frames = u16::from_be_bytes([high, low]);
        Some((Self { newest, frames }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_found_again_across_their_wrap() {
        for newest in [0, 3, 255, 256, 70_000] {
            let lacks = |sequence| [3, 250, 253, 254, 69_984, 69_999].contains(&sequence);
            let wanted: Vec<u64> = (newest.max(16) - 16..newest)
                .filter(|&s| lacks(s))
                .collect();
            let Some(missing) = Missing::before(newest, lacks) else {
                assert!(wanted.is_empty());
                continue;
            };
            let mut bytes = Vec::new();
            missing.write(&mut bytes);
            let (read, rest) = Missing::read(&bytes).unwrap();
            assert_eq!((read, rest.len()), (missing, 0));
            for next in [newest + 1, newest + 200] {
                assert_eq!(read.newest(next), Some(newest));
            }
            assert_eq!(read.sequences(newest).collect::<Vec<_>>(), wanted);
        }
        assert_eq!(Missing::read(&[1, 2]), None);
        assert_eq!(Missing::default().newest(0), None);
    }
}
