//! What a receiver says about our stream, so that the sender can adapt.
//!
//! All counts run from the start of the stream and wrap: a report that is lost
//! costs nothing, because the next one says the same and more.

use crate::Missing;

/// Bytes of a report inside a packet.
const BYTES: usize = 20;

/// What the receiver of a stream has seen of it. Two reports are compared by
/// [`Report::since`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Low 16 bits of the highest sequence number that came.
    pub highest: u16,
    /// Packets up to `highest` that have not come, before any repair. A packet
    /// may be counted a little later than it was missed, so that one that was
    /// only overtaken is not counted.
    pub lost: u16,
    /// Runs of one or more lost packets in a row.
    pub runs: u16,
    /// Packets that came after one with a higher number had.
    pub overtaken: u16,
    /// Frames that were still missing when they had to be played.
    pub unrepaired: u16,
    /// How much longer packets take now, from their last sample to their
    /// arrival, than the fastest of late did, in milliseconds: what stands in a
    /// queue on the way. It is the least of some packets, so that jitter is no
    /// queue.
    pub queue_ms: u16,
    /// The receiver's clock in milliseconds when `highest` came: between two
    /// such moments just the bytes in between have passed, however packets fall.
    pub clock_ms: u16,
    /// Bytes that came, with [`crate::HEADER_BYTES`] for each packet: the counts
    /// of packets are of no use for that, as they tell of a loss late.
    pub bytes: u32,
    /// Interarrival jitter in milliseconds (RFC 3550, 6.4.1); 255 and more are 255.
    pub jitter_ms: u8,
    /// How long the receiver's own sound takes from its microphone to its
    /// packets, in milliseconds: the part of mouth to ear that only it knows.
    pub capture_ms: u8,
}

/// What a packet tells of the stream that its sender receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// What has become of it.
    pub report: Option<Report>,
    /// What of it is lacking.
    pub missing: Option<Missing>,
}

/// What happened between two reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Packets that the receiver should have got.
    pub expected: u16,
    /// Those of them that did not come.
    pub lost: u16,
    /// Runs in which they were lost.
    pub runs: u16,
    /// Packets that came after later ones.
    pub overtaken: u16,
    /// Frames that no repair brought back in time.
    pub unrepaired: u16,
    /// Milliseconds that passed between the newest packets.
    pub ms: u16,
    /// Bytes that came, headers included.
    pub bytes: u32,
}

impl Report {
    /// What happened since an earlier report; none when this one is not newer.
    pub fn since(&self, earlier: &Self) -> Option<Difference> {
        let expected = self.highest.wrapping_sub(earlier.highest);
        // Half of the numbers are ahead and half are behind (RFC 1982).
        if expected == 0 || expected > u16::MAX / 2 {
            return None;
        }
        // A packet that comes after it was counted lowers a count.
        let grown = |now: u16, then: u16| {
            let grown = now.wrapping_sub(then);
            if grown > u16::MAX / 2 { 0 } else { grown }
        };
        Some(Difference {
            expected,
            lost: grown(self.lost, earlier.lost).min(expected),
            runs: grown(self.runs, earlier.runs),
            overtaken: grown(self.overtaken, earlier.overtaken).min(expected),
            unrepaired: grown(self.unrepaired, earlier.unrepaired),
            ms: self.clock_ms.wrapping_sub(earlier.clock_ms),
            bytes: self.bytes.wrapping_sub(earlier.bytes),
        })
    }

    /// Appends the report as it stands in a packet, its length first.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(BYTES as u8);
        for field in [
            self.highest,
            self.lost,
            self.runs,
            self.overtaken,
            self.unrepaired,
            self.queue_ms,
            self.clock_ms,
        ] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        out.extend_from_slice(&self.bytes.to_be_bytes());
        out.extend_from_slice(&[self.jitter_ms, self.capture_ms]);
    }

    /// Reads a report and returns what follows it; none when it is cut off or
    /// too short. What a longer one has to say is passed over.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&length, rest) = bytes.split_first()?;
        let (body, rest) = rest.split_at_checked(usize::from(length))?;
        let (words, body) = body.split_first_chunk::<14>()?;
        let word = |index: usize| u16::from_be_bytes([words[2 * index], words[2 * index + 1]]);
        let (count, body) = body.split_first_chunk::<4>()?;
        let (&jitter_ms, body) = body.split_first()?;
        let report = Self {
            highest: word(0),
            lost: word(1),
            runs: word(2),
            overtaken: word(3),
            unrepaired: word(4),
            queue_ms: word(5),
            clock_ms: word(6),
            bytes: u32::from_be_bytes(*count),
            jitter_ms,
            capture_ms: *body.first()?,
        };
        Some((report, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: Report = Report {
        highest: 40_000,
        lost: 12,
        runs: 7,
        overtaken: 3,
        unrepaired: 1,
        queue_ms: 300,
        clock_ms: 65_000,
        bytes: 1 << 30,
        jitter_ms: 9,
        capture_ms: 25,
    };

    #[test]
    fn is_read_as_it_was_written_and_a_longer_one_too() {
        let mut bytes = Vec::new();
        REPORT.write(&mut bytes);
        assert_eq!(bytes.len(), 1 + BYTES);
        for cut in 0..bytes.len() {
            assert_eq!(Report::read(&bytes[..cut]), None, "{cut}");
        }
        bytes[0] += 2;
        bytes.extend_from_slice(&[1, 2, 3]);
        assert_eq!(Report::read(&bytes), Some((REPORT, &[3][..])));
    }

    #[test]
    fn counts_are_compared_across_their_wrap() {
        let later = Report {
            highest: 5,
            lost: 3,
            clock_ms: 100,
            bytes: 20,
            ..Report::default()
        };
        let earlier = Report {
            highest: u16::MAX - 4,
            lost: u16::MAX,
            clock_ms: u16::MAX - 99,
            bytes: u32::MAX - 79,
            ..Report::default()
        };
        let difference = later.since(&earlier).unwrap();
        assert_eq!((difference.expected, difference.lost), (10, 4));
        assert_eq!((difference.ms, difference.bytes), (200, 100));
        assert_eq!(earlier.since(&later), None);
        assert_eq!(later.since(&later), None);
    }

    #[test]
    fn a_late_packet_takes_its_loss_back() {
        let later = Report {
            highest: 20,
            lost: 3,
            ..REPORT
        };
        let earlier = Report {
            highest: 10,
            lost: 4,
            ..REPORT
        };
        assert_eq!(later.since(&earlier).unwrap().lost, 0);
    }
}
