//! The operating points: everything that the sender can choose, in one place.
//!
//! Figures of quality are PESQ-WB over the reference speech, with what remains
//! lost concealed by libopus' network. All rates count frames, repair symbols
//! and their heads; what networks add to a packet is [`HEADER_BYTES`].

use crate::{
    FRAME_SAMPLES, HEADER_BYTES, SAMPLE_RATE,
    codec::{Band, Deep},
    protect::Window,
};

/// What a rate that follows the line is lowered by when frames may differ in
/// length: speech is above the mean of speech and pauses.
const VARIABLE_SPEECH: f32 = 0.9;
/// Below this rate the full band costs more than it gives.
const LEAST_FULL: i32 = 26_000;
/// Below this rate longer frames, and repair as long, give more than short ones.
const LEAST_SHORT: i32 = 17_000;
/// The same where losses come in runs, as long as packets are: less.
const LEAST_BURSTS: i32 = 10_000;

/// Whom a point is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// Plain Opus: in-band FEC, and deep redundancy under heavy loss.
    Plain,
    /// Redundant audio: copies.
    Redundant,
    /// Another twocan: copies and combinations.
    Protected,
}

/// What in-band FEC (LBRR) prepares for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fec {
    /// Loss of so many percent; 0 is none.
    Percent(i32),
    /// What is lost.
    Loss,
}

/// What takes a point's place where the line has no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrow {
    /// Frames alone, and in-band FEC where they are short.
    Bare,
    /// Frames and what repairs them.
    Repaired,
}

/// One way of sending.
#[derive(Debug)]
pub(super) struct Point {
    /// What it is called in logs.
    pub(super) name: &'static str,
    /// From this share of lost packets on, 0 to 1.
    pub(super) loss: f32,
    /// And from this mean length of their runs on, compared with random loss.
    pub(super) run: f32,
    /// And from this share of overtaken packets on, 0 to 1.
    pub(super) overtaken: f32,
    /// Whether what the receiver lacks must come there in time when it is sent
    /// again.
    pub(super) answered: bool,
    /// Bits a second of the frames, and the least that it still makes sense at.
    pub(super) rate: i32,
    /// See there.
    pub(super) least: i32,
    /// Whether all frames are equally long, as combinations are as long as the
    /// longest of theirs.
    pub(super) constant: bool,
    /// How much of the spectrum is sent.
    pub(super) band: Band,
    /// In-band FEC.
    pub(super) fec: Fec,
    /// Deep redundancy, which is paid from the rate.
    pub(super) deep: Option<Deep>,
    /// What each packet carries of earlier frames.
    pub(super) windows: &'static [Window],
    /// How many frames that the receiver lacks a packet may carry again.
    pub(super) again: usize,
    /// Frames of 20 ms that one packet has as one Opus packet.
    pub(super) frames: usize,
    /// What takes its place on a narrow line.
    pub(super) narrow: Narrow,
}

/// In between nothing and everything.
const BASE: Point = Point {
    name: "",
    loss: 0.0,
    run: 0.0,
    overtaken: 0.0,
    answered: false,
    rate: 30_000,
    least: LEAST_FULL,
    constant: false,
    band: Band::Full,
    fec: Fec::Percent(0),
    deep: None,
    windows: &[],
    again: 0,
    frames: 1,
    narrow: Narrow::Bare,
};

/// Speech needs a little more than the mean: 30 kb/s are 31.8 while somebody
/// speaks, and PESQ 4.42.
pub(super) const START: Point = Point {
    name: "start",
    fec: Fec::Percent(5),
    ..BASE
};

