//! The window code: combinations of earlier frames on the sender's side, and
//! their solution on the receiver's (the idea of RFC 8681).
//!
//! A combination is the sum, in GF(256), of the frames of a [`Window`], each
//! with its length in one byte before it, zeros behind it, and multiplied by its
//! coefficient. Coefficients are fixed for each row and distance, so that
//! they need no room in the packet.

use std::collections::{BTreeMap, VecDeque};

use super::{
    gf256::{add_scaled, inverse, multiply, scale},
    payload::{MOST_DISTANCE, MOST_REPAIRED, PREFIX, Part, Window},
};

/// Frames that the receiver keeps, by their sequence numbers. What is older
/// than two windows cannot take part in any later solution.
pub(super) const HORIZON: u64 = 2 * MOST_DISTANCE + 2;
/// Equations that wait for more: three for each packet of a window.
const MOST_EQUATIONS: usize = 3 * MOST_DISTANCE as usize;

/// Rows of coefficients.
const ROWS: usize = 4;

/// Coefficients by row and distance: random ones, none zero, drawn once. Of
/// 4,900 patterns of loss in seven schemes, bursts up to 12 among them, these
/// solve all that can be solved.
const COEFFICIENTS: [[u8; MOST_DISTANCE as usize + 1]; ROWS] = coefficients();

const fn coefficients() -> [[u8; MOST_DISTANCE as usize + 1]; ROWS] {
    let mut table = [[0; MOST_DISTANCE as usize + 1]; ROWS];
    // The generator of Lehmer with the constants of Park and Miller, 1988.
    let mut state: u64 = 1;
    let mut row = 0;
    while row < ROWS {
        let mut distance = 0;
        while distance <= MOST_DISTANCE as usize {
            state = state * 48_271 % 0x7fff_ffff;
            table[row][distance] = (state % 255) as u8 + 1;
            distance += 1;
        }
        row += 1;
    }
    table
}

fn coefficient(row: u8, distance: u64) -> u8 {
    COEFFICIENTS[usize::from(row) % ROWS][(distance % (MOST_DISTANCE + 1)) as usize]
}

/// A frame as it stands in a combination.
fn prefixed(frame: &[u8]) -> Vec<u8> {
    let length = (frame.len() & 0xff) as u8;
    [&[length], frame].concat()
}

/// The frame in what was solved; none when that is no frame with zeros behind it.
fn unprefixed(solved: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = solved.split_first()?;
    let (frame, padding) = rest.split_at_checked(usize::from(length))?;
    let sound = !frame.is_empty() && padding.iter().all(|&byte| byte == 0);
    sound.then_some(frame)
}

/// The frames that were sent of late, the newest first.
#[derive(Debug, Default)]
pub(super) struct Sent(VecDeque<Vec<u8>>);

impl Sent {
    /// Remembers the frame of a packet. One that is too long to be repaired
    /// begins a new row, without being in it.
    pub(super) fn push(&mut self, frame: Vec<u8>) {
        if frame.len() > MOST_REPAIRED {
            self.0.clear();
            return;
        }
        self.0.push_front(frame);
        self.0.truncate(MOST_DISTANCE as usize);
    }

    /// Forgets all frames.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The frame so many packets before the next one, from 1.
    pub(super) fn at(&self, distance: u64) -> Option<&[u8]> {
        let index = usize::try_from(distance).ok()?.checked_sub(1)?;
        self.0.get(index).map(Vec::as_slice)
    }

    /// What the next packet can carry for a window, as far as it reaches back
    /// to frames that were sent.
    pub(super) fn part(&self, window: Window) -> Option<Part<Vec<u8>>> {
        let window = window.within(self.0.len() as u64)?;
        if window.is_copy() {
            let symbols = self.at(window.last())?.to_vec();
            return Some(Part { window, symbols });
        }
        let frames: Vec<_> = window
            .distances()
            .filter_map(|distance| Some((distance, prefixed(self.at(distance)?))))
            .collect();
        let longest = frames.iter().map(|(_, frame)| frame.len()).max()?;
        let mut symbols = Vec::with_capacity(longest * window.rows().len());
        for row in window.rows() {
            let mut symbol = vec![0; longest];
            for (distance, frame) in &frames {
                add_scaled(&mut symbol, frame, coefficient(row, *distance));
            }
            symbols.extend_from_slice(&symbol);
        }
        Some(Part { window, symbols })
    }
}

/// A sum of missing frames that is known.
#[derive(Debug)]
struct Equation {
    /// Sequence numbers of the missing frames and their coefficients, none of
    /// them zero, the oldest first. The first has coefficient 1 and stands in no
    /// other equation.
    terms: Vec<(u64, u8)>,
    sum: Vec<u8>,
}

impl Equation {
    fn factor(&self, sequence: u64) -> Option<u8> {
        let place = self.terms.binary_search_by_key(&sequence, |term| term.0);
        place.ok().map(|place| self.terms[place].1)
    }

    /// Takes a frame that is known out of the sum; false when it cannot have
    /// been in it.
    fn substitute(&mut self, sequence: u64, frame: &[u8]) -> bool {
        let place = self.terms.binary_search_by_key(&sequence, |term| term.0);
        let Ok(place) = place else {
            return true;
        };
        if frame.len() + PREFIX > self.sum.len() {
            return false;
        }
        let (_, factor) = self.terms.remove(place);
        add_scaled(&mut self.sum, &prefixed(frame), factor);
        true
    }

