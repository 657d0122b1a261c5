//! How many packets the network loses, before any repair.

/// Weight of one packet in the average: 4 s of packets of 20 ms.
const WEIGHT: f32 = 1.0 / 200.0;
/// More missing packets than this in a row are an outage; the average has
/// forgotten everything before them anyway.
const LONGEST_GAP: u64 = 1_000;
/// From this loss on it pays to wait for the packet that repairs the one before.
const WORTH_WAITING: f32 = 0.01;
/// Below this loss it no longer does.
const NOT_WORTH_WAITING: f32 = 0.004;
/// How many sequence numbers below the highest are remembered one by one.
const REMEMBERED: u64 = 128;

/// Counts losses and duplicates by sequence number.
#[derive(Debug, Default)]
pub(super) struct LossEstimator {
    highest: Option<u64>,
    /// Bit n is set when the packet `highest - n` has come.
    seen: u128,
    average: f32,
    worth_waiting: bool,
    lost: u64,
}

/// What a sequence number says about its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The highest number so far; so many before it are missing.
    New {
        /// Numbers skipped.
        missing: u64,
    },
    /// It was missing, and comes after later ones.
    Reordered,
    /// It has come before, or is too old to tell.
    Duplicate,
}

impl LossEstimator {
    /// Takes the sequence number of a packet.
    pub(super) fn observe(&mut self, sequence: u64) -> Arrival {
        let arrival = self.classify(sequence);
        match arrival {
            Arrival::New { missing } => self.count_new(sequence, missing),
            Arrival::Reordered => self.count_reordered(sequence),
            Arrival::Duplicate => {}
        }
        if self.average >= WORTH_WAITING {
            self.worth_waiting = true;
        } else if self.average < NOT_WORTH_WAITING {
            self.worth_waiting = false;
        }
        arrival
    }

    /// Forgets the numbers, as after a sender's restart, but not the loss.
    pub(super) fn restart(&mut self) {
        self.highest = None;
        self.seen = 0;
    }

    /// Share of packets lost, 0 to 1, over about the last 4 s.
    pub(super) fn average(&self) -> f32 {
        self.average
    }

    /// Packets that never came.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether enough is lost to delay everything by one packet for repair.
    pub(super) fn worth_waiting(&self) -> bool {
        self.worth_waiting
    }

    fn classify(&self, sequence: u64) -> Arrival {
        let Some(highest) = self.highest else {
            return Arrival::New { missing: 0 };
        };
        if sequence > highest {
            return Arrival::New {
                missing: sequence - highest - 1,
            };
        }
        let age = highest - sequence;
        if age >= REMEMBERED || self.seen & (1 << age) != 0 {
            return Arrival::Duplicate;
        }
        Arrival::Reordered
    }

    fn count_new(&mut self, sequence: u64, missing: u64) {
        let advance = self.highest.map_or(0, |highest| sequence - highest);
        self.seen = if advance < REMEMBERED {
            self.seen << advance
        } else {
            0
        };
        self.seen |= 1;
        self.highest = Some(sequence);
        self.lost += missing;
        let kept = (1.0 - WEIGHT).powi(missing.min(LONGEST_GAP) as i32);
        self.average = self.average * kept + (1.0 - kept);
        self.average *= 1.0 - WEIGHT;
    }

    fn count_reordered(&mut self, sequence: u64) {
        let age = self.highest.map_or(0, |highest| highest - sequence);
        self.seen |= 1 << age;
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
        assert!(loss.worth_waiting());
    }

    #[test]
    fn reordering_is_no_loss() {
        let mut loss = LossEstimator::default();
        for pair in 0..1_000 {
            loss.observe(2 * pair + 1);
            assert_eq!(loss.observe(2 * pair), Arrival::Reordered);
        }
        assert!(loss.average() < 0.001, "{}", loss.average());
        assert!(!loss.worth_waiting());
    }

    #[test]
    fn the_same_packet_twice_is_a_duplicate() {
        let mut loss = LossEstimator::default();
        assert_eq!(loss.observe(7), Arrival::New { missing: 0 });
        assert_eq!(loss.observe(7), Arrival::Duplicate);
        assert_eq!(loss.observe(9), Arrival::New { missing: 1 });
        assert_eq!(loss.observe(8), Arrival::Reordered);
        assert_eq!(loss.observe(8), Arrival::Duplicate);
        assert_eq!(loss.observe(7), Arrival::Duplicate);
    }
}
