//! Which of the last sequence numbers have been seen.

/// How many numbers below the highest are remembered one by one.
const REMEMBERED: u64 = 128;

/// Numbers below the highest that may still come.
const SETTLED: u32 = 25;

/// A set of sequence numbers that forgets all but the last 128.
#[derive(Debug, Default, Clone)]
pub(super) struct Recent {
    highest: Option<u64>,
    /// Bit n is set when `highest - n` is in the set.
    seen: u128,
}

/// What a number is to the set that it is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// The highest so far; so many before it are missing.
    Highest {
        /// Numbers skipped.
        missing: u64,
    },
    /// It was missing, and comes after higher ones.
    Filled,
    /// It is there already, or is too old to tell.
    Known,
}

impl Recent {
    /// How many of 100 numbers are missing that should have come half a second
    /// or more ago (25 packets of 20 ms), so that none is only overtaken.
    pub(super) fn missing_of_100(&self) -> u32 {
        let settled = self.seen >> SETTLED & ((1 << 100) - 1);
        let began = u128::BITS - self.seen.leading_zeros();
        began.saturating_sub(SETTLED).min(100) - settled.count_ones()
    }

    /// Adds a number.
    pub(super) fn add(&mut self, number: u64) -> Added {
        let Some(highest) = self.highest else {
            (self.highest, self.seen) = (Some(number), 1);
            return Added::Highest { missing: 0 };
        };
        if number > highest {
            let advance = number - highest;
            let kept = if advance < REMEMBERED {
                self.seen << advance
            } else {
                0
            };
            (self.highest, self.seen) = (Some(number), kept | 1);
            return Added::Highest {
                missing: advance - 1,
            };
        }
        let age = highest - number;
        if age >= REMEMBERED || self.seen & (1 << age) != 0 {
            return Added::Known;
        }
        self.seen |= 1 << age;
        Added::Filled
    }
}