    /// Adds another equation so that `sequence`, which stands in both, falls out.
    fn eliminate(&mut self, sequence: u64, other: &Self) {
        let (Some(here), Some(there)) = (self.factor(sequence), other.factor(sequence)) else {
            return;
        };
        let factor = multiply(here, inverse(there));
        if self.sum.len() < other.sum.len() {
            self.sum.resize(other.sum.len(), 0);
        }
        add_scaled(&mut self.sum, &other.sum, factor);
        let mut terms: BTreeMap<u64, u8> = self.terms.iter().copied().collect();
        for &(sequence, coefficient) in &other.terms {
            *terms.entry(sequence).or_insert(0) ^= multiply(coefficient, factor);
        }
        self.terms = terms.into_iter().filter(|term| term.1 != 0).collect();
    }

    fn normalize(&mut self) {
        let Some(&(_, first)) = self.terms.first() else {
            return;
        };
        let factor = inverse(first);
        scale(&mut self.sum, factor);
        for (_, coefficient) in &mut self.terms {
            *coefficient = multiply(*coefficient, factor);
        }
    }
}

/// A frame that was repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Solved {
    /// Its sequence number.
    pub(super) sequence: u64,
    /// The frame.
    pub(super) frame: Vec<u8>,
}

/// Solves combinations for missing frames by Gaussian elimination, and keeps
/// what it knows for [`HORIZON`] packets.
#[derive(Debug, Default)]
pub(super) struct Solver {
    newest: u64,
    known: BTreeMap<u64, Vec<u8>>,
    equations: Vec<Equation>,
}

impl Solver {
    /// Takes the frame of a packet, and returns what is solved by it; none
    /// when that frame was known, or is older than all that is kept.
    pub(super) fn frame(&mut self, sequence: u64, frame: &[u8]) -> Option<Vec<Solved>> {
        self.advance(sequence);
        if self.is_old(sequence) || self.known.contains_key(&sequence) {
            return None;
        }
        self.known.insert(sequence, frame.to_vec());
        let solved = self.substitute(sequence, frame);
        Some(solved)
    }

    /// Takes a part of the packet with this sequence number, and returns what
    /// is solved by it. A part that contradicts what is known is dropped.
    pub(super) fn part(&mut self, sequence: u64, part: &Part<&[u8]>) -> Vec<Solved> {
        let window = part.window;
        let Some(oldest) = sequence.checked_sub(window.last()) else {
            return Vec::new();
        };
        if self.is_old(oldest) {
            return Vec::new();
        }
        if window.is_copy() {
            let repaired = self.frame(oldest, part.symbols);
            return repaired.map_or_else(Vec::new, |mut solved| {
                solved.push(Solved {
                    sequence: oldest,
                    frame: part.symbols.to_vec(),
                });
                solved
            });
        }
        let length = window.symbol_length(part.symbols.len());
        for (row, symbol) in window.rows().zip(part.symbols.chunks_exact(length)) {
            if let Some(equation) = self.equation(sequence, window, row, symbol) {
                self.add(equation);
            }
        }
        self.harvest()
    }

    /// What a combination says of the frames that are missing; none when that
    /// contradicts what is known.
    fn equation(&self, sequence: u64, window: Window, row: u8, symbol: &[u8]) -> Option<Equation> {
        let mut terms: Vec<_> = window
            .distances()
            .map(|distance| (sequence - distance, coefficient(row, distance)))
            .collect();
        terms.reverse();
        let mut equation = Equation {
            terms,
            sum: symbol.to_vec(),
        };
        let consistent = window.distances().all(|distance| {
            let frame = self.known.get(&(sequence - distance));
            frame.is_none_or(|frame| equation.substitute(sequence - distance, frame))
        });
        consistent.then_some(equation)
    }

    /// Whether a frame is here, or too old to be missed.
    pub(super) fn knows(&self, sequence: u64) -> bool {
        self.is_old(sequence) || self.known.contains_key(&sequence)
    }

    fn is_old(&self, sequence: u64) -> bool {
        sequence + HORIZON <= self.newest
    }

    fn advance(&mut self, sequence: u64) {
        if sequence <= self.newest {
            return;
        }
        self.newest = sequence;
        let oldest = sequence.saturating_sub(HORIZON - 1);
        self.known = self.known.split_off(&oldest);
        // The first term is the oldest, so no other equation has an old one.
        self.equations
            .retain(|equation| equation.terms.first().is_some_and(|term| term.0 >= oldest));
    }

    /// A frame became known: takes it out of all equations.
    fn substitute(&mut self, sequence: u64, frame: &[u8]) -> Vec<Solved> {
        let (touched, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.equations)
            .into_iter()
            .partition(|equation| equation.factor(sequence).is_some());
        self.equations = rest;
        for mut equation in touched {
            if equation.substitute(sequence, frame) {
                self.add(equation);
            }
        }
        self.harvest()
    }

    /// Brings an equation into line with the others: the first term of each
    /// stands in no other.
    fn add(&mut self, mut equation: Equation) {
        for other in &self.equations {
            if let Some(&(first, _)) = other.terms.first() {
                equation.eliminate(first, other);
            }
        }
        equation.normalize();
        let Some(&(first, _)) = equation.terms.first() else {
            return;
        };
        for other in &mut self.equations {
            other.eliminate(first, &equation);
        }
        if self.equations.len() == MOST_EQUATIONS {
            self.equations.remove(0);
        }
        self.equations.push(equation);
    }

    /// Takes out the equations that have one frame left.
    fn harvest(&mut self) -> Vec<Solved> {
        let (single, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.equations)
            .into_iter()
            .partition(|equation| equation.terms.len() == 1);
        self.equations = rest;
        let mut solved = Vec::with_capacity(single.len());
        for equation in single {
            let sequence = equation.terms[0].0;
            let Some(frame) = unprefixed(&equation.sum) else {
                continue;
            };
            self.known.insert(sequence, frame.to_vec());
            solved.push(Solved {
                sequence,
                frame: frame.to_vec(),
            });
        }
        solved
    }
}