/// By loss, the mildest first. 48 kb/s in all, but for the first. What is sent
/// again for the asking is part of that; it is a tenth at most.
///
/// None has deep redundancy. It takes 12 kb/s and more for sound that is only
/// like what was said, and what it takes the frames and symbols lack. At 48 kb/s
/// in all, PESQ without it and with the best that it gave (one symbol or copy
/// beside it): bursts of 3, 5 and 8 at 20 %: 3.9, 4.1, 3.3 and 3.7, 4.0, 3.3;
/// random 30, 40 and 50 %: 4.0, 3.9, 2.7 and 4.0, 3.1, 2.1; bursts of 5 at 30 %:
/// 3.6 and 3.3. A burst longer than the wait cannot be repaired by it either.
const PROTECTED: [Point; 10] = [
    Point {
        name: "clean",
        ..BASE
    },
    // A frame that waits for its own packet alone waits longer than one that later
    // packets may bring. Jitter with a standard deviation of 10, 20 and 40 ms:
    // PESQ 4.42, 4.39 and 4.34; chosen by late packets alone 4.38, 4.33 and 4.30,
    // and 12, 10 and 7 ms more delay.
    Point {
        name: "reordering",
        overtaken: 0.04,
        windows: &[Window::dense(1, 3, 1)],
        again: 0,
        ..ONE_SYMBOL
    },
    Point {
        name: "light",
        loss: 0.01,
        windows: &[Window::dense(1, 3, 1)],
        ..ONE_SYMBOL
    },
    // 10 % random: PESQ 4.39, the worst of 48 calls 4.17.
    Point {
        name: "moderate",
        loss: 0.04,
        windows: &[Window::dense(1, 5, 1)],
        narrow: Narrow::Repaired,
        ..ONE_SYMBOL
    },
    // 20 % random: PESQ 4.38, the worst of 24 calls 4.22; without anything sent
    // again 0.04 and 0.13 less.
    Point {
        name: "heavy",
        loss: 0.155,
        rate: 22_400,
        windows: &[Window::dense(1, 9, 1)],
        narrow: Narrow::Repaired,
        ..ONE_SYMBOL
    },
    // 30 % random: PESQ 4.05 (3.65 with frames of equal length).
    Point {
        name: "severe",
        loss: 0.265,
        rate: 13_500,
        constant: false,
        windows: &[Window::dense(1, 9, 2)],
        narrow: Narrow::Repaired,
        ..TWO_SYMBOLS
    },
    // 30 % random: PESQ 4.28; 3.84 where the answers come too late.
    Point {
        name: "severe, answered",
        loss: 0.265,
        answered: true,
        rate: 21_000,
        windows: &[Window::dense(1, 9, 1)],
        again: 1,
        narrow: Narrow::Repaired,
        ..ONE_SYMBOL
    },
    // 20 % in bursts of 3: PESQ 4.0.
    Point {
        name: "bursts",
        loss: 0.03,
        run: 1.6,
        rate: 14_900,
        least: LEAST_BURSTS,
        constant: false,
        windows: &[Window::spread(1, 3, 2), Window::copy(12)],
        ..TWO_SYMBOLS
    },
    // 20 % in bursts of 5: PESQ 3.8.
    Point {
        name: "long bursts",
        loss: 0.03,
        run: 2.6,
        rate: 14_900,
        least: LEAST_BURSTS,
        constant: false,
        windows: &[Window::copy(6), Window::copy(12)],
        ..TWO_SYMBOLS
    },
    // 20 % in bursts of 3 and 5: PESQ 4.1 and 3.9; 3.6 for 5 where the answers
    // come too late.
    Point {
        name: "bursts, answered",
        loss: 0.03,
        run: 1.6,
        answered: true,
        rate: 22_500,
        least: LEAST_BURSTS,
        constant: false,
        windows: &[Window::copy(12)],
        ..ONE_SYMBOL
    },
];

/// 57 bytes of a frame, 58 of a combination and 4 of heads: 47.6 kb/s. At this
/// rate the full band would cost 0.17 of PESQ.
const ONE_SYMBOL: Point = Point {
    again: 2,
    rate: 22_800,
    least: LEAST_SHORT,
    constant: true,
    band: Band::Wide,
    ..BASE
};

/// 38 bytes of a frame, two of 39 and 4 of heads: 48 kb/s.
const TWO_SYMBOLS: Point = Point {
    again: 1,
    rate: 15_200,
    least: 12_000,
    ..ONE_SYMBOL
};

/// Without deep redundancy, as above: random 20 and 30 %: PESQ 4.0 and 3.8, with
/// it and one copy 3.6 and 3.1; bursts of 5 and 8: 3.6 and 2.7 both ways.
const REDUNDANT: [Point; 3] = [
    Point {
        name: "clean, redundant",
        fec: Fec::Loss,
        ..BASE
    },
    Point {
        name: "one copy",
        loss: 0.02,
        constant: false,
        windows: &[Window::copy(2)],
        ..ONE_SYMBOL
    },
    Point {
        name: "two copies",
        loss: 0.08,
        constant: false,
        windows: &[Window::copy(2), Window::copy(6)],
        ..TWO_SYMBOLS
    },
];

/// 10, 20 and 30 % random and 20 % in bursts of 5: PESQ 3.6, 2.9, 2.4 and 2.3 at
/// the rate of a clean line, 4.0, 3.2, 2.6 and 2.5 at the higher one.
const PLAIN: [Point; 3] = [
    Point {
        name: "plain",
        fec: Fec::Loss,
        ..BASE
    },
    Point {
        name: "plain, loss",
        loss: 0.08,
        ..PLAIN_LOSS
    },
    // 20 and 30 % random, bursts of 5: PESQ 3.4, 2.7 and 1.9 with a listener
    // that does not wait for the redundancy, 3.7, 3.3 and 2.8 with ours, which
    // waits for 160 ms.
    Point {
        name: "plain, heavy loss",
        loss: 0.2,
        deep: Some(Deep {
            ms: 1_000,
            percent: 20,
        }),
        ..PLAIN_LOSS
    },
];

const PLAIN_LOSS: Point = Point {
    rate: 46_000,
    least: 13_000,
    band: Band::Wide,
    fec: Fec::Loss,
    ..BASE
};

/// By what the line carries, the widest first: headers of frames of 20 ms alone
/// are 24 kb/s. At 24 kb/s in all, frames of 60 ms leave 16 for sound.
const NARROW: [Point; 3] = [
    Point {
        name: "narrow, 20 ms",
        rate: LEAST_FULL,
        least: 19_000,
        ..NARROWED
    },
    Point {
        name: "narrow, 40 ms",
        rate: 30_000,
        least: 15_000,
        frames: 2,
        ..NARROWED
    },
    LAST,
];

