//! How many packets the network loses, before any repair.

use super::recent::{Added, Recent};

/// Weight of one packet in the average: 4 s of packets of 20 ms.
const WEIGHT: f32 = 1.0 / 200.0;
/// More missing packets than this in a row are an outage; the average has
/// forgotten everything before them anyway.
const LONGEST_GAP: u64 = 1_000;

/// So many of 100 packets lost are no chance any more.
const CERTAIN: u32 = 2;

/// Counts losses and duplicates by sequence number.
#[derive(Debug, Default)]
pub(super) struct LossEstimator {
    seen: Recent,
    average: f32,
    lost: u64,
}

impl LossEstimator {
    /// Takes the sequence number of a packet.
    pub(super) fn observe(&mut self, sequence: u64) -> Added {
        let added = self.seen.add(sequence);
        match added {
            Added::Highest { missing } => self.count_new(missing),
            Added::Filled => self.count_reordered(),
            Added::Known => {}
        }
        added
    }

    /// Forgets the numbers, as after a sender's restart, but not the loss.
    pub(super) fn restart(&mut self) {
        self.seen = Recent::default();
    }

    /// Share of packets lost, 0 to 1, over about the last 4 s.
    pub(super) fn average(&self) -> f32 {
        self.average
    }

    /// Packets that never came.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether packets are lost for certain, not just late.
    pub(super) fn is_certain(&self) -> bool {
        self.seen.missing_of_100() >= CERTAIN
    }

    fn count_new(&mut self, missing: u64) {
        self.lost += missing;
        let kept = (1.0 - WEIGHT).powi(missing.min(LONGEST_GAP) as i32);
        self.average = self.average * kept + (1.0 - kept);
        self.average *= 1.0 - WEIGHT;
    }

    fn count_reordered(&mut self) {
        self.lost = self.lost.saturating_sub(1);
        self.average = (self.average - WEIGHT).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_lost_is_seen_as_a_tenth() {
        let mut loss = LossEstimator::default();
        for sequence in (0..2_000).filter(|n| n % 10 != 3) {
            loss.observe(sequence);
        }
        assert!((loss.average() - 0.1).abs() < 0.02, "{}", loss.average());
        assert_eq!(loss.lost(), 200);
        assert!(loss.is_certain());
    }

    #[test]
    fn reordering_is_no_loss() {
        let mut loss = LossEstimator::default();
        for pair in 0..1_000 {
            loss.observe(2 * pair + 1);
            assert_eq!(loss.observe(2 * pair), Added::Filled);
        }
        assert!(loss.average() < 0.001, "{}", loss.average());
        assert!(!loss.is_certain());
    }

    #[test]
    fn the_same_packet_twice_is_a_duplicate() {
        let mut loss = LossEstimator::default();
        assert_eq!(loss.observe(7), Added::Highest { missing: 0 });
        assert_eq!(loss.observe(7), Added::Known);
        assert_eq!(loss.observe(9), Added::Highest { missing: 1 });
        assert_eq!(loss.observe(8), Added::Filled);
        assert_eq!(loss.observe(8), Added::Known);
        assert_eq!(loss.observe(7), Added::Known);
    }
}
