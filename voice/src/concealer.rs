//! Sound in the place of what is lost: from deep redundancy where a later
//! packet has it, invented otherwise, and in the end silence.

use crate::{
    codec::{CodecError, Decoder, Redundancy},
    jitter::Later,
};

/// libopus conceals in steps of 2.5 ms.
const STEP: usize = 120;
/// So much invented sound in a row is as loud as it comes: 100 ms.
const FULL: usize = 4_800;
/// After so much it has faded to silence, for nobody speaks on in one vowel:
/// 400 ms.
const SILENT: usize = 19_200;
/// What is parsed beyond the sound that is missing: less parses too little.
const MARGIN: usize = 1_920;
/// Deep redundancy reaches no farther than this: 1.04 s.
const MOST_DISTANCE: usize = 49_920;

/// Fills in for lost packets.
#[derive(Debug, Default)]
pub(crate) struct Concealer {
    /// Made when it is needed first.
    redundancy: Option<Redundancy>,
    /// Sequence number of the packet that was parsed last, and how many samples
    /// before it its redundancy begins.
    parsed: Option<(u64, usize)>,
    /// Samples invented in a row.
    invented: usize,
}

/// How lost sound was filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// From deep redundancy.
    Repaired,
    /// By guessing.
    Invented,
}

impl Concealer {
    /// Notes that real sound has been played.
    pub(crate) fn end(&mut self) {
        self.invented = 0;
    }

    /// Fills `pcm` (48 kHz mono) with what may have been said.
    pub(crate) fn fill(
        &mut self,
        decoder: &mut Decoder,
        later: Option<&Later>,
        pcm: &mut [f32],
    ) -> Filled {
        let whole = pcm.len() / STEP * STEP;
        let (sound, rest) = pcm.split_at_mut(whole);
        rest.fill(0.0);
        if let Some(later) = later
            && self.reaches(later)
            && let Some(redundancy) = &self.redundancy
            && decoder
                .decode_deep(redundancy, later.distance, sound)
                .is_ok()
        {
            self.invented = 0;
            return Filled::Repaired;
        }
        if self.invented >= SILENT || whole == 0 {
            sound.fill(0.0);
        } else if let Err(error) = decoder.conceal(sound) {
            tracing::debug!(%error, "nothing could be invented");
            sound.fill(0.0);
        }
        self.fade(sound);
        Filled::Invented
    }

    fn fade(&mut self, sound: &mut [f32]) {
        for (index, sample) in sound.iter_mut().enumerate() {
            let left = SILENT.saturating_sub(self.invented + index);
            *sample *= (left as f32 / (SILENT - FULL) as f32).min(1.0);
        }
        self.invented += sound.len();
    }

    /// Whether the redundancy of a later packet describes what is missing.
    fn reaches(&mut self, later: &Later) -> bool {
        if later.distance > MOST_DISTANCE {
            return false;
        }
        let begin = match self.parsed {
            Some((sequence, begin)) if sequence == later.sequence => begin,
            _ => {
                let begin = self.parse(later).unwrap_or_else(|error| {
                    tracing::debug!(%error, "deep redundancy cannot be read");
                    0
                });
                self.parsed = Some((later.sequence, begin));
                begin
            }
        };
        later.distance <= begin
    }

    fn parse(&mut self, later: &Later) -> Result<usize, CodecError> {
        let redundancy = match self.redundancy.take() {
            Some(redundancy) => redundancy,
            None => Redundancy::new()?,
        };
        let redundancy = self.redundancy.insert(redundancy);
        redundancy.parse(&later.payload, later.distance + MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms;

    #[test]
    fn long_concealment_ends_in_silence_and_begins_anew() {
        let mut decoder = Decoder::new().unwrap();
        let mut concealer = Concealer::default();
        let mut last = vec![1.0; 960];
        for _ in 0..30 {
            assert_eq!(
                concealer.fill(&mut decoder, None, &mut last),
                Filled::Invented
            );
        }
        assert_eq!(rms(&last), 0.0);
        assert!(concealer.invented >= SILENT);
        concealer.end();
        assert_eq!(concealer.invented, 0);
    }

    #[test]
    fn packets_without_deep_redundancy_repair_nothing() {
        let mut decoder = Decoder::new().unwrap();
        let mut concealer = Concealer::default();
        for payload in [vec![], vec![0xff; 9], vec![0x78, 1, 2, 3]] {
            let later = Later {
                sequence: payload.len() as u64,
                distance: 960,
                payload,
            };
            let filled = concealer.fill(&mut decoder, Some(&later), &mut [0.0; 965]);
            assert_eq!(filled, Filled::Invented);
        }
    }
}