/// What is left when nothing else fits.
pub(super) const LAST: Point = Point {
    name: "narrow, 60 ms",
    rate: 20_000,
    least: 6_000,
    frames: 3,
    ..NARROWED
};

const NARROWED: Point = Point {
    band: Band::Wide,
    fec: Fec::Loss,
    ..BASE
};

/// The same for a line that loses packets, too: repair and half of the headers.
/// Random loss of 5 % on 32, 40 and 56 kb/s, of 10 % on 48 and 64, of 20 % on 40:
/// PESQ 3.2, 3.6, 4.2, 3.9, 4.0 and 3.0; bare, or repaired in short frames, 3.1,
/// 3.3, 3.4, 3.5, 3.6 and 2.4. Of losses in runs, which grow with the packets,
/// this repairs nothing.
const NARROW_REPAIRED: [Point; 3] = [
    Point {
        name: "narrow, 40 ms, repaired",
        least: 9_000,
        windows: &[Window::dense(1, 3, 1)],
        frames: 2,
        ..ONE_SYMBOL
    },
    Point {
        name: "narrow, 60 ms, repaired",
        least: 7_000,
        windows: &[Window::dense(1, 2, 1)],
        frames: 3,
        ..ONE_SYMBOL
    },
    LAST,
];

/// The points that take the place of one on a narrow line, the widest first.
pub(super) fn narrow(kind: Narrow) -> &'static [Point] {
    match kind {
        Narrow::Bare => &NARROW,
        Narrow::Repaired => &NARROW_REPAIRED,
    }
}

/// The points that are chosen by loss.
pub(super) fn points(carrier: Carrier) -> &'static [Point] {
    match carrier {
        Carrier::Plain => &PLAIN,
        Carrier::Redundant => &REDUNDANT,
        Carrier::Protected => &PROTECTED,
    }
}

impl Point {
    /// Packets a second.
    fn packets(&self) -> f32 {
        SAMPLE_RATE as f32 / (self.frames * FRAME_SAMPLES) as f32
    }

    /// Bits a second that are no frame and no copy of one.
    fn heads(&self) -> f32 {
        let parts: usize = self.windows.iter().map(Window::head_bytes).sum();
        self.packets() * 8.0 * (HEADER_BYTES + 1 + parts) as f32
    }

    /// How many frames' worth of bytes a packet carries.
    fn symbols(&self) -> f32 {
        let symbols: usize = self.windows.iter().map(Window::symbols).sum();
        1.0 + symbols as f32
    }

    /// How many frames a packet may carry again while the line is narrow: only
    /// where nothing else repairs as much.
    pub(super) fn again_within(&self, line: Option<f32>) -> usize {
        match line {
            Some(_) if !self.answered => 0,
            _ => self.again,
        }
    }

    /// The rate of frames that a line of so many bits a second has room for when
    /// such a share of packets is lost, at most the full one. It may be below
    /// the least.
    pub(super) fn rate_within(&self, line: Option<f32>, lost: f32) -> i32 {
        if line.is_none() {
            return self.rate;
        }
        let again = if self.again_within(line) > 0 {
            lost
        } else {
            0.0
        };
        let part = if self.constant { 1.0 } else { VARIABLE_SPEECH };
        let room = line.map_or(0.0, |line| (line - self.heads()).max(0.0));
        let room = room / (self.symbols() + again) * part;
        self.rate.min(room as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protect::MOST_PARTS;

    #[test]
    fn no_point_exceeds_what_is_allowed() {
        for carrier in [Carrier::Plain, Carrier::Redundant, Carrier::Protected] {
            for (index, point) in points(carrier).iter().enumerate() {
                let overhead = point.packets() * 8.0 * HEADER_BYTES as f32;
                let payload = point.rate as f32 * point.symbols() + point.heads() - overhead;
                let most = if index == 0 { 32_000.0 } else { 48_600.0 };
                assert!(payload <= most, "{}: {payload}", point.name);
                assert!(point.least <= point.rate);
                assert!(point.windows.len() + point.again <= MOST_PARTS);
            }
        }
    }

    #[test]
    fn the_first_point_is_for_no_loss_and_has_the_full_band() {
        for carrier in [Carrier::Plain, Carrier::Redundant, Carrier::Protected] {
            let first = &points(carrier)[0];
            assert!(first.loss == 0.0 && first.run == 0.0);
            assert_eq!(first.band, Band::Full);
        }
    }

    #[test]
    fn a_narrow_line_gets_long_frames() {
        let chosen = |line| {
            let fits = |point: &&Point| point.rate_within(Some(line), 0.0) >= point.least;
            NARROW.iter().find(fits).map(|point| point.frames)
        };
        assert_eq!(chosen(50_000.0), Some(1));
        assert_eq!(chosen(32_000.0), Some(2));
        assert_eq!(chosen(24_000.0), Some(3));
        assert_eq!(LAST.rate_within(Some(0.0), 0.0), 0);
    }
}
